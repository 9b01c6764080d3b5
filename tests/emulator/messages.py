# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels between the listeners, the fault rules and the applications: requests and responses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote

from .log import Entry

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
BOM = b"\xef\xbb\xbf"


def subject(listener: str, path: str, body: bytes) -> str:
    """By what fault rules and the log tell requests: the path, for the licensing service with the content id behind it.

    That service has one path for everything.
    """
    if listener != "licensing":
        return path
    try:
        value = json.loads(body)
    except ValueError:
        return path
    content_id = value.get("contentId") if isinstance(value, dict) else None
    return f"{path}/{content_id}" if isinstance(content_id, str) and content_id else path


@dataclass
class Request:
    """One request as it arrived. Header names are lower case; ``path`` is as sent, without the query."""

    listener: str
    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    entry: Entry
    #: The path and, where only the body says what is asked for, that: see ``subject``.
    subject: str
    #: What fault rules ask of the application that answers, by name.
    effects: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The decoded query, every parameter with all its values."""
        return parse_qs(self.query_string, keep_blank_values=True)

    def first(self, name: str) -> str | None:
        """The first value of a query parameter, whatever the casing of its name."""
        for key, values in self.query.items():
            if key.lower() == name.lower():
                return values[0]
        return None

    @cached_property
    def segments(self) -> list[str]:
        """The decoded path segments (a percent-encoded slash stays inside its segment)."""
        return [unquote(part) for part in self.path.split("/")[1:]]

    def now(self) -> float:
        """The answering service's clock in epoch seconds, which a fault rule may have put wrong."""
        return time.time() + float(self.effects.get("clock_skew", 0.0))


@dataclass
class Delivery:
    """How a response is sent when it is not simply sent. Sizes are bytes of the body, times are seconds."""

    reset_before: bool = False
    stall_headers: float | None = None
    stall_body: float | None = None
    stop_after: int | None = None
    stop_with: str = "reset"
    drip_interval: float | None = None
    drip_size: int = 1
    stream: Iterator[bytes] | None = None
    #: Length announced for ``stream``; none means chunked.
    stream_length: int | None = None


@dataclass
class Response:
    """One response. ``Content-Length`` and ``Date`` are added when it is sent."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    delivery: Delivery | None = None

    @classmethod
    def of(cls, value: Any, status: int = 200, bom: bool = False, headers: dict[str, str] | None = None) -> Response:
        """A JSON response; ``bom`` puts a UTF-8 byte-order mark before the JSON."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        return cls(status, BOM + body if bom else body, {"Content-Type": JSON, **(headers or {})})

    @classmethod
    def text(cls, text: str, status: int = 200, content_type: str = HTML) -> Response:
        """A response that is no JSON."""
        return cls(status, text.encode("utf-8"), {"Content-Type": content_type})
