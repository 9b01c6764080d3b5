# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Files and programs of a Windows host, by stock modules of ansible.windows."""

from __future__ import annotations

import base64
import re
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass

from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError, ServicingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.nested_action import run_nested

_ABSOLUTE = re.compile(r"(?:[A-Za-z]:\\|\\\\[^\\?*]+\\[^\\]+).*")
_UNUSABLE = re.compile(r'["<>|?*%\x00-\x1f]')
_REMEDY = "Check the path and the permissions of the user on the host, then run again"


@dataclass(frozen=True)
class HostFile:
    """A file on the host."""

    path: str
    size: int
    modified: float
    """Seconds, as the host gives them."""

    @property
    def stamp(self) -> list[float]:
        """What changes when the file does."""
        return [self.size, self.modified]


@dataclass(frozen=True)
class ProgramResult:
    """What a program ended with."""

    status: int
    stdout: str
    stderr: str


class ProgramMissingError(ServicingError):
    """A program could not be started."""


def windows_path(option: str, path: str) -> str:
    """Return an absolute path in its one form, with backslashes and none at the end. Raises OptionError.

    Modules and DISM resolve relative paths, `~` and `%` differently, and a backslash before a quote changes the command
    line.
    """
    text = path.strip().replace("/", "\\")
    if not _ABSOLUTE.fullmatch(text) or _UNUSABLE.search(text):
        raise OptionError(
            f"Could not use the path {printable(path, 200)} in {option}",
            "it is not of the form C:\\directory\\file or \\\\server\\share\\file, or has a character that Windows does"
            " not take",
            "Write the path out, without variables and quotes",
        )
    stripped = text.rstrip("\\")
    return stripped + "\\" if stripped.endswith(":") else stripped


def split_path(path: str) -> tuple[str, str]:
    """Return directory and name of an absolute path."""
    directory, _separator, name = path.rpartition("\\")
    return (directory + "\\" if directory.endswith(":") else directory), name


def join_path(directory: str, *names: str) -> str:
    """Return a path below a directory."""
    return "\\".join([directory.rstrip("\\"), *names])


class WindowsHost:
    """The host of a task. What only looks runs in check mode, too. Methods raise ServicingError."""

    def __init__(self, action: ActionBase, task_vars: dict[str, t.Any]) -> None:
        self._action = action
        self._task_vars = task_vars
        self.check_mode = bool(action._task.check_mode)

    def note(self, text: str) -> None:
        """Show a line at -vv."""
        self._action._display.vv(f"<{self._action._play_context.remote_addr}> {text}")

    def _run(self, name: str, arguments: dict[str, t.Any], look: bool = True) -> dict[str, t.Any]:
        return run_nested(
            self._action, f"ansible.windows.{name}", arguments, self._task_vars, check_mode=False if look else None
        )

    def _module(self, name: str, attempted: str, look: bool = True, **arguments: t.Any) -> dict[str, t.Any]:
        result = self._run(name, arguments, look)
        if result.get("failed"):
            cause = f"ansible.windows.{name} failed: {printable(str(result.get('msg', 'no reason given')))}"
            raise ServicingError(attempted, cause, _REMEDY)
        return result

    def find(self, directories: Sequence[str], patterns: Sequence[str]) -> dict[str, HostFile]:
        """Return the files that lie directly in directories and whose name one of the regular expressions matches, by
        path in lower case. A directory that does not exist holds none."""
        found = self._module(
            "win_find",
            f"Could not look for files in {', '.join(directories)}",
            paths=list(directories),
            patterns=list(patterns),
            use_regex=True,
            hidden=True,
            get_checksum=False,
        )
        files = {}
        for item in found.get("files") or []:
            path = str(item["path"])
            files[path.lower()] = HostFile(path, int(item.get("size") or 0), float(item.get("lastwritetime") or 0))
        return files

    def stat(self, path: str) -> dict[str, t.Any]:
        """Return what win_stat says of a path, in which variables of the environment are expanded."""
        return dict(
            self._module("win_stat", f"Could not look at {path}", path=path, get_checksum=False, get_size=False)["stat"]
        )

    def stat_file(self, path: str) -> HostFile | None:
        """Return the file at a path, in which variables are expanded; `None` when there is none."""
        found = self._module("win_stat", f"Could not look at {path}", path=path, get_checksum=False)["stat"]
        if not found.get("exists") or found.get("isdir"):
            return None
        return HostFile(path, int(found.get("size") or 0), float(found.get("lastwritetime") or 0))

    def read(self, path: str) -> bytes:
        """Return the bytes of a file, whose size has to be known to be small."""
        return base64.b64decode(self._module("slurp", f"Could not read {path}", src=path)["content"])

    def write(self, directory: str, name: str, text: str) -> None:
        """Write a file, and create its directory. Does nothing in check mode."""
        attempted = f"Could not write {join_path(directory, name)}"
        self._module("win_file", attempted, look=False, path=directory, state="directory")
        self._module("win_copy", attempted, look=False, content=text, dest=join_path(directory, name))

    def make_directory(self, path: str) -> bool:
        """Create a directory, also in check mode. Returns whether it was missing."""
        return bool(self._module("win_file", f"Could not create {path}", path=path, state="directory").get("changed"))

    def touch(self, path: str) -> None:
        """Create an empty file, also in check mode."""
        self._module("win_file", f"Could not create {path}", path=path, state="touch")

    def remove(self, path: str) -> None:
        """Remove what this collection made, also in check mode."""
        self._module("win_file", f"Could not remove {path}", path=path, state="absent")

    def make_temporary_directory(self, parent: str) -> str:
        """Create a directory for temporary files, also in check mode, and return its path."""
        options: dict[str, t.Any] = {"state": "directory", "prefix": "msdevices"}
        if parent:
            options["path"] = parent
        made = self._module("win_tempfile", "Could not create a temporary directory", **options)
        return str(made["path"])

    def run_program(self, attempted: str, arguments: Sequence[str], encoding: str = "") -> ProgramResult:
        """Run a program, also in check mode, and return what it ended with, whatever its exit status."""
        options: dict[str, t.Any] = {"argv": list(arguments)}
        if encoding:
            options["output_encoding_override"] = encoding
        result = self._run("win_command", options)
        if result.get("failed") and "stdout" not in result:
            cause = f"{arguments[0]} could not be run: {printable(str(result.get('msg', 'no reason given')))}"
            remedy = "Check that the program is there, and the option that names it"
            raise ProgramMissingError(attempted, cause, remedy)
        return ProgramResult(
            int(result.get("rc") or 0), str(result.get("stdout") or ""), str(result.get("stderr") or "")
        )
