# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Which license: product, SKU and content id; and which packages of a product.

Runs on managed hosts as well as on the controller: standard library only.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import same_id

DEFAULT_SKU_ID = "0015"
"""The SKU id of offline licenses."""
PACKAGE_FILTERS = ("architecture", "language", "package_family_name")

_USUAL_SKU_IDS = ("0010", "0011", "0015", "0016")
_GUID = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"


@dataclass(frozen=True)
class LicenseKey:
    """Which license: a product, its SKU, and the content id."""

    product_id: str
    sku_id: str
    content_id: str

    def __str__(self) -> str:
        return "/".join(part for part in (self.product_id, self.sku_id, self.content_id) if part)

    def same(self, other: LicenseKey) -> bool:
        """Return whether both name the same license; ids are compared without regard to case."""
        return all(
            same_id(one, two)
            for one, two in (
                (self.product_id, other.product_id),
                (self.sku_id, other.sku_id),
                (self.content_id, other.content_id),
            )
        )

    @property
    def normalized(self) -> tuple[str, str, str]:
        """The ids in the form in which they can be compared and looked up."""
        return (self.product_id.lower(), self.sku_id.lower(), self.content_id.lower())


@dataclass(frozen=True)
class PackageFilter:
    """Which packages of a product are meant, where the content id is found by the product; empty texts mean any."""

    architecture: str = ""
    language: str = ""
    package_family_name: str = ""

    @classmethod
    def of(cls, options: Mapping[str, t.Any]) -> PackageFilter:
        """Make the filter that options, or an item of them, describe. Blanks around values do not count."""
        return cls(*(str(options.get(name) or "").strip() for name in PACKAGE_FILTERS))


ANY_PACKAGE = PackageFilter()


def key_problem(key: LicenseKey, content_id_optional: bool = False) -> str:
    """Return what is wrong with the ids as a clause, or an empty text. Source: facts on Store for Business."""
    problem = product_problem(key.product_id)
    if problem:
        return problem
    if re.fullmatch(r"[0-9]{1,3}", key.sku_id):
        return _number_problem(key.sku_id)
    if not re.fullmatch(r"[A-Za-z0-9]{4}", key.sku_id):
        return 'sku_id is not a SKU id, which has 4 letters and digits, such as "0015"'
    if not key.content_id and content_id_optional:
        return ""
    if not key.content_id:
        return "content_id is missing (only the service store_licensing finds it by the product)"
    if not re.fullmatch(rf"{_GUID}(-[A-Za-z0-9-]{{1,40}})?", key.content_id):
        return "content_id is not a GUID, such as 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11"
    return ""


def product_problem(product_id: str) -> str:
    """Return what is wrong with a product id as a clause, or an empty text."""
    if not product_id:
        return "product_id is missing"
    if not re.fullmatch(r"[A-Za-z0-9]{12}", product_id):
        return "product_id is not a Store id, which has 12 letters and digits, such as 9WZDNCRFJ3PS"
    return ""


def _number_problem(sku_id: str) -> str:
    """YAML 1.1 reads digits after a zero as an octal number: an unquoted 0015 arrives as 13, and 15 stays 15."""
    number = int(sku_id)
    # 15 is most likely 0015 without its zeros, and 13 what YAML made of 0015.
    meant = f"{number:04d}" if f"{number:04d}" in _USUAL_SKU_IDS else f"{number:04o}"
    return (
        f"sku_id is the number {sku_id}; YAML reads an unquoted 0015 as the number 13, so write it in quotes:"
        f' sku_id: "{meant}"'
    )
