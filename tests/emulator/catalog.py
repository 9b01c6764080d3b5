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

OWNED = 2000
OFFLINE_SKU = "0015"
ONLINE_SKU = "0016"
#: The organization that owns the products: the ``requestorId`` of its licenses.
REQUESTOR_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, "https://contoso.example/organization"))

_ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXZ"
_PUBLISHER_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PUBLISHERS = ("Contoso", "Fabrikam", "Northwind", "AdventureWorks", "Litware", "Tailspin", "WingtipToys")
_SUBJECTS = ("Notes", "Reader", "Camera", "Planner", "Whiteboard", "Scanner", "Mail", "Maps", "Médiathèque", "写真")


@dataclass(frozen=True)
class Product:
    """A product of the catalog.

    ``behavior`` is empty for one that is owned and answers well; otherwise it names what the Store does instead.
    """

    product_id: str
    content_ids: tuple[str, ...]
    name: str
    package_family_name: str
    sku_id: str = OFFLINE_SKU
    index: int = -1
    behavior: str = ""

    @property
    def content_id(self) -> str:
        """The first (mostly the only) content id."""
        return self.content_ids[0]

    def request(self, which: int = 0) -> dict[str, str]:
        """The ids of one license, as a user asks for it."""
        return {"product_id": self.product_id, "sku_id": self.sku_id, "content_id": self.content_ids[which]}

    def license_path(self, which: int = 0) -> str:
        """The path of Get offline license for this product."""
        return f"/V1/Products/{self.product_id}/{self.sku_id}/OfflineLicense/{self.content_ids[which]}"


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
        package_family_name=f"{identity}_{_letters('publisher' + publisher, _PUBLISHER_ALPHABET, 13)}",
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


#: What a special product does when its license is asked for.
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


@cache
def special(behavior: str) -> Product:
    """The product that misbehaves in the named way.

    Raises KeyError.
    """
    if behavior not in BEHAVIORS:
        raise KeyError(f"{behavior}; there are {', '.join(BEHAVIORS)}")
    return _make(f"special-{behavior}", behavior=behavior)


@lru_cache(maxsize=1)
def _by_id() -> dict[str, Product]:
    products = [product(index) for index in range(OWNED)] + [special(behavior) for behavior in BEHAVIORS]
    by_id = {entry.product_id: entry for entry in products}
    if len(by_id) != len(products):
        raise RuntimeError("two products share an id")
    return by_id


def find(product_id: str) -> Product | None:
    """The product of this id, in any casing; none when the service knows none."""
    return _by_id().get(product_id.upper())
