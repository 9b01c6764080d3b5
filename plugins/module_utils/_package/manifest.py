# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What a package or a bundle says of itself, read from its manifest, without Windows.

A package (`.msix`, `.appx`) is a ZIP file with `AppxManifest.xml`. A bundle is one with
`AppxMetadata/AppxBundleManifest.xml` and the packages, stored. Only manifests are read, never a whole package.
"""

from __future__ import annotations

import io
import os
import typing as t
import zipfile
import zlib
from dataclasses import dataclass
from urllib.parse import unquote

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    EncryptedPackageError,
    PackageError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.family_name import publisher_id
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.manifest_xml import (
    AppManifest,
    BundleManifest,
    Dependency,
    DeviceFamily,
    parse_app_manifest,
    parse_bundle_manifest,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import Moniker, Version

__all__ = [
    "AppManifest",
    "BundleManifest",
    "Dependency",
    "DeviceFamily",
    "Package",
    "parse_app_manifest",
    "parse_bundle_manifest",
    "read_package",
]

SUFFIXES = (".msix", ".msixbundle", ".appx", ".appxbundle")
ENCRYPTED_SUFFIXES = (".emsix", ".emsixbundle", ".eappx", ".eappxbundle")
APP_MANIFEST = "AppxManifest.xml"
BUNDLE_MANIFEST = "AppxMetadata/AppxBundleManifest.xml"
_STUB = "appxmetadata/stub/"
_ENCRYPTED_MAGIC = (b"EXPH", b"EXBH")
# Bundles with hundreds of packages have manifests of some 100 KB.
MAX_MANIFEST = 8 * 1024 * 1024
_MAX_INNER_PACKAGES = 200


@dataclass(frozen=True)
class Package:
    """A package file: its identity, and what it needs."""

    path: str
    kind: str
    """`app` (a single package) or `bundle`."""
    name: str
    publisher: str
    version: Version
    architectures: tuple[str, ...]
    """Of a bundle those of its application packages, sorted."""
    resource_ids: tuple[str, ...]
    """Of a bundle those of all its packages, sorted; empty ones are left out."""
    dependencies: tuple[Dependency, ...]
    """Of a bundle those of all its application packages. Of one that several name, the largest least version."""
    device_families: tuple[DeviceFamily, ...]
    """Of a bundle those of all its application packages. Of one that several name, the smallest least version."""
    is_framework: bool
    """Whether other packages depend on it; such a package needs no license."""
    has_stub: bool
    """Whether the bundle holds stub packages, so that it can be provisioned as a stub."""

    @property
    def moniker(self) -> Moniker:
        """The package's full name."""
        if self.kind == "bundle":
            return Moniker(self.name, self.version, "neutral", "~", publisher_id(self.publisher))
        resource_id = "".join(self.resource_ids)
        return Moniker(self.name, self.version, self.architectures[0], resource_id, publisher_id(self.publisher))

    @property
    def family_name(self) -> str:
        """The package family name."""
        return self.moniker.family_name


def read_package(path: str) -> Package:
    """Read the manifests of the package or bundle in a file.

    Raises PackageError when the file cannot be read or is none, EncryptedPackageError when it is an encrypted one.
    """
    attempted = f"Could not read the package {path}"
    try:
        with open(path, "rb") as file:
            try:
                return _read(file, path, attempted)
            except zipfile.BadZipFile:
                raise _no_zip(file, path, attempted) from None
    except OSError as exc:
        raise PackageError(attempted, exc.strerror or type(exc).__name__, "Check the path and its permissions") from exc


def _read(file: t.BinaryIO, path: str, attempted: str) -> Package:
    outer = _Archive(file, attempted)
    bundle_bytes = outer.read(BUNDLE_MANIFEST)
    if bundle_bytes is not None:
        bundle = _within(attempted, "", parse_bundle_manifest, bundle_bytes)
        return _of_bundle(bundle, _inner_manifests(outer, bundle, attempted), outer.has_stub(), path)
    app_bytes = outer.read(APP_MANIFEST)
    if app_bytes is None:
        raise PackageError(
            attempted,
            f"it is a ZIP file without {APP_MANIFEST} and without {BUNDLE_MANIFEST}",
            "Name a file with one of the suffixes " + ", ".join(SUFFIXES) + " that is a package",
        )
    app = _within(attempted, "", parse_app_manifest, app_bytes)
    return Package(
        path=path,
        kind="app",
        name=app.name,
        publisher=app.publisher,
        version=app.version,
        architectures=(app.architecture,),
        resource_ids=(app.resource_id,) if app.resource_id else (),
        dependencies=app.dependencies,
        device_families=app.device_families,
        is_framework=app.is_framework,
        has_stub=False,
    )


def _inner_manifests(outer: _Archive, bundle: BundleManifest, attempted: str) -> list[AppManifest]:
    manifests = []
    if len(bundle.applications) > _MAX_INNER_PACKAGES:
        raise PackageError(attempted, f"it lists more than {_MAX_INNER_PACKAGES} application packages, and is not read")
    for bundled in bundle.applications:
        inner = outer.open_archive(bundled.file_name)
        data = None if inner is None else inner.read(APP_MANIFEST)
        if data is None:
            raise PackageError(
                attempted,
                f"its manifest lists {bundled.file_name}, and no such package is in it",
                "Fetch the bundle again. A bundle that is split over several files cannot be provisioned",
            )
        manifests.append(_within(attempted, bundled.file_name, parse_app_manifest, data))
    return manifests


def _of_bundle(bundle: BundleManifest, apps: t.Sequence[AppManifest], has_stub: bool, path: str) -> Package:
    dependencies: dict[tuple[str, str], Dependency] = {}
    families: dict[str, DeviceFamily] = {}
    for app in apps:
        for dependency in app.dependencies:
            key = (dependency.name.lower(), dependency.publisher)
            if key not in dependencies or dependencies[key].min_version < dependency.min_version:
                dependencies[key] = dependency
        for family in app.device_families:
            known = families.get(family.name.lower())
            if known is None or family.min_version < known.min_version:
                families[family.name.lower()] = family
    return Package(
        path=path,
        kind="bundle",
        name=bundle.name,
        publisher=bundle.publisher,
        version=bundle.version,
        architectures=tuple(sorted({bundled.architecture for bundled in bundle.applications})),
        resource_ids=tuple(sorted({bundled.resource_id for bundled in bundle.packages if bundled.resource_id})),
        dependencies=tuple(dependencies.values()),
        device_families=tuple(families.values()),
        is_framework=any(app.is_framework for app in apps),
        has_stub=has_stub,
    )


_T = t.TypeVar("_T")


def _within(attempted: str, inner_name: str, parse: t.Callable[[bytes], _T], data: bytes) -> _T:
    """Return what `parse` makes of the data; let its errors name the package and the package in it."""
    try:
        return parse(data)
    except PackageError as exc:
        cause = f"in {inner_name}, {exc.cause}" if inner_name else exc.cause
        raise PackageError(attempted, cause, exc.remedy) from None


def _no_zip(file: t.BinaryIO, path: str, attempted: str) -> PackageError:
    file.seek(0)
    start = file.read(4)
    if start in _ENCRYPTED_MAGIC or path.lower().endswith(ENCRYPTED_SUFFIXES):
        return _encrypted(attempted)
    if not start:
        return PackageError(attempted, "it is empty", "Fetch it again")
    return PackageError(attempted, "it is no ZIP file, or it is cut off", "Fetch it again, and compare its SHA-256")


def _encrypted(attempted: str) -> EncryptedPackageError:
    return EncryptedPackageError(
        attempted,
        "it is encrypted, so what is in it cannot be read, and no image can be serviced with it",
        "Take the package of the same app that is not encrypted, with one of the suffixes " + ", ".join(SUFFIXES),
    )


class _Archive:
    """A ZIP file in an open file, or in one that is stored in it."""

    def __init__(self, file: t.IO[bytes], attempted: str) -> None:
        """Read the directory of the ZIP file. Raises zipfile.BadZipFile when it is none."""
        self._file = file
        self._attempted = attempted
        try:
            self._zip = zipfile.ZipFile(file)
        except (NotImplementedError, ValueError, UnicodeDecodeError, OverflowError) as exc:
            raise zipfile.BadZipFile(str(exc)) from None
        # Names in packages are those of URLs, with %20 for a space; manifests have backslashes.
        self._entries = {_entry_key(unquote(info.filename)): info for info in self._zip.infolist()}

    def has_stub(self) -> bool:
        return any(name.startswith(_STUB) for name in self._entries)

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a manifest, `None` when there is no such entry. Raises PackageError."""
        info = self._entries.get(_entry_key(name))
        if info is None:
            return None
        self._refuse_encrypted(info)
        try:
            with self._zip.open(info) as entry:
                data = entry.read(MAX_MANIFEST + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError):
            raise PackageError(
                self._attempted, f"{name} in it is damaged", "Fetch it again, and compare its SHA-256"
            ) from None
        if len(data) > MAX_MANIFEST:
            raise PackageError(self._attempted, f"{name} in it is larger than {MAX_MANIFEST} bytes, and is not read")
        return data

    def open_archive(self, name: str) -> _Archive | None:
        """Return the ZIP file that is stored as an entry, `None` when there is no such entry. Raises PackageError."""
        info = self._entries.get(_entry_key(name))
        if info is None:
            return None
        self._refuse_encrypted(info)
        try:
            if info.compress_type == zipfile.ZIP_STORED:
                # zipfile would read, and check, all that is before the directory at the end.
                return _Archive(_Window.on_entry(self._file, info), self._attempted)
            return _Archive(self._zip.open(info), self._attempted)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError):
            raise PackageError(
                self._attempted, f"the package {name} in it is damaged", "Fetch it again, and compare its SHA-256"
            ) from None

    def _refuse_encrypted(self, info: zipfile.ZipInfo) -> None:
        if info.flag_bits & 0x1:
            raise _encrypted(self._attempted)


def _entry_key(name: str) -> str:
    return name.replace("\\", "/").lower()


class _Window(io.RawIOBase):
    """A part of an open file, as a file that can be read and seeked."""

    def __init__(self, file: t.IO[bytes], start: int, size: int) -> None:
        super().__init__()
        self._file = file
        self._start = start
        self._size = size
        self._position = 0

    @classmethod
    def on_entry(cls, file: t.IO[bytes], info: zipfile.ZipInfo) -> t.IO[bytes]:
        """Return the bytes of an entry that is stored, not compressed. Raises zipfile.BadZipFile."""
        file.seek(info.header_offset)
        header = file.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise zipfile.BadZipFile("no local header")
        lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        return t.cast("t.IO[bytes]", cls(file, info.header_offset + 30 + lengths, info.file_size))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(22, "Invalid argument")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: t.Any) -> int:
        wanted = max(0, min(len(buffer), self._size - self._position))
        self._file.seek(self._start + self._position)
        data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
