# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Makes many calls to one service: concurrency, the run cache, and partial failure."""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    MissingLibraryError,
    NotFoundError,
    OptionError,
    ProvisioningError,
    ServiceError,
    SignInError,
    UnavailableError,
    error_from,
    to_entry,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import (
    Cache,
    Entry,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.threads import call_in_threads

Key = t.TypeVar("Key", bound=t.Hashable)
Progress = t.Callable[[t.Any, t.Any, int, int], None]

# So many calls in a row without any answer mean that the service is down, not that some items are unlucky.
_FAILURES_IN_A_ROW = 8


class Bulk(t.Generic[Key]):
    """Gets items from one service, each through the cache, and stops asking a service that is down."""

    def __init__(
        self,
        open_service: Callable[[], AbstractContextManager[Callable[[Key], Entry]]],
        cache_key: Callable[[Key], str],
        cache: Cache,
        progress: Progress | None = None,
    ) -> None:
        """Take how to open the service, under which key to keep an item, and the cache.

        An open service is a function that gets an item as a JSON object, or raises an error. It is opened when there is
        something to ask for. C(progress) is called in the caller's thread after each item with its key, its outcome,
        how many are done, and of how many.
        """
        self._open_service = open_service
        self._cache_key = cache_key
        self._cache = cache
        self._progress = progress
        self._lock = threading.Lock()
        self._answers = 0
        self._failures_in_a_row = 0
        self._down: ProvisioningError | None = None

    def all(self, keys: Iterable[Key], max_concurrency: int) -> dict[Key, Entry | ProvisioningError]:
        """Get each key once and return the outcomes by key; an item that cannot be had is an error among them.

        Raises what opening the service raises.
        """
        outcomes: dict[Key, Entry | ProvisioningError] = {}
        missing: list[Key] = []
        for key in dict.fromkeys(keys):
            entry = self._cache.find(self._cache_key(key))
            if entry is None:
                missing.append(key)
            else:
                outcomes[key] = _outcome_of(entry)
        if missing:
            with self._open_service() as get:
                self._get_all(missing, get, max_concurrency, outcomes)
        return outcomes

    def _get_all(
        self,
        keys: list[Key],
        get: Callable[[Key], Entry],
        max_concurrency: int,
        outcomes: dict[Key, Entry | ProvisioningError],
    ) -> None:
        total = len(outcomes) + len(keys)
        calls = call_in_threads(lambda key: self._outcome(key, get), keys, max_concurrency)
        with closing(calls):
            for key, outcome in calls:
                outcomes[key] = outcome
                if self._progress is not None:
                    self._progress(key, outcome, len(outcomes), total)

    def _outcome(self, key: Key, get: Callable[[Key], Entry]) -> Entry | ProvisioningError:
        if self._down is not None:
            return UnavailableError(
                f"Did not ask for {key}",
                f"asking for others failed in a way that would not spare it ({self._down.cause})",
                self._down.remedy,
            )
        answers_before = self._answers
        outcome: Entry | ProvisioningError
        try:
            outcome = _outcome_of(self._cache.get_or_create(self._cache_key(key), lambda: _entry(key, get)))
        except ProvisioningError as exc:
            outcome = exc
        with self._lock:
            if isinstance(outcome, ProvisioningError) and _concerns_all(outcome) and not self._answers:
                self._down = self._down or outcome
            elif not isinstance(outcome, UnavailableError):
                self._answers += 1
                self._failures_in_a_row = 0
            else:
                self._failures_in_a_row += 1
                silent = outcome.deadline_exceeded and self._answers == answers_before
                if silent or self._failures_in_a_row >= _FAILURES_IN_A_ROW:
                    self._down = outcome
        return outcome


def _concerns_all(outcome: ProvisioningError) -> bool:
    """Tell whether other items would meet the same, unless one has been answered: nobody gets in, or the token is
    refused, a fresh one too."""
    if isinstance(outcome, ServiceError):
        return outcome.status == 401
    return isinstance(outcome, (SignInError, OptionError, MissingLibraryError))


def _entry(key: Key, get: Callable[[Key], Entry]) -> Entry:
    try:
        return {"item": get(key)}
    except NotFoundError as exc:
        # The one error that does not change within a run.
        return to_entry(exc)


def _outcome_of(entry: Entry) -> Entry | ProvisioningError:
    return error_from(entry) if "error" in entry else entry
