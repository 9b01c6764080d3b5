# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Hashes of large files, kept between runs in the user's cache directory, so that packages are read once."""

from __future__ import annotations

import json
import os
import tempfile
import time
import typing as t
from contextlib import suppress

from ansible_collections.msdevices.provisioning.plugins.module_utils._image.scripts_tree import file_hashes

_VERSION = 1
_SMALLEST = 1024 * 1024
_MOST = 2000
_MAX_BYTES = 4 * 1024 * 1024
# Within the resolution of times, a file may change without a trace.
_SETTLED_SECONDS = 2
_NAMES = ("sha1", "sha256")


class HashCache:
    """Hashes of files as they are: each is known by its path, size, inode, and both times to the nanosecond.

    The time of the inode's change cannot be set, so that a file that was replaced or written to is read again.
    """

    def __init__(self) -> None:
        """Load what earlier runs have kept; what cannot be read is forgotten."""
        home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        self._path = os.path.join(home, "msdevices", "package-hashes.json") if os.path.isabs(home) else ""
        self._entries: dict[str, list[t.Any]] = {}
        self._changed = False
        with suppress(OSError, ValueError, KeyError, TypeError):
            with open(self._path, "rb") as file:
                content = json.loads(file.read(_MAX_BYTES))
            if content["version"] == _VERSION and isinstance(content["files"], dict):
                self._entries = content["files"]

    def hashes(self, path: str) -> list[str]:
        """Return SHA-1 and SHA-256 of a file, in lower-case hexadecimal. Raises OSError."""
        path = os.path.realpath(path)
        before = _facts(path)
        known = self._entries.get(path)
        if isinstance(known, list) and len(known) == len(before) + len(_NAMES) and known[: len(before)] == before:
            return [str(one) for one in known[len(before) :]]
        found = file_hashes(path, _NAMES)
        after = _facts(path)
        settled = time.time() - max(after[2], after[3]) / 1e9 > _SETTLED_SECONDS
        if before == after and settled and after[0] >= _SMALLEST:
            self._entries.pop(path, None)
            self._entries[path] = [*after, *found]
            self._changed = True
        return found

    def save(self) -> None:
        """Keep the hashes for later runs, where that is possible."""
        if not self._changed or not self._path:
            return
        entries = dict(list(self._entries.items())[-_MOST:])
        directory = os.path.dirname(self._path)
        with suppress(OSError):
            os.makedirs(directory, mode=0o700, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=directory)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"version": _VERSION, "files": entries}, file)
            os.replace(temporary, self._path)


def _facts(path: str) -> list[int]:
    found = os.stat(path)
    return [found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns]
