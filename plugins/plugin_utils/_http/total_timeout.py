# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Connections whose reads end at a point in time, however slowly the server's answer trickles in.

A socket's time-out only bounds the wait for the next bytes; urllib3 has no bound for an answer as a whole.
"""

from __future__ import annotations

import ssl
import threading
import time
import typing as t


class Deadline:
    """A point in time by which a call has to end, on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - time.monotonic())


def bounded_adapter(try_deadline: threading.local, connections: int, verify: bool) -> t.Any:
    """Return an adapter for a requests session, with so many connections to keep, and certificates verified or not.

    C(try_deadline.end) of the current thread is when the try that is under way has to end, on the monotonic clock.
    """
    from requests.adapters import HTTPAdapter
    from urllib3.util.ssl_ import create_urllib3_context

    def left(sock: ssl.SSLSocket) -> None:
        """Shorten the socket's time-out to what is left. Raises TimeoutError when nothing is."""
        end = getattr(try_deadline, "end", None)
        if end is None:
            return
        remaining = end - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the answer did not arrive in time")
        limit = sock.gettimeout()
        if limit is None or limit > remaining:
            sock.settimeout(remaining)

    class BoundedSocket(ssl.SSLSocket):
        def recv_into(self, *arguments: t.Any, **options: t.Any) -> int:
            left(self)
            return super().recv_into(*arguments, **options)

        def recv(self, *arguments: t.Any, **options: t.Any) -> bytes:
            left(self)
            return super().recv(*arguments, **options)

    class BoundedAdapter(HTTPAdapter):
        def init_poolmanager(self, *arguments: t.Any, **options: t.Any) -> None:
            super().init_poolmanager(*arguments, ssl_context=_context(), **options)

        def proxy_manager_for(self, proxy: str, **options: t.Any) -> t.Any:
            options.setdefault("ssl_context", _context())
            return super().proxy_manager_for(proxy, **options)

    def _context() -> ssl.SSLContext:
        context = create_urllib3_context()
        context.sslsocket_class = BoundedSocket
        if not verify:
            # Has to be off before verification can be.
            context.check_hostname = False
        # Else it is as urllib3 has set it: release 1.26 compares names by itself, and does not tell ssl an address.
        return context

    return BoundedAdapter(pool_connections=4, pool_maxsize=connections)
