# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The client of the Store licensing service, the living successor of Store for Business.

Source: reference facts on the Store licensing service. It is not a documented public API, and was never tried against
the live service.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    NotFoundError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license import document as _license_document
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import (
    is_from_service,
    json_object,
    lower_keys,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.strict_session import USER_AGENT
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import ServiceSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import Fault
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

_MAX_BYTES = 4 * 1024 * 1024
NO_CONTENT = "00000000-0000-0000-0000-000000000000"
ROLES = "Global Administrator, User Administrator or License Administrator"


class StoreLicensing:
    """Makes the licensing service's one call. See LicenseService."""

    def __init__(self, settings: Settings, cache: Cache, connections: int = 1) -> None:
        self._session = ServiceSession(settings, cache, connections)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def sign_in(self) -> None:
        """Make sure that there is a token."""
        self._session.sign_in()

    def probe(self) -> bool:
        """Ask for the license of a content id that nothing has, since the service has no other operation.

        Returns whether the answer is the service's own; one that is empty may be of something else at this address.

        Raises as get_offline_license does where the user is refused, and ServiceError for a page in the answer's place.
        """
        attempted = "Could not ask the licensing service"
        answer = self._send(attempted, LicenseKey("", "", NO_CONTENT))
        if answer.status not in (200, 400, 404):
            raise self._refused(attempted, answer)
        return is_from_service(answer, attempted)

    def get_offline_license(self, key: LicenseKey) -> LicenseDocument:
        """Ask for the license of a content id. See LicenseService for what is raised."""
        attempted = f"Could not get the offline license {key}"
        answer = self._send(attempted, key)
        if answer.status != 200:
            raise self._refused(attempted, answer)
        return self._license(attempted, key, answer)

    def _send(self, attempted: str, key: LicenseKey) -> Response:
        headers = {"Accept": "application/json", "Content-Type": "application/json", "From": USER_AGENT}
        body = json.dumps({"contentId": key.content_id})
        path = ("v9.0", "licenses", "offlineContent")
        try:
            return self._session.call("POST", path, headers=headers, data=body, max_bytes=_MAX_BYTES)
        except UnavailableError as exc:
            raise exc.within(attempted) from None

    def _license(self, attempted: str, key: LicenseKey, answer: Response) -> LicenseDocument:
        """Take the license of the content id out of the answer; its list has one key today."""
        problem = "no license in it"
        for value in _values(json_object(answer, attempted)):
            try:
                document = _license_document.from_blob(value)
                _license_document.check(document, key.product_id, key.content_id)
            except LicenseDocumentError as exc:
                problem = f"no license that can be used: {exc.cause}"
                continue
            return document
        raise LicenseDocumentError(
            attempted,
            f"{answer.request} answered HTTP {answer.status} with {problem}",
            "Check product_id and content_id; nothing was written",
        )

    def _refused(self, attempted: str, answer: Response) -> ServiceError | UnavailableError:
        fault = self._session.fault(answer)
        cause = fault.text(answer.request)
        if answer.gave_up:
            return UnavailableError(
                attempted, f"{cause}; {answer.gave_up}", "Run again later", answer.deadline_exceeded
            )
        why, remedy = _meaning(fault)
        kind = NotFoundError if fault.status == 404 else ServiceError
        return kind(attempted, f"{why} ({cause})" if why else cause, remedy, status=fault.status, code=fault.code)


def _values(body: dict[str, t.Any]) -> list[str]:
    keys = lower_keys(lower_keys(body).get("license")).get("keys")
    values = [lower_keys(key).get("value") for key in keys] if isinstance(keys, list) else []
    return [value for value in values if isinstance(value, str) and value]


def _meaning(fault: Fault) -> tuple[str, str]:
    if fault.status == 400:
        return "the request is not accepted", "Check content_id; the service may have changed"
    if fault.status == 401:
        return (
            "the service does not accept the token",
            "Check audience, and that the token is a user's: an application without a user is not known to be accepted",
        )
    if fault.status == 403:
        return (
            "the organization or role may not have this license, or the publisher does not allow offline licenses",
            (
                f"Sign in as a user with the role {ROLES} (an application without a user is not known to be accepted),"
                " and check that the organization may use the app offline"
            ),
        )
    if fault.status == 404:
        return (
            "there is no license for this content id",
            "Check content_id; the module ms_store_product_info lists them",
        )
    return "", "The service is not a documented public API and may have changed"
