# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret and no license may show: what to look for, and where."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

from .harness import Lab

# Tokens of Entra and client assertions.
_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")


class Watch:
    """What must not show, and where it is looked for."""

    def __init__(self, lab: Lab, documents: list[bytes], **secrets: str) -> None:
        self._lab = lab
        self._texts = dict(secrets)
        for number, document in enumerate(documents):
            text = document.decode()
            start = text.index("<SPLicenseBlock>")
            self._texts[f"license {number}"] = text[start + 16 : start + 80]
            # The same bytes in base64 look different at each of three offsets.
            for offset in range(3):
                part = base64.b64encode(document[300 + offset : 360 + offset]).decode()
                self._texts[f"blob {number} at offset {offset}"] = part[4:-4]

    def findings(self, where: str, text: str) -> list[str]:
        """Say what shows in a text."""
        found = [f"{name} in {where}" for name, value in self._texts.items() if value in text]
        # In JSON, and in what prints Python objects, quotes and backslashes look different.
        found += [
            f"{name}, escaped, in {where}" for name, value in self._texts.items() if json.dumps(value)[1:-1] in text
        ]
        return found + [f"a token in {where}: {match[:20]}..." for match in _JWT.findall(text)[:1]]

    def files(self) -> list[str]:
        """Look into all files that a run may have left: those of the user, temporary ones, those of the hosts."""
        lab = self._lab
        places = [lab.home, lab.temporary, *(lab.stage(host).with_name("ansible") for host in lab.linux)]
        found = []
        for place in places:
            for path in files_below(place):
                found += self.findings(str(path), path.read_bytes().decode("latin-1"))
        return found


def files_below(place: Path) -> list[Path]:
    """All files below a directory."""
    return [path for path in place.rglob("*") if path.is_file()]
