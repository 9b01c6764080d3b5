# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog of new commerce and the price host: strict questions, awkward answers."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import Any

import pytest
import requests
from emulator import offers, partner_products
from emulator.client import Emulator

from .test_partner import GUID, body, get

PRODUCT = partner_products.product_id(4)
"""It has five SKUs: of each kind of segments one, and a trial."""


def items(emu: Emulator, path: str, **query: Any) -> list[Any]:
    answer = get(emu, path, **query)
    assert answer.status_code == 200, answer.text
    found = body(answer)
    assert found["totalCount"] == len(found["items"])
    return list(found["items"])


def test_from_a_view_to_an_availability(emu: Emulator) -> None:
    listed = items(emu, "/products", country="us", targetView="onlineservices")
    assert {one["productType"]["id"] for one in listed} == {"OnlineServicesNCE", "OnlineServices"}
    product = get(emu, f"/products/{PRODUCT}", country="US")
    assert product.content.startswith(b"\xef\xbb\xbf{")
    assert product.headers["MS-RequestId"] == f"{GUID},{GUID}"
    assert body(product) in listed
    skus = items(emu, f"/products/{PRODUCT}/skus", country="US")
    assert body(product)["links"]["skus"]["uri"] == f"/products/{PRODUCT}/skus?country=US"
    assert body(get(emu, f"/products/{PRODUCT}/skus/0001", country="US")) == skus[0]
    (found,) = items(emu, f"/products/{PRODUCT}/skus/0001/availabilities", country="US")
    assert found["catalogItemId"] == f"{PRODUCT}:0001:{found['id']}"
    path = f"/products/{PRODUCT}/skus/0001/availabilities/{found['id']}"
    assert body(get(emu, path, country="US")) == found
    emu.settings(partner_availability_generation=1)
    gone = get(emu, path, country="US")
    assert (gone.status_code, str(body(gone)["code"])) == (404, "400019")


def test_awkward_items(emu: Emulator) -> None:
    # 0001 is everywhere, nonprofit is hidden, by-id has other terms.
    listed = items(emu, "/products", country="US", targetView="OnlineServices")
    assert sum(sku.id == "0001" for one in partner_products.products().values() for sku in one.skus) > 90
    assert [one["id"] for one in items(emu, f"/products/{PRODUCT}/skus", country="US")] == [
        "0001", "0002", "0003", "0005"
    ]  # fmt: skip
    nonprofit = items(emu, f"/products/{PRODUCT}/skus", country="US", targetSegment="nonprofit")
    assert [one["id"] for one in nonprofit] == ["0003", "000P"]
    three = items(emu, f"/products/{partner_products.product_id(0)}/skus/0001/availabilities", country="US")[0]
    by_id = body(get(emu, three["links"]["self"]["uri"].partition("?")[0], country="US"))
    assert (len(three["terms"]), len(by_id["terms"])) == (3, 1)
    # A legacy offer is a SKU of a product with a GUID.
    azure = offers.offer(0)
    sku = body(get(emu, f"/products/{azure['product']['id']}/skus/{azure['id']}", country="US"))
    assert sku["dynamicAttributes"]["upgradeTargetOffers"] is None
    # Licenses have two candidates, written in other case.
    ids = {str(offer["product"]["id"]) for offer in emu.offers()}
    attributes = [
        sku["dynamicAttributes"] for one in listed for sku in items(emu, f"/products/{one['id']}/skus", country="US")
    ]
    own = [one["provisioningId"] for one in attributes if "provisioningId" in one]
    assert set(own) <= {one.lower() for one in ids}
    assert not set(own) & ids
    assert max(own.count(one) for one in own) >= 2
    customer = emu.customer_ids["US"]
    mixed = items(emu, f"/customers/{customer}/products", targetView="MicrosoftAzure")
    assert [one.get("productId") for one in mixed].count(partner_products.AZURE_PLAN) == 2
    software = items(emu, "/products", country="US", targetView="Software")
    assert "publisherName" not in software[0]
    assert items(emu, "/products", country="US", targetView="SpecializedOffers") == []


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/products/CFQ7TTC0NONE", {}, 404, "400013"),
        ("/products/CFQ7TTC0NONE/skus", {}, 404, "400013"),
        (f"/products/{PRODUCT}/skus/9999", {}, 404, "400018"),
        (f"/products/{PRODUCT}/skus/9999/availabilities/X", {}, 404, "400018"),
        (f"/products/{PRODUCT}/skus/0001/availabilities/X", {}, 404, "400019"),
        (f"/products/{PRODUCT}/skus", {"country": "GB", "targetSegment": "government"}, 403, "400030"),
        ("/products", {"targetView": "SoftwareSUSELinux"}, 403, "400036"),
        ("/products", {"targetView": "Online"}, 400, "800002"),
        ("/products", {"targetView": "Azure", "offset": 0}, 400, "800002"),
        (f"/products/{partner_products.UNAVAILABLE}", {}, 200, "400072"),
        ("/productpromotions", {"segment": "education"}, 400, "800002"),
    ],
)
def test_refusals(emu: Emulator, path: str, query: dict[str, Any], status: int, code: str) -> None:
    answer = get(emu, path, **{"country": "US", **query})
    assert (answer.status_code, str(body(answer)["code"])) == (status, code)


def test_second_page_needs_the_header_of_its_link(emu: Emulator) -> None:
    whole = items(emu, "/products", country="US", targetView="Azure")
    emu.settings(partner_product_page_size=2)
    found: list[Any] = []
    path, headers = "/products?country=US&targetView=Azure", {}
    while path:
        page = body(get(emu, path, headers=headers))
        found += page["items"]
        link = page["links"].get("next", {"uri": "", "headers": []})
        path, headers = link["uri"], {one["key"]: one["value"] for one in link["headers"]}
        if path:
            assert get(emu, path).status_code == 400
    assert found == whole
    assert len(whole) > 2


def test_promotions_and_inventory(emu: Emulator) -> None:
    answer = body(get(emu, "/productpromotions", country="US", segment="commercial"))
    assert "links" not in answer
    assert len(answer["items"]) == 3
    ended = partner_products.promotions()[-1]
    assert body(get(emu, f"/productpromotions/{ended['id'].replace(':', '%3A')}", country="US")) == ended
    asked = [{"ProductId": name} for name in (partner_products.AZURE_PLAN, "CFQ7TTC0NONE", partner_products.SOFTWARE)]
    found = requests.post(
        emu.partner_public + "/v1/extensions/product/checkInventory?country=US",
        json={"TargetItems": asked, "InventoryContext": {}},
        headers={
            "Authorization": "Bearer " + emu.access_tokens["partner_public"],
            "Accept": "application/json",
            "X-Locale": "en-US",
        },
        verify=emu.ca_path,
        timeout=10,
    )
    assert found.content.startswith(b"\xef\xbb\xbf[")
    assert {one["productId"] for one in body(found)} == {partner_products.AZURE_PLAN}


def sheet(
    emu: Emulator, token: str, encoding: str = "identity", view: str = "updatedlicensebased", **query: Any
) -> Any:
    url = f"{emu.prices}/v1.0/sales/pricesheets(Market='us',PricesheetView='{view}')/$value"
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": encoding}
    return requests.get(url, params=query, headers=headers, verify=emu.ca_path, timeout=30)


def test_price_sheets(emu: Emulator) -> None:
    token = emu.access_tokens["prices"]
    text = sheet(emu, token).content
    assert text.startswith(b"\xef\xbb\xbfProductTitle,")
    assert b"ERP Price" in text
    packed = sheet(emu, token, "gzip, deflate")
    assert "Content-Encoding" not in packed.headers
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.read(archive.namelist()[0]) == text
    emu.settings(price_sheet_form="gzip")
    assert gzip.decompress(sheet(emu, token).content) == text
    emu.settings(price_sheet_form="auto", price_sheet_revision=1, price_sheet_mebibytes=1)
    longer = sheet(emu, token).content
    assert len(longer) > 1024 * 1024
    assert not longer.startswith(text)
    assert not sheet(emu, token, "deflate", timeline="history", month="202003").content.startswith(b"PK")
    assert sheet(emu, token, view="software", timeline="future").status_code == 404
    assert sheet(emu, token, timeline="current", month="202601").status_code == 400
    refused = sheet(emu, emu.access_tokens["partner_public"])
    assert (refused.status_code, refused.json()["error"]["message"]) == (401, "Invalid Authorization header")
    assert sheet(emu, emu.token(audience=emu.prices_audience)).status_code == 403
    url = f"{emu.prices}/v1.0/sales/pricesheets%28Market=%27us%27,PricesheetView=%27software%27%29/$value"
    assert (
        requests.get(url, headers={"Authorization": f"Bearer {token}"}, verify=emu.ca_path, timeout=10).status_code
        == 404
    )
