# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What Entra's error codes mean for the user. Source: Microsoft's list of AADSTS error codes."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._text import (
    mask,
    printable,
)

_CONSENT = "consent again and set the new one"
_ASSERTION = "Check client_id, tenant_id, authority and cloud: the assertion was made for others"
_MFA = "The refresh token was issued without multi-factor authentication: consent again with it"
_AUDIENCE = "Check audience; the service may have to be consented to in this tenant first"
_EXPIRED = f"The refresh token has expired (they last about 90 days): {_CONSENT}"
_CHANGED = "The request did not arrive as it was sent: check whether a proxy changes it"

REMEDIES = {
    # The application and its tenant.
    "AADSTS700016": "Check client_id and tenant_id: the application is not in this tenant",
    "AADSTS7000112": "The application is disabled: enable it in Entra",
    "AADSTS7000229": "The application has no service principal in this tenant: an administrator has to consent to it",
    "AADSTS90002": "Check tenant_id, and that cloud or authority is the tenant's own",
    "AADSTS900023": "Check tenant_id: it is neither a GUID nor a domain of the tenant",
    "AADSTS50059": "Check tenant_id: the request names no tenant",
    # Secrets, certificates and federated tokens.
    "AADSTS7000215": "Check client_secret: it takes the secret's value, not its id",
    "AADSTS7000222": "The client secret has expired: create a new one for the application in Entra, and set it",
    "AADSTS7000218": "The application is confidential: set client_secret or client_certificate_path too",
    "AADSTS700025": "The application is a public client: leave client_secret and client_certificate_path out",
    "AADSTS700027": "The certificate is not registered for the application, or has expired: upload it in Entra",
    "AADSTS50027": "Check the certificate or the federated token file, and that it is the application's own",
    "AADSTS700024": (
        "The federated token, or the assertion of the certificate, is outside its time of validity: check what renews"
        " federated_token_file, and the clock of the controller"
    ),
    "AADSTS700021": _ASSERTION,
    "AADSTS700023": _ASSERTION,
    "AADSTS70021": "No federated credential of the application matches the token: compare issuer, subject, audience",
    "AADSTS700211": "No federated credential of the application matches the token's issuer",
    "AADSTS700213": "No federated credential of the application matches the token's subject",
    "AADSTS700212": "No federated credential of the application matches the token's audience",
    # The service that the token is for.
    "AADSTS500011": _AUDIENCE,
    "AADSTS50001": _AUDIENCE,
    "AADSTS500014": "The service is disabled in this tenant: an administrator has to enable it in Entra",
    "AADSTS70011": "Check audience: it has to be the id of one service, a URL or a GUID",
    "AADSTS1002012": "Check audience: it has to be the id of one service, a URL or a GUID",
    "AADSTS65001": "An administrator has to consent to the application for this service",
    "AADSTS90094": "An administrator has to consent to the application for this service",
    # Refresh tokens and the users behind them.
    "AADSTS70008": _EXPIRED,
    "AADSTS700082": _EXPIRED,
    "AADSTS70043": f"A policy on how often users have to sign in has ended the refresh token: {_CONSENT}",
    "AADSTS70000": f"The refresh token is invalid or was replaced by a newer one: {_CONSENT}",
    "AADSTS50173": f"The refresh token was revoked: {_CONSENT}",
    "AADSTS50126": f"The user of the refresh token has to sign in anew: {_CONSENT}",
    "AADSTS50057": "The user of the refresh token is disabled: enable the user, or consent as another one",
    "AADSTS50076": _MFA,
    "AADSTS50078": _MFA,
    "AADSTS50079": _MFA,
    "AADSTS53003": "Conditional Access blocks the sign-in: ask who administers the tenant",
    # No option is the cause.
    "AADSTS70003": _CHANGED,
    "AADSTS90014": _CHANGED,
    "AADSTS900144": _CHANGED,
    "AADSTS900561": _CHANGED,
}


def describe_token_error(result: Mapping[str, t.Any], secrets: Iterable[str] = ()) -> str:
    """Return the text of a token endpoint's error, with the AADSTS code and the correlation id, on one line.

    Secrets that it repeats are masked.
    """
    secrets = tuple(secrets)

    def clean(name: str) -> str:
        return mask(str(result.get(name) or ""), secrets)

    # The lines after the first repeat ids and the time.
    first = re.split(r"[\r\n]|\bTrace ID:", clean("error_description"), maxsplit=1)[0]
    codes = result.get("error_codes")
    if "AADSTS" not in first and isinstance(codes, list) and codes and isinstance(codes[0], int):
        first = f"AADSTS{codes[0]}: {first}"
    parts = [printable(clean("error") or "no reason given", 100), printable(first)]
    text = ": ".join(part for part in parts if part)
    correlation = printable(clean("correlation_id"), 64)
    return f"{text.rstrip('.')} (correlation id {correlation})" if correlation else text


def remedy_for(text: str) -> str:
    """Return what to do about an error, by the AADSTS code that its text may hold."""
    codes = re.findall(r"AADSTS\d+", text)
    for code in codes:
        if code in REMEDIES:
            return REMEDIES[code]
    if not codes:
        return "Check the credential, and who may use it; or ask who administers the tenant"
    return "Look the AADSTS code up at https://login.microsoftonline.com/error, or ask who administers the tenant"
