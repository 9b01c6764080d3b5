# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The client of the Store for Business service. Source: the document "Get offline license" and the reference facts."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    NotFoundError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license import document as _license_document
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import (
    LicenseDocument,
    same_id,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import (
    json_object,
    lower_keys,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import ServiceSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import Fault
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

_MAX_BYTES = 4 * 1024 * 1024
_RETIRED = "Store for Business is retired; if its host is gone for good, use the Store licensing service instead"
_NOT_ACTIVATED = (
    "Activate the application as a management tool in the Store (Settings, Distribute, Management tools), and check"
    " that it still exists and that its secret has not expired. " + _RETIRED
)


class StoreForBusiness:
    """Makes the calls of the Store for Business REST service, one method per operation."""

    def __init__(self, settings: Settings, cache: Cache, connections: int = 1) -> None:
        self._session = ServiceSession(settings, cache, connections)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def sign_in(self) -> None:
        """Make sure that there is a token."""
        self._session.sign_in()

    def get_offline_license(self, key: LicenseKey) -> LicenseDocument:
        """Get offline license: POST without a body. See LicenseService for what is raised."""
        attempted = f"Could not get the offline license {key}"
        path = ("V1", "Products", key.product_id, key.sku_id, "OfflineLicense", key.content_id)
        answer = self._call(attempted, "POST", path)
        if answer.status != 200:
            raise self._refused(attempted, key, answer)
        body = lower_keys(_object(answer, attempted))
        product = lower_keys(body.get("productkey"))
        claimed = LicenseKey(
            str(product.get("productid") or key.product_id),
            str(product.get("skuid") or key.sku_id),
            str(body.get("contentid") or key.content_id),
        )
        if not claimed.same(key):
            raise LicenseDocumentError(
                attempted,
                f"{answer.request} answered HTTP {answer.status} with the license of another product or content id",
                "Check product_id, sku_id and content_id; nothing was written",
            )
        blob = body.get("licenseblob")
        if not isinstance(blob, str) or not blob:
            raise ServiceError(
                attempted,
                f"{answer.request} answered HTTP {answer.status} without a licenseBlob",
                "Run again; if it stays so, ask Microsoft's support",
                status=answer.status,
            )
        try:
            document = _license_document.from_blob(blob)
            _license_document.check(document, key.product_id, key.content_id)
        except LicenseDocumentError as exc:
            raise LicenseDocumentError(
                attempted,
                f"{answer.request} answered HTTP {answer.status} with no license that can be used: {exc.cause}",
                "Check product_id, sku_id and content_id; nothing was written",
            ) from None
        instance = str(body.get("licenseinstanceid") or "")
        if instance and document.license_instance_id and not same_id(instance, document.license_instance_id):
            raise LicenseDocumentError(
                attempted,
                f"{answer.request} answered HTTP {answer.status} with a license whose instance id is not as announced",
                "Run again; nothing was written",
            )
        return document

    def look_at_inventory(self) -> None:
        """Get inventory, of which one entry is enough to know that the service lets this application in.

        Raises ServiceError, UnavailableError, SignInError, OptionError or MissingLibraryError.
        """
        attempted = "Could not look at the inventory"
        answer = self._call(attempted, "GET", ("V1", "Inventory"), {"maxResults": "1"})
        if answer.status != 200:
            raise self._refused(attempted, None, answer)
        _object(answer, attempted)

    def _call(
        self, attempted: str, method: str, path: tuple[str, ...], params: Mapping[str, str] | None = None
    ) -> Response:
        """Make a call; where no answer of the service comes, say that it is retired."""
        try:
            return self._session.call(method, path, params, {"Accept": "application/json"}, max_bytes=_MAX_BYTES)
        except UnavailableError as exc:
            raise exc.within(attempted, _RETIRED) from None
        except ServiceError as exc:
            raise exc.with_hint(_RETIRED) from None

    def _refused(self, attempted: str, key: LicenseKey | None, answer: Response) -> ServiceError | UnavailableError:
        fault = self._session.fault(answer)
        cause = fault.text(answer.request)
        if answer.gave_up:
            # Whoever is told to slow down has reached the service.
            remedy = "Run again later" if fault.status == 429 else f"Run again later. {_RETIRED}"
            return UnavailableError(attempted, f"{cause}; {answer.gave_up}", remedy, answer.deadline_exceeded)
        why, remedy = _meaning(fault, key)
        kind = NotFoundError if fault.status == 404 else ServiceError
        return kind(attempted, f"{why} ({cause})" if why else cause, remedy, status=fault.status, code=fault.code)


def _object(answer: Response, attempted: str) -> dict[str, t.Any]:
    """Read a body as json_object does; a page in the answer's place may be all that is left of the service."""
    try:
        return json_object(answer, attempted)
    except ServiceError as exc:
        raise exc.with_hint(_RETIRED) from None


def _meaning(fault: Fault, key: LicenseKey | None) -> tuple[str, str]:
    """Decide on the status, as far as possible (the body's shape is not documented); return why, and the remedy."""
    said = f"{fault.code} {fault.message} {fault.reason}".lower().replace(" ", "").replace("_", "")
    if fault.status == 400 and key is None:
        return "the service does not understand the request", f"Check base_url. {_RETIRED}"
    if fault.status == 400:
        return "a parameter is missing or invalid", "Check product_id, sku_id and content_id of the item"
    if fault.status in (401, 403):
        return "the service does not accept the application", _NOT_ACTIVATED
    if fault.status == 404 and key is None:
        return "the service is not at this address", f"Check base_url. {_RETIRED}"
    if fault.status == 404 and key is not None:
        hint = (
            ""
            if key.sku_id == "0015"
            else f", and the SKU (that of offline licenses is usually 0015, not {key.sku_id})"
        )
        return "there is no such product, SKU or content id", f"Check the ids{hint}. {_RETIRED}"
    if fault.status == 409:
        not_owned = ("not owned", "Acquire the product for the organization in the Store first, with offline licensing")
        not_offline = (
            "not offline",
            (
                "The publisher has not enabled offline licensing for this product, or the SKU is an online one (offline"
                " SKUs are usually 0015)"
            ),
        )
        if "notowned" in said:
            return not_owned
        if "notoffline" in said:
            return not_offline
        return "not owned, or not offline", f"{not_owned[1]}; or: {not_offline[1]}"
    if fault.status == 410:
        return "the service is gone", _RETIRED
    return "", f"Look the status up in the service's documentation. {_RETIRED}"
