# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check that each source file that can carry a comment begins with the copyright and license lines."""

from __future__ import annotations

import sys

from results import ROOT
from source_tree import source_files

SUFFIXES = {".py", ".sh", ".yml", ".yaml", ".toml", ".cfg", ".ini"}
NAMES = {"Makefile", "run"}
# Written by antsibull-changelog, which keeps no comments.
GENERATED = {"changelogs/changelog.yaml"}
HEADER = [
    "# Copyright: (c) 2026, The msdevices.provisioning maintainers",
    "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
]
# A shebang, an encoding line and the start of a YAML document may stand above it.
LINES_ABOVE = 3


def main() -> int:
    """Print each file without the header; the exit status is 0 when there is none."""
    checked = 0
    missing = []
    for path in source_files():
        if (path.suffix not in SUFFIXES and path.name not in NAMES) or str(path) in GENERATED:
            continue
        checked += 1
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()[: LINES_ABOVE + len(HEADER)]
        if not any(lines[start : start + len(HEADER)] == HEADER for start in range(LINES_ABOVE + 1)):
            missing.append(path)
    for path in missing:
        print(f"{path}: the copyright and license lines are missing or not as in the other files")
    print(f"{checked} files checked")
    return 1 if missing or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
