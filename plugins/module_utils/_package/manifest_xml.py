# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The manifests of packages and bundles: bytes to facts.

What comes in may be hostile, and is checked: values end in file names and scripts.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import PackageError
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import (
    ARCHITECTURES,
    Version,
    parse_version,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.module_utils._xml import Element, XmlError, read_elements

_NAME = re.compile(r"[A-Za-z0-9.-]{1,255}")
_ATTEMPT = "Could not read the manifest"


@dataclass(frozen=True)
class Dependency:
    """Another package that a package needs to start."""

    name: str
    min_version: Version
    publisher: str
    """The publisher's text; empty when the manifest has none."""


@dataclass(frozen=True)
class DeviceFamily:
    """A kind of Windows that a package is for, such as `Windows.Desktop`."""

    name: str
    min_version: Version


@dataclass(frozen=True)
class AppManifest:
    """What `AppxManifest.xml` says."""

    name: str
    publisher: str
    version: Version
    architecture: str
    resource_id: str
    dependencies: tuple[Dependency, ...]
    device_families: tuple[DeviceFamily, ...]
    is_framework: bool


@dataclass(frozen=True)
class BundledPackage:
    """A package that a bundle lists."""

    kind: str
    """`application` or `resource`."""
    version: Version
    architecture: str
    resource_id: str
    file_name: str
    """As the manifest has it: backslashes separate directories."""


@dataclass(frozen=True)
class BundleManifest:
    """What `AppxMetadata/AppxBundleManifest.xml` says."""

    name: str
    publisher: str
    version: Version
    packages: tuple[BundledPackage, ...]

    @property
    def applications(self) -> tuple[BundledPackage, ...]:
        """The application packages, without stubs of them."""
        found = [package for package in self.packages if package.kind == "application"]
        whole = [package for package in found if not _is_stub(package)]
        return tuple(whole or found)


def parse_app_manifest(data: bytes) -> AppManifest:
    """Read the bytes of an `AppxManifest.xml`. Raises PackageError."""
    elements = _read(data, "Package")
    identity = _identity(elements)
    return AppManifest(
        name=identity["name"],
        publisher=identity["publisher"],
        version=_version(identity, "version", "Identity"),
        architecture=_architecture(identity),
        resource_id=_resource_id(identity),
        dependencies=tuple(
            Dependency(
                _name(element.attributes, "PackageDependency"),
                _version(element.attributes, "minversion", "PackageDependency", "0.0.0.0"),
                element.attributes.get("publisher", ""),
            )
            for element in elements
            if element.path == ("package", "dependencies", "packagedependency")
        ),
        device_families=tuple(
            DeviceFamily(
                _name(element.attributes, "TargetDeviceFamily"),
                _version(element.attributes, "minversion", "TargetDeviceFamily"),
            )
            for element in elements
            if element.path == ("package", "dependencies", "targetdevicefamily")
        ),
        is_framework=any(
            element.path == ("package", "properties", "framework") and element.text.strip().lower() in ("true", "1")
            for element in elements
        ),
    )


def parse_bundle_manifest(data: bytes) -> BundleManifest:
    """Read the bytes of an `AppxBundleManifest.xml`. Raises PackageError."""
    elements = _read(data, "Bundle")
    identity = _identity(elements)
    packages = []
    for element in elements:
        if element.path != ("bundle", "packages", "package"):
            continue
        attributes = element.attributes
        packages.append(
            BundledPackage(
                kind=attributes.get("type", "resource").lower(),
                version=_version(attributes, "version", "Package"),
                architecture=_architecture(attributes),
                resource_id=_resource_id(attributes),
                file_name=_required(attributes, "filename", "Package"),
            )
        )
    manifest = BundleManifest(
        identity["name"], identity["publisher"], _version(identity, "version", "Identity"), tuple(packages)
    )
    if not manifest.applications:
        raise PackageError(_ATTEMPT, "it lists no application package")
    return manifest


def _is_stub(package: BundledPackage) -> bool:
    return package.file_name.replace("\\", "/").lower().startswith("appxmetadata/stub/")


def _identity(elements: t.Sequence[Element]) -> dict[str, str]:
    found = [element.attributes for element in elements if len(element.path) == 2 and element.path[1] == "identity"]
    if len(found) != 1:
        raise PackageError(_ATTEMPT, f"it has {len(found) or 'no'} Identity elements, and has to have one")
    _name(found[0], "Identity")
    _required(found[0], "publisher", "Identity")
    return found[0]


def _required(attributes: t.Mapping[str, str], name: str, element: str) -> str:
    value = attributes.get(name, "")
    if not value:
        raise PackageError(_ATTEMPT, f"its {element} has no {name}")
    return value


def _name(attributes: t.Mapping[str, str], element: str) -> str:
    name = _required(attributes, "name", element)
    if not _NAME.fullmatch(name):
        raise PackageError(_ATTEMPT, f"the name {printable(name, 60)!r} of its {element} is none of a package")
    return name


def _version(attributes: t.Mapping[str, str], name: str, element: str, default: str = "") -> Version:
    text = attributes.get(name) or default or _required(attributes, name, element)
    try:
        return parse_version(text)
    except PackageError as exc:
        raise PackageError(_ATTEMPT, f"in its {element}, {exc.cause}") from None


def _architecture(attributes: t.Mapping[str, str]) -> str:
    architecture = attributes.get("processorarchitecture", attributes.get("architecture", "neutral")).lower()
    if architecture not in ARCHITECTURES:
        raise PackageError(_ATTEMPT, f"its architecture {printable(architecture, 20)!r} is unknown")
    return architecture


def _resource_id(attributes: t.Mapping[str, str]) -> str:
    resource_id = attributes.get("resourceid", "")
    if resource_id and not _NAME.fullmatch(resource_id):
        raise PackageError(_ATTEMPT, f"the resource id {printable(resource_id, 60)!r} in it is none of a package")
    return resource_id


def _read(data: bytes, root: str) -> list[Element]:
    try:
        return read_elements(data, root)
    except XmlError as exc:
        raise PackageError(_ATTEMPT, str(exc)) from None
