# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Store for Business service: admission, Get offline license. Source: docs of the Store for Business."""

from __future__ import annotations

from typing import Any

from .catalog import OFFLINE_SKU, ONLINE_SKU, REQUESTOR_ID, Product, find
from .clouds import STORE_AUDIENCE
from .identity import Identity
from .licenses import Licenses
from .messages import Request, Response
from .settings import Settings
from .store_errors import StoreError, camel, conflict, invalid
from .store_inventory import add_read_operations
from .store_service import StoreService, pascal
from .tokens import TokenIssuer


class Store(StoreService):
    """The service behind the listener ``store``."""

    def __init__(self, identity: Identity, issuer: TokenIssuer, settings: Settings, licenses: Licenses) -> None:
        super().__init__(identity, issuer, settings, STORE_AUDIENCE, "store_bom")
        self._licenses = licenses
        self.router.add(
            "POST", "/V1/Products/{product_id}/{sku_id}/OfflineLicense/{content_id}", self._get_offline_license
        )
        add_read_operations(self.router)

    def admit(self, claims: dict[str, Any]) -> None:
        """Admit applications that are management tools of the organization. Raises StoreError."""
        if not self.identity.activated(claims["appid"]):
            raise StoreError(
                403,
                camel("Forbidden", "The application is not activated as a management tool of this organization."),
            )

    def _get_offline_license(self, request: Request, product_id: str, sku_id: str, content_id: str) -> Response:
        if request.body:
            raise invalid("body", "invalid parameter", "The operation takes no request body.")
        if "content-length" not in request.headers and "transfer-encoding" not in request.headers:
            raise StoreError(411, "<html><body><h2>Length Required</h2></body></html>")
        entry = find(product_id)
        if entry is None or entry.behavior == "unknown":
            raise StoreError(404, None)
        if sku_id == ONLINE_SKU:
            raise conflict("not_offline", "Not offline")
        if sku_id != OFFLINE_SKU:
            raise StoreError(404, None)
        if content_id.lower() not in entry.content_ids:
            raise StoreError(404, camel("NotFound", "The product has no such content."))
        behavior = request.effects.get("license_behavior", entry.behavior)
        return self._license_response(entry, content_id.lower(), behavior)

    def _license_response(self, entry: Product, content_id: str, behavior: str) -> Response:
        if behavior.startswith("not_owned"):
            raise conflict(behavior, "Not owned")
        if behavior.startswith("not_offline"):
            raise conflict(behavior, "Not offline")
        if behavior in ("unknown", "gone"):
            raise StoreError(404 if behavior == "unknown" else 410, None)
        if behavior == "empty":
            return Response(200)
        if behavior == "empty_object":
            return Response.of({})
        body = {
            "productKey": {"productId": entry.product_id, "skuId": entry.sku_id},
            "licenseBlob": self._licenses.blob(entry, content_id, behavior),
            "licenseInstanceId": self._licenses.instance_id(entry, content_id),
            "requestorId": REQUESTOR_ID,
            "contentId": content_id,
        }
        if behavior == "pascal_case":
            body = pascal(body)
        return Response.of(body)
