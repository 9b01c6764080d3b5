# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What Entra's error codes mean for the user. Source: Microsoft's list of AADSTS error codes."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._transport import printable

_REMEDIES = {
    "AADSTS7000215": "Check client_secret: it takes the secret's value, not its id",
    "AADSTS7000222": "The client secret has expired: create a new one for the application in Entra, and set it",
    "AADSTS700016": "Check client_id and tenant_id: the application is not in this tenant",
    "AADSTS90002": "Check tenant_id, and that cloud or authority is the tenant's own",
    "AADSTS900023": "Check tenant_id: it is neither a GUID nor a domain of the tenant",
    "AADSTS500011": "Check audience; the service may have to be consented to in this tenant first",
    "AADSTS50001": "Check audience; the service may have to be consented to in this tenant first",
    "AADSTS65001": "An administrator has to consent to the application for this service",
    "AADSTS700027": "The certificate is not registered for the application, or has expired: upload it in Entra",
    "AADSTS700024": "The assertion is outside its time of validity: check the clock of the controller",
    "AADSTS70021": "No federated credential of the application matches the token: compare issuer, subject, audience",
    "AADSTS700211": "No federated credential of the application matches the token's issuer",
    "AADSTS700213": "No federated credential of the application matches the token's subject",
    "AADSTS700212": "No federated credential of the application matches the token's audience",
    "AADSTS50076": "The refresh token was issued without multi-factor authentication: consent again with it",
    "AADSTS50079": "The refresh token was issued without multi-factor authentication: consent again with it",
    "AADSTS53003": "Conditional Access blocks the sign-in: ask who administers the tenant",
    "AADSTS70008": "The refresh token has expired (they last about 90 days): consent again and set the new one",
    "AADSTS700082": "The refresh token has expired (they last about 90 days): consent again and set the new one",
    "AADSTS70000": "The refresh token is invalid or was replaced by a newer one: consent again and set the new one",
    "AADSTS50173": "The refresh token was revoked: consent again and set the new one",
    "AADSTS7000218": "The application is confidential: set client_secret or client_certificate_path too",
}


def said_by(result: Mapping[str, t.Any], secrets: tuple[str, ...] = ()) -> str:
    """Return the text of a token endpoint's error, with the AADSTS code and the correlation id, on one line.

    Secrets that it repeats are taken out.
    """

    def clean(name: str) -> str:
        text = str(result.get(name) or "")
        for secret in secrets:
            text = text.replace(secret, "********")
        return text

    # The lines after the first repeat ids and the time.
    first = re.split(r"[\r\n]|\bTrace ID:", clean("error_description"), maxsplit=1)[0]
    parts = [printable(clean("error") or "no reason given", 100), printable(first)]
    text = ": ".join(part for part in parts if part)
    correlation = printable(clean("correlation_id"), 64)
    return f"{text.rstrip('.')} (correlation id {correlation})" if correlation else text


def remedy_for(text: str) -> str:
    """Return what to do about an error whose text holds an AADSTS code."""
    for code in re.findall(r"AADSTS\d+", text):
        if code in _REMEDIES:
            return _REMEDIES[code]
    return "Look the AADSTS code up at https://login.microsoftonline.com/error, or ask who administers the tenant"
