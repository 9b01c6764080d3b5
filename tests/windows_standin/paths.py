# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Windows path names: reading, normalizing and the names that Windows refuses."""

from __future__ import annotations

import ntpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

# File names: at most 259 characters with drive and separators, for programs without long path support.
MAX_FILE_PATH = 259

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICES = re.compile(r"con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]", re.IGNORECASE)
_VARIABLE = re.compile(r"%([^%]+)%")


class BadWindowsPath(ValueError):
    """A path that Windows would not take; the text says why."""


@dataclass(frozen=True)
class WindowsPath:
    """An absolute path: ``anchor`` is ``C:`` or ``\\\\server\\share``, ``parts`` the names below it."""

    anchor: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return self.anchor + "\\" + "\\".join(self.parts)

    @property
    def name(self) -> str:
        """The last name; empty for the root of a drive or share."""
        return self.parts[-1] if self.parts else ""

    @property
    def extension(self) -> str:
        """The extension as .NET has it: from the last dot, empty without one."""
        dot = self.name.rfind(".")
        return self.name[dot:] if dot >= 0 else ""

    @property
    def parent(self) -> WindowsPath | None:
        """The directory above; None for the root of a drive or share."""
        return WindowsPath(self.anchor, self.parts[:-1]) if self.parts else None

    @property
    def key(self) -> str:
        """What two spellings of one path have in common."""
        return str(self).casefold()

    def child(self, name: str) -> WindowsPath:
        """The path of ``name`` in this directory.

        :raises BadWindowsPath: when Windows forbids the name.
        """
        check_name(name)
        return _short_enough(WindowsPath(self.anchor, (*self.parts, name)))

    def is_below(self, other: WindowsPath) -> bool:
        """Whether this is ``other`` or lies in it."""
        mine = (self.anchor.casefold(), *tuple(part.casefold() for part in self.parts))
        top = (other.anchor.casefold(), *tuple(part.casefold() for part in other.parts))
        return mine[: len(top)] == top


def check_name(name: str) -> None:
    """Refuse a name that a Windows program cannot give to a file, or that Windows would silently change.

    :raises BadWindowsPath: with the reason.
    """
    if not name or _FORBIDDEN.search(name):
        raise BadWindowsPath(f"Illegal characters in path: {name!r}")
    if name[-1] in ". ":
        raise BadWindowsPath(f"Windows strips the trailing dot or space of the name {name!r}")
    if _DEVICES.fullmatch(name.split(".", 1)[0].rstrip()):
        raise BadWindowsPath(f"{name!r} is the name of a device, not of a file")


def _short_enough(path: WindowsPath) -> WindowsPath:
    if len(str(path)) > MAX_FILE_PATH:
        raise BadWindowsPath(
            "The specified path, file name, or both are too long. The fully qualified file name must be less than "
            f"260 characters: {path}"
        )
    return path


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Expand ``%NAME%`` as Windows does: names in any case, unknown ones stay as they are."""
    folded = {name.casefold(): value for name, value in variables.items()}
    return _VARIABLE.sub(lambda match: folded.get(match.group(1).casefold(), match.group(0)), text)


def parse(text: str, cwd: str) -> WindowsPath:
    """Read a path, absolute or relative to ``cwd``; both separators, ``.`` and ``..``, the prefix ``\\\\?\\``.

    :raises BadWindowsPath: for forbidden or reserved names and for paths that are too long.
    """
    if not text.strip():
        raise BadWindowsPath("The path is empty")
    text = text.replace("/", "\\")
    if text.startswith("\\\\?\\UNC\\"):
        text = "\\\\" + text[8:]
    elif text.startswith("\\\\?\\"):
        text = text[4:]
        if not re.match(r"[A-Za-z]:\\", text):
            raise BadWindowsPath(f"Only drives and shares are known, not {text!r}")
    # Python before 3.12 takes it for a path of the current drive.
    if text.startswith("\\\\") and not re.match(r"\\\\[^\\]+\\[^\\]", text):
        raise BadWindowsPath(f"No drive and no share in the path {text!r}")
    drive, rest = ntpath.splitdrive(ntpath.normpath(ntpath.join(cwd, text)))
    if re.fullmatch(r"[A-Za-z]:", drive):
        anchor = drive[0].upper() + ":"
    else:
        anchor = drive.rstrip("\\")
        names = anchor.lstrip("\\").split("\\")
        if not anchor.startswith("\\\\") or len(names) != 2:
            raise BadWindowsPath(f"No drive and no share in the path {text!r}")
        for name in names:
            check_name(name)
    parts = tuple(part for part in rest.split("\\") if part)
    for part in parts:
        check_name(part)
    return _short_enough(WindowsPath(anchor, parts))
