# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The clients of Partner Center's promotions and of its inventory check. Source: reference facts on its catalog."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_product import CatalogId
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ServiceError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import json_list
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.client import (
    CHECK_ADDRESS,
    Item,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.products import (
    CatalogClient,
)


class PartnerPromotions(CatalogClient):
    """Makes the calls for promotions."""

    def list_promotions(self, segment: str) -> list[Item]:
        """Get the promotions for a segment that have not ended."""
        attempted = f"Could not list the promotions in {self.market.country}"
        params = {"country": self.market.country, "segment": segment}
        items = self.list_all(attempted, ("productpromotions",), params)
        if not all(isinstance(item.get("id"), str) for item in items):
            raise ServiceError(attempted, "the list has something without an id in it", CHECK_ADDRESS)
        return items

    def get_promotion(self, promotion_id: str) -> Item:
        """Get a promotion by id, also when it has ended. Raises NotFoundError."""
        attempted = f"Could not get the promotion {printable(promotion_id)} in {self.market.country}"
        response = self.get(attempted, ("productpromotions", promotion_id), {"country": self.market.country})
        return self.item(attempted, response, "promotion", promotion_id)


class PartnerInventory(CatalogClient):
    """Makes the call for inventory."""

    ONE_CALL = True

    def check(self, wanted: Sequence[CatalogId], context: Mapping[str, str]) -> list[Item]:
        """Get what can be had of products and SKUs. Items that the catalog does not know are left out."""
        attempted = f"Could not check the inventory in {self.market.country}"
        response = self._post(attempted, wanted, context, str)
        if response.status == 400:
            # The documentation has the names of the body in both forms, and does not say which one is needed.
            response = self._post(attempted, wanted, context, lambda name: name[:1].lower() + name[1:])
        if response.status != 200:
            raise self.refused(attempted, response)
        if response.body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            # Only a fault with the status 200 is an object.
            self.json(attempted, response)
        found = json_list(response, attempted)
        if not all(isinstance(item, dict) for item in found):
            raise self.unusable(attempted, response, "with something that is no item", CHECK_ADDRESS)
        return found

    def _post(
        self,
        attempted: str,
        wanted: Sequence[CatalogId],
        context: Mapping[str, str],
        named: t.Callable[[str], str],
    ) -> Response:
        items = [
            {named("ProductId"): one.product_id, **({named("SkuId"): one.sku_id} if one.sku_id else {})}
            for one in wanted
        ]
        body = json.dumps({named("TargetItems"): items, named("InventoryContext"): dict(context)})
        return self.get(
            attempted,
            ("extensions", "product", "checkInventory"),
            {"country": self.market.country},
            {"Content-Type": "application/json"},
            method="POST",
            data=body.encode("utf-8"),
        )
