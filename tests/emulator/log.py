# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request log that tests count: cheap, thread safe, bounded, and free of secrets."""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

#: Requests kept. Older ones are dropped from the list; the counters still know them.
CAPACITY = 200_000


def fingerprint(authorization: str) -> str:
    """The scheme of an Authorization header with a hash in place of the credential."""
    scheme, _unused, credential = authorization.partition(" ")
    return f"{scheme} sha256:{token_hash(credential.strip())}"


def token_hash(token: str) -> str:
    """The hash under which a token shows in the log: 16 hex digits of its SHA-256."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()[:16]


@dataclass
class Entry:
    """One logged request.

    ``time`` and ``finished`` are epoch seconds; ``status`` is none until answered, and for good after a reset.
    """

    id: int
    time: float
    listener: str
    connection: int
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body_length: int
    #: The path, for the licensing service with the content id behind it.
    subject: str
    status: int | None = None
    finished: float | None = None
    #: What the application said about it, such as the grant of a token request.
    note: str = ""
    #: Ids of the fault rules that applied.
    faults: list[int] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The entry as JSON can carry it."""
        return dict(self.__dict__)


@dataclass
class Counters:
    """Totals of one listener since the last reset."""

    requests: int = 0
    connections: int = 0
    failed_handshakes: int = 0
    in_flight: int = 0
    max_in_flight: int = 0


class RequestLog:
    """All requests in order of arrival, but for those to the control listener."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._entries: deque[Entry] = deque(maxlen=CAPACITY)
        self._counters: dict[str, Counters] = {}

    def _of(self, listener: str) -> Counters:
        return self._counters.setdefault(listener, Counters())

    def connected(self, listener: str) -> None:
        """Count a connection whose TLS handshake succeeded."""
        with self._lock:
            self._of(listener).connections += 1

    def handshake_failed(self, listener: str) -> None:
        """Count a connection that never got through its TLS handshake."""
        with self._lock:
            self._of(listener).failed_handshakes += 1

    def begin(
        self,
        listener: str,
        connection: int,
        method: str,
        path: str,
        query: str,
        headers: dict[str, str],
        length: int,
        subject: str,
    ) -> Entry:
        """Log a request that has arrived. Credentials in its headers are reduced to hashes."""
        safe = dict(headers)
        for name in ("authorization", "proxy-authorization"):
            if name in safe:
                safe[name] = fingerprint(safe[name])
        if "x-identity-header" in safe:
            safe["x-identity-header"] = "sha256:" + token_hash(safe["x-identity-header"])
        entry = Entry(next(self._ids), time.time(), listener, connection, method, path, query, safe, length, subject)
        if listener == "control":
            return entry
        with self._lock:
            self._entries.append(entry)
            counters = self._of(listener)
            counters.requests += 1
            counters.in_flight += 1
            counters.max_in_flight = max(counters.max_in_flight, counters.in_flight)
        return entry

    def end(self, entry: Entry, status: int | None) -> None:
        """Note how a request was answered; none for a connection reset instead of an answer."""
        with self._lock:
            entry.status = status
            entry.finished = time.time()
            if entry.listener == "control":
                return
            counters = self._of(entry.listener)
            counters.in_flight = max(0, counters.in_flight - 1)

    def entries(
        self,
        listener: str | None = None,
        path_contains: str | None = None,
        method: str | None = None,
        after: int = 0,
    ) -> list[Entry]:
        """The logged requests that fit.

        ``path_contains`` is searched in the subject and ignores case, ``after`` is the id of an entry already seen.
        """
        with self._lock:
            entries = list(self._entries)
        wanted = path_contains.lower() if path_contains else None
        return [
            entry
            for entry in entries
            if entry.id > after
            and (listener is None or entry.listener == listener)
            and (method is None or entry.method == method.upper())
            and (wanted is None or wanted in entry.subject.lower())
        ]

    def stats(self) -> dict[str, dict[str, int]]:
        """The totals by listener."""
        with self._lock:
            return {name: dict(counters.__dict__) for name, counters in sorted(self._counters.items())}

    def reset(self) -> None:
        """Forget everything but the requests that are being answered right now."""
        with self._lock:
            self._entries.clear()
            for counters in self._counters.values():
                counters.requests = counters.connections = counters.failed_handshakes = 0
                counters.max_in_flight = counters.in_flight
