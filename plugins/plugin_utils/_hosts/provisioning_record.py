# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What was provisioned, kept on the host: DISM does not tell which license, or which stub choice, is in place.

A record lies in each image (and in the running system). That of the host holds besides what was read of packages,
licenses and image files, by path, size and time, so that an unchanged run need not read them again.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ServicingError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows_host import WindowsHost, join_path

NAME = ".ms_provisioned_app.json"
_FOLDER = ("Setup", "Scripts", "msdevices")
_MAX_BYTES = 8 * 1024 * 1024
_MAX_ENTRIES = 1000
_VERSION = 1
_Entry = t.Dict[str, t.Any]  # noqa: UP006 - evaluated at run time


class ProvisioningRecord:
    """The record of one Windows root. What a newer collection wrote in it is kept.

    `apps`: by family name in lower case `version regions license_content_id license_instance_id stub`. `files`: what
    was read of a file, by kind and path in lower case, with its `stamp`.
    """

    def __init__(self, host: WindowsHost, root: str = "") -> None:
        """Read the record of an image, or of the running system when `root` is empty. Raises ServicingError."""
        self._host = host
        self._directory = join_path(join_path(root, "Windows") if root else "%WINDIR%", *_FOLDER)
        self._data: _Entry = {}
        self.warning = ""
        path = join_path(self._directory, NAME)
        found = host.stat(path)
        if found.get("exists"):
            try:
                if found.get("isdir") or found.get("islnk") or int(found.get("size") or 0) > _MAX_BYTES:
                    raise ValueError("it is no file of ours")
                self._data = _checked(json.loads(host.read(path)))
            except (ValueError, RecursionError):
                self.warning = f"Ignoring {path}, which is no record of provisioned apps. It is written anew."
        self._before = json.dumps(self._data, sort_keys=True)

    @property
    def apps(self) -> dict[str, _Entry]:
        """What was provisioned, by family name in lower case."""
        return t.cast("dict[str, _Entry]", self._data.setdefault("apps", {}))

    def known(self, kind: str, path: str, stamp: t.Sequence[float]) -> _Entry | None:
        """Return what was read of a file, when it has not changed since."""
        entry = self._data.get(kind, {}).get(path.lower())
        return entry if isinstance(entry, dict) and entry.get("stamp") == list(stamp) else None

    def remember(self, kind: str, path: str, stamp: t.Sequence[float], entry: _Entry) -> None:
        """Keep what was read of a file."""
        entries = self._data.setdefault(kind, {})
        entries.pop(path.lower(), None)
        while len(entries) >= _MAX_ENTRIES:
            del entries[next(iter(entries))]
        entries[path.lower()] = {"stamp": list(stamp), **entry}

    def save(self) -> str:
        """Write the record when it changed; not in check mode. Returns a warning when that is not possible."""
        self._data["version"] = _VERSION
        if self._host.check_mode or json.dumps(self._data, sort_keys=True) == self._before:
            return ""
        try:
            self._host.write(self._directory, NAME, json.dumps(self._data, indent=1) + "\n")
        except ServicingError as exc:
            return f"What was provisioned could not be recorded, so a changed license will not be noticed. {exc}"
        self._before = json.dumps(self._data, sort_keys=True)
        return ""


def _checked(data: t.Any) -> _Entry:
    """Return the data when it has the form of a record. Raises ValueError."""
    if not isinstance(data, dict):
        raise ValueError("no object")
    for name, entries in data.items():
        if name != "version" and not (
            isinstance(entries, dict) and all(isinstance(entry, dict) for entry in entries.values())
        ):
            raise ValueError("no entries")
    return data
