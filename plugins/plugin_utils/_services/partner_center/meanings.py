# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What Partner Center's refusals mean for the user. Source: reference facts on Partner Center, tables of codes.

The same number can mean two things, so HTTP status and code decide together; where a code does not help (0 is common),
the text does.
"""

from __future__ import annotations

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import Meaning
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import ErrorDetails

_SUPPORT = "Give both ids to Microsoft's support if it stays so"
_MFA = (
    "the refresh token was issued without multi-factor authentication",
    "Consent again with multi-factor authentication and set the new refresh token, or sign in as the application alone",
)
_REFUSED = (
    "the service does not accept the token",
    "Check cloud, authority and audience, and that the application is registered in Partner Center",
)
_COUNTRY = (
    "this partner is not onboarded to sell in that country",
    "Set country to one in which the partner sells, or ask who administers Partner Center",
)
_LOCALE = ("the locale is not supported", "Set locale to en-US, which is always supported")
_PROGRAM = ("the partner's program status is not active", "Check the status and the agreements in Partner Center")
_RIGHTS = ("the identity lacks the right", "Give the application or user the role that reading offers needs")
_ID = ("the service does not take this id", "Check offer_id; most offer ids are GUIDs")

# (HTTP status, code) to what it means and what to do.
MEANINGS: dict[tuple[int, str], tuple[str, str]] = {
    (400, "2000"): _ID,
    (400, "2100"): (
        "the id is one of the new commerce catalog, and no offer",
        "Look it up with the module msdevices.provisioning.partner_product_info",
    ),
    (400, "3000"): _ID,
    (400, "800002"): ("a parameter is invalid", "Check offer_id, country, locale and category_id"),
    (400, "800070"): ("the offer is not sold in that country", "Set country to one in which the offer is sold"),
    (400, "900127"): ("the operation does not exist in this cloud or sandbox", "Check cloud and base_url"),
    (401, "400"): _REFUSED,
    (401, "800001"): _REFUSED,
    (401, "900420"): (
        "the token was issued for an audience that the service does not accept",
        "Leave audience at its default, or set it to the service's root URL",
    ),
    (401, "900421"): _MFA,
    (403, "2006"): ("this partner may not see the offer", "Check that the partner may sell it"),
    (403, "2030"): _COUNTRY,
    (403, "2032"): _RIGHTS,
    (403, "20002"): ("the partner has no reseller relationship with the customer", "Check customer_id"),
    (403, "800039"): _PROGRAM,
    (403, "900123"): _PROGRAM,
    (403, "900124"): ("the partner has not accepted the Microsoft Partner Agreement", "Accept it in Partner Center"),
    (403, "900149"): _PROGRAM,
    (403, "900150"): _RIGHTS,
    (403, "900308"): _RIGHTS,
    (403, "900309"): ("Conditional Access blocked the token", "Ask who administers the tenant"),
    (403, "900329"): (
        "the service does not take an application without a user here",
        "Sign in with a refresh token that a user consented to (auth_method=refresh_token)",
    ),
    (404, "60003"): ("the tenant does not exist", "Check customer_id"),
}
_BY_STATUS = {
    400: ("a parameter is invalid", "Check offer_id, country, locale and category_id"),
    401: _REFUSED,
    403: ("the service refuses it", "Check the roles of the application or user in Partner Center. " + _SUPPORT),
    404: ("there is no such thing", "Check base_url and the ids"),
    429: ("too many requests", "Run again later, or set max_concurrency lower"),
}


def is_unknown(details: ErrorDetails) -> bool:
    """Return whether the refusal of a request by id means that there is no such thing.

    A 404 that has neither a code nor the service's ids comes from something in between.
    """
    if details.page:
        return False
    if (details.status, details.code) == (400, "800004"):
        return True
    of_the_service = bool(details.code or details.request_id or details.correlation_id)
    return details.status == 404 and of_the_service and (404, details.code) not in MEANINGS


def meaning(details: ErrorDetails) -> Meaning:
    """Return what a refusal means and what to do about it."""
    text = f"{details.message} {details.reason_phrase}".lower()
    if details.page:
        found = ("a page came instead of the service's response", "Check base_url and the proxy")
    elif details.status == 401 and "mfa" in text:
        found = _MFA
    elif (details.status, details.code) in MEANINGS:
        found = MEANINGS[details.status, details.code]
    elif "not onboarded" in text:
        found = _COUNTRY
    elif "locale" in text and "not supported" in text:
        found = _LOCALE
    else:
        found = _BY_STATUS.get(details.status, ("", _SUPPORT))
    return Meaning(*found)
