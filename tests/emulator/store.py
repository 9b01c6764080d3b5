# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Store for Business service: routing, admission, Get offline license. Source: docs of the Store for Business."""

from __future__ import annotations

import base64
import re
import secrets
import threading
import uuid
from typing import Any

from .catalog import BEHAVIORS, OFFLINE_SKU, ONLINE_SKU, OWNED, REQUESTOR_ID, Product, find, product
from .clouds import STORE_AUDIENCE
from .identity import Identity
from .license_xml import LicenseWriter, instance_id
from .messages import BOM, JSON, Request, Response
from .routing import NoRoute, Router
from .settings import Settings
from .store_errors import StoreError, camel, conflict, error_response, invalid
from .store_inventory import add_read_operations
from .tokens import TokenIssuer, TokenRefused

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PRODUCT_ID = re.compile(r"[0-9A-Za-z]{12}")
_SKU_ID = re.compile(r"[0-9A-Za-z]{4}")
_BOMB = (
    '<!DOCTYPE License [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">'
    '<!ENTITY e SYSTEM "file:///etc/passwd">]>'
)


class Store:
    """The service behind the listener ``store``."""

    def __init__(self, identity: Identity, issuer: TokenIssuer, writer: LicenseWriter, settings: Settings) -> None:
        self._identity = identity
        self._issuer = issuer
        self._writer = writer
        self._settings = settings
        self._lock = threading.Lock()
        self._issues: dict[tuple[str, str], int] = {}
        self._all_issues = 0
        self._router: Router[Response] = Router()
        self._router.add(
            "POST", "/V1/Products/{product_id}/{sku_id}/OfflineLicense/{content_id}", self._get_offline_license
        )
        add_read_operations(self._router)

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        response = self._answer(request)
        vector = request.headers.get("ms-cv", secrets.token_urlsafe(12).replace("-", "A").replace("_", "B"))
        response.headers.setdefault("MS-CV", f"{vector}.0")
        response.headers.setdefault("MS-RequestId", str(uuid.uuid4()))
        response.headers.setdefault("MS-CorrelationId", str(uuid.uuid4()))
        with_bom = request.effects.get("bom", self._settings.store_bom)
        if with_bom and response.body and response.headers.get("Content-Type") == JSON:
            response.body = BOM + response.body
        return response

    def _answer(self, request: Request) -> Response:
        try:
            handler, parameters = self._router.find(request)
        except NoRoute as error:
            if error.allowed:
                return Response(405, headers={"Allow": ", ".join(error.allowed)})
            return Response.text("<html><body><h1>404 - File or directory not found.</h1></body></html>", 404)
        try:
            self._admit(request)
            _check(parameters)
            return handler(request, **parameters)
        except StoreError as error:
            return error_response(error)

    def reissue(self, product_id: str | None = None, content_id: str | None = None) -> None:
        """Let the service hand out a new instance of one license, or of all."""
        with self._lock:
            if product_id is None or content_id is None:
                self._all_issues += 1
            else:
                key = (product_id.upper(), content_id.lower())
                self._issues[key] = self._issues.get(key, 0) + 1

    def reset(self) -> None:
        """Hand out the first instances again."""
        with self._lock:
            self._issues.clear()
            self._all_issues = 0

    def document(self, entry: Product, content_id: str) -> bytes:
        """The license document as it is handed out now."""
        return self._writer.license(entry, content_id, self._issue(entry, content_id))

    def _issue(self, entry: Product, content_id: str) -> int:
        with self._lock:
            return self._all_issues + self._issues.get((entry.product_id, content_id.lower()), 0)

    def _admit(self, request: Request) -> None:
        """Check the bearer token and that its application is a management tool of the organization."""
        try:
            claims = self._issuer.check(
                request.headers.get("authorization"), (STORE_AUDIENCE,), self._identity.tenant_id, request.now()
            )
        except TokenRefused as error:
            request.entry.note = f"token refused: {error.reason}"
            raise StoreError(401, _unauthorized_body(error), authenticate=error.reason) from None
        if not self._identity.activated(claims["appid"]):
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
        document = self.document(entry, content_id)
        blob: Any = base64.b64encode(_spoil(document, behavior, self._other(entry, content_id, behavior))).decode()
        if behavior in _BLOBS:
            blob = _BLOBS[behavior]
        if behavior == "wrapped_blob":
            blob = "\r\n".join(blob[start : start + 76] for start in range(0, len(blob), 76))
        body = {
            "productKey": {"productId": entry.product_id, "skuId": entry.sku_id},
            "licenseBlob": blob,
            "licenseInstanceId": instance_id(entry, content_id, self._issue(entry, content_id)),
            "requestorId": REQUESTOR_ID,
            "contentId": content_id,
        }
        if behavior == "pascal_case":
            body = _pascal(body)
        return Response.of(body)

    def _other(self, entry: Product, content_id: str, behavior: str) -> bytes:
        """The document that is handed out instead of the one asked for."""
        if behavior == "wrong_license":
            stranger = product((entry.index + 1) % OWNED)
            return self.document(stranger, stranger.content_id)
        return self._writer.license(entry, str(uuid.uuid5(uuid.NAMESPACE_OID, "other " + content_id)))


_BLOBS: dict[str, Any] = {"not_base64": "this is %% no base64 !", "empty_blob": "", "null_blob": None}
if not set(_BLOBS) <= set(BEHAVIORS):
    raise RuntimeError("a blob belongs to no behavior")


def _spoil(document: bytes, behavior: str, other: bytes) -> bytes:
    """The document, spoilt as the behavior says."""
    if behavior in ("wrong_license", "wrong_content"):
        return other
    if behavior == "not_xml":
        return b"PK\x03\x04" + bytes(range(256))
    if behavior == "not_a_license":
        return b'<Lease xmlns="urn:example:other"><Holder>nobody</Holder></Lease>'
    if behavior == "truncated_xml":
        return document[: len(document) // 2]
    if behavior == "doctype":
        return _BOMB.encode() + document.replace(b"<PFM>", b"<PFM>&d;", 1)
    if behavior == "utf16":
        text = '<?xml version="1.0" encoding="utf-16"?>' + _BOMB + document.decode("utf-8")
        return text.replace("<PFM>", "<PFM>&d;", 1).encode("utf-16")
    if behavior == "upper_case_ids":
        return re.sub(_GUID.pattern.encode(), lambda match: match.group().upper(), document)
    return document


def _pascal(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: _pascal(item) for name, item in value.items()}
    return value


def _check(parameters: dict[str, str]) -> None:
    """Refuse ids of the wrong shape.

    Raises StoreError 400 with the parameter's name, a reason and details.
    """
    for name, pattern, wire, expected in (
        ("product_id", _PRODUCT_ID, "productId", "12 letters and digits"),
        ("sku_id", _SKU_ID, "skuId", "4 letters and digits"),
        ("content_id", _GUID, "contentId", "a GUID"),
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
