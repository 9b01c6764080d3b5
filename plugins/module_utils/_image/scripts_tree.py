# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The directory of setup scripts in an image, wherever the image lies: the port, and what all its forms share."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ImageError
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.wim_header import ImageFacts
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import Moniker

SCRIPTS = ("Windows", "Setup", "Scripts")
_LOCK_SECONDS = 300
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Entry:
    """A file or a directory in the directory of scripts."""

    size: int
    sha1: str
    """In lower-case hexadecimal; empty for a directory."""
    spelled: str
    """Its name as it is spelled there, with that of the directories below the directory of scripts."""

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return not self.sha1


@dataclass
class Source:
    """The bytes of a file that is to lie in the image: in a file of the host, or in memory."""

    size: int
    sha1: str
    path: str = ""
    data: bytes = b""

    @classmethod
    def of_bytes(cls, data: bytes) -> Source:
        """Make the source of bytes that are in memory."""
        return cls(len(data), hashlib.sha1(data).hexdigest(), data=data)


class ScriptsTree(t.Protocol):
    r"""The directory `\Windows\Setup\Scripts` of one image.

    Names are relative to it, in lower case, with slashes. Every method raises ImageError.
    """

    place: str
    """What names it in messages."""
    parts: tuple[str, ...]
    """The directories that lead to it, and itself."""
    overhead: int
    """How many bytes a change may write beside the files that it adds."""
    facts: ImageFacts

    def locked(self) -> t.ContextManager[None]:
        """Keep other runs of ours from working on the same image."""

    def look(self, soon: Sequence[str] = ()) -> dict[str, Entry] | None:
        """Return what is in it, `None` when it does not exist. `soon` names what is likely to be read next."""

    def read(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the bytes of small files that exist in it."""

    def frameworks(self) -> list[Moniker]:
        """Return the packages that are staged in the image."""

    def missing_parent(self) -> str:
        """Return the topmost directory that is missing, of it and those above, when it does not exist."""

    def is_empty_but(self, parent: str, name: str) -> bool:
        """Return whether a directory above holds nothing but the entry of this name."""

    def free_bytes(self) -> int:
        """Return how much can be written to its file system."""

    def write(self, added: Mapping[str, Source], removed: Sequence[str]) -> None:
        """Add or replace files, in order, and remove files and whole directories, in order.

        A removed name that begins with a slash counts from the root of the image.
        """


@contextmanager
def directory_locked(directory: str, attempted: str) -> Iterator[int]:
    """Hold a lock on a directory; yield its descriptor. The lock ends with the last process that has it.

    wimlib locks the WIM file itself; two commands of ours, one after the other, need a lock around both.
    """
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as exc:
        raise ImageError(attempted, str(exc.strerror), "Check the path, its permissions, and become") from None
    try:
        end = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise ImageError(
                        attempted,
                        f"another run has been working in {directory} for {_LOCK_SECONDS} seconds",
                        "Run again when it has ended",
                    ) from None
                time.sleep(0.1)
            except OSError:
                # Some network file systems have no locks; wimlib then has none either.
                break
        yield descriptor
    finally:
        os.close(descriptor)


def file_hashes(path: str, names: Sequence[str]) -> list[str]:
    """Return hashes of a file, as lower-case hexadecimal text, by the names of the algorithms. Raises OSError."""
    if len(names) == 1:
        return [_file_hash(path, names[0])]
    # Python computes hashes in as many threads as there are.
    with ThreadPoolExecutor(len(names)) as executor:
        return list(executor.map(lambda name: _file_hash(path, name), names))


def _file_hash(path: str, name: str) -> str:
    computed = hashlib.new(name)
    with open(path, "rb") as file:
        while True:
            data = file.read(_CHUNK)
            if not data:
                return computed.hexdigest()
            computed.update(data)
