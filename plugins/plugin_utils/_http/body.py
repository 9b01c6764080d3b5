# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Reads the body of a response within bounds of size and time."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress

with suppress(ImportError):  # HttpSession says so.
    import requests

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ServiceError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import Request

ACCEPT_ENCODING = "gzip"
_CHUNK_BYTES = 16 * 1024
# An error body is only searched for a code and a message.
_MAX_ERROR_BYTES = 64 * 1024
_REMEDY = "Check what answers at this address, and whether a proxy stands in between"


def read_body(response: requests.Response, request: Request, end: float) -> bytes:
    """Return the decoded body of a streamed response, read until `end` (monotonic seconds).

    Raises ServiceError for a body over the limit and for a content coding that was not asked for; exceptions of
    requests and urllib3 for a body that is cut off, late or damaged. Of an error only the beginning is read.
    """
    failed = response.status_code >= 400
    limit = min(request.max_bytes, _MAX_ERROR_BYTES) if failed else request.max_bytes
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        if failed:
            return b""
        raise ServiceError(
            f"Could not read the response to {request.shown}",
            f"its content coding '{printable(coding, 60)}' is not the one that was asked for, {ACCEPT_ENCODING}",
            _REMEDY,
            status=response.status_code,
        )
    chunks = raw_chunks(response, end)
    body = bytearray()
    for data in _unpack(chunks, limit + 1) if coding.endswith("gzip") else chunks:
        body += data
        if len(body) > limit:
            if failed:
                return bytes(body[:limit])
            raise ServiceError(
                f"Could not read the response to {request.shown}",
                f"it is larger than {limit // 1024} KiB",
                _REMEDY,
                status=response.status_code,
            )
    return bytes(body)


def raw_chunks(response: requests.Response, end: float) -> Iterator[bytes]:
    """Yield the body as it was sent. urllib3 would decode any number of content codings without a bound."""
    received = 0
    for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=False):
        received += len(chunk)
        yield chunk
        if time.monotonic() > end:
            raise requests.exceptions.ReadTimeout("the body did not arrive in time")
    length = response.headers.get("Content-Length", "")
    # urllib3 before 2.0 does not compare. What is longer than 18 digits is no length.
    if response.status_code < 400 and re.fullmatch("[0-9]{1,18}", length) and received < int(length):
        raise requests.exceptions.ChunkedEncodingError("the body is shorter than announced")


def _unpack(chunks: Iterable[bytes], room: int) -> Iterator[bytes]:
    """Yield at most `room` bytes of what gzip members hold, in pieces of bounded size."""
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    empty = True
    try:
        for chunk in chunks:
            data = chunk
            while data and room > 0:
                if unpack.eof:
                    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
                piece = unpack.decompress(data, min(room, _CHUNK_BYTES))
                data = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
                room -= len(piece)
                empty = False
                yield piece
    except zlib.error as exc:
        raise requests.exceptions.ContentDecodingError(str(exc)) from None
    if room > 0 and not empty and not unpack.eof:
        raise requests.exceptions.ContentDecodingError("the compressed body ends too early")
