# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The base of all clients: calls below a service's root URL, signed in where the service wants it, and its refusals as
errors."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    OptionError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import mask
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import json_object
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import MEBIBYTE, Request
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.session import HttpSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import Deadline
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import ErrorDetails, parse_fault
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.openid_configuration import known_secrets
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.token_source import TokenSource


@dataclass(frozen=True)
class Meaning:
    """What a refusal means for the user: a clause, what to do, and whether it says that there is no such thing."""

    why: str = ""
    remedy: str = ""
    not_found: bool = False


class ServiceClient:
    """Base of the clients: a subclass has a method per operation, says what refusals mean, and has a harmless call.

    May be used by several threads at once. Operations raise UnavailableError, ServiceError (NotFoundError for what does
    not exist), SignInError, OptionError or MissingLibraryError.
    """

    SIGN_IN: t.ClassVar[bool] = True
    """Whether calls carry a token. Without, no credential is needed, and none is sent."""
    HEADERS: t.ClassVar[Mapping[str, str]] = {"Accept": "application/json"}
    """Sent with every call."""
    MAX_BYTES: t.ClassVar[int] = 32 * MEBIBYTE
    """The largest response of an operation, decoded."""
    ONE_CALL: t.ClassVar[bool] = False
    """Whether its module makes one call, so that it has no option max_concurrency."""
    GONE: t.ClassVar[str] = ""
    """A hint for when something else than the service responds, or nothing."""

    def __init__(self, settings: Settings, cache: Cache, connections: int = 1) -> None:
        """Take the settings, where tokens are kept, and how many calls may be under way at once."""
        self.settings = settings
        self._http = self.open_http(settings, connections)
        self._tokens = TokenSource(settings, cache) if self.SIGN_IN else None

    @classmethod
    def open_http(cls, settings: Settings, connections: int) -> HttpSession:
        """Return the session for the service's host. A service with a trust of its own overrides this."""
        return HttpSession(settings, connections)

    def __enter__(self) -> t.Any:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def sign_in(self) -> None:
        """Make sure that there is a token, where one is needed. Raises as TokenSource.token does."""
        if self._tokens is not None:
            self._tokens.token()

    def probe(self) -> str:
        """Make a call that changes and issues nothing; return what came, as a clause.

        An empty text means that the response is empty, so that another server at a wrong `base_url` may have given it.
        Raises as operations do.
        """
        raise NotImplementedError

    def meaning(self, details: ErrorDetails, subject: t.Any) -> Meaning:
        """Return what a refusal means; `subject` is what `call` was told that the call is about."""
        raise NotImplementedError

    def call(
        self,
        attempted: str,
        method: str,
        path: tuple[str, ...],
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: t.Any = None,
        deadline: Deadline | None = None,
    ) -> Response:
        """Send a request to the path below the service's root URL; each segment is percent-encoded here.

        Returns the response whatever its status (401 only after a second try with a fresh token). `deadline` is for
        calls that share one; otherwise the call has one of its own. Raises as HttpSession.send and TokenSource.token
        do, with `attempted` as what was attempted.
        """
        _check_text(path, params)
        request = Request(
            method,
            "/".join((self.settings.base_url, *(quote(segment, safe="") for segment in path))),
            headers={**self.HEADERS, **(headers or {})},
            params=params or {},
            data=data,
            max_bytes=self.MAX_BYTES,
        )
        deadline = deadline or Deadline(self.settings.deadline)
        if self._tokens is None:
            return self._send(attempted, request, deadline)
        token = self._tokens.token()
        response = self._send(attempted, replace(request, bearer=token), deadline)
        if response.status == 401:
            fresh = self._tokens.replace_rejected(token)
            if fresh:
                response = self._send(attempted, replace(request, bearer=fresh), deadline)
                if response.status == 401:
                    self._tokens.stop_renewing()
        if response.status != 401:
            self._tokens.resume_renewing()
        return response

    def _send(self, attempted: str, request: Request, deadline: Deadline) -> Response:
        try:
            return self._http.send(request, deadline)
        except UnavailableError as exc:
            if exc.unreachable:
                # The same for all operations, so that it can be said once.
                raise exc.at_host(self.settings.base_url, self.GONE) from None
            raise exc.within(attempted, self.GONE) from None
        except ServiceError as exc:
            raise exc.with_hint(self.GONE) from None

    def json(self, attempted: str, response: Response, subject: t.Any = None) -> dict[str, t.Any]:
        """Return the JSON object of a response of status 200. Raises what `refused` returns, or ServiceError."""
        if response.status != 200:
            raise self.refused(attempted, response, subject)
        try:
            return json_object(response, attempted)
        except ServiceError as exc:
            raise exc.with_hint(self.GONE) from None

    def refused(
        self, attempted: str, response: Response, subject: t.Any = None
    ) -> ServiceError | NotFoundError | UnavailableError:
        """Return the error for a response that is no success; `subject` is handed to `meaning`."""
        details = parse_fault(response, self._secrets(response))
        cause = details.text(response.request)
        if response.gave_up:
            # Whoever is told to slow down has reached the service.
            slower = details.status == 429
            lower = slower and not self.ONE_CALL
            hint = "Run again later, or set max_concurrency lower" if lower else "Run again later"
            remedy = hint if slower or not self.GONE else f"{hint}. {self.GONE}"
            return UnavailableError(attempted, f"{cause}; {response.gave_up}", remedy, response.deadline_exceeded)
        meaning = self.meaning(details, subject)
        kind = NotFoundError if meaning.not_found else ServiceError
        cause = f"{meaning.why} ({cause})" if meaning.why else cause
        return kind(attempted, cause, meaning.remedy, status=details.status, code=details.code)

    def unusable(self, attempted: str, response: Response, how: str, remedy: str) -> ServiceError:
        """Return the error for a success whose content cannot be used; `how` follows the status, without secrets that
        the content repeats."""
        cause = f"{response.request} answered HTTP {response.status} {mask(how, self._secrets(response))}"
        return ServiceError(attempted, cause, remedy, status=response.status)

    def _secrets(self, response: Response) -> tuple[str, ...]:
        return (response.bearer, *known_secrets(self.settings))


def _check_text(path: tuple[str, ...], params: Mapping[str, str] | None) -> None:
    """Refuse ids that would name another path, or that are no text. Raises OptionError."""
    problem = "an id in it is empty or a path" if any(segment in ("", ".", "..") for segment in path) else ""
    try:
        "".join((*path, *(params or {}).values())).encode("utf-8")
    except UnicodeEncodeError:
        problem = "an id in it is not text"
    if problem:
        raise OptionError("Could not make a request", problem, "Check the ids in the options")
