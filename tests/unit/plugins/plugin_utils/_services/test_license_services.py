# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every license service. What is special to one stands in a file of its own."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest
from emulator.catalog import BEHAVIORS
from license_services import LicenseService, both_services
from unit.asking import Asker, key_of

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    NotFoundError,
    ProvisioningError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.table import SERVICES
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

pytestmark = [pytest.mark.usefixtures("quick_retries"), both_services]


@pytest.fixture
def asker(service: LicenseService, make_settings: Callable[..., Settings]) -> Asker:
    return Asker(service, make_settings)


class TestSuccess:
    def test_is_the_license_that_was_asked_for(self, asker: Asker) -> None:
        product = asker.emu.product(7)
        for content_id in product.content_ids:
            document = asker.get(LicenseKey(product.product_id, "0015", content_id))
            assert (document.product_id, document.content_id) == (product.product_id, content_id)
            assert document.package_family_name == product.package_family_name.lower()
            assert document.data.startswith(b"<License ")

    def test_is_one_post(self, asker: Asker) -> None:
        product = asker.emu.product(0)
        asker.get(key_of(product))
        (request,) = asker.service.requests()
        path = asker.service.path(product)
        assert (request["method"], request["path"], request["query"]) == ("POST", path, "")
        assert request["headers"]["accept"] == "application/json"

    @pytest.mark.parametrize("behavior", ["upper_case_ids", "pascal_case", "wrapped_blob"])
    def test_in_other_ways_to_write_the_same(self, behavior: str, asker: Asker) -> None:
        product = asker.emu.special(behavior)
        assert asker.get(key_of(product)).content_id.lower() == product.content_id

    def test_with_a_byte_order_mark(self, asker: Asker) -> None:
        asker.emu.settings(**{f"{asker.service.listener}_bom": True})
        assert asker.get(key_of(asker.emu.product(0))).product_id == asker.emu.product(0).product_id

    def test_whatever_the_case_of_the_ids(self, asker: Asker) -> None:
        key = key_of(asker.emu.product(0))
        assert asker.get(LicenseKey(key.product_id.lower(), key.sku_id, key.content_id.upper())).data

    def test_keeps_every_byte(self, asker: Asker) -> None:
        key = key_of(asker.emu.product(0))
        data = b"\xef\xbb\xbf<?xml version='1.0'?>\r\n" + asker.get(key).data.replace(b"><", b">\r\n <") + b"\n\n"
        asker.service.fault("status", status=200, body=asker.service.good_body(base64.b64encode(data).decode()))
        assert asker.get(key).data == data


class TestRefusals:
    @pytest.mark.parametrize("behavior", ["unknown", "gone"])
    def test_not_found_and_gone(self, behavior: str, asker: Asker) -> None:
        kind = NotFoundError if behavior == "unknown" else ServiceError
        error = asker.refused(key_of(asker.emu.special(behavior)), kind)
        assert error.status == (404 if behavior == "unknown" else 410)

    @pytest.mark.parametrize("behavior", [name for name in BEHAVIORS if name.startswith("not_o")])
    def test_of_every_shape(self, behavior: str, asker: Asker) -> None:
        error = asker.refused(key_of(asker.emu.special(behavior)), ServiceError)
        assert error.status == asker.service.refusal
        assert f"answered HTTP {error.status}" in error.cause
        assert "<" not in str(error)

    def test_of_a_token(self, asker: Asker) -> None:
        error = asker.refused(key_of(asker.emu.product(0)), ServiceError, access_token=asker.emu.token(lifetime=-60))
        assert error.status == 401
        assert asker.service.count() == 1

    def test_of_a_token_for_another_service(self, asker: Asker) -> None:
        for other in ("catalog", "partner_public", "store" if asker.service.delegated else "licensing"):
            token = asker.emu.access_tokens[other]
            assert asker.refused(key_of(asker.emu.product(0)), ServiceError, access_token=token).status == 401

    @pytest.mark.parametrize("status", [402, 405, 406, 411, 415, 418, 422, 451, 501])
    @pytest.mark.parametrize("body", [None, "plain text", "<html>page</html>", {"code": 7}], ids=str)
    def test_of_any_other_kind(self, status: int, body: Any, asker: Asker) -> None:
        asker.service.fault("status", status=status, body=body)
        error = asker.refused(key_of(asker.emu.product(0)), ServiceError)
        assert error.status == status
        assert f"answered HTTP {status}" in error.cause
        assert "plain text" not in error.cause

    @pytest.mark.parametrize("status", [201, 202, 204, 206])
    def test_a_success_of_another_kind(self, status: int, asker: Asker) -> None:
        asker.service.fault("status", status=status, body=None)
        assert asker.refused(key_of(asker.emu.product(0)), ServiceError).status == status

    def test_ids_of_the_request_are_told(self, asker: Asker) -> None:
        headers = {"MS-RequestId": "request-1", "MS-CorrelationId": "correlation-1"}
        asker.service.fault("status", status=asker.service.refusal, headers=headers)
        cause = asker.refused(key_of(asker.emu.product(0)), ServiceError).cause
        assert "request id request-1, correlation id correlation-1" in cause

    def test_a_redirect_is_not_followed(self, asker: Asker) -> None:
        asker.service.fault("redirect")
        with pytest.raises(ServiceError, match="a redirect to 127"):
            asker.get(key_of(asker.emu.product(0)))
        assert asker.emu.count("stranger") == 0

    def test_a_repeated_token_does_not_show(self, asker: Asker) -> None:
        token = asker.service.access_token
        asker.service.fault("status", status=asker.service.refusal, body={"message": f"Not for {token}", "code": token})
        error = asker.refused(key_of(asker.emu.product(0)), ServiceError)
        assert token not in str(error)
        assert token not in error.code


class TestTrouble:
    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_that_stays(self, status: int, asker: Asker) -> None:
        asker.service.fault("status", status=status, body={"code": "Busy"})
        error = asker.refused(key_of(asker.emu.product(0)), UnavailableError, max_retries=2)
        assert f"answered HTTP {status}, code Busy; 2 retries did not help" in error.cause
        assert not error.deadline_exceeded
        assert asker.service.count() == 3

    @pytest.mark.parametrize("status", [429, 503])
    def test_that_says_when_to_come_back(self, status: int, asker: Asker) -> None:
        asker.service.fault("status", status=status, retry_after=1, times=1)
        assert asker.get(key_of(asker.emu.product(0))).data
        first, second = asker.service.requests()
        assert second["time"] - first["time"] >= 1

    def test_a_wait_that_is_too_long(self, asker: Asker) -> None:
        asker.service.fault("gateway_throttle", seconds=57)
        error = asker.refused(key_of(asker.emu.product(0)), UnavailableError)
        assert "it asks to wait 57 seconds" in error.cause
        assert error.deadline_exceeded
        assert asker.service.count() == 1

    @pytest.mark.parametrize("fault", ["stall_headers", "stall_body", "drip"])
    def test_a_service_that_does_not_come_to_an_end_is_left_in_time(self, fault: str, asker: Asker) -> None:
        """Users of other clients complain of license requests that hang for ever."""
        asker.service.fault(fault)
        start = time.monotonic()
        error = asker.refused(key_of(asker.emu.product(0)), UnavailableError, timeout=0.3, deadline=0.8, max_retries=5)
        assert time.monotonic() - start < 3
        assert error.deadline_exceeded

    def test_a_host_that_is_gone(self, asker: Asker) -> None:
        key = key_of(asker.emu.product(0))
        error = asker.refused(key, UnavailableError, base_url="https://no-such-host.invalid", max_retries=0)
        assert "the host name does not resolve" in error.cause
        assert error.attempted == "Could not reach https://no-such-host.invalid"


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
    def test_no_license_or_another_one(self, behavior: str, cause: str, asker: Asker) -> None:
        error = asker.refused(key_of(asker.emu.special(behavior)), LicenseDocumentError)
        assert "with no license that can be used: " in error.cause
        assert cause in error.cause
        assert "nothing was written" in error.remedy
        assert asker.service.count() == 1

    def test_a_license_of_another_product_with_the_same_content_id(self, asker: Asker) -> None:
        one, two = key_of(asker.emu.product(0)), key_of(asker.emu.product(1))
        data = asker.get(one).data
        other = base64.b64encode(data.replace(one.product_id.encode(), two.product_id.encode())).decode()
        asker.service.fault("status", status=200, body=asker.service.good_body(other))
        error = asker.refused(one, LicenseDocumentError)
        assert f"it is the license of product {two.product_id}, not of {one.product_id}" in error.cause

    @pytest.mark.parametrize("behavior", ["empty", "empty_object", "empty_blob", "null_blob"])
    def test_nothing(self, behavior: str, asker: Asker) -> None:
        with pytest.raises(ProvisioningError) as caught:
            asker.get(key_of(asker.emu.special(behavior)))
        assert isinstance(caught.value, (ServiceError, LicenseDocumentError))
        assert caught.value.remedy
        assert asker.service.count() == 1

    @pytest.mark.parametrize(
        ("fault", "cause"),
        [
            ({"action": "html"}, "with a page instead of JSON"),
            ({"action": "not_an_object"}, "with JSON that is not an object"),
            ({"action": "truncate"}, "with broken JSON"),
        ],
        ids=str,
    )
    def test_something_else(self, fault: dict[str, Any], cause: str, asker: Asker) -> None:
        asker.service.fault(**fault)
        assert cause in asker.refused(key_of(asker.emu.product(0)), ServiceError).cause

    @pytest.mark.parametrize("action", ["oversized", "gzip_bomb"])
    def test_too_much(self, action: str, asker: Asker) -> None:
        asker.service.fault(action)
        with pytest.raises(ServiceError, match="it is larger than 4096 KiB"):
            asker.get(key_of(asker.emu.product(0)))


def test_the_sign_in_can_be_had_in_advance(service: LicenseService, make_settings: Callable[..., Settings]) -> None:
    with SERVICES[service.name].client(make_settings(), NoCache()) as client:
        client.sign_in()
    assert service.emulator.token_requests() == 1
    assert service.emulator.stats().get(service.listener, {}).get("requests", 0) == 0
