# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Finds Partner Center offers: by id, of a market, of a customer, with their add-ons; through the run cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import Market
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ProvisioningError,
    ServiceError,
    raise_failures,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import (
    Cache,
    Entry,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import (
    Bulk,
    Progress,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.client import Item
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.offers import (
    PartnerOffers,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings


@dataclass
class FoundOffers:
    """What was found: offers in the order in which they were asked for, and the ids of those that do not exist."""

    offers: list[Item] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)
    why_not: str = ""
    """What was said about the first of those, with the ids that support asks for."""
    addons: dict[str, list[Item]] = field(default_factory=dict)
    """Offer id (as the service writes it) to its add-ons."""


class OfferFinder:
    """Finds offers in one market."""

    def __init__(
        self,
        settings: Settings,
        cache: Cache,
        market: Market,
        max_concurrency: int,
        progress: Progress | None = None,
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._market = market
        self._max_concurrency = max_concurrency
        self._progress = progress
        self._scope = f"{settings.fingerprint} {market.country} {market.locale}"

    def by_id(self, offer_ids: Sequence[str]) -> FoundOffers:
        """Find offers by id, each asked for once. Raises an error that tells of all failures but "not found"."""
        if not offer_ids:
            return FoundOffers()
        # Ids are compared as Partner Center does: without regard to case.
        first = {offer_id.lower(): offer_id for offer_id in reversed(offer_ids)}
        outcomes = self._bulk(
            "offer", lambda client: client.get_offer, [first[offer_id.lower()] for offer_id in offer_ids]
        )
        return _chosen(offer_ids, {name.lower(): outcome for name, outcome in outcomes.items()})

    def of_market(self, category_id: str = "") -> FoundOffers:
        """Find all offers of the market, or of one category."""
        return FoundOffers(self._list("offers", lambda client: client.list_offers(category_id), category_id))

    def of_customer(self, customer_id: str, offer_ids: Sequence[str] | None = None) -> FoundOffers:
        """Find the offers that a customer may buy; all, or those with the given ids."""
        offers = self._list("customer", lambda client: client.list_customer_offers(customer_id), customer_id)
        if offer_ids is None:
            return FoundOffers(offers)
        by_id: dict[str, Entry | ProvisioningError] = {
            str(offer.get("id")).lower(): {"item": offer} for offer in offers
        }
        missing = NotFoundError(f"Could not find the offer for customer {customer_id}", "it is not among the offers")
        return _chosen(offer_ids, {name.lower(): by_id.get(name.lower(), missing) for name in offer_ids})

    def add_addons(self, found: FoundOffers) -> None:
        """Add the add-ons of the offers that were found. Raises an error that tells of all failures."""
        # An offer that says that it has none is believed; one that says nothing is asked.
        ids = [str(offer["id"]) for offer in found.offers if offer.get("id") and offer.get("hasAddOns") is not False]
        for offer_id in ids:
            if offer_id in (".", "..") or not offer_id.isprintable():
                raise ServiceError(
                    "Could not list the add-ons",
                    f"the service named an offer {printable(offer_id, 100)!r}, which is no id",
                    "Check base_url, and whether a proxy answers in the service's place",
                )
        outcomes = self._bulk("addons", lambda client: lambda offer_id: {"items": client.list_addons(offer_id)}, ids)
        failures = {
            offer_id: outcome for offer_id, outcome in outcomes.items() if isinstance(outcome, ProvisioningError)
        }
        raise_failures(failures, len(ids), "lists of add-ons")
        for offer_id, outcome in outcomes.items():
            if not isinstance(outcome, ProvisioningError):
                found.addons[offer_id] = outcome["item"]["items"]
        for offer in found.offers:
            found.addons.setdefault(str(offer.get("id")), [])

    def categories(self) -> list[Item]:
        """Find the offer categories of the market."""
        return self._list("categories", PartnerOffers.list_categories)

    @contextmanager
    def _client(self) -> Iterator[PartnerOffers]:
        client = PartnerOffers(self._settings, self._cache, self._max_concurrency, self._market)
        try:
            # First, so that a refused sign-in is one failure and one request, not one for each offer.
            client.sign_in()
            yield client
        finally:
            client.close()

    def _bulk(
        self, kind: str, getter: Callable[[PartnerOffers], Callable[[str], Entry]], keys: Sequence[str]
    ) -> dict[str, Entry | ProvisioningError]:
        @contextmanager
        def open_service() -> Iterator[Callable[[str], Entry]]:
            with self._client() as client:
                yield getter(client)

        bulk = Bulk(open_service, lambda key: f"{kind} {self._scope} {key.lower()}", self._cache, self._progress)
        return bulk.all(keys, self._max_concurrency)

    def _list(self, kind: str, get: Callable[[PartnerOffers], list[Item]], detail: str = "") -> list[Item]:
        def create() -> Entry:
            with self._client() as client:
                return {"items": get(client)}

        return list(self._cache.get_or_create(f"{kind} {self._scope} {detail.lower()}", create)["items"])


def _chosen(offer_ids: Sequence[str], outcomes: dict[str, Entry | ProvisioningError]) -> FoundOffers:
    found = FoundOffers()
    failures: dict[str, ProvisioningError] = {}
    for offer_id in offer_ids:
        outcome = outcomes[offer_id.lower()]
        if isinstance(outcome, NotFoundError):
            if not any(offer_id.lower() == other.lower() for other in found.not_found):
                found.not_found.append(offer_id)
                found.why_not = found.why_not or outcome.cause
        elif isinstance(outcome, ProvisioningError):
            failures[offer_id] = outcome
        else:
            found.offers.append(outcome["item"])
    raise_failures(failures, len(offer_ids), "offers")
    return found
