# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""A file on its way: its bytes are hashed while they are written, and a later run can go on where it ends."""

from __future__ import annotations

import hashlib
import os

_CHUNK = 1024 * 1024


class PartFile:
    """A partial file that is hashed while it grows. What is there already is hashed first."""

    def __init__(self, path: str, size: int) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._hash = hashlib.sha256()
        self.position = 0
        if os.fstat(self._descriptor).st_size > size:
            os.ftruncate(self._descriptor, 0)
        while block := os.read(self._descriptor, _CHUNK):
            self._hash.update(block)
            self.position += len(block)

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._descriptor)

    def append(self, data: bytes) -> None:
        """Write and hash. What a kill leaves is whole: bytes are written before they count."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._hash.update(data)
        self.position += len(data)

    def restart(self) -> None:
        """Begin anew."""
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._hash = hashlib.sha256()
        self.position = 0

    def sha256(self) -> str:
        """Return the checksum of what is there, in lower-case hexadecimal."""
        return self._hash.hexdigest()
