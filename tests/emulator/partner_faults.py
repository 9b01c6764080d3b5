# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of Partner Center, in all the shapes they are known to have. Source: docs of Partner Center's errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .messages import Delivery, Response


@dataclass(frozen=True)
class Refusal:
    """One way to refuse. ``body`` none means an empty body; ``reason`` replaces the usual reason phrase."""

    status: int
    body: dict[str, Any] | None
    reason: str | None = None

    def response(self) -> Response:
        """The response that says it."""
        if self.reason is not None:
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"', "Request-Context": "appId=emulator"}
            return Response(self.status, b"", headers, self.reason, Delivery(stream=iter(())))
        if self.body is None:
            return Response(self.status)
        return Response.of(self.body, self.status)


class PartnerFault(Exception):
    """The service refuses a request."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"status {refusal.status}")
        self.refusal = refusal


def fault(status: int, code: int | str, description: str, data: list[str] | None = None) -> Refusal:
    """A documented fault. Codes from 900000 on come without ``data``; whether a code is a number or a text varies."""
    body: dict[str, Any] = {"code": code, "description": description}
    if int(code) < 900_000:
        body["data"] = data or []
    return Refusal(status, {**body, "source": "PartnerFD"})


#: 401 without a body, the cause in the reason phrase.
MFA_REQUIRED = Refusal(401, None, "Unauthorized - MFA required")

#: Refusals of the catalog.
CATALOG_REFUSALS: dict[str, Refusal] = {
    "unknown_product": fault(404, 400013, "The product was not found."),
    "unknown_sku": fault(404, "400018", "The SKU was not found."),
    "unknown_availability": fault(404, 400019, "The availability was not found."),
    "segment_refused": fault(403, 400030, "The partner may not use the target segment."),
    "view_refused": fault(403, "400036", "The partner may not use the target view."),
    "item_unavailable": fault(200, 400072, "The item is not available."),
    "prices_refused": fault(403, 800043, "The partner has no access to prices."),
    "no_relationship": fault(403, 20002, "There is no reseller relationship."),
    "sandbox": fault(403, 900322, "The item cannot be bought in the sandbox."),
    "environment": fault(400, 900127, "The operation is not supported in this environment."),
}

#: What a rule with the action partner_behavior can let the service refuse with.
REFUSALS: dict[str, Refusal] = {
    "unknown": fault(404, 1000, "The resource was not found."),
    "unknown_3000": fault(404, 3000, "The id is unknown."),
    "unknown_empty": Refusal(404, None),
    "unknown_800004": fault(400, "800004", "The offer id is not valid."),
    "not_in_country": fault(400, 800070, "The offer is not available in the given country."),
    "not_onboarded": fault(403, 2030, "The partner is not onboarded to sell in this country."),
    "not_onboarded_zero": fault(403, 0, "The partner is not onboarded to sell in the country."),
    "not_visible": fault(403, "2006", "The partner may not see this offer."),
    "access_denied": fault(403, 2032, "Access is denied."),
    "app_only_refused": fault(403, 900329, "The resource does not support application-only sign-in."),
    "agreement": fault(403, 900124, "The partner has not accepted the agreement."),
    "new_commerce": fault(400, 2100, "The id is not of the offers; use the products and SKUs."),
    "wrong_audience": fault(401, "900420", "The audience of the token is no longer supported."),
    "mfa_code": fault(401, 900421, "The token has no claim of a second factor."),
    "mfa_required": MFA_REQUIRED,
    "token_refused": fault(401, 400, "Access is denied."),
    "token_missing": fault(401, 800001, "The partner's token is missing from the request."),
    "server_error": fault(500, "800003", "Something unexpected happened."),
    "not_classified": fault(501, 0, "The error is not classified."),
    "locale": fault(400, 0, "Locale en-GB is not supported."),
    "entities": fault(
        400, 2007, '{"Error":{"Code":"2007","Message":"The partner&#39;s request is &quot;not&quot; valid"}}'
    ),
    "long": fault(400, 2000, "The input is bad. " * 56, ["Key: value"]),
    **CATALOG_REFUSALS,
}
