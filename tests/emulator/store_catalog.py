# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog from which the successor's clients learn content ids. Source: docs of the Store licensing service."""

from __future__ import annotations

import re

from . import catalog_packages
from .catalog import OWNED, Product, find, product
from .clouds import CATALOG_AUDIENCE
from .identity import Identity
from .messages import Request, Response
from .settings import Settings
from .store_errors import StoreError, camel, invalid
from .store_service import StoreService
from .tokens import TokenIssuer

_LANGUAGE = r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*"
#: The documented query: (name, pattern of the value, what is expected).
_QUERY = (
    ("fieldsTemplate", re.compile("Details", re.IGNORECASE), "Details"),
    ("market", re.compile("[A-Za-z]{2}"), "two letters"),
    ("languages", re.compile(f"({_LANGUAGE}|neutral)(,({_LANGUAGE}|neutral))*"), "language tags with commas between"),
    ("catalogIds", re.compile("4"), "4"),
)


class StoreCatalog(StoreService):
    """The service behind the listener ``catalog``. It takes tokens of users and of applications."""

    def __init__(self, identity: Identity, issuer: TokenIssuer, settings: Settings) -> None:
        super().__init__(identity, issuer, settings, CATALOG_AUDIENCE, "catalog_bom")
        self.router.add("GET", "/v7.0/products/{product_id}", self._product)

    def _product(self, request: Request, product_id: str) -> Response:
        market = _query(request)["market"].upper()
        entry = find(product_id)
        if entry is None:
            raise _not_found(product_id)
        request.entry.note = entry.behavior
        behavior = request.effects.get("catalog_behavior", entry.behavior)
        if behavior in ("unknown", "catalog_unknown") or (behavior == "us_only" and market != "US"):
            raise _not_found(product_id)
        if behavior == "no_product":
            return Response.of({})
        if behavior == "null_product":
            return Response.of({"Product": None})
        if behavior == "other_product":
            entry, behavior = product((entry.index + 1) % OWNED), ""
        return Response.of({"Product": _body(entry, behavior)})


def _body(entry: Product, behavior: str) -> dict[str, object]:
    publisher = entry.name.partition(" ")[0]
    return {
        "LastModifiedDate": "2021-03-01T00:00:00.0000000Z",
        "LocalizedProperties": [
            {"Language": "en-us", "Markets": ["US"], "ProductTitle": entry.name, "PublisherName": publisher}
        ],
        "ProductId": entry.product_id,
        "ProductKind": "Application",
        "ProductType": "Application",
        "Properties": {"PackageFamilyName": entry.package_family_name, "Category": "Productivity"},
        "DisplaySkuAvailabilities": catalog_packages.skus(entry, behavior),
    }


def _query(request: Request) -> dict[str, str]:
    """The documented query parameters, each of which has to be there once. Raises StoreError 400."""
    values = {}
    for name, pattern, expected in _QUERY:
        given = [value for key, found in request.query.items() if key.lower() == name.lower() for value in found]
        if len(given) != 1 or not pattern.fullmatch(given[0]):
            reason = "invalid parameter" if given else "missing parameter"
            raise invalid(name, reason, f"The value must be {expected}.")
        values[name] = given[0]
    return values


def _not_found(product_id: str) -> StoreError:
    return StoreError(404, camel("NotFound", "The catalog has no such product in this market.", productId=product_id))
