# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Finds the content ids of requests that have none, in the Store's catalog."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
    ServiceError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import key_problem
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    LicenseRequest,
    filename_problem,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_products import (
    describe,
    look_up,
    matches,
    view_from,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_catalog import Package
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    settings_from,
)

# No product has more; each is a request for a license.
MAX_CONTENT_IDS = 100


def resolve_content_ids(
    requests: Sequence[LicenseRequest],
    options: Mapping[str, t.Any],
    open_cache: Callable[[Settings], Cache],
    max_concurrency: int,
) -> list[list[LicenseRequest] | ProvisioningError]:
    """Return for each request one for each of its content ids, or why there is none.

    Raises SignInError, UnavailableError, OptionError or MissingLibraryError when not even a sign-in is possible.
    """
    settings = _catalog_settings(options)
    languages = dict.fromkeys(request.packages.language for request in requests if request.packages.language)
    view = view_from({"market": options.get("market"), "languages": list(languages)})
    products = [request.key.product_id for request in requests]
    found = look_up(settings, open_cache(settings), view, products, max_concurrency)
    return [
        outcome
        if isinstance(outcome, ProvisioningError)
        else _resolve(request, outcome.packages, str(options["format"]))
        for request, outcome in zip(requests, found, strict=True)
    ]


def _resolve(
    request: LicenseRequest, packages: Sequence[Package], license_format: str
) -> list[LicenseRequest] | ProvisioningError:
    attempted = f"Could not find the content id of {request.key}"
    meant = [
        package
        for package in packages
        if package.sku_id.lower() == request.key.sku_id.lower() and matches(request.packages, package)
    ]
    content_ids = list(dict.fromkeys(package.content_id.lower() for package in meant if package.content_id))
    if not content_ids:
        return ServiceError(
            attempted,
            f"no package of it matches {request.catalog_query}; {describe(packages)}",
            "Check sku_id, architecture, language and package_family_name, or set content_id",
        )
    if len(content_ids) > MAX_CONTENT_IDS:
        cause = f"the catalog lists {len(content_ids)} of them, and more than {MAX_CONTENT_IDS} are not believed"
        return ServiceError(attempted, cause, "Set architecture, language or package_family_name, or content_id")
    resolved = [request.resolved(content_id, license_format) for content_id in content_ids]
    for one in resolved:
        problem = key_problem(one.key) or filename_problem(one.filename)
        if problem:
            return ServiceError(attempted, f"the catalog lists what cannot be used: {problem}", "Set content_id")
    if len({one.filename.lower() for one in resolved}) < len(resolved):
        return OptionError(
            attempted,
            f"its packages need {len(resolved)} licenses ({', '.join(content_ids)}), and filename names one file",
            "Leave filename out, or say which package is meant by architecture, language or package_family_name",
        )
    return resolved


def _catalog_settings(options: Mapping[str, t.Any]) -> Settings:
    ready = options.get("access_token") and options.get("auth_method") in (None, "auto", "access_token")
    if ready and not options.get("catalog_access_token"):
        raise OptionError(
            "Could not find content ids in the Store's catalog",
            "access_token is for the licensing service alone",
            "Set catalog_access_token (environment MSDEVICES_CATALOG_ACCESS_TOKEN) to a token for the catalog, or"
            " set content_id, or sign in by refresh_token",
        )
    return settings_from(options, "store_catalog", prefix="catalog_")
