# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Fetches many licenses."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ProvisioningError,
    raise_failures,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import (
    Progress,
    Source,
    fetch_all,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

Outcome = LicenseDocument | ProvisioningError


def fetch_licenses(
    settings: Settings,
    cache: Cache,
    keys: Sequence[LicenseKey],
    max_concurrency: int,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Fetch licenses, each key once, and return one outcome per key in the order of the keys.

    What cannot be had is an error in the list; nothing is raised for one license. Raises SignInError,
    UnavailableError, OptionError or MissingLibraryError when not even a sign-in is possible.
    """

    def open_client() -> t.Any:
        from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.table import open_client

        return open_client(settings, cache, max_concurrency)

    source = Source(
        open_client,
        lambda client, key: client.get_offline_license(key).as_entry(),
        cache,
        settings.fingerprint,
        "license",
        lambda key: " ".join(key.normalized),
    )
    # Keys that differ in case alone are one license.
    first = {key.normalized: key for key in reversed(keys)}
    outcomes = fetch_all((first[key.normalized] for key in keys), source, max_concurrency, progress)
    found = {
        key: outcome if isinstance(outcome, ProvisioningError) else LicenseDocument.from_entry(outcome)
        for key, outcome in outcomes.items()
    }
    return [found[first[key.normalized]] for key in keys]


Value = t.TypeVar("Value")


def all_or_error(names: Sequence[str], outcomes: Sequence[Value | ProvisioningError]) -> list[Value]:
    """Return what was wanted when all could be had; `names` tell, in messages, what each outcome is one of.

    Raises the one error, or one that tells of all that failed.
    """
    failures = {
        name: outcome for name, outcome in zip(names, outcomes, strict=True) if isinstance(outcome, ProvisioningError)
    }
    raise_failures(failures, len(outcomes), "offline licenses")
    return [outcome for outcome in outcomes if not isinstance(outcome, ProvisioningError)]
