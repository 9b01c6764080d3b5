# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Finds promotions of Partner Center, and checks its inventory; through the run cache."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_offer import (
    DEFAULT_CONCURRENCY,
    check_id,
    market_from,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_product import parse_catalog_id
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    OptionError,
    ProvisioningError,
    raise_failures,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Entry
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import Source, fetch_all
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_partner_products import (
    CacheFactory,
    Item,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.report_missing import report_missing
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    check_max_concurrency,
    settings_from,
)


def find_promotions(
    options: Mapping[str, t.Any], open_cache: CacheFactory, warn: Callable[[str], None]
) -> dict[str, t.Any]:
    """Return what partner_promotion_info returns. Raises an error that tells of all failures."""
    from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.promotions import (
        PartnerPromotions,
    )

    country = market_from(options).country
    segment = check_id("segment", options.get("segment") or "commercial").lower()
    ids = options.get("promotion_id")
    if ids is None:
        listed = _fetch(
            options,
            open_cache,
            PartnerPromotions,
            "promotions",
            [segment],
            lambda client, key: {"list": client.list_promotions(key)},
        )[segment]
        if isinstance(listed, ProvisioningError):
            raise listed
        return {"promotions": listed["list"], "not_found": []}
    wanted = list({one.lower(): one for one in (check_id("promotion_id", one) for one in reversed(ids))}.values())[::-1]
    outcomes = _fetch(
        options, open_cache, PartnerPromotions, "promotion", wanted, lambda client, key: client.get_promotion(key)
    )
    missing = {one: out.cause for one, out in outcomes.items() if isinstance(out, NotFoundError)}
    failures = {one: out for one, out in outcomes.items() if isinstance(out, ProvisioningError) and one not in missing}
    raise_failures(failures, len(wanted), "promotions")
    report_missing(
        missing,
        str(options.get("on_missing") or "error"),
        ("promotion", f"in {country}", "Partner Center"),
        "Check promotion_id and country",
        warn,
    )
    found = [outcomes[one] for one in wanted if one not in missing]
    return {"promotions": found, "not_found": [one for one in wanted if one in missing]}


def check_inventory(options: Mapping[str, t.Any], open_cache: CacheFactory) -> dict[str, t.Any]:
    """Return what partner_inventory_info returns. Raises any ProvisioningError."""
    from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.promotions import (
        PartnerInventory,
    )

    wanted = [parse_catalog_id(one, "items") for one in options["items"]]
    if any(one.availability_id for one in wanted):
        raise OptionError(
            "Could not use the options", "items holds the id of an availability", "Set it to product or product:sku"
        )
    if not wanted:
        return {"inventory": [], "not_found": []}
    context = {str(name): str(value) for name, value in (options.get("context") or {}).items()}
    key = json.dumps([sorted({str(one.folded) for one in wanted}), sorted(context.items())])
    unique = list({one.folded: one for one in wanted}.values())
    outcome = _fetch(
        options,
        open_cache,
        PartnerInventory,
        "inventory",
        [key],
        lambda client, _key: {"list": client.check(unique, context)},
    )[key]
    if isinstance(outcome, ProvisioningError):
        raise outcome
    found: list[Item] = outcome["list"]
    known = {str(item.get("productId")).lower() for item in found}
    known |= {f"{item.get('productId')}:{item.get('skuId')}".lower() for item in found}
    return {"inventory": found, "not_found": [str(one) for one in unique if str(one.folded) not in known]}


def _fetch(
    options: Mapping[str, t.Any],
    open_cache: CacheFactory,
    client: Callable[..., t.Any],
    kind: str,
    keys: list[str],
    get: Callable[[t.Any, str], Entry],
) -> dict[str, Entry | ProvisioningError]:
    market, settings = market_from(options), settings_from(options, "partner_center")
    concurrency = check_max_concurrency(options.get("max_concurrency") or DEFAULT_CONCURRENCY)
    cache = open_cache(settings)
    source = Source(
        lambda: client(settings, cache, concurrency, market),
        get,
        cache,
        settings.fingerprint,
        f"{kind} {market.country} {market.locale}",
        str.lower,
    )
    return fetch_all(keys, source, concurrency)
