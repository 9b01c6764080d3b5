# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The file in which the newest refresh token is kept: each exchange returns a new one, and the next run needs it.

Source: reference facts on sign-in (application and user).
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._file_lock import lock_file

_REMEDY = "Check refresh_token_file and the permissions of its directory"
# Refresh tokens of Entra have one to two thousand characters.
_ROOM_BYTES = 16 * 1024
# Nothing that could mean something in another file, such as a blank or a second line.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,60000}")


class RefreshTokenFile:
    """Reads and replaces the file. Use it within locked(), which keeps parallel runs from exchanging the same token."""

    def __init__(self, path: str) -> None:
        # A link stays a link to the file.
        self._path = os.path.realpath(os.path.expanduser(path))
        self._successor = ""

    @contextmanager
    def locked(self, seconds: float) -> Iterator[None]:
        """Hold the lock, a file beside the token's. Raises OptionError when it cannot be had within the time.

        It also makes room for the new token, so that a directory that cannot be written and a full disk are found out
        before the old token is spent.
        """
        attempted = f"Could not lock the refresh token file {self._path}"
        self._check_place()
        try:
            descriptor = os.open(self._path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise OptionError(attempted, str(exc.strerror), _REMEDY) from None
        try:
            try:
                locked = lock_file(descriptor, seconds)
            except OSError as exc:
                raise OptionError(attempted, str(exc.strerror), "Put the file on a disk with locks") from None
            if not locked:
                raise OptionError(
                    attempted, "another run has held it for too long", "Run again when the other has ended"
                )
            self._make_room()
            yield
        finally:
            self._remove_successor()
            os.close(descriptor)

    def _check_place(self) -> None:
        """Refuse a file that holds something else, and a new one where others could use it. Raises OptionError."""
        if self.read() or os.path.exists(self._path):
            return
        directory = os.path.dirname(self._path)
        try:
            found = os.stat(directory)
        except OSError as exc:
            raise self._not_kept(exc) from None
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise OptionError(
                f"Could not keep the new refresh token in {self._path}",
                f"there is no such file yet, and {directory} is not private",
                "Set refresh_token_file to a file in a directory of the user who runs Ansible with mode 0700, or create"
                f" the file first: install -m 0600 /dev/null {self._path}",
            )

    def _make_room(self) -> None:
        try:
            # It is readable by its owner alone.
            descriptor, self._successor = tempfile.mkstemp(dir=os.path.dirname(self._path), prefix=".refresh_token.")
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(b"\0" * _ROOM_BYTES)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as exc:
            self._remove_successor()
            raise self._not_kept(exc) from None

    def _remove_successor(self) -> None:
        if self._successor:
            with suppress(OSError):
                os.unlink(self._successor)
            self._successor = ""

    def _not_kept(self, problem: OSError) -> OptionError:
        return OptionError(f"Could not keep the new refresh token in {self._path}", str(problem.strerror), _REMEDY)

    def read(self) -> str:
        """Return the token that is kept, or an empty text when there is no file yet. Raises OptionError."""
        attempted = f"Could not read the refresh token file {self._path}"
        try:
            with open(self._path, encoding="utf-8") as stream:
                token = stream.read(64 * 1024).strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as exc:
            raise OptionError(attempted, getattr(exc, "strerror", None) or "it is no text", _REMEDY) from None
        if token and not _TOKEN.fullmatch(token):
            raise OptionError(attempted, "it holds something else than a token", _REMEDY)
        return token

    def replace(self, token: str) -> None:
        """Keep a new token; the file holds the old or the new one at any moment. Call it within locked().

        Raises OptionError, and SignInError for what is no token.
        """
        if not _TOKEN.fullmatch(token):
            raise SignInError(
                f"Could not keep the new refresh token in {self._path}",
                "the sign-in service sent something else than a token",
                "Check authority, and whether a proxy answers in the service's place",
            )
        try:
            with open(self._successor, "r+", encoding="utf-8") as stream:
                stream.write(token + "\n")
                stream.truncate()
                stream.flush()
                # A token that was spent and a new one that is lost would lock the user out.
                os.fsync(stream.fileno())
            os.replace(self._successor, self._path)
            self._successor = ""
        except OSError as exc:
            raise self._not_kept(exc) from None
        with suppress(OSError):
            directory = os.open(os.path.dirname(self._path), os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
