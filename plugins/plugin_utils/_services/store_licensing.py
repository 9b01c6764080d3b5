# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The client of the Store licensing service, the successor of Store for Business for offline licenses.

Source: reference facts on the Store licensing service. It is not a documented public API.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import LicenseDocumentError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license import document as _license_document
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import (
    is_from_service,
    lower_keys,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import MEBIBYTE
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.strict_session import USER_AGENT
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import (
    Meaning,
    ServiceClient,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import ErrorDetails

NO_CONTENT = "00000000-0000-0000-0000-000000000000"
ROLES = "Global Administrator, User Administrator or License Administrator"
_NO_APPLICATION = "an application without a user is not known to be accepted"

# HTTP status to what it means.
_MEANINGS = {
    400: Meaning("the request is not accepted", "Check content_id; the service may have changed"),
    401: Meaning(
        "the service does not accept the token", f"Check audience, and that the token is a user's: {_NO_APPLICATION}"
    ),
    403: Meaning(
        "the organization or role may not have this license, or the publisher does not allow offline licenses",
        f"Sign in as a user with the role {ROLES} ({_NO_APPLICATION}), and check that the organization may use the app"
        " offline",
    ),
    404: Meaning(
        "there is no license for this content id",
        "Check content_id; the module ms_store_product_info lists them",
        not_found=True,
    ),
}


class StoreLicensing(ServiceClient):
    """Makes the licensing service's one call."""

    MAX_BYTES = 4 * MEBIBYTE
    HEADERS: t.ClassVar[t.Mapping[str, str]] = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "From": USER_AGENT,
    }

    def get_offline_license(self, key: LicenseKey) -> LicenseDocument:
        """Get the license of a content id. Raises LicenseDocumentError for a license that cannot be used.

        The list in the response has one license today.
        """
        attempted = f"Could not get the offline license {key}"
        response = self._post(attempted, key.content_id)
        problem = "no license in it"
        for value in _values(self.json(attempted, response)):
            try:
                document = _license_document.from_blob(value)
                _license_document.check(document, key.product_id, key.content_id)
            except LicenseDocumentError as exc:
                problem = f"no license that can be used: {exc.cause}"
                continue
            return document
        raise LicenseDocumentError(
            attempted,
            f"{response.request} answered HTTP {response.status} with {problem}",
            "Check product_id and content_id; nothing was written",
        )

    def probe(self) -> str:
        """Request the license of a content id that nothing has, since the service has no other operation."""
        attempted = "Could not request a license"
        response = self._post(attempted, NO_CONTENT)
        if response.status not in (200, 400, 404):
            raise self.refused(attempted, response)
        if not is_from_service(response, attempted):
            return ""
        return "the service takes the token (the request was for a content id that nothing has)"

    def meaning(self, details: ErrorDetails, subject: t.Any) -> Meaning:
        """See ServiceClient."""
        unknown = Meaning("", "The service is not a documented public API and may have changed")
        return _MEANINGS.get(details.status, unknown)

    def _post(self, attempted: str, content_id: str) -> Response:
        path = ("v9.0", "licenses", "offlineContent")
        return self.call(attempted, "POST", path, data=json.dumps({"contentId": content_id}))


def _values(body: dict[str, t.Any]) -> list[str]:
    keys = lower_keys(lower_keys(body).get("license")).get("keys")
    values = [lower_keys(key).get("value") for key in keys] if isinstance(keys, list) else []
    return [value for value in values if isinstance(value, str) and value]
