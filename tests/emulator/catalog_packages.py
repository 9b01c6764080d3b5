# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the successor's catalog holds of each product: SKUs and packages, as awkward as they are known to be.

Needs the standard library only, so tests can import it without a running emulator. Source: docs of the Store licensing
service.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from .catalog import OFFLINE_SKU, ONLINE_SKU, Product

FULL_SKU = "0010"
TRIAL_SKU = "0011"
Package = dict[str, Any]

_WEST = ["en-us", "de-de", "fr-fr"]
_EAST = ["ja-jp", "zh-hans-cn", "ko-kr"]
_ALL = ["x86", "x64", "arm64"]
_MACHINE_VERSION = 2814750970478592  # 10.0.14393.0 as one number
#: Formats in the spellings that occur.
_FORMATS = ("AppxBundle", "MsixBundle", "Appx", "Msix", "appxbundle", "MSIXBUNDLE", "msix", "APPX")


def skus(entry: Product, behavior: str | None = None) -> list[dict[str, Any]] | None:
    """The value of DisplaySkuAvailabilities, mostly the online SKUs first; ``behavior`` replaces the product's own."""
    behavior = entry.behavior if behavior is None else behavior
    if behavior in ("no_skus", "null_skus"):
        return [] if behavior == "no_skus" else None
    offline = [_sku(OFFLINE_SKU, "offline", packages(entry, behavior))]
    if behavior == "online_only":
        offline = []
    elif behavior == "no_properties":
        offline[0]["Sku"].pop("Properties")
    elif behavior == "null_packages":
        offline[0]["Sku"]["Properties"]["Packages"] = None
    elif behavior == "sku_twice":
        first, *rest = packages(entry, behavior)
        offline = [_sku(OFFLINE_SKU, "offline", [first]), _sku(OFFLINE_SKU, "offline", rest)]
    online = [_sku(number, kind, online_packages(entry)) for number, kind in _online_skus(entry)]
    return offline + online if entry.index % 5 == 2 else online + offline


def packages(entry: Product, behavior: str | None = None) -> list[Package]:
    """The packages of SKU 0015, as the catalog sends them; ``behavior`` replaces the product's own."""
    behavior = entry.behavior if behavior is None else behavior
    if behavior in ("online_only", "no_packages", "null_packages", "no_properties", "no_skus", "null_skus"):
        return []
    return _spoil(_special(entry, behavior) or _usual(entry), behavior)


def online_packages(entry: Product) -> list[Package]:
    """The packages of the online SKUs: the same software under a content id of which there is no offline license."""
    return [_package(entry, entry.online_content_id, _ALL, _WEST)]


def _online_skus(entry: Product) -> list[tuple[str, str]]:
    number = entry.index % 4
    if number == 0:
        return [(ONLINE_SKU, "full")]
    if number == 1:
        return [(FULL_SKU, "full"), (TRIAL_SKU, "trial")]
    return [(FULL_SKU, "full"), (ONLINE_SKU, "full")]


def _sku(sku_id: str, kind: str, found: list[Package]) -> dict[str, Any]:
    return {
        "Sku": {
            "LastModifiedDate": "2021-03-01T00:00:00.0000000Z",
            "LocalizedProperties": [],
            "MarketProperties": [],
            "Properties": {"IsTrial": kind == "trial", "FulfillmentType": "WindowsUpdate", "Packages": found},
            "SkuId": sku_id,
            "SkuType": kind,
        },
        "Availabilities": [],
    }


def _package(
    entry: Product,
    content_id: str,
    architectures: list[str],
    languages: list[str],
    package_format: str = "AppxBundle",
    version: str = "1.0.0.0",
) -> Package:
    family = entry.family(content_id)
    identity, _unused, publisher = family.rpartition("_")
    bundle = "bundle" in package_format.lower()
    architecture = "neutral" if bundle or len(architectures) != 1 else architectures[0]
    seed = f"{family} {content_id} {' '.join(architectures + languages)} {package_format} {version}"
    return {
        "ApplicationModelVersion": 1,
        "Applications": [{"ApplicationId": "App"}],
        "Architectures": architectures,
        "Capabilities": ["internetClient"],
        "ContentId": content_id,
        "FrameworkDependencies": [
            {"MaxTested": 0, "MinVersion": _MACHINE_VERSION, "PackageIdentity": "Microsoft.VCLibs.140.00"}
        ],
        "FulfillmentData": {
            "ProductId": entry.product_id,
            "WuBundleId": str(uuid.uuid5(uuid.NAMESPACE_OID, "bundle " + content_id)),
            "WuCategoryId": str(uuid.uuid5(uuid.NAMESPACE_OID, "category " + family)),
            "PackageFamilyName": family,
            "SkuId": OFFLINE_SKU if content_id in entry.content_ids else FULL_SKU,
            "Content": None,
        },
        "Languages": languages,
        "MaxDownloadSizeInBytes": 1_000_000 + len(seed),
        "PackageFamilyName": family,
        "PackageFormat": package_format,
        "PackageFullName": f"{identity}_{version}_{architecture}_{'~' if bundle else ''}_{publisher}",
        "PackageId": f"{uuid.uuid5(uuid.NAMESPACE_OID, seed)}-{'-'.join(part.upper() for part in architectures)}",
        "PackageRank": 30000 + len(architectures),
        "PlatformDependencies": [
            {"MaxTested": _MACHINE_VERSION, "MinVersion": _MACHINE_VERSION, "PlatformName": "Windows.Universal"}
        ],
        "Version": version,
    }


def _usual(entry: Product) -> list[Package]:
    """What a product that answers well has: six layouts, and a seventh for those with two content ids."""
    first = entry.content_id
    if len(entry.content_ids) > 1:
        return _divided(entry, entry.index // 10 % 3)
    layout = max(0, entry.index) % 6
    if layout == 0:
        return [_package(entry, first, _ALL, _WEST)]
    if layout == 1:
        # Three packages, one license.
        return [_package(entry, first, [each], _WEST, "Appx") for each in _ALL]
    if layout == 2:
        return [_package(entry, first, ["neutral"], ["neutral"], "MsixBundle")]
    if layout == 3:
        old = _package(entry, first, _ALL, _WEST, "appxbundle", "0.9.0.0")
        new = _package(entry, first, _ALL, _WEST + _EAST, "MSIXBUNDLE")
        # The family name is not on each package: sometimes only in what fulfillment needs, sometimes in the full name.
        for package in (old, new):
            del package["PackageFamilyName"]
        del old["FulfillmentData"]
        return [old, new]
    if layout == 4:
        unlicensed = _package(entry, first, ["x86"], ["en-us"], "Xap", "0.1.0.0")
        return [{**unlicensed, "ContentId": ""}, _package(entry, first, ["x64"], _WEST, "Msix")]
    text = _package(entry, first, ["x86", "x64"], _EAST, "msixbundle")
    return [{**text, "FulfillmentData": json.dumps(text["FulfillmentData"])}]


def _divided(entry: Product, layout: int) -> list[Package]:
    """Packages of two content ids: by architecture, by language, or by version alone."""
    first, second = entry.content_ids
    if layout == 0:
        intel = [_package(entry, first, [each], _WEST, "Msix") for each in ("x86", "x64")]
        return [*intel, _package(entry, second, ["arm64"], _WEST, "Msix")]
    if layout == 1:
        return [_package(entry, first, _ALL, _WEST), _package(entry, second, _ALL, _EAST)]
    return [_package(entry, first, _ALL, _WEST), _package(entry, second, _ALL, _WEST, "MsixBundle", "2.0.0.0")]


def _special(entry: Product, behavior: str) -> list[Package]:
    """The packages that are special by their number or division; none for other behaviors."""
    first, last = entry.content_ids[0], entry.content_ids[-1]
    if behavior == "format_casing":
        return [
            _package(entry, first, [_ALL[place % 3]], _WEST, name, f"1.{place}.0.0")
            for place, name in enumerate(_FORMATS)
        ]
    if behavior in ("shared_content", "upper_case_content"):
        return [
            *(_package(entry, first, [each], _WEST, "Appx") for each in _ALL),
            _package(entry, first, ["neutral"], ["neutral"], "Msix"),
            _package(entry, first, _ALL, _EAST),
        ]
    if behavior in ("some_empty_content_ids", "null_fields"):
        return [_package(entry, first, [each], _WEST, "Msix") for each in _ALL]
    if behavior == "by_architecture":
        return [
            *(_package(entry, first, [each], _WEST, "Msix") for each in ("x86", "x64")),
            _package(entry, last, ["arm64"], _WEST, "Msix"),
        ]
    if behavior in ("by_language", "sku_twice"):
        return [_package(entry, first, _ALL, _WEST), _package(entry, last, _ALL, _EAST)]
    if behavior == "by_family":
        return [_package(entry, first, _ALL, _WEST), _package(entry, last, _ALL, _WEST)]
    return []


def _spoil(found: list[Package], behavior: str) -> list[Package]:
    """The packages, changed as the behavior says."""
    for place, package in enumerate(found):
        content_id = package["ContentId"]
        if behavior == "no_content_id":
            del package["ContentId"]
        elif behavior == "empty_content_ids":
            package["ContentId"] = ""
        elif behavior == "bad_content_id":
            package["ContentId"] = "../" + content_id
        elif behavior == "some_empty_content_ids" and place < len(found) - 1:
            package["ContentId"] = ("", None)[place % 2]
        elif behavior == "upper_case_content":
            package["ContentId"] = (content_id.upper(), content_id.lower())[place % 2]
        elif behavior == "no_fulfillment":
            package.pop("FulfillmentData", None)
        elif behavior == "fulfillment_text" and isinstance(package.get("FulfillmentData"), dict):
            package["FulfillmentData"] = json.dumps(package["FulfillmentData"])
        elif behavior == "fulfillment_broken":
            package["FulfillmentData"] = "{ no JSON"
        elif behavior == "null_fields":
            package.update({name: None for name in package if name not in ("ContentId", "PackageId")})
    return found
