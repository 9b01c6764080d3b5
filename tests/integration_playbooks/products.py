# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests share that ask for licenses by their product, or look products up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from emulator.catalog import Product
from emulator.client import Emulator

from .harness import Lab, default_name

INFO = "msdevices.provisioning.ms_store_product_info"
store_licensing = pytest.mark.parametrize("service", ["store_licensing"], indirect=True)


def wanted(product: Product, **options: str) -> dict[str, str]:
    """An item of the option C(licenses) without a content id."""
    return {"product_id": product.product_id, **options}


def file_names(*products: Product) -> list[str]:
    """The names of the files of all licenses of these products."""
    return [default_name(product.request(which)) for product in products for which in range(len(product.content_ids))]


def outcomes(result: Mapping[str, Any]) -> list[tuple[int, str | None, str]]:
    """Of each license in a result, which item asked for it, its content id, and its state."""
    return [(entry["index"], entry["content_id"], entry["state"]) for entry in result["licenses"]]


def all_of(product: Product, request: int, state: str) -> list[tuple[int, str | None, str]]:
    """The outcomes of a product all of whose licenses are in this state."""
    return [(request, content_id, state) for content_id in product.content_ids]


def let_catalog_list(emulator: Emulator, product: Product, *content_ids: str) -> None:
    """Let the catalog list only these content ids of a product, until faults are cleared."""
    packages = [package for package in emulator.product_packages(product) if package["ContentId"] in content_ids]
    assert packages
    sku = {"SkuId": "0015", "Properties": {"Packages": packages}}
    body = {"Product": {"ProductId": product.product_id, "DisplaySkuAvailabilities": [{"Sku": sku}]}}
    emulator.fault(listener="catalog", action="status", status=200, body=body, path_regex=product.product_id)


def info_task(lab: Lab, name: str = "info", **options: Any) -> dict[str, Any]:
    """A task that looks products up in the emulator's catalog (options of none: without)."""
    values = {"base_url": lab.emulator.catalog, "ca_path": lab.emulator.ca_path, **options}
    return {"name": name, INFO: {key: value for key, value in values.items() if value is not None}}
