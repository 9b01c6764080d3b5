# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from emulator.catalog import BEHAVIORS
from emulator.client import Emulator

from ansible_collections.msdevices.provisioning.plugins.module_utils._cache import NoCache
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    NotFoundError,
    ProvisioningError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license_document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license_requests import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.module_utils._settings import Settings
from ansible_collections.msdevices.provisioning.plugins.module_utils._store_for_business import StoreForBusiness

pytestmark = pytest.mark.usefixtures("quick_retries")
ACQUIRE = "Acquire the product"
NOT_ENABLED = "The publisher has not enabled offline licensing"
ACTIVATE = "Activate the application as a management tool in the Store (Settings, Distribute, Management tools)"
SUCCESSOR = "use the Store licensing service instead"


def key_of(product: Any, sku_id: str = "0015") -> LicenseKey:
    return LicenseKey(product.product_id, sku_id, product.content_id)


class Store:
    """Gets licenses of the emulator's Store with a ready token."""

    def __init__(self, emu: Emulator, make_settings: Callable[..., Settings]) -> None:
        self.emu = emu
        self._make = make_settings

    def get(self, key: LicenseKey, **options: Any) -> LicenseDocument:
        ready = {"client_secret": None, "access_token": self.emu.access_tokens["store"]}
        client = StoreForBusiness(self._make(**{**ready, **options}), NoCache())
        try:
            return client.get_offline_license(key)
        finally:
            client.close()

    def refused(self, key: LicenseKey, kind: type[ProvisioningError], **options: Any) -> Any:
        """The error that a key causes: with what was attempted and what to do, without token and license."""
        with pytest.raises(kind) as caught:
            self.get(key, **options)
        assert caught.value.__class__ is kind
        text = str(caught.value)
        assert caught.value.attempted == f"Could not get the offline license {key}"
        assert caught.value.remedy
        assert "eyJ" not in text
        assert "SPLicense" not in text
        assert text.isprintable()
        return caught.value

    def fault(self, action: str, **values: Any) -> None:
        self.emu.fault(listener="store", action=action, **values)


@pytest.fixture
def store(emu: Emulator, make_settings: Callable[..., Settings]) -> Store:
    return Store(emu, make_settings)


class TestSuccess:
    def test_is_the_license_that_was_asked_for(self, store: Store) -> None:
        product = store.emu.product(7)
        for content_id in product.content_ids:
            document = store.get(LicenseKey(product.product_id, "0015", content_id))
            assert (document.product_id, document.content_id) == (product.product_id, content_id)
            assert document.package_family_name == product.package_family_name.lower()
            assert document.data.startswith(b"<License ")

    def test_is_one_post_without_a_body(self, store: Store) -> None:
        product = store.emu.product(0)
        store.get(key_of(product))
        (request,) = store.emu.requests("store")
        assert (request["method"], request["path"], request["query"]) == ("POST", product.license_path(), "")
        assert request["body_length"] == 0
        assert request["headers"]["content-length"] == "0"
        assert request["headers"]["accept"] == "application/json"
        assert "content-type" not in request["headers"]

    @pytest.mark.parametrize("behavior", ["upper_case_ids", "pascal_case", "wrapped_blob"])
    def test_in_other_ways_to_write_the_same(self, behavior: str, store: Store) -> None:
        product = store.emu.special(behavior)
        assert store.get(key_of(product)).content_id.lower() == product.content_id

    def test_with_a_byte_order_mark(self, store: Store) -> None:
        store.emu.settings(store_bom=True)
        assert store.get(key_of(store.emu.product(0))).product_id == store.emu.product(0).product_id

    def test_whatever_the_case_of_the_ids(self, store: Store) -> None:
        key = key_of(store.emu.product(0))
        assert store.get(LicenseKey(key.product_id.lower(), key.sku_id, key.content_id.upper())).data

    def test_keeps_every_byte(self, store: Store) -> None:
        key = key_of(store.emu.product(0))
        data = b"\xef\xbb\xbf<?xml version='1.0'?>\r\n" + store.get(key).data.replace(b"><", b">\r\n <") + b"\n\n"
        store.fault("status", status=200, body={"licenseBlob": base64.b64encode(data).decode()})
        assert store.get(key).data == data

    def test_ids_are_percent_encoded(self, store: Store) -> None:
        store.refused(LicenseKey("a/b?c#d", "+;=", "é %2e"), ServiceError)
        path = store.emu.requests("store")[0]["path"]
        assert path == "/V1/Products/a%2Fb%3Fc%23d/%2B%3B%3D/OfflineLicense/%C3%A9%20%252e"


class TestDocumentedErrors:
    def test_bad_request(self, store: Store) -> None:
        error = store.refused(LicenseKey("short", "0015", store.emu.product(0).content_id), ServiceError)
        assert error.status == 400
        assert error.code == "BadRequest"
        assert "a parameter is missing or invalid" in error.cause
        assert "parameter productId" in error.cause
        assert "invalid parameter" in error.cause
        assert error.remedy == "Check product_id, sku_id and content_id of the item"

    @pytest.mark.parametrize("behavior", ["unknown", "gone"])
    def test_not_found_and_gone(self, behavior: str, store: Store) -> None:
        kind = NotFoundError if behavior == "unknown" else ServiceError
        error = store.refused(key_of(store.emu.special(behavior)), kind)
        assert error.status == (404 if behavior == "unknown" else 410)
        assert SUCCESSOR in error.remedy

    def test_not_found_with_another_sku(self, store: Store) -> None:
        error = store.refused(key_of(store.emu.product(0), "0010"), NotFoundError)
        assert "usually 0015, not 0010" in error.remedy
        assert "usually" not in store.refused(key_of(store.emu.special("unknown")), NotFoundError).remedy

    @pytest.mark.parametrize("behavior", [name for name in BEHAVIORS if name.startswith("not_o")])
    def test_conflicts_of_every_shape(self, behavior: str, store: Store) -> None:
        """The remedy is the right one, or where the body does not tell them apart, both."""
        error = store.refused(key_of(store.emu.special(behavior)), ServiceError)
        assert error.status == 409
        owned = behavior.startswith("not_owned")
        assert (ACQUIRE if owned else NOT_ENABLED) in error.remedy
        if behavior.rpartition("_")[2] in ("owned", "offline", "pascal", "nested"):
            assert (NOT_ENABLED if owned else ACQUIRE) not in error.remedy
            assert error.cause.startswith("not owned" if owned else "not offline")

    def test_an_online_sku(self, store: Store) -> None:
        error = store.refused(key_of(store.emu.product(0), "0016"), ServiceError)
        assert NOT_ENABLED in error.remedy
        assert "0015" in error.remedy


class TestUndocumentedErrors:
    def test_an_application_that_is_not_activated(self, store: Store) -> None:
        options = {"client_id": store.emu.inactive_client_id, "client_secret": store.emu.inactive_client_secret}
        error = store.refused(key_of(store.emu.product(0)), ServiceError, **options, access_token=None)
        assert error.status == 403
        assert ACTIVATE in error.remedy

    def test_a_token_that_is_refused(self, store: Store) -> None:
        token = store.emu.token(lifetime=-60)
        error = store.refused(key_of(store.emu.product(0)), ServiceError, access_token=token)
        assert error.status == 401
        assert ACTIVATE in error.remedy

    @pytest.mark.parametrize("status", [402, 405, 406, 411, 418, 422, 451, 501])
    @pytest.mark.parametrize("body", [None, "plain text", "<html>page</html>", {"code": 7}], ids=str)
    def test_any_other_refusal(self, status: int, body: Any, store: Store) -> None:
        store.fault("status", status=status, body=body)
        error = store.refused(key_of(store.emu.product(0)), ServiceError)
        assert error.status == status
        assert f"answered HTTP {status}" in error.cause
        assert "plain text" not in error.cause

    @pytest.mark.parametrize("status", [201, 202, 204, 206])
    def test_a_success_of_another_kind(self, status: int, store: Store) -> None:
        store.fault("status", status=status, body=None)
        assert store.refused(key_of(store.emu.product(0)), ServiceError).status == status

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_trouble_that_stays(self, status: int, store: Store) -> None:
        store.fault("status", status=status, body={"code": "Busy"})
        error = store.refused(key_of(store.emu.product(0)), UnavailableError, max_retries=2)
        assert f"answered HTTP {status}, code Busy; 2 retries did not help" in error.cause
        assert not error.deadline_exceeded
        assert store.emu.count("store") == 3

    def test_a_wait_that_is_too_long(self, store: Store) -> None:
        store.fault("gateway_throttle", seconds=57)
        error = store.refused(key_of(store.emu.product(0)), UnavailableError)
        assert "it asks to wait 57 seconds" in error.cause
        assert error.deadline_exceeded

    def test_a_host_that_is_gone(self, store: Store) -> None:
        key = key_of(store.emu.product(0))
        error = store.refused(key, UnavailableError, base_url="https://no-such-host.invalid", max_retries=0)
        assert "the host name does not resolve" in error.cause
        assert "https://no-such-host.invalid/V1/Products/" in error.cause
        assert SUCCESSOR in error.remedy

    def test_ids_of_the_request_are_told(self, store: Store) -> None:
        headers = {"MS-RequestId": "request-1", "MS-CorrelationId": "correlation-1"}
        store.fault("status", status=409, headers=headers)
        cause = store.refused(key_of(store.emu.product(0)), ServiceError).cause
        assert "request id request-1, correlation id correlation-1" in cause


class TestAnswersThatCannotBeUsed:
    @pytest.mark.parametrize(
        ("behavior", "cause"),
        [
            ("wrong_license", "it is the license of content id"),
            ("wrong_content", "it is the license of content id"),
            ("not_base64", "the license blob is not base64 text"),
            ("not_xml", "it is no well-formed XML"),
            ("not_a_license", "its root element is lease, not License"),
            ("truncated_xml", "it is no well-formed XML"),
            ("doctype", "it has a DOCTYPE"),
            ("utf16", "it has a DOCTYPE"),
        ],
    )
    def test_no_license_or_another_one(self, behavior: str, cause: str, store: Store) -> None:
        error = store.refused(key_of(store.emu.special(behavior)), LicenseDocumentError)
        assert "sent no license that can be used: " in error.cause
        assert cause in error.cause
        assert store.emu.count("store") == 1

    @pytest.mark.parametrize(
        ("behavior", "cause"),
        [
            ("empty", "answered HTTP 200 with an empty body"),
            ("empty_object", "answered without a licenseBlob"),
            ("empty_blob", "answered without a licenseBlob"),
            ("null_blob", "answered without a licenseBlob"),
        ],
    )
    def test_nothing(self, behavior: str, cause: str, store: Store) -> None:
        error = store.refused(key_of(store.emu.special(behavior)), ServiceError)
        assert cause in error.cause

    @pytest.mark.parametrize(
        ("fault", "cause"),
        [
            ({"action": "html"}, "with a page instead of JSON"),
            ({"action": "not_an_object"}, "with JSON that is not an object"),
            ({"action": "truncate"}, "with broken JSON"),
            ({"action": "status", "status": 200, "body": {"licenseBlob": 7}}, "without a licenseBlob"),
            ({"action": "status", "status": 200, "body": {"licenseBlob": {"a": "b"}}}, "without a licenseBlob"),
        ],
        ids=str,
    )
    def test_something_else(self, fault: dict[str, Any], cause: str, store: Store) -> None:
        store.fault(**fault)
        assert cause in store.refused(key_of(store.emu.product(0)), ServiceError).cause

    @pytest.mark.parametrize("action", ["oversized", "gzip_bomb"])
    def test_too_much(self, action: str, store: Store) -> None:
        store.fault(action)
        with pytest.raises(ServiceError, match="it is larger than 4096 KiB"):
            store.get(key_of(store.emu.product(0)))

    @pytest.mark.parametrize(
        "changes",
        [
            {"contentId": "0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77"},
            {"productKey": {"productId": "9WZDNCRFHVFW"}},
            {"productKey": {"skuId": "0016"}},
            {"contentId": "two\nlines \x1b[31m" + "x" * 1000},
        ],
        ids=["content id", "product id", "SKU id", "nonsense"],
    )
    def test_that_announce_another_license(self, changes: dict[str, Any], store: Store) -> None:
        product = store.emu.product(0)
        body = {"licenseBlob": store.get(key_of(product)).blob, "contentId": product.content_id, **changes}
        store.fault("status", status=200, body=body)
        error = store.refused(key_of(product), LicenseDocumentError)
        assert "sent the license of another product, SKU or content id" in error.cause
        assert len(error.cause) < 400

    def test_that_announce_another_instance(self, store: Store) -> None:
        product = store.emu.product(0)
        document = store.get(key_of(product))
        body = {"licenseBlob": document.blob, "licenseInstanceId": "11111111-1c68-4dd1-93a4-0a1c6f6c3f02"}
        store.fault("status", status=200, body=body)
        error = store.refused(key_of(product), LicenseDocumentError)
        assert "instance id is not the announced one" in error.cause
        body["licenseInstanceId"] = "{" + document.license_instance_id.upper() + "}"
        store.emu.clear_faults()
        store.fault("status", status=200, body=body)
        assert store.get(key_of(product)) == document

    @pytest.mark.parametrize("key", [None, 5, [], "text"])
    def test_an_odd_product_key_does_not_matter(self, key: Any, store: Store) -> None:
        product = store.emu.product(0)
        document = store.get(key_of(product))
        store.fault("status", status=200, body={"licenseBlob": document.blob, "productKey": key, "contentId": None})
        assert store.get(key_of(product)) == document

    def test_redirects(self, store: Store) -> None:
        store.fault("redirect")
        with pytest.raises(ServiceError, match="a redirect to 127"):
            store.get(key_of(store.emu.product(0)))
        assert store.emu.count("stranger") == 0


def test_a_repeated_token_does_not_show(store: Store) -> None:
    token = store.emu.access_tokens["store"]
    store.fault("status", status=409, body={"message": f"Not owned by {token}", "code": token})
    error = store.refused(key_of(store.emu.product(0)), ServiceError)
    assert token not in str(error)
    assert token not in error.code
    store.emu.clear_faults()
    store.fault("status", status=200, body={"contentId": token[:200], "licenseBlob": "QUJD"})
    assert token[:60] not in str(store.refused(key_of(store.emu.product(0)), LicenseDocumentError))


def test_the_sign_in_can_be_had_in_advance(
    emu: Emulator, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    client = StoreForBusiness(make_settings(), NoCache())
    client.sign_in()
    client.close()
    assert emu.token_requests() == 1
    assert emu.stats().get("store", {}).get("requests", 0) == 0
