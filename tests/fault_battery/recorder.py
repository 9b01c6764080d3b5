# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An HTTPS server that keeps requests as they came over the wire, and answers with the bytes that it is told."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trustme

_LIMIT = 1 << 20


def answer(body: bytes | Any, status: int = 200, headers: Mapping[str, bytes] | None = None) -> bytes:
    """The bytes of an answer, whose length is right unless the headers give another one."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": b"application/json", "Content-Length": str(len(data)).encode(), **(headers or {})}
    lines = [f"HTTP/1.1 {status} Whatever".encode()]
    lines += [name.encode() + b": " + value for name, value in fields.items()]
    return b"\r\n".join(lines) + b"\r\n\r\n" + data


class Recorder:
    """Serves on the loopback interface until it is closed.

    ``answers``, by the end of the path, and else ``answer``, are sent as they are; those that ``close`` is set for end
    the connection.
    """

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        self.ca_path = str(directory / "recorder-ca.pem")
        authority.cert_pem.write_to_path(self.ca_path)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"https://{self.host}"
        self.answer = answer({})
        self.answers: dict[str, bytes] = {}
        self.close_after = False
        self.targets: list[str] = []
        """The request targets, as they came."""
        self.heads: list[bytes] = []
        """The request lines and headers, as they came."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Serve no more."""
        self._listener.close()

    def forget(self) -> None:
        """Forget the requests."""
        self.targets.clear()
        self.heads.clear()

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(60)
            with self._context.wrap_socket(plain, server_side=True) as connection:
                data = b""
                while True:
                    head, data = _head(connection, data)
                    if not head:
                        return
                    length = next(
                        (
                            int(line.partition(b":")[2])
                            for line in head.split(b"\r\n")
                            if line.lower().startswith(b"content-length:")
                        ),
                        0,
                    )
                    while len(data) < length:
                        data += connection.recv(65536)
                    data = data[length:]
                    target = head.split(b" ", 2)[1].decode("latin-1")
                    self.targets.append(target)
                    self.heads.append(head)
                    path = target.partition("?")[0]
                    found = next((one for end, one in self.answers.items() if path.endswith(end)), self.answer)
                    connection.sendall(found)
                    if self.close_after:
                        return
        except (OSError, ValueError):
            # The client went away.
            return


def _head(connection: ssl.SSLSocket, data: bytes) -> tuple[bytes, bytes]:
    """A request up to its empty line, and what was received after that."""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more or len(data) > _LIMIT:
            return b"", b""
        data += more
    head, _separator, rest = data.partition(b"\r\n\r\n")
    return head, rest
