# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Finds products and their packages in the Store's catalog, through the run cache."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import country_code
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    OptionError,
    ProvisioningError,
    raise_failures,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import (
    PackageFilter,
    product_problem,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache, Entry
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import (
    Progress,
    Source,
    fetch_all,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.report_missing import report_missing
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_catalog import (
    CatalogProduct,
    ConsumerCatalog,
    Package,
    Requirement,
    StoreCatalog,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    check_max_concurrency,
    settings_from,
)

VIEWS = {"organization": "store_catalog", "consumer": "store_consumer_catalog"}
"""Value of the option `view` to the service in the table."""


@dataclass(frozen=True)
class CatalogView:
    """For which market and in which languages the catalog is read."""

    market: str = "US"
    languages: tuple[str, ...] = ("en-US",)


def view_from(options: Mapping[str, object]) -> CatalogView:
    """Check market and languages by their shape. Raises OptionError."""
    market = country_code("market", options.get("market") or "US")
    languages = options.get("languages") or ("en-US",)
    named = [str(language) for language in languages] if isinstance(languages, (list, tuple)) else []
    if not named or not all(
        language.isascii() and language.replace("-", "").isalnum() and len(language) <= 20 for language in named
    ):
        raise OptionError(
            "Could not use the options", "languages holds what is no language", "Set it to a list such as en-US, de-DE"
        )
    return CatalogView(market, tuple(named))


def find_products(
    options: Mapping[str, t.Any],
    open_cache: Callable[[Settings], Cache],
    warn: Callable[[str], None],
    progress: Progress | None = None,
) -> dict[str, t.Any]:
    """Return what ms_store_product_info returns: the products, and the ids of those that do not exist.

    Raises an error that tells of all failures; with on_missing=error, NotFoundError for all that do not exist.
    """
    product_ids = [product_id.strip() for product_id in options["product_id"]]
    for problem in filter(None, map(product_problem, product_ids)):
        raise OptionError("Could not use the options", problem, "Correct product_id; nothing was requested")
    view = view_from(options)
    concurrency = check_max_concurrency(options["max_concurrency"])
    meant = PackageFilter.of(options)
    settings = settings_from(options, VIEWS[options["view"]])
    found = look_up(settings, open_cache(settings), view, product_ids, concurrency, progress)
    products, missing, failures = [], {}, {}
    for product_id, outcome in zip(product_ids, found, strict=True):
        if isinstance(outcome, NotFoundError):
            missing[product_id] = outcome.cause
        elif isinstance(outcome, ProvisioningError):
            failures[product_id] = outcome
        else:
            products.append(_result(product_id, outcome, meant, options.get("sku_id") or ""))
    raise_failures(failures, len(product_ids), "products")
    words = ("product", f"in {view.market}", "The Store's catalog")
    report_missing(missing, options["on_missing"], words, "Check product_id and market", warn)
    return {"products": products, "not_found": list(missing)}


def look_up(
    settings: Settings,
    cache: Cache,
    view: CatalogView,
    product_ids: Sequence[str],
    max_concurrency: int,
    progress: Progress | None = None,
) -> list[CatalogProduct | ProvisioningError]:
    """Look products up in the catalog that the settings are for, in their order; what fails is an error in the list.

    Raises SignInError, UnavailableError, OptionError or MissingLibraryError when not even a sign-in is possible.
    """
    kind = ConsumerCatalog if settings.service == VIEWS["consumer"] else StoreCatalog

    def open_client() -> StoreCatalog:
        return kind(settings, cache, max_concurrency, view.market)

    normalized = list(dict.fromkeys(product_id.upper() for product_id in product_ids))
    single = Source(
        open_client,
        lambda client, product_id: asdict(client.get_product(product_id, view.languages)),
        cache,
        settings.fingerprint,
        f"product {view}",
    )
    outcomes: dict[str, Entry | ProvisioningError] = {}
    if kind is ConsumerCatalog and len(normalized) > 1:
        outcomes.update(_look_up_several(single, view, normalized, max_concurrency))
    rest = [product_id for product_id in normalized if product_id not in outcomes]
    outcomes.update(fetch_all(rest, single, max_concurrency, progress))
    found = {
        key: outcome if isinstance(outcome, ProvisioningError) else product_from(outcome)
        for key, outcome in outcomes.items()
    }
    return [found[product_id.upper()] for product_id in product_ids]


def _look_up_several(
    single: Source, view: CatalogView, product_ids: Sequence[str], max_concurrency: int
) -> dict[str, Entry]:
    """Get products by few requests, and keep them as if each had been requested by itself.

    What fails here, or is not known, is left out, and requested by itself.
    """
    found: dict[str, Entry] = {}
    missing = [name for name in product_ids if single.cache.find(single.cache_key(name)) is None]
    most = ConsumerCatalog.MAX_PRODUCTS
    groups = [tuple(missing[start : start + most]) for start in range(0, len(missing), most)]

    def get(client: ConsumerCatalog, group: tuple[str, ...]) -> Entry:
        return {one.product_id: asdict(one) for one in client.get_products(group, view.languages)}

    source = single._replace(get=get, kind=f"products {view}", name=",".join)
    for outcome in fetch_all(groups, source, max_concurrency).values():
        products = {} if isinstance(outcome, ProvisioningError) else outcome
        for name, product in products.items():
            found[name] = single.cache.get_or_create(single.cache_key(name), partial(dict, item=product))["item"]
    return found


def product_from(entry: Entry) -> CatalogProduct:
    """Make the product that `asdict` was called of."""
    return CatalogProduct(**{**entry, "packages": tuple(_package_from(package) for package in entry["packages"])})


def _package_from(entry: Entry) -> Package:
    lists = {name: tuple(value) for name, value in entry.items() if isinstance(value, (list, tuple))}
    needs = {name: tuple(Requirement(*one) for one in lists[name]) for name in ("dependencies", "platforms")}
    return Package(**{**entry, **lists, **needs})


def _result(product_id: str, product: CatalogProduct, meant: PackageFilter, sku_id: str) -> dict[str, t.Any]:
    packages = [package for package in product.packages if matches(meant, package) and sku_id in ("", package.sku_id)]
    return {
        "product_id": product_id,
        "title": product.title or None,
        "publisher": product.publisher or None,
        "packages": [_package_facts(package) for package in packages],
        "content_ids": list(dict.fromkeys(package.content_id.lower() for package in packages if package.content_id)),
    }


def _package_facts(package: Package) -> dict[str, object]:
    """Return a package as modules do."""
    facts: dict[str, object] = {
        name: list(one) if isinstance(one, tuple) else one for name, one in vars(package).items()
    }
    needs = {name: [one._asdict() for one in getattr(package, name)] for name in ("dependencies", "platforms")}
    return {**facts, **needs}


def matches(meant: PackageFilter, package: Package) -> bool:
    """Return whether a package is meant. One that is neutral or names nothing fits every architecture or language."""
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
