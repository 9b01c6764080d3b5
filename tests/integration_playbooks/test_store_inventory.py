# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of ms_store_inventory_info: from what the organization owns to staged licenses."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.msdevices.provisioning.plugins.modules import ms_store_inventory_info

from .conftest import Served
from .harness import Lab, default_name


@pytest.mark.once
def test_examples(lab: Lab, served: Served) -> None:
    emulator = lab.emulator
    owned = [emulator.product(index) for index in (0, 7)]
    entries = [
        {"productKey": {"productId": one.product_id, "skuId": "0015"}, "licenseType": "offline", "seatCapacity": 5}
        for one in owned
    ]
    # The emulator's own inventory has 2,000 products.
    emulator.fault(
        listener="store", action="status", status=200, body={"inventoryEntries": entries}, path_regex="/V1/Inventory$"
    )
    tasks = yaml.safe_load(ms_store_inventory_info.EXAMPLES.replace("/srv/image/licenses", '"{{ stage }}"'))
    run = lab.run(tasks)
    assert run.status == 0, run.output
    assert run.ok("linux1", "Show the titles")["msg"] == [one.name for one in owned]
    ids = [
        {"product_id": one.product_id, "sku_id": "0015", "content_id": content_id}
        for one in owned
        for content_id in one.content_ids
    ]
    assert lab.files("linux1") == {default_name(one): served(one) for one in ids}
