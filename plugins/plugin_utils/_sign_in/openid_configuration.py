# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What the sign-in service answers, and the checks that keep credentials from hosts that only a document names.

Source: reference facts on sign-in and MSAL.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import SECRET_OPTIONS
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import Request
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.session import (
    HttpSession,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import Deadline
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.entra_errors import (
    remedy_for,
    said_by,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.refresh_token_file import RefreshTokenFile

_MAX_BYTES = 1024 * 1024
# Issuers that Entra's discovery documents name beside the authority's own host.
_ISSUER_HOSTS = ("sts.windows.net", "sts.chinacloudapi.cn", "sts.microsoftonline.de")


def discover(settings: Settings) -> tuple[dict[str, t.Any], Response]:
    """Read the tenant's discovery document as a sign-in does; return it, and the answer that it came with.

    Raises SignInError, UnavailableError, ServiceError or MissingLibraryError.
    """
    attempted = "Could not read the discovery document"
    url = f"{settings.authority}/{settings.tenant_id}/v2.0/.well-known/openid-configuration"
    http = HttpSession(settings)
    try:
        answer = ask(http, attempted, "GET", url, Deadline(settings.deadline))
    finally:
        http.close()
    return check_discovery(settings, attempted, answer), answer


def ask(http: HttpSession, attempted: str, method: str, url: str, deadline: Deadline, **request: t.Any) -> Response:
    """Send a request to the sign-in service, and return an answer whose body is a JSON object.

    Raises SignInError for other bodies and for an overloaded service, else as HttpSession.send does.
    """
    answer = http.send(Request(method, url, max_bytes=_MAX_BYTES, **request), deadline)
    try:
        # As MSAL reads it: what it cannot parse, it would log.
        body = json.loads(text_of(answer))
    except (ValueError, RecursionError):
        body = None
    if answer.status >= 500 or answer.status in (408, 429) or not isinstance(body, dict):
        shape = "" if isinstance(body, dict) else " without a usable body"
        raise SignInError(
            attempted,
            f"{answer.request} answered HTTP {answer.status}{shape}",
            "Check authority and tenant_id, and whether a proxy answers in the service's place; a service that is"
            " overloaded answers later",
        )
    return answer


def text_of(answer: Response) -> str:
    """Return the body as text, without a byte-order mark."""
    return answer.body.decode("utf-8-sig", "replace")


def check_discovery(settings: Settings, attempted: str, answer: Response) -> dict[str, t.Any]:
    """Return the discovery document in an answer. Raises SignInError for one that names other hosts."""
    document: dict[str, t.Any] = json.loads(text_of(answer))
    if answer.status != 200:
        raise refused(settings, attempted, document)
    check_host(settings, attempted, "issuer", str(document.get("issuer", "")), _ISSUER_HOSTS)
    check_host(settings, attempted, "token endpoint", str(document.get("token_endpoint", "")))
    return document


def check_host(settings: Settings, attempted: str, what: str, url: str, others: tuple[str, ...] = ()) -> None:
    """Raise SignInError unless a URL is on the authority's host, or on another one that is known."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    known = (*settings.sign_in_hosts, *others)
    host = parts.netloc.lower()
    host = host[: -len(":443")] if host.endswith(":443") else host
    if parts.scheme != "https" or host not in known:
        raise SignInError(
            attempted,
            f"the discovery document of {settings.authority} names another {what}, on host"
            f" '{parts.netloc[:100]}', to which no credential is sent",
            "Check authority and cloud, and whether a proxy answers in the service's place",
        )


def refused(settings: Settings, attempted: str, result: Mapping[str, t.Any]) -> SignInError:
    """Return the error for a refusal in the form that Entra gives it."""
    text = said_by(result, secrets_of(settings))
    return SignInError(attempted, f"the sign-in service refused: {text}", remedy_for(text))


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Return everything that must not show in a message, also what is kept in the refresh token file."""
    kept = ""
    if settings.refresh_token_file:
        with suppress(OptionError):
            kept = RefreshTokenFile(settings.refresh_token_file).read()
    secrets = (*(str(getattr(settings, name)) for name in SECRET_OPTIONS), kept)
    return tuple(secret for secret in secrets if secret)
