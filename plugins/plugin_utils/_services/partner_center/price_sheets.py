# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The client of Partner Center's price sheets, which have a host and an audience of their own.

Source: reference facts on the Partner Center catalog, price sheets.
"""

from __future__ import annotations

import typing as t
import uuid
from dataclasses import dataclass, replace

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import UnavailableError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import MEBIBYTE, Request
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.save_body import save_body
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import Deadline
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import Meaning, ServiceClient
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import ErrorDetails

# A documented sheet has 42 MB before it is packed.
_MAX_DOWNLOAD = 512 * MEBIBYTE
_WITHOUT_USER = ("client_secret", "certificate", "federated_token", "managed_identity")
_AUDIENCE = (
    "the host does not accept the token; it needs one of its own, not that for Partner Center's API",
    "Leave audience at its default, or get the token for https://api.partner.microsoft.com",
)


@dataclass(frozen=True)
class Sheet:
    """Which price sheet is meant."""

    market: str
    """ISO 3166-1 alpha-2, in upper case."""
    view: str
    timeline: str = "current"
    month: str = ""
    """YYYYMM, with the timeline `history` only."""

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.view}_{self.market}_{self.month or self.timeline}.csv"

    def __str__(self) -> str:
        return f"{self.view} for {self.market} ({self.month or self.timeline})"


class PriceSheets(ServiceClient):
    """Downloads price sheets."""

    ONE_CALL = True

    def download(self, sheet: Sheet, path: str) -> None:
        """Write a sheet to a file, packed as it comes. Raises NotFoundError when there is none; OSError."""
        self._download(f"Could not download the price sheet {sheet}", sheet, path)

    def probe(self) -> str:
        """Request the sheet of licenses in the United States, of which nothing is read."""
        self._download("Could not request a price sheet", Sheet("US", "updatedlicensebased"), None)
        return "a price sheet could be requested"

    def _download(self, attempted: str, sheet: Sheet, path: str | None) -> None:
        # Parentheses, quotes and $value stay as they are. All parts have been checked by their shape.
        where = f"pricesheets(Market='{sheet.market}',PricesheetView='{sheet.view}')/$value"
        request = Request(
            "GET",
            f"{self.settings.base_url}/v1.0/sales/{where}",
            # With deflate among these, the body is a ZIP file.
            headers={"Accept": "*/*", "Accept-Encoding": "deflate", "client-request-id": str(uuid.uuid4())},
            params={"timeline": sheet.timeline, **({"month": sheet.month} if sheet.month else {})},
            max_bytes=_MAX_DOWNLOAD,
        )
        try:
            response = self._save(request, path)
        except UnavailableError as exc:
            raise exc.within(attempted) from None
        if response.status != 200:
            raise self.refused(attempted, response, sheet)

    def _save(self, request: Request, path: str | None) -> Response:
        tokens = self._tokens
        if tokens is None:
            raise AssertionError("this client signs in")
        deadline, retries = Deadline(self.settings.deadline), self.settings.max_retries
        token = tokens.token()
        response = save_body(self._http, replace(request, bearer=token), path, deadline, retries)
        if response.status == 401:
            fresh = tokens.replace_rejected(token)
            if fresh:
                response = save_body(self._http, replace(request, bearer=fresh), path, deadline, retries)
                if response.status == 401:
                    tokens.stop_renewing()
        return response

    def meaning(self, details: ErrorDetails, subject: t.Any) -> Meaning:
        """See ServiceClient; `subject` is the sheet."""
        of_service = bool(details.code or details.request_id or details.message) and not details.page
        if details.page:
            return Meaning("a page came instead of the service's response", "Check base_url and the proxy")
        if details.status == 401:
            return Meaning(*_AUDIENCE)
        if details.status == 403 and self.settings.auth_method in _WITHOUT_USER:
            return Meaning(
                "prices are for users, and an application without a user signed in",
                "Sign in with a refresh token of a user (auth_method=refresh_token)",
            )
        if details.status == 403:
            return Meaning("this identity has no access to prices", "Give the user the role Admin agent or Sales agent")
        if details.status == 404 and of_service:
            return Meaning(
                "there is no such price sheet; a future one exists only when something changes",
                "Check view, market, timeline and month",
                not_found=True,
            )
        if details.status == 400:
            return Meaning("the service does not take a parameter", "Check view, market, timeline and month")
        return Meaning("", "Run again later; give the ids to Microsoft's support if it stays so")
