# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Reads the OpenID configuration of a tenant, and refuses endpoints on unknown hosts.

Source: reference facts on sign-in and MSAL.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import SECRET_OPTIONS
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import parse_json
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import Request
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.session import (
    HttpSession,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import Deadline
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.entra_errors import (
    describe_token_error,
    remedy_for,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.federated_token import (
    read_federated_token,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.refresh_token_file import RefreshTokenFile

_MAX_BYTES = 1024 * 1024
# Issuers that Entra's OpenID configurations name beside the authority's own host.
_ISSUER_HOSTS = ("sts.windows.net", "sts.chinacloudapi.cn", "sts.microsoftonline.de")


def fetch_openid_configuration(settings: Settings) -> tuple[dict[str, t.Any], Response]:
    """Read the tenant's OpenID configuration, as a sign-in does; return it, and the response that it came in.

    Raises SignInError, UnavailableError, ServiceError or MissingLibraryError.
    """
    attempted = "Could not read the OpenID configuration"
    url = f"{settings.authority}/{settings.tenant_id}/v2.0/.well-known/openid-configuration"
    http = HttpSession(settings)
    try:
        response = send_json(http, attempted, "GET", url, Deadline(settings.deadline))
    finally:
        http.close()
    return check_openid_configuration(settings, attempted, response), response


def send_json(
    http: HttpSession, attempted: str, method: str, url: str, deadline: Deadline, **request: t.Any
) -> Response:
    """Send a request to the sign-in service, and return a response whose body is a JSON object.

    Raises SignInError for other bodies and for an overloaded service, else as HttpSession.send does.
    """
    response = http.send(Request(method, url, max_bytes=_MAX_BYTES, **request), deadline)
    try:
        # What MSAL cannot parse, it would log.
        body = parse_json(decode_text(response))
    except (ValueError, RecursionError):
        body = None
    if response.status >= 500 or response.status in (408, 429) or not isinstance(body, dict):
        shape = "" if isinstance(body, dict) else " without a usable body"
        raise SignInError(
            attempted,
            f"{response.request} answered HTTP {response.status}{shape}",
            "Check authority and tenant_id, and whether a proxy answers in the service's place; a service that is"
            " overloaded answers later",
        )
    return response


def decode_text(response: Response) -> str:
    """Return the body as text, without a byte-order mark."""
    return response.body.decode("utf-8-sig", "replace")


def check_openid_configuration(settings: Settings, attempted: str, response: Response) -> dict[str, t.Any]:
    """Return the OpenID configuration in a response. Raises SignInError for one that names other hosts."""
    document: dict[str, t.Any] = parse_json(decode_text(response))
    if response.status != 200:
        raise token_error(settings, attempted, document)
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
            f"the OpenID configuration of {settings.authority} names another {what}, on host"
            f" '{parts.netloc[:100]}', to which no credential is sent",
            "Check authority and cloud, and whether a proxy answers in the service's place",
        )


def token_error(
    settings: Settings, attempted: str, result: Mapping[str, t.Any], sent_secrets: Iterable[str] = ()
) -> SignInError:
    """Return the error for a refusal in the form that Entra gives it, without the secrets that it repeats."""
    text = describe_token_error(result, (*known_secrets(settings), *sent_secrets))
    return SignInError(attempted, f"the sign-in service refused: {text}", remedy_for(text))


def known_secrets(settings: Settings) -> tuple[str, ...]:
    """Return everything that must not show in a message, also the tokens that are kept in files."""
    secrets = [str(getattr(settings, name)) for name in SECRET_OPTIONS]
    with suppress(OptionError):
        secrets.append(RefreshTokenFile(settings.refresh_token_file).read() if settings.refresh_token_file else "")
    with suppress(OptionError):
        secrets.append(read_federated_token(settings.federated_token_file) if settings.federated_token_file else "")
    return tuple(secret for secret in secrets if secret)
