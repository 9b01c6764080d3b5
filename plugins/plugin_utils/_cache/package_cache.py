# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The package cache: files by their SHA-256 in a directory of the controller, for forks, runs and jobs together.

A file of the cache is whole, or has the suffix `.part` and is resumed. Locks (flock) end with their holder, however
that ends.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import stat
import time
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError

_ENTRY = re.compile(r"([0-9a-f]{64})(\.part)?")
_CHUNK = 1024 * 1024
_PAUSE = 0.1


class PackageCache:
    """Keeps files up to a size altogether. May be used by several threads and processes at once."""

    def __init__(self, directory: str, max_bytes: int) -> None:
        """Take the directory, which is made when something is kept, and the bound in bytes."""
        self._directory = directory
        self._max_bytes = max_bytes

    def has(self, sha256: str, size: int) -> bool:
        """Return whether a file is there, by its size."""
        return _size(self._path(sha256)) == size

    @contextmanager
    def file(
        self, sha256: str, size: int, fetch: Callable[[str], None] | None, is_sound: Callable[[], bool]
    ) -> Iterator[str]:
        """Give the path of a file, which stays there until the end of the block.

        `fetch` completes the partial file of the path that it is called with; it is called by one at a time, whoever
        wants the same. Without it the file has to be there. `is_sound` returns whether a file that is there already
        has its SHA-256. Raises what `fetch` raises, and ProvisioningError when the directory cannot be used.
        """
        with self._usable():
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            lock = self._hold(sha256, size, fetch, is_sound)
        try:
            path = self._path(sha256)
            with suppress(OSError):
                os.utime(path)
            yield path
        finally:
            os.close(lock)

    def _hold(self, sha256: str, size: int, fetch: Callable[[str], None] | None, is_sound: Callable[[], bool]) -> int:
        """Return the descriptor of a shared lock on a file that is there.

        Nobody waits for an exclusive lock: two who hold other files that both want would wait for each other for good.
        """
        while True:
            lock = self._lock(sha256, fcntl.LOCK_SH)
            if lock >= 0 and self.has(sha256, size) and is_sound():
                return lock
            if lock >= 0:
                os.close(lock)
            lock = self._lock(sha256, fcntl.LOCK_EX)
            if lock < 0:
                # Somebody else fetches it; a blocking call could not be interrupted in a thread.
                time.sleep(_PAUSE)
                continue
            try:
                if not (self.has(sha256, size) and is_sound()):
                    self._create(sha256, size, fetch)
            except BaseException:
                os.close(lock)
                raise
            # From here on others may read it, too.
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_SH)
            return lock

    def is_whole(self, sha256: str) -> bool:
        """Read a file, and return whether it has its SHA-256."""
        digest = hashlib.sha256()
        try:
            with open(self._path(sha256), "rb", buffering=0) as stream:
                while block := stream.read(_CHUNK):
                    digest.update(block)
        except OSError:
            return False
        return digest.hexdigest() == sha256

    def _create(self, sha256: str, size: int, fetch: Callable[[str], None] | None) -> None:
        path = self._path(sha256)
        if fetch is None:
            raise ProvisioningError(
                f"Could not take a package from the package cache {self._directory}",
                f"the file {sha256} is not there",
                "Fill the cache where the services can be reached, and carry it over",
            )
        part = f"{path}.part"
        self._make_room(size - max(0, _size(part)), sha256)
        with self._usable():
            # What has the name, and not the size, is damaged.
            with suppress(FileNotFoundError):
                os.unlink(path)
            fetch(part)
            os.replace(part, path)

    def _make_room(self, needed: int, sha256: str) -> None:
        """Remove what was used least recently, and nobody uses, until there is room."""
        found = sorted(self._entries())
        total = sum(size for _time, size, _name in found)
        for _time, size, name in found:
            if total + needed <= self._max_bytes:
                return
            if name != sha256 and self._remove(name):
                total -= size

    def _entries(self) -> Iterator[tuple[float, int, str]]:
        """Yield when a file was last used, its size, and its SHA-256. Files of others do not count."""
        with suppress(OSError), os.scandir(self._directory) as found:
            for entry in found:
                match = _ENTRY.fullmatch(entry.name)
                with suppress(OSError):
                    about = entry.stat(follow_symlinks=False)
                    if match and stat.S_ISREG(about.st_mode):
                        yield about.st_mtime, about.st_size, match[1]

    def _remove(self, sha256: str) -> bool:
        """Remove a file with its partial one; return false when somebody uses it."""
        with suppress(OSError):
            lock = self._lock(sha256, fcntl.LOCK_EX)
            if lock < 0:
                return False
            try:
                for name in (sha256, f"{sha256}.part", f"{sha256}.lock"):
                    with suppress(FileNotFoundError):
                        os.unlink(os.path.join(self._directory, name))
                return True
            finally:
                os.close(lock)
        return False

    def _lock(self, sha256: str, kind: int) -> int:
        """Lock a file's name, and return the descriptor that holds the lock, or -1 when somebody else has it."""
        path = self._path(sha256) + ".lock"
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                if os.fstat(descriptor).st_ino == os.stat(path).st_ino:
                    return descriptor
            except BlockingIOError:
                os.close(descriptor)
                return -1
            except FileNotFoundError:
                # Somebody has removed the file, and its lock with it.
                pass
            except OSError:
                # Some network file systems have no locks.
                return descriptor
            os.close(descriptor)

    def _path(self, sha256: str) -> str:
        return os.path.join(self._directory, sha256)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
            raise ProvisioningError(
                f"Could not use the package cache {self._directory}",
                exc.strerror or type(exc).__name__,
                "Free some space there, or set package_cache to another directory on the controller"
                if full
                else "Check its permissions, or set package_cache to another directory on the controller",
            ) from None


def bytes_of(text: t.Any) -> int:
    """Return the bytes that a size such as `20G` means. Raises ValueError."""
    match = re.fullmatch(r"\s*(\d{1,12})\s*([kmgt]?)(?:i?b)?\s*", str(text), re.IGNORECASE)
    if match is None:
        raise ValueError(f"{text} is not a size")
    power = " kmgt".index(match[2].lower() or " ")
    return int(match[1]) * int(1024**power)


def _size(path: str) -> int:
    """Return the size of a regular file, or -1."""
    try:
        about = os.lstat(path)
    except OSError:
        return -1
    return about.st_size if stat.S_ISREG(about.st_mode) else -1
