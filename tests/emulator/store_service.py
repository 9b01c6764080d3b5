# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Store's services (Store for Business, catalog, licensing) have in common: admission, ids, envelope."""

from __future__ import annotations

import re
import secrets
import uuid
from typing import Any

from .identity import Identity
from .messages import BOM, JSON, Request, Response
from .routing import NoRoute, Router
from .settings import Settings
from .store_errors import StoreError, error_response, invalid
from .tokens import TokenIssuer, TokenRefused

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PRODUCT_ID = re.compile(r"[0-9A-Za-z]{12}")
_SKU_ID = re.compile(r"[0-9A-Za-z]{4}")


class StoreService:
    """A service that routes requests of those whom it admits. Subclasses add routes to ``self.router``."""

    def __init__(
        self, identity: Identity, issuer: TokenIssuer, settings: Settings, audience: str, bom_setting: str
    ) -> None:
        """``audience`` is that of its bearer tokens, ``bom_setting`` names the setting of the byte-order mark."""
        self.identity = identity
        self.settings = settings
        self.router: Router[Response] = Router()
        self._issuer = issuer
        self._audience = audience
        self._bom_setting = bom_setting

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        response = self._answer(request)
        vector = request.headers.get("ms-cv", secrets.token_urlsafe(12).replace("-", "A").replace("_", "B"))
        response.headers.setdefault("MS-CV", f"{vector}.0")
        response.headers.setdefault("MS-RequestId", str(uuid.uuid4()))
        response.headers.setdefault("MS-CorrelationId", str(uuid.uuid4()))
        with_bom = request.effects.get("bom", getattr(self.settings, self._bom_setting))
        if with_bom and response.body and response.headers.get("Content-Type") == JSON:
            response.body = BOM + response.body
        return response

    def admit(self, claims: dict[str, Any]) -> None:
        """Refuse those whose token is good but who may not use the service. Raises StoreError."""

    def _answer(self, request: Request) -> Response:
        try:
            handler, parameters = self.router.find(request)
        except NoRoute as error:
            if error.allowed:
                return Response(405, headers={"Allow": ", ".join(error.allowed)})
            return Response.text("<html><body><h1>404 - File or directory not found.</h1></body></html>", 404)
        try:
            self.admit(self._claims(request))
            _check(parameters)
            return handler(request, **parameters)
        except StoreError as error:
            return error_response(error)

    def _claims(self, request: Request) -> dict[str, Any]:
        """What the bearer token says. Raises StoreError 401."""
        header = request.headers.get("authorization")
        try:
            return self._issuer.check(header, (self._audience,), self.identity.tenant_id, request.now())
        except TokenRefused as error:
            request.entry.note = f"token refused: {error.reason}"
            raise StoreError(401, _unauthorized_body(error), authenticate=error.reason) from None


def _check(parameters: dict[str, str]) -> None:
    """Refuse ids of the wrong shape.

    Raises StoreError 400 with the parameter's name, a reason and details.
    """
    for name, pattern, wire, expected in (
        ("product_id", _PRODUCT_ID, "productId", "12 letters and digits"),
        ("sku_id", _SKU_ID, "skuId", "4 letters and digits"),
        ("content_id", GUID, "contentId", "a GUID"),
    ):
        value = parameters.get(name)
        if value is not None and not pattern.fullmatch(value):
            reason = "invalid parameter" if value.strip() else "missing parameter"
            raise invalid(wire, reason, f"The value must be {expected}.")


def _unauthorized_body(error: TokenRefused) -> Any:
    """Some refusals say why, others have no body at all."""
    if error.reason in ("audience", "signature", "issuer", "tenant"):
        return {"Message": f"Authorization has been denied for this request. {error.detail}"}
    return None


def pascal(value: Any) -> Any:
    """The JSON value with the names of all its objects in Pascal case."""
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: pascal(item) for name, item in value.items()}
    if isinstance(value, list):
        return [pascal(item) for item in value]
    return value
