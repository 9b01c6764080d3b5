# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Streams the body of a response into a file, as it was sent, so that memory does not grow with it."""

from __future__ import annotations

import time
import typing as t
from contextlib import suppress
from dataclasses import replace

with suppress(ImportError):  # HttpSession says so.
    import requests
    from urllib3.exceptions import HTTPError

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ServiceError, UnavailableError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.body import raw_chunks, read_body
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.connection_problems import (
    connection_cause,
    connection_remedy,
    is_transient,
    is_unreachable,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import MEBIBYTE, Request
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.retry import (
    RETRIED_STATUSES,
    describe_give_up,
    pause_before_retry,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.session import HttpSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import Deadline


def save_body(
    session: HttpSession, request: Request, path: str | None, deadline: Deadline, max_retries: int
) -> Response:
    """Send a request, with retries, and write the body of a response with status 200 to the file `path`, or leave it
    unread without one.

    Content codings are not undone. The response returned has the body only when its status is another one. All tries
    share the deadline; one try may last until then. Raises as HttpSession.send does, and OSError of the disk.
    """
    attempt = 0
    while True:
        response, problem = None, None
        try:
            response = _try(session, request, path, time.monotonic() + deadline.remaining())
            if response.status not in RETRIED_STATUSES:
                return response
        except (requests.RequestException, HTTPError) as exc:
            problem = exc
        exhausted = attempt >= max_retries or (problem is not None and not is_transient(problem))
        pause = pause_before_retry(attempt, response)
        if exhausted or pause >= deadline.remaining():
            if response is None:
                raise _unavailable(request, problem, attempt + 1, not exhausted) from None
            why = describe_give_up(response, deadline, max_retries, exhausted)
            return replace(response, gave_up=why, deadline_exceeded=not exhausted)
        time.sleep(pause)
        attempt += 1


def _try(session: HttpSession, request: Request, path: str | None, end: float) -> Response:
    with session.open(request, end) as response:
        body = b"" if response.status_code == 200 else read_body(response, request, end)
        if response.status_code == 200 and path is not None:
            _write(response, request, path, end)
        return Response(
            response.status_code, response.reason or "", response.headers, body, request.shown, request.bearer
        )


def _write(response: t.Any, request: Request, path: str, end: float) -> None:
    size = 0
    with open(path, "wb") as stream:
        for chunk in raw_chunks(response, end):
            size += len(chunk)
            if size > request.max_bytes:
                raise ServiceError(
                    f"Could not read the response to {request.shown}",
                    f"it is larger than {request.max_bytes // MEBIBYTE} MiB",
                    "Check what answers at this address, and whether a proxy stands in between",
                    status=response.status_code,
                )
            stream.write(chunk)


def _unavailable(request: Request, problem: Exception | None, tries: int, deadline_exceeded: bool) -> UnavailableError:
    cause = connection_cause(problem) + (f" ({tries} tries)" if tries > 1 else "")
    return UnavailableError(
        f"Could not send {request.shown}",
        cause,
        connection_remedy(problem),
        deadline_exceeded=deadline_exceeded,
        unreachable=is_unreachable(problem),
    )
