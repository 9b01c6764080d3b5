# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Where the licenses of one task come from: the service that the options name, and the catalog for content ids."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseRequest
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import open_run_cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import Progress
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_licenses import (
    Outcome,
    fetch_licenses,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_archive import LicenseArchive
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.resolve_content_ids import (
    resolve_content_ids,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    check_max_concurrency,
    settings_from,
)


class LicenseSource:
    """Finds content ids and fetches licenses, as the options say. A failed sign-in is the outcome of each item.

    Options become settings only when there is something to request: where all is staged, no credential is needed.
    """

    def __init__(
        self,
        options: Mapping[str, t.Any],
        open_cache: Callable[[Settings], Cache],
        progress: Progress | None = None,
    ) -> None:
        """Take the options of the plugin, validated by their specification. Raises OptionError."""
        self._options = options
        self._open_cache = open_cache
        self._progress = progress
        self._max_concurrency = check_max_concurrency(options["max_concurrency"])
        self.taken: set[LicenseKey] = set()
        """The licenses that came from the archive."""
        directory = options.get("archive")
        self._archive = LicenseArchive(directory, open_run_cache(options["deadline"])) if directory else None

    def fetch(self, keys: Sequence[LicenseKey]) -> list[Outcome]:
        """Take licenses from the archive, and fetch the others; return one outcome per key, in their order."""
        try:
            archived = self.archived(keys)
        except ProvisioningError as exc:
            return [exc] * len(keys)
        self.taken.update(archived)
        fetched = iter(self._fetch([key for key in keys if key not in archived]))
        return [archived[key] if key in archived else next(fetched) for key in keys]

    def archived(self, keys: Sequence[LicenseKey]) -> Mapping[LicenseKey, LicenseDocument]:
        """Return the licenses that the archive has. With `force` it is not looked at. Raises OptionError."""
        if self._archive is None or self._options.get("force"):
            return {}
        return self._archive.find(keys)

    @property
    def warnings(self) -> list[str]:
        """What could not be kept in the archive."""
        return self._archive.warnings if self._archive is not None else []

    def _fetch(self, keys: Sequence[LicenseKey]) -> list[Outcome]:
        if not keys:
            return []
        try:
            settings = settings_from(self._options, self._options["service"])
            cache = self._open_cache(settings)
            outcomes = fetch_licenses(settings, cache, keys, self._max_concurrency, self._progress)
        except ProvisioningError as exc:
            return [exc] * len(keys)
        for key, outcome in zip(keys, outcomes, strict=True):
            if self._archive is not None and isinstance(outcome, LicenseDocument):
                self._archive.keep(key, outcome)
        return outcomes

    def resolve(self, requests: Sequence[LicenseRequest]) -> list[list[LicenseRequest] | ProvisioningError]:
        """Find the content ids of requests that have none; return a request for each of them, or why there is none."""
        if not requests:
            return []
        try:
            return resolve_content_ids(requests, self._options, self._open_cache, self._max_concurrency)
        except ProvisioningError as exc:
            return [exc] * len(requests)
