# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Runs the offer plugins with validated options: what modules and action plugins have in common."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_offer import (
    DEFAULT_CONCURRENCY,
    check_customer_id,
    check_id,
    check_offer_ids,
    market_from,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import NotFoundError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import Progress
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.offer_finder import (
    FoundOffers,
    OfferFinder,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    check_max_concurrency,
    settings_from,
)

OpenCache = t.Callable[[Settings], Cache]


def find_offers(
    options: Mapping[str, t.Any], open_cache: OpenCache, warn: Callable[[str], None], progress: Progress | None = None
) -> FoundOffers:
    """Find the offers that the options of partner_offer_info ask for.

    With on_missing=error, all ids that do not exist are one NotFoundError. Raises any ProvisioningError.
    """
    market = market_from(options)
    offer_ids = options.get("offer_id")
    if offer_ids is not None:
        offer_ids = check_offer_ids(offer_ids)
    for name in ("category_id", "customer_id"):
        if options.get(name) is not None:
            check_id(name, options[name])
    if options.get("customer_id"):
        check_customer_id(options["customer_id"])
    concurrency = check_max_concurrency(options.get("max_concurrency", DEFAULT_CONCURRENCY))
    settings = settings_from(options, "partner_center")
    finder = OfferFinder(settings, open_cache(settings), market, concurrency, progress)
    if options.get("customer_id"):
        found = finder.of_customer(options["customer_id"], offer_ids)
    elif offer_ids is not None:
        found = finder.by_id(offer_ids)
    else:
        found = finder.of_market(options.get("category_id") or "")
    _decide_on_missing(found, options.get("on_missing", "error"), market.country, warn)
    if options.get("include_addons"):
        finder.add_addons(found)
    return found


def offer_result(found: FoundOffers, with_addons: bool) -> dict[str, t.Any]:
    """Return the values that partner_offer_info returns."""
    result: dict[str, t.Any] = {"changed": False, "offers": found.offers, "not_found": found.not_found}
    if with_addons:
        result["addons"] = found.addons
    return result


def find_categories(options: Mapping[str, t.Any], open_cache: OpenCache) -> list[dict[str, t.Any]]:
    """Find the categories that the options of partner_offer_category_info ask for. Raises any ProvisioningError."""
    market = market_from(options)
    settings = settings_from(options, "partner_center")
    return OfferFinder(settings, open_cache(settings), market, 1).categories()


def _decide_on_missing(found: FoundOffers, on_missing: str, country: str, warn: Callable[[str], None]) -> None:
    if not found.not_found or on_missing == "ignore":
        return
    several = len(found.not_found) > 1
    names, why = ", ".join(found.not_found), f"{'of the first: ' if several else ''}{found.why_not}"
    error = NotFoundError(
        f"Could not get {len(found.not_found)} offer{'s' if several else ''} in {country}",
        f"Partner Center does not know {names}; {why}",
        "Check offer_id and country, or set on_missing to warn or ignore",
    )
    if on_missing == "error":
        raise error
    warn(str(error))
