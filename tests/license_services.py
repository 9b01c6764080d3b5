# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two license services of a running emulator, side by side: what a test has to know to ask either of them.

A test that takes the fixture C(service) asks Store for Business; marked with both_services, it runs once for each. On
some of the matrix only the first of them runs: what is Store licensing's alone has tests of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from emulator import catalog
from emulator.client import Emulator

SERVICES = ("store_for_business", "store_licensing")
both_services = pytest.mark.parametrize(
    "service", [SERVICES[0], pytest.param(SERVICES[1], marks=pytest.mark.once)], indirect=True
)


@dataclass(frozen=True)
class LicenseService:
    """A license service, and somebody who may have its licenses: an application of the one, a user of the other."""

    emulator: Emulator
    name: str = SERVICES[0]

    @property
    def delegated(self) -> bool:
        """Whether it wants the sign-in of a user."""
        return self.name == "store_licensing"

    @property
    def listener(self) -> str:
        """The emulator's name for it, by which faults and requests are told apart."""
        return "licensing" if self.delegated else "store"

    @property
    def base_url(self) -> str:
        """Its root URL."""
        return str(self.emulator.endpoints[self.listener])

    @property
    def access_token(self) -> str:
        """A ready access token."""
        return str(self.emulator.access_tokens[self.listener])

    @property
    def refusal(self) -> int:
        """The HTTP status of a license that the organization or the publisher does not allow."""
        return 403 if self.delegated else 409

    @property
    def sign_in(self) -> dict[str, str]:
        """The options of a sign-in without a ready token."""
        emulator = self.emulator
        options = {
            "tenant_id": emulator.tenant_id,
            "client_id": emulator.client_id,
            "client_secret": emulator.client_secret,
        }
        return {**options, "refresh_token": emulator.refresh_token} if self.delegated else options

    @property
    def environment(self) -> dict[str, str]:
        """The same as environment variables."""
        refresh = {"MSDEVICES_REFRESH_TOKEN": self.emulator.refresh_token} if self.delegated else {}
        return {**self.emulator.environment(), **refresh}

    @property
    def options(self) -> dict[str, Any]:
        """The options that lead to it, and to the catalog beside it."""
        options = {"base_url": self.base_url, "ca_path": self.emulator.ca_path}
        if not self.delegated:
            return options
        return {**options, "service": self.name, "catalog_base_url": self.emulator.catalog}

    def good_body(self, blob: str) -> dict[str, Any]:
        """The body of an answer with this license."""
        return {"license": {"keys": [{"value": blob}]}} if self.delegated else {"licenseBlob": blob}

    def path(self, product: catalog.Product, which: int = 0) -> str:
        """The path of the request for a license."""
        return catalog.LICENSING_PATH if self.delegated else product.license_path(which)

    def fault(self, action: str, **values: Any) -> int:
        """Let the service answer in another way."""
        return self.emulator.fault(listener=self.listener, action=action, **values)

    def requests(self) -> list[dict[str, Any]]:
        """The requests that reached it."""
        return self.emulator.requests(self.listener)

    def count(self) -> int:
        """How many requests reached it."""
        return self.emulator.count(self.listener)
