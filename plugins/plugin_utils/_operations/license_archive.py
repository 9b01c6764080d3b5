# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Keeps every license that was fetched in a directory on the controller, and finds licenses there before any service is
asked.

Files are found by what is in them: XML, or XML in base64. Those that are kept here have the default name of a license,
so that they are found without a look at the others.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    OptionError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import (
    MAX_BYTES,
    LicenseDocument,
    check,
    from_blob,
    parse,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import default_filename
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache, Entry

_MAX_FILES = 20_000
# Base64 takes a third more than the license, and line breaks.
_MAX_FILE_BYTES = 2 * MAX_BYTES


class LicenseArchive:
    """A directory of license files."""

    def __init__(self, directory: str, cache: Cache) -> None:
        """Take the directory, which is made when the first license is kept, and where to keep the index of a run."""
        self._directory = os.path.abspath(os.path.expanduser(directory))
        self._cache = cache
        self.warnings: list[str] = []
        """What could not be kept, and why."""

    def find(self, keys: Sequence[LicenseKey]) -> dict[LicenseKey, LicenseDocument]:
        """Return the licenses that are here. Raises OptionError when the directory cannot be read."""
        found = {key: document for key in keys if (document := self._read_license(_name(key), key))}
        missing = [key for key in keys if key not in found]
        index = self._index() if missing else {}
        for key in missing:
            # The newest first: a service may issue a license anew.
            for name in index.get(_index_key(key.product_id, key.content_id), ()):
                document = self._read_license(name, key)
                if document:
                    found[key] = document
                    break
        return found

    def keep(self, key: LicenseKey, document: LicenseDocument) -> None:
        """Write a license to a file that its owner alone may read, unless the same one is there. Raises nothing: what
        cannot be kept is a warning."""
        name = _name(key)
        there = self._read_license(name, key)
        if there is not None and there.data == document.data:
            return
        try:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            self._write(name, document.data)
        except OSError as exc:
            self.warnings.append(
                f"Could not keep the license {key} in the archive {self._directory}: {exc.strerror}. It is staged;"
                " check the directory's space and permissions, so that it is also there when the service is gone."
            )

    def _write(self, name: str, data: bytes) -> None:
        descriptor, path = tempfile.mkstemp(dir=self._directory, prefix=".license.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(path, os.path.join(self._directory, name))
        except BaseException:
            with suppress(OSError):
                os.unlink(path)
            raise

    def _read_license(self, name: str, key: LicenseKey) -> LicenseDocument | None:
        document = self._read(name)
        try:
            if document is not None:
                check(document, key.product_id, key.content_id)
        except LicenseDocumentError:
            return None
        return document

    def _read(self, name: str) -> LicenseDocument | None:
        """Return the license in a file, or `None` for anything else."""
        try:
            with open(os.path.join(self._directory, name), "rb") as stream:
                data = stream.read(_MAX_FILE_BYTES + 1)
        except OSError:
            return None
        if len(data) > _MAX_FILE_BYTES:
            return None
        with suppress(LicenseDocumentError):
            return parse(data)
        with suppress(LicenseDocumentError, UnicodeDecodeError):
            return from_blob(data.decode("ascii"))
        return None

    def _index(self) -> dict[str, list[str]]:
        """Return names of files by the ids in them. It is made once in a run, unless the directory changes."""
        try:
            changed = os.stat(self._directory).st_mtime_ns
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise self._unreadable(exc) from None
        entry = self._cache.get_or_create(f"archive {self._directory} {changed}", self._make_index)
        return dict(entry["names"])

    def _make_index(self) -> Entry:
        dated: dict[str, list[tuple[str, str]]] = {}
        for name in self._names():
            document = self._read(name)
            if document is not None:
                ids = _index_key(document.product_id, document.content_id)
                dated.setdefault(ids, []).append((document.issued_date, name))
        return {"names": {ids: [name for _date, name in sorted(names, reverse=True)] for ids, names in dated.items()}}

    def _names(self) -> Iterator[str]:
        """Yield the files of the directory and of those below it, by their path from it."""

        def failed(problem: OSError) -> None:
            raise self._unreadable(problem)

        count = 0
        for place, _directories, names in os.walk(self._directory, onerror=failed):
            for name in sorted(names):
                count += 1
                if count > _MAX_FILES:
                    raise OptionError(
                        f"Could not use the archive {self._directory}",
                        f"it holds more than {_MAX_FILES} files",
                        "Set archive to a directory that holds licenses only",
                    )
                yield os.path.relpath(os.path.join(place, name), self._directory)

    def _unreadable(self, problem: OSError) -> OptionError:
        return OptionError(
            f"Could not read the archive {self._directory}",
            str(problem.strerror),
            "Set archive to a directory on the controller that the user who runs Ansible may read",
        )


def _name(key: LicenseKey) -> str:
    # One name for a license, however its ids are written.
    return default_filename(LicenseKey(key.product_id.upper(), key.sku_id, key.content_id.lower()), "xml")


def _index_key(product_id: str, content_id: str) -> str:
    return f"{product_id.strip().lower()}/{content_id.strip().strip('{}').lower()}"
