# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""One HTTP session: requests of ours over https, with retries, bounded in time, tries and size."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

try:
    import requests
    from urllib3 import disable_warnings
    from urllib3.exceptions import HTTPError, InsecureRequestWarning
    from urllib3.util.timeout import Timeout

    _MISSING = False
except ImportError:
    _MISSING = True

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import (
    host_of,
    mask,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.body import read_body
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.connection_problems import (
    connection_cause,
    connection_remedy,
    is_transient,
    is_unreachable,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.libraries import missing_library
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import Request
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.retry import (
    RETRIED_STATUSES,
    describe_give_up,
    pause_before_retry,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.strict_session import (
    Bearer,
    StrictSession,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import (
    BoundedAdapter,
    Deadline,
    bounded,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings


class HttpSession:
    """Sends requests. May be used by several threads at once."""

    def __init__(
        self, settings: Settings, connections: int = 1, plain_http: bool = False, extra_ca_file: str = ""
    ) -> None:
        """Take the settings, how many connections to keep, and whether plain http is allowed, without a proxy: to the
        metadata service of a managed identity. `extra_ca_file` is trusted beside the CAs of the settings.

        Raises MissingLibraryError.
        """
        if _MISSING:
            raise missing_library("requests")
        self._settings = settings
        self._plain_http = plain_http
        if not settings.validate_certs:
            # The caller has warned. This one would come once more with each request, and past Ansible's display.
            disable_warnings(InsecureRequestWarning)
        self._closed = threading.Event()
        self._session = StrictSession(BoundedAdapter(max(1, connections), settings.validate_certs, extra_ca_file))
        self._verify: bool | str = (settings.ca_path or True) if settings.validate_certs else False

    def close(self) -> None:
        """Close the connections. Calls of other threads end: no try follows the one under way."""
        self._closed.set()
        self._session.close()

    def send(self, request: Request, deadline: Deadline | None = None) -> Response:
        """Send a request, with retries, and return the response whatever its status.

        All tries together end at the deadline (by default that of the settings, from now). Raises UnavailableError
        when there is no response, ServiceError for a redirect or a body that cannot be read within bounds, and
        OptionError for a header that cannot be sent. A response with a status that is retried is returned once the
        tries or the time are used up, with `gave_up` set.
        """
        self._check_scheme(request)
        deadline = deadline or Deadline(self._settings.deadline)
        attempt = 0
        while True:
            response, problem = None, None
            try:
                response = self._try(request, deadline)
                if response.status not in RETRIED_STATUSES:
                    return response
            except (requests.RequestException, HTTPError) as exc:
                problem = exc
                if not is_transient(exc):
                    raise _unavailable(request, exc, attempt + 1) from None
            exhausted = attempt >= self._settings.max_retries
            pause = pause_before_retry(attempt, response)
            if exhausted or pause >= deadline.remaining() or self._closed.wait(pause):
                if response is None:
                    raise _unavailable(request, problem, attempt + 1, not exhausted) from None
                why = describe_give_up(response, deadline, self._settings.max_retries, exhausted)
                return replace(response, gave_up=why, deadline_exceeded=not exhausted)
            attempt += 1

    def _try(self, request: Request, deadline: Deadline) -> Response:
        seconds = min(self._settings.timeout, max(0.001, deadline.remaining()))
        end = time.monotonic() + seconds
        with self.open(request, end) as response:
            body = read_body(response, request, end)
            return Response(
                response.status_code, response.reason or "", response.headers, body, request.shown, request.bearer
            )

    @contextmanager
    def open(self, request: Request, end: float) -> Iterator[requests.Response]:
        """Make one try: send a request, and give its response, of which no body has been read yet.

        Everything, also reading the body within the block, ends at `end` (monotonic seconds). Raises exceptions of
        requests and urllib3, ServiceError for a redirect, and OptionError for a header that cannot be sent.
        """
        self._check_scheme(request)
        timeout = Timeout(total=max(0.001, end - time.monotonic()))
        with bounded(end):
            try:
                response = self._session.request(
                    request.method,
                    request.url,
                    headers=dict(request.headers),
                    params=dict(request.params),
                    data=request.data,
                    auth=Bearer(request.bearer),
                    proxies={} if self._plain_http else self._settings.proxies_for(request.url),
                    timeout=timeout,  # type: ignore[arg-type]  # requests takes urllib3's, too
                    verify=self._verify,
                    allow_redirects=False,
                    stream=True,
                )
            except UnicodeEncodeError:
                raise OptionError(
                    f"Could not send {request.shown}",
                    "the token or another header holds characters that HTTP does not take",
                    "Check what issues the token",
                ) from None
            except (ValueError, TypeError) as exc:
                if isinstance(exc, requests.RequestException):
                    raise
                # Of URLs that nothing before has refused; the text may hold a password.
                raise ServiceError(
                    f"Could not send {request.shown}",
                    f"the request could not be made ({type(exc).__name__})",
                    "Check the URL options, and the environment variables for proxies",
                ) from None
            with response:
                if 300 <= response.status_code < 400:
                    raise _redirected(request, response)
                yield response

    def _check_scheme(self, request: Request) -> None:
        if urlsplit(request.url).scheme != "https" and not self._plain_http:
            raise ServiceError(f"Could not send {request.shown}", "only https is used, and this is not")


def _redirected(request: Request, response: requests.Response) -> ServiceError:
    location = mask(response.headers.get("Location", ""), (request.bearer,))
    return ServiceError(
        f"Could not send {request.shown}",
        f"the server answered HTTP {response.status_code}, a redirect to {host_of(location) or 'another path'}, which"
        " is not followed since the token is only for the configured host",
        "Check the URL options, and whether a proxy stands in between",
        status=response.status_code,
    )


def _unavailable(
    request: Request, problem: Exception | None, tries: int, deadline_exceeded: bool = False
) -> UnavailableError:
    cause = connection_cause(problem)
    if tries > 1:
        cause += f" ({tries} tries)"
    return UnavailableError(
        f"Could not send {request.shown}",
        cause,
        connection_remedy(problem),
        deadline_exceeded=deadline_exceeded,
        unreachable=is_unreachable(problem),
    )
