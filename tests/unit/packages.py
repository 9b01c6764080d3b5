# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages and bundles for tests: real ZIP files with manifests as the Store's tools write them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

PUBLISHER = "CN=Contoso Ltd, O=Contoso Ltd, L=Redmond, S=Washington, C=US"
MICROSOFT = "CN=Microsoft Corporation, O=Microsoft Corporation, L=Redmond, S=Washington, C=US"

_APP = """<?xml version="1.0" encoding="utf-8"?>
<Package xmlns="http://schemas.microsoft.com/appx/manifest/foundation/windows10"
 xmlns:uap="http://schemas.microsoft.com/appx/manifest/uap/windows10" IgnorableNamespaces="uap">
 <Identity Name="{name}" Publisher="{publisher}" Version="{version}"{architecture}{resource_id} />
 <Properties><DisplayName>Contoso</DisplayName>{framework}</Properties>
 <Dependencies>
  <TargetDeviceFamily Name="Windows.Desktop" MinVersion="{min_os}" MaxVersionTested="10.0.26100.0" />{dependencies}
 </Dependencies>
</Package>
"""
_BUNDLE = """<?xml version="1.0" encoding="UTF-8"?>
<Bundle xmlns="http://schemas.microsoft.com/appx/2013/bundle" SchemaVersion="5.0">
 <Identity Name="{name}" Publisher="{publisher}" Version="{version}" />
 <Packages>{packages}
 </Packages>
</Bundle>
"""


def app_manifest(
    name: str = "Contoso.Reader",
    version: str = "1.12.0.0",
    architecture: str = "x64",
    publisher: str = PUBLISHER,
    dependencies: dict[str, str] | None = None,
    framework: bool = False,
    min_os: str = "10.0.17763.0",
    resource_id: str = "",
) -> str:
    """Return an AppxManifest.xml; `dependencies` are names with least versions, all of Microsoft."""
    return _APP.format(
        name=name,
        version=version,
        publisher=publisher,
        architecture=f' ProcessorArchitecture="{architecture}"' if architecture else "",
        resource_id=f' ResourceId="{resource_id}"' if resource_id else "",
        framework="<Framework>true</Framework>" if framework else "",
        min_os=min_os,
        dependencies="".join(
            f'\n  <PackageDependency Name="{name}" MinVersion="{least}" Publisher="{MICROSOFT}" />'
            for name, least in (dependencies or {}).items()
        ),
    )


def zipped(entries: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP file with these entries."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def app_package(payload: bytes = b"", **facts: object) -> bytes:
    """Return a package; `facts` are the arguments of app_manifest."""
    return zipped({"Assets/payload.bin": payload, "AppxManifest.xml": app_manifest(**facts)})  # type: ignore[arg-type]


def bundle_manifest(packages: list[dict[str, str]], name: str, version: str, publisher: str = PUBLISHER) -> str:
    """Return an AppxBundleManifest.xml that lists packages, each with its attributes."""
    listed = "".join(
        "\n  <Package " + " ".join(f'{name}="{value}"' for name, value in package.items()) + " />"
        for package in packages
    )
    return _BUNDLE.format(name=name, version=version, publisher=publisher, packages=listed)


def bundle(
    architectures: tuple[str, ...] = ("x64", "x86"),
    name: str = "Contoso.Reader",
    version: str = "2026.310.1200.0",
    payload: bytes = b"",
    compression: int = zipfile.ZIP_STORED,
    extra: dict[str, str | bytes] | None = None,
    **facts: object,
) -> bytes:
    """Return a bundle of a package for each architecture and one with German resources."""
    publisher = str(facts.get("publisher", PUBLISHER))
    entries: dict[str, str | bytes] = {}
    listed = []
    for architecture in architectures:
        file_name = f"Reader 1.12_{architecture}.msix"
        entries[file_name.replace(" ", "%20")] = app_package(
            payload,
            name=name,
            architecture=architecture,
            **facts,
        )
        listed.append(
            {"Type": "application", "Version": "1.12.0.0", "Architecture": architecture, "FileName": file_name}
        )
    entries["Reader_language-de.msix"] = app_package(name=name, architecture="", resource_id="split.language-de")
    listed.append(
        {
            "Type": "resource",
            "Version": "1.12.0.0",
            "ResourceId": "split.language-de",
            "FileName": "Reader_language-de.msix",
        }
    )
    entries["AppxMetadata/AppxBundleManifest.xml"] = bundle_manifest(listed, name, version, publisher)
    return zipped({**entries, **(extra or {})}, compression)


def write(path: Path, data: bytes) -> Path:
    """Write a file and return its path."""
    path.write_bytes(data)
    return path
