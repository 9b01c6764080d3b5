# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the delivery service has of each product (a release: version, prerequisites, packages) and what the consumer
view of the catalog says of the same. Needs the standard library only. Source: reference facts on packages."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from .catalog import OWNED, SPECIALS, Product, product, special
from .packages import DELIVERY_NAMES, MICROSOFT, UNIVERSAL, Dependency, Package

_MACHINES = ("x86", "x64", "arm64")


@dataclass(frozen=True)
class Release:
    """The newest version of a category."""

    category: str
    version: str
    packages: tuple[Package, ...]
    prerequisites: tuple[str, ...] = ()
    behavior: str = ""
    #: Whose packages these are; none for a framework.
    product: Product | None = None

    @property
    def update_id(self) -> str:
        """An id that the service adds to apps."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"update {self.category} {self.version}"))


#: Name to the versions that the service has of a framework, the newest first.
FRAMEWORKS = {
    "Microsoft.VCLibs.140.00": ("14.0.33519.0",),
    "Microsoft.UI.Xaml.2.8": ("8.2310.30001.0", "8.2208.12001.0"),
    "Microsoft.NET.Native.Framework.2.2": ("2.2.29512.0",),
    "Microsoft.NET.Native.Runtime.2.2": ("2.2.28604.0",),
}
_LEAST = ("14.0.30704.0", "8.2305.5001.0", "2.2.29512.0", "2.2.28604.0")
_NEEDED = tuple(Dependency(name, least) for name, least in zip(FRAMEWORKS, _LEAST, strict=True))


def category_of(name: str) -> str:
    """The category id of a framework, or of a product by its package family name."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "category " + name))


def number_of(version: str) -> int:
    """A version as the catalog's one number, 16 bits a part."""
    number = 0
    for part in version.split("."):
        number = number << 16 | int(part)
    return number


@cache
def framework(name: str) -> Release:
    """The release of a framework: each architecture a package, of the newest version and of older ones."""
    found = tuple(
        Package(name, version, MICROSOFT, (machine,), ".appx", (), UNIVERSAL, ("neutral",), True, "10.0.10240.0")
        for version in FRAMEWORKS[name]
        for machine in ("x86", "x64", "arm", "arm64")
    )
    return Release(category_of(name), f"7.{len(name)}.1", found)


def _main(entry: Product, version: str, machines: tuple[str, ...] = _MACHINES, **values: Any) -> Package:
    identity = entry.package_family_name.rpartition("_")[0]
    values = {"extension": ".msixbundle", "dependencies": _NEEDED[: 2 + entry.index % 3], **values}
    return Package(identity, version, entry.publisher, machines, **values)


def version_of(entry: Product) -> str:
    """The version of a product's packages."""
    number = max(0, entry.index)
    return f"{1 + number % 5}.{number % 7}.{number}.0"


def _usual(entry: Product) -> list[Package]:
    layout, version = max(0, entry.index) % 3, version_of(entry)
    if layout == 0:
        return [_main(entry, version)]
    if layout == 1:
        return [_main(entry, version, (one,), extension=".Msix") for one in _MACHINES]
    return [_main(entry, version, ("neutral",), extension=".appxbundle")]


def _special(entry: Product, behavior: str) -> list[Package] | None:
    """The packages of a behavior that are not the usual ones."""
    good = _main(entry, "3.4.5.0")
    two = [_main(entry, "3.4.5.0", (one,), extension=".msix") for one in ("x86", "x64")]
    identity = good.name
    found: dict[str, list[Package]] = {
        "version_trap": [_main(entry, "2021.1207.5.0"), good],
        "version_trap_unknown": [_main(entry, "2021.1207.5.0"), _main(entry, "3.4.6.0")],
        "encrypted_twins": [
            replace(good, extension=".eappxbundle", version="3.4.5.70"),
            replace(good, extension=".emsixbundle"),
            replace(good, extension=".cab"),
            replace(good, extension=".xap"),
            replace(good, extension=".MSIXBUNDLE"),
        ],
        "encrypted_only": [replace(good, extension=".emsixbundle")],
        "no_sha256": [replace(good, wire={"Hashes": {"Sha1": base64.b64encode(b"1" * 20).decode()}})],
        "two_packages": [good, replace(good, name=identity + ".Companion")],
        "unknown_architecture": [replace(good, version="9.9.9.0", wire={"architectures": ["riscv64"]}), good],
        "newer_os": [replace(good, version="4.0.0.0", platforms=("Desktop=10.0.26100.0",)), good],
        "by_machine": two,
        "bundle_and_single": [good, *two],
        "holographic": [good, _main(entry, "5.0.0.0", platforms=("Analog=10.0.17763.0",))],
        "xbox_only": [replace(good, platforms=("Xbox=10.0.17763.0",))],
        "wrong_identity": [replace(good, inside="other")],
        "not_a_package": [replace(good, inside="text")],
        "empty_file": [replace(good, inside="empty")],
        "same_file_id": [replace(one, wire={"FileId": "5e5e5e5e-0000-4000-8000-000000000000.msix"}) for one in two],
        "moniker_is_a_path": [replace(good, wire={"FileMoniker": "../../evil_1.0.0.0_x64__" + "a" * 13})],
        "many_files": [_main(entry, f"1.0.{number}.0") for number in range(200)] + [good],
        "no_files": [],
        "intel_only": [_main(entry, "3.4.5.0", ("x86", "x64"))],
        "named_by_manifest": [replace(good, dependencies=_NEEDED[:1])],
        "named_by_none": [replace(good, dependencies=())],
    }
    return found.get(behavior)


def _needed(behavior: str) -> tuple[Dependency, ...] | None:
    if behavior == "missing_dependency":
        return (_NEEDED[0], Dependency("Microsoft.Missing.Framework", "1.0.0.0"))
    if behavior == "old_dependency":
        return (Dependency("Microsoft.VCLibs.140.00", "15.0.0.0"),)
    if behavior == "unfit_dependency":
        return (_NEEDED[0], Dependency("Contoso.Unfit", "1.0.0.0"))
    return None


@lru_cache(maxsize=4096)
def release(entry: Product) -> Release:
    """What the delivery service has of a product."""
    behavior = entry.behavior
    packages = _special(entry, behavior)
    if packages is None:
        packages = [_main(entry, "3.4.5.0")] if behavior else _usual(entry)
    needed = _needed(behavior)
    if needed is not None:
        packages = [replace(one, dependencies=needed) for one in packages]
    prerequisites = [category_of(name) for name in FRAMEWORKS]
    if behavior == "unfit_dependency":
        prerequisites.append(category_of("Contoso.Unfit"))
    version = f"1152.{max(0, entry.index) % 10}.21.{max(0, entry.index)}"
    return Release(category(entry), version, tuple(packages), tuple(prerequisites), behavior, entry)


def category(entry: Product) -> str:
    """The category id of a product."""
    return category_of(entry.package_family_name)


@lru_cache(maxsize=1)
def _products() -> dict[str, Product]:
    entries = [*(product(index) for index in range(OWNED)), *(special(behavior) for behavior in SPECIALS)]
    return {category(entry): entry for entry in entries}


@lru_cache(maxsize=1)
def _others() -> dict[str, Release]:
    unfit = Package("Contoso.Unfit", "1.2.0.0", MICROSOFT, ("arm",), ".appx", (), UNIVERSAL, ("neutral",), True)
    return {
        **{category_of(name): framework(name) for name in FRAMEWORKS},
        category_of(unfit.name): Release(category_of(unfit.name), "1.2", (unfit,)),
    }


def find_release(category_id: str) -> Release | None:
    """The newest version of a category; none when the service does not know it, or must not deliver it."""
    found = _others().get(category_id.lower())
    if found is not None:
        return found
    entry = _products().get(category_id.lower())
    if entry is None or entry.behavior in ("not_deliverable", "unknown", "catalog_unknown"):
        return None
    return release(entry)


def file_entry(package: Package, sha256: bytes, size: int, url: str) -> dict[str, Any]:
    """A package as the delivery service lists it."""
    wire = dict(package.wire)
    architectures = wire.pop("architectures", None) or [DELIVERY_NAMES[one] for one in package.architectures]
    stem = uuid.uuid5(uuid.NAMESPACE_OID, f"{package.full_name} {package.extension} {package.architectures}")
    return {
        "FileId": f"{stem}{package.extension}",
        "Url": url,
        "SizeInBytes": size,
        "Hashes": {
            "Sha1": base64.b64encode(hashlib.sha1(sha256, usedforsecurity=False).digest()).decode(),
            "SHA256": base64.b64encode(sha256).decode(),
        },
        "FileMoniker": package.full_name,
        "ApplicabilityDetails": {
            "Architectures": architectures,
            "PlatformApplicabilityForPackage": list(package.platforms),
        },
        "DeliveryOptimization": {"CatalogId": str(stem), "Properties": {"IntegrityCheckInfo": {}}},
        "TimeLimitedUrl": True,
        **wire,
    }


# The consumer view of the catalog


def consumer_skus(entry: Product) -> list[dict[str, Any]] | None:
    """DisplaySkuAvailabilities without catalogIds: the full SKU and the trial, which list the same packages."""
    behavior = entry.behavior
    if behavior in ("no_skus", "null_skus"):
        return [] if behavior == "no_skus" else None
    found = consumer_packages(entry)
    data = _fulfillment(entry, "0010")
    shared: Any = json.dumps(data) if behavior == "fulfillment_on_sku" else data
    if behavior == "no_category":
        shared = None
    return [
        {
            "Sku": {
                "SkuId": number,
                "SkuType": kind,
                "LocalizedProperties": [{"Language": "en-us", "SkuTitle": entry.name}],
                "Properties": {"IsTrial": kind == "trial", "FulfillmentData": shared, "Packages": found},
            },
            "Availabilities": [],
        }
        for number, kind in (("0010", "full"), ("0011", "trial"))
    ]


def consumer_packages(entry: Product) -> list[dict[str, Any]]:
    """The packages of the consumer view."""
    if entry.behavior in ("no_packages", "null_packages", "package_list_empty"):
        return []
    return [_consumer_package(entry, package, place) for place, package in enumerate(_listed(release(entry)))]


def _listed(found: Release) -> list[Package]:
    """The packages that the catalog knows of: not always those that are delivered."""
    behavior, packages = found.behavior, list(found.packages)
    if behavior == "version_trap_unknown":
        # A build behind what is delivered, and the old one is not listed.
        return [replace(packages[1], version="3.4.5.0")]
    if behavior in ("encrypted_twins", "many_files", "unknown_architecture"):
        return packages[-1:]
    if behavior == "no_files":
        return [_main(special(behavior), "3.4.5.0")]
    if behavior == "stale_catalog":
        return [replace(one, version="3.4.4.0") for one in packages]
    return packages


def _fulfillment(entry: Product, sku_id: str) -> dict[str, Any]:
    return {
        "ProductId": entry.product_id,
        "WuBundleId": str(uuid.uuid5(uuid.NAMESPACE_OID, "bundle " + entry.product_id)),
        "WuCategoryId": category(entry),
        "PackageFamilyName": entry.package_family_name,
        "SkuId": sku_id,
    }


def _consumer_package(entry: Product, package: Package, place: int) -> dict[str, Any]:
    behavior = entry.behavior
    text = behavior == "numbers_as_text" or place % 2 == 1
    suffix = package.extension.lower().lstrip(".")
    names = {"msixbundle": "MsixBundle", "appxbundle": "AppxBundle", "msix": "Msix", "appx": "Appx"}
    kind = names.get(suffix, "E" + names.get(suffix[1:], "Msix"))
    needed = [] if behavior in ("named_by_manifest", "named_by_none") else package.dependencies
    data: Any = _fulfillment(entry, "0010")
    if behavior in ("fulfillment_text",):
        data = json.dumps(data)
    elif behavior in ("fulfillment_on_sku", "no_category", "no_fulfillment"):
        data = None
    version = number_of(package.version)
    return {
        "Architectures": list(package.architectures),
        "ContentId": str(uuid.uuid5(uuid.NAMESPACE_OID, f"online content {entry.product_id}")),
        "FrameworkDependencies": [
            {"PackageIdentity": one.name, "MinVersion": _number(one.least, text), "MaxTested": 0} for one in needed
        ],
        "FulfillmentData": data,
        # Of another build than the one that is delivered: nobody may rely on it.
        "Hash": base64.b64encode(hashlib.sha256(b"another build").digest()).decode(),
        "HashAlgorithm": "SHA256",
        "KeyId": str(uuid.uuid5(uuid.NAMESPACE_OID, "key")) if kind.startswith("E") else None,
        "Languages": list(package.languages),
        "MaxDownloadSizeInBytes": str(4321 + place) if text else 4321 + place,
        "PackageDownloadUris": [{"Uri": "https://displaycatalog.example/never"}] if place % 2 else None,
        "PackageFamilyName": entry.package_family_name,
        "PackageFormat": "MSIXVC" if behavior == "game" else kind,
        "PackageFullName": package.full_name,
        "PackageId": f"{uuid.uuid5(uuid.NAMESPACE_OID, package.full_name)}-{'-'.join(package.architectures).upper()}",
        "PackageRank": 30001 if package.version.startswith("20") else 30009,
        "PlatformDependencies": [
            {
                "PlatformName": "Windows.Desktop",
                "MinVersion": _number("10.0.17763.0", text),
                "MaxTested": _number("10.0.26100.0", text),
            }
        ],
        "Version": str(version) if text else version,
    }


def _number(version: str, text: bool) -> int | str:
    return str(number_of(version)) if text else number_of(version)
