# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""All services in one table: their clients, and the facts by which the other layers treat them differently.

Where they are and for which audience tokens are issued stands in _settings/clouds.py, under the same names, since that
depends on the cloud. The names that options take stand in module_utils/_argspec/services.py, which goes to hosts.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_offer import market_from
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.offers import (
    PartnerOffers,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.price_sheets import (
    PriceSheets,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_catalog import (
    ConsumerCatalog,
    StoreCatalog,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_delivery import (
    ROOT_CERTIFICATE,
    StoreDelivery,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_for_business import (
    StoreForBusiness,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_licensing import StoreLicensing
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings


def _no_arguments(options: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {}


@dataclass(frozen=True)
class Service:
    """What the other layers know of a service."""

    client: t.Callable[..., t.Any]
    """Makes its client (a ServiceClient) of settings, cache, connections, and what `arguments` returns."""
    arguments: t.Callable[[Mapping[str, t.Any]], dict[str, t.Any]] = _no_arguments
    """Returns the client's further arguments by the options of a plugin. Raises OptionError."""
    needs_user: bool = False
    """Whether an application without a user is not known to be accepted."""
    gone_hint: str = ""
    """What to do when its host is gone."""
    extra_ca_file: str = ""
    """What its certificates verify by beside the CAs of the settings, or nothing."""


SERVICES: dict[str, Service] = {
    "store_for_business": Service(StoreForBusiness, gone_hint=StoreForBusiness.GONE),
    "store_licensing": Service(StoreLicensing, needs_user=True),
    "store_catalog": Service(StoreCatalog, needs_user=True),
    "store_consumer_catalog": Service(ConsumerCatalog),
    "store_delivery": Service(StoreDelivery, extra_ca_file=ROOT_CERTIFICATE),
    "partner_price_sheets": Service(PriceSheets, needs_user=True),
    "partner_center": Service(PartnerOffers, lambda options: {"market": market_from(options)}),
}
"""Name of a service, as in options and settings, to what is known of it."""


def open_client(
    settings: Settings, cache: Cache, connections: int = 1, options: Mapping[str, t.Any] | None = None
) -> t.Any:
    """Return the client of the service of the settings. Raises OptionError for `options` that it cannot use."""
    service = SERVICES[settings.service]
    return service.client(settings, cache, connections, **(service.arguments(options) if options is not None else {}))
