# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A managed host of which only one directory matters."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from unit.support import ModuleProcess, Run


class Host:
    """Runs the module on this machine, with its directory for licenses in ``dest``."""

    def __init__(self, directory: Path) -> None:
        self.dest = directory / "stage"
        self.dest.mkdir()
        self._outputs = directory / "outputs"
        self._outputs.mkdir()
        self._count = 0

    def start(
        self, *items: dict[str, Any], check_mode: bool = False, diff: bool = False, **options: Any
    ) -> ModuleProcess:
        """Start a run of the module with these licenses."""
        from unit.support import ModuleProcess

        self._count += 1
        arguments = {"licenses": list(items), "dest": str(self.dest), **options}
        arguments = {name: value for name, value in arguments.items() if value is not None}
        return ModuleProcess(self._outputs / str(self._count), arguments, check_mode, diff)

    def run(self, *items: dict[str, Any], check_mode: bool = False, diff: bool = False, **options: Any) -> Run:
        """Run the module with these licenses."""
        return self.start(*items, check_mode=check_mode, diff=diff, **options).wait()

    def path(self, name: str) -> Path:
        """A file of the directory."""
        return self.dest / name

    @property
    def manifest(self) -> Path:
        """The manifest."""
        return self.path(".ms_offline_license.json")

    @property
    def names(self) -> set[str]:
        """The names in the directory, but for the manifest's."""
        return {path.name for path in self.dest.iterdir()} - {self.manifest.name}

    def snapshot(self) -> dict[str, tuple[Any, ...]]:
        """Everything about the directory and what is in it, to see whether anything was touched."""
        found: dict[str, tuple[Any, ...]] = {}
        for path in [self.dest, *self.dest.iterdir()]:
            facts = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(facts.st_mode) else None
            target = os.readlink(path) if stat.S_ISLNK(facts.st_mode) else None
            found[path.name] = (facts.st_ino, facts.st_mode, facts.st_uid, facts.st_mtime_ns, content, target)
        return found


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host with an empty directory for licenses."""
    return Host(tmp_path)
