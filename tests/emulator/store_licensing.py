# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Store licensing service, successor of the Store for Business. Source: docs of the Store licensing service.

The texts and codes of its refusals are documented nowhere: those here are made up, and a client must not rely on them.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from .catalog import LICENSING_PATH, Product, find_content
from .clouds import LICENSING_AUDIENCE
from .identity import Identity
from .licenses import Licenses
from .messages import Request, Response
from .settings import Settings
from .store_errors import StoreError, camel, invalid, styled
from .store_service import GUID, StoreService, pascal
from .tokens import LICENSING_ROLES, TokenIssuer


class StoreLicensing(StoreService):
    """The service behind the listener ``licensing``."""

    def __init__(self, identity: Identity, issuer: TokenIssuer, settings: Settings, licenses: Licenses) -> None:
        super().__init__(identity, issuer, settings, LICENSING_AUDIENCE, "licensing_bom")
        self._licenses = licenses
        self.router.add("POST", LICENSING_PATH, self._offline_content)

    def admit(self, claims: dict[str, Any]) -> None:
        """Admit users with one of the roles and, where a setting allows them, activated applications.

        Raises StoreError 403.
        """
        if "scp" not in claims:
            if not self.settings.licensing_accepts_apps or not self.identity.activated(claims["appid"]):
                raise _forbidden("UserRequired", "The service wants the token of a user.")
        elif not LICENSING_ROLES.intersection(claims.get("wids", ())):
            raise _forbidden("RoleRequired", "The user lacks the role that offline licenses need.")

    def _offline_content(self, request: Request) -> Response:
        _check_headers(request)
        content_id = _content_id(request)
        entry = find_content(content_id)
        behavior = request.effects.get("license_behavior", entry.behavior if entry else "unknown")
        if entry is None or behavior in ("unknown", "gone"):
            status = 410 if behavior == "gone" else 404
            raise StoreError(status, camel("ContentNotFound", "There is no such content.", contentId=content_id))
        if behavior.startswith("not_owned"):
            message = "The organization of the caller may not have the license."
            raise styled(403, "OrganizationNotAllowed", message, "organization", behavior)
        if behavior.startswith("not_offline") or content_id == entry.online_content_id:
            message = "The publisher does not allow offline licenses of the content."
            raise styled(403, "OfflineLicenseNotAllowed", message, "publisher", behavior)
        return self._response(entry, content_id, behavior)

    def _response(self, entry: Product, content_id: str, behavior: str) -> Response:
        if behavior == "empty":
            return Response(200)
        if behavior == "empty_object":
            return Response.of({})
        key = {"value": self._licenses.blob(entry, content_id, behavior)}
        other = {"value": base64.b64encode(self._licenses.other_content(entry, content_id)).decode("ascii")}
        licenses: dict[str, Any] = {
            "null_license": None,
            "license_is_text": key["value"],
            "no_keys": {},
            "null_keys": {"keys": None},
            "keys_are_no_list": {"keys": key},
            "empty_keys": {"keys": []},
            "null_key": {"keys": [None]},
            "no_value": {"keys": [{}]},
            "value_is_number": {"keys": [{"value": 15}]},
            "two_keys": {"keys": [key, other]},
            "two_keys_reversed": {"keys": [other, key]},
        }
        body = {"license": licenses.get(behavior, {"keys": [key]})}
        return Response.of(pascal(body) if behavior == "pascal_case" else body)


def _check_headers(request: Request) -> None:
    """Refuse a body that is not announced as JSON, and a client without a name. Raises StoreError 415 or 400."""
    kind, _unused, parameters = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "application/json":
        raise StoreError(415, camel("UnsupportedMediaType", "The content type must be application/json."))
    charset = parameters.strip().lower().replace('"', "")
    if charset not in ("", "charset=utf-8"):
        raise invalid("Content-Type", "invalid parameter", "The charset must be UTF-8.")
    if not request.headers.get("from", "").strip():
        raise invalid("From", "missing parameter", "The header must name the client.")


def _content_id(request: Request) -> str:
    """The content id that the body asks for, in lower case. Raises StoreError 400."""
    try:
        body = json.loads(request.body.decode("utf-8"), object_pairs_hook=lambda pairs: pairs)
    except ValueError:
        raise invalid("body", "invalid parameter", "The body must be JSON.") from None
    # Pairs in place of a dict: a name that comes twice is seen, and a list is told from an object by its tuples.
    if not isinstance(body, list) or not all(isinstance(pair, tuple) for pair in body) or len(body) != 1:
        raise invalid("body", "invalid parameter", "The body must be an object with the content id and nothing else.")
    ((name, value),) = body
    if name != "contentId":
        raise invalid("contentId", "missing parameter", "The body must have a content id.")
    if not isinstance(value, str) or not GUID.fullmatch(value):
        raise invalid("contentId", "invalid parameter", "The value must be a GUID.")
    return value.lower()


def _forbidden(code: str, message: str) -> StoreError:
    return StoreError(403, camel(code, message))
