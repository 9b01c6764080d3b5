# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Runs ms_store_product_info with validated options: what its module and its action plugin have in common."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec import (
    catalog_token_option,
    shared_options,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._bulk import Progress
from ansible_collections.msdevices.provisioning.plugins.module_utils._cache import Cache
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError, ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._find_packages import find_packages, view_from
from ansible_collections.msdevices.provisioning.plugins.module_utils._license_requests import (
    PACKAGE_FILTERS,
    PackageFilter,
    product_problem,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._settings import (
    Settings,
    check_max_concurrency,
    settings_from,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._store_catalog import matches


def product_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule."""
    return {
        "argument_spec": {
            **shared_options(),
            "access_token": catalog_token_option(),
            "product_id": {"type": "list", "elements": "str", "required": True},
            "market": {"type": "str", "default": "US"},
            "languages": {"type": "list", "elements": "str", "default": ["en-US"]},
            "sku_id": {"type": "str"},
            "architecture": {"type": "str"},
            "language": {"type": "str"},
            "package_family_name": {"type": "str"},
            "max_concurrency": {"type": "int", "default": 8},
        },
        "supports_check_mode": True,
    }


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
    for product_id, outcome in zip(product_ids, found):
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
                "packages": [package.as_dict() for package in packages],
                "content_ids": list(content_ids),
            }
        )
    return products
