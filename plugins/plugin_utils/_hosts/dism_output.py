# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The text that DISM prints, as data. Only for answers to `/English`."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import PackageError, ServicingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import (
    Moniker,
    Version,
    parse_full_name,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable

CLOSING = "The operation completed successfully."
_LINE = re.compile(r"\r\n|\r|\n")
_FIELD = re.compile(r"([A-Za-z][A-Za-z /-]*?)\s+:(?:\s+(.*))?")
_VERSION = re.compile(r"(?im)^\s*(image )?version:\s*([0-9.]+)\s*$")
_ERROR = re.compile(r"(?im)^\s*error:\s*(0x[0-9a-f]{1,8}|-?[0-9]{1,10})\s*$")
_REMEDY = "Look into the log of DISM on the host, then run again"


@dataclass(frozen=True)
class ProvisionedApp:
    """One app of the list."""

    moniker: Moniker
    package_name: str
    """The full name, as listed: what removing takes."""
    regions: str | None
    """As listed: `all`, codes, or empty for none. `None` where Windows is older than 10 1803 and does not tell."""

    @property
    def family_name(self) -> str:
        """The package family name."""
        return self.moniker.family_name

    @property
    def version(self) -> Version:
        """The version of the package; of a bundle the bundle's own."""
        return self.moniker.version


@dataclass(frozen=True)
class AppList:
    """The answer to `/Get-ProvisionedAppxPackages`."""

    apps: tuple[ProvisionedApp, ...]
    dism_version: str
    image_version: str


def parse_versions(text: str) -> tuple[str, str]:
    """Return the versions of DISM and of the image that stand above an answer; empty texts where they do not."""
    found = {bool(image): version for image, version in _VERSION.findall(text)}
    return found.get(False, ""), found.get(True, "")


def parse_error_code(text: str) -> int | None:
    """Return the code behind `Error:`, `None` when there is none."""
    match = _ERROR.search("\n".join(_LINE.split(text)))
    return int(match.group(1), 0) & 0xFFFFFFFF if match else None


def parse_app_list(text: str) -> AppList:
    """Read the list of a command that exited with 0.

    Raises ServicingError when the closing sentence is missing, so that a list that is cut off, empty or in another
    language is never taken for one in which nothing is provisioned.
    """
    attempted = "Could not read the list of provisioned apps"
    lines = [line.strip() for line in _LINE.split(text)]
    if CLOSING not in lines:
        raise ServicingError(attempted, "the answer of DISM is cut off, empty or not in English", _REMEDY)
    records: list[dict[str, str]] = []
    for label, value in _fields(lines):
        if label == "displayname":
            records.append({})
        if records:
            records[-1].setdefault(label, value)
    dism_version, image_version = parse_versions("\n".join(lines))
    return AppList(tuple(_app(record, attempted) for record in records), dism_version, image_version)


def _fields(lines: t.Iterable[str]) -> t.Iterator[tuple[str, str]]:
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match:
            yield match.group(1).lower(), (match.group(2) or "").strip()


def _app(record: dict[str, str], attempted: str) -> ProvisionedApp:
    package_name = record.get("packagename", "")
    if not package_name:
        name = printable(record.get("displayname", ""), 100)
        raise ServicingError(attempted, f"the app {name!r} in it has no PackageName", _REMEDY)
    try:
        moniker = parse_full_name(package_name)
    except PackageError as exc:
        raise ServicingError(attempted, exc.cause, _REMEDY) from None
    regions = record.get("regions")
    return ProvisionedApp(moniker, package_name, "" if regions == "None" else regions)


@dataclass(frozen=True)
class ImageInfo:
    """One image of an image file."""

    index: int
    name: str
    architecture: str
    """Empty when only a list was printed."""


def parse_image_info(text: str) -> list[ImageInfo]:
    """Read the answer to `/Get-ImageInfo`."""
    records: list[dict[str, str]] = []
    for label, value in _fields(line.strip() for line in _LINE.split(text)):
        if label == "index":
            records.append({})
        if records:
            records[-1].setdefault(label, value)
    return [
        ImageInfo(int(record["index"]), record.get("name", ""), _architecture(record.get("architecture", "")))
        for record in records
        if record["index"].isdigit()
    ]


def _architecture(text: str) -> str:
    known = {"amd64": "x64", "x64": "x64", "x86": "x86", "arm64": "arm64", "arm": "arm"}
    return known.get(text.lower(), "")


@dataclass(frozen=True)
class Mount:
    """One image that is mounted on the host."""

    directory: str
    image_file: str
    index: int
    status: str
    """`Ok`, `Needs Remount` or `Invalid`."""


def parse_mounts(text: str) -> list[Mount]:
    """Read the answer to `/Get-MountedImageInfo`."""
    records: list[dict[str, str]] = []
    for label, value in _fields(line.strip() for line in _LINE.split(text)):
        if label == "mount dir":
            records.append({})
        if records:
            records[-1].setdefault(label, value)
    return [
        Mount(
            record["mount dir"],
            record.get("image file", ""),
            int(record["image index"]) if record.get("image index", "").isdigit() else 0,
            record.get("status", ""),
        )
        for record in records
    ]
