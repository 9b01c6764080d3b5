# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entra: discovery, keys and the token endpoint of one cloud. Source: docs on Entra sign-in and on MSAL."""

from __future__ import annotations

import base64
import json
import re
import uuid
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from .assertions import verify_assertion
from .clouds import CATALOG_AUDIENCE, LICENSING_AUDIENCE, PRICES_AUDIENCE, Cloud
from .device_codes import GRANT_TYPE as DEVICE_CODE
from .device_codes import DeviceCodes
from .entra_errors import EntraError, error_response
from .identity import Application, Identity
from .messages import Request, Response
from .routing import NoRoute, Router
from .settings import Settings
from .tokens import DEFAULT_ROLE, RefreshGrant, RefreshTokens, TokenIssuer, TokenRefused

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_OIDC_SCOPES = {"openid", "profile", "offline_access", "email"}
_REFRESH_REFUSALS = {"unknown": 70000, "client": 70000, "expired": 700082, "used": 70008}
_DEVICE_REFUSALS = {
    "authorization_pending": 70016,
    "bad_verification_code": 70018,
    "expired_token": 70019,
    "authorization_declined": 70020,
}


class Entra:
    """The authority of one cloud."""

    def __init__(
        self, cloud: Cloud, identity: Identity, issuer: TokenIssuer, refresh_tokens: RefreshTokens, settings: Settings
    ) -> None:
        self._cloud = cloud
        self._identity = identity
        self._issuer = issuer
        self._refresh_tokens = refresh_tokens
        self._device_codes = DeviceCodes(settings)
        self._settings = settings
        #: Root URL of the listener, set once it is known.
        self.url = ""
        #: URLs of all listeners by name, for faults that point elsewhere.
        self.listeners: dict[str, str] = {}
        self._router: Router[Response] = Router()
        self._router.add("GET", "/{tenant}/v2.0/.well-known/openid-configuration", self._discovery)
        self._router.add("GET", "/{tenant}/.well-known/openid-configuration", self._discovery)
        self._router.add("GET", "/{tenant}/discovery/v2.0/keys", self._keys)
        self._router.add("POST", "/{tenant}/oauth2/v2.0/token", self._token)
        self._router.add("POST", "/{tenant}/oauth2/v2.0/devicecode", self._device_code)

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        try:
            handler, parameters = self._router.find(request)
            return handler(request, **parameters)
        except EntraError as error:
            return error_response(error, request)
        except NoRoute as error:
            if error.allowed:
                return error_response(EntraError(900561, value=request.method), request)
            return Response.text("<html><body><h2>404 - Not Found</h2></body></html>", 404)

    def _tenant(self, name: str) -> str:
        if not re.fullmatch(r"[0-9a-fA-F-]{36}|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name):
            raise EntraError(900023, value=name)
        tenant_id = self._identity.tenant(name)
        if tenant_id is None:
            raise EntraError(90002, value=name)
        return tenant_id

    def _keys(self, request: Request, tenant: str) -> Response:
        self._tenant(tenant)
        return Response.of(self._issuer.jwks())

    def _discovery(self, request: Request, tenant: str) -> Response:
        tenant_id = self._tenant(tenant)
        request.entry.note = "discovery"
        root = f"{self.url}/{tenant_id}"
        token_root = self._elsewhere(request.effects.get("token_endpoint")) or self.url
        document = {
            "token_endpoint": f"{token_root}/{tenant_id}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{root}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": request.effects.get("issuer") or f"{root}/v2.0",
            "request_uri_parameter_supported": False,
            "userinfo_endpoint": f"{root}/oidc/userinfo",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
            "http_logout_supported": True,
            "end_session_endpoint": f"{root}/oauth2/v2.0/logout",
            "tenant_region_scope": "NA",
        }
        return Response.of(document, headers={"Cache-Control": "max-age=86400, private"})

    def _elsewhere(self, target: str | None) -> str | None:
        return self.listeners.get(target, target) if target else None

    def _token(self, request: Request, tenant: str) -> Response:
        tenant_id = self._tenant(tenant)
        form = _form(request)
        grant_type = form.get("grant_type")
        if not grant_type:
            raise EntraError(900144, value="grant_type")
        request.entry.note = grant_type
        _add_basic(request, form)
        if not form.get("client_id"):
            raise EntraError(900144, value="client_id")
        if "entra_error" in request.effects:
            raise EntraError(int(request.effects["entra_error"]), value=form["client_id"], tenant=tenant_id)
        if grant_type not in ("client_credentials", "refresh_token", DEVICE_CODE):
            raise EntraError(70003, value=grant_type)
        application = self._identity.application(form["client_id"], tenant_id)
        if application is None:
            raise EntraError(700016, value=form["client_id"], tenant=tenant_id)
        method = self._authenticate(form, application, tenant, tenant_id, request.now())
        request.entry.note = f"{grant_type}/{method}"
        if grant_type == "client_credentials":
            if method == "none":
                raise EntraError(7000218)
            audience = self._audience(form, tenant_id, need_default=True)
            return self._issue(request, form, application, tenant_id, audience)
        if grant_type == DEVICE_CODE:
            return self._redeem_device_code(request, form, application, tenant_id)
        return self._refresh(request, form, application, tenant_id)

    def _device_code(self, request: Request, tenant: str) -> Response:
        tenant_id = self._tenant(tenant)
        form = _form(request)
        request.entry.note = "device_code"
        if not form.get("client_id"):
            raise EntraError(900144, value="client_id")
        application = self._identity.application(form["client_id"], tenant_id)
        if application is None:
            raise EntraError(700016, value=form["client_id"], tenant=tenant_id)
        self._audience(form, tenant_id, need_default=False)
        code = self._device_codes.create(application.client_id, form["scope"], request.now())
        address = f"{self.url}/device"
        body = {
            "user_code": code.user_code,
            "device_code": code.device_code,
            "verification_uri": address,
            "expires_in": self._settings.device_code_lifetime,
            "interval": self._settings.device_code_interval,
            "message": f"To sign in, use a web browser to open the page {address} and enter the code {code.user_code}.",
        }
        return Response.of(body, headers={"Cache-Control": "no-store, no-cache"})

    def _redeem_device_code(
        self, request: Request, form: dict[str, str], application: Application, tenant_id: str
    ) -> Response:
        if not form.get("device_code"):
            raise EntraError(900144, value="device_code")
        code = self._device_codes.poll(form["device_code"], application.client_id, request.now())
        if isinstance(code, str):
            raise EntraError(_DEVICE_REFUSALS[code])
        form = {**form, "scope": code.scope}
        audience = self._audience(form, tenant_id, need_default=False)
        if audience in (CATALOG_AUDIENCE, LICENSING_AUDIENCE) and not application.activated:
            raise EntraError(65001)
        extra: dict[str, Any] = {}
        grant = RefreshGrant(self._cloud.name, application.client_id, True, DEFAULT_ROLE, request.now())
        if "offline_access" in code.scope.split():
            extra["refresh_token"] = self._refresh_tokens.create(
                self._cloud.name, application.client_id, self._settings.refresh_token_lifetime
            )
        return self._issue(request, form, application, tenant_id, audience, grant=grant, extra=extra)

    def _authenticate(
        self, form: dict[str, str], application: Application, tenant: str, tenant_id: str, now: float
    ) -> str:
        """How the application proved itself: client_secret, certificate, federated_token or none (public)."""
        secret, assertion = form.get("client_secret"), form.get("client_assertion")
        if application.public:
            if secret or assertion:
                raise EntraError(700025)
            return "none"
        if assertion:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise EntraError(900144, value="client_assertion_type")
            audiences = tuple(
                f"{self.url}/{name}/{rest}"
                for name in (tenant, tenant_id)
                for rest in ("oauth2/v2.0/token", "v2.0", "oauth2/token")
            )
            return verify_assertion(assertion, application, self._identity, audiences, now)
        if not secret:
            raise EntraError(7000218)
        if secret == application.expired_secret:
            raise EntraError(7000222, value=application.client_id)
        if secret != application.client_secret:
            raise EntraError(7000215)
        return "client_secret"

    def _audience(self, form: dict[str, str], tenant_id: str, need_default: bool) -> str:
        """The resource that the scope names.

        Raises EntraError when it names none, several, or one that is unknown in this cloud.
        """
        scope = form.get("scope", "").strip()
        if not scope:
            raise EntraError(90014, value="scope")
        wanted = [item for item in scope.split() if item not in _OIDC_SCOPES]
        if need_default and len(wanted) != len(scope.split()):
            raise EntraError(70011, value=scope)
        if not wanted:
            raise EntraError(70011, value=scope)
        if need_default and not all(item.endswith("/.default") for item in wanted):
            raise EntraError(1002012, value=scope)
        resources = {item.rpartition("/")[0] for item in wanted}
        if len(resources) != 1:
            raise EntraError(70011, value=scope)
        resource = resources.pop()
        if resource not in self._cloud.audiences:
            raise EntraError(500011, value=resource, tenant=tenant_id)
        return resource

    def _refresh(self, request: Request, form: dict[str, str], application: Application, tenant_id: str) -> Response:
        token = form.get("refresh_token")
        if not token:
            raise EntraError(900144, value="refresh_token")
        audience = self._audience(form, tenant_id, need_default=False)
        # These services have no list of activated applications: there, consent is what counts.
        if audience in (CATALOG_AUDIENCE, LICENSING_AUDIENCE, PRICES_AUDIENCE) and not application.activated:
            raise EntraError(65001)
        uses = 1 if request.effects.get("refresh_single_use") else self._settings.refresh_token_uses
        try:
            grant = self._refresh_tokens.redeem(token, self._cloud.name, application.client_id, uses, request.now())
        except TokenRefused as error:
            raise EntraError(_REFRESH_REFUSALS[error.reason]) from None
        renewed = self._refresh_tokens.create(
            self._cloud.name, application.client_id, self._settings.refresh_token_lifetime, grant.mfa, grant.role
        )
        extra: dict[str, Any] = {"refresh_token": renewed}
        if "openid" in form["scope"].split():
            now = int(request.now())
            extra["id_token"] = self._issuer.id_token(
                {
                    "aud": application.client_id,
                    "iss": f"{self.url}/{tenant_id}/v2.0",
                    "iat": now,
                    "nbf": now,
                    "exp": now + 3600,
                    "oid": str(uuid.uuid5(uuid.NAMESPACE_URL, "builder")),
                    "preferred_username": "builder@contoso.onmicrosoft.com",
                    "sub": "builder",
                    "tid": tenant_id,
                    "ver": "2.0",
                }
            )
        if form.get("client_info") == "1":
            info = {"uid": str(uuid.uuid5(uuid.NAMESPACE_URL, "builder")), "utid": tenant_id}
            extra["client_info"] = base64.urlsafe_b64encode(json.dumps(info).encode()).decode().rstrip("=")
        return self._issue(request, form, application, tenant_id, audience, grant=grant, extra=extra)

    def _issue(
        self,
        request: Request,
        form: dict[str, str],
        application: Application,
        tenant_id: str,
        audience: str,
        grant: RefreshGrant | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Response:
        lifetime = int(request.effects.get("token_lifetime", self._settings.token_lifetime))
        real_lifetime = -int(request.effects["expired_token"]) if "expired_token" in request.effects else lifetime
        if request.effects.get("wrong_tenant_token"):
            tenant_id = self._identity.other_tenant_id
        audience = request.effects.get("wrong_audience_token") or audience
        token = self._issuer.issue(
            audience,
            application.client_id,
            tenant_id,
            real_lifetime,
            request.now(),
            user=grant is not None,
            mfa=grant is not None and grant.mfa,
            role=grant.role if grant else None,
        )
        body = {
            "token_type": "Bearer",
            **({"scope": form["scope"]} if grant else {}),
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": token,
            **(extra or {}),
        }
        return Response.of(body, headers={"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"})


def _form(request: Request) -> dict[str, str]:
    """The parameters of a form body; a body of another type has none, as Entra sees it."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        return {}
    return {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}


def _add_basic(request: Request, form: dict[str, str]) -> None:
    """Take id and secret from a Basic Authorization header (RFC 6749, section 2.3.1)."""
    scheme, _unused, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return
    try:
        client_id, _unused, secret = base64.b64decode(value).decode("utf-8").partition(":")
    except ValueError:
        raise EntraError(7000215) from None
    form.setdefault("client_id", unquote_plus(client_id))
    form.setdefault("client_secret", unquote_plus(secret))
