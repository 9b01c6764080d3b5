# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Looks up parts of Partner Center's catalog one by one, for expressions: one value for each id."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_product import (
    CatalogId,
    parse_catalog_id,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ServiceError,
    raise_failures,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_partner_products import (
    CacheFactory,
    CatalogOptions,
    Item,
    ProductFinder,
    report_missing_ids,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import settings_from

WANTED = ("item", "availabilities", "catalog_item_id")


def look_up_products(
    terms: Sequence[str], options: Mapping[str, t.Any], open_cache: CacheFactory, warn: Callable[[str], None]
) -> list[t.Any]:
    """Return for each id what the option `want` says: the product, SKU or availability, the availabilities of a SKU, or
    the one id that an order takes; none for what does not exist, unless on_missing=error. Raises ProvisioningError."""
    chosen = CatalogOptions.of(options)
    want = str(options.get("want") or "item")
    ids = [parse_catalog_id(term, "the term") for term in terms]
    for wanted in ids:
        if want != "item" and wanted.kind == "product":
            raise OptionError(
                "Could not use the terms",
                f"{wanted} is the id of a product, and want={want} is for SKUs",
                "Give the term as product:sku",
            )
    with ProductFinder(settings_from(options, "partner_center"), open_cache, chosen) as finder:
        listed = [one for one in ids if want != "item" and one.kind == "SKU"]
        first = {one.folded: one for one in reversed(listed)}
        finder.list_availabilities(list(dict.fromkeys(first[one.folded] for one in listed)))
        finder.get_items([one for one in ids if one not in listed])
    found = finder.found
    raise_failures(found.failures, max(found.total, len(found.failures)), "parts of the catalog")
    report_missing_ids(found, str(options.get("on_missing") or "error"), chosen, warn)
    lists = {name.lower(): items for name, items in found.availabilities.items()}
    values: list[t.Any] = []
    for wanted in ids:
        item = found.by_id.get(wanted.folded)
        items = lists.get(str(wanted.folded)) if wanted in listed else None if item is None else [item]
        if items is None:
            values.append(None)
        elif want == "item":
            values.append(item)
        else:
            values.append(items if want == "availabilities" else _only_id(wanted, items))
    return values


def _only_id(wanted: CatalogId, items: Sequence[Item]) -> str:
    """Return the catalog item id of the one availability that can be bought. Raises ServiceError."""
    sold = [item for item in items if item.get("isPurchasable") is not False and item.get("catalogItemId")]
    if len(sold) == 1:
        return str(sold[0]["catalogItemId"])
    several = ", ".join(f"{item['catalogItemId']} ({item.get('segment') or 'no segment'})" for item in sold)
    raise ServiceError(
        f"Could not choose the availability of {wanted}",
        f"there are several that can be bought: {several}" if sold else "none can be bought now",
        "Set segment to the one that is meant, or use want=availabilities and choose there"
        if sold
        else "Check country and segment; nonprofit is listed only when segment names it",
    )
