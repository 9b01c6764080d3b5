# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the token endpoint: status, OAuth error and AADSTS text as Entra answers them."""

from __future__ import annotations

import time
import uuid
from typing import Any

from .messages import Request, Response

#: AADSTS code: (HTTP status, OAuth error, text; fields in braces are filled in).
ERRORS: dict[int, tuple[int, str, str]] = {
    50027: (400, "invalid_request", "The client assertion is invalid: {reason}."),
    50059: (400, "invalid_request", "The request names no tenant."),
    50173: (400, "invalid_grant", "The grant was revoked; the user has to sign in again."),
    65001: (400, "invalid_grant", "Nobody has consented to the application's use of this resource."),
    70000: (400, "invalid_grant", "The refresh token is malformed or was not issued here."),
    70003: (400, "unsupported_grant_type", "The grant type '{value}' is not supported."),
    70008: (400, "invalid_grant", "The refresh token was used before and is no longer valid."),
    70011: (400, "invalid_scope", "The scope '{value}' is not valid: it has to name exactly one resource."),
    70016: (400, "authorization_pending", "The user has not signed in with the device code yet."),
    70018: (400, "bad_verification_code", "The device code is unknown."),
    70019: (400, "expired_token", "The device code has expired."),
    70020: (400, "authorization_declined", "The user has declined the sign-in."),
    70043: (400, "invalid_grant", "The refresh token has expired because of a sign-in frequency policy."),
    90002: (400, "invalid_tenant", "Tenant '{value}' was not found. Check the tenant id and the cloud."),
    90014: (400, "invalid_request", "The required field '{value}' is missing."),
    500011: (400, "invalid_resource", "The resource principal named '{value}' was not found in tenant {tenant}."),
    700016: (400, "unauthorized_client", "Application '{value}' was not found in tenant {tenant}."),
    700021: (401, "invalid_client", "Issuer and subject of the client assertion are not the client id."),
    700023: (401, "invalid_client", "The audience of the client assertion is not this authority."),
    700024: (401, "invalid_client", "The client assertion is not within its valid time range."),
    700025: (401, "invalid_client", "The client is public, so it must present no secret and no assertion."),
    700027: (401, "invalid_client", "The client assertion failed its signature validation: {reason}."),
    700082: (400, "invalid_grant", "The refresh token has expired due to inactivity."),
    700211: (401, "invalid_client", "No federated identity record matches the issuer '{value}'."),
    700212: (401, "invalid_client", "No federated identity record matches the audience '{value}'."),
    700213: (401, "invalid_client", "No federated identity record matches the subject '{value}'."),
    900023: (400, "invalid_request", "'{value}' is neither a tenant id nor a domain name."),
    900144: (400, "invalid_request", "The request body must contain the parameter '{value}'."),
    900561: (400, "invalid_request", "The endpoint only takes POST requests, not {value}."),
    1002012: (
        400,
        "invalid_scope",
        "The scope '{value}' is not valid: client credentials need a scope that ends in /.default.",
    ),
    7000215: (401, "invalid_client", "The client secret is invalid. Send the secret's value, not its id."),
    7000218: (401, "invalid_client", "The request body must contain 'client_assertion' or 'client_secret'."),
    7000222: (401, "invalid_client", "The client secret keys of application '{value}' have expired."),
    53003: (400, "invalid_grant", "Conditional access policies block the issuance of tokens."),
    50126: (400, "invalid_grant", "User name or password is wrong."),
    50076: (400, "interaction_required", "A second factor is needed to reach the resource."),
}


class _Fields(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "(none)"


class EntraError(Exception):
    """The token endpoint refuses. ``code`` is the number after AADSTS; keywords fill its text."""

    def __init__(self, code: int, **values: Any) -> None:
        status, error, text = ERRORS[code]
        super().__init__(text.format_map(_Fields(values)))
        self.code = code
        self.status = status
        self.error = error


def error_response(error: EntraError, request: Request) -> Response:
    """The JSON body Entra sends, with its trace and correlation ids."""
    trace = str(uuid.uuid4())
    correlation = request.headers.get("client-request-id") or str(uuid.uuid4())
    stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(request.now()))
    description = "\r\n".join(
        (
            f"AADSTS{error.code}: {error}",
            f"Trace ID: {trace}",
            f"Correlation ID: {correlation}",
            f"Timestamp: {stamp}",
        )
    )
    body = {
        "error": error.error,
        "error_description": description,
        "error_codes": [error.code],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={error.code}",
    }
    return Response.of(body, error.status, headers={"Cache-Control": "no-store, no-cache", "x-ms-request-id": trace})
