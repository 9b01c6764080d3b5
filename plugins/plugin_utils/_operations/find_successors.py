# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Finds what replaces legacy offers in today's catalog. Source: reference facts on the Partner Center catalog.

An offer names its license in `product.id`, a SKU in `dynamicAttributes.provisioningId`. The same license has several
offers and several SKUs, so that there are candidates, and nothing is chosen among them.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import Market
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_product import CatalogId
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import raise_failures
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import Progress
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_partner_products import (
    CacheFactory,
    CatalogOptions,
    FoundProducts,
    Item,
    ProductFinder,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

_VIEW = "OnlineServices"
# Documented: the one usage-based offer became the Azure plan. Its license has no id in the new catalog.
_DOCUMENTED = {"ms-azr-0145p": CatalogId("DZH318Z0BPS6", "0001")}
_SEGMENTS = {
    "nonprofit": ("nonprofit", "charity"),
    "education": ("education", "academic", "faculty", "student"),
    "government": ("government",),
}
# The largest market that was recorded has 235 products.
_MOST_REQUESTS = 20_000


def find_successors(
    offers: Sequence[Item],
    settings: Settings,
    open_cache: CacheFactory,
    market: Market,
    max_concurrency: int,
    progress: Progress | None = None,
) -> dict[str, t.Any]:
    """Return `successors`, the candidates for each offer, and `legacy_catalog_ids`, where the same offer is in today's
    catalog, both by offer id. Raises any ProvisioningError."""
    catalogs: dict[str, FoundProducts] = {}
    for segment in dict.fromkeys(_segment(offer) for offer in offers):
        chosen = CatalogOptions(
            market, segments=(segment,), max_requests=_MOST_REQUESTS, max_concurrency=max_concurrency
        )
        documented = [one for one in (_DOCUMENTED.get(str(offer.get("id")).lower()) for offer in offers) if one]
        with ProductFinder(settings, open_cache, chosen, progress) as finder:
            finder.list_products(_VIEW)
            finder.add_skus()
            finder.get_items(documented)
        found = catalogs[segment] = finder.found
        raise_failures(found.failures, max(found.total, len(found.failures)), "parts of the catalog")
    indexes = {segment: _by_license(found) for segment, found in catalogs.items()}
    successors: dict[str, list[Item]] = {}
    legacy: dict[str, str] = {}
    for offer in offers:
        offer_id, segment = str(offer.get("id")), _segment(offer)
        found, license_id = catalogs[segment], _license_of(offer)
        skus = [sku for sku in indexes[segment].get(license_id.lower(), ()) if _matches(offer, sku)]
        exact = found.by_id.get(_DOCUMENTED.get(offer_id.lower(), CatalogId("")).folded)
        titles = {str(item["id"]).lower(): item.get("title") for item in found.products}
        successors[offer_id] = [_candidate(sku, titles) for sku in ([exact] if exact else skus)]
        if license_id:
            legacy[offer_id] = f"{license_id}:{offer_id}"
    return {"successors": successors, "legacy_catalog_ids": legacy}


def _license_of(offer: Item) -> str:
    product = offer.get("product")
    return str(product.get("id") or "") if isinstance(product, dict) else ""


def _segment(offer: Item) -> str:
    """Return the segment for which an offer is, by its category and by what a customer has to be."""
    category = offer.get("category")
    texts = [category.get("id"), category.get("name")] if isinstance(category, dict) else []
    qualifications = offer.get("reselleeQualifications")
    texts += qualifications if isinstance(qualifications, list) else []
    text = " ".join(str(one) for one in texts).lower()
    return next((name for name, words in _SEGMENTS.items() if any(word in text for word in words)), "commercial")


def _by_license(found: FoundProducts) -> dict[str, list[Item]]:
    index: dict[str, list[Item]] = {}
    for sku in _all(found.skus.values()):
        attributes = sku.get("dynamicAttributes")
        license_id = attributes.get("provisioningId") if isinstance(attributes, dict) else None
        if isinstance(license_id, str) and license_id:
            index.setdefault(license_id.lower(), []).append(sku)
    return index


def _all(lists: Iterable[list[Item]]) -> list[Item]:
    return [item for items in lists for item in items]


def _matches(offer: Item, sku: Item) -> bool:
    """Return whether both are trials or neither is, and likewise add-ons; what a SKU does not say does not count."""
    addon = sku["dynamicAttributes"].get("isAddon")
    pairs = ((offer.get("isTrial"), sku.get("isTrial")), (offer.get("isAddOn"), addon))
    return all(bool(one) == other for one, other in pairs if isinstance(other, bool))


def _candidate(sku: Item, titles: dict[str, t.Any]) -> Item:
    product_id = str(sku.get("productId") or "")
    return {
        "catalog_id": f"{product_id}:{sku['id']}",
        "product_id": product_id,
        "sku_id": sku["id"],
        "title": sku.get("title"),
        "product_title": titles.get(product_id.lower()),
    }
