# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The clients of Partner Center's catalog: what all share, and products, SKUs and availabilities.

Source: reference facts on the Partner Center catalog.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import Market
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_product import CatalogId
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ServiceError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import lower_keys
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import Meaning
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import ErrorDetails
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center import catalog_meanings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.client import (
    CHECK_ADDRESS,
    Item,
    PartnerCenterClient,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings


class CatalogClient(PartnerCenterClient):
    """Base of the clients of the catalog: what its refusals mean, and items that are told apart by their whole key."""

    def meaning(self, details: ErrorDetails, subject: t.Any) -> Meaning:
        """See ServiceClient; `subject` is the kind of what was requested by id, or empty."""
        return catalog_meanings.meaning(details, str(subject or ""))

    def json(self, attempted: str, response: Response, subject: t.Any = None) -> dict[str, t.Any]:
        """See ServiceClient. A fault can have the status 200."""
        body = super().json(attempted, response, subject)
        names = lower_keys(body)
        if "code" in names and not names.keys() & {"id", "items"}:
            raise self.refused(attempted, response, subject)
        return body

    def identify(self, item: Item) -> str:
        """See PartnerCenterClient: `0001` is the id of a SKU in nearly every product."""
        if not item.get("id"):
            return ""
        return "\0".join(str(item.get(name) or "") for name in ("productId", "skuId", "id")).lower()

    def item(
        self,
        attempted: str,
        response: Response,
        subject: str,
        wanted: str,
        kind_of: t.Callable[[Item], str] | None = None,
    ) -> Item:
        """Return what was requested by its id `wanted`. Raises ServiceError for anything else."""
        item = self.json(attempted, response, subject)
        kind = kind_of(item) if kind_of else subject
        if kind != subject:
            raise self.unusable(attempted, response, f"with a {kind} instead of the {subject}", CHECK_ADDRESS)
        found = item.get("id")
        if not isinstance(found, str) or not found:
            raise self.unusable(attempted, response, f"without the {subject} in it", CHECK_ADDRESS)
        if found.lower() != wanted.lower():
            how = f"with another {subject}, {printable(found, 100)}"
            raise self.unusable(attempted, response, how, CHECK_ADDRESS)
        return item


@dataclass(frozen=True)
class Scope:
    """For whom the catalog is looked at, beside the market. Empty parts are not sent."""

    customer_id: str = ""
    """Then the customer's country decides, and none is sent."""
    reservation_scope: str = ""
    lifecycle_state: bool = False


class PartnerProducts(CatalogClient):
    """Makes the calls for products, SKUs and availabilities, one method per operation."""

    def __init__(
        self,
        settings: Settings,
        cache: Cache,
        connections: int = 1,
        market: Market | None = None,
        scope: Scope | None = None,
    ) -> None:
        """Take also for whom the catalog is looked at."""
        super().__init__(settings, cache, connections, market)
        self._scope = scope or Scope()

    def list_products(self, target_view: str, segment: str) -> list[Item]:
        """Get the products of a view; an empty segment stands for all but nonprofit.

        Some views of a customer have SKUs among them, which have a `productId`.
        """
        attempted = f"Could not list the products of {printable(target_view, 100)} {self._where()}"
        params = {**self._params(segment), "targetView": target_view}
        return self._checked(attempted, self.list_all(attempted, self._path("products"), params))

    def get_item(self, wanted: CatalogId) -> Item:
        """Get a product, SKU or availability by id. Raises NotFoundError, whose code says which part there is not."""
        attempted = f"Could not get the {wanted.kind} {printable(str(wanted))} {self._where()}"
        parts = [("products", wanted.product_id), ("skus", wanted.sku_id), ("availabilities", wanted.availability_id)]
        path = [text for name, part in parts if part for text in (name, part)]
        # An availability is looked up in no scope of reservations.
        params = self._params("", with_scope=not wanted.availability_id)
        response = self.get(attempted, self._path(*path), params)
        item = self.item(attempted, response, wanted.kind, path[-1], _kind_of)
        self._check_parent(attempted, item, wanted)
        return item

    def list_skus(self, product_id: str, segment: str) -> list[Item]:
        """Get the SKUs of a product; an empty segment stands for all but nonprofit."""
        wanted = CatalogId(product_id)
        attempted = f"Could not list the SKUs of {printable(product_id)} {self._where()}"
        path = self._path("products", product_id, "skus")
        return self._checked(attempted, self.list_all(attempted, path, self._params(segment), "product"), wanted)

    def list_availabilities(self, wanted: CatalogId, segment: str) -> list[Item]:
        """Get the availabilities of a SKU; an empty segment stands for all but nonprofit."""
        attempted = f"Could not list the availabilities of {printable(str(wanted))} {self._where()}"
        path = self._path("products", wanted.product_id, "skus", wanted.sku_id, "availabilities")
        params = self._params(segment)
        if self._scope.lifecycle_state:
            params["IncludeLifeCycleState"] = "true"
        return self._checked(attempted, self.list_all(attempted, path, params, "SKU"), wanted)

    def probe(self) -> str:
        """List the products of a small view."""
        return f"{len(self.list_products('MicrosoftAzure', ''))} products could be listed"

    def _where(self) -> str:
        return f"for customer {self._scope.customer_id}" if self._scope.customer_id else f"in {self.market.country}"

    def _path(self, *segments: str) -> tuple[str, ...]:
        return ("customers", self._scope.customer_id, *segments) if self._scope.customer_id else segments

    def _params(self, segment: str, with_scope: bool = True) -> dict[str, str]:
        params = {} if self._scope.customer_id else {"country": self.market.country}
        if segment:
            params["targetSegment"] = segment
        if with_scope and self._scope.reservation_scope:
            params["reservationScope"] = self._scope.reservation_scope
        return params

    def _checked(self, attempted: str, items: list[Item], parent: CatalogId | None = None) -> list[Item]:
        """Return the items of a list, each of which has an id and, where it names one, the parent. Raises
        ServiceError."""
        for item in items:
            if not isinstance(item.get("id"), str) or not item["id"]:
                raise ServiceError(attempted, "the list has something without an id in it", CHECK_ADDRESS)
            if parent is not None:
                self._check_parent(attempted, item, parent)
        return items

    @staticmethod
    def _check_parent(attempted: str, item: Item, parent: CatalogId) -> None:
        for name, part in (("productId", parent.product_id), ("skuId", parent.sku_id)):
            found = item.get(name)
            if part and found and str(found).lower() != part.lower():
                raise ServiceError(
                    attempted,
                    f"the response is of another {'product' if name == 'productId' else 'SKU'},"
                    f" {printable(str(found), 100)}",
                    CHECK_ADDRESS,
                )


def _kind_of(item: Item) -> str:
    """Return what an item is by its parents: `product`, `SKU` or `availability`."""
    if item.get("skuId") or item.get("catalogItemId"):
        return "availability"
    return "SKU" if item.get("productId") else "product"
