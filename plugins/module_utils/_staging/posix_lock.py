# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""A lock on a directory that other users cannot hold: standard library only."""

from __future__ import annotations

import os
import time
import typing as t
from contextlib import suppress

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import StagingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._file_lock import lock_file
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import TEMPORARY_PREFIX

_LOCK = TEMPORARY_PREFIX + "lock"
_LOCK_SECONDS = 60


class PosixLock:
    """A file that only this user can open, locked. It ends with the process, however that ends."""

    def __init__(self, directory: int, trusted: t.Collection[int], attempted: str) -> None:
        """Take the descriptor of the directory, the users who may hold the lock, and the attempt, for messages."""
        self._directory = directory
        self._trusted = trusted
        self._attempted = attempted
        self._descriptor: int | None = None

    def __enter__(self) -> None:
        """Wait for the lock. Raises StagingError."""
        self._descriptor = self._acquire()

    def __exit__(self, *_exception: object) -> None:
        """Remove the file, and end the lock."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.unlink(_LOCK, dir_fd=self._directory)
            os.close(self._descriptor)

    def _acquire(self) -> int | None:
        """Return the descriptor of the lock, or `None` where there can be none: each file is replaced at once even so.

        Raises StagingError when another run keeps it.
        """
        end = time.monotonic() + _LOCK_SECONDS
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        while True:
            try:
                descriptor = os.open(_LOCK, flags, 0o600, dir_fd=self._directory)
            except OSError:
                descriptor = None
            if descriptor is None or self._is_foreign(os.fstat(descriptor)):
                if descriptor is not None:
                    os.close(descriptor)
                if not self._remove_foreign() or time.monotonic() > end:
                    return None
                continue
            try:
                locked = lock_file(descriptor, end - time.monotonic())
            except OSError:
                # Some network file systems have no locks.
                return descriptor
            with suppress(OSError):
                there = os.stat(_LOCK, dir_fd=self._directory, follow_symlinks=False)
                if locked and os.path.samestat(there, os.fstat(descriptor)):
                    return descriptor
            # The run that had it has removed it, or has it still.
            os.close(descriptor)
            if not locked:
                raise StagingError(
                    self._attempted,
                    f"another run has been working there for {_LOCK_SECONDS} seconds",
                    "Run again when it has ended",
                )

    def _is_foreign(self, status: os.stat_result) -> bool:
        """Return whether other users can hold a lock."""
        return status.st_uid not in self._trusted or bool(status.st_mode & 0o077) or status.st_nlink > 1

    def _remove_foreign(self) -> bool:
        try:
            if self._is_foreign(os.stat(_LOCK, dir_fd=self._directory, follow_symlinks=False)):
                os.unlink(_LOCK, dir_fd=self._directory)
                return True
        except OSError:
            pass
        return False
