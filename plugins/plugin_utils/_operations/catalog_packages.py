# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Finds the packages of products in the Store's catalog, through the run cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import DEFAULT_MARKET
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
        catalog = StoreCatalog(settings, cache, view.market, max_concurrency)
        try:
            catalog.sign_in()
            yield lambda product_id: {
                "packages": [package.as_dict() for package in catalog.get_packages(product_id, view.languages)]
            }
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
    return [
        Package(
            **{**package, "architectures": tuple(package["architectures"]), "languages": tuple(package["languages"])}
        )
        for package in outcome["item"]["packages"]
    ]
