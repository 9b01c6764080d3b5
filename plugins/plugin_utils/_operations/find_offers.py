# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Finds Partner Center's offers: by id, of a market, of a customer, with their add-ons; through the run cache."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import Market
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_offer import (
    DEFAULT_CONCURRENCY,
    check_customer_id,
    check_id,
    check_offer_ids,
    market_from,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ProvisioningError,
    ServiceError,
    raise_failures,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache, Entry
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import (
    Progress,
    Source,
    fetch_all,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_successors import find_successors
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.report_missing import report_missing
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    check_max_concurrency,
    settings_from,
)

Offer = dict[str, t.Any]
Warn = Callable[[str], None]
CacheFactory = Callable[[Settings], Cache]


def find_offers(
    options: Mapping[str, t.Any], open_cache: CacheFactory, warn: Warn, progress: Progress | None = None
) -> dict[str, t.Any]:
    """Return what partner_offer_info returns: offers in the order of the ids, those not found, and add-ons if wanted.

    Raises an error that tells of all failures; with on_missing=error, NotFoundError for all ids that do not exist.
    """
    market = market_from(options)
    offer_ids = options.get("offer_id")
    offer_ids = check_offer_ids(offer_ids) if offer_ids is not None else None
    category_id = check_id("category_id", options["category_id"]) if options.get("category_id") is not None else ""
    customer_id = check_customer_id(options["customer_id"]) if options.get("customer_id") is not None else ""
    concurrency = check_max_concurrency(options.get("max_concurrency", DEFAULT_CONCURRENCY))
    settings = settings_from(options, "partner_center")
    finder = OfferFinder(settings, open_cache, market, concurrency, progress)
    missing: dict[str, str] = {}
    if customer_id:
        offers = finder.list_offers("customer", lambda client: client.list_customer_offers(customer_id), customer_id)
        if offer_ids is not None:
            offers = _select(offers, offer_ids, missing)
    elif offer_ids is not None:
        offers = finder.get_offers(offer_ids, missing)
    else:
        offers = finder.list_offers("offers", lambda client: client.list_offers(category_id), category_id)
    report_missing(
        missing,
        options.get("on_missing", "error"),
        ("offer", f"in {market.country}", "Partner Center"),
        "Check offer_id and country",
        warn,
    )
    found: dict[str, t.Any] = {"offers": offers, "not_found": list(missing)}
    if options.get("include_addons"):
        found["addons"] = finder.get_addons(offers)
    if options.get("include_successors"):
        found.update(find_successors(offers, settings, open_cache, market, concurrency, progress))
    return found


def find_categories(options: Mapping[str, t.Any], open_cache: CacheFactory) -> list[Offer]:
    """Return the categories that the options of partner_offer_category_info name. Raises any ProvisioningError."""
    finder = OfferFinder(settings_from(options, "partner_center"), open_cache, market_from(options), 1)
    return finder.list_offers("categories", lambda client: client.list_categories())


class OfferFinder:
    """Finds offers in one market."""

    def __init__(
        self,
        settings: Settings,
        open_cache: CacheFactory,
        market: Market,
        max_concurrency: int,
        progress: Progress | None = None,
    ) -> None:
        self._settings = settings
        self._cache = open_cache(settings)
        self._market = market
        self._max_concurrency = max_concurrency
        self._progress = progress

    def get_offers(self, offer_ids: Sequence[str], missing: dict[str, str]) -> list[Offer]:
        """Get offers by id, each once; add the ids that do not exist to `missing`, with the reason.

        Raises an error that tells of all other failures.
        """
        # Ids are compared as Partner Center does: without regard to case.
        first = {offer_id.lower(): offer_id for offer_id in reversed(offer_ids)}
        source = self._source("offer", lambda client, offer_id: client.get_offer(offer_id))
        outcomes = fetch_all(
            (first[offer_id.lower()] for offer_id in offer_ids), source, self._max_concurrency, self._progress
        )
        offers, failures = [], {}
        for offer_id in offer_ids:
            outcome = outcomes[first[offer_id.lower()]]
            if isinstance(outcome, NotFoundError):
                missing.setdefault(first[offer_id.lower()], outcome.cause)
            elif isinstance(outcome, ProvisioningError):
                failures[offer_id] = outcome
            else:
                offers.append(outcome)
        raise_failures(failures, len(offer_ids), "offers")
        return offers

    def get_addons(self, offers: Sequence[Offer]) -> dict[str, list[Offer]]:
        """Return the add-ons of each offer by its id, as the service writes it. Raises as `get_offers` does."""
        # An offer that says that it has none is believed; for one that says nothing, a request is made.
        ids = [str(offer["id"]) for offer in offers if offer.get("id") and offer.get("hasAddOns") is not False]
        for offer_id in ids:
            if offer_id in (".", "..") or not offer_id.isprintable():
                raise ServiceError(
                    "Could not list the add-ons",
                    f"the service named an offer {printable(offer_id, 100)!r}, which is no id",
                    "Check base_url, and whether a proxy responds in the service's place",
                )
        source = self._source("addons", lambda client, offer_id: {"offers": client.list_addons(offer_id)})
        addons: dict[str, list[Offer]] = {str(offer.get("id")): [] for offer in offers}
        failures = {}
        for offer_id, outcome in fetch_all(ids, source, self._max_concurrency, self._progress).items():
            if isinstance(outcome, ProvisioningError):
                failures[offer_id] = outcome
            else:
                addons[offer_id] = outcome["offers"]
        raise_failures(failures, len(ids), "lists of add-ons")
        return addons

    def list_offers(self, kind: str, get: Callable[[t.Any], list[Offer]], detail: str = "") -> list[Offer]:
        """Return a list of the service, requested once in a run. Raises the error of the request."""
        source = self._source(kind, lambda client, detail: {"offers": get(client)})
        outcome = fetch_all([detail], source, 1)[detail]
        if isinstance(outcome, ProvisioningError):
            raise outcome
        return list(outcome["offers"])

    def _source(self, kind: str, get: Callable[[t.Any, str], Entry]) -> Source:
        def connect() -> t.Any:
            from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.table import open_client

            market = {"country": self._market.country, "locale": self._market.locale}
            return open_client(self._settings, self._cache, self._max_concurrency, market)

        kind = f"{kind} {self._market.country} {self._market.locale}"
        return Source(connect, get, self._cache, self._settings.fingerprint, kind, str.lower)


def _select(offers: Sequence[Offer], offer_ids: Sequence[str], missing: dict[str, str]) -> list[Offer]:
    """Return those of a customer's offers that the ids name."""
    by_id = {str(offer.get("id")).lower(): offer for offer in offers}
    for offer_id in offer_ids:
        if offer_id.lower() not in by_id and offer_id.lower() not in map(str.lower, missing):
            missing[offer_id] = "it is not among the offers of the customer"
    return [by_id[offer_id.lower()] for offer_id in offer_ids if offer_id.lower() in by_id]
