# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages are read without Windows: names, versions, publishers, and what the manifests want."""

from __future__ import annotations

import builtins
import io
import random
import zipfile
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from unit import packages

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    EncryptedPackageError,
    PackageError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package import family_name, manifest, moniker


@pytest.mark.parametrize(
    ("publisher", "expected"),
    [
        (packages.MICROSOFT, "8wekyb3d8bbwe"),
        ("CN=Microsoft Windows, O=Microsoft Corporation, L=Redmond, S=Washington, C=US", "cw5n1h2txyewy"),
        ("CN=23596F84-C3EA-4CD8-A7DF-550DCE37BCD0", "79rhkp1fndgsc"),
        ("CN=453637B3-4E12-4CDF-B0D3-2A3C863BF6EF", "zpdnekdrzrea0"),
    ],
)
def test_publisher_id(publisher: str, expected: str) -> None:
    assert family_name.publisher_id(publisher) == expected
    assert family_name.family_name("Contoso.App", publisher) == f"Contoso.App_{expected}"


@pytest.mark.parametrize(
    ("text", "architecture", "resource_id", "is_bundle"),
    [
        ("Contoso.Paint_2026.310.1200.0_neutral_~_8wekyb3d8bbwe", "neutral", "~", True),
        ("Contoso.Codec_1.0.7.0_x64__8wekyb3d8bbwe", "x64", "", False),
        ("Contoso.Browser.Stable_84.0.5.2_neutral__8wekyb3d8bbwe", "neutral", "", False),
        ("Contoso-App_1.0.7.0_X64_split.language-de_8wekyb3d8bbwe", "x64", "split.language-de", False),
    ],
)
def test_full_names_are_split_from_both_ends(text: str, architecture: str, resource_id: str, is_bundle: bool) -> None:
    parsed = moniker.parse_full_name(text)
    assert (parsed.architecture, parsed.resource_id, parsed.is_bundle) == (architecture, resource_id, is_bundle)
    assert str(parsed).lower() == text.lower()
    assert parsed.family_name == f"{text.split('_')[0]}_8wekyb3d8bbwe"


def test_versions_are_numbers() -> None:
    assert moniker.parse_version("2026.310.1200.0") > moniker.parse_version("2026.31.2400.0")
    assert str(moniker.parse_version("01.2.3.4")) == "1.2.3.4"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Contoso.App",
        "Contoso.App_1.0.0.0_x64_8wekyb3d8bbwe",
        "Contoso.App_1.0.0_x64__8wekyb3d8bbwe",
        "Contoso.App_1.0.0.65536_x64__8wekyb3d8bbwe",
        "Contoso.App_1.0.0.٣_x64__8wekyb3d8bbwe",
        "Contoso.App_1.0.0.0_mips__8wekyb3d8bbwe",
        "Contoso.App_1.0.0.0_x64__8wekyb3d8bbw",
        "Contoso&App_1.0.0.0_x64__8wekyb3d8bbwe",
        "Contoso.App_1.0.0.0_x64_a_b_8wekyb3d8bbwe",
    ],
)
def test_what_is_no_full_name_is_refused(text: str) -> None:
    with pytest.raises(PackageError, match="Could not read the package full name"):
        moniker.parse_full_name(text)


def test_app_package(tmp_path: Path) -> None:
    data = packages.app_package(
        dependencies={"Microsoft.VCLibs.140.00": "14.0.30704.0"}, architecture="", resource_id="split.x"
    )
    package = manifest.read_package(str(packages.write(tmp_path / "app.msix", data)))
    assert (package.kind, package.name, package.publisher) == ("app", "Contoso.Reader", packages.PUBLISHER)
    assert (str(package.version), package.architectures, package.resource_ids) == (
        "1.12.0.0",
        ("neutral",),
        ("split.x",),
    )
    assert package.dependencies == (
        manifest.Dependency("Microsoft.VCLibs.140.00", moniker.Version(14, 0, 30704, 0), packages.MICROSOFT),
    )
    assert package.device_families == (manifest.DeviceFamily("Windows.Desktop", moniker.Version(10, 0, 17763, 0)),)
    assert not package.is_framework
    assert not package.has_stub
    assert str(package.moniker).startswith("Contoso.Reader_1.12.0.0_neutral_split.x_")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_bundle(tmp_path: Path, compression: int) -> None:
    data = packages.bundle(
        compression=compression,
        dependencies={"Microsoft.VCLibs.140.00": "14.0.30704.0"},
        extra={"AppxMetadata/Stub/Reader_x64.msix": b"stub"},
    )
    package = manifest.read_package(str(packages.write(tmp_path / "app.msixbundle", data)))
    assert (
        str(package.moniker)
        == f"Contoso.Reader_2026.310.1200.0_neutral_~_{family_name.publisher_id(packages.PUBLISHER)}"
    )
    assert package.architectures == ("x64", "x86")
    assert package.resource_ids == ("split.language-de",)
    assert [dependency.name for dependency in package.dependencies] == ["Microsoft.VCLibs.140.00"]
    assert package.has_stub


def test_of_a_large_bundle_little_is_read(tmp_path: Path) -> None:
    path = packages.write(
        tmp_path / "app.msixbundle",
        packages.bundle(payload=random.Random(1).randbytes(1_000_000)),
    )
    assert path.stat().st_size > 500_000
    count = 0

    class Counted(io.FileIO):
        def readinto(self, buffer: Any) -> int:
            nonlocal count
            size = super().readinto(buffer) or 0
            count += size
            return size

    def counted_open(name: str, mode: str) -> io.BufferedReader:
        return io.BufferedReader(Counted(name, mode))

    with mock.patch.object(builtins, "open", counted_open):
        manifest.read_package(str(path))
    assert 0 < count < 300_000


def test_framework(tmp_path: Path) -> None:
    data = packages.app_package(name="Microsoft.VCLibs.140.00", publisher=packages.MICROSOFT, framework=True)
    package = manifest.read_package(str(packages.write(tmp_path / "dep.appx", data)))
    assert package.is_framework
    assert package.family_name == "Microsoft.VCLibs.140.00_8wekyb3d8bbwe"


def _changed(old: str, new: str) -> bytes:
    text = packages.app_manifest()
    assert old in text
    return packages.zipped({"AppxManifest.xml": text.replace(old, new, 1)})


_BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Package>&b;</Package>'
_LISTED = {"Type": "application", "Version": "1.0.0.0", "Architecture": "x64", "FileName": "gone.msix"}


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "it is empty"),
        (b"MZ is no package", "it is no ZIP file"),
        (packages.app_package()[:-30], "it is no ZIP file, or it is cut off"),
        (packages.zipped({"readme.txt": b"x"}), "without AppxManifest.xml"),
        (packages.zipped({"AppxManifest.xml": _BOMB}), "it has a DOCTYPE, which is refused"),
        (packages.zipped({"AppxManifest.xml": b" " * (manifest.MAX_MANIFEST + 1)}), "is larger than"),
        (packages.zipped({"AppxManifest.xml": "<Package>"}), "it is no well-formed XML"),
        (packages.zipped({"AppxManifest.xml": "<Package>" + "<a>" * 100}), "more elements, or deeper ones"),
        (packages.zipped({"AppxManifest.xml": "<?xml version='1.0' encoding='odd'?><Package/>"}), "encoding"),
        (packages.zipped({"AppxManifest.xml": "<Bundle/>"}), "its root element is bundle, not Package"),
        (packages.zipped({"AppxManifest.xml": "<Package/>"}), "it has no Identity elements"),
        (_changed('Name="Contoso.Reader"', 'Name="a&amp;b"'), "is none of a package"),
        (_changed('Version="1.12.0.0"', 'Version="1.12"'), "is not four numbers"),
        (_changed('Architecture="x64"', 'Architecture="mips"'), "its architecture 'mips' is unknown"),
        (_changed(f'Publisher="{packages.PUBLISHER}"', ""), "its Identity has no publisher"),
        (
            packages.zipped({manifest.BUNDLE_MANIFEST: packages.bundle_manifest([_LISTED], "A", "1.0.0.0")}),
            "lists gone.msix, and no such package is in it",
        ),
        (
            packages.zipped(
                {manifest.BUNDLE_MANIFEST: packages.bundle_manifest([_LISTED], "A", "1.0.0.0"), "gone.msix": b"x"}
            ),
            "the package gone.msix in it is damaged",
        ),
        (
            packages.zipped(
                {
                    manifest.BUNDLE_MANIFEST: packages.bundle_manifest([_LISTED], "A", "1.0.0.0"),
                    "gone.msix": packages.zipped({"AppxManifest.xml": _BOMB}),
                },
                zipfile.ZIP_STORED,
            ),
            "in gone.msix, it has a DOCTYPE",
        ),
        (packages.zipped({manifest.BUNDLE_MANIFEST: packages.bundle_manifest([], "A", "1.0.0.0")}), "no application"),
    ],
)
def test_what_is_no_package_is_refused(tmp_path: Path, data: bytes, cause: str) -> None:
    path = packages.write(tmp_path / "app.msix", data)
    with pytest.raises(PackageError) as raised:
        manifest.read_package(str(path))
    assert raised.value.attempted == f"Could not read the package {path}"
    assert cause in str(raised.value)


def test_damaged_bytes_are_an_error_of_ours(tmp_path: Path) -> None:
    """Bytes of a small bundle, changed in turn: it is read, or refused as every package is."""
    whole = packages.bundle(("x64",))
    path = tmp_path / "app.msixbundle"
    refused = 0
    for position in range(0, len(whole), 17):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x5A]) + whole[position + 1 :])
        try:
            manifest.read_package(str(path))
        except PackageError:
            refused += 1
    assert refused


@pytest.mark.parametrize(
    ("name", "data"),
    [("app.emsixbundle", b"\x00" * 64), ("app.msix", b"EXPH" + b"\x00" * 60)],
)
def test_encrypted_packages_are_named(tmp_path: Path, name: str, data: bytes) -> None:
    with pytest.raises(EncryptedPackageError, match="it is encrypted"):
        manifest.read_package(str(packages.write(tmp_path / name, data)))


def test_encrypted_entries_are_named(tmp_path: Path) -> None:
    data = bytearray(packages.app_package())
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 8] |= 1
    with pytest.raises(EncryptedPackageError):
        manifest.read_package(str(packages.write(tmp_path / "app.msix", bytes(data))))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="No such file or directory"):
        manifest.read_package(str(tmp_path / "gone.msix"))
