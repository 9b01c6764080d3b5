# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the documentation run as they are written, but for the ids, which must be the emulator's."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from emulator import partner_products
from emulator.catalog import find
from emulator.client import Emulator
from license_services import LicenseService

from ansible_collections.msdevices.provisioning.plugins.lookup import partner_product
from ansible_collections.msdevices.provisioning.plugins.modules import (
    ms_offline_license,
    partner_inventory_info,
    partner_price_sheet,
    partner_product_info,
    partner_promotion_info,
)

from .conftest import NewLab, Served
from .guides import COLLECTION, Block, Reader
from .harness import MODULE, Lab, default_name


def _examples(emulator: Emulator) -> list[dict[str, Any]]:
    """The tasks of the module's examples; each product of theirs is replaced by one of the emulator's."""
    text: str = ms_offline_license.EXAMPLES
    products: dict[str, str] = {}
    for task in yaml.safe_load(text):
        options = task[MODULE]
        for entry in options.get("licenses", [options]):
            # One that leaves the content id out names a product of another example.
            products[entry["product_id"]] = entry.get("content_id") or products[entry["product_id"]]
    for index, (product_id, content_id) in enumerate(products.items()):
        mine = emulator.product(index)
        text = text.replace(product_id, mine.product_id).replace(content_id, mine.content_id)
    return list(yaml.safe_load(text))


@pytest.mark.once
def test_examples_run(new_lab: NewLab, served: Served) -> None:
    lab = new_lab(windows=["win1"])
    emulator = lab.emulator
    tasks = _examples(emulator)
    assert len(tasks) >= 4
    staged: dict[str, bytes] = {}
    variables = {
        "tenant": emulator.tenant_id,
        "app": emulator.client_id,
        "app_secret": emulator.client_secret,
        "stage_dir": "{{ stage }}",
        "vaulted_license": base64.b64encode(served(emulator.product(0).request())).decode(),
        "archive_dir": str(lab.directory / "archive"),
        "token_file": str(lab.directory / "refresh-token"),
    }
    Path(variables["token_file"]).write_text(emulator.refresh_token, encoding="utf-8")
    Path(variables["token_file"]).chmod(0o600)
    for task in tasks:
        options = task[MODULE]
        entries = options.get("licenses", [options])
        # An example that holds its credential, or needs none, gets none from the environment.
        own = "client_secret" in options or all("license_blob" in entry for entry in entries)
        lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra} if own else emulator.environment()
        service = LicenseService(emulator, options.get("service", "store_for_business"))
        lab.defaults = {name: value for name, value in service.options.items() if name != "service"}
        run = lab.run([task], vars=variables)
        assert run.status == 0, run.output
        form = options.get("format", "xml")
        fetched = {}
        for entry in entries:
            ids = {"sku_id": "0015", **entry}
            if "content_id" not in ids:
                ids["content_id"] = find(ids["product_id"]).content_id
            document = served(ids)
            data = base64.b64encode(document) if form == "base64" else document
            fetched[entry.get("filename") or default_name(ids, form)] = data
        if "dest" in options:
            staged.update(fetched)
        else:
            assert task["no_log"] is True
        for host in ("linux1", "win1"):
            assert lab.files(host) == staged, task["name"]
        if all("license_blob" in entry for entry in entries):
            assert run.requests == []


@pytest.mark.once
def test_examples_of_the_partner_catalog_run(lab: Lab) -> None:
    emulator = lab.emulator
    plugins = (
        partner_product_info,
        partner_promotion_info,
        partner_inventory_info,
        partner_price_sheet,
        partner_product,
    )
    # Those that hold their credential, and those that take it from the environment, each with what shows its result.
    own: list[str] = []
    other: list[str] = []
    for plugin in plugins:
        for text in re.split(r"\n(?=- name:)", plugin.EXAMPLES.strip()):
            if COLLECTION in text:
                tasks = own if "client_secret" in text else other
            tasks.append(text)
    # A SKU that is sold to nonprofit organizations, too, and has one availability for each segment.
    sku = partner_products.products()[partner_products.product_id(4)].skus[2]
    wanted = f"{sku.product_id}:{sku.id}"
    variables = {
        "tenant": emulator.tenant_id,
        "app": emulator.client_id,
        "app_secret": emulator.client_secret,
        "token_of_user": emulator.refresh_token,
        "customer": emulator.customer_ids["US"],
        "subscription": "any",
        "price_dir": "{{ stage }}",
    }
    signed_in = {**emulator.environment(), "MSDEVICES_REFRESH_TOKEN": emulator.refresh_token}
    shown: dict[str, Any] = {}
    for examples, environment in ((own, {}), (other, signed_in)):
        lab.environment = environment
        reader = Reader(lab, [Block("yaml", "", "\n".join(examples))], {"CFQ7TTC0LH18:0001": wanted})
        run, tasks = reader.run_tasks(vars=variables)
        assert run.status == 0, run.output
        shown |= {task["name"]: run.ok("linux1", task["name"]) for task in tasks}
    assert len(shown) == len(own) + len(other) == 11

    def order_id(segment: str) -> str:
        return f"{wanted}:{partner_products.availability_id(sku, segment, 0, 'US', 0)}"

    assert shown["Show the ids that an order takes"]["msg"] == [order_id("nonprofit")]
    assert shown["Show the id that an order takes"]["msg"] == order_id("commercial")
    assert shown["Show the title of a SKU, signed in by the environment"]["msg"].startswith("Contoso Desk 4")
    market = shown["List the license-based services of a market, signed in by the environment"]["products"]
    assert [item["id"] for item in market] == [
        item.id for item in partner_products.in_view("OnlineServices", "DE", "", "")
    ]
    assert any("Arbeitsplatz" in item["title"] for item in market)
    assert shown["Show their names"]["msg"] == [item["name"] for item in partner_products.promotions()[:3]]
    (checked,) = shown["Check a reservation for a subscription, signed in by the environment"]["inventory"]
    assert shown["Show what cannot be had"]["msg"] == ([checked] if checked["isRestricted"] else [])
    assert sorted(lab.files("linux1")) == ["licenses.csv", "updatedlicensebased_US_202601.csv"]
