# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The client of Partner Center's offers. Source: the document "Get an offer by ID" and the reference facts."""

from __future__ import annotations

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import NotFoundError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.client import (
    CHECK_ADDRESS,
    Item,
    PartnerCenterClient,
)


class PartnerOffers(PartnerCenterClient):
    """Makes the calls of the offers API, one method per operation."""

    OFFSETS = True

    def get_offer(self, offer_id: str) -> Item:
        """Get an offer by id. Raises NotFoundError when there is none."""
        attempted = f"Could not get the offer {printable(offer_id)} in {self.market.country}"
        response = self.get(attempted, ("offers", offer_id), {"country": self.market.country})
        offer = self.json(attempted, response, "offer")
        found = offer.get("id")
        if not isinstance(found, str) or not found:
            raise self.unusable(attempted, response, "without an offer in it", CHECK_ADDRESS)
        if found.lower() != offer_id.lower():
            raise self.unusable(attempted, response, f"with another offer, {printable(found, 100)}", CHECK_ADDRESS)
        return offer

    def list_offers(self, category_id: str = "") -> list[Item]:
        """Get all offers of the market, or those of one category."""
        params = {"country": self.market.country, **({"offer_category_id": category_id} if category_id else {})}
        return self.list_all(f"Could not list the offers in {self.market.country}", ("offers",), params)

    def list_addons(self, offer_id: str) -> list[Item]:
        """Get the add-ons of an offer; none where the service says so by not finding them."""
        attempted = f"Could not list the add-ons of {printable(offer_id)} in {self.market.country}"
        try:
            return self.list_all(attempted, ("offers", offer_id, "addons"), {"country": self.market.country}, "offer")
        except NotFoundError:
            return []

    def list_customer_offers(self, customer_id: str) -> list[Item]:
        """Get the offers that a customer may buy."""
        attempted = f"Could not list the offers of customer {customer_id}"
        return self.list_all(attempted, ("customers", customer_id, "offers"), {})

    def list_categories(self) -> list[Item]:
        """Get the offer categories of the market."""
        attempted = f"Could not list the offer categories in {self.market.country}"
        return self.list_all(attempted, ("offercategories",), {"country": self.market.country})

    def probe(self) -> str:
        """List the offer categories."""
        return f"{len(self.list_categories())} offer categories could be listed"
