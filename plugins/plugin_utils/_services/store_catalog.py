# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The client of the Store's catalog: from a product to its packages, their content ids and their categories.

Source: reference facts on the Store licensing service (the organization's view) and on packages (the consumers' view,
which needs no sign-in). Neither is a documented public API: what is read here is read without regard to case, and
nothing but the ids is relied on.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import NotFoundError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import same_id
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import (
    is_from_service,
    lower_keys,
    parse_json,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import Meaning, ServiceClient
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import ErrorDetails
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

_REMEDY = "Check product_id and market; the catalog is not a documented public API and may have changed"
_SOME_PRODUCT = "9WZDNCRFJ3PS"
_MAX_NUMBER = 2**63 - 1


class Requirement(t.NamedTuple):
    """What a package needs: a framework's package name or a platform (`Windows.Desktop`), and the least version."""

    name: str
    min_version: str


@dataclass(frozen=True)
class Package:
    """One package of a product, as the catalog lists it; texts are empty where it says nothing."""

    sku_id: str
    package_id: str
    content_id: str
    package_format: str
    package_family_name: str
    package_full_name: str = ""
    version: str = ""
    """Four numbers with periods between."""
    architectures: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    size: int = 0
    """Bytes of the download at most, 0 when the catalog does not say. The delivery service may have another build."""
    rank: int = 0
    """The Store's order of preference, larger first; 0 when the catalog does not say."""
    wu_category_id: str = ""
    dependencies: tuple[Requirement, ...] = ()
    platforms: tuple[Requirement, ...] = ()


@dataclass(frozen=True)
class CatalogProduct:
    """A product with the packages of all its SKUs; title and publisher in the first language that was asked for."""

    product_id: str
    title: str
    publisher: str
    packages: tuple[Package, ...]


class StoreCatalog(ServiceClient):
    """Reads the organization's view, which has the offline SKU 0015 and needs a user's sign-in."""

    PARAMS: t.ClassVar[dict[str, str]] = {"catalogIds": "4"}

    def __init__(self, settings: Settings, cache: Cache, connections: int = 1, market: str = "US") -> None:
        """Take also the market, as a two-letter country code in upper case."""
        super().__init__(settings, cache, connections)
        self._market = market

    def get_product(self, product_id: str, languages: Iterable[str] = ()) -> CatalogProduct:
        """Get a product. Raises NotFoundError for one that the catalog does not know in this market."""
        attempted = f"Could not look up the product {product_id} in the Store's catalog"
        return self._product(attempted, product_id, self._get(attempted, product_id, languages))

    def probe(self) -> str:
        """Look up one product of Microsoft's."""
        attempted = f"Could not look up the product {_SOME_PRODUCT} in the Store's catalog"
        response = self._get(attempted, _SOME_PRODUCT, ())
        if response.status != 404:
            product = self._product(attempted, _SOME_PRODUCT, response)
            return f"the catalog could be read: {len(product.packages)} packages of an app"
        known = is_from_service(response, attempted)
        return "the catalog could be read: it does not know the app that was requested" if known else ""

    def meaning(self, details: ErrorDetails, subject: t.Any) -> Meaning:
        """See ServiceClient."""
        if details.status == 404:
            return Meaning("there is no such product", _REMEDY, not_found=True)
        if details.status in (401, 403):
            why = "the catalog does not accept the token"
            return Meaning(why, "Check catalog_audience, and that the user may read the catalog")
        return Meaning("", _REMEDY)

    def _get(self, attempted: str, product_id: str, languages: Iterable[str]) -> Response:
        return self.call(attempted, "GET", ("v7.0", "products", product_id), self._params(languages))

    def _params(self, languages: Iterable[str]) -> dict[str, str]:
        return {
            "fieldsTemplate": "Details",
            "market": self._market,
            "languages": ",".join([*dict.fromkeys(languages or ("en-US",)), "neutral"]),
            **self.PARAMS,
        }

    def _product(self, attempted: str, product_id: str, response: Response) -> CatalogProduct:
        for product in self._listed(attempted, response):
            if same_id(_text(product.get("productid")) or product_id, product_id):
                skus = product.get("displayskuavailabilities")
                if not isinstance(skus, list):
                    raise self.unusable(attempted, response, "without SKUs in it", _REMEDY)
                return _parse_product(product_id, product, skus)
        raise self.unusable(attempted, response, "with another product", _REMEDY)

    def _listed(self, attempted: str, response: Response) -> list[dict[str, t.Any]]:
        """Return the products in a response; the same call has been seen to respond with one or with a list."""
        body = lower_keys(self.json(attempted, response))
        products = body.get("products")
        if products == []:
            raise NotFoundError(attempted, "there is no such product", _REMEDY, response.status)
        return [lower_keys(one) for one in (products if isinstance(products, list) else [body.get("product")])]


class ConsumerCatalog(StoreCatalog):
    """Reads the consumers' view, without a sign-in: the SKUs 0010 (full) and 0011 (trial)."""

    SIGN_IN = False
    PARAMS: t.ClassVar[dict[str, str]] = {}
    MAX_PRODUCTS: t.ClassVar[int] = 10
    """So many products in one request: each may take megabytes, and the service takes 20."""

    def get_products(self, product_ids: Sequence[str], languages: Iterable[str] = ()) -> list[CatalogProduct]:
        """Get up to MAX_PRODUCTS products by one request; those that the catalog does not know are left out."""
        attempted = f"Could not look up {len(product_ids)} products in the Store's catalog"
        params = {**self._params(languages), "bigIds": ",".join(product_ids)}
        response = self.call(attempted, "GET", ("v7.0", "products"), params)
        try:
            products = self._listed(attempted, response)
        except NotFoundError:
            return []
        named = {_text(product.get("productid")).upper(): product for product in products}
        found = [(name, named[name.upper()]) for name in product_ids if name.upper() in named]
        return [_parse_product(name, one, _list(one.get("displayskuavailabilities"))) for name, one in found]

    def meaning(self, details: ErrorDetails, subject: t.Any) -> Meaning:
        """See ServiceClient."""
        if details.status in (401, 403):
            why = "the catalog does not show it without a sign-in"
            return Meaning(why, "Check market, and whether a proxy responds in the catalog's place")
        return super().meaning(details, subject)


def _parse_product(product_id: str, product: dict[str, t.Any], skus: Sequence[t.Any]) -> CatalogProduct:
    texts = lower_keys(next(iter(_list(product.get("localizedproperties"))), None))
    packages = [package for sku in skus for package in _parse_packages(lower_keys(lower_keys(sku).get("sku")))]
    return CatalogProduct(
        product_id, _text(texts.get("producttitle")), _text(texts.get("publishername")), tuple(packages)
    )


def _parse_packages(sku: dict[str, t.Any]) -> list[Package]:
    properties = lower_keys(sku.get("properties"))
    fulfillment = _fulfillment(properties)
    sku_id = _text(sku.get("skuid"))
    return [_parse_package(sku_id, lower_keys(one), fulfillment) for one in _list(properties.get("packages"))]


def _parse_package(sku_id: str, package: dict[str, t.Any], of_sku: dict[str, t.Any]) -> Package:
    # What stands on the package wins over what stands on its SKU.
    fulfillment = {**of_sku, **{name: value for name, value in _fulfillment(package).items() if value}}
    full_name = _text(package.get("packagefullname"))
    return Package(
        sku_id=sku_id,
        package_id=_text(package.get("packageid")),
        content_id=_text(package.get("contentid")),
        package_format=_text(package.get("packageformat")),
        package_family_name=_text(package.get("packagefamilyname"))
        or _text(fulfillment.get("packagefamilyname"))
        or _family(full_name),
        package_full_name=full_name,
        version=_version(package.get("version")),
        architectures=_texts(package.get("architectures")),
        languages=_texts(package.get("languages")),
        size=_number(package.get("maxdownloadsizeinbytes")),
        rank=_number(package.get("packagerank")),
        wu_category_id=_text(fulfillment.get("wucategoryid")),
        dependencies=_requirements(package.get("frameworkdependencies"), "packageidentity"),
        platforms=_requirements(package.get("platformdependencies"), "platformname"),
    )


def _fulfillment(holder: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the fulfillment data, which is an object, or a text that holds one as JSON."""
    value = holder.get("fulfillmentdata")
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except (ValueError, RecursionError):
            value = None
    return lower_keys(value)


def _requirements(value: t.Any, name: str) -> tuple[Requirement, ...]:
    found = [(_text(one.get(name)), _version(one.get("minversion"))) for one in map(lower_keys, _list(value))]
    return tuple(Requirement(*one) for one in found if one[0])


def _family(full_name: str) -> str:
    """A full name is name, version, architecture, resource and publisher hash; the family is the first and the last."""
    parts = full_name.split("_")
    return f"{parts[0]}_{parts[-1]}" if len(parts) == 5 else ""


def _version(value: t.Any) -> str:
    """Return a version with periods: the catalog often writes it as one number, of 16 bits for each part."""
    number = _number(value, limit=2**64 - 1)
    if number:
        return ".".join(str(number >> shift & 0xFFFF) for shift in (48, 32, 16, 0))
    return _text(value) if "." in _text(value) else ""


def _number(value: t.Any, limit: int = _MAX_NUMBER) -> int:
    """Return a number that may be written as text, or 0 for anything else."""
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.isdigit():
        value = int(value)
    number = isinstance(value, int) and not isinstance(value, bool)
    return value if number and 0 <= value <= limit else 0


def _list(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else []


def _text(value: t.Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: t.Any) -> tuple[str, ...]:
    return tuple(item for item in _list(value) if isinstance(item, str))
