# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The options of the plugins for Partner Center's catalog of today: products, SKUs, availabilities."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import (
    market_options,
    shared_options,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_offer import (
    DEFAULT_CONCURRENCY,
    ON_MISSING,
    check_id,
    printable_option,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError

DEFAULT_MAX_REQUESTS = 2000
_SKU_DIGITS = 4


@dataclass(frozen=True)
class CatalogId:
    """The id of a product, of a SKU, or of an availability. Parts that it does not have are empty."""

    product_id: str
    sku_id: str = ""
    availability_id: str = ""

    def __str__(self) -> str:
        return ":".join(part for part in (self.product_id, self.sku_id, self.availability_id) if part)

    @property
    def kind(self) -> str:
        """What it is the id of, in words: `product`, `SKU` or `availability`."""
        return "availability" if self.availability_id else "SKU" if self.sku_id else "product"

    @property
    def folded(self) -> CatalogId:
        """The form in which ids are compared: without regard to case."""
        return CatalogId(self.product_id.lower(), self.sku_id.lower(), self.availability_id.lower())

    def parent(self, kind: str) -> CatalogId:
        """Return the id of the product, SKU or availability in this one."""
        if kind == "product":
            return CatalogId(self.product_id)
        return CatalogId(self.product_id, self.sku_id) if kind == "SKU" else self


def parse_catalog_id(value: t.Any, option: str = "catalog_id") -> CatalogId:
    """Read `product`, `product:sku` or `product:sku:availability`, also with `/` between. Raises OptionError.

    SKU ids that lost their leading zeros in a spreadsheet (`1` for `0001`) get them back.
    """
    if not isinstance(value, str):
        raise OptionError(
            "Could not use the options",
            f"{option} holds {printable_option(value)}, which is not a string",
            "Write ids in quotes",
        )
    parts = re.split("[:/]", value.strip())
    if len(parts) > 3:
        raise OptionError(
            "Could not use the options",
            f"{option} {printable_option(value)} has more than three parts",
            f"Set {option} to product, product:sku or product:sku:availability",
        )
    parts = [check_id(option, part) for part in parts]
    if len(parts) > 1 and parts[1].isdigit():
        parts[1] = parts[1].zfill(_SKU_DIGITS)
    return CatalogId(*parts)


def product_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule for partner_product_info."""
    return {
        "argument_spec": {
            **shared_options(),
            **market_options(),
            "catalog_id": {"type": "list", "elements": "str", "aliases": ["catalog_ids"]},
            "target_view": {"type": "str"},
            "segment": {"type": "list", "elements": "str"},
            "reservation_scope": {"type": "str"},
            "customer_id": {"type": "str"},
            "include_skus": {"type": "bool", "default": False},
            "include_availabilities": {"type": "bool", "default": False},
            "include_lifecycle_state": {"type": "bool", "default": False},
            "on_missing": {"type": "str", "default": "error", "choices": list(ON_MISSING)},
            "max_requests": {"type": "int", "default": DEFAULT_MAX_REQUESTS},
            "max_concurrency": {"type": "int", "default": DEFAULT_CONCURRENCY},
        },
        "mutually_exclusive": [["catalog_id", "target_view"]],
        "required_one_of": [["catalog_id", "target_view"]],
        "supports_check_mode": True,
    }


def promotion_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule for partner_promotion_info."""
    return {
        "argument_spec": {
            **shared_options(),
            **market_options(),
            "promotion_id": {"type": "list", "elements": "str", "aliases": ["promotion_ids"]},
            "segment": {"type": "str", "default": "commercial"},
            "on_missing": {"type": "str", "default": "error", "choices": list(ON_MISSING)},
            "max_concurrency": {"type": "int", "default": DEFAULT_CONCURRENCY},
        },
        "supports_check_mode": True,
    }


def inventory_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule for partner_inventory_info."""
    return {
        "argument_spec": {
            **shared_options(),
            **market_options(),
            "items": {"type": "list", "elements": "str", "required": True},
            "context": {"type": "dict", "default": {}},
        },
        "supports_check_mode": True,
    }
