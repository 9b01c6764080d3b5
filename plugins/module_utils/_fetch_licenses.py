# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Fetches many licenses: concurrency, order, the run cache, and partial failure."""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from ansible_collections.msdevices.provisioning.plugins.module_utils import _license_document
from ansible_collections.msdevices.provisioning.plugins.module_utils._cache import Cache, Entry
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ProvisioningError,
    UnavailableError,
    error_from,
    to_entry,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license_document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license_requests import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.module_utils._license_service import (
    LicenseService,
    open_license_service,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._settings import Settings

Outcome = t.Union[LicenseDocument, ProvisioningError]

# So many calls in a row without any answer mean that the service is down, not that some licenses are unlucky.
_FAILURES_IN_A_ROW = 8


def fetch_licenses(
    settings: Settings,
    cache: Cache,
    keys: Sequence[LicenseKey],
    max_concurrency: int,
    progress: Callable[[LicenseKey, Outcome, int], None] | None = None,
) -> list[Outcome]:
    """Fetch licenses, each key once, and return one outcome per key in the order of the keys.

    What cannot be had is an error in the list; nothing is raised for one license. Raises SignInError,
    UnavailableError, OptionError or MissingLibraryError when not even a sign-in is possible.
    C(progress) is called in this thread after each license with its key, the outcome, and how many are done.
    """
    if not keys:
        return []
    distinct = list({key.folded: key for key in reversed(keys)}.values())[::-1]
    workers = min(max_concurrency, len(distinct))
    service = open_license_service(settings, cache, workers)
    try:
        # First, so that a refused sign-in is one failure and one request, not one for each license.
        service.sign_in()
        fetch = _Fetch(service, settings, cache)
        outcomes: dict[tuple[str, str, str], Outcome] = {}
        with ThreadPoolExecutor(max_workers=workers) as pool:
            waiting = {pool.submit(fetch.outcome, key): key for key in distinct}
            try:
                for done in as_completed(waiting):
                    key = waiting[done]
                    outcomes[key.folded] = done.result()
                    if progress is not None:
                        progress(key, outcomes[key.folded], len(outcomes))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        service.close()
    return [outcomes[key.folded] for key in keys]


class _Fetch:
    """One bulk fetch: gets single licenses through the cache, and stops asking a service that is down."""

    def __init__(self, service: LicenseService, settings: Settings, cache: Cache) -> None:
        self._service = service
        self._fingerprint = settings.fingerprint
        self._cache = cache
        self._lock = threading.Lock()
        self._answers = 0
        self._failures_in_a_row = 0
        self._down: UnavailableError | None = None

    def outcome(self, key: LicenseKey) -> Outcome:
        """Return the license or why it cannot be had."""
        if self._down is not None:
            return UnavailableError(
                f"Did not try to get the offline license {key}",
                f"the service did not answer for other licenses ({self._down.cause})",
                self._down.remedy,
            )
        answers_before = self._answers
        try:
            entry = self._cache.get_or_create(
                f"license {self._fingerprint} {' '.join(key.folded)}", lambda: self._entry(key)
            )
            outcome: Outcome = _from_entry(entry)
        except ProvisioningError as exc:
            outcome = exc
        with self._lock:
            if not isinstance(outcome, UnavailableError):
                self._answers += 1
                self._failures_in_a_row = 0
            else:
                self._failures_in_a_row += 1
                silent = outcome.deadline_exceeded and self._answers == answers_before
                if silent or self._failures_in_a_row >= _FAILURES_IN_A_ROW:
                    self._down = outcome
        return outcome

    def _entry(self, key: LicenseKey) -> Entry:
        try:
            return {"blob": self._service.get_offline_license(key).blob}
        except NotFoundError as exc:
            # The one error that does not change within a run.
            return to_entry(exc)


def _from_entry(entry: Entry) -> LicenseDocument:
    if "error" in entry:
        raise error_from(entry)
    return _license_document.from_blob(entry["blob"])
