# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small Windows-like file tree of one host, kept in a directory of the controller."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import paths
from .paths import WindowsPath

HOME = "C:\\Users\\ansible"
TEMP = HOME + "\\AppData\\Local\\Temp"
VARIABLES = {
    "ALLUSERSPROFILE": "C:\\ProgramData",
    "ComSpec": "C:\\Windows\\System32\\cmd.exe",
    "APPDATA": HOME + "\\AppData\\Roaming",
    "LOCALAPPDATA": HOME + "\\AppData\\Local",
    "ProgramData": "C:\\ProgramData",
    "ProgramFiles": "C:\\Program Files",
    "PUBLIC": "C:\\Users\\Public",
    "SystemDrive": "C:",
    "SystemRoot": "C:\\Windows",
    "TEMP": TEMP,
    "TMP": TEMP,
    "USERNAME": "ansible",
    "USERPROFILE": HOME,
    "windir": "C:\\Windows",
}
_ALWAYS_THERE = ("C:\\Windows", "C:\\ProgramData", "C:\\Program Files", TEMP)
_ATTRIBUTES = ".attributes.json"
_LINKS = ".links.json"
_KNOWN_ATTRIBUTES = ("ReadOnly", "Hidden", "System")


class WindowsFailure(Exception):
    """What Windows would answer to an operation on a file; the text is the message."""


class WindowsFilesystem:
    """The drives and shares of one host.

    ``C:\\stage\\x`` lies in ``<top>/C/stage/x``, ``\\\\server\\share\\x`` in ``<top>/UNC/server/share/x``. Names keep
    their case and are found in any case. A drive or share exists when its directory does; every host has ``C:``.

    :param top: the host's directory; created with the usual directories of a Windows system.
    :param denied: tells whether the host refuses to write at a path.
    :param room: tells how many bytes there are for a file at a path, or None when that does not matter.
    :param limited: tells whether a file is ``locked`` (another program has it open without sharing), a path is
        ``concealed`` (the user has no permission, so that it looks missing) or a directory is ``unlistable`` (what lies
        in it can be reached by name alone).
    """

    def __init__(
        self,
        top: Path,
        denied: Callable[[WindowsPath], bool] = lambda path: False,
        room: Callable[[WindowsPath], int | None] = lambda path: None,
        limited: Callable[[str, WindowsPath], bool] = lambda kind, path: False,
    ) -> None:
        self.top = top
        self._denied = denied
        self._room = room
        self._limited = limited
        for directory in _ALWAYS_THERE:
            self._below_top(self.parse(directory)).mkdir(parents=True, exist_ok=True)
        shell = self._below_top(self.parse(VARIABLES["ComSpec"]))
        if not shell.exists():
            shell.parent.mkdir(exist_ok=True)
            shell.write_bytes(b"MZ")

    # Names

    def parse(self, text: str) -> WindowsPath:
        """:raises BadWindowsPath: see :func:`paths.parse`."""
        return paths.parse(text, HOME)

    def expand(self, text: str) -> str:
        """Expand the environment variables of the host in ``text``."""
        return paths.expand(text, VARIABLES)

    @staticmethod
    def _anchor_names(path: WindowsPath) -> list[str]:
        if path.anchor.endswith(":"):
            return [path.anchor[0]]
        return ["UNC", *path.anchor.lstrip("\\").split("\\")]

    def _below_top(self, path: WindowsPath) -> Path:
        return self.top.joinpath(*self._anchor_names(path), *path.parts)

    def local(self, path: WindowsPath) -> Path | None:
        """Where an existing file or directory lies on the controller; None when there is none."""
        if self._limited("concealed", path):
            return None
        here = self.top
        for name in [*self._anchor_names(path), *path.parts]:
            exact = here / name
            if not exact.exists():
                try:
                    found = [entry for entry in os.listdir(here) if entry.casefold() == name.casefold()]
                except (FileNotFoundError, NotADirectoryError):
                    return None
                if not found:
                    return None
                exact = here / found[0]
            here = exact
        return here

    # Questions

    def exists(self, path: WindowsPath) -> bool:
        return self.local(path) is not None

    def is_dir(self, path: WindowsPath) -> bool:
        local = self.local(path)
        return local is not None and local.is_dir()

    def is_file(self, path: WindowsPath) -> bool:
        local = self.local(path)
        return local is not None and local.is_file()

    def _existing(self, path: WindowsPath) -> Path:
        local = self.local(path)
        if local is None:
            raise WindowsFailure(f"Could not find a part of the path '{path}'.")
        return local

    def stat(self, path: WindowsPath) -> os.stat_result:
        """:raises WindowsFailure: when there is nothing."""
        return self._existing(path).stat()

    def read(self, path: WindowsPath) -> bytes:
        """What a file holds; that of its target when it is a link.

        :raises WindowsFailure: when there is nothing, or another program has it open.
        """
        self.check_shared(path)
        return self._existing(self.target(path)).read_bytes()

    def check_shared(self, path: WindowsPath) -> None:
        """:raises WindowsFailure: when another program has the file open."""
        if self._limited("locked", path):
            raise WindowsFailure(
                f"The process cannot access the file '{path}' because it is being used by another process."
            )

    def children(self, path: WindowsPath) -> Iterator[WindowsPath]:
        """What lies directly in a directory, in any order; nothing when the user may not list it."""
        if self._limited("unlistable", path):
            return
        for name in sorted(os.listdir(self._existing(path))):
            child = WindowsPath(path.anchor, (*path.parts, name))
            # As with access-based enumeration.
            if not self._limited("concealed", child):
                yield child

    def walk(self, path: WindowsPath) -> Iterator[WindowsPath]:
        """All that lies below a directory."""
        for child in self.children(path):
            yield child
            if self.is_dir(child):
                yield from self.walk(child)

    def anchors(self) -> list[WindowsPath]:
        """The roots of all drives and shares."""
        found = [WindowsPath(f"{entry.name}:", ()) for entry in self.top.iterdir() if len(entry.name) == 1]
        shares = (self.top / "UNC").glob("*/*")
        found += [WindowsPath(f"\\\\{share.parent.name}\\{share.name}", ()) for share in shares]
        return sorted(found, key=str)

    # Changes

    def _check_writable(self, path: WindowsPath) -> None:
        if self._denied(path):
            raise WindowsFailure(f"Access to the path '{path}' is denied.")

    def make_root(self, path: WindowsPath) -> None:
        """Add the drive or share of a path to the host."""
        self._below_top(WindowsPath(path.anchor, ())).mkdir(parents=True, exist_ok=True)

    def make_directory(self, path: WindowsPath) -> None:
        """Create a directory and those above it.

        :raises WindowsFailure: when the drive or share does not exist, or a file is in the way.
        """
        root = WindowsPath(path.anchor, ())
        if not self.exists(root):
            if path.anchor.endswith(":"):
                raise WindowsFailure(f"Cannot find drive. A drive with the name '{path.anchor[0]}' does not exist.")
            raise WindowsFailure("The network path was not found.")
        here = root
        for name in path.parts:
            here = here.child(name)
            if self.is_file(here):
                raise WindowsFailure(f"An item with the specified name {here} already exists.")
            if not self.is_dir(here):
                self._check_writable(here)
                (self._existing(here.parent or root) / name).mkdir()

    def write(self, path: WindowsPath, data: bytes, *, force: bool = False) -> None:
        """Create or replace a file; an existing one keeps the case of its name.

        :param force: also replace a file that is marked read-only or hidden.
        :raises WindowsFailure: when the directory does not exist, access is denied, or the disk is full: as much as
            there is room for is written then.
        """
        self.check_shared(path)
        path = self.target(path)
        self._check_writable(path)
        parent = path.parent
        local = self.local(path)
        if parent is None or (local is not None and local.is_dir()):
            raise WindowsFailure(f"Access to the path '{path}' is denied.")
        if local is None:
            directory = self.local(parent)
            if directory is None or not directory.is_dir():
                raise WindowsFailure(f"Could not find a part of the path '{path}'.")
            local = directory / path.name
        elif not force and self.marks(path):
            raise WindowsFailure(f"Access to the path '{path}' is denied.")
        room = self._room(path)
        if room is not None and len(data) > room:
            local.write_bytes(data[: max(0, room)])
            raise WindowsFailure("There is not enough space on the disk.")
        local.write_bytes(data)

    def remove(self, path: WindowsPath) -> None:
        """Delete a file, or a directory with all that is in it; of a link, the link itself."""
        self._check_writable(path)
        self.check_shared(path)
        local = self._existing(path)
        if local.is_dir():
            for below in self.walk(path):
                self._check_writable(below)
            shutil.rmtree(local)
        else:
            local.unlink()
        for name in (_ATTRIBUTES, _LINKS):
            self._save(name, {key: value for key, value in self._load(name).items() if not self._is_below(key, path)})

    def touch(self, path: WindowsPath, *, written: float | None, accessed: float | None) -> None:
        """Set the times of a file or directory (seconds since the epoch); None keeps one."""
        self._check_writable(path)
        local = self._existing(path)
        now = local.stat()
        os.utime(local, (now.st_atime if accessed is None else accessed, now.st_mtime if written is None else written))

    # Attributes

    @staticmethod
    def _is_below(key: str, path: WindowsPath) -> bool:
        return key == path.key or key.startswith(path.key.rstrip("\\") + "\\")

    def _load(self, name: str) -> dict[str, Any]:
        try:
            stored: dict[str, Any] = json.loads((self.top / name).read_text("utf-8"))
            return stored
        except FileNotFoundError:
            return {}

    def _save(self, name: str, facts: dict[str, Any]) -> None:
        file = self.top / name
        if facts or file.exists():
            file.write_text(json.dumps(facts), "utf-8")

    def marks(self, path: WindowsPath) -> list[str]:
        """The attributes of ReadOnly, Hidden and System that are set."""
        marks: list[str] = self._load(_ATTRIBUTES).get(path.key, [])
        return marks

    def set_marks(self, path: WindowsPath, marks: set[str]) -> None:
        """Set exactly these of the attributes ReadOnly, Hidden and System."""
        unknown = marks.difference(_KNOWN_ATTRIBUTES)
        if unknown:
            raise ValueError(f"unknown attributes {sorted(unknown)}")
        self._existing(path)
        stored = self._load(_ATTRIBUTES)
        stored[path.key] = [name for name in _KNOWN_ATTRIBUTES if name in marks]
        self._save(_ATTRIBUTES, stored)

    def attributes(self, path: WindowsPath) -> str:
        """The attributes as .NET prints them, for example ``Hidden, Archive``."""
        return ", ".join([*self.marks(path), "Directory" if self.is_dir(path) else "Archive"])

    # Links and other reparse points

    def set_link(self, path: WindowsPath, target: WindowsPath | None, tag: int | None = None) -> None:
        """Make a symbolic link to a target, or give a file that exists another kind of reparse point by its tag."""
        if target is not None:
            (self._existing(path.parent or path) / path.name).write_bytes(b"")
        stored = self._load(_LINKS)
        stored[path.key] = {"target": None if target is None else str(target), "tag": tag}
        self._save(_LINKS, stored)

    def link(self, path: WindowsPath) -> dict[str, Any] | None:
        """``target`` and ``tag`` of a reparse point; None when it is none."""
        found: dict[str, Any] | None = self._load(_LINKS).get(path.key)
        return found

    def target(self, path: WindowsPath) -> WindowsPath:
        """Where a path leads to: itself unless it is a symbolic link."""
        link = self.link(path)
        return path if link is None or link["target"] is None else self.parse(link["target"])
