# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Calls a function for many keys in threads that nobody has to wait for."""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Callable, Generator, Sequence
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
