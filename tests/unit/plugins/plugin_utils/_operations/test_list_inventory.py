# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the organization owns, as data and as a ready list of licenses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from emulator.catalog import OWNED
from emulator.client import Emulator

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_inventory import (
    inventory_specification,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
    ServiceError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import requests_from
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import RunCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.list_inventory import list_inventory

pytestmark = pytest.mark.usefixtures("quick_retries")


class Inventory:
    """Lists the emulator's inventory."""

    def __init__(self, options: dict[str, Any], directory: Path) -> None:
        spec = inventory_specification()["argument_spec"]
        self._options = {**{name: option.get("default") for name, option in spec.items()}, **options}
        self._cache = RunCache(str(directory), 30.0)
        self.warnings: list[str] = []

    def find(self, **options: Any) -> dict[str, Any]:
        values = {**self._options, **options}
        return list_inventory(values, lambda settings: self._cache, self.warnings.append)


@pytest.fixture
def inventory(options: dict[str, Any], tmp_path: Path) -> Inventory:
    return Inventory(options, tmp_path)


def test_all_that_is_owned_offline(emu: Emulator, inventory: Inventory) -> None:
    found = inventory.find(include_titles=False)
    rows = found["inventory"]
    assert [row["product_id"] for row in rows] == [emu.product(index).product_id for index in range(OWNED)]
    assert {row["license_type"] for row in rows} == {"offline"}
    for index in (0, 7, OWNED - 1):
        product = emu.product(index)
        assert rows[index]["content_ids"] == list(product.content_ids)
        assert rows[index]["title"] is None
    # The list is ready to be staged.
    wanted = {(product.product_id, one) for product in map(emu.product, range(OWNED)) for one in product.content_ids}
    made = {(one.key.product_id, one.key.content_id) for one in requests_from(found["licenses"])}
    assert made == {(product_id, content_id.lower()) for product_id, content_id in wanted}
    requests = emu.count("store")
    assert requests == OWNED + -(-OWNED // 100)
    assert inventory.find(include_titles=False) == found
    assert (emu.count("store"), emu.token_requests()) == (requests, 1)


def test_what_is_owned_online_is_no_license(emu: Emulator, inventory: Inventory) -> None:
    found = inventory.find(license_type="online", language="de-DE")
    assert {row["license_type"] for row in found["inventory"]} == {"online"}
    assert found["inventory"][0]["title"] == emu.product(3).name
    assert found["inventory"][0]["seats"] == 25
    assert found["licenses"] == []
    assert emu.count("store") == 1 + 2 * len(found["inventory"])


def test_failures(emu: Emulator, inventory: Inventory) -> None:
    bad = emu.product(3).product_id
    emu.fault(listener="store", action="status", status=403, path_regex=f"{bad}/.+/Packages")
    found = inventory.find(license_type="online", include_titles=False)
    (row,) = [row for row in found["inventory"] if row["error"]]
    assert (row["product_id"], row["content_ids"]) == (bad, [])
    assert len(inventory.warnings) == 1
    assert bad in inventory.warnings[0]
    with pytest.raises(OptionError, match="language"):
        inventory.find(language="../x")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"inventoryEntries": "x"},
        {"inventoryEntries": [], "continuationToken": "again"},
        {"inventoryEntries": [{"productKey": {"productId": "../x", "skuId": None}}, None]},
    ],
    ids=str,
)
def test_odd_responses(body: Any, emu: Emulator, inventory: Inventory) -> None:
    emu.fault(listener="store", action="status", status=200, body=body, path_regex="Inventory")
    with pytest.raises(ProvisioningError) as caught:
        inventory.find()
    assert isinstance(caught.value, ServiceError) or "product_id is not a Store id" in str(caught.value)
    assert emu.count("store") <= 2
