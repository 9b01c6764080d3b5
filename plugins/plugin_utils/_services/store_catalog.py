# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The client of the Store's catalog: from a product to its packages and their content ids.

Source: reference facts on the Store licensing service. It is not a documented public API: what is read here is read
without regard to case, and nothing but the content id is relied on.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import same_id
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import PackageFilter
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import (
    is_from_service,
    json_object,
    lower_keys,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import ServiceSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

_REMEDY = "Check product_id and market; the catalog is not a documented public API and may have changed"


@dataclass(frozen=True)
class Package:
    """One package of a product, as the catalog lists it; texts are empty where it says nothing."""

    sku_id: str
    package_id: str
    content_id: str
    package_format: str
    package_family_name: str
    architectures: tuple[str, ...]
    languages: tuple[str, ...]
    wu_category_id: str

    def as_dict(self) -> dict[str, t.Any]:
        """Return it as a JSON object."""
        return {**asdict(self), "architectures": list(self.architectures), "languages": list(self.languages)}


def matches(meant: PackageFilter, package: Package) -> bool:
    """Tell whether a package is meant. One that is neutral or names nothing fits every architecture or language."""
    family = meant.package_family_name.lower()
    return (
        _architecture_fits(meant.architecture.lower(), package)
        and _language_fits(meant.language.lower(), package)
        and (not family or package.package_family_name.lower() == family)
    )


def _architecture_fits(wanted: str, package: Package) -> bool:
    named = {architecture.lower() for architecture in package.architectures}
    return not wanted or not named or bool(named & {wanted, "neutral"})


def _language_fits(wanted: str, package: Package) -> bool:
    named = {language.lower() for language in package.languages}
    if not wanted or not named or "neutral" in named or wanted in named:
        return True
    # en fits en-us, and en-us a package in en.
    return any(one.startswith(f"{wanted}-") or wanted.startswith(f"{one}-") for one in named)


class StoreCatalog:
    """Makes the catalog's one call. May be used by several threads at once."""

    def __init__(self, settings: Settings, cache: Cache, market: str, connections: int = 1) -> None:
        self._session = ServiceSession(settings, cache, connections)
        self._market = market

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def sign_in(self) -> None:
        """Make sure that there is a token."""
        self._session.sign_in()

    def get_packages(self, product_id: str, languages: Iterable[str] = ()) -> list[Package]:
        """Get all packages of all SKUs of a product.

        Raises NotFoundError for an unknown product, else UnavailableError, ServiceError, SignInError, OptionError.
        """
        attempted = f"Could not look up the product {product_id} in the Store's catalog"
        return self._packages(attempted, product_id, self._send(attempted, product_id, languages))

    def probe(self, product_id: str) -> str:
        """Look a product up; say what came, or nothing when something else at this address may have answered.

        Raises as get_packages does, but for a product that the catalog does not know; a page in the answer's place is a
        ServiceError.
        """
        attempted = f"Could not look up the product {product_id} in the Store's catalog"
        answer = self._send(attempted, product_id, ())
        if answer.status == 404:
            return "it does not know the app that was asked for" if is_from_service(answer, attempted) else ""
        return f"{len(self._packages(attempted, product_id, answer))} packages of an app"

    def _send(self, attempted: str, product_id: str, languages: Iterable[str]) -> Response:
        params = {
            "fieldsTemplate": "Details",
            "market": self._market,
            "languages": ",".join([*dict.fromkeys(languages or ("en-US",)), "neutral"]),
            "catalogIds": "4",
        }
        path = ("v7.0", "products", product_id)
        try:
            return self._session.call("GET", path, params=params, headers={"Accept": "application/json"})
        except UnavailableError as exc:
            raise exc.within(attempted) from None

    def _packages(self, attempted: str, product_id: str, answer: Response) -> list[Package]:
        if answer.status != 200:
            raise self._refused(attempted, answer)
        product = lower_keys(lower_keys(json_object(answer, attempted)).get("product"))
        named = _text(product.get("productid"))
        if named and not same_id(named, product_id):
            raise ServiceError(
                attempted, f"{answer.request} answered with another product", _REMEDY, status=answer.status
            )
        skus = product.get("displayskuavailabilities")
        if not isinstance(skus, list):
            raise ServiceError(
                attempted, f"{answer.request} answered HTTP {answer.status} without SKUs in it", _REMEDY, answer.status
            )
        return [package for sku in skus for package in _packages_of(lower_keys(lower_keys(sku).get("sku")))]

    def _refused(self, attempted: str, answer: Response) -> ServiceError | UnavailableError:
        fault = self._session.fault(answer)
        cause = fault.text(answer.request)
        if answer.gave_up:
            return UnavailableError(
                attempted, f"{cause}; {answer.gave_up}", "Run again later", answer.deadline_exceeded
            )
        if answer.status == 404:
            return NotFoundError(attempted, f"there is no such product ({cause})", _REMEDY, 404, fault.code)
        if answer.status in (401, 403):
            why = "the catalog does not accept the token"
            remedy = "Check catalog_audience, and that the user may read the catalog"
            return ServiceError(attempted, f"{why} ({cause})", remedy, answer.status, fault.code)
        return ServiceError(attempted, cause, _REMEDY, answer.status, fault.code)


def _packages_of(sku: dict[str, t.Any]) -> list[Package]:
    packages = lower_keys(sku.get("properties")).get("packages")
    sku_id = _text(sku.get("skuid"))
    return [_package(sku_id, lower_keys(package)) for package in packages] if isinstance(packages, list) else []


def _package(sku_id: str, package: dict[str, t.Any]) -> Package:
    fulfillment = package.get("fulfillmentdata")
    if isinstance(fulfillment, str):
        try:
            fulfillment = json.loads(fulfillment)
        except (ValueError, RecursionError):
            fulfillment = None
    fulfillment = lower_keys(fulfillment)
    return Package(
        sku_id=sku_id,
        package_id=_text(package.get("packageid")),
        content_id=_text(package.get("contentid")),
        package_format=_text(package.get("packageformat")),
        package_family_name=_text(package.get("packagefamilyname"))
        or _text(fulfillment.get("packagefamilyname"))
        or _family_of(_text(package.get("packagefullname"))),
        architectures=_texts(package.get("architectures")),
        languages=_texts(package.get("languages")),
        wu_category_id=_text(fulfillment.get("wucategoryid")),
    )


def _family_of(full_name: str) -> str:
    """A full name is name, version, architecture, resource and publisher hash; the family is the first and the last."""
    parts = full_name.split("_")
    return f"{parts[0]}_{parts[-1]}" if len(parts) == 5 else ""


def _text(value: t.Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: t.Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def describe(packages: Sequence[Package]) -> str:
    """Say what the catalog holds, for the message of a failure."""
    if not packages:
        return "the catalog lists no package"
    shown = [printable(_description(package), 300) for package in packages[:8]]
    more = f" and {len(packages) - 8} more" if len(packages) > 8 else ""
    return f"the catalog lists {'; '.join(shown)}{more}"


def _description(package: Package) -> str:
    return (
        f"SKU {package.sku_id or '?'} {package.package_format or 'package'}"
        f" ({', '.join(package.architectures) or 'any architecture'};"
        f" {', '.join(package.languages[:4]) or 'any language'}{', ...' if len(package.languages) > 4 else ''};"
        f" {package.package_family_name or 'no family name'}; content id {package.content_id or 'none'})"
    )
