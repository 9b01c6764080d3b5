# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The consumer view of the catalog, the delivery service and the CDN."""

from __future__ import annotations

import base64
import hashlib
import io
import urllib.error
import urllib.request
import zipfile
from typing import Any

import pytest
import requests
from emulator import releases
from emulator.catalog import PACKAGE_BEHAVIORS
from emulator.client import Emulator
from emulator.packages import MICROSOFT, publisher_hash

QUERY = {"fieldsTemplate": "Details", "market": "US", "languages": "en-US,Neutral"}
SELECT = {"TargetingAttributes": {}}


def names(emu: Emulator, category: str) -> str:
    return f"{emu.delivery}/api/v2/contents/storeapps/namespaces/default/names/{category}"


def post(emu: Emulator, url: str, body: Any = None) -> requests.Response:
    return requests.post(url, json=body, verify=emu.delivery_ca_path, timeout=10)


def select(emu: Emulator, category: str, body: Any = None) -> requests.Response:
    return post(emu, names(emu, category) + "/versions/latest?action=select", SELECT if body is None else body)


def files(emu: Emulator, category: str, version: str) -> Any:
    return post(emu, f"{names(emu, category)}/versions/{version}/files?action=GenerateDownloadInfo").json()


def files_of(emu: Emulator, product: Any) -> Any:
    category = releases.category(product)
    return files(emu, category, select(emu, category).json()["ContentId"]["Version"])


def fetch(url: str, method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    """Status, headers and body. The URL is sent as it is, which requests would not do."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers, method=method), timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, b""


def test_consumer_view(emu: Emulator) -> None:
    def get(path: str, **query: str) -> Any:
        answer = requests.get(emu.catalog + "/v7.0/products" + path, {**QUERY, **query}, verify=emu.ca_path, timeout=10)
        assert answer.status_code == 200
        return answer.json()

    one, two = emu.product(1), emu.product(4)
    sku = get("/" + one.product_id)["Product"]["DisplaySkuAvailabilities"][0]["Sku"]
    package = sku["Properties"]["Packages"][0]
    assert package["FulfillmentData"]["WuCategoryId"] == releases.category(one)
    assert package["ContentId"] not in one.content_ids
    both = get("", bigIds=f"{one.product_id},000000000000,{two.product_id}")["Products"]
    assert {entry["ProductId"] for entry in both} == {one.product_id, two.product_id}
    found = get("/lookup", alternateId="PackageFamilyName", value=two.package_family_name)["Products"]
    assert [entry["ProductId"] for entry in found] == [two.product_id]


def test_from_category_to_bytes(emu: Emulator) -> None:
    product = emu.product(0)
    category = releases.category(product)
    chosen = select(emu, category).json()
    assert chosen["ContentId"] == {"Namespace": "default", "Name": category, "Version": "1152.0.21.0"}
    assert len(chosen["Prerequisites"]) == len(releases.FRAMEWORKS)
    (main,) = files(emu, category, "1152.0.21.0")
    vclibs = files(emu, chosen["Prerequisites"][0]["Name"], chosen["Prerequisites"][0]["Version"])
    assert publisher_hash(MICROSOFT) == "8wekyb3d8bbwe"
    for entry in (main, *vclibs):
        status, _headers, content = fetch(entry["Url"])
        assert (status, len(content)) == (200, entry["SizeInBytes"])
        assert base64.b64encode(hashlib.sha256(content).digest()).decode() == entry["Hashes"]["SHA256"]
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            manifest = "AppxMetadata/AppxBundleManifest.xml" if entry is main else "AppxManifest.xml"
            assert entry["FileMoniker"].split("_")[0] in archive.read(manifest).decode()
    assert len(emu.requests("cdn")) == 5


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/versions/latest?action=select", b"", 400),
        ("POST", "/versions/latest?action=select", b"{", 400),
        ("POST", "/versions/latest?action=select", b"{}", 400),
        ("POST", "/versions/latest?action=choose", b'{"TargetingAttributes":{}}', 404),
        ("GET", "/versions/1152.0.21.0/files?action=GenerateDownloadInfo", b"", 405),
        ("POST", "/versions/1152.0.21.0/files?action=GenerateDownloadInfo", b"{}", 400),
        ("POST", "/versions/1.0/files?action=GenerateDownloadInfo", b"", 404),
        ("GET", "/versions/1152.0.21.0", b"", 200),
    ],
)
def test_strictness(emu: Emulator, method: str, path: str, body: bytes, status: int) -> None:
    url = names(emu, releases.category(emu.product(0))) + path
    assert requests.request(method, url, data=body, verify=emu.delivery_ca_path, timeout=10).status_code == status


def test_unknown_category_and_trust(emu: Emulator) -> None:
    assert select(emu, "0f0e0d0c-0000-4000-8000-000000000000").status_code == 404
    assert select(emu, releases.category(emu.special("not_deliverable"))).status_code == 404
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(emu.delivery, verify=emu.ca_path, timeout=10)


def test_signed_urls_and_ranges(emu: Emulator) -> None:
    emu.settings(package_padding=9 * 1024 * 1024)
    (entry,) = files_of(emu, emu.product(0))
    url, size = entry["Url"], entry["SizeInBytes"]
    whole = fetch(url)[2]
    assert len(whole) == size > 9 * 1024 * 1024
    status, headers, part = fetch(url, Range="bytes=1000-")
    assert (status, headers["Content-Range"]) == (206, f"bytes 1000-{size - 1}/{size}")
    assert part == whole[1000:]
    assert fetch(url, Range=f"bytes={size}-")[0] == 416
    status, headers, _body = fetch(url, "HEAD")
    assert (headers["Content-Length"], "filename=" in headers["Content-Disposition"]) == (str(size), True)
    # The same query, encoded in another way, has another signature.
    assert fetch(url.replace("%2f", "%2F").replace("%3d", "="))[0] == 403
    emu.fault(listener="delivery", action="url_lifetime", value=0)
    assert fetch(files_of(emu, emu.product(0))[0]["Url"])[0] == 403
    emu.clear_faults()
    emu.fault(listener="cdn", action="ignore_range")
    assert fetch(url, Range="bytes=5-")[0] == 200


def test_every_behavior_answers(emu: Emulator) -> None:
    for behavior in PACKAGE_BEHAVIORS:
        product = emu.special(behavior)
        assert select(emu, releases.category(product)).status_code == (404 if behavior == "not_deliverable" else 200)
        assert isinstance(releases.consumer_packages(product), list)
    assert len(str(files_of(emu, emu.special("many_files")))) > 100_000
    moniker = files_of(emu, emu.special("moniker_is_a_path"))[0]["FileMoniker"]
    assert moniker.startswith("../")
