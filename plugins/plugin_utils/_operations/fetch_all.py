# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Makes many requests to one service: through the run cache, several at once, each failure by itself.

The first request goes alone: where the host cannot be reached, that is one round of tries, and the run remembers it for
a while, for all tasks and hosts.
"""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ProvisioningError,
    UnavailableError,
    error_from,
    to_entry,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import (
    Cache,
    Entry,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.circuit_breaker import CircuitBreaker
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.threads import call_in_threads

Key = t.TypeVar("Key", bound=t.Hashable)
Progress = Callable[[t.Any, t.Any, int, int], None]
"""Called after each item in the caller's thread: its key, its outcome, how many are done, and of how many."""

# Seconds for which a run believes that a host cannot be reached.
_REMEMBERED = 300.0


class Client(t.Protocol):
    """What a service client has to have."""

    def sign_in(self) -> None:
        """Make sure that there is a token. Raises ProvisioningError."""


class Source(t.NamedTuple):
    """Where the items of one kind come from."""

    open_client: Callable[[], AbstractContextManager[t.Any]]
    """Makes the client, when there is something to request."""
    get: Callable[[t.Any, t.Any], Entry]
    """Gets the item of a key with the client, as a JSON object. Raises ProvisioningError."""
    cache: Cache
    scope: str
    """What decides who asks whom (Settings.fingerprint)."""
    kind: str
    """A word for the items, in the cache's keys."""
    name: Callable[[t.Any], str] = str
    """Returns what tells a key from others, in the cache's keys."""

    def cache_key(self, key: t.Any) -> str:
        """Return the key of an item in the cache."""
        return f"{self.kind} {self.scope} {self.name(key)}"


def fetch_all(
    keys: Iterable[Key], source: Source, max_concurrency: int, progress: Progress | None = None
) -> dict[Key, Entry | ProvisioningError]:
    """Get each key once and return the outcomes by key; an item that cannot be had is an error among them.

    Raises what signing in raises, other than that the host cannot be reached.
    """
    outcomes: dict[Key, Entry | ProvisioningError] = {}
    missing: list[Key] = []
    for key in dict.fromkeys(keys):
        entry = source.cache.find(source.cache_key(key))
        if entry is None:
            missing.append(key)
        else:
            outcomes[key] = _outcome(entry)
    if missing:
        with source.open_client() as client:
            _Fetch(source, client, outcomes, progress).run(missing, max_concurrency)
    return outcomes


class _Fetch(t.Generic[Key]):
    """The requests of one call of fetch_all."""

    def __init__(
        self,
        source: Source,
        client: Client,
        outcomes: dict[Key, Entry | ProvisioningError],
        progress: Progress | None,
    ) -> None:
        self._source = source
        self._client = client
        self._outcomes = outcomes
        self._progress = progress
        self._breaker = CircuitBreaker()
        self._reach_key = f"reach {source.scope}"

    def run(self, keys: list[Key], max_concurrency: int) -> None:
        """Fill the outcomes of the keys."""
        total = len(self._outcomes) + len(keys)
        self._reach(keys[0], total)
        rest = [key for key in keys if key not in self._outcomes]
        if not rest:
            return
        with closing(call_in_threads(self._get, rest, max_concurrency)) as calls:
            for key, outcome in calls:
                self._keep(key, outcome, total)
        reason = self._breaker.refusal()
        if isinstance(reason, UnavailableError) and reason.unreachable:
            # Others of the run need not find out by themselves.
            self._source.cache.get_or_create(
                self._reach_key, lambda: _unreachable(reason), lambda entry: "error" in entry and _is_valid(entry)
            )

    def _reach(self, key: Key, total: int) -> None:
        """Sign in and get the first item, unless somebody in this run has; the others of the run wait meanwhile."""
        tried = []

        def create() -> Entry:
            tried.append(key)
            try:
                self._client.sign_in()
            except UnavailableError as exc:
                if not exc.unreachable:
                    raise
                return _unreachable(exc)
            outcome = self._get(key)
            self._keep(key, outcome, total)
            return _unreachable(outcome) if isinstance(outcome, UnavailableError) and outcome.unreachable else {}

        entry = self._source.cache.get_or_create(self._reach_key, create, _is_valid)
        if "error" in entry:
            self._breaker.open(error_from(entry))
        elif not tried:
            self._client.sign_in()

    def _keep(self, key: Key, outcome: Entry | ProvisioningError, total: int) -> None:
        self._outcomes[key] = outcome
        if self._progress is not None:
            self._progress(key, outcome, len(self._outcomes), total)

    def _get(self, key: Key) -> Entry | ProvisioningError:
        refusal = self._breaker.refusal()
        if refusal is not None:
            return refusal
        before = self._breaker.responses
        outcome: Entry | ProvisioningError
        try:
            outcome = _outcome(self._source.cache.get_or_create(self._source.cache_key(key), lambda: self._item(key)))
        except ProvisioningError as exc:
            outcome = exc
        self._breaker.record(outcome, before)
        return outcome

    def _item(self, key: Key) -> Entry:
        try:
            return {"item": self._source.get(self._client, key)}
        except NotFoundError as exc:
            # The one error that does not change within a run.
            return to_entry(exc)


def _unreachable(error: UnavailableError) -> Entry:
    # All processes of a run have the same monotonic clock.
    return {"until": time.monotonic() + _REMEMBERED, **to_entry(error)}


def _is_valid(entry: Entry) -> bool:
    return "error" not in entry or float(entry.get("until", 0.0)) > time.monotonic()


def _outcome(entry: Entry) -> Entry | ProvisioningError:
    return error_from(entry) if "error" in entry else dict(entry["item"])
