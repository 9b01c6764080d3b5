# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real, small packages: ZIP files with the manifests of apps, frameworks and bundles. The same bytes in every run.

Needs the standard library only. Source: reference facts on packages; the MSIX documentation for the manifests.
"""

from __future__ import annotations

import hashlib
import io
import random
import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from xml.sax.saxutils import quoteattr

MICROSOFT = "CN=Microsoft Corporation, O=Microsoft Corporation, L=Redmond, S=Washington, C=US"
#: What is repeated to make a package large.
_BLOCK_BYTES = 1024 * 1024
_DATE = (2024, 1, 1, 0, 0, 0)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_FOUNDATION = "http://schemas.microsoft.com/appx/manifest/foundation/windows10"
_BUNDLE = "http://schemas.microsoft.com/appx/2013/bundle"
#: How the delivery service names an architecture.
DELIVERY_NAMES = {"neutral": "None", "x86": "x86", "x64": "amd64", "arm": "arm", "arm64": "ARM64"}
UNIVERSAL = ("Universal=10.0.10240.0,",)
#: As awkward as they come: a comma at the end, a platform that does not count, one that nobody knows.
DESKTOP = ("Desktop=10.0.17763.0", "Xbox=10.0.17763.0", "Universal=10.0.17763.0,", "Teapot=1.0.0.0")


def publisher_hash(publisher: str) -> str:
    """The last part of full and family names: 8 bytes of SHA-256 over UTF-16, in base 32."""
    number = int.from_bytes(hashlib.sha256(publisher.encode("utf-16-le")).digest()[:8], "big") << 1
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(60, -1, -5))


@dataclass(frozen=True)
class Dependency:
    """A framework that a package needs."""

    name: str
    least: str
    publisher: str = MICROSOFT


@dataclass(frozen=True)
class Package:
    """One package file: a package of one architecture, or a bundle of some."""

    name: str
    version: str
    publisher: str
    architectures: tuple[str, ...]
    extension: str = ".msix"
    dependencies: tuple[Dependency, ...] = ()
    platforms: tuple[str, ...] = DESKTOP
    languages: tuple[str, ...] = ("en-us", "de-de")
    framework: bool = False
    least_os: str = "10.0.17763.0"
    #: What the file is in truth when it is not what its name says: ``other`` identity, ``text``, ``empty``.
    inside: str = ""
    #: Differences of its entry in the delivery service's answer; none removes a name.
    wire: dict[str, object] = field(default_factory=dict, hash=False, compare=False)

    @property
    def bundle(self) -> bool:
        """Whether it holds packages of its own."""
        return "bundle" in self.extension.lower()

    @property
    def full_name(self) -> str:
        """Name, version, architecture, resource id and publisher hash. A bundle does not name its architectures."""
        middle = "neutral_~" if self.bundle else f"{self.architectures[0]}_"
        return f"{self.name}_{self.version}_{middle}_{publisher_hash(self.publisher)}"


def package_bytes(package: Package) -> bytes:
    """The file, without padding."""
    if package.inside == "text":
        return b"This is no package.\n" * 20
    if package.inside == "empty":
        return b""
    return _bundle(package) if package.bundle else _single(package, package.architectures[0])


@lru_cache(maxsize=1)
def padding_block() -> bytes:
    """A mebibyte that does not compress."""
    return random.Random(17).randbytes(_BLOCK_BYTES)


def write_padded(package: Package, padding: int, path: str) -> None:
    """Write the package with a stored member of ``padding`` bytes more."""
    with open(path, "wb") as stream:
        stream.write(package_bytes(package))
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive,
        archive.open(zipfile.ZipInfo("Assets/padding.bin", _DATE), "w", force_zip64=True) as member,
    ):
        for start in range(0, padding, _BLOCK_BYTES):
            member.write(padding_block()[: padding - start])


def _zip(members: dict[str, bytes]) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)
    return output.getvalue()


def _common(package: Package) -> dict[str, bytes]:
    return {
        "AppxBlockMap.xml": b'<BlockMap xmlns="http://schemas.microsoft.com/appx/2010/blockmap"/>',
        "[Content_Types].xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "AppxSignature.p7x": b"PKCX" + hashlib.sha256(package.full_name.encode()).digest(),
    }


def _identity(package: Package, architecture: str) -> str:
    name = "Somebody.Else" if package.inside == "other" else package.name
    machine = f" ProcessorArchitecture={quoteattr(architecture)}" if architecture else ""
    return (
        f"<Identity Name={quoteattr(name)} Publisher={quoteattr(package.publisher)}"
        f" Version={quoteattr(package.version)}{machine}/>"
    )


def _single(package: Package, architecture: str) -> bytes:
    needed = "".join(
        f"<PackageDependency Name={quoteattr(one.name)} MinVersion={quoteattr(one.least)}"
        f" Publisher={quoteattr(one.publisher)}/>"
        for one in package.dependencies
    )
    properties = "<Framework>true</Framework>" if package.framework else ""
    manifest = (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Package xmlns="{_FOUNDATION}">{_identity(package, architecture)}'
        f"<Properties>{properties}<DisplayName>{package.name}</DisplayName></Properties>"
        f'<Dependencies><TargetDeviceFamily Name="Windows.Desktop" MinVersion="{package.least_os}"'
        f' MaxVersionTested="10.0.26100.0"/>{needed}</Dependencies></Package>'
    )
    return _zip({"AppxManifest.xml": manifest.encode(), **_common(package)})


def _bundle(package: Package) -> bytes:
    inner = {
        f"{package.name}_{package.version}_{one}.{'msix' if 'msix' in package.extension.lower() else 'appx'}": one
        for one in package.architectures
    }
    members = {name: _single(package, one) for name, one in inner.items()}
    resource = f"{package.name}_language-de.msix"
    members[resource] = _single(package, "neutral")
    listed = "".join(
        f'<Package Type="application" Version="{package.version}" Architecture="{one}" FileName={quoteattr(name)}'
        f' Offset="0" Size="{len(members[name])}"/>'
        for name, one in inner.items()
    )
    manifest = (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Bundle xmlns="{_BUNDLE}" SchemaVersion="5.0">'
        f'{_identity(package, "")}<Packages>{listed}<Package Type="resource" Version="{package.version}"'
        f' ResourceId="split.language-de" FileName={quoteattr(resource)} Offset="0" Size="{len(members[resource])}"/>'
        "</Packages></Bundle>"
    )
    return _zip({**members, "AppxMetadata/AppxBundleManifest.xml": manifest.encode(), **_common(package)})
