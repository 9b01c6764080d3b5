# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Finds the products that the options of ms_store_product_info ask for."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    PACKAGE_FILTERS,
    PackageFilter,
    product_problem,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.catalog_packages import (
    find_packages,
    matches,
    package_facts,
    view_from,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import Progress
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    check_max_concurrency,
    settings_from,
)


def find_products(
    options: Mapping[str, t.Any], open_cache: t.Callable[[Settings], Cache], progress: Progress | None = None
) -> list[dict[str, t.Any]]:
    """Return a product for each id that the options ask for. Raises the first error."""
    product_ids = options["product_id"]
    for product_id in product_ids:
        problem = product_problem(product_id)
        if problem:
            raise OptionError("Could not use the options", problem, "Correct product_id; nothing was requested")
    view = view_from(options)
    concurrency = check_max_concurrency(options["max_concurrency"])
    meant = PackageFilter(*(options.get(name) or "" for name in PACKAGE_FILTERS))
    settings = settings_from(options, "store_catalog")
    products = []
    found = find_packages(settings, open_cache(settings), view, product_ids, concurrency, progress)
    for product_id, outcome in zip(product_ids, found, strict=True):
        if isinstance(outcome, ProvisioningError):
            raise outcome
        packages = [
            package
            for package in outcome
            if matches(meant, package) and options.get("sku_id") in (None, "", package.sku_id)
        ]
        content_ids = dict.fromkeys(package.content_id.lower() for package in packages if package.content_id)
        products.append(
            {
                "product_id": product_id,
                "packages": [package_facts(package) for package in packages],
                "content_ids": list(content_ids),
            }
        )
    return products
