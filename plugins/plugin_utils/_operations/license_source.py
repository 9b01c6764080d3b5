# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Where the licenses of one task come from: the service that the options name, and the catalog for content ids."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
    ServiceError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    LicenseKey,
    LicenseRequest,
    filename_problem,
    key_problem,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.catalog_packages import (
    describe,
    find_packages,
    matches,
    view_from,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import Progress
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_licenses import (
    Outcome,
    fetch_licenses,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_catalog import Package
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    check_max_concurrency,
    settings_from,
)


class LicenseSource:
    """Finds content ids and fetches licenses, as the options say. Options are turned into settings only when there is
    something to ask for: who has everything staged needs no credential."""

    def __init__(
        self,
        options: Mapping[str, t.Any],
        open_cache: t.Callable[[Settings], Cache],
        progress: Progress | None = None,
    ) -> None:
        """Take the options of the plugin, validated by their specification. Raises OptionError."""
        self._options = options
        self._open_cache = open_cache
        self._progress = progress
        self._max_concurrency = check_max_concurrency(options["max_concurrency"])
        self._format = str(options["format"])

    def fetch(self, keys: Sequence[LicenseKey]) -> list[Outcome]:
        """Fetch licenses; return one outcome per key, in their order. A failed sign-in is the outcome of all."""
        if not keys:
            return []
        try:
            settings = settings_from(self._options, self._options["service"])
            return fetch_licenses(settings, self._open_cache(settings), keys, self._max_concurrency, self._progress)
        except ProvisioningError as exc:
            return [exc] * len(keys)

    def resolve(self, requests: Sequence[LicenseRequest]) -> list[list[LicenseRequest] | ProvisioningError]:
        """Find the content ids of requests that have none; return a request for each of them, or why there is none."""
        if not requests:
            return []
        try:
            return self._resolve(requests)
        except ProvisioningError as exc:
            return [exc] * len(requests)

    def _resolve(self, requests: Sequence[LicenseRequest]) -> list[list[LicenseRequest] | ProvisioningError]:
        settings = self._catalog_settings()
        cache = self._open_cache(settings)
        products = [request.key.product_id for request in requests]
        languages = [request.packages.language for request in requests if request.packages.language]
        view = view_from({"market": self._options.get("market"), "languages": list(dict.fromkeys(languages))})
        found = find_packages(settings, cache, view, products, self._max_concurrency)
        return [
            packages if isinstance(packages, ProvisioningError) else self._resolved(request, packages)
            for request, packages in zip(requests, found, strict=True)
        ]

    def _resolved(
        self, request: LicenseRequest, packages: Sequence[Package]
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
                f"no package of it matches {request.selection}; {describe(packages)}",
                "Check sku_id, architecture, language and package_family_name, or set content_id",
            )
        resolved = [request.resolved(content_id, self._format) for content_id in content_ids]
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

    def _catalog_settings(self) -> Settings:
        options = dict(self._options)
        ready = options.get("access_token") and options.get("auth_method") in (None, "auto", "access_token")
        if ready and not options.get("catalog_access_token"):
            raise OptionError(
                "Could not find content ids in the Store's catalog",
                "access_token is for the licensing service alone",
                "Set catalog_access_token (environment MSDEVICES_CATALOG_ACCESS_TOKEN) to a token for the catalog, or"
                " set content_id, or sign in by refresh_token",
            )
        for name in ("base_url", "audience", "access_token"):
            options[name] = options.get(f"catalog_{name}")
        if options["access_token"]:
            # It is for the catalog alone, whatever signs in to the licensing service.
            options["auth_method"] = "access_token"
        return settings_from(options, "store_catalog")
