# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Lets MSAL send by our session, which has time-outs, retries and TLS settings, and checks where credentials go."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import UnavailableError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.session import HttpSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import Deadline
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.openid_configuration import (
    check_host,
    check_openid_configuration,
    decode_text,
    send_json,
)

_SECRET_FIELDS = ("client_secret", "client_assertion", "assertion", "refresh_token", "code", "password")
_SECRET_HEADERS = ("X-IDENTITY-HEADER", "Secret", "Authorization")
_NO_IDENTITY = (
    "Check that the controller is a machine in Azure with a managed identity; elsewhere choose another auth_method"
)


class MsalResponse:
    """The part of a response that MSAL reads."""

    def __init__(self, response: Response) -> None:
        self.status_code = response.status
        self.headers = response.headers
        self.text = decode_text(response)

    def raise_for_status(self) -> None:
        """Raise for an error, as requests does."""
        if self.status_code >= 400:
            raise RuntimeError(f"HTTP {self.status_code}")


class MsalHttpClient:
    """What MSAL takes as `http_client`. All of its requests share one deadline."""

    def __init__(self, http: HttpSession, settings: Settings, attempted: str, entra: bool = True) -> None:
        """Take the session, and whether requests go to Entra: a managed identity has an endpoint of its own."""
        self._http = http
        self._settings = settings
        self._attempted = attempted
        self._deadline = Deadline(settings.deadline)
        self._entra = entra
        self.sent_secrets: list[str] = []
        """Credentials that were sent, assertions included."""

    def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **others: t.Any,
    ) -> MsalResponse:
        """Send a GET: for the OpenID configuration, or a managed identity's token."""
        self.sent_secrets += [str(headers[name]) for name in _SECRET_HEADERS if headers and headers.get(name)]
        response = self._send("GET", url, headers=headers or {}, params=params or {})
        if self._entra:
            check_openid_configuration(self._settings, self._attempted, response)
        return MsalResponse(response)

    def post(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: t.Any = None,
        **others: t.Any,
    ) -> MsalResponse:
        """Send a POST: the token request."""
        if self._entra:
            check_host(self._settings, self._attempted, "token endpoint", url)
        if isinstance(data, Mapping):
            self.sent_secrets += [decoded(data[name]) for name in _SECRET_FIELDS if data.get(name)]
        return MsalResponse(self._send("POST", url, headers=headers or {}, params=params or {}, data=data))

    def close(self) -> None:
        """Do nothing: the session belongs to who made it."""

    def _send(self, method: str, url: str, **request: t.Any) -> Response:
        try:
            return send_json(self._http, self._attempted, method, url, self._deadline, **request)
        except UnavailableError as exc:
            if self._entra:
                raise
            raise exc.within(self._attempted, _NO_IDENTITY) from None


def decoded(value: t.Any) -> str:
    """Return a form field as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
