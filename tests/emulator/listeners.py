# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTPS listeners: one thread per connection, keep-alive, the TLS handshake inside that thread."""

from __future__ import annotations

import itertools
import socketserver
import ssl
import sys
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol

from .delivery import Stopped, deliver
from .messages import Request, Response, subject

#: Longest request body accepted, in bytes.
BODY_LIMIT = 4 * 1024 * 1024
HANDSHAKE_SECONDS = 30.0
IDLE_SECONDS = 600.0

_connections = itertools.count(1)


class Host(Protocol):
    """What a listener needs of the process it belongs to."""

    log: Any

    def exchange(self, request: Request) -> Response:
        """Answer a request: latency, fault rules, application."""

    def wait(self, seconds: float) -> None:
        """Pause; a reset of the emulator ends the pause early."""


class Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """One service on one port of the loopback interface."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self, name: str, host: Host, context: ssl.SSLContext | None, address: str = "localhost") -> None:
        """Bind to a port that the operating system chooses. Without ``context`` it speaks plain http."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = name
        self.host = host
        self.context = context
        scheme = "https" if context else "http"
        self.url = f"{scheme}://{address}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what a handler thread died of, unless it is just a client that went away."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: Listener

    def setup(self) -> None:
        if self.server.context is not None:
            self.request.settimeout(HANDSHAKE_SECONDS)
            try:
                self.request = self.server.context.wrap_socket(self.request, server_side=True)
            except OSError:
                self.server.host.log.handshake_failed(self.server.name)
                raise
        self.number = next(_connections)
        if self.server.name != "control":
            self.server.host.log.connected(self.server.name)
        super().setup()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.request.close()

    def handle_one_request(self) -> None:
        self.close_connection = True
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or len(self.raw_requestline) > 65536:
                return
            if self.parse_request():
                self._answer()
        except (OSError, Stopped):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of the library
        """Stay silent: the request log knows more."""

    def _body(self) -> bytes | None:
        """The request body; none when it is longer than allowed or badly framed."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while True:
                size = int(self.rfile.readline(1024).split(b";")[0] or b"0", 16)
                if len(body) + size > BODY_LIMIT:
                    return None
                body += self.rfile.read(size)
                self.rfile.readline(1024)
                if not size:
                    return body
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= BODY_LIMIT:
            return None
        return self.rfile.read(length) if length else b""

    def _answer(self) -> None:
        try:
            body = self._body()
        except ValueError:
            body = None
        if body is None:
            self.close_connection = True
            self.connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        path, _unused, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        host, name = self.server.host, self.server.name
        about = subject(name, path, body)
        entry = host.log.begin(name, self.number, self.command, path, query, headers, len(body), about)
        request = Request(name, self.command, path, query, headers, body, entry, about)
        status: int | None = None
        try:
            response = host.exchange(request)
            status = response.status
            if response.delivery is not None and response.delivery.reset_before:
                status = None
            # Noted before it is sent: whoever has read the answer finds it in the log.
            host.log.end(entry, status)
            deliver(self.connection, request, response, self.close_connection, host.wait)
        finally:
            if entry.finished is None:
                host.log.end(entry, status)
