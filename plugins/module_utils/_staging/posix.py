# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""A directory of the POSIX host on which this runs (see Directory): standard library only.

Everything happens by descriptors of files and directories that were opened without following links and then judged,
never by a path that was judged before: whoever else can write there cannot lead this to another file.
"""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import os
import pwd
import secrets
import stat
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import StagingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import TEMPORARY_PREFIX
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.attributes import Attributes
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.directory import (
    NOT_A_FILE,
    FoundFile,
    MissingDirectoryError,
    Problem,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.posix_lock import PosixLock

if t.TYPE_CHECKING:
    from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.directory import Content

_SUFFIX = ".tmp"
_MAX_LINKS = 40
_CHUNK = 1024 * 1024
# Directories above dest may be entered by more users than may list them.
_ENTER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_REMEDY = "Check free space, permissions and become, then run again"


class PosixDirectory:
    """See Directory. Files and the manifest count only when they belong to root, to this user, or to `owner`."""

    ignores_case = False

    def __init__(self, path: str, attributes: Attributes, things: str = "licenses") -> None:
        """Take the path, what files get, and what they are, for messages."""
        self._path = path
        self._attributes = attributes
        self._attempted = f"Could not stage {things} in {path}"
        self._trusted = {0, os.geteuid()} | ({attributes.uid} if attributes.uid is not None else set())
        self._top: int | None = None
        self._checksums: dict[tuple[int, ...], str] = {}
        self.warnings: list[str] = []

    # The four verbs

    def path(self, name: str = "") -> str:
        """See Directory."""
        return os.path.join(self._path, name) if name else self._path

    def list(self, names: Iterable[str], checksums: bool = True) -> dict[str, FoundFile]:
        """See Directory."""
        self._open()
        found: dict[str, FoundFile | None] = {}
        for name in names:
            for one in self._matching(name) if "*" in name else [name]:
                if one not in found:
                    found[one] = self._examine(one, checksums)
        return {name: one for name, one in found.items() if one is not None}

    def read(self, name: str, limit: int) -> bytes:
        """See Directory."""
        try:
            with self._folder(name) as (folder, last):
                data = _read(os.open(last, _READ, dir_fd=folder), limit + 1)
        except OSError as exc:
            raise StagingError(f"Could not read {self.path(name)}", _said(exc), _REMEDY) from None
        if len(data) > limit:
            raise StagingError(f"Could not read {self.path(name)}", f"it has more than {limit} bytes", "Remove it")
        return data

    def replace(self, contents: Mapping[str, Content]) -> dict[str, Problem]:
        """See Directory. A file is the old or the new one at any moment."""
        problems = {}
        for name, content in contents.items():
            try:
                with self._folder(name, create=True) as (folder, last):
                    if content is None:
                        self._set_attributes(folder, last)
                    else:
                        self._write(folder, last, content)
            except OSError as exc:
                problems[name] = self._problem(exc)
        return problems

    def remove(self, names: Iterable[str]) -> dict[str, Problem]:
        """See Directory."""
        problems = {}
        for name in names:
            try:
                with self._folder(name) as (folder, last):
                    os.unlink(last, dir_fd=folder)
            except FileNotFoundError:
                pass
            except OSError as exc:
                problems[name] = self._problem(exc)
        return problems

    @contextmanager
    def lock(self) -> Iterator[None]:
        """See Directory."""
        with PosixLock(self._open(), self._trusted, self._attempted):
            self._remove_leftovers()
            yield

    # What they are made of

    def _open(self) -> int:
        """Open the directory. A link on the way counts only when it belongs to root or to this user."""
        if self._top is not None:
            return self._top
        here = os.open("/", _ENTER)
        names = [name for name in os.path.abspath(self._path).split("/") if name]
        links = 0
        try:
            while names:
                name = names.pop(0)
                status = os.stat(name, dir_fd=here, follow_symlinks=False)
                if not stat.S_ISLNK(status.st_mode):
                    below = os.open(name, _ENTER, dir_fd=here)
                    os.close(here)
                    here = below
                    continue
                links += 1
                self._check_link(name, status, links)
                target = os.readlink(name, dir_fd=here)
                names = [part for part in target.split("/") if part not in ("", ".")] + names
                if target.startswith("/"):
                    os.close(here)
                    here = os.open("/", _ENTER)
        except OSError as exc:
            os.close(here)
            raise self._unusable(exc) from None
        except StagingError:
            os.close(here)
            raise
        self._top = here
        self._warn_of_others(os.fstat(here))
        return here

    def _check_link(self, name: str, status: os.stat_result, links: int) -> None:
        if links > _MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if status.st_uid not in self._trusted:
            raise StagingError(
                self._attempted,
                f"{name!r} in that path is a symbolic link of another user, {_user(status.st_uid)}",
                "Write out where it leads to, if that is what you mean",
            )

    def _unusable(self, exc: OSError) -> StagingError:
        if exc.errno in (errno.ENOTDIR, errno.ELOOP) or (exc.errno == errno.ENOENT and os.path.lexists(self._path)):
            return StagingError(self._attempted, "dest is not a directory", "Set dest to a directory")
        if exc.errno == errno.ENOENT:
            return MissingDirectoryError(
                self._attempted,
                "dest does not exist",
                "Create it first, with ansible.builtin.file or with a role of this collection",
            )
        return StagingError(self._attempted, _said(exc), "Check its permissions, and become")

    def _warn_of_others(self, status: os.stat_result) -> None:
        own_groups = {0, os.getegid(), self._attributes.gid}
        if status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and status.st_gid not in own_groups):
            who = "other users"
        elif status.st_uid not in self._trusted:
            who = f"its owner, {_user(status.st_uid)},"
        else:
            return
        self.warnings.append(
            f"{who[0].upper()}{who[1:]} can write to {self._path}, and can remove or replace what is staged there."
            " Stage in a directory that only trusted users can write to."
        )

    @contextmanager
    def _folder(self, name: str, create: bool = False) -> Iterator[tuple[int, str]]:
        """Open the directory in which a file lies; give it and the file's own name. Raises OSError."""
        here = os.dup(self._open())
        *above, last = name.split("/")
        try:
            for part in above:
                if create:
                    self._make_folder(here, part)
                below = os.open(part, _LIST, dir_fd=here)
                os.close(here)
                here = below
            yield here, last
        finally:
            os.close(here)

    def _make_folder(self, here: int, name: str) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=here)
        except FileExistsError:
            return
        descriptor = os.open(name, _LIST, dir_fd=here)
        try:
            self._attributes.apply(descriptor)
        finally:
            os.close(descriptor)

    def _matching(self, name: str) -> t.Sequence[str]:
        try:
            with self._folder(name) as (folder, last):
                folder = os.open(".", _LIST, dir_fd=folder)
                try:
                    found = fnmatch.filter(os.listdir(folder), last.replace("[", "[[]"))
                finally:
                    os.close(folder)
        except OSError:
            return []
        return sorted(name[: len(name) - len(last)] + one for one in found)

    def _examine(self, name: str, checksums: bool) -> FoundFile | None:
        try:
            with self._folder(name) as (folder, last):
                status = os.stat(last, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISLNK(status.st_mode):
                    return FoundFile(distrusted="is a symbolic link")
                if not stat.S_ISREG(status.st_mode):
                    return FoundFile(blocked=NOT_A_FILE, is_file=False)
                descriptor = os.open(last, _READ, dir_fd=folder)
                try:
                    return self._judge(descriptor, checksums)
                finally:
                    os.close(descriptor)
        except FileNotFoundError:
            return None
        except PermissionError as exc:
            remedy = "Set become, or run as the user who staged it"
            return FoundFile(blocked=Problem(f"cannot be read: {_said(exc)}", remedy))
        except OSError:
            return FoundFile(blocked=NOT_A_FILE)

    def _judge(self, descriptor: int, checksums: bool) -> FoundFile:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return FoundFile(blocked=NOT_A_FILE)
        distrusted = ""
        if status.st_uid not in self._trusted:
            distrusted = f"belongs to another user, {_user(status.st_uid)}"
        elif status.st_nlink > 1:
            distrusted = "has another name elsewhere (a hard link)"
        checksum = self._checksum(descriptor, status) if checksums and not distrusted else ""
        return FoundFile(
            status.st_size, checksum, distrusted=distrusted, attributes_differ=self._attributes.differ(status)
        )

    def _checksum(self, descriptor: int, status: os.stat_result) -> str:
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if key not in self._checksums:
            digest = hashlib.sha256()
            for chunk in iter(lambda: os.read(descriptor, _CHUNK), b""):
                digest.update(chunk)
            self._checksums[key] = digest.hexdigest()
        return self._checksums[key]

    def _set_attributes(self, folder: int, name: str) -> None:
        descriptor = os.open(name, _READ, dir_fd=folder)
        try:
            found = self._judge(descriptor, checksums=False)
            if found.blocked is not None or found.distrusted:
                raise OSError(errno.EPERM, "another user replaced it meanwhile")
            self._attributes.apply(descriptor)
        finally:
            os.close(descriptor)

    def _write(self, folder: int, name: str, content: bytes | os.PathLike[str]) -> None:
        if not isinstance(content, bytes) and self._move(folder, name, content):
            return
        temporary = f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        descriptor = os.open(temporary, _CREATE, 0o600, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                if isinstance(content, bytes):
                    stream.write(content)
                else:
                    with open(content, "rb") as source:
                        for chunk in iter(lambda: source.read(_CHUNK), b""):
                            stream.write(chunk)
                stream.flush()
                self._attributes.apply(stream.fileno())
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(temporary, dir_fd=folder)
            raise

    def _move(self, folder: int, name: str, source: os.PathLike[str]) -> bool:
        """Move a file of this user into place; return `False` when it lies on another file system."""
        descriptor = os.open(source, _READ)
        try:
            if os.fstat(descriptor).st_dev != os.fstat(folder).st_dev:
                return False
            self._attributes.apply(descriptor)
            try:
                os.replace(source, name, dst_dir_fd=folder)
            except OSError as exc:
                # Two mounts of one file system.
                if exc.errno == errno.EXDEV:
                    return False
                raise
            return True
        finally:
            os.close(descriptor)

    def _problem(self, exc: OSError) -> Problem:
        if isinstance(exc, PermissionError) and exc.errno == errno.EPERM and self._attributes.uid is not None:
            remedy = "Only root may give files to another user: set become, or leave out owner and group"
            return Problem(f"owner and group could not be set: {_said(exc)}", remedy)
        return Problem(_said(exc), "Remove it" if exc.errno == errno.EISDIR else _REMEDY)

    def _remove_leftovers(self) -> None:
        """Remove temporary files that a killed run left behind."""
        for name in self._matching(f"{TEMPORARY_PREFIX}*{_SUFFIX}"):
            with suppress(OSError):
                os.unlink(name, dir_fd=self._top)


def _said(exc: OSError) -> str:
    return str(exc.strerror or exc)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _read(descriptor: int, size: int) -> bytes:
    """Return at most so many bytes of an open file, and close it."""
    with open(descriptor, "rb") as stream:
        return stream.read(size)
