# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Bounds in time that urllib3 does not have: for name resolution, for all addresses of a host together, and for a
response as a whole, however slowly it trickles in.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import ssl
import threading
import time
import typing as t
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager

try:
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
    from urllib3.util.ssl_ import create_urllib3_context
except ImportError:
    # HttpSession says so.
    HTTPAdapter = HTTPConnection = HTTPSConnection = object  # type: ignore[assignment,misc]
    HTTPConnectionPool = HTTPSConnectionPool = object  # type: ignore[assignment,misc]

Address = tuple[t.Any, ...]
"""An entry of `socket.getaddrinfo`."""
# RFC 8305 recommends this delay.
_HEAD_START_SECONDS = 0.25


class Deadline:
    """A point in time by which a call has to end, on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - time.monotonic())


class NameResolutionTimeout(TimeoutError):
    """No name server answered in time."""


class _Try(threading.local):
    """The try that is under way in a thread."""

    end: float | None = None


_try = _Try()


@contextmanager
def bounded(end: float) -> Iterator[None]:
    """Let all that sockets of this file do in this thread end at `end` (monotonic seconds) with TimeoutError."""
    before, _try.end = _try.end, end
    try:
        yield
    finally:
        _try.end = before


def _shorten(sock: socket.socket) -> None:
    """Shorten a socket's time-out, which only bounds the wait for the next bytes, to the rest of the try."""
    if _try.end is None:
        return
    remaining = _try.end - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("the response did not arrive in time")
    limit = sock.gettimeout()
    if limit is None or limit > remaining:
        sock.settimeout(remaining)


class _Reading:
    """What a socket reads ends with the try."""

    def recv_into(self, *arguments: t.Any, **options: t.Any) -> int:
        _shorten(self)  # type: ignore[arg-type]
        return super().recv_into(*arguments, **options)  # type: ignore[misc,no-any-return]

    def recv(self, *arguments: t.Any, **options: t.Any) -> bytes:
        _shorten(self)  # type: ignore[arg-type]
        return super().recv(*arguments, **options)  # type: ignore[misc,no-any-return]


class BoundedSocket(_Reading, socket.socket):
    """To a proxy, or for plain http."""


class BoundedTlsSocket(_Reading, ssl.SSLSocket):
    """With TLS."""


def resolve(host: str, port: int, seconds: float) -> list[Address]:
    """Return the addresses of a host. Raises OSError, and NameResolutionTimeout after so many seconds.

    The system has no bound that could be set, so a thread waits for it, which nobody waits for.
    """
    found: Future[list[Address]] = Future()

    def look_up() -> None:
        try:
            found.set_result(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except BaseException as exc:
            found.set_exception(exc)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        return found.result(seconds)
    except FutureTimeout:
        raise NameResolutionTimeout("no name server answered in time") from None


def connect(addresses: Sequence[Address], seconds: float, options: t.Any = ()) -> BoundedSocket:
    """Connect to the address that accepts first, and return the socket, whose time-out is what is left.

    Each address gets a head start of a quarter second before the next one, or less, so that all have begun after a
    quarter of the time: one that drops everything never keeps the others from being tried (RFC 8305).
    Raises TimeoutError, or the OSError of the last address that refused.
    """
    end = time.monotonic() + seconds
    head_start = min(_HEAD_START_SECONDS, seconds / 4 / max(1, len(addresses)))
    waiting, tried = list(addresses), list[BoundedSocket]()
    problem = OSError("the host has no address")
    next_start = 0.0
    connected: BoundedSocket | None = None
    with selectors.DefaultSelector() as selector:
        try:
            while connected is None and (waiting or selector.get_map()):
                now = time.monotonic()
                if now >= end:
                    raise TimeoutError("no address accepted the connection in time")
                if waiting and (now >= next_start or not selector.get_map()):
                    next_start = now + head_start
                    try:
                        tried.append(_begin(waiting.pop(0), options))
                        selector.register(tried[-1], selectors.EVENT_WRITE)
                    except OSError as exc:
                        problem = exc
                        continue
                for key, _events in selector.select(max(0.0, (next_start if waiting else end) - time.monotonic())):
                    sock = t.cast(BoundedSocket, key.fileobj)
                    selector.unregister(sock)
                    failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if failed:
                        problem = OSError(failed, os.strerror(failed))
                    elif connected is None:
                        connected = sock
        finally:
            for sock in tried:
                if sock is not connected:
                    sock.close()
    if connected is None:
        raise problem
    connected.settimeout(max(0.001, end - time.monotonic()))
    return connected


def _begin(found: Address, options: t.Any) -> BoundedSocket:
    """Begin to connect to an address. Raises OSError."""
    family, kind, protocol, _name, address = found
    sock = BoundedSocket(family, kind, protocol)
    try:
        sock.setblocking(False)
        for option in options or ():
            sock.setsockopt(*option)
        problem = sock.connect_ex(address)
        if problem not in (0, errno.EINPROGRESS):
            raise OSError(problem, os.strerror(problem))
    except BaseException:
        sock.close()
        raise
    return sock


class _Connecting:
    """How urllib3's connections reach a host, or a proxy."""

    def _new_conn(self) -> BoundedSocket:
        here: t.Any = self
        seconds = here.timeout
        if _try.end is not None:
            seconds = max(0.001, _try.end - time.monotonic())
        started = time.monotonic()
        try:
            addresses = resolve(here._dns_host, here.port, seconds)
            return connect(addresses, max(0.001, seconds - (time.monotonic() - started)), here.socket_options)
        except NameResolutionTimeout as exc:
            raise NewConnectionError(here, "no name server answered in time") from exc
        except TimeoutError as exc:
            raise ConnectTimeoutError(here, "no address accepted the connection in time") from exc
        except (OSError, UnicodeError) as exc:
            raise NewConnectionError(here, f"no connection: {exc}") from exc


class _Connection(_Connecting, HTTPConnection):
    pass


class _TlsConnection(_Connecting, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class BoundedAdapter(HTTPAdapter):
    """Sends the requests of a session by connections that end with the try."""

    def __init__(self, connections: int, verify: bool, extra_ca_file: str = "") -> None:
        """Take how many connections to keep, whether certificates are verified, and a file with further CAs."""
        self._verified = verify
        self._extra_ca_file = extra_ca_file
        super().__init__(pool_connections=4, pool_maxsize=connections)

    def init_poolmanager(self, *arguments: t.Any, **options: t.Any) -> None:
        """Make the manager of connections without a proxy."""
        super().init_poolmanager(*arguments, ssl_context=self._context(), **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, proxy: str, **options: t.Any) -> t.Any:
        """Return the manager of connections by a proxy."""
        options.setdefault("ssl_context", self._context())
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager

    def _context(self) -> ssl.SSLContext:
        context = create_urllib3_context()
        context.sslsocket_class = BoundedTlsSocket
        if not self._verified:
            # Has to be off before verification can be.
            context.check_hostname = False
        elif self._extra_ca_file:
            context.load_verify_locations(self._extra_ca_file)
        # Else it is as urllib3 has set it: release 1.26 compares names by itself, and does not tell ssl an address.
        return context
