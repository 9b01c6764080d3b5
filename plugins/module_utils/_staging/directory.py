# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The port through which files are staged: a directory on a host, with four verbs.

POSIX hosts implement it by descriptors (posix.py, on the host), Windows hosts by modules of ansible.windows
(plugin_utils/_hosts/windows.py, on the controller). Everything else about staging is the same for both (stager.py).
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import StagingError

if t.TYPE_CHECKING:
    import os
    from contextlib import AbstractContextManager

    Content = t.Union[bytes, "os.PathLike[str]", None]
    """Bytes; or a file, on the machine that runs the Stager, that is moved or sent as a stream, whatever its size; or
    `None` for a file that stays as it is and only gets its mode, owner and group."""


class Problem(t.NamedTuple):
    """Why something could not be done, and what to do about it: parts of a sentence without a final period."""

    cause: str
    remedy: str


NOT_A_FILE = Problem("is not a file that can be read", "Remove it, or set another filename")


class MissingDirectoryError(StagingError):
    """The directory does not exist, or cannot be told from one that does not exist."""


@dataclass(frozen=True)
class FoundFile:
    """What lies in the place of a file."""

    size: int = 0
    """In bytes."""
    sha256: str = ""
    """In lower-case hexadecimal digits; empty unless it is a regular file that could be read."""
    blocked: Problem | None = None
    """Why it can be neither read nor replaced; the cause follows the path ("is a directory")."""
    distrusted: str = ""
    """Why it does not count as staged, whatever it holds: a link, or another user's file. It may be replaced."""
    is_file: bool = True
    """Whether it is a file, if one that cannot be read just now; else a directory, a pipe or a device."""
    attributes_differ: bool = False
    """Whether mode, owner or group are not those that were set as options."""


class Directory(t.Protocol):
    """A directory on a host. Names are relative, with `/` before the name of a file in a subdirectory."""

    ignores_case: bool
    """Whether names that differ in case alone are one file."""
    warnings: list[str]
    """What the user should know; whoever makes the report takes them."""

    def path(self, name: str = "") -> str:
        """Return the path of a file, or that of the directory, as the host writes it."""

    def list(self, names: Iterable[str], checksums: bool = True) -> dict[str, FoundFile]:
        """Return what lies in the places of these names, by name. Nothing else is looked at, hashed or counted.

        A `*` in a name stands for any characters; such files are returned by their own names. Raises StagingError
        when the directory cannot be used, and MissingDirectoryError when it is not there.
        """

    def read(self, name: str, limit: int) -> bytes:
        """Return the bytes of a file. Raises StagingError, also when it has more bytes than the limit."""

    def replace(self, contents: Mapping[str, Content]) -> dict[str, Problem]:
        """Put files in place, in this order; return what went wrong by name. Missing subdirectories are created."""

    def remove(self, names: Iterable[str]) -> dict[str, Problem]:
        """Remove files; return what went wrong by name. A file that is not there is no problem."""

    def lock(self) -> AbstractContextManager[None]:
        """Keep other runs from changing the directory meanwhile, where the host has locks. Raises StagingError."""
