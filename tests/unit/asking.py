# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the license services share: calls with a ready token, and checks that hold for every error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from emulator.catalog import Product
from license_services import LicenseService

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.table import SERVICES
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings


def key_of(product: Product, sku_id: str = "0015") -> LicenseKey:
    """The key of a product's first license."""
    return LicenseKey(product.product_id, sku_id, product.content_id)


class Asker:
    """Gets licenses of one of the emulator's services with a ready token."""

    def __init__(self, service: LicenseService, make_settings: Callable[..., Settings]) -> None:
        self.service = service
        self.emu = service.emulator
        self._make = make_settings

    def get(self, key: LicenseKey, **options: Any) -> LicenseDocument:
        """The license of a key."""
        ready = {"client_secret": None, "refresh_token": None, "access_token": self.service.access_token}
        with SERVICES[self.service.name].client(self._make(**{**ready, **options}), NoCache()) as client:
            document: LicenseDocument = client.get_offline_license(key)
        return document

    def refused(self, key: LicenseKey, kind: type[ProvisioningError], **options: Any) -> Any:
        """The error that a key causes: with what was attempted and what to do, without token and license."""
        with pytest.raises(kind) as caught:
            self.get(key, **options)
        assert caught.value.__class__ is kind
        text = str(caught.value)
        unreachable = getattr(caught.value, "unreachable", False)
        assert unreachable or caught.value.attempted == f"Could not get the offline license {key}"
        assert caught.value.remedy
        assert "eyJ" not in text
        assert "SPLicense" not in text
        assert text.isprintable()
        return caught.value
