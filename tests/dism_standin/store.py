# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages, the provisioned apps of a Windows root, image files and mounts, all kept as files of the host.

An image file is JSON here: its indexes with name, architecture, version, provisioned apps and the files of the image.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from windows_standin.filesystem import WindowsFailure, WindowsFilesystem
from windows_standin.paths import WindowsPath

_DATABASE = ("Windows", "System32", "config", "provisioned.json")
_MOUNTS = "C:\\Windows\\System32\\config\\dism_mounts.json"
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ENCRYPTED = (".eappx", ".eappxbundle", ".emsix", ".emsixbundle")
_RUNS = {
    "x64": {"x64", "x86", "neutral"},
    "x86": {"x86", "neutral"},
    "arm64": {"arm64", "arm", "x64", "x86", "neutral"},
    "arm": {"arm", "neutral"},
}


@dataclass(frozen=True)
class PackageFile:
    """What DISM reads of a package file."""

    name: str
    version: str
    publisher_id: str
    architectures: frozenset[str]
    bundle: bool

    @property
    def family(self) -> str:
        """The package family name."""
        return f"{self.name}_{self.publisher_id}"

    def full_name(self, architecture: str) -> str:
        """The package full name."""
        middle = "neutral_~" if self.bundle else f"{architecture}_"
        return f"{self.name}_{self.version}_{middle}_{self.publisher_id}"

    def fits(self, architecture: str) -> bool:
        """Whether Windows of this architecture takes it."""
        return bool(self.architectures & _RUNS[architecture])


def read_package(data: bytes) -> PackageFile:
    """:raises ValueError: when the bytes are no package."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            bundle = "AppxMetadata/AppxBundleManifest.xml" in names
            root = ElementTree.fromstring(
                archive.read("AppxMetadata/AppxBundleManifest.xml" if bundle else "AppxManifest.xml")
            )
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError) as error:
        raise ValueError(str(error)) from error
    identity = next(element for element in root.iter() if element.tag.endswith("}Identity"))
    architectures = {identity.get("ProcessorArchitecture", "neutral")}
    if bundle:
        architectures = {
            element.get("Architecture", "neutral")
            for element in root.iter()
            if element.tag.endswith("}Package") and element.get("Type") == "application"
        }
    number = int.from_bytes(hashlib.sha256(identity.get("Publisher", "").encode("utf-16-le")).digest()[:8], "big") << 1
    return PackageFile(
        identity.get("Name", ""),
        identity.get("Version", ""),
        "".join(_ALPHABET[number >> shift & 31] for shift in range(60, -1, -5)),
        frozenset(architectures),
        bundle,
    )


def version_key(text: str) -> tuple[int, ...]:
    """A version as numbers."""
    return tuple(int(part) for part in re.findall(r"\d+", text))


class Root:
    """A Windows root: the running system, a mounted or an applied image.

    Each app is a dict: ``name version architecture resource_id full_name family regions``, and ``passed``: how it was
    added, with license, dependencies and the rest, for a look by tests.
    """

    def __init__(self, files: WindowsFilesystem, root: WindowsPath, defaults: dict[str, Any] | None = None) -> None:
        self._files = files
        self._path = root
        for name in _DATABASE:
            self._path = self._path.child(name)
        self.state: dict[str, Any] = {"apps": [], **(defaults or {})}
        if files.is_file(self._path):
            self.state.update(json.loads(files.read(self._path)))

    @property
    def apps(self) -> list[dict[str, Any]]:
        """The provisioned apps."""
        return self.state["apps"]

    def save(self) -> None:
        """Write the apps down."""
        parent = self._path.parent
        assert parent is not None
        self._files.make_directory(parent)
        self._files.write(self._path, json.dumps(self.state, indent=1).encode(), force=True)


class Images:
    """The image files and mounts of a host."""

    def __init__(self, files: WindowsFilesystem) -> None:
        self._files = files
        self._mounts_path = files.parse(_MOUNTS)

    def indexes(self, path: WindowsPath) -> list[dict[str, Any]]:
        """:raises ValueError: when the file is no image file."""
        content = json.loads(self._files.read(path))
        if not isinstance(content, dict) or "indexes" not in content:
            raise ValueError("no image file")
        return list(content["indexes"])

    def save_index(self, path: WindowsPath, number: int, index: dict[str, Any]) -> None:
        """Write one index of an image file."""
        content = json.loads(self._files.read(path))
        content["indexes"][number - 1] = index
        self._files.write(path, json.dumps(content).encode(), force=True)

    def mounts(self) -> list[dict[str, Any]]:
        """The mounts: ``dir file index read_only status``."""
        if not self._files.is_file(self._mounts_path):
            return []
        return list(json.loads(self._files.read(self._mounts_path)))

    def save_mounts(self, mounts: list[dict[str, Any]]) -> None:
        """Write the mounts down."""
        parent = self._mounts_path.parent
        assert parent is not None
        self._files.make_directory(parent)
        self._files.write(self._mounts_path, json.dumps(mounts).encode(), force=True)

    def unpack(self, index: dict[str, Any], directory: WindowsPath) -> None:
        """Let the files of an index stand in a directory."""
        for name, content in index["files"].items():
            target = self._files.parse(f"{directory}\\{name}")
            assert target.parent is not None
            self._files.make_directory(target.parent)
            self._files.write(target, base64.b64decode(content), force=True)
        root = Root(self._files, directory)
        root.state = {name: value for name, value in index.items() if name != "files"}
        root.save()

    def pack(self, index: dict[str, Any], directory: WindowsPath) -> dict[str, Any]:
        """The index with what is in a directory now."""
        top = len(str(directory)) + 1
        database = "\\".join(_DATABASE)
        found = {
            str(path)[top:]: base64.b64encode(self._files.read(path)).decode("ascii")
            for path in self._files.walk(directory)
            if self._files.is_file(path) and str(path)[top:] != database
        }
        return {**index, **Root(self._files, directory).state, "files": found}

    def clear(self, directory: WindowsPath) -> None:
        """Empty a mount folder."""
        for child in list(self._files.children(directory)):
            self._files.remove(child)


def exists(files: WindowsFilesystem, path: WindowsPath) -> int:
    """0 when there is such a file, else the code of Windows for it: 2, or 3 when its directory is missing."""
    if files.is_file(path):
        return 0
    try:
        return 2 if path.parent is not None and files.is_dir(path.parent) else 3
    except WindowsFailure:
        return 3
