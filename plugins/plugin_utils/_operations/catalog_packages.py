# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Finds the packages of products in the Store's catalog, through the run cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    DEFAULT_MARKET,
    PackageFilter,
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
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_catalog import (
    Package,
    Requirement,
    StoreCatalog,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings


@dataclass(frozen=True)
class CatalogView:
    """For which market and in which languages the catalog is read."""

    market: str = DEFAULT_MARKET
    languages: tuple[str, ...] = ("en-US",)


def view_from(options: Mapping[str, object]) -> CatalogView:
    """Check market and languages by their shape. Raises OptionError."""
    market = options.get("market") or DEFAULT_MARKET
    if not isinstance(market, str) or len(market) != 2 or not (market.isascii() and market.isalpha()):
        raise OptionError(
            "Could not use the options",
            f"market is {str(market)[:40]!r}, not a two-letter code of a country",
            "Set market to a code such as US or DE",
        )
    languages = options.get("languages") or ("en-US",)
    named = [str(language) for language in languages] if isinstance(languages, (list, tuple)) else []
    if not named or not all(
        language.isascii() and language.replace("-", "").isalnum() and len(language) <= 20 for language in named
    ):
        raise OptionError(
            "Could not use the options", "languages holds what is no language", "Set it to a list such as en-US, de-DE"
        )
    return CatalogView(market.upper(), tuple(named))


def find_packages(
    settings: Settings,
    cache: Cache,
    view: CatalogView,
    product_ids: Sequence[str],
    max_concurrency: int,
    progress: Progress | None = None,
) -> list[list[Package] | ProvisioningError]:
    """Find all packages of each product, in the order of the products; what cannot be had is an error in the list.

    Raises SignInError, UnavailableError, OptionError or MissingLibraryError when not even a sign-in is possible.
    """

    @contextmanager
    def open_service() -> Iterator[Callable[[str], Entry]]:
        catalog = StoreCatalog(settings, cache, max_concurrency, view.market)
        try:
            catalog.sign_in()
            yield lambda product_id: asdict(catalog.get_product(product_id, view.languages))
        finally:
            catalog.close()

    def cache_key(product_id: str) -> str:
        return f"packages {settings.fingerprint} {view} {product_id}"

    folded = [product_id.upper() for product_id in product_ids]
    outcomes = Bulk(open_service, cache_key, cache, progress).all(folded, max_concurrency)
    return [_packages(outcomes[product_id]) for product_id in folded]


def _packages(outcome: Entry | ProvisioningError) -> list[Package] | ProvisioningError:
    if isinstance(outcome, ProvisioningError):
        return outcome
    return [package_from(entry) for entry in outcome["item"]["packages"]]


def package_from(entry: Entry) -> Package:
    """Make the package that `asdict` was called of."""
    lists = {name: tuple(value) for name, value in entry.items() if isinstance(value, (list, tuple))}
    needs = {name: tuple(Requirement(*one) for one in lists[name]) for name in ("dependencies", "platforms")}
    return Package(**{**entry, **lists, **needs})


def package_facts(package: Package) -> dict[str, object]:
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
