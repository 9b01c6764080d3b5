# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The client of Store for Business. Source: reference facts on the service, operations and errors."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    NotFoundError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license import document as _license_document
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import (
    LicenseDocument,
    same_id,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import lower_keys
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import MEBIBYTE
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import Deadline
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
_MAX_LIST_BYTES = 32 * MEBIBYTE
_CHECK_IDS = "Check product_id, sku_id and content_id; nothing was written"


class InventoryEntry(t.NamedTuple):
    """A product that the organization owns."""

    product_id: str
    sku_id: str
    license_type: str
    """`offline` or `online`."""
    seats: int | None
    available_seats: int | None
    last_modified: str
    status: str


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

    def list_inventory(self, license_type: str = "") -> list[InventoryEntry]:
        """Get inventory, page after page: all, or only `offline` or `online` entries.

        All pages share one deadline and one limit in bytes.
        """
        attempted = "Could not list the inventory"
        deadline = Deadline(self.settings.deadline)
        params = {"maxResults": "100", **({"licenseTypes": license_type} if license_type else {})}
        found: dict[tuple[str, str, str], InventoryEntry] = {}
        seen: set[str] = set()
        size = 0
        while True:
            response = self.call(attempted, "GET", ("V1", "Inventory"), params, deadline=deadline)
            body = lower_keys(self.json(attempted, response))
            rows = body.get("inventoryentries")
            size += len(response.body)
            if not isinstance(rows, list):
                raise self.unusable(attempted, response, "without a list of entries", f"Check base_url. {RETIRED}")
            for entry in map(_parse_entry, rows):
                # Pages overlap when the inventory changes meanwhile.
                found.setdefault((entry.product_id.upper(), entry.sku_id.upper(), entry.license_type), entry)
            token = body.get("continuationtoken")
            if not isinstance(token, str) or not token:
                return list(found.values())
            if token in seen or size > _MAX_LIST_BYTES or not deadline.remaining():
                raise self.unusable(
                    attempted, response, f"and has more pages, after {len(found)} entries", "Set deadline higher"
                )
            seen.add(token)
            params["continuationToken"] = token

    def get_content_ids(self, product_id: str, sku_id: str) -> list[str]:
        """Get product packages; return the distinct content ids of the packages, in lower case."""
        attempted = f"Could not list the packages of {product_id}/{sku_id}"
        response = self.call(attempted, "GET", ("V1", "Products", product_id, sku_id, "Packages"))
        packages = lower_keys(self.json(attempted, response, LicenseKey(product_id, sku_id, ""))).get("productpackages")
        if not isinstance(packages, list):
            raise self.unusable(attempted, response, "without a list of packages", "Run again")
        content_ids = [str(lower_keys(package).get("contentid") or "").lower() for package in packages]
        return list(dict.fromkeys(filter(None, content_ids)))

    def get_title(self, product_id: str, sku_id: str, language: str) -> str:
        """Get localized product details; return the name of the app, empty where there is none in the language."""
        attempted = f"Could not get the title of {product_id}/{sku_id}"
        path = ("V1", "Products", product_id, sku_id, "LocalizedDetails", language)
        try:
            body = self.json(attempted, self.call(attempted, "GET", path), LicenseKey(product_id, sku_id, ""))
        except NotFoundError:
            return ""
        return printable(str(lower_keys(body).get("displayname") or ""))

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


def _parse_entry(row: t.Any) -> InventoryEntry:
    row = lower_keys(row)
    key = lower_keys(row.get("productkey"))
    texts = [key.get("productid"), key.get("skuid"), str(row.get("licensetype") or "").lower()]
    seats = [
        value if isinstance(value, int) and not isinstance(value, bool) else None
        for value in (row.get("seatcapacity"), row.get("availableseats"))
    ]
    ends = [row.get("lastmodified"), row.get("status")]
    product_id, sku_id, license_type, modified, status = (printable(str(text or ""), 100) for text in (*texts, *ends))
    return InventoryEntry(product_id, sku_id, license_type, seats[0], seats[1], modified, status)


def _conflict(details: ErrorDetails) -> Meaning:
    text = f"{details.code} {details.message} {details.reason}".lower().replace(" ", "").replace("_", "")
    if "notowned" in text:
        return Meaning("not owned", _NOT_OWNED)
    if "notoffline" in text:
        return Meaning("not offline", _NOT_OFFLINE)
    return Meaning("not owned, or not offline", f"{_NOT_OWNED}; or: {_NOT_OFFLINE}")
