# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generated catalog: what the organization owns, and products that misbehave. The same in every run.

Needs the standard library only, so tests can import it without a running emulator.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import urlencode

from .packages import publisher_hash

OWNED = 2000
OFFLINE_SKU = "0015"
ONLINE_SKU = "0016"
LICENSING_PATH = "/v9.0/licenses/offlineContent"
#: The organization that owns the products: the ``requestorId`` of its licenses.
REQUESTOR_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, "https://contoso.example/organization"))

_ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXZ"
_PUBLISHERS = ("Contoso", "Fabrikam", "Northwind", "AdventureWorks", "Litware", "Tailspin", "WingtipToys")
_SUBJECTS = ("Notes", "Reader", "Camera", "Planner", "Whiteboard", "Scanner", "Mail", "Maps", "Médiathèque", "写真")


@dataclass(frozen=True)
class Product:
    """A product of the catalog.

    ``behavior`` is empty for one that is owned and answers well; otherwise it names what the services do instead.
    """

    product_id: str
    content_ids: tuple[str, ...]
    name: str
    package_family_name: str
    sku_id: str = OFFLINE_SKU
    index: int = -1
    behavior: str = ""
    #: The subject of the certificate that signs its packages.
    publisher: str = ""

    @property
    def content_id(self) -> str:
        """The first (mostly the only) content id."""
        return self.content_ids[0]

    def request(self, which: int = 0) -> dict[str, str]:
        """The ids of one license, as a user asks for it."""
        return {"product_id": self.product_id, "sku_id": self.sku_id, "content_id": self.content_ids[which]}

    @property
    def online_content_id(self) -> str:
        """The content id of its online SKUs, for which there is no offline license."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"online content {self.product_id}"))

    def family(self, content_id: str) -> str:
        """The package family name of a content id: one for all, unless the product is ``by_family``."""
        if self.behavior != "by_family" or content_id.lower() == self.content_id:
            return self.package_family_name
        identity, _unused, publisher = self.package_family_name.rpartition("_")
        return f"{identity}.Holographic_{publisher}"

    def license_path(self, which: int = 0) -> str:
        """The path of Get offline license for this product (Store for Business)."""
        return f"/V1/Products/{self.product_id}/{self.sku_id}/OfflineLicense/{self.content_ids[which]}"

    def catalog_path(self, market: str = "US", languages: str = "en-US,neutral") -> str:
        """The path and query that ask the catalog of the successor for this product."""
        query = {"fieldsTemplate": "Details", "market": market, "languages": languages, "catalogIds": "4"}
        return f"/v7.0/products/{self.product_id}?{urlencode(query)}"

    def licensing_body(self, which: int = 0) -> dict[str, str]:
        """What is posted to LICENSING_PATH for this product."""
        return {"contentId": self.content_ids[which]}


def _letters(seed: str, alphabet: str, count: int) -> str:
    digest = hashlib.sha256(seed.encode()).digest()
    return "".join(alphabet[byte % len(alphabet)] for byte in digest[:count])


def _make(seed: str, index: int = -1, contents: int = 1, behavior: str = "") -> Product:
    number = int.from_bytes(hashlib.sha256(b"name" + seed.encode()).digest()[:4], "big")
    publisher = _PUBLISHERS[number % len(_PUBLISHERS)]
    subject = _SUBJECTS[number // 7 % len(_SUBJECTS)]
    identity = f"{publisher}.App{seed.replace('-', '').replace('_', '')}"
    return Product(
        product_id="9" + ("WZDN" if number % 2 else "NBLG") + _letters("product" + seed, _ALPHABET, 7),
        content_ids=tuple(str(uuid.uuid5(uuid.NAMESPACE_OID, f"content {seed} {which}")) for which in range(contents)),
        name=f"{publisher} {subject} {seed}",
        package_family_name=f"{identity}_{publisher_hash(f'CN={publisher}')}",
        publisher=f"CN={publisher}",
        index=index,
        behavior=behavior,
    )


@cache
def product(index: int) -> Product:
    """The owned product number ``index`` (0 to OWNED - 1); every tenth has two content ids.

    Raises IndexError.
    """
    if not 0 <= index < OWNED:
        raise IndexError(f"there are products 0 to {OWNED - 1}")
    return _make(f"{index:04d}", index, 2 if index % 10 == 7 else 1)


#: What a special product does when its license is asked for, of either license service. Where the services differ, the
#: Store for Business is described; the Store licensing service refuses with 403 instead of 409.
BEHAVIORS = {
    "not_owned": "409 Not owned, names in camel case",
    "not_owned_pascal": "409 Not owned, names in Pascal case, data a list of strings",
    "not_owned_nested": "409 Not owned, wrapped in an error object",
    "not_owned_text": "409 Not owned as plain text",
    "not_owned_html": "409 with an HTML page",
    "not_owned_empty": "409 without a body",
    "not_offline": "409 Not offline, names in camel case",
    "not_offline_pascal": "409 Not offline, names in Pascal case, data a list of strings",
    "not_offline_text": "409 Not offline as plain text",
    "unknown": "404, the product does not exist",
    "gone": "410, as a retired service would answer",
    "wrong_license": "the license of another product",
    "wrong_content": "a license of the same product for another content id",
    "not_base64": "a license blob that is no base64",
    "not_xml": "base64 of something that is no XML",
    "not_a_license": "base64 of XML that is no license",
    "truncated_xml": "base64 of the first half of the license",
    "doctype": "base64 of a license with a DOCTYPE and entity expansion",
    "utf16": "base64 of the license in UTF-16 with a DOCTYPE, to get past naive checks",
    "empty": "200 without a body",
    "empty_object": "200 with an empty JSON object",
    "empty_blob": "200 with an empty license blob",
    "null_blob": "200 with null for the license blob",
    "upper_case_ids": "a good license, its GUIDs in upper case (must be accepted)",
    "pascal_case": "a good answer, its JSON names in Pascal case (must be accepted)",
    "wrapped_blob": "a good answer, its base64 wrapped in lines (must be accepted)",
}


#: What further special products do when the Store licensing service is asked; the Store for Business answers well.
LICENSING_BEHAVIORS = {
    "null_license": "200 with null for the license",
    "license_is_text": "200 with a text for the license",
    "no_keys": "200 with a license without keys",
    "null_keys": "200 with null for the keys",
    "keys_are_no_list": "200 with one key that is in no list",
    "empty_keys": "200 with an empty list of keys",
    "null_key": "200 with a list that holds null",
    "no_value": "200 with a key without a value",
    "value_is_number": "200 with a number for the value",
    "two_keys": "a good answer, followed by a key for another content id (must be accepted)",
    "two_keys_reversed": "a good answer behind a key for another content id (must be accepted)",
}
#: What further special products do when the catalog is asked. Their licenses are good.
CATALOG_BEHAVIORS = {
    "catalog_unknown": "404, though there are licenses",
    "us_only": "404 in all markets but US",
    "no_product": "200 with an empty JSON object",
    "null_product": "200 with null for the product",
    "other_product": "the entry of another product",
    "no_skus": "a product without SKUs",
    "null_skus": "null for the list of SKUs",
    "online_only": "online SKUs alone, no SKU 0015",
    "no_packages": "SKU 0015 with an empty list of packages",
    "null_packages": "SKU 0015 with null for the list of packages",
    "no_properties": "SKU 0015 without properties",
    "no_content_id": "packages without the content id",
    "empty_content_ids": "packages with empty content ids",
    "bad_content_id": "packages with a content id that is no GUID",
    "some_empty_content_ids": "a package with a content id after two with an empty one and null (must be accepted)",
    "upper_case_content": "content ids in upper case, or mixed, for the same content (must be accepted)",
    "format_casing": "package formats in all casings (must be accepted)",
    "shared_content": "five packages that share one content id (must be accepted)",
    "sku_twice": "SKU 0015 twice, each with packages of its own (must be accepted)",
    "no_fulfillment": "packages without FulfillmentData (must be accepted)",
    "fulfillment_text": "FulfillmentData as JSON in a text (must be accepted)",
    "fulfillment_broken": "FulfillmentData as a text that is no JSON (must be accepted)",
    "null_fields": "null for all that is not needed (must be accepted)",
    "by_architecture": "two content ids: one for x86 and x64, one for arm64 (must be accepted)",
    "by_language": "two content ids: one for western, one for eastern languages (must be accepted)",
    "by_family": "two content ids, each of a package family of its own (must be accepted)",
}
#: What further special products do when their packages are asked for. Their licenses are good.
PACKAGE_BEHAVIORS = {
    "fulfillment_on_sku": "FulfillmentData on the SKU alone, as JSON in a text (must be accepted)",
    "numbers_as_text": "versions and sizes as texts (must be accepted)",
    "no_category": "no WuCategoryId anywhere",
    "package_list_empty": "a consumer view without packages",
    "game": "the format MSIXVC",
    "encrypted_only": "encrypted packages alone",
    "encrypted_twins": "encrypted twins, .cab and .xap beside, an extension in upper case (must be accepted)",
    "version_trap": "a date-like old version above the current one, both known to the catalog (must be accepted)",
    "version_trap_unknown": "the same, and the catalog lists a third one, a build apart (must be accepted)",
    "stale_catalog": "a catalog one build behind (must be accepted)",
    "no_sha256": "a file without Sha256",
    "two_packages": "two packages for the same platform and architecture (must be accepted)",
    "unknown_architecture": "a file for an unknown architecture beside a good one (must be accepted)",
    "newer_os": "the newest version needs 10.0.26100.0 (must be accepted)",
    "by_machine": "a package for each architecture, x86 and x64 (must be accepted)",
    "bundle_and_single": "a bundle, and the same as packages of one architecture (must be accepted)",
    "intel_only": "a bundle without arm64 (must be accepted)",
    "holographic": "a newer version for Holographic alone (must be accepted)",
    "xbox_only": "packages for Xbox alone",
    "wrong_identity": "a package whose manifest names somebody else",
    "not_a_package": "a file that is no package",
    "empty_file": "a file of zero bytes",
    "same_file_id": "two files with the same FileId (must be accepted)",
    "moniker_is_a_path": "a FileMoniker that leads out of the directory",
    "many_files": "an answer above 100,000 characters (must be accepted)",
    "no_files": "an empty list of files",
    "missing_dependency": "needs a framework that is no prerequisite",
    "old_dependency": "needs a newer version of a framework than there is",
    "unfit_dependency": "needs a framework that is there for another architecture alone",
    "named_by_manifest": "frameworks that the catalog does not name, but the manifest (must be accepted)",
    "other_name": "the delivery service answers for another category",
    "no_update_id": "the delivery service answers as for another kind of content",
    "not_deliverable": "404 of the delivery service",
    "stranger_url": "a URL on a host that is not one of the service",
    "named_by_none": "frameworks that neither the catalog nor the manifest names (must be accepted)",
}
#: All special products.
SPECIALS = {**BEHAVIORS, **LICENSING_BEHAVIORS, **CATALOG_BEHAVIORS, **PACKAGE_BEHAVIORS}
if len(SPECIALS) != sum(map(len, (BEHAVIORS, LICENSING_BEHAVIORS, CATALOG_BEHAVIORS, PACKAGE_BEHAVIORS))):
    raise RuntimeError("two behaviors share a name")
_TWO_CONTENTS = ("by_architecture", "by_language", "by_family", "sku_twice")


@cache
def special(behavior: str) -> Product:
    """The product that misbehaves in the way named in SPECIALS.

    Raises KeyError.
    """
    if behavior not in SPECIALS:
        raise KeyError(f"{behavior}; there are {', '.join(SPECIALS)}")
    return _make(f"special-{behavior}", contents=2 if behavior in _TWO_CONTENTS else 1, behavior=behavior)


@lru_cache(maxsize=1)
def _all() -> tuple[Product, ...]:
    return (*(product(index) for index in range(OWNED)), *(special(behavior) for behavior in SPECIALS))


@lru_cache(maxsize=1)
def _by_id() -> dict[str, Product]:
    by_id = {entry.product_id: entry for entry in _all()}
    if len(by_id) != len(_all()):
        raise RuntimeError("two products share an id")
    return by_id


@lru_cache(maxsize=1)
def _by_content() -> dict[str, Product]:
    return {content_id: entry for entry in _all() for content_id in (*entry.content_ids, entry.online_content_id)}


def find(product_id: str) -> Product | None:
    """The product of this id, in any casing; none when the service knows none."""
    return _by_id().get(product_id.upper())


def find_content(content_id: str) -> Product | None:
    """The product that has this content id (an offline one or its online one), in any casing; none when none has."""
    return _by_content().get(content_id.lower())


@lru_cache(maxsize=1)
def _by_family() -> dict[str, Product]:
    return {entry.package_family_name.lower(): entry for entry in _all()}


def find_family(package_family_name: str) -> Product | None:
    """The product of this package family name, in any casing; none when there is none."""
    return _by_family().get(package_family_name.lower())
