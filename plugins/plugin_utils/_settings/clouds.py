# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The clouds as one table. Source: reference facts on Partner Center, sign-in and Store for Business."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError


@dataclass(frozen=True)
class Endpoint:
    """Where a service is (its root URL, without version path), and for which audience its tokens are issued; empty for
    one that needs no sign-in."""

    base_url: str
    audience: str


@dataclass(frozen=True)
class Cloud:
    """One national cloud."""

    authority: str
    """Root URL of the sign-in service, without tenant."""
    sign_in_hosts: tuple[str, ...]
    """Hosts that the authority's discovery document may name for the token endpoint."""
    services: dict[str, Endpoint]
    """Service name (as in the option `service`) to its endpoint."""


# Only the public cloud's address of Store for Business is documented; the others use it until told otherwise.
_STORE_FOR_BUSINESS = Endpoint("https://bspmts.mp.microsoft.com", "https://onestore.microsoft.com")
# Nothing is known of the Store's catalog and licensing service in other clouds either.
_STORE_CATALOG = Endpoint("https://displaycatalog.mp.microsoft.com", "https://bigcatalog.commerce.microsoft.com")
_STORE_CONSUMER_CATALOG = Endpoint(_STORE_CATALOG.base_url, "")
_STORE_LICENSING = Endpoint("https://licensing.md.mp.microsoft.com", "c5e1cb0d-5d24-4b1a-b291-ec684152b2ba")
_STORE_DELIVERY = Endpoint("https://storeapps.api.cdp.microsoft.com", "")
_STORE = {
    "store_for_business": _STORE_FOR_BUSINESS,
    "store_catalog": _STORE_CATALOG,
    "store_consumer_catalog": _STORE_CONSUMER_CATALOG,
    "store_delivery": _STORE_DELIVERY,
    "store_licensing": _STORE_LICENSING,
}
_PARTNER_PUBLIC = Endpoint("https://api.partnercenter.microsoft.com", "https://api.partnercenter.microsoft.com")
_PRICE_SHEETS = Endpoint("https://api.partner.microsoft.com", "https://api.partner.microsoft.com")
_PARTNER_CHINA = Endpoint(
    "https://partner.partnercenterapi.microsoftonline.cn", "https://partner.partnercenterapi.microsoftonline.cn"
)

CLOUDS: dict[str, Cloud] = {
    "public": Cloud(
        "https://login.microsoftonline.com",
        ("login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"),
        {**_STORE, "partner_center": _PARTNER_PUBLIC, "partner_price_sheets": _PRICE_SHEETS},
    ),
    "usgov": Cloud(
        "https://login.microsoftonline.us",
        ("login.microsoftonline.us", "login.usgovcloudapi.net"),
        {**_STORE, "partner_center": _PARTNER_PUBLIC, "partner_price_sheets": _PRICE_SHEETS},
    ),
    "china": Cloud(
        "https://login.partner.microsoftonline.cn",
        ("login.partner.microsoftonline.cn", "login.chinacloudapi.cn"),
        {**_STORE, "partner_center": _PARTNER_CHINA},
    ),
    "germany": Cloud(
        "https://login.microsoftonline.de",
        ("login.microsoftonline.de",),
        {**_STORE, "partner_center": _PARTNER_PUBLIC},
    ),
}

# Values of AZURE_CLOUD_ENVIRONMENT in use (automation controller credential, Azure SDK), in lower case.
_ENVIRONMENT_NAMES = {
    "azurecloud": "public",
    "azurepubliccloud": "public",
    "azureusgovernment": "usgov",
    "azurechinacloud": "china",
    "azuregermancloud": "germany",
}


def cloud_name(option: str | None, environment: str | None) -> str:
    """Return the cloud's name from the option, else from the value of AZURE_CLOUD_ENVIRONMENT, else `public`.

    Raises OptionError for a name that is in neither table.
    """
    if option:
        name = option if option in CLOUDS else _ENVIRONMENT_NAMES.get(option.lower())
        if name:
            return name
        raise OptionError(
            "Could not choose the cloud", f"'{option}' is no known cloud", f"Set cloud to one of {', '.join(CLOUDS)}"
        )
    if not environment:
        return "public"
    name = _ENVIRONMENT_NAMES.get(environment.lower())
    if not name:
        raise OptionError(
            "Could not choose the cloud",
            f"the environment variable AZURE_CLOUD_ENVIRONMENT is '{environment}', which is no known cloud",
            "Set it to AzureCloud, AzureUSGovernment, AzureChinaCloud or AzureGermanCloud, or set the option cloud",
        )
    return name
