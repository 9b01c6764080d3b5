# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be set while the emulator runs, beside latency and faults."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass
class Settings:
    """Times are seconds. A reset restores these defaults."""

    #: Lifetime of the access tokens Entra issues.
    token_lifetime: int = 3599
    #: How often one refresh token may be exchanged; none means any number of times.
    refresh_token_uses: int | None = None
    refresh_token_lifetime: int = 90 * 86400
    #: How often a device code is asked for before its user has signed in; none means that nobody does.
    device_code_polls: int | None = 1
    device_code_declined: bool = False
    device_code_interval: int = 5
    device_code_lifetime: int = 900
    #: Whether a byte-order mark precedes the JSON of the Store service, of Partner Center.
    store_bom: bool = False
    partner_bom: bool = True
    #: The same of the successor's catalog and licensing service.
    catalog_bom: bool = False
    licensing_bom: bool = False
    #: Whether the licensing service takes application-only tokens, which it is not known to do.
    licensing_accepts_apps: bool = False
    #: Page size of Partner Center's collections when the request names none; none means unpaged.
    partner_page_size: int | None = None
    #: Whether Partner Center's collections carry links.
    partner_links: bool = True
    #: Seconds for which a URL of the CDN is good.
    url_lifetime: float = 3600.0
    #: Bytes that each main package has besides what it needs.
    package_padding: int = 0
    #: Whether totalCount counts the page only and not the whole collection.
    partner_total_of_page: bool = False

    #: Page size of the lists of products, SKUs and availabilities; none means unpaged.
    partner_product_page_size: int | None = None
    #: Availabilities get new ids with each generation, and the old ones are gone.
    partner_availability_generation: int = 0
    #: Which names the inventory check takes in its body: pascal, camel or any.
    partner_inventory_names: str = "any"

    #: How price sheets come (auto: as asked for; zip, gzip, text), how long they are at least, which prices they have.
    price_sheet_form: str = "auto"
    price_sheet_mebibytes: int = 0
    price_sheet_revision: int = 0

    def update(self, values: dict[str, Any]) -> None:
        """Change settings by name.

        Raises ValueError for an unknown name.
        """
        known = {item.name for item in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown setting {name!r}; there are {', '.join(sorted(known))}")
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """All settings by name."""
        return asdict(self)
