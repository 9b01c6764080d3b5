# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending responses, well or (when a fault rule asks for it) badly."""

from __future__ import annotations

import http.client
import socket
import struct
from collections.abc import Callable
from email.utils import formatdate

from .messages import Delivery, Request, Response

Wait = Callable[[float], None]


class Stopped(Exception):
    """The connection was ended on purpose."""


def deliver(connection: socket.socket, request: Request, response: Response, closing: bool, wait: Wait) -> None:
    """Write a response to a connection.

    Raises Stopped when the connection must not be used again, OSError when the client has gone.
    """
    delivery = response.delivery
    if delivery is not None and delivery.reset_before:
        reset(connection)
    head = _head(request, response, closing)
    body = b"" if request.method == "HEAD" else response.body
    if delivery is None:
        connection.sendall(head + body)
        return
    if delivery.stall_headers is not None:
        cut = len(head) // 2
        connection.sendall(head[:cut])
        wait(delivery.stall_headers)
        head = head[cut:]
    connection.sendall(head)
    if delivery.stream is not None:
        _stream(connection, delivery)
        return
    if delivery.stop_after is not None:
        connection.sendall(body[: delivery.stop_after])
        if delivery.stop_with == "reset":
            # Let the client see the first part before the reset discards what is still in flight.
            wait(0.05)
            reset(connection)
        raise Stopped
    if delivery.stall_body is not None:
        cut = len(body) // 2
        connection.sendall(body[:cut])
        wait(delivery.stall_body)
        body = body[cut:]
    if delivery.drip_interval is not None:
        for start in range(0, len(body), delivery.drip_size):
            connection.sendall(body[start : start + delivery.drip_size])
            wait(delivery.drip_interval)
        return
    connection.sendall(body)


def reset(connection: socket.socket) -> None:
    """End a connection with a TCP reset.

    Always raises Stopped.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # Handlers keep file objects of the socket, which would delay the close.
    socket.close(connection.detach())
    raise Stopped


def _head(request: Request, response: Response, closing: bool) -> bytes:
    reason = response.reason
    if reason is None:
        reason = http.client.responses.get(response.status, "Unknown")
    lines = [f"HTTP/1.1 {response.status} {reason}", f"Date: {formatdate(request.now(), usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    delivery = response.delivery
    if delivery is not None and delivery.stream is not None:
        if delivery.stream_length is None:
            lines.append("Transfer-Encoding: chunked")
        else:
            lines.append(f"Content-Length: {delivery.stream_length}")
    elif response.status not in (204, 304):
        lines.append(f"Content-Length: {len(response.body)}")
    if closing:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _stream(connection: socket.socket, delivery: Delivery) -> None:
    chunked = delivery.stream_length is None
    for block in delivery.stream or ():
        connection.sendall(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
    if chunked:
        connection.sendall(b"0\r\n\r\n")
