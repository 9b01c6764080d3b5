# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Finds products, SKUs and availabilities of Partner Center's catalog: by id or by view; through the run cache."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import Market
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_offer import (
    DEFAULT_CONCURRENCY,
    check_customer_id,
    check_id,
    market_from,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_product import (
    DEFAULT_MAX_REQUESTS,
    CatalogId,
    parse_catalog_id,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    OptionError,
    ProvisioningError,
    raise_failures,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache, Entry
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import (
    Progress,
    Source,
    fetch_all,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.report_missing import report_missing
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    check_max_concurrency,
    settings_from,
)

Item = dict[str, t.Any]
CacheFactory = Callable[[Settings], Cache]
# Code of a 404 to the kind of what there is not.
_MISSING_KINDS = {"400013": "product", "400018": "SKU", "400019": "availability"}


@dataclass
class FoundProducts:
    """What was found, as the service sent it."""

    products: list[Item] = field(default_factory=list)
    skus: dict[str, list[Item]] = field(default_factory=dict)
    """By id of the product, as the service writes it."""
    availabilities: dict[str, list[Item]] = field(default_factory=dict)
    """By `product:sku`, as the service writes it."""
    missing: dict[str, str] = field(default_factory=dict)
    """Id, as it was given, to the id of what there is not: itself or its parent."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Id, as it was given, to why it is missing."""
    by_id: dict[CatalogId, Item] = field(default_factory=dict)
    """Id, folded, to what was found by it."""
    failures: dict[str, ProvisioningError] = field(default_factory=dict)
    total: int = 0

    def add_missing(self, wanted: CatalogId, error: NotFoundError) -> None:
        """Note what does not exist. The code of the refusal says which part that is."""
        kind = _MISSING_KINDS.get(str(error.code), wanted.kind)
        self.missing.setdefault(str(wanted), str(wanted.parent(kind)))
        self.reasons.setdefault(str(wanted), error.cause)


@dataclass(frozen=True)
class CatalogOptions:
    """The checked options of a look into the catalog."""

    market: Market
    customer_id: str = ""
    reservation_scope: str = ""
    lifecycle_state: bool = False
    segments: tuple[str, ...] = ("",)
    """One request each; an empty one stands for all but nonprofit."""
    max_requests: int = DEFAULT_MAX_REQUESTS
    max_concurrency: int = DEFAULT_CONCURRENCY

    @classmethod
    def of(cls, options: Mapping[str, t.Any]) -> CatalogOptions:
        """Check options of a plugin. Raises OptionError."""
        segments = [check_id("segment", one).lower() for one in options.get("segment") or ()]
        scope = options.get("reservation_scope")
        most = options.get("max_requests") or DEFAULT_MAX_REQUESTS
        if most < 1:
            raise OptionError("Could not use the options", f"max_requests is {most}", "Set it to a positive number")
        return cls(
            market_from(options),
            check_customer_id(options["customer_id"]) if options.get("customer_id") is not None else "",
            check_id("reservation_scope", scope) if scope else "",
            bool(options.get("include_lifecycle_state")),
            tuple(dict.fromkeys(segments)) or ("",),
            most,
            check_max_concurrency(options.get("max_concurrency", DEFAULT_CONCURRENCY)),
        )

    @property
    def where(self) -> str:
        """For messages: the market or the customer."""
        return f"for customer {self.customer_id}" if self.customer_id else f"in {self.market.country}"


def find_partner_products(
    options: Mapping[str, t.Any],
    open_cache: CacheFactory,
    warn: Callable[[str], None],
    progress: Progress | None = None,
) -> dict[str, t.Any]:
    """Return what partner_product_info returns. Raises an error that tells of all failures; with on_missing=error,
    NotFoundError for all ids that do not exist."""
    chosen = CatalogOptions.of(options)
    ids = [parse_catalog_id(one) for one in options.get("catalog_id") or ()]
    view = check_id("target_view", options["target_view"]) if options.get("target_view") is not None else ""
    deep = bool(options.get("include_availabilities"))
    with ProductFinder(settings_from(options, "partner_center"), open_cache, chosen, progress) as finder:
        if view:
            finder.list_products(view)
        else:
            finder.get_items(ids)
        if options.get("include_skus") or deep:
            finder.add_skus()
        if deep:
            finder.add_availabilities()
    found = finder.found
    raise_failures(found.failures, max(found.total, len(found.failures)), "parts of the catalog")
    report_missing_ids(found, options.get("on_missing", "error"), chosen, warn)
    return {
        "products": found.products,
        "skus": found.skus,
        "availabilities": found.availabilities,
        "not_found": list(found.missing),
        "missing": found.missing,
    }


def report_missing_ids(
    found: FoundProducts, on_missing: str, chosen: CatalogOptions, warn: Callable[[str], None]
) -> None:
    """Do with ids that do not exist what on_missing says."""
    report_missing(
        found.reasons,
        on_missing,
        ("catalog item", chosen.where, "Partner Center"),
        "Check catalog_id and country. For the id of an offer or a license, use the module partner_offer_info",
        warn,
    )


class ProductFinder:
    """Finds parts of the catalog, level by level, with one client."""

    def __init__(
        self,
        settings: Settings,
        open_cache: CacheFactory,
        chosen: CatalogOptions,
        progress: Progress | None = None,
    ) -> None:
        self.found = FoundProducts()
        self._settings = settings
        self._cache = open_cache(settings)
        self._chosen = chosen
        self._progress = progress
        self._stack = ExitStack()
        self._client: t.Any = None
        self._requests = 0

    def __enter__(self) -> ProductFinder:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def list_products(self, view: str) -> None:
        """Find the products of a view, in all segments."""
        keys = [(view, segment) for segment in self._chosen.segments]
        outcomes = self._fetch("products", keys, lambda client, key: {"list": client.list_products(*key)}, " ".join)
        for key in keys:
            outcome = outcomes[key]
            if isinstance(outcome, ProvisioningError):
                self.found.failures[view] = outcome
                continue
            for item in outcome["list"]:
                # Some views of a customer have SKUs among the products.
                if item.get("productId"):
                    _add(self.found.skus, str(item["productId"]), item)
                else:
                    _add_to(self.found.products, item)

    def get_items(self, ids: Sequence[CatalogId]) -> None:
        """Find products, SKUs and availabilities by id, each once."""
        first = {wanted.folded: wanted for wanted in reversed(ids)}
        keys = list(dict.fromkeys(first[wanted.folded] for wanted in ids))
        outcomes = self._fetch("item", keys, lambda client, key: client.get_item(key), lambda key: str(key.folded))
        for wanted in keys:
            outcome = outcomes[wanted]
            if isinstance(outcome, NotFoundError):
                self.found.add_missing(wanted, outcome)
            elif isinstance(outcome, ProvisioningError):
                self.found.failures[str(wanted)] = outcome
            else:
                self.found.by_id[wanted.folded] = outcome
                self._place(wanted, outcome)
        self._name_reissued(outcomes)

    def add_skus(self) -> None:
        """Find the SKUs of the products found."""
        products = [str(item["id"]) for item in self.found.products]
        keys = [(product, segment) for product in products for segment in self._chosen.segments]
        self._check_count(len(keys), "lists of SKUs")
        outcomes = self._fetch(
            "skus",
            keys,
            lambda client, key: {"list": client.list_skus(*key)},
            lambda key: " ".join((key[0].lower(), key[1])),
        )
        for (product, _segment), items in self._lists(outcomes, keys, lambda key: CatalogId(key[0])):
            self.found.skus.setdefault(product, [])
            for item in items:
                _add(self.found.skus, product, item)

    def add_availabilities(self) -> None:
        """Find the availabilities of the SKUs found."""
        self.list_availabilities(
            [CatalogId(product, str(sku["id"])) for product, skus in self.found.skus.items() for sku in skus]
        )

    def list_availabilities(self, skus: Iterable[CatalogId]) -> None:
        """Find the availabilities of SKUs."""
        keys = [(sku, segment) for sku in skus for segment in self._chosen.segments]
        self._check_count(len(keys), "lists of availabilities")
        outcomes = self._fetch_availabilities(keys)
        for (sku, _segment), items in self._lists(outcomes, keys, lambda key: key[0]):
            self.found.availabilities.setdefault(str(sku), [])
            for item in items:
                _add(self.found.availabilities, str(sku), item)

    def _fetch_availabilities(self, keys: Sequence[t.Any]) -> dict[t.Any, Entry | ProvisioningError]:
        return self._fetch(
            f"availabilities {self._chosen.lifecycle_state}",
            keys,
            lambda client, key: {"list": client.list_availabilities(*key)},
            lambda key: f"{key[0].folded} {key[1]}",
        )

    def _place(self, wanted: CatalogId, item: Item) -> None:
        """Put an item that was found by its id where lists of its kind are."""
        product = str(item.get("productId") or wanted.product_id)
        if wanted.kind == "product":
            _add_to(self.found.products, item)
        elif wanted.kind == "SKU":
            _add(self.found.skus, product, item)
        else:
            _add(self.found.availabilities, f"{product}:{item.get('skuId') or wanted.sku_id}", item)

    def _name_reissued(self, outcomes: Mapping[CatalogId, Entry | ProvisioningError]) -> None:
        """Say which availabilities there are in place of those whose ids were reissued."""
        gone = [key for key, one in outcomes.items() if isinstance(one, NotFoundError) and str(one.code) == "400019"]
        keys = [(key.parent("SKU"), segment) for key in gone for segment in self._chosen.segments]
        lists = self._fetch_availabilities(list(dict.fromkeys(keys)))
        for key in gone:
            now = [lists.get((key.parent("SKU"), segment)) for segment in self._chosen.segments]
            ids = [str(item["id"]) for one in now if isinstance(one, dict) for item in one["list"]]
            if ids:
                self.found.reasons[str(key)] += f"; at present there are {', '.join(dict.fromkeys(ids))}"

    def _lists(
        self,
        outcomes: Mapping[t.Any, Entry | ProvisioningError],
        keys: Iterable[t.Any],
        id_of: Callable[[t.Any], CatalogId],
    ) -> list[tuple[t.Any, list[Item]]]:
        """Return the lists that could be had; note the others."""
        lists = []
        for key in keys:
            outcome = outcomes[key]
            if isinstance(outcome, NotFoundError):
                self.found.add_missing(id_of(key), outcome)
            elif isinstance(outcome, ProvisioningError):
                self.found.failures[str(id_of(key))] = outcome
            else:
                lists.append((key, outcome["list"]))
        return lists

    def _check_count(self, count: int, things: str) -> None:
        if self._requests + count > self._chosen.max_requests:
            raise OptionError(
                "Could not look into the catalog",
                f"it would take {count} requests for {things}, {self._requests + count} in all, and max_requests is"
                f" {self._chosen.max_requests}",
                "Name the products that are needed in catalog_id, or set max_requests higher",
            )

    def _fetch(
        self,
        kind: str,
        keys: Sequence[t.Any],
        get: Callable[[t.Any, t.Any], Entry],
        name: Callable[[t.Any], str],
    ) -> dict[t.Any, Entry | ProvisioningError]:
        if not keys:
            return {}
        chosen = self._chosen
        self._requests += len(keys)
        self.found.total += len(keys)
        parts = (kind, chosen.market.country, chosen.market.locale, chosen.customer_id, chosen.reservation_scope)
        source = Source(self._open, get, self._cache, self._settings.fingerprint, "catalog " + " ".join(parts), name)
        return fetch_all(keys, source, chosen.max_concurrency, self._progress)

    def _open(self) -> AbstractContextManager[t.Any]:
        """Return the client that all levels share. It is closed at the end."""
        from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.products import (
            PartnerProducts,
            Scope,
        )

        if self._client is None:
            chosen = self._chosen
            scope = Scope(chosen.customer_id, chosen.reservation_scope, chosen.lifecycle_state)
            client = PartnerProducts(self._settings, self._cache, chosen.max_concurrency, chosen.market, scope)
            self._client = self._stack.enter_context(client)
        return nullcontext(self._client)


def _add(lists: dict[str, list[Item]], name: str, item: Item) -> None:
    """Add an item to the list of this name, whose case may differ, unless it is in it already."""
    own = next((one for one in lists if one.lower() == name.lower()), name) if name not in lists else name
    _add_to(lists.setdefault(own, []), item)


def _add_to(items: list[Item], item: Item) -> None:
    if all(str(item["id"]).lower() != str(one["id"]).lower() for one in items):
        items.append(item)
