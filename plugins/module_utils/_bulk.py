# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Makes many calls to one service: concurrency, the run cache, and partial failure."""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed

from ansible_collections.msdevices.provisioning.plugins.module_utils._cache import Cache, Entry
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ProvisioningError,
    UnavailableError,
    error_from,
    to_entry,
)

Key = t.TypeVar("Key", bound=t.Hashable)
Progress = t.Callable[[t.Any, t.Any, int, int], None]

# So many calls in a row without any answer mean that the service is down, not that some items are unlucky.
_FAILURES_IN_A_ROW = 8


class Bulk(t.Generic[Key]):
    """Gets items from one service, each through the cache, and stops asking a service that is down."""

    def __init__(
        self,
        get: Callable[[Key], Entry],
        cache_key: Callable[[Key], str],
        cache: Cache,
        progress: Progress | None = None,
    ) -> None:
        """Take what gets an item (a JSON object; an error is raised), under which key to keep it, and the cache.

        C(progress) is called in the caller's thread after each item with its key, its outcome, how many are done, and
        of how many.
        """
        self._get = get
        self._cache_key = cache_key
        self._cache = cache
        self._progress = progress
        self._lock = threading.Lock()
        self._answers = 0
        self._failures_in_a_row = 0
        self._down: UnavailableError | None = None

    def all(self, keys: Iterable[Key], max_concurrency: int) -> dict[Key, Entry | ProvisioningError]:
        """Get each key once and return the outcomes by key; an item that cannot be had is an error among them."""
        distinct = list(dict.fromkeys(keys))
        outcomes: dict[Key, Entry | ProvisioningError] = {}
        if not distinct:
            return outcomes
        with ThreadPoolExecutor(max_workers=min(max_concurrency, len(distinct))) as pool:
            waiting = {pool.submit(self._outcome, key): key for key in distinct}
            try:
                for done in as_completed(waiting):
                    key = waiting[done]
                    outcomes[key] = done.result()
                    if self._progress is not None:
                        self._progress(key, outcomes[key], len(outcomes), len(distinct))
            except BaseException:
                for future in waiting:
                    future.cancel()
                raise
        return outcomes

    def _outcome(self, key: Key) -> Entry | ProvisioningError:
        if self._down is not None:
            return UnavailableError(
                f"Did not ask for {key}",
                f"the service did not answer for others ({self._down.cause})",
                self._down.remedy,
            )
        answers_before = self._answers
        outcome: Entry | ProvisioningError
        try:
            outcome = self._cache.get_or_create(self._cache_key(key), lambda: self._entry(key))
            if "error" in outcome:
                outcome = error_from(outcome)
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

    def _entry(self, key: Key) -> Entry:
        try:
            return {"item": self._get(key)}
        except NotFoundError as exc:
            # The one error that does not change within a run.
            return to_entry(exc)
