# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A delivery for tests of what stages licenses: into a directory of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.posix import PosixStaging
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.delivery import Staged


class Directory:
    """Stages by what runs on POSIX hosts. Stands for AnsibleModule too, as far as it decides on nothing here: file
    attributes are left alone, a warning fails the test."""

    def __init__(self, path: Path, prune: bool = False, check_mode: bool = False) -> None:
        self.path = path
        self.check_mode = check_mode
        self.params: dict[str, Any] = dict.fromkeys(("mode", "owner", "group"))
        self.calls = 0
        self._prune = prune

    def stage(self, requests: Sequence[LicenseRequest]) -> Staged:
        self.calls += 1
        staging = PosixStaging(self, str(self.path), "xml")  # type: ignore[arg-type]
        results = staging.stage(requests, self._prune)
        return Staged(results, staging.changed, staging.pruned, staging.diff)

    def warn(self, text: str) -> None:
        raise AssertionError(text)

    def _same(self, _path: str, _value: Any, changed: bool) -> bool:
        return changed

    set_mode_if_different = set_owner_if_different = set_group_if_different = _same

    @property
    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.path.glob("*.xml")}
