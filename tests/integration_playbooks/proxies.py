# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands between a controller and a service: a proxy, a port that never speaks, one that nobody listens at."""

from __future__ import annotations

import base64
import select
import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler


class Proxy(socketserver.ThreadingTCPServer):
    """A proxy that knows the method CONNECT and nothing else, asks for a password, and keeps an account."""

    daemon_threads = True
    user, password = "builder", "canary-of-the-proxy"

    def __init__(self, elsewhere: Mapping[str, int] | None = None, refused: tuple[str, ...] = ()) -> None:
        """Take hosts that lie on ports of this machine, and those to which it lets nobody."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.elsewhere = dict(elsewhere or {})
        self.refused = refused
        self.asked: list[str] = []
        """Host and port of each tunnel that was asked for."""

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        """The address with user and password, as HTTPS_PROXY takes it."""
        return f"http://{self.user}:{self.password}@{self.address}"

    @contextmanager
    def serving(self) -> Iterator[Proxy]:
        """Serve until the end of the block."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def do_CONNECT(self) -> None:
        """Open a tunnel."""
        self.server.asked.append(self.path)
        expected = base64.b64encode(f"{self.server.user}:{self.server.password}".encode()).decode()
        if self.headers.get("Proxy-Authorization") != f"Basic {expected}":
            self.send_error(407)
            return
        host, _separator, port = self.path.rpartition(":")
        if host in self.server.refused:
            self.send_error(403)
            return
        target = ("127.0.0.1", self.server.elsewhere[host]) if host in self.server.elsewhere else (host, int(port))
        try:
            with socket.create_connection(target, timeout=10) as other:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self._pass_on(other)
        except OSError:
            self.send_error(502)

    def _pass_on(self, other: socket.socket) -> None:
        ends = {self.connection: other, other: self.connection}
        try:
            while True:
                for end in select.select(list(ends), [], [], 30)[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    ends[end].sendall(data)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of the library
        """Stay silent."""


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
