# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The managed identity endpoint that App Service gives its processes (plain http, a secret header)."""

from __future__ import annotations

import hmac

from .clouds import CLOUDS
from .identity import Identity
from .messages import Request, Response
from .routing import NoRoute, Router
from .settings import Settings
from .tokens import TokenIssuer


class ManagedIdentity:
    """``GET /msi/token?resource=…&api-version=2019-08-01`` with the header X-IDENTITY-HEADER."""

    def __init__(self, identity: Identity, issuer: TokenIssuer, settings: Settings) -> None:
        self._identity = identity
        self._issuer = issuer
        self._settings = settings
        self._router: Router[Response] = Router()
        self._router.add("GET", "/msi/token", self._token)

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        try:
            handler, parameters = self._router.find(request)
        except NoRoute as error:
            return Response(405 if error.allowed else 404)
        return handler(request, **parameters)

    def _token(self, request: Request) -> Response:
        request.entry.note = "managed_identity"
        header = request.headers.get("x-identity-header", "")
        if not hmac.compare_digest(header, self._identity.identity_header):
            return _failure(401, "The identity header is missing or wrong.")
        if request.first("api-version") != "2019-08-01":
            return _failure(400, "The version of the interface is missing or unknown.")
        application = self._identity.managed
        chosen = request.first("client_id")
        if chosen is not None and chosen.lower() != application.client_id:
            return _failure(400, "No managed identity has this client id.")
        resource = (request.first("resource") or "").rstrip("/")
        if resource not in CLOUDS["public"].audiences:
            return _failure(500, "The resource is missing or unknown.")
        lifetime = int(request.effects.get("token_lifetime", self._settings.token_lifetime))
        real_lifetime = -int(request.effects["expired_token"]) if "expired_token" in request.effects else lifetime
        token = self._issuer.issue(
            resource, application.client_id, self._identity.tenant_id, real_lifetime, request.now()
        )
        return Response.of(
            {
                "access_token": token,
                "client_id": application.client_id,
                "expires_on": str(int(request.now()) + lifetime),
                "not_before": str(int(request.now())),
                "resource": resource,
                "token_type": "Bearer",
            }
        )


def _failure(status: int, message: str) -> Response:
    return Response.of({"statusCode": status, "message": message}, status)
