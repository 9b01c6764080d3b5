# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clouds the emulator plays. Source: docs of Partner Center (base URLs and audiences of each national cloud)."""

from __future__ import annotations

from dataclasses import dataclass

STORE_AUDIENCE = "https://onestore.microsoft.com"
LICENSING_AUDIENCE = "c5e1cb0d-5d24-4b1a-b291-ec684152b2ba"
CATALOG_AUDIENCE = "https://bigcatalog.commerce.microsoft.com"
PARTNER_AUDIENCE = "https://api.partnercenter.microsoft.com"
PRICES_AUDIENCE = "https://api.partner.microsoft.com"
PARTNER_AUDIENCE_CHINA = "https://partner.partnercenterapi.microsoftonline.cn"
#: Still issued by Entra, no longer taken by Partner Center.
OLD_PARTNER_AUDIENCE = "https://graph.windows.net"
#: A resource that exists and has nothing to do with any of the services here.
GRAPH_AUDIENCE = "https://graph.microsoft.com"

_COMMON = (OLD_PARTNER_AUDIENCE, GRAPH_AUDIENCE)


@dataclass(frozen=True)
class Cloud:
    """One cloud: its name, its listeners, the resources its Entra knows."""

    name: str
    entra: str
    partner: str
    partner_audience: str
    audiences: tuple[str, ...]
    #: The listener of price sheets; none where no host is named.
    prices: str = ""


CLOUDS = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            "public",
            "entra",
            "partner_public",
            PARTNER_AUDIENCE,
            (STORE_AUDIENCE, LICENSING_AUDIENCE, CATALOG_AUDIENCE, PARTNER_AUDIENCE, PRICES_AUDIENCE, *_COMMON),
            "prices",
        ),
        Cloud(
            "usgov",
            "entra_usgov",
            "partner_usgov",
            PARTNER_AUDIENCE,
            (PARTNER_AUDIENCE, PRICES_AUDIENCE, *_COMMON),
            "prices_usgov",
        ),
        Cloud("china", "entra_china", "partner_china", PARTNER_AUDIENCE_CHINA, (PARTNER_AUDIENCE_CHINA, *_COMMON)),
        Cloud("germany", "entra_germany", "partner_germany", PARTNER_AUDIENCE, (PARTNER_AUDIENCE, *_COMMON)),
    )
}
