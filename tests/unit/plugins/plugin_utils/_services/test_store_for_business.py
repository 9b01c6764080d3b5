# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from emulator.catalog import BEHAVIORS
from license_services import LicenseService
from unit.asking import Asker, key_of

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    NotFoundError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

pytestmark = pytest.mark.usefixtures("quick_retries")
ACQUIRE = "Acquire the product"
NOT_ENABLED = "The publisher has not enabled offline licensing"
ACTIVATE = "Activate the application as a management tool in the Store (Settings, Distribute, Management tools)"
SUCCESSOR = "set service to store_licensing"


@pytest.fixture
def store(service: LicenseService, make_settings: Callable[..., Settings]) -> Asker:
    return Asker(service, make_settings)


class TestSuccess:
    def test_is_one_post_without_a_body(self, store: Asker) -> None:
        product = store.emu.product(0)
        store.get(key_of(product))
        (request,) = store.service.requests()
        assert (request["method"], request["path"], request["query"]) == ("POST", product.license_path(), "")
        assert request["body_length"] == 0
        assert request["headers"]["content-length"] == "0"
        assert request["headers"]["accept"] == "application/json"
        assert "content-type" not in request["headers"]

    def test_ids_are_percent_encoded(self, store: Asker) -> None:
        store.refused(LicenseKey("a/b?c#d", "+;=", "é %2e"), ServiceError)
        path = store.service.requests()[0]["path"]
        assert path == "/V1/Products/a%2Fb%3Fc%23d/%2B%3B%3D/OfflineLicense/%C3%A9%20%252e"


class TestDocumentedErrors:
    def test_bad_request(self, store: Asker) -> None:
        error = store.refused(LicenseKey("short", "0015", store.emu.product(0).content_id), ServiceError)
        assert error.status == 400
        assert error.code == "BadRequest"
        assert "a parameter is missing or invalid" in error.cause
        assert "parameter productId" in error.cause
        assert "invalid parameter" in error.cause
        assert error.remedy == "Check product_id, sku_id and content_id of the item"

    @pytest.mark.parametrize("behavior", ["unknown", "gone"])
    def test_not_found_and_gone(self, behavior: str, store: Asker) -> None:
        kind = NotFoundError if behavior == "unknown" else ServiceError
        error = store.refused(key_of(store.emu.special(behavior)), kind)
        assert error.status == (404 if behavior == "unknown" else 410)
        assert SUCCESSOR in error.remedy

    def test_not_found_with_another_sku(self, store: Asker) -> None:
        error = store.refused(key_of(store.emu.product(0), "0010"), NotFoundError)
        assert "usually 0015, not 0010" in error.remedy
        assert "usually" not in store.refused(key_of(store.emu.special("unknown")), NotFoundError).remedy

    @pytest.mark.parametrize("behavior", [name for name in BEHAVIORS if name.startswith("not_o")])
    def test_conflicts_of_every_shape(self, behavior: str, store: Asker) -> None:
        """The remedy is the right one, or where the body does not tell them apart, both."""
        error = store.refused(key_of(store.emu.special(behavior)), ServiceError)
        assert error.status == 409
        owned = behavior.startswith("not_owned")
        assert (ACQUIRE if owned else NOT_ENABLED) in error.remedy
        if behavior.rpartition("_")[2] in ("owned", "offline", "pascal", "nested"):
            assert (NOT_ENABLED if owned else ACQUIRE) not in error.remedy
            assert error.cause.startswith("not owned" if owned else "not offline")

    def test_an_online_sku(self, store: Asker) -> None:
        error = store.refused(key_of(store.emu.product(0), "0016"), ServiceError)
        assert NOT_ENABLED in error.remedy
        assert "0015" in error.remedy


class TestUndocumentedErrors:
    def test_an_application_that_is_not_activated(self, store: Asker) -> None:
        options = {"client_id": store.emu.inactive_client_id, "client_secret": store.emu.inactive_client_secret}
        error = store.refused(key_of(store.emu.product(0)), ServiceError, **options, access_token=None)
        assert error.status == 403
        assert ACTIVATE in error.remedy

    def test_a_token_that_is_refused(self, store: Asker) -> None:
        token = store.emu.token(lifetime=-60)
        error = store.refused(key_of(store.emu.product(0)), ServiceError, access_token=token)
        assert error.status == 401
        assert ACTIVATE in error.remedy

    def test_a_host_that_is_gone(self, store: Asker) -> None:
        key = key_of(store.emu.product(0))
        error = store.refused(key, UnavailableError, base_url="https://no-such-host.invalid", max_retries=0)
        assert "the host name does not resolve" in error.cause
        assert error.attempted == "Could not reach https://no-such-host.invalid"
        assert SUCCESSOR in error.remedy


class TestAnswersThatCannotBeUsed:
    @pytest.mark.parametrize(
        ("behavior", "cause"),
        [
            ("empty", "answered HTTP 200 with an empty body"),
            ("empty_object", "without a licenseBlob"),
            ("empty_blob", "without a licenseBlob"),
            ("null_blob", "without a licenseBlob"),
        ],
    )
    def test_nothing(self, behavior: str, cause: str, store: Asker) -> None:
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
    def test_something_else(self, fault: dict[str, Any], cause: str, store: Asker) -> None:
        store.service.fault(**fault)
        assert cause in store.refused(key_of(store.emu.product(0)), ServiceError).cause

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
    def test_that_announce_another_license(self, changes: dict[str, Any], store: Asker) -> None:
        product = store.emu.product(0)
        body = {"licenseBlob": store.get(key_of(product)).blob, "contentId": product.content_id, **changes}
        store.service.fault("status", status=200, body=body)
        error = store.refused(key_of(product), LicenseDocumentError)
        assert "with the license of another product or content id" in error.cause
        assert len(error.cause) < 400

    def test_that_announce_another_instance(self, store: Asker) -> None:
        product = store.emu.product(0)
        document = store.get(key_of(product))
        body = {"licenseBlob": document.blob, "licenseInstanceId": "11111111-1c68-4dd1-93a4-0a1c6f6c3f02"}
        store.service.fault("status", status=200, body=body)
        error = store.refused(key_of(product), LicenseDocumentError)
        assert "instance id is not as announced" in error.cause
        body["licenseInstanceId"] = "{" + document.license_instance_id.upper() + "}"
        store.emu.clear_faults()
        store.service.fault("status", status=200, body=body)
        assert store.get(key_of(product)) == document

    @pytest.mark.parametrize("key", [None, 5, [], "text"])
    def test_an_odd_product_key_does_not_matter(self, key: Any, store: Asker) -> None:
        product = store.emu.product(0)
        document = store.get(key_of(product))
        store.service.fault(
            "status", status=200, body={"licenseBlob": document.blob, "productKey": key, "contentId": None}
        )
        assert store.get(key_of(product)) == document


def test_a_repeated_token_does_not_show(store: Asker) -> None:
    token = store.emu.access_tokens["store"]
    store.service.fault("status", status=409, body={"message": f"Not owned by {token}", "code": token})
    error = store.refused(key_of(store.emu.product(0)), ServiceError)
    assert token not in str(error)
    assert token not in error.code
    store.emu.clear_faults()
    store.service.fault("status", status=200, body={"contentId": token[:200], "licenseBlob": "QUJD"})
    assert token[:60] not in str(store.refused(key_of(store.emu.product(0)), LicenseDocumentError))
