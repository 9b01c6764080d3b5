# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Fetches many licenses."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ProvisioningError,
    raise_failures,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import (
    Cache,
    Entry,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_all import (
    Bulk,
    Progress,
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
    # Keys that differ in case alone are one license.
    first = {key.folded: key for key in reversed(keys)}

    @contextmanager
    def open_service() -> Iterator[t.Callable[[LicenseKey], Entry]]:
        from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.table import open_client

        with open_client(settings, cache, max_concurrency) as service:
            # First, so that a refused sign-in is one failure and one request, not one for each license.
            service.sign_in()
            yield lambda key: service.get_offline_license(key).as_entry()

    def cache_key(key: LicenseKey) -> str:
        return f"license {settings.fingerprint} {' '.join(key.folded)}"

    bulk = Bulk(open_service, cache_key, cache, progress)
    outcomes = bulk.all((first[key.folded] for key in keys), max_concurrency)
    return [_outcome(outcomes[first[key.folded]]) for key in keys]


def _outcome(found: Entry | ProvisioningError) -> Outcome:
    if isinstance(found, ProvisioningError):
        return found
    return LicenseDocument.from_entry(found["item"])


Value = t.TypeVar("Value")


def all_or_error(names: Sequence[str], outcomes: Sequence[Value | ProvisioningError]) -> list[Value]:
    """Return what was wanted when all could be had; C(names) tell, in messages, what each outcome is one of.

    Raises the one error, or one that tells of all that failed.
    """
    failures = {
        name: outcome for name, outcome in zip(names, outcomes, strict=True) if isinstance(outcome, ProvisioningError)
    }
    raise_failures(failures, len(outcomes), "offline licenses")
    return [outcome for outcome in outcomes if not isinstance(outcome, ProvisioningError)]
