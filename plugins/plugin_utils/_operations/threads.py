# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Calls a function for many keys in threads that nobody has to wait for."""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from queue import Empty, SimpleQueue

Key = t.TypeVar("Key")
Result = t.TypeVar("Result")
# A signal that comes just before the thread waits does not wake it up.
_LISTEN_SECONDS = 0.5


def call_in_threads(
    function: Callable[[Key], Result], keys: Sequence[Key], count: int
) -> Generator[tuple[Key, Result], None, None]:
    """Yield each key with its result, in the order in which calls end; at most `count` run at once.

    What a call raises is raised here. A caller that leaves early, by Ctrl-C or a time-out of its task, waits for no
    call that is under way, nor does the process at its end: threads of `concurrent.futures` would hold it up.
    """
    waiting: SimpleQueue[Key] = SimpleQueue()
    ended: SimpleQueue[tuple[Key, Result | None, BaseException | None]] = SimpleQueue()
    stopped = threading.Event()
    for key in keys:
        waiting.put(key)

    def work() -> None:
        while not stopped.is_set():
            try:
                key = waiting.get_nowait()
            except Empty:
                return
            try:
                ended.put((key, function(key), None))
            except BaseException as exc:
                ended.put((key, None, exc))

    for _thread in range(min(count, len(keys))):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _key in keys:
            key, result, problem = _wait_for(ended)
            if problem is not None:
                raise problem
            yield key, t.cast(Result, result)
    finally:
        stopped.set()


def _wait_for(queue: SimpleQueue[Result]) -> Result:
    """Return the next entry. Signals are handled meanwhile."""
    while True:
        with suppress(Empty):
            return queue.get(timeout=_LISTEN_SECONDS)


class ThreadPool:
    """Makes calls in the order in which they were submitted, so many at once. Nobody has to wait for its threads."""

    def __init__(self, count: int) -> None:
        """Take how many calls may be under way at once."""
        self._count = count
        self._threads = 0
        self._lock = threading.Lock()
        self._waiting: SimpleQueue[tuple[Future[t.Any], Callable[[], t.Any]] | None] = SimpleQueue()

    def submit(self, function: Callable[[], Result]) -> Future[Result]:
        """Have a function called; return its future."""
        future: Future[Result] = Future()
        self._waiting.put((future, function))
        with self._lock:
            if self._threads < self._count:
                self._threads += 1
                threading.Thread(target=self._work, daemon=True).start()
        return future

    def close(self) -> None:
        """Let calls that have not begun never begin. Their futures stay as they are."""
        with suppress(Empty):
            while True:
                self._waiting.get_nowait()
        for _thread in range(self._threads):
            self._waiting.put(None)

    def _work(self) -> None:
        while True:
            item = self._waiting.get()
            if item is None:
                return
            future, function = item
            try:
                future.set_result(function())
            except BaseException as exc:
                future.set_exception(exc)


def result_of(future: Future[Result]) -> Result:
    """Wait for a call, and return or raise what it did. Signals are handled meanwhile."""
    while True:
        try:
            return future.result(timeout=_LISTEN_SECONDS)
        except FutureTimeout:
            # Also what a call raises can be such an error.
            if future.done():
                return future.result()
