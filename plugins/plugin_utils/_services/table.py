# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The license service: an interface, and the table of its implementations by the value of the option C(service)."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings


class LicenseService(t.Protocol):
    """One service that issues offline licenses. May be used by several threads at once."""

    def sign_in(self) -> None:
        """Make sure that there is a token. Raises SignInError, UnavailableError or OptionError."""

    def get_offline_license(self, key: LicenseKey) -> LicenseDocument:
        """Get the license of a key, already checked to be the one that was asked for.

        Raises UnavailableError, NotFoundError, ServiceError, SignInError or LicenseDocumentError.
        """

    def close(self) -> None:
        """Close the connections."""


def open_license_service(settings: Settings, cache: Cache, connections: int) -> LicenseService:
    """Return the client of the service that the settings are for."""
    from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_for_business import (
        StoreForBusiness,
    )
    from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_licensing import StoreLicensing

    services: dict[str, t.Callable[[Settings, Cache, int], LicenseService]] = {
        "store_for_business": StoreForBusiness,
        "store_licensing": StoreLicensing,
    }
    return services[settings.service](settings, cache, connections)
