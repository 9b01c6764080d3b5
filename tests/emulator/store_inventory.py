# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The read operations of the Store service: inventory, product details, packages. Source: its documented types."""

from __future__ import annotations

import base64
import binascii
import datetime
import time
import uuid
from typing import Any

from .catalog import OFFLINE_SKU, ONLINE_SKU, OWNED, Product, find, product
from .messages import Request, Response
from .routing import Router
from .store_errors import StoreError, conflict, invalid

_CDN = "https://cdn.example/filestreamingservice/files"
_ARCHITECTURES = ("x86", "x64", "arm")
# Makes every continuation token hold '+' and '/', which have to be percent-encoded when sent back.
_TOKEN_MARK = b"\xfb\xff\xfe"
_FIRST_CHANGE = datetime.datetime(2021, 3, 1, tzinfo=datetime.timezone.utc)


def add_read_operations(router: Router[Response]) -> None:
    """Route the operations that change nothing."""
    router.add("GET", "/V1/Inventory", _inventory)
    router.add("GET", "/V1/Products/{product_id}/{sku_id}", _details)
    router.add("GET", "/V1/Products/{product_id}/{sku_id}/LocalizedDetails/{language}", _localized)
    router.add("GET", "/V1/Products/{product_id}/{sku_id}/Packages", _packages)
    router.add("GET", "/V1/Products/{product_id}/{sku_id}/Packages/{package_id}", _package)


def _owned(product_id: str, sku_id: str) -> Product:
    entry = find(product_id)
    if entry is None or entry.behavior == "unknown" or sku_id not in (OFFLINE_SKU, ONLINE_SKU):
        raise StoreError(404, None)
    if entry.behavior.startswith("not_owned"):
        raise conflict(entry.behavior, "Not owned")
    return entry


def _inventory_rows() -> list[tuple[Product, str]]:
    """Products with the license type owned; every fiftieth is owned both offline and online."""
    rows = []
    for index in range(OWNED):
        rows.append((product(index), "offline"))
        if index % 50 == 3:
            rows.append((product(index), "online"))
    return rows


def _inventory(request: Request) -> Response:
    types = {
        value.lower() for name, values in request.query.items() if name.lower() == "licensetypes" for value in values
    }
    if not types <= {"online", "offline"}:
        raise invalid("licenseTypes", "invalid parameter", "The value must be online or offline.")
    since = _since(request.first("modifiedSince"))
    rows = [
        (entry, kind)
        for entry, kind in _inventory_rows()
        if (not types or kind in types) and (since is None or _changed(entry) >= since)
    ]
    start, size = _start(request.first("continuationToken")), _size(request.first("maxResults"))
    if start > len(rows):
        raise invalid("continuationToken", "invalid parameter", "The token is not of this service.")
    result: dict[str, Any] = {"inventoryEntries": [_row(entry, kind) for entry, kind in rows[start : start + size]]}
    if start + size < len(rows):
        result["continuationToken"] = base64.b64encode(_TOKEN_MARK + f"{start + size:07d}".encode()).decode()
    return Response.of(result)


def _since(value: str | None) -> datetime.datetime | None:
    if value is None:
        return None
    try:
        since = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        since = None
    if since is None or since.tzinfo is None:
        raise invalid("modifiedSince", "invalid parameter", "The value must be a date and time with an offset.")
    return since


def _start(token: str | None) -> int:
    if token is None:
        return 0
    try:
        decoded = base64.b64decode(token, validate=True)
        if not decoded.startswith(_TOKEN_MARK):
            raise ValueError("mark")
        return int(decoded[len(_TOKEN_MARK) :])
    except (ValueError, binascii.Error):
        raise invalid("continuationToken", "invalid parameter", "The token is not of this service.") from None


def _size(value: str | None) -> int:
    if value is None:
        return 25
    if not value.isdigit() or not 0 < int(value) < 2**31:
        raise invalid("maxResults", "invalid parameter", "The value must be a positive number.")
    return int(value)


def _changed(entry: Product) -> datetime.datetime:
    return _FIRST_CHANGE + datetime.timedelta(hours=entry.index)


def _row(entry: Product, kind: str) -> dict[str, Any]:
    return {
        "productKey": {"productId": entry.product_id, "skuId": OFFLINE_SKU if kind == "offline" else ONLINE_SKU},
        "seatCapacity": 2147483647 if kind == "offline" else 25,
        "availableSeats": 2147483647 if kind == "offline" else 25 - entry.index % 20,
        "lastModified": _changed(entry).strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
        "licenseType": kind,
        "distributionPolicy": "open",
        "status": "active",
    }


def _platforms() -> list[dict[str, Any]]:
    version = {"major": 10, "minor": 0, "build": 17763, "revision": 0}
    return [
        {
            "platformName": "Windows.Desktop",
            "minVersion": version,
            "maxTestedVersion": {**version, "build": 22621},
        }
    ]


def _details(request: Request, product_id: str, sku_id: str) -> Response:
    entry = _owned(product_id, sku_id)
    return Response.of(
        {
            "productKey": {"productId": entry.product_id, "skuId": sku_id},
            "productType": "Application",
            "supportedLanguages": ["en-us", "de-de", "fr-fr"],
            "publisherId": entry.package_family_name.rpartition("_")[2],
            "category": "Productivity",
            "alternateIds": [
                {"type": "LegacyWindowsStoreProductId", "value": str(uuid.uuid5(uuid.NAMESPACE_OID, entry.product_id))}
            ],
            "packageFamilyName": entry.package_family_name,
            "supportedPlatforms": _platforms(),
        }
    )


def _localized(request: Request, product_id: str, sku_id: str, language: str) -> Response:
    entry = _owned(product_id, sku_id)
    if language.lower() not in ("en-us", "de-de", "fr-fr"):
        raise StoreError(404, None)
    publisher = entry.name.partition(" ")[0]
    return Response.of(
        {
            "language": language.lower(),
            "displayName": entry.name,
            "description": f"{entry.name}: an app that exists in the emulator only.",
            "images": [
                {
                    "location": f"{_CDN}/{entry.product_id}.png",
                    "purpose": "logo",
                    "height": "300",
                    "width": "300",
                    "caption": "",
                    "backgroundColor": "#0078D7",
                    "foregroundColor": "#FFFFFF",
                    "fileSize": 4321,
                }
            ],
            "publisher": {"publisherName": publisher, "publisherWebsite": f"https://{publisher.lower()}.example"},
        }
    )


def _package_of(entry: Product, content_id: str, architecture: str, framework: bool = False) -> dict[str, Any]:
    identity, _unused, publisher = entry.package_family_name.rpartition("_")
    if framework:
        identity = "Microsoft.VCLibs.140.00"
    package_id = f"{uuid.uuid5(uuid.NAMESPACE_OID, identity + content_id + architecture)}-{architecture.capitalize()}"
    # One package in seven has no full name, as real inventories show.
    full_name = "" if entry.index % 7 == 5 and not framework else f"{identity}_1.0.0.0_{architecture}__{publisher}"
    return {
        "packageId": package_id,
        "contentId": content_id,
        "location": {"url": f"{_CDN}/{package_id}?P1={int(time.time()) + 3600}&P2=301"},
        "packageFullName": full_name,
        "packageIdentityName": identity,
        "architectures": [architecture],
        "packageFormat": "appx" if framework else "appxBundle",
        "platforms": _platforms(),
        "fileSize": 1_000_000 + len(full_name),
    }


def _all_packages(entry: Product) -> list[dict[str, Any]]:
    """Two packages for each content id: packages of one product share a license."""
    packages = []
    for content_id in entry.content_ids:
        for rank, architecture in enumerate(_ARCHITECTURES[:2]):
            package = _package_of(entry, content_id, architecture)
            package["packageRank"] = 30000 + rank
            package["frameworkDependencyPackages"] = [
                _package_of(entry, content_id, each, framework=True) for each in _ARCHITECTURES[: rank + 1]
            ]
            packages.append(package)
    return packages


def _packages(request: Request, product_id: str, sku_id: str) -> Response:
    entry = _owned(product_id, sku_id)
    set_id = str(uuid.uuid5(uuid.NAMESPACE_OID, "packages " + entry.product_id))
    return Response.of({"packageSetId": set_id, "productPackages": _all_packages(entry)})


def _package(request: Request, product_id: str, sku_id: str, package_id: str) -> Response:
    for package in _all_packages(_owned(product_id, sku_id)):
        if package["packageId"].lower() == package_id.lower():
            return Response.of(package)
    raise StoreError(404, None)
