# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ms_store_product_info: what the catalog holds, as a task and as a module by itself."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.msdevices.provisioning.plugins.modules import ms_store_product_info

from .conftest import Figure, NewLab
from .harness import Lab
from .products import INFO, info_task, store_licensing

pytestmark = store_licensing


@pytest.fixture(autouse=True)
def no_defaults(lab: Lab) -> None:
    """The options stand in the tasks."""
    lab.defaults = {}


@pytest.mark.smoke
def test_packages_and_content_ids(lab: Lab) -> None:
    """Every package of every SKU, in the catalog's order and spelling; filters; several products; a single one."""
    emulator = lab.emulator
    one, two = emulator.product(3), emulator.product(7)
    special = emulator.special("by_architecture")
    run = lab.run(
        [
            info_task(lab, "several", product_id=[one.product_id, two.product_id]),
            info_task(lab, "one", product_id=special.product_id.lower(), sku_id="0015"),
            info_task(lab, "x64", product_id=special.product_id, sku_id="0015", architecture="x64"),
            info_task(lab, "language", product_id=special.product_id, sku_id="0015", language="tlh"),
            info_task(
                lab, "family", product_id=special.product_id, package_family_name=special.package_family_name.lower()
            ),
            info_task(lab, "market", product_id=one.product_id, market="de", languages=["de-DE", "fr-FR"]),
        ],
        "--check",
    )
    products = run.ok("linux1", "several")["products"]
    assert run.ok("linux1", "several")["changed"] is False
    assert [product["product_id"] for product in products] == [one.product_id, two.product_id]
    for product, found in zip((one, two), products, strict=True):
        sent = emulator.product_packages(product)
        offline = [package for package in found["packages"] if package["sku_id"] == "0015"]
        for package, expected in zip(offline, sent, strict=True):
            facts = {
                "sku_id": "0015",
                "package_id": expected["PackageId"],
                "content_id": expected["ContentId"],
                "package_format": expected["PackageFormat"],
                "package_family_name": product.package_family_name,
                "architectures": expected["Architectures"],
                "languages": expected["Languages"],
                "wu_category_id": expected.get("FulfillmentData", {}).get("WuCategoryId", ""),
            }
            assert {**package, **facts} == package
        assert set(found["content_ids"]) == {*product.content_ids, product.online_content_id}
    (found,) = run.ok("linux1", "one")["products"]
    assert found["product_id"] == special.product_id.lower()
    assert found["content_ids"] == list(special.content_ids)
    assert [package["architectures"] for package in found["packages"]] == [["x86"], ["x64"], ["arm64"]]
    assert run.ok("linux1", "x64")["products"][0]["content_ids"] == [special.content_ids[0]]
    assert run.ok("linux1", "language")["products"][0] == {
        "product_id": special.product_id,
        "title": special.name,
        "publisher": special.name.partition(" ")[0],
        "packages": [],
        "content_ids": [],
    }
    assert set(run.ok("linux1", "family")["products"][0]["content_ids"]) >= set(special.content_ids)
    # Filters choose from the answer; another market or language is another question.
    assert (run.catalog_requests, run.token_requests) == (4, 1)
    assert "market=DE" in run.requests[-1]["query"]
    assert "languages=de-DE%2Cfr-FR%2Cneutral" in run.requests[-1]["query"]


@pytest.mark.once
def test_hosts_share_an_answer(new_lab: NewLab, figure: Figure) -> None:
    """Windows hosts, too: nothing is executed there."""
    lab = new_lab(linux=8, windows=["win1", "win2"])
    lab.defaults = {}
    tasks = [info_task(lab, product_id=[lab.emulator.product(index).product_id for index in range(3)])]
    run = lab.run(tasks, "--forks", "5")
    assert run.status == 0, run.output
    assert len(run.results) == 10
    assert (run.catalog_requests, run.token_requests) == (3, 1)
    assert run.journal == []
    assert lab.windows.calls() == []
    figure(f"10 hosts look 3 products up: {run.catalog_requests} catalog requests, {run.token_requests} token request")


@pytest.mark.once
def test_failures(lab: Lab) -> None:
    emulator = lab.emulator
    one = emulator.product(0).product_id
    ready = {"client_secret": "", "refresh_token": "", "auth_method": "access_token"}
    unknown = emulator.special("catalog_unknown").product_id
    emulator.fault(listener="catalog", action="status", status=503, path_regex=emulator.product(5).product_id)
    emulator.fault(listener="catalog", action="stall_headers", path_regex=emulator.product(6).product_id)
    cases: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "unknown": ({"product_id": [one, unknown]}, (unknown, "there is no such product", "HTTP 404", "market")),
        "null": ({"product_id": emulator.special("null_product").product_id}, ("HTTP 200 without SKUs",)),
        "bad id": ({"product_id": "../x"}, ("product_id is not a Store id", "nothing was requested")),
        "bad market": ({"product_id": one, "market": "USA"}, ("market is 'USA'", "two-letter code")),
        "no product": ({}, ("missing required arguments: product_id",)),
        "token of another": (
            {"product_id": one, **ready, "access_token": emulator.access_tokens["licensing"]},
            ("HTTP 401", "does not accept the token"),
        ),
        "no credential": ({"product_id": one, **ready}, ("access_token is not set", "MSDEVICES_ACCESS_TOKEN")),
        "wrong secret": ({"product_id": one, "client_secret": "wrong"}, ("AADSTS7000215", "Check client_secret")),
        "overloaded": (
            {"product_id": emulator.product(5).product_id, "max_retries": 1},
            ("HTTP 503", "1 retries did not help", "Run again later"),
        ),
        "silent": (
            {"product_id": emulator.product(6).product_id, "timeout": 0.5, "deadline": 1.0},
            ("did not answer in time", "Check that the controller reaches the host"),
        ),
    }
    run = lab.run(
        [{**info_task(lab, name, **options), "ignore_errors": True} for name, (options, _texts) in cases.items()],
        "-vvv",
    )
    missing = []
    for name, (_options, texts) in cases.items():
        message = run.error("linux1", name)
        missing += [f"{name}: {text!r} is not in {message!r}" for text in texts if text not in message]
    assert not missing, "\n".join(missing)
    for secret in (emulator.access_tokens["licensing"], emulator.client_secret, emulator.refresh_token):
        assert secret not in run.output + lab.log


def test_examples(lab: Lab) -> None:
    product = lab.emulator.product(7)
    text = ms_store_product_info.EXAMPLES.replace("9WZDNCRFJ3PS", product.product_id)
    run = lab.run(
        yaml.safe_load(text),
        module_defaults={INFO: {"base_url": lab.emulator.catalog, "ca_path": lab.emulator.ca_path}},
    )
    assert run.status == 0, run.output
    assert run.ok("linux1", "Show them")["msg"] == [product.content_ids[0]]
