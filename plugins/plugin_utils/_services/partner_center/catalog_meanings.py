# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What refusals of the catalog mean for the user. Source: reference facts on the Partner Center catalog, faults.

A 404 names by its code what there is not, which can be the parent of what was requested.
"""

from __future__ import annotations

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import Meaning
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import ErrorDetails
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center import meanings

MISSING_KINDS = {"400013": "product", "400018": "SKU", "400019": "availability"}
"""Code of a 404 to the kind of what there is not."""
_CHECK = "Check catalog_id, country, locale, target_view, segment and reservation_scope"
_NOT_FOUND = {
    "product": Meaning(
        "there is no such product in that country, or its sale has ended",
        "Check catalog_id and country. For the id of an offer or a license, use the module partner_offer_info",
        not_found=True,
    ),
    "SKU": Meaning("the product has no such SKU", "Check catalog_id; include_skus lists the SKUs", not_found=True),
    "availability": Meaning(
        "there is no such availability now; these ids are reissued regularly",
        "Keep product:sku only, and list its availabilities with include_availabilities",
        not_found=True,
    ),
    "promotion": Meaning("there is no such promotion", "Check promotion_id and country", not_found=True),
}
MEANINGS: dict[tuple[int, str], tuple[str, str]] = {
    (200, "400072"): ("the item is not available", "Check country, and whether the sale of the item has ended"),
    (400, "2000"): ("the service does not take a parameter", _CHECK),
    (400, "3000"): ("the service does not take this id", _CHECK),
    (400, "800002"): ("a parameter is invalid", _CHECK),
    (400, "800070"): ("it is not sold in that country", "Set country to one in which it is sold"),
    (400, "900127"): (
        "the operation does not exist in this cloud or sandbox",
        "Check cloud and base_url; not every cloud has all parts of the catalog",
    ),
    (403, "2006"): ("this partner may not see it", "Check that the partner may sell it"),
    (403, "400030"): ("this partner may not use that segment", "Set segment to one in which the partner sells"),
    (403, "400036"): ("this partner may not use that view", "Set target_view to one that the partner may use"),
    (403, "800043"): ("the identity has no access to prices", "Give the user the role Admin agent or Sales agent"),
    (403, "900322"): ("the item does not exist in the sandbox", "Use an account that is not of the sandbox"),
}
"""(HTTP status, code) to what it means and what to do, beside those of meanings.py."""


def meaning(details: ErrorDetails, subject: str) -> Meaning:
    """Return what a refusal means; `subject` is the kind of what was requested by id, or empty."""
    kind = MISSING_KINDS.get(details.code, "") if details.status == 404 and not details.page else ""
    if not kind and subject and meanings.is_unknown(details):
        kind = subject
    if kind:
        return _NOT_FOUND[kind]
    known = MEANINGS.get((details.status, details.code))
    if known and not details.page:
        return Meaning(*known)
    found = meanings.meaning(details)
    # The texts for statuses without a known code are those for offers.
    return Meaning(found.why, _CHECK) if details.status == 400 and "offer_id" in found.remedy else found
