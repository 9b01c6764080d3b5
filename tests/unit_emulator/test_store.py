# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Store service: Get offline license, its refusals, and the read operations."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
import xml.etree.ElementTree as ET
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from emulator import catalog
from emulator.client import Emulator
from emulator.clouds import PARTNER_AUDIENCE, STORE_AUDIENCE
from emulator.license_xml import NAMESPACE

NS = {"l": NAMESPACE, "d": "http://www.w3.org/2000/09/xmldsig#"}


def fetch(emu: Emulator, http: requests.Session, product: catalog.Product, which: int = 0, **options: Any) -> Any:
    return http.post(emu.store + product.license_path(which), timeout=10, **options)


def test_license(emu: Emulator, http: requests.Session) -> None:
    product = emu.product(3)
    answer = fetch(emu, http, product)
    body = answer.json()
    assert answer.status_code == 200
    assert body["productKey"] == {"productId": product.product_id, "skuId": "0015"}
    assert body["contentId"] == product.content_id
    document = base64.b64decode(body["licenseBlob"], validate=True)
    assert 2400 < len(document) < 3000
    assert document.startswith(b"<License ")
    assert document.endswith(b"</License>")
    assert b"\n" not in document
    root = ET.fromstring(document)
    assert root.tag == f"{{{NAMESPACE}}}License"
    assert (root.get("ContentID"), root.get("Version")) == (product.content_id, "3")
    assert root.get("LicenseID") not in (None, product.content_id)
    assert root.findtext("l:Binding/l:ProductID", namespaces=NS) == product.product_id
    assert root.findtext("l:Binding/l:PFM", namespaces=NS) == product.package_family_name.lower()
    assert root.findtext("l:Binding/l:LicenseInstanceID", namespaces=NS) == body["licenseInstanceId"]
    assert root.findtext("l:Binding/l:RequestorID", namespaces=NS) == body["requestorId"]
    info = root.find("l:LicenseInfo", NS)
    assert info is not None
    assert info.get("LicenseUsage") == "Offline"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", child.text or "") for child in info)
    assert fetch(emu, http, product).content == answer.content


def test_license_signature_is_real(emu: Emulator, http: requests.Session) -> None:
    text = base64.b64decode(fetch(emu, http, emu.product(8)).json()["licenseBlob"]).decode()
    root = ET.fromstring(text)
    start, end = text.index("<Signature "), text.index("</Signature>") + len("</Signature>")
    digest = hashlib.sha256(ET.canonicalize(text[:start] + text[end:]).encode()).digest()
    reference = root.findtext("d:Signature/d:SignedInfo/d:Reference/d:DigestValue", namespaces=NS)
    assert base64.b64decode(reference or "") == digest
    numbers = [
        int.from_bytes(base64.b64decode(root.findtext(f".//d:RSAKeyValue/d:{name}", "", NS)), "big")
        for name in ("Exponent", "Modulus")
    ]
    info = text[text.index("<SignedInfo>") : text.index("</SignedInfo>") + len("</SignedInfo>")]
    canonical = ET.canonicalize(info.replace("<SignedInfo>", f'<SignedInfo xmlns="{NS["d"]}">'))
    signature = base64.b64decode(root.findtext("d:Signature/d:SignatureValue", "", NS))
    # Raises if the signature is not that of the key in the document.
    rsa.RSAPublicNumbers(*numbers).public_key().verify(
        signature, canonical.encode(), padding.PKCS1v15(), hashes.SHA256()
    )


def test_catalog_is_large_and_distinct() -> None:
    products = [catalog.product(index) for index in range(catalog.OWNED)]
    assert len(products) >= 1200
    assert all(re.fullmatch(r"9[0-9A-Z]{11}", product.product_id) for product in products)
    assert len({product.product_id for product in products}) == len(products)
    contents = [content_id for product in products for content_id in product.content_ids]
    assert len(set(contents)) == len(contents) > len(products)
    assert {uuid.UUID(content_id).variant for content_id in contents} == {uuid.RFC_4122}
    with pytest.raises(IndexError):
        catalog.product(catalog.OWNED)


def test_two_content_ids(emu: Emulator, http: requests.Session) -> None:
    product = emu.product(17)
    bodies = [fetch(emu, http, product, which).json() for which in (0, 1)]
    assert [body["contentId"] for body in bodies] == list(product.content_ids)
    assert bodies[0]["licenseBlob"] != bodies[1]["licenseBlob"]


def test_path_casing_is_tolerated(emu: Emulator, http: requests.Session) -> None:
    path = emu.product(1).license_path()
    lower = http.post(emu.store + path.lower(), timeout=10)
    assert lower.json() == http.post(emu.store + path, timeout=10).json()


def test_reissue(emu: Emulator, http: requests.Session) -> None:
    one, other = emu.product(4), emu.product(5)

    def instance(product: catalog.Product) -> str:
        return fetch(emu, http, product).json()["licenseInstanceId"]

    before = instance(one), instance(other)
    emu.reissue(one.product_id, one.content_id)
    assert instance(one) != before[0]
    assert instance(other) == before[1]
    emu.reissue()
    assert instance(other) != before[1]
    emu.reset()
    assert (instance(one), instance(other)) == before


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/V1/Products/short/0015/OfflineLicense/{content}", "productId"),
        ("/V1/Products/{product}/13/OfflineLicense/{content}", "skuId"),
        ("/V1/Products/{product}/0015/OfflineLicense/no-guid", "contentId"),
        ("/V1/Products/{product}/0015/OfflineLicense/%20", "contentId"),
    ],
)
def test_invalid_parameters(emu: Emulator, http: requests.Session, path: str, parameter: str) -> None:
    product = emu.product(0)
    answer = http.post(emu.store + path.format(product=product.product_id, content=product.content_id), timeout=10)
    data = answer.json()["data"]
    assert (answer.status_code, data["parameterName"]) == (400, parameter)
    assert data["reason"] == ("missing parameter" if "%20" in path else "invalid parameter")
    assert data["details"]


def test_request_body_is_refused(emu: Emulator, http: requests.Session) -> None:
    answer = fetch(emu, http, emu.product(0), json={})
    assert (answer.status_code, answer.json()["data"]["parameterName"]) == (400, "body")


def test_wrong_method_and_unknown_path(emu: Emulator, http: requests.Session) -> None:
    answer = http.get(emu.store + emu.product(0).license_path(), timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    for path in ("/", "/V1/Nothing", "/V2/Inventory", "/V1//Inventory", "/Inventory", "/V1/Inventory/"):
        assert http.get(emu.store + path, timeout=10).status_code == 404


@pytest.mark.parametrize(
    ("behavior", "status", "text"),
    [
        ("not_owned", 409, "Not owned"),
        ("not_owned_pascal", 409, '"Reason: Not owned"'),
        ("not_owned_nested", 409, "innerError"),
        ("not_owned_text", 409, "Not owned"),
        ("not_owned_html", 409, "<html>"),
        ("not_owned_empty", 409, ""),
        ("not_offline", 409, "Not offline"),
        ("not_offline_pascal", 409, '"Reason: Not offline"'),
        ("not_offline_text", 409, "Not offline"),
        ("unknown", 404, ""),
        ("gone", 410, ""),
        ("empty", 200, ""),
        ("empty_object", 200, "{}"),
    ],
)
def test_refusals(emu: Emulator, http: requests.Session, behavior: str, status: int, text: str) -> None:
    answer = fetch(emu, http, emu.special(behavior))
    assert answer.status_code == status
    assert text in answer.text
    assert bool(answer.content) == bool(text)
    assert all(answer.headers[name] for name in ("MS-CV", "MS-RequestId", "MS-CorrelationId"))


def test_unknown_ids(emu: Emulator, http: requests.Session) -> None:
    product = emu.product(0)
    base = f"{emu.store}/V1/Products"
    unknown_content = f"{base}/{product.product_id}/0015/OfflineLicense/{uuid.uuid4()}"
    unknown_product = f"{base}/9ZZZZZZZZZZZ/0015/OfflineLicense/{product.content_id}"
    unknown_sku = f"{base}/{product.product_id}/0099/OfflineLicense/{product.content_id}"
    for url in (unknown_content, unknown_product, unknown_sku):
        assert http.post(url, timeout=10).status_code == 404
    online = http.post(f"{base}/{product.product_id}/0016/OfflineLicense/{product.content_id}", timeout=10)
    assert (online.status_code, online.json()["data"]["reason"]) == (409, "Not offline")


def blob(emu: Emulator, http: requests.Session, behavior: str) -> Any:
    answer = fetch(emu, http, emu.special(behavior))
    assert answer.status_code == 200
    return answer.json()["licenseBlob"]


def test_blobs_that_are_no_license(emu: Emulator, http: requests.Session) -> None:
    with pytest.raises(ValueError, match="base64"):
        base64.b64decode(blob(emu, http, "not_base64"), validate=True)
    for behavior in ("not_xml", "truncated_xml"):
        with pytest.raises(ET.ParseError):
            ET.fromstring(base64.b64decode(blob(emu, http, behavior)))
    assert "License" not in ET.fromstring(base64.b64decode(blob(emu, http, "not_a_license"))).tag
    assert blob(emu, http, "empty_blob") == ""
    assert blob(emu, http, "null_blob") is None


def test_entity_expansion(emu: Emulator, http: requests.Session) -> None:
    plain = base64.b64decode(blob(emu, http, "doctype"))
    assert plain.startswith(b"<!DOCTYPE License [")
    wide = base64.b64decode(blob(emu, http, "utf16"))
    assert b"<!DOCTYPE" not in wide
    assert "<!DOCTYPE" in wide.decode("utf-16")
    for document in (plain, wide):
        family = ET.fromstring(document).findtext("l:Binding/l:PFM", "", NS)
        assert family.startswith("a" * 10_000)


def test_wrong_licenses(emu: Emulator, http: requests.Session) -> None:
    asked = emu.special("wrong_license")
    answer = fetch(emu, http, asked).json()
    assert (answer["productKey"]["productId"], answer["contentId"]) == (asked.product_id, asked.content_id)
    root = ET.fromstring(base64.b64decode(answer["licenseBlob"]))
    assert root.findtext("l:Binding/l:ProductID", namespaces=NS) != asked.product_id
    root = ET.fromstring(base64.b64decode(blob(emu, http, "wrong_content")))
    assert root.findtext("l:Binding/l:ProductID", namespaces=NS) == emu.special("wrong_content").product_id
    assert root.get("ContentID") != emu.special("wrong_content").content_id


def test_unusual_but_good_answers(emu: Emulator, http: requests.Session) -> None:
    upper = ET.fromstring(base64.b64decode(blob(emu, http, "upper_case_ids")))
    assert upper.get("ContentID") == emu.special("upper_case_ids").content_id.upper()
    pascal = fetch(emu, http, emu.special("pascal_case")).json()
    assert pascal["ProductKey"]["ProductId"] == emu.special("pascal_case").product_id
    wrapped = blob(emu, http, "wrapped_blob")
    assert "\r\n" in wrapped
    assert ET.fromstring(base64.b64decode(wrapped)).get("ContentID")


@pytest.mark.parametrize(
    ("claims", "has_body"),
    [
        ({"audience": PARTNER_AUDIENCE}, True),
        ({"lifetime": -10}, False),
        ({"cloud": "usgov"}, True),
        ({"tenant_id": "<other>"}, True),
        ({"claims": {"nbf": 4_000_000_000}}, False),
    ],
)
def test_refused_tokens(emu: Emulator, claims: dict[str, Any], has_body: bool) -> None:
    if claims.get("tenant_id"):
        claims = {"tenant_id": emu.other_tenant_id}
    token = emu.token(**claims)
    answer = requests.post(
        emu.store + emu.product(0).license_path(),
        headers={"Authorization": f"Bearer {token}"},
        verify=emu.ca_path,
        timeout=10,
    )
    assert (answer.status_code, bool(answer.content)) == (401, has_body)
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer nonsense", "Basic abc"])
def test_no_token(emu: Emulator, header: str | None) -> None:
    answer = requests.post(
        emu.store + emu.product(0).license_path(),
        headers={"Authorization": header} if header else {},
        verify=emu.ca_path,
        timeout=10,
    )
    assert (answer.status_code, answer.content) == (401, b"")


def test_tampered_token(emu: Emulator, http: requests.Session) -> None:
    head, _unused, signature = emu.access_tokens["store"].rpartition(".")
    http.headers["Authorization"] = f"Bearer {head}.{signature[:-8]}AAAAAAAA"
    assert fetch(emu, http, emu.product(0)).status_code == 401


def test_application_that_was_never_activated(emu: Emulator, http: requests.Session) -> None:
    http.headers["Authorization"] = "Bearer " + emu.token(client_id=emu.inactive_client_id)
    answer = fetch(emu, http, emu.product(0))
    assert (answer.status_code, answer.json()["code"]) == (403, "Forbidden")


def test_byte_order_mark_is_optional(emu: Emulator, http: requests.Session) -> None:
    assert fetch(emu, http, emu.product(0)).content.startswith(b"{")
    emu.settings(store_bom=True)
    assert fetch(emu, http, emu.product(0)).content.startswith(b"\xef\xbb\xbf{")
    emu.fault(action="bom", on=False)
    assert fetch(emu, http, emu.product(0)).content.startswith(b"{")


def test_inventory_pages(emu: Emulator, http: requests.Session) -> None:
    entries, token, pages = [], None, 0
    while pages == 0 or token:
        parameters = {"maxResults": 900, **({"continuationToken": token} if token else {})}
        page = http.get(f"{emu.store}/V1/Inventory", params=parameters, timeout=10).json()
        entries += page["inventoryEntries"]
        token = page.get("continuationToken")
        pages += 1
        assert token is None or {"+", "/"} <= set(token)
    assert pages == 3
    keys = [(entry["productKey"]["productId"], entry["productKey"]["skuId"]) for entry in entries]
    assert len(set(keys)) == len(keys) > catalog.OWNED
    assert len({product_id for product_id, _unused in keys}) == catalog.OWNED


def test_inventory_filters(emu: Emulator, http: requests.Session) -> None:
    def get(**parameters: Any) -> Any:
        return http.get(f"{emu.store}/v1/inventory", params=parameters, timeout=10)

    assert len(get().json()["inventoryEntries"]) == 25
    online = get(licenseTypes="online", maxResults=1000).json()["inventoryEntries"]
    assert {entry["licenseType"] for entry in online} == {"online"}
    recent = get(modifiedSince="2021-05-01T00:00:00+01:00", maxResults=5000).json()["inventoryEntries"]
    assert 0 < len(recent) < catalog.OWNED
    for bad in (
        {"continuationToken": "+/junk"},
        {"modifiedSince": "yesterday"},
        {"licenseTypes": "both"},
        {"maxResults": 0},
    ):
        assert get(**bad).status_code == 400


def test_product_and_packages(emu: Emulator, http: requests.Session) -> None:
    product = emu.product(7)
    base = f"{emu.store}/V1/Products/{product.product_id}/0015"
    assert http.get(base, timeout=10).json()["packageFamilyName"] == product.package_family_name
    assert http.get(f"{base}/LocalizedDetails/en-us", timeout=10).json()["displayName"] == product.name
    assert http.get(f"{base}/LocalizedDetails/xx", timeout=10).status_code == 404
    packages = http.get(f"{base}/Packages", timeout=10).json()["productPackages"]
    assert {package["contentId"] for package in packages} == set(product.content_ids)
    assert len(packages) > len(product.content_ids)
    one = http.get(f"{base}/Packages/{packages[0]['packageId']}", timeout=10).json()
    assert one["packageId"] == packages[0]["packageId"]
    assert http.get(f"{base}/Packages/{uuid.uuid4()}", timeout=10).status_code == 404
    empty_name = http.get(f"{emu.store}/V1/Products/{emu.product(5).product_id}/0015/Packages", timeout=10).json()
    assert empty_name["productPackages"][0]["packageFullName"] == ""


def test_tokens_of_the_clients_audience_only(emu: Emulator, http: requests.Session) -> None:
    http.headers["Authorization"] = "Bearer " + emu.token(audience=STORE_AUDIENCE, lifetime=60)
    assert fetch(emu, http, emu.product(0)).status_code == 200
