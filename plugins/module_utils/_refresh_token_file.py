# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The file in which the newest refresh token is kept: each exchange returns a new one, and the next run needs it.

Source: reference facts on sign-in (application and user).
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError

_REMEDY = "Check refresh_token_file and the permissions of its directory"


class RefreshTokenFile:
    """Reads and replaces the file. Use it within locked(), which keeps parallel runs from exchanging the same token."""

    def __init__(self, path: str) -> None:
        self._path = os.path.expanduser(path)

    @contextmanager
    def locked(self, seconds: float) -> Iterator[None]:
        """Hold the lock, a file beside the token's. Raises OptionError when it cannot be had within the time.

        It also finds out whether the new token can be kept, before the old one is spent.
        """
        attempted = f"Could not lock the refresh token file {self._path}"
        try:
            descriptor = os.open(self._path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise OptionError(attempted, str(exc.strerror), _REMEDY) from None
        try:
            end = time.monotonic() + seconds
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= end:
                        raise OptionError(
                            attempted, "another run has held it for too long", "Run again when the other has ended"
                        ) from None
                    time.sleep(0.05)
                except OSError as exc:
                    raise OptionError(attempted, str(exc.strerror), "Put the file on a disk with locks") from None
            yield
        finally:
            os.close(descriptor)

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
        if any(not char.isprintable() for char in token):
            raise OptionError(attempted, "it holds more than a token", _REMEDY)
        return token

    def replace(self, token: str) -> None:
        """Keep a new token, readable by its owner alone; the file holds the old or the new one at any moment.

        Raises OptionError.
        """
        temporary = ""
        try:
            descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(self._path) or ".", prefix=".refresh_token.")
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(token + "\n")
                stream.flush()
                # A token that was spent and a new one that is lost would lock the user out.
                os.fsync(stream.fileno())
            os.replace(temporary, self._path)
        except OSError as exc:
            if temporary:
                with suppress(OSError):
                    os.unlink(temporary)
            raise OptionError(
                f"Could not keep the new refresh token in {self._path}", str(exc.strerror), _REMEDY
            ) from None
