# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""One HTTP session: TLS, time-outs, retries, size limits, byte-order marks, and answers as bytes.

urllib3's Retry decides whether and for how long to wait; the loop around it is here because a try only ends when the
body has been read, and because all tries of a call share one deadline.
"""

from __future__ import annotations

import random
import re
import threading
import time
import typing as t
from collections.abc import Mapping
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import (
    host_of,
    shown_url,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.connection_problems import (
    connection_cause,
    connection_remedy,
    worth_a_retry,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.libraries import load_requests
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import (
    Deadline,
    bounded_adapter,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.proxies import proxies_for

if t.TYPE_CHECKING:
    import requests
    from urllib3.util.retry import Retry

    from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

USER_AGENT = "ansible-msdevices.provisioning"
_RETRIED_STATUSES = frozenset((408, 429, 500, 502, 503, 504))
_BACKOFF_SECONDS = 0.5
_BACKOFF_LIMIT_SECONDS = 30.0
_CHUNK_BYTES = 16 * 1024
_LONGEST_RETRY_AFTER = 10**9
_MEBIBYTE = 1024 * 1024
# An error body is only looked into for a code and a message.
_MAX_ERROR_BYTES = 64 * 1024


class HttpSession:
    """Sends requests over https only, follows no redirect, and bounds each call in time, tries and size.

    May be used by several threads at once.
    """

    def __init__(self, settings: Settings, connections: int = 1, plain_http: bool = False) -> None:
        """Take the settings, the number of connections to keep, and whether plain http to the metadata service of a
        managed identity is allowed, which no proxy may see."""
        self._requests = load_requests()
        self._settings = settings
        self._plain_http = plain_http
        self._session: requests.Session = self._requests.Session()
        # What the task says has been read, and requests would only see what the process says.
        self._proxies = settings.proxies if not plain_http else None
        self._session.trust_env = not plain_http and self._proxies is None
        self._session.headers["User-Agent"] = USER_AGENT
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # A redirect is read here and nowhere else; requests would read its whole body.
        self._session.get_redirect_target = lambda response: None
        self._try_deadline = threading.local()
        adapter = bounded_adapter(self._try_deadline, max(1, connections), settings.validate_certs)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        # An explicit path wins over REQUESTS_CA_BUNDLE; plain True leaves that variable its say.
        self._verify: bool | str = (settings.ca_path or True) if settings.validate_certs else False

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: t.Any = None,
        bearer: str = "",
        deadline: Deadline | None = None,
        max_bytes: int = 32 * _MEBIBYTE,
    ) -> Response:
        """Send a request, with retries, and return the answer whatever its status.

        Raises UnavailableError when no answer could be had, ServiceError for a redirect or a body over the limit, and
        OptionError for a token that no header can hold.
        A status that is retried is returned as it is once the tries or the time are used up.
        """
        shown = f"{method} {shown_url(url)}"
        if urlsplit(url).scheme != "https" and not self._plain_http:
            raise ServiceError(f"Could not send {shown}", "only https is used, and this is not")
        deadline = deadline or Deadline(self._settings.deadline)
        retries = self._retries()
        while True:
            answer = None
            try:
                answer = self._try(method, url, headers, params, data, bearer, deadline, max_bytes, shown)
                if not retries.is_retry(method, answer.status):
                    return answer
                problem: Exception | None = None
            except self._requests.exceptions.RequestException as exc:
                problem = exc
                if not worth_a_retry(self._requests, exc):
                    raise self._unavailable(shown, exc, retries) from None
            except UnicodeEncodeError:
                raise OptionError(
                    f"Could not send {shown}",
                    "the token or another header holds characters that HTTP does not take",
                    "Check what issues the token",
                ) from None
            exhausted = not retries.total
            if not exhausted:
                retries = retries.increment(method, urlsplit(url).path, error=_Again())
            wait = self._wait(retries, answer)
            if exhausted or wait >= deadline.remaining():
                if answer is not None:
                    return self._given_up(answer, exhausted, deadline)
                raise self._unavailable(shown, problem, retries, deadline_exceeded=not exhausted) from None
            time.sleep(wait)

    def _try(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
        data: t.Any,
        bearer: str,
        deadline: Deadline,
        max_bytes: int,
        shown: str,
    ) -> Response:
        from urllib3.util.timeout import Timeout

        seconds = min(self._settings.timeout, max(0.001, deadline.remaining()))
        end = time.monotonic() + seconds
        self._try_deadline.end = end
        with self._session.request(
            method,
            url,
            headers=dict(headers or {}),
            params=params,
            data=data,
            auth=_Bearer(bearer),
            proxies=None if self._proxies is None else proxies_for(self._requests, url, self._proxies),
            timeout=Timeout(total=seconds),  # type: ignore[arg-type]  # requests takes urllib3's, too
            verify=self._verify,
            allow_redirects=False,
            stream=True,
        ) as response:
            if 300 <= response.status_code < 400:
                target = host_of(response.headers.get("Location", "")) or "another path"
                raise ServiceError(
                    f"Could not send {shown}",
                    f"the server answered HTTP {response.status_code}, a redirect to {target}, which is not"
                    " followed since the token is only for the configured host",
                    "Check the URL options, and whether a proxy stands in between",
                    status=response.status_code,
                )
            body = self._read(response, end, max_bytes, shown)
            return Response(response.status_code, response.reason or "", response.headers, body, shown, bearer)

    def _read(self, response: requests.Response, end: float, max_bytes: int, shown: str) -> bytes:
        """Read the body, bounded in size also after decompression and in time also when it trickles."""
        failed = response.status_code >= 400
        limit = _MAX_ERROR_BYTES if failed else max_bytes
        body = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            body += chunk
            if len(body) > limit:
                if failed:
                    break
                raise ServiceError(
                    f"Could not read the answer to {shown}",
                    f"it is larger than {limit // 1024} KiB",
                    "Check what answers at this address, and whether a proxy stands in between",
                    status=response.status_code,
                )
            if time.monotonic() > end:
                raise self._requests.exceptions.ReadTimeout("the body did not arrive in time")
        length = response.headers.get("Content-Length", "")
        # urllib3 before 2.0 does not tell. What is longer than 18 digits is no length.
        if not failed and re.fullmatch("[0-9]{1,18}", length) and response.raw.tell() < int(length):
            raise self._requests.exceptions.ChunkedEncodingError("the body is shorter than announced")
        return bytes(body)

    def _retries(self) -> Retry:
        from urllib3.util.retry import Retry

        # allowed_methods=None: the POST requests made here read or sign in, and repeating them does no harm.
        return Retry(
            total=self._settings.max_retries,
            allowed_methods=None,
            status_forcelist=_RETRIED_STATUSES,
            backoff_factor=_BACKOFF_SECONDS,
            respect_retry_after_header=False,
        )

    def _wait(self, retries: Retry, answer: Response | None) -> float:
        """Seconds until the next try: Retry-After when the server gave one, else exponential, both with jitter."""
        backoff = min(max(retries.get_backoff_time(), _BACKOFF_SECONDS), _BACKOFF_LIMIT_SECONDS)
        wait = backoff * random.uniform(1.0, 1.5)
        if answer is not None:
            asked = self.retry_after(answer)
            if asked is not None:
                wait = max(wait if asked == 0 else 0.0, asked * random.uniform(1.0, 1.05))
        return wait

    def retry_after(self, answer: Response) -> float | None:
        """Return the seconds that the server asks to wait, or C(None) when it does not say or says it badly."""
        from urllib3.exceptions import HTTPError
        from urllib3.util.retry import Retry

        value = answer.headers.get("Retry-After")
        if not value:
            return None
        try:
            # Older releases of urllib3 return numbers that are too large to reckon with.
            return float(min(Retry().parse_retry_after(value), _LONGEST_RETRY_AFTER))
        except (HTTPError, ValueError, OverflowError):
            return None

    def _given_up(self, answer: Response, exhausted: bool, deadline: Deadline) -> Response:
        asked = self.retry_after(answer)
        if exhausted:
            why = f"{self._settings.max_retries} retries did not help"
        elif asked and asked >= deadline.remaining():
            why = f"it asks to wait {asked:.0f} seconds, and the deadline of {deadline.seconds:g} seconds is nearer"
        else:
            why = f"it did not recover within the deadline of {deadline.seconds:g} seconds"
        return replace(answer, gave_up=why, deadline_exceeded=not exhausted)

    def _unavailable(
        self, shown: str, problem: Exception | None, retries: Retry, deadline_exceeded: bool = False
    ) -> UnavailableError:
        # The last wait was planned, but no try followed it.
        tries = len(retries.history) + (0 if deadline_exceeded else 1)
        cause = connection_cause(self._requests, problem)
        if tries > 1:
            cause += f" ({tries} tries)"
        return UnavailableError(
            f"Could not send {shown}",
            cause,
            connection_remedy(self._requests, problem),
            deadline_exceeded=deadline_exceeded,
        )


class _Again(Exception):
    """Stands for a try that did not succeed in Retry's history, without holding on to it."""


class _Bearer:
    """Sets the Authorization header. With an auth object, requests does not look into a .netrc file, whose entry
    would replace the token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request
