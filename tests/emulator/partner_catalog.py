# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partner Center's operations on products, SKUs, availabilities, promotions and inventory.

Source: docs of the Partner Center catalog.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from . import partner_products as catalog
from .messages import Request, Response
from .partner_faults import REFUSALS, PartnerFault, fault
from .routing import Router
from .settings import Settings

#: What the catalog can be told to do with answers that are no refusals.
ANSWERS = {
    "other_item": "another product, SKU or availability than the one asked for",
    "wrong_kind": "a SKU instead of a product, a product instead of a SKU or availability",
    "no_item_id": "a product, SKU or availability without an id",
    "fault_in_200": "a fault with the status 200",
    "list_without_items": "a collection without items",
    "foreign_items": "a collection with items of another parent",
    "link_elsewhere": "the next link of a collection leads to another host",
    "link_loop": "the next link leads to the same page again, with the same headers",
    "link_endless": "there is always another page",
    "no_array": "the inventory as a collection instead of an array",
}
_TOKEN = "ms-continuationtoken"
_SCOPES = ("azureplan",)


class Catalog:
    """The handlers. The checks of country, locale and customer are those of the offers."""

    def __init__(
        self,
        settings: Settings,
        country_of: Callable[[Request], str],
        locale_of: Callable[[Request], str],
        country_of_customer: Callable[[str], str],
    ) -> None:
        self._settings = settings
        self._country_of = country_of
        self._locale_of = locale_of
        self._country_of_customer = country_of_customer
        #: URLs of all listeners by name, for links that point elsewhere.
        self.listeners: dict[str, str] = {}

    def add_routes(self, router: Router[Response]) -> None:
        """Add the operations to the router of the service."""
        for prefix in ("/v1", "/v1/customers/{customer}"):
            for path, handler in (
                ("/products", self._products),
                ("/products/{product_id}", self._product),
                ("/products/{product_id}/skus", self._skus),
                ("/products/{product_id}/skus/{sku_id}", self._sku),
                ("/products/{product_id}/skus/{sku_id}/availabilities", self._availabilities),
                ("/products/{product_id}/skus/{sku_id}/availabilities/{own_id}", self._availability),
            ):
                router.add("GET", prefix + path, handler)
        router.add("GET", "/v1/productpromotions", self._promotions)
        router.add("GET", "/v1/productpromotions/{promotion_id}", self._promotion)
        router.add("POST", "/v1/extensions/product/checkInventory", self._inventory)

    @staticmethod
    def has(request: Request) -> bool:
        """Whether a request is for the catalog."""
        path = request.path.lower()
        return "/products" in path or "/productpromotions" in path or "/extensions/" in path

    def _products(self, request: Request, customer: str = "") -> Response:
        ask = _Ask(self, request, customer, listing=True)
        view = _known(request.first("targetView") or "", catalog.VIEWS)
        if not view:
            raise PartnerFault(fault(400, 800002, "The target view is missing or not known."))
        if view == catalog.REFUSED_VIEW or (view == "MarketplaceSaaS" and customer):
            raise PartnerFault(REFUSALS["view_refused"])
        bodies = []
        for product in catalog.in_view(view, ask.country, ask.segment, ask.scope):
            if customer and view == "MicrosoftAzure" and product.id == catalog.AZURE_PLAN:
                bodies += [ask.sku(product, sku) for sku in product.skus]
            else:
                bodies.append(ask.product(product))
        return self._collection(request, bodies)

    def _product(self, request: Request, product_id: str, customer: str = "") -> Response:
        ask = _Ask(self, request, customer)
        product = ask.find(product_id)
        if product.id == catalog.UNAVAILABLE:
            return REFUSALS["item_unavailable"].response()
        return self._item(request, ask.product(product), ask.sku(product, product.skus[0]))

    def _skus(self, request: Request, product_id: str, customer: str = "") -> Response:
        ask = _Ask(self, request, customer, listing=True)
        product = ask.find(product_id)
        found = [ask.sku(product, sku) for sku in product.skus if catalog.in_segment(sku, ask.segment)]
        return self._collection(request, found)

    def _sku(self, request: Request, product_id: str, sku_id: str, customer: str = "") -> Response:
        ask = _Ask(self, request, customer)
        product = ask.find(product_id)
        sku = _sku_of(product, sku_id)
        return self._item(request, ask.sku(product, sku), ask.product(product))

    def _availabilities(self, request: Request, product_id: str, sku_id: str, customer: str = "") -> Response:
        ask = _Ask(self, request, customer, listing=True)
        product = ask.find(product_id)
        found = ask.availabilities(product, _sku_of(product, sku_id), ask.segment)
        if (request.first("IncludeLifeCycleState") or "").lower() == "true" and product.kind == "OnlineServicesNCE":
            found = [{**one, "lifeCycleState": "Active"} for one in found]
        return self._collection(request, found)

    def _availability(
        self, request: Request, product_id: str, sku_id: str, own_id: str, customer: str = ""
    ) -> Response:
        ask = _Ask(self, request, customer)
        product = ask.find(product_id)
        sku = _sku_of(product, sku_id)
        for segment in sku.segments:
            for listed in ask.availabilities(product, sku, segment):
                if listed["id"] == own_id.upper():
                    return self._item(request, catalog.availability_by_id(listed), ask.product(product))
        raise PartnerFault(REFUSALS["unknown_availability"])

    def _promotions(self, request: Request) -> Response:
        ask = _Ask(self, request, "")
        segment = (request.first("segment") or "").lower()
        if segment != "commercial":
            raise PartnerFault(fault(400, 800002, "The segment is missing or not supported."))
        found = catalog.promotions()[:-1] if ask.country == "US" else []
        listed = [{name: value for name, value in one.items() if name != "promotionConstraints"} for one in found]
        return self._collection(request, listed, linked=False)

    def _promotion(self, request: Request, promotion_id: str) -> Response:
        ask = _Ask(self, request, "")
        for one in catalog.promotions():
            if one["id"].lower() == promotion_id.lower() and ask.country == "US":
                return self._item(request, one, {})
        raise PartnerFault(fault(404, 1000, "There is no such promotion."))

    def _inventory(self, request: Request) -> Response:
        ask = _Ask(self, request, "")
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        names = {"pascal": str.upper, "camel": str.lower}.get(self._settings.partner_inventory_names)
        if not isinstance(body, dict) or (names and any(key[:1] != names(key[:1]) for key in body)):
            raise PartnerFault(fault(400, 2000, "The body has no items."))
        values = {key.lower(): value for key, value in body.items()}
        items, context = values.get("targetitems"), values.get("inventorycontext", {})
        if not isinstance(items, list) or not items or not isinstance(context, dict):
            raise PartnerFault(fault(400, 2000, "The body has no items."))
        answers = []
        for item in items:
            wanted = {key.lower(): str(value) for key, value in item.items() if value is not None}
            product = catalog.products().get(wanted.get("productid", "").upper())
            if product is None or product.id == catalog.NOT_IN_INVENTORY or not catalog.sold(product, ask.country):
                continue
            for sku in product.skus:
                if wanted.get("skuid", sku.id).lower() == sku.id.lower():
                    answers.append(_inventory_of(sku, context))
        if request.effects.get("partner_behavior") == "no_array":
            return Response.of({"items": answers, "totalCount": len(answers)})
        return Response.of(answers)

    def _item(self, request: Request, body: dict[str, Any], other_kind: dict[str, Any]) -> Response:
        behavior = request.effects.get("partner_behavior", "")
        if behavior == "fault_in_200":
            return REFUSALS["item_unavailable"].response()
        if behavior == "wrong_kind":
            body = other_kind
        if behavior == "other_item":
            body = {**body, "id": "0000" + str(body["id"])[4:][::-1]}
        if behavior == "no_item_id":
            body = {name: value for name, value in body.items() if name != "id"}
        return Response.of(body)

    def _collection(self, request: Request, found: list[dict[str, Any]], linked: bool = True) -> Response:
        """A page of a collection. What the next link leads to is said by its header alone."""
        behavior = request.effects.get("partner_behavior", "")
        if behavior == "fault_in_200":
            return REFUSALS["item_unavailable"].response()
        if behavior == "foreign_items":
            found = [{**one, "productId": "CFQ7TTC0FOREIGN"} for one in found]
        size = self._settings.partner_product_page_size or max(1, len(found))
        start = self._start(request, size)
        page, more = found[start : start + size], start + size < len(found)
        if behavior == "link_endless" and found:
            page, more = [{**found[0], "id": f"{start:04d}"}], True
        body: dict[str, Any] = {"totalCount": len(page), "items": page}
        if linked:
            path = request.path[len("/v1") :]
            query = urlencode([(name, values[0]) for name, values in request.query.items()])
            uri = f"{path}?{query}" if query else path
            body["links"] = {"self": {"uri": uri, "method": "GET", "headers": []}}
            if more:
                following = start if behavior == "link_loop" else start + size
                body["links"]["next"] = self._next(request, path, behavior, following)
        body["attributes"] = {"objectType": "Collection"}
        if behavior == "list_without_items":
            del body["items"]
        return Response.of(body)

    def _start(self, request: Request, size: int) -> int:
        following = (request.first("seekOperation") or "").lower() == "next"
        token = request.headers.get(_TOKEN, "")
        if following != bool(token):
            raise PartnerFault(fault(400, 2000, "The continuation token does not fit the request."))
        if not token:
            return 0
        if not re.fullmatch(r"page-[0-9]+", token):
            raise PartnerFault(fault(400, 2000, "The continuation token is not valid."))
        return int(token[len("page-") :])

    def _next(self, request: Request, path: str, behavior: str, start: int) -> dict[str, Any]:
        given = [(name, values[0]) for name, values in request.query.items() if name.lower() != "seekoperation"]
        uri = f"{path}?{urlencode([*given, ('seekOperation', 'Next')])}"
        if behavior == "link_elsewhere":
            uri = f"{self.listeners.get('stranger', '')}/v1{uri}"
        header = {"key": "MS-ContinuationToken", "value": f"page-{start}"}
        return {"uri": uri, "method": "GET", "headers": [header]}


class _Ask:
    """What a request of the catalog says, checked. Raises PartnerFault."""

    def __init__(self, owner: Catalog, request: Request, customer: str, listing: bool = False) -> None:
        if request.first("offset") is not None or request.first("size") is not None:
            raise PartnerFault(fault(400, 800002, "The parameters offset and size are not known here."))
        self._generation = owner._settings.partner_availability_generation
        self.locale = owner._locale_of(request)
        if customer:
            if request.first("country") is not None:
                raise PartnerFault(fault(400, 800002, "The customer decides on the country."))
            self.country = owner._country_of_customer(customer)
            self._root, self._query = f"/customers/{customer}", ""
        else:
            self.country = owner._country_of(request)
            self._root, self._query = "", f"?country={self.country}"
        self.scope = request.first("reservationScope") or ""
        if self.scope and self.scope.lower() not in _SCOPES:
            raise PartnerFault(fault(400, 800002, "The reservation scope is not known."))
        asked = request.first("targetSegment") if listing else None
        self.segment = _known(asked or "", catalog.SEGMENTS)
        if asked is not None and not self.segment:
            raise PartnerFault(fault(400, 800002, "The segment is not known."))
        if self.segment == "government" and self.country != "US":
            raise PartnerFault(REFUSALS["segment_refused"])

    def find(self, product_id: str) -> catalog.Product:
        product = catalog.products().get(product_id.upper())
        if product is None or not catalog.sold(product, self.country):
            raise PartnerFault(REFUSALS["unknown_product"])
        if not catalog.in_reservation_scope(product, self.scope):
            raise PartnerFault(REFUSALS["unknown_product"])
        return product

    def product(self, product: catalog.Product) -> dict[str, Any]:
        return catalog.product_body(product, self._root, self._query, self.locale)

    def sku(self, product: catalog.Product, sku: catalog.Sku) -> dict[str, Any]:
        return catalog.sku_body(product, sku, self._root, self._query, self.locale)

    def availabilities(self, product: catalog.Product, sku: catalog.Sku, segment: str) -> list[dict[str, Any]]:
        return catalog.availabilities(product, sku, self.country, segment, self._generation, self._root, self._query)


def _sku_of(product: catalog.Product, sku_id: str) -> catalog.Sku:
    for sku in product.skus:
        if sku.id.lower() == sku_id.lower():
            return sku
    raise PartnerFault(REFUSALS["unknown_sku"])


def _known(value: str, known: tuple[str, ...]) -> str:
    return next((one for one in known if one.lower() == value.lower()), "")


def _inventory_of(sku: catalog.Sku, context: dict[str, Any]) -> dict[str, Any]:
    given = {key.lower() for key in context}
    restricted = sku.product_id == catalog.RESERVATION and "azuresubscriptionid" not in given
    reason = {"reasonCode": "NotAvailableForSubscription", "description": "Zurzeit nicht verfügbar.", "properties": {}}
    return {
        "productId": sku.product_id,
        "skuId": sku.id,
        "isRestricted": restricted,
        "restrictions": [reason] if restricted else [],
    }
