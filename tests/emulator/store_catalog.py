# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog. Its organization view (``catalogIds=4``) tells the successor's clients content ids and wants a token;
its consumer view wants none. Sources: docs of the Store licensing service; reference facts on packages, section 2."""

from __future__ import annotations

import re
from typing import Any

from . import catalog_packages, releases
from .catalog import OWNED, Product, find, find_content, find_family, product
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
    (
        "languages",
        re.compile(f"({_LANGUAGE}|[Nn]eutral)(,({_LANGUAGE}|[Nn]eutral))*"),
        "language tags with commas between",
    ),
    ("catalogIds", re.compile("4"), "4"),
)
_MOST_IDS = 20


class StoreCatalog(StoreService):
    """The service behind the listener ``catalog``. It takes tokens of users and of applications."""

    def __init__(self, identity: Identity, issuer: TokenIssuer, settings: Settings) -> None:
        super().__init__(identity, issuer, settings, CATALOG_AUDIENCE, "catalog_bom")
        self.router.add("GET", "/v7.0/products/lookup", self._lookup)
        self.router.add("GET", "/v7.0/products/{product_id}", self._product)
        self.router.add("GET", "/v7.0/products", self._products)

    def _claims(self, request: Request) -> dict[str, Any]:
        """Only the organization view wants a token: 403 without one, 401 for a wrong one."""
        if not _organization(request):
            return {}
        if "authorization" not in request.headers:
            raise StoreError(403, camel("Forbidden", "This catalog is not for anonymous callers."))
        return super()._claims(request)

    def _product(self, request: Request, product_id: str) -> Response:
        market = _query(request)["market"].upper()
        entry = find(product_id)
        if entry is None:
            raise _not_found(product_id)
        request.entry.note = entry.behavior
        behavior = request.effects.get("catalog_behavior", entry.behavior)
        if _hidden(behavior, market):
            raise _not_found(product_id)
        if behavior == "no_product":
            return Response.of({})
        if behavior == "null_product":
            return Response.of({"Product": None})
        if behavior == "other_product":
            entry, behavior = product((entry.index + 1) % OWNED), ""
        return Response.of({"Product": _body(entry, behavior, _organization(request))})

    def _products(self, request: Request) -> Response:
        """Several products, those that there are, in any order."""
        market = _query(request)["market"].upper()
        ids = (request.first("bigIds") or "").split(",")
        if not all(ids) or len(ids) > _MOST_IDS:
            raise invalid("bigIds", "invalid parameter", f"The value must be 1 to {_MOST_IDS} ids.")
        found = [entry for entry in map(find, dict.fromkeys(one.upper() for one in ids)) if entry is not None]
        return self._several(request, [entry for entry in found if not _hidden(entry.behavior, market)])

    def _lookup(self, request: Request) -> Response:
        market = _query(request)["market"].upper()
        finders = {"packagefamilyname": find_family, "contentid": find_content}
        finder = finders.get((request.first("alternateId") or "").lower())
        if finder is None:
            raise invalid("alternateId", "invalid parameter", "The value must be PackageFamilyName or ContentId.")
        entry = finder(request.first("value") or "")
        if entry is None or _hidden(entry.behavior, market):
            raise StoreError(404, camel("NotFound", "The catalog has no such product in this market."))
        return self._several(request, [entry])

    def _several(self, request: Request, entries: list[Product]) -> Response:
        organization = _organization(request)
        listed = [_body(entry, entry.behavior, organization) for entry in reversed(entries)]
        return Response.of({"BigIds": [entry.product_id for entry in entries], "Products": listed})


def _organization(request: Request) -> bool:
    return request.first("catalogIds") is not None


def _hidden(behavior: str, market: str) -> bool:
    return behavior in ("unknown", "catalog_unknown") or (behavior == "us_only" and market != "US")


def _body(entry: Product, behavior: str, organization: bool) -> dict[str, object]:
    publisher = entry.name.partition(" ")[0]
    skus = catalog_packages.skus(entry, behavior) if organization else releases.consumer_skus(entry)
    return {
        "LastModifiedDate": "2021-03-01T00:00:00.0000000Z",
        "LocalizedProperties": [
            {"Language": "en-us", "Markets": ["US"], "ProductTitle": entry.name, "PublisherName": publisher}
        ],
        "ProductId": entry.product_id,
        "PreferredSkuId": "0010",
        "ProductKind": "Application",
        "ProductType": "Application",
        "Properties": {
            "PackageFamilyName": entry.package_family_name,
            "PackageIdentityName": entry.package_family_name.rpartition("_")[0],
            "Category": "Productivity",
        },
        "DisplaySkuAvailabilities": skus,
    }


def _query(request: Request) -> dict[str, str]:
    """The known query parameters, each of which has to be there once (but for catalogIds). Raises StoreError 400."""
    values = {}
    for name, pattern, expected in _QUERY:
        if name == "catalogIds" and not _organization(request):
            continue
        given = [value for key, found in request.query.items() if key.lower() == name.lower() for value in found]
        if len(given) != 1 or not pattern.fullmatch(given[0]):
            reason = "invalid parameter" if given else "missing parameter"
            raise invalid(name, reason, f"The value must be {expected}.")
        values[name] = given[0]
    return values


def _not_found(product_id: str) -> StoreError:
    return StoreError(404, camel("NotFound", "The catalog has no such product in this market.", productId=product_id))
