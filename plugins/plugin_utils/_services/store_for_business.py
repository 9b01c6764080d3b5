# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The client of Store for Business. Source: reference facts on the service, operations and errors."""

from __future__ import annotations

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license import document as _license_document
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import (
    LicenseDocument,
    same_id,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import lower_keys
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import MEBIBYTE
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import (
    Meaning,
    ServiceClient,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import ErrorDetails

RETIRED = (
    "Store for Business is retired; if its host is gone for good, set service to store_licensing, the Store licensing"
    " service, instead"
)
_NOT_ACTIVATED = (
    "Activate the application as a management tool in the Store (Settings, Distribute, Management tools), and check"
    " that it still exists and that its secret has not expired. " + RETIRED
)
_NOT_OWNED = "Acquire the product for the organization in the Store first, with offline licensing"
_NOT_OFFLINE = (
    "The publisher has not enabled offline licensing for this product, or the SKU is an online one (offline SKUs are"
    " usually 0015)"
)
_CHECK_IDS = "Check product_id, sku_id and content_id; nothing was written"


class StoreForBusiness(ServiceClient):
    """Makes the calls of the Store for Business REST service, one method per operation."""

    MAX_BYTES = 4 * MEBIBYTE
    GONE = RETIRED

    def get_offline_license(self, key: LicenseKey) -> LicenseDocument:
        """Get offline license: POST without a body. Raises LicenseDocumentError for a license that cannot be used."""
        attempted = f"Could not get the offline license {key}"
        path = ("V1", "Products", key.product_id, key.sku_id, "OfflineLicense", key.content_id)
        response = self.call(attempted, "POST", path)
        body = lower_keys(self.json(attempted, response, key))

        def useless(how: str, remedy: str = _CHECK_IDS) -> LicenseDocumentError:
            return LicenseDocumentError(attempted, f"{response.request} answered HTTP 200 with {how}", remedy)

        product = lower_keys(body.get("productkey"))
        claimed = LicenseKey(
            str(product.get("productid") or key.product_id),
            str(product.get("skuid") or key.sku_id),
            str(body.get("contentid") or key.content_id),
        )
        if not claimed.same(key):
            raise useless("the license of another product or content id")
        blob = body.get("licenseblob")
        if not isinstance(blob, str) or not blob:
            raise self.unusable(
                attempted, response, "without a licenseBlob", "Run again; if it stays so, ask Microsoft's support"
            )
        try:
            document = _license_document.from_blob(blob)
            _license_document.check(document, key.product_id, key.content_id)
        except LicenseDocumentError as exc:
            raise useless(f"no license that can be used: {exc.cause}") from None
        instance = str(body.get("licenseinstanceid") or "")
        if instance and document.license_instance_id and not same_id(instance, document.license_instance_id):
            raise useless("a license whose instance id is not as announced", "Run again; nothing was written")
        return document

    def probe(self) -> str:
        """Get one entry of the inventory, which shows that the service accepts this application."""
        attempted = "Could not list the inventory"
        self.json(attempted, self.call(attempted, "GET", ("V1", "Inventory"), {"maxResults": "1"}))
        return "the inventory could be listed"

    def meaning(self, details: ErrorDetails, subject: LicenseKey | None) -> Meaning:
        """Decide on the status, as far as possible: the body's shape is not documented."""
        status = details.status
        if status in (401, 403):
            return Meaning("the service does not accept the application", _NOT_ACTIVATED)
        if status == 409:
            return _conflict(details)
        if status == 410:
            return Meaning("the service is gone", RETIRED)
        if status == 400 and subject is None:
            return Meaning("the service does not understand the request", f"Check base_url. {RETIRED}")
        if status == 400:
            return Meaning("a parameter is missing or invalid", "Check product_id, sku_id and content_id of the item")
        if status == 404 and subject is None:
            return Meaning("the service is not at this address", f"Check base_url. {RETIRED}", True)
        if status == 404 and subject is not None:
            usual = subject.sku_id == "0015"
            hint = "" if usual else f", and the SKU (that of offline licenses is usually 0015, not {subject.sku_id})"
            remedy = f"Check the ids{hint}. {RETIRED}"
            return Meaning("there is no such product, SKU or content id", remedy, not_found=True)
        return Meaning("", f"Look the status up in the service's documentation. {RETIRED}")


def _conflict(details: ErrorDetails) -> Meaning:
    text = f"{details.code} {details.message} {details.reason}".lower().replace(" ", "").replace("_", "")
    if "notowned" in text:
        return Meaning("not owned", _NOT_OWNED)
    if "notoffline" in text:
        return Meaning("not offline", _NOT_OFFLINE)
    return Meaning("not owned, or not offline", f"{_NOT_OWNED}; or: {_NOT_OFFLINE}")
