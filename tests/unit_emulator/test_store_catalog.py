# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The successor's catalog: its query, and how awkward its products are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from emulator import catalog, catalog_packages
from emulator.client import Emulator, EmulatorError
from emulator.clouds import CATALOG_AUDIENCE, LICENSING_AUDIENCE

QUERY = {"fieldsTemplate": "Details", "market": "US", "languages": "en-US,neutral", "catalogIds": "4"}
ACCEPTED = [name for name, text in catalog.CATALOG_BEHAVIORS.items() if "must be accepted" in text]


@pytest.fixture
def client(emu: Emulator) -> Iterator[requests.Session]:
    """A session with the ready token of the catalog."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = emu.ca_path
        session.headers["Authorization"] = "Bearer " + emu.access_tokens["catalog"]
        yield session


def ask(emu: Emulator, client: requests.Session, product: catalog.Product, **options: Any) -> requests.Response:
    return client.get(emu.catalog + product.catalog_path(**options), timeout=10)


def skus(answer: requests.Response) -> list[tuple[str, list[dict[str, Any]]]]:
    """SKU ids and packages of an answer, in order."""
    entries = [entry["Sku"] for entry in answer.json()["Product"]["DisplaySkuAvailabilities"]]
    return [(entry["SkuId"], entry["Properties"]["Packages"]) for entry in entries]


def packages(answer: requests.Response) -> list[dict[str, Any]]:
    """All packages of SKU 0015."""
    return [package for sku_id, found in skus(answer) if sku_id == "0015" for package in found]


def content_ids(found: list[dict[str, Any]]) -> set[str]:
    return {package["ContentId"].lower() for package in found if package.get("ContentId")}


def test_product(emu: Emulator, client: requests.Session) -> None:
    product = emu.product(0)
    answer = ask(emu, client, product)
    assert answer.status_code == 200
    assert answer.json()["Product"]["ProductId"] == product.product_id
    assert [sku_id for sku_id, _unused in skus(answer)] == ["0016", "0015"]
    (package,) = packages(answer)
    assert package["ContentId"] == product.content_id
    assert package["Architectures"] == ["x86", "x64", "arm64"]
    assert package["Languages"] == ["en-us", "de-de", "fr-fr"]
    assert package["PackageFormat"] == "AppxBundle"
    assert package["PackageFamilyName"] == product.package_family_name
    assert package["FulfillmentData"]["WuCategoryId"]
    assert package["PackageId"]
    assert all(answer.headers[name] for name in ("MS-CV", "MS-RequestId", "MS-CorrelationId"))


def test_client_knows_what_is_sent(emu: Emulator, client: requests.Session) -> None:
    for index in (*range(20), 27, 37):
        assert packages(ask(emu, client, emu.product(index))) == emu.product_packages(index)
    for behavior in ACCEPTED:
        product = emu.special(behavior)
        assert packages(ask(emu, client, product)) == emu.product_packages(product) != []
    online = dict(skus(ask(emu, client, emu.product(0))))["0016"]
    assert online == emu.product_packages(0, "0016")


def test_every_license_is_found_by_the_catalog() -> None:
    for index in range(catalog.OWNED):
        product = catalog.product(index)
        assert content_ids(catalog_packages.packages(product)) == set(product.content_ids)
        assert catalog.find_content(product.content_id.upper()) is product
        assert product.online_content_id not in product.content_ids
    for behavior in ACCEPTED:
        product = catalog.special(behavior)
        assert content_ids(catalog_packages.packages(product)) == set(product.content_ids)


def test_products_are_awkward() -> None:
    """What clients trip over is met among the usual products, not only among the special ones."""
    everything = [(catalog.product(index), catalog_packages.packages(catalog.product(index))) for index in range(60)]
    found = [package for _product, each in everything for package in each]
    assert {architecture for package in found for architecture in package["Architectures"]} == {
        "x86",
        "x64",
        "arm64",
        "neutral",
    }
    assert {"AppxBundle", "appxbundle", "MSIXBUNDLE", "Msix"} <= {package["PackageFormat"] for package in found}
    assert {type(package.get("FulfillmentData")) for package in found} == {dict, str, type(None)}
    assert any(package["ContentId"] == "" for package in found)
    assert any("PackageFamilyName" not in package for package in found)
    assert any(len(each) > 2 and len(content_ids(each)) == 1 for _product, each in everything)
    assert any(len(content_ids(each)) == 2 for _product, each in everything)
    ids = [package["PackageId"] for package in found]
    assert len(set(ids)) == len(ids)
    orders = {
        tuple(entry["Sku"]["SkuId"] for entry in catalog_packages.skus(product) or []) for product, _each in everything
    }
    assert {order[0] for order in orders} == {"0010", "0015", "0016"}
    assert all("0015" in order for order in orders)


@pytest.mark.parametrize("name", QUERY)
@pytest.mark.parametrize("change", ["missing", "empty", "other", "twice"])
def test_query_is_required(emu: Emulator, client: requests.Session, name: str, change: str) -> None:
    values: dict[str, Any] = {
        "missing": {key: value for key, value in QUERY.items() if key != name},
        "empty": {**QUERY, name: ""},
        "other": {**QUERY, name: "!"},
        "twice": {**QUERY, name: [QUERY[name]] * 2},
    }[change]
    answer = client.get(f"{emu.catalog}/v7.0/products/{emu.product(0).product_id}", params=values, timeout=10)
    if "catalogIds" not in values:
        assert answer.json()["Product"]["DisplaySkuAvailabilities"][0]["Sku"]["SkuId"] == "0010"
        return
    data = answer.json()["data"]
    assert (answer.status_code, data["parameterName"]) == (400, name)
    assert data["reason"] == ("missing parameter" if change == "missing" else "invalid parameter")


@pytest.mark.parametrize("languages", ["neutral", "en", "zh-Hans-CN,de-de,neutral"])
def test_languages(emu: Emulator, client: requests.Session, languages: str) -> None:
    assert ask(emu, client, emu.product(0), languages=languages).status_code == 200
    assert ask(emu, client, emu.product(0), languages=languages + ",").status_code == 400


def test_unknown_products(emu: Emulator, client: requests.Session) -> None:
    for product_id, status in (("9ZZZZZZZZZZZ", 404), ("short", 400)):
        answer = client.get(f"{emu.catalog}/v7.0/products/{product_id}", params=QUERY, timeout=10)
        assert (answer.status_code, "code" in answer.json()) == (status, True)
    for behavior in ("unknown", "catalog_unknown"):
        answer = ask(emu, client, emu.special(behavior))
        assert (answer.status_code, answer.json()["code"]) == (404, "NotFound")


def test_markets(emu: Emulator, client: requests.Session) -> None:
    product = emu.special("us_only")
    assert [ask(emu, client, product, market=market).status_code for market in ("US", "us", "DE")] == [200, 200, 404]
    assert ask(emu, client, emu.product(0), market="DE").status_code == 200


def test_products_without_packages(emu: Emulator, client: requests.Session) -> None:
    def body(behavior: str) -> Any:
        return ask(emu, client, emu.special(behavior)).json()

    assert body("no_product") == {}
    assert body("null_product") == {"Product": None}
    assert body("no_skus")["Product"]["DisplaySkuAvailabilities"] == []
    assert body("null_skus")["Product"]["DisplaySkuAvailabilities"] is None
    online = body("online_only")["Product"]["DisplaySkuAvailabilities"]
    assert [entry["Sku"]["SkuId"] for entry in online] == ["0010", "0016"]
    last = {
        name: body(name)["Product"]["DisplaySkuAvailabilities"][-1]["Sku"]
        for name in ("no_packages", "null_packages", "no_properties")
    }
    assert {sku["SkuId"] for sku in last.values()} == {"0015"}
    assert last["no_packages"]["Properties"]["Packages"] == []
    assert last["null_packages"]["Properties"]["Packages"] is None
    assert "Properties" not in last["no_properties"]
    for name in ("no_packages", "online_only", "no_skus"):
        assert emu.product_packages(emu.special(name)) == []


def test_another_product(emu: Emulator, client: requests.Session) -> None:
    product = emu.special("other_product")
    answer = ask(emu, client, product)
    assert answer.json()["Product"]["ProductId"] != product.product_id
    assert content_ids(packages(answer)).isdisjoint(product.content_ids)


def test_unusual_content_ids(emu: Emulator, client: requests.Session) -> None:
    def found(behavior: str) -> list[Any]:
        return [package.get("ContentId") for package in packages(ask(emu, client, emu.special(behavior)))]

    assert found("no_content_id") == [None]
    assert found("empty_content_ids") == [""]
    assert found("bad_content_id")[0].startswith("../")
    wanted = emu.special("some_empty_content_ids").content_id
    assert found("some_empty_content_ids") == ["", None, wanted]
    upper = found("upper_case_content")
    assert len(set(upper)) == 2
    assert {content_id.lower() for content_id in upper} == {emu.special("upper_case_content").content_id}
    assert len(found("shared_content")) == 5
    assert len(set(found("shared_content"))) == 1


def test_unusual_packages(emu: Emulator, client: requests.Session) -> None:
    def found(behavior: str) -> list[dict[str, Any]]:
        return packages(ask(emu, client, emu.special(behavior)))

    formats = [package["PackageFormat"] for package in found("format_casing")]
    assert len(set(formats)) == 8
    assert len({name.lower() for name in formats}) == 4
    assert all("FulfillmentData" not in package for package in found("no_fulfillment"))
    assert json.loads(found("fulfillment_text")[0]["FulfillmentData"])["WuCategoryId"]
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(found("fulfillment_broken")[0]["FulfillmentData"])
    assert {name for name, value in found("null_fields")[0].items() if value is not None} == {"ContentId", "PackageId"}
    answer = ask(emu, client, emu.special("sku_twice"))
    assert [sku_id for sku_id, _unused in skus(answer)].count("0015") == 2


@pytest.mark.parametrize(
    ("behavior", "field"),
    [("by_architecture", "Architectures"), ("by_language", "Languages"), ("by_family", "PackageFamilyName")],
)
def test_division(emu: Emulator, client: requests.Session, behavior: str, field: str) -> None:
    """Two content ids, which the field of the name tells apart."""
    product = emu.special(behavior)
    by_content: dict[str, set[str]] = {}
    for package in packages(ask(emu, client, product)):
        values = package[field] if isinstance(package[field], list) else [package[field]]
        by_content.setdefault(package["ContentId"], set()).update(values)
    assert tuple(by_content) == product.content_ids
    assert by_content[product.content_ids[0]].isdisjoint(by_content[product.content_ids[1]])


def test_behaviors_by_rule(emu: Emulator, client: requests.Session) -> None:
    product = emu.product(5)
    emu.fault(listener="catalog", action="catalog_behavior", value="online_only", times=1)
    assert packages(ask(emu, client, product)) == []
    assert packages(ask(emu, client, product)) == emu.product_packages(5)
    with pytest.raises(EmulatorError, match="unknown behavior"):
        emu.fault(action="catalog_behavior", value="not_owned")
    for behavior in catalog.CATALOG_BEHAVIORS:
        for index in range(20):
            entry = emu.product(index)
            assert isinstance(catalog_packages.packages(entry, behavior), list)


def test_retry_after_is_for_a_rule(emu: Emulator, client: requests.Session) -> None:
    product = emu.product(0)
    emu.fault(listener="catalog", action="status", status=503, retry_after=2, path_regex=product.product_id, times=1)
    assert ask(emu, client, emu.product(1)).status_code == 200
    assert ask(emu, client, product).headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ({"audience": CATALOG_AUDIENCE, "user": True}, 200),
        ({"audience": CATALOG_AUDIENCE, "user": True, "role": None}, 200),
        ({"audience": CATALOG_AUDIENCE}, 200),
        ({"audience": LICENSING_AUDIENCE, "user": True}, 401),
        ({"audience": CATALOG_AUDIENCE, "lifetime": -10}, 401),
        ({"audience": CATALOG_AUDIENCE, "cloud": "china"}, 401),
    ],
)
def test_tokens(emu: Emulator, client: requests.Session, token: dict[str, Any], status: int) -> None:
    client.headers["Authorization"] = f"Bearer {emu.token(**token)}"
    assert ask(emu, client, emu.product(0)).status_code == status
    del client.headers["Authorization"]
    assert ask(emu, client, emu.product(0)).status_code == 403


def test_byte_order_mark_is_optional(emu: Emulator, client: requests.Session) -> None:
    assert ask(emu, client, emu.product(0)).content.startswith(b"{")
    emu.settings(catalog_bom=True)
    assert ask(emu, client, emu.product(0)).content.startswith(b"\xef\xbb\xbf{")


def test_wrong_method_and_unknown_path(emu: Emulator, client: requests.Session) -> None:
    answer = client.post(emu.catalog + emu.product(0).catalog_path(), timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    for path in ("/", "/v7.0", f"/v8.0/products/{emu.product(0).product_id}", catalog.LICENSING_PATH):
        assert client.get(emu.catalog + path, timeout=10).status_code == 404
