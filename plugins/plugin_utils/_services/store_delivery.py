# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The client of the delivery service: from a category to its newest version, and to the files of a version.

It takes no sign-in. Its certificates come from a root of Microsoft's own, which is shipped beside this file and is
trusted for this service alone. Source: reference facts on packages, sections 3 and 4; the service is not a documented
public API.
"""

from __future__ import annotations

import base64
import binascii
import os
import typing as t
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import PackageError
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import (
    Moniker,
    Version,
    parse_full_name,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import json_list, lower_keys
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import MEBIBYTE
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.session import HttpSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import Meaning, ServiceClient
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import ErrorDetails
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

ROOT_CERTIFICATE = os.path.join(os.path.dirname(__file__), "microsoft_root_2011.pem")
"""Microsoft Root Certificate Authority 2011."""
EXTENSIONS = (".msix", ".msixbundle", ".appx", ".appxbundle")
PLATFORMS = {"universal": "universal", "desktop": "desktop", "iot": "iot", "analog": "holographic", "ppi": "team"}
"""How the service's names of platforms begin, to our names. Others (Xbox, Mobile) do not count."""
_NAMES = ("api", "v2", "contents", "storeapps", "namespaces", "default", "names")
_ARCHITECTURES = {"none": "neutral", "x86": "x86", "amd64": "x64", "arm": "arm", "arm64": "arm64"}
_SELECT = b'{"TargetingAttributes":{}}'
_LARGEST_FILE = 2**50
_NO_CATEGORY = "00000000-0000-0000-0000-000000000000"
_REMEDY = "Run again later; the delivery service is not a documented public API and may have changed"
_NO_DOWNLOAD = (
    "Check in the Store that the app can be installed; some publishers and some kinds of product do not allow downloads"
)


@dataclass(frozen=True)
class ReleaseId:
    """A version of a category. The version is the service's own, and need not look like the package's."""

    category: str
    version: str


@dataclass(frozen=True)
class Release:
    """The newest version of a category, and the versions of the categories that it needs."""

    id: ReleaseId
    prerequisites: tuple[ReleaseId, ...]


@dataclass(frozen=True)
class DeliveryFile:
    """One file of a version, as the service lists it."""

    moniker: Moniker | None
    """None when `problem` says that there is none that can be used."""
    extension: str
    """In lower case, with its period."""
    architectures: tuple[str, ...]
    """`x86`, `x64`, `arm`, `arm64` or `neutral`. Of a bundle those of its packages."""
    platforms: tuple[tuple[str, Version], ...]
    """Platform (a value of PLATFORMS) and the least version of Windows."""
    url: str
    """Signed, and good for some hours at most. It is sent byte for byte."""
    size: int
    sha256: str
    """In lower case, as hexadecimal digits."""
    shown: str
    """Name and what it is for, fit for a message."""
    problem: str = ""
    """Why it cannot be used whatever is wanted, as a clause, or an empty text."""


class StoreDelivery(ServiceClient):
    """Asks the delivery service. May be used by several threads at once."""

    SIGN_IN = False
    # SFC refuses more than 100,000 characters, which a product with some 70 files can reach.
    MAX_BYTES = 8 * MEBIBYTE

    @classmethod
    def open_http(cls, settings: Settings, connections: int) -> HttpSession:
        """See ServiceClient."""
        return HttpSession(settings, connections, extra_ca_file=ROOT_CERTIFICATE)

    def select(self, category: str) -> Release:
        """Get the newest version of a category. Raises NotFoundError when there is none that may be delivered."""
        attempted = f"Could not find out the newest version of category {printable(category, 60)}"
        response = self.call(
            attempted,
            "POST",
            (*_NAMES, category, "versions", "latest"),
            {"action": "select"},
            headers={"Content-Type": "application/json"},
            data=_SELECT,
        )
        body = lower_keys(self.json(attempted, response))
        release = _release_id(body.get("contentid"))
        if release is None or release.category.lower() != category.lower():
            raise self.unusable(attempted, response, "for another category than the requested one", _REMEDY)
        listed = body.get("prerequisites")
        if not isinstance(body.get("updateid"), str) or not isinstance(listed, list):
            raise self.unusable(attempted, response, "for a kind of content that is no app", _REMEDY)
        prerequisites = [_release_id(one) for one in listed]
        if None in prerequisites:
            raise self.unusable(attempted, response, "with a prerequisite that has no name and version", _REMEDY)
        return Release(release, tuple(dict.fromkeys(one for one in prerequisites if one is not None)))

    def get_files(self, release: ReleaseId) -> list[DeliveryFile]:
        """Get the files of a version, those that cannot be used included. Raises NotFoundError for an unknown one."""
        attempted = f"Could not get the files of category {printable(release.category, 60)}"
        response = self.call(
            attempted,
            "POST",
            (*_NAMES, release.category, "versions", release.version, "files"),
            {"action": "GenerateDownloadInfo"},
            headers={"Content-Type": "application/json"},
            data=b"",
        )
        if response.status != 200:
            raise self.refused(attempted, response)
        listed = json_list(response, attempted)
        files = [_file(lower_keys(one)) for one in listed]
        if any(one is None for one in files):
            raise self.unusable(attempted, response, "with a file that is no file of an app", _REMEDY)
        return [one for one in files if one is not None]

    def probe(self) -> str:
        """Request a category that nothing has, which the service refuses with an empty 404."""
        attempted = "Could not reach the delivery service"
        path = (*_NAMES, _NO_CATEGORY, "versions", "latest")
        headers = {"Content-Type": "application/json"}
        response = self.call(attempted, "POST", path, {"action": "select"}, headers=headers, data=_SELECT)
        if response.status not in (200, 404):
            raise self.refused(attempted, response)
        return "the delivery service responds (the request was for a category that nothing has)"

    def meaning(self, details: ErrorDetails, subject: t.Any) -> Meaning:
        """See ServiceClient. The service's error bodies are not known."""
        if details.status == 404:
            return Meaning("there is nothing to download", _NO_DOWNLOAD, not_found=True)
        return Meaning("", _REMEDY)


def _release_id(value: t.Any) -> ReleaseId | None:
    entry = lower_keys(value)
    name, version = entry.get("name"), entry.get("version")
    if entry.get("namespace") != "default" or not isinstance(name, str) or not isinstance(version, str):
        return None
    return ReleaseId(name, version) if name and version else None


def _file(entry: dict[str, t.Any]) -> DeliveryFile | None:
    """Read one entry of the list; None when it is not one of an app's files."""
    name, file_id, url, size = (entry.get(key) for key in ("filemoniker", "fileid", "url", "sizeinbytes"))
    details, hashes = lower_keys(entry.get("applicabilitydetails")), lower_keys(entry.get("hashes"))
    machines, platforms = details.get("architectures"), details.get("platformapplicabilityforpackage")
    if not isinstance(size, int) or not isinstance(machines, list) or not isinstance(platforms, list):
        return None
    if not isinstance(name, str) or not isinstance(file_id, str) or not isinstance(url, str) or size < 0:
        return None
    extension = os.path.splitext(file_id)[1].lower()
    sha256 = _sha256(hashes.get("sha256"))
    architectures = [_ARCHITECTURES.get(str(one).lower()) for one in machines]
    moniker, problem = None, ""
    try:
        moniker = parse_full_name(name)
    except PackageError as exc:
        problem = exc.cause
    if extension not in EXTENSIONS:
        encrypted = extension.startswith((".emsix", ".eappx"))
        problem = f"it is {'encrypted' if encrypted else 'no package'} ({printable(extension, 20) or 'no extension'})"
    elif not sha256:
        problem = problem or "the service gives no SHA-256 for it"
    elif None in architectures or not architectures:
        problem = problem or "its architecture is unknown"
    elif size > _LARGEST_FILE:
        problem = problem or "its size is not possible"
    shown = f"{printable(name, 150)}{printable(extension, 20)} ({_list(machines)}; {_list(platforms)})"
    return DeliveryFile(
        None if problem else moniker,
        extension,
        tuple(dict.fromkeys(one for one in architectures if one)),
        tuple(one for one in map(_platform, platforms) if one is not None),
        url,
        size,
        sha256,
        shown,
        problem,
    )


def _list(values: list[t.Any]) -> str:
    return printable(", ".join(str(one).rstrip(",") for one in values), 120) or "none"


def _sha256(value: t.Any) -> str:
    try:
        digest = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        return ""
    return digest.hex() if len(digest) == 32 else ""


def _platform(value: t.Any) -> tuple[str, Version] | None:
    """Read `<name>=<least version>`, with a comma at the end or without; None for what does not count."""
    name, _equals, least = str(value).strip().rstrip(",").partition("=")
    platform = next((ours for start, ours in PLATFORMS.items() if name.strip().lower().startswith(start)), None)
    parts = least.strip().split(".")
    if platform is None or len(parts) > 4 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    numbers = [min(int(part[:6]), 65535) for part in parts] + [0] * (4 - len(parts))
    return platform, Version(*numbers)
