# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The walk as a whole, as far as playbooks do not show it: lists, clocks that are not told, libraries that lack."""

from __future__ import annotations

import dataclasses
from importlib import metadata
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from emulator.client import Emulator
from emulator.log import token_hash

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.service_access import access_specification
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_product import product_specification
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis import network
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis import report as _access_runner
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis import steps as _access_check
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis.report import (
    check_access,
    report_of,
    versions,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http import session
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in import methods


@pytest.fixture
def access(emu: Emulator) -> Any:
    """Walks to Partner Center, or where options lead, and returns the steps by name."""
    usual = {
        "service": "partner_center",
        "base_url": emu.partner_public,
        "authority": emu.entra,
        "tenant_id": emu.tenant_id,
        "client_id": emu.client_id,
        "client_secret": emu.client_secret,
        "ca_path": emu.ca_path,
        "country": "US",
        "max_retries": 0,
    }

    def walk(**options: Any) -> dict[str, dict[str, Any]]:
        return {step["step"]: step for step in check_access({**usual, **options}, "2.99")["steps"]}

    return walk


class TestWalk:
    @pytest.mark.parametrize(
        ("date", "status", "text"),
        [
            (None, "skipped", "does not tell the time"),
            ("yesterday", "skipped", "does not tell the time"),
            ("Thu, 01 Jan 1970 00:00:00 GMT", "fail", "minutes ahead of"),
            ("Fri, 31 Dec 2100 00:00:00 GMT", "fail", "minutes behind"),
        ],
    )
    def test_clock(
        self, access: Any, date: str | None, status: str, text: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = _access_check.fetch_openid_configuration

        def dated(settings: Any) -> Any:
            # The emulator sends the true date with every answer by itself.
            document, answer = real(settings)
            headers = {} if date is None else {"Date": date}
            return document, dataclasses.replace(answer, headers=headers)

        assert access()["sign_in_clock"]["status"] == "pass"
        monkeypatch.setattr(_access_check, "fetch_openid_configuration", dated)
        steps = access()
        assert (steps["sign_in_clock"]["status"], text in steps["sign_in_clock"]["detail"]) == (status, True)
        # What does not depend on the clock goes on.
        assert steps["service_call"]["status"] == "pass"

    @pytest.mark.parametrize("missing", [{"client_secret": None}, {"tenant_id": None}, {"country": None}])
    def test_without_a_credential_the_network_is_checked_all_the_same(
        self, missing: dict[str, None], access: Any, emu: Emulator
    ) -> None:
        steps = access(**missing)
        found = {name: step["status"] for name, step in steps.items() if step["status"] != "skipped"}
        reached = {
            f"{host}_{step}": "pass" for host in ("sign_in", "service") for step in ("proxy", "name", "tcp", "tls")
        }
        assert found == {"versions": "pass", "options": "fail", **reached}
        assert steps["token"]["detail"] == steps["service_call"]["detail"] == "options failed"
        assert emu.requests() == []
        # Without an address there is nothing to reach.
        steps = access(**missing, base_url="http://host.example")
        assert steps["service_name"]["status"] == "skipped"

    def test_a_domain_is_known_by_its_issuer(self, access: Any, emu: Emulator) -> None:
        emu.fault(listener="entra", method="POST", action="wrong_tenant_token")
        step = access(tenant_id=emu.tenant_domain)["token"]
        assert step["status"] == "fail"
        assert f"not of {emu.tenant_id}" in step["detail"]

    def test_one_sign_in_serves_the_whole_walk(self, access: Any, emu: Emulator) -> None:
        assert access()["service_call"]["status"] == "pass"
        assert emu.token_requests() == 1

    def test_a_token_that_is_refused_is_renewed_once(self, access: Any, emu: Emulator) -> None:
        emu.fault(listener="partner_public", action="unauthorized", times=-1)
        step = access()["service_call"]
        assert step["status"] == "fail"
        assert "does not accept the token" in step["detail"]
        assert emu.token_requests() == 2

    def test_without_requests(self, access: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(network, "requests", None)
        monkeypatch.setattr(session, "_MISSING", True)
        steps = access()
        assert steps["sign_in_proxy"]["status"] == steps["service_proxy"]["status"] == "fail"
        assert "-m pip install requests" in steps["sign_in_proxy"]["remedy"]

    def test_without_msal(self, access: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(methods, "msal", None)
        steps = access()
        assert [name for name, step in steps.items() if step["status"] == "fail"] == ["token"]
        assert "-m pip install msal" in steps["token"]["remedy"]

    def test_managed_identity(self, access: Any, emu: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("IDENTITY_ENDPOINT", emu.identity_endpoint)
        monkeypatch.setenv("IDENTITY_HEADER", emu.identity_header)
        steps = access(auth_method="managed_identity", client_id=None)
        assert steps["sign_in_discovery"]["status"] == "skipped"
        assert steps["token"]["status"] == "pass"
        assert steps["service_call"]["status"] == "pass"

    def test_certificate_and_a_controller_that_is_late(self, access: Any, emu: Emulator) -> None:
        emu.fault(listener="entra", action="clock_skew", value=3600)
        steps = access(client_secret=None, client_certificate_path=emu.certificate_path)
        assert "60 minutes behind" in steps["sign_in_clock"]["detail"]
        assert "AADSTS700024" in steps["token"]["detail"]
        assert "the clock of the controller" in steps["token"]["remedy"]

    @pytest.mark.parametrize(
        ("versions", "why"),
        [
            ({"msal": "1.34.9"}, "msal 1.34.9 is older than 1.35.0"),
            ({"requests": "2.9", "msal": ""}, "requests 2.9 is older than 2.28.0 and msal is not installed"),
        ],
    )
    def test_libraries_that_are_too_old(
        self, versions: dict[str, str], why: str, access: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_access_runner, "versions", lambda core: {"requests": "3.0", "msal": "1.40", **versions})
        steps = access()
        assert (steps["versions"]["status"], steps["versions"]["detail"]) == ("fail", why)
        assert "pip install 'requests>=2.28.0' 'msal>=1.35.0'" in steps["versions"]["remedy"]
        # It may work all the same.
        assert steps["service_call"]["status"] == "pass"

    @pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:9"])
    @pytest.mark.parametrize("name", ["a..b", "x" * 64])
    def test_a_host_that_has_no_name(self, name: str, proxy: str, access: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        steps = access(base_url=f"https://{name}")
        assert steps["service_proxy"]["detail"] == f"{name} is no host name"
        assert "base_url" in steps["service_proxy"]["remedy"]

    def test_an_error_that_nobody_thought_of(self, access: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*arguments: Any) -> str:
            raise KeyError("canary")

        monkeypatch.setattr(_access_check, "connect", fails)
        steps = access()
        assert steps["service_tcp"]["status"] == "fail"
        assert "unknown error (KeyError)" in steps["service_tcp"]["detail"]
        assert "canary" not in str(steps)
        assert steps["service_call"]["detail"] == "service_tcp failed"


class TestHarmlessCall:
    """What answers in a service's place, at a wrong address or behind a proxy, is not taken for the service."""

    @pytest.mark.parametrize("service", ["store_licensing", "store_catalog"])
    @pytest.mark.parametrize(
        ("answer", "status", "text"),
        [
            ({"status": 404, "body": "<html>Nothing here</html>"}, "fail", "with a page instead of JSON"),
            ({"status": 400, "body": "<html>Nothing here</html>"}, "fail", "answered HTTP 400"),
            ({"status": 200, "body": "<html>Please sign in</html>"}, "fail", "with a page instead of JSON"),
            ({"status": 404, "body": ""}, "skipped", "the response is empty"),
            ({"status": 404, "body": {"code": "NotFound"}}, "pass", ""),
            ({"status": 403, "body": {}}, "fail", "HTTP 403"),
        ],
    )
    def test_of_the_store(
        self, service: str, answer: dict[str, Any], status: str, text: str, access: Any, emu: Emulator
    ) -> None:
        listener = {"store_licensing": "licensing", "store_catalog": "catalog"}[service]
        emu.fault(listener=listener, action="status", times=-1, **answer)
        user = {"refresh_token": emu.refresh_token, "service": service, "base_url": emu.endpoints[listener]}
        step = access(**user)["service_call"]
        assert (step["status"], text in step["detail"]) == (status, True), step
        assert bool(step["remedy"]) is (status == "fail")

    def test_good(self, access: Any, emu: Emulator) -> None:
        for service, listener in (("store_licensing", "licensing"), ("store_catalog", "catalog")):
            user = {"refresh_token": emu.refresh_token, "service": service, "base_url": emu.endpoints[listener]}
            assert access(**user)["service_call"]["status"] == "pass"

    @pytest.mark.parametrize(
        ("answer", "retired"),
        [
            ({"status": 503}, True),
            ({"status": 200, "body": "<html>Store for Business has moved on</html>"}, True),
            ({"status": 301, "headers": {"Location": "https://www.example/"}}, True),
            ({"status": 400}, True),
            ({"status": 410}, True),
            # Whoever is told to slow down has reached it.
            ({"status": 429}, False),
        ],
    )
    def test_of_store_for_business(self, answer: dict[str, Any], retired: bool, access: Any, emu: Emulator) -> None:
        emu.fault(listener="store", action="status", times=-1, **answer)
        step = access(service="store_for_business", base_url=emu.store)["service_call"]
        assert step["status"] == "fail"
        assert ("retired" in step["remedy"]) is retired
        assert "product_id" not in step["remedy"]


class TestReport:
    def test_lines(self) -> None:
        steps = [
            {"step": "options", "status": "pass", "detail": "good", "remedy": ""},
            {"step": "token", "status": "fail", "detail": "bad", "remedy": "Do this"},
            {"step": "service_call", "status": "skipped", "detail": "token failed", "remedy": ""},
        ]
        found = {"service": "s", "base_url": "https://s", "steps": steps, "versions": {"python": "3", "msal": ""}}
        assert report_of(found) == [
            "s at https://s",
            "pass    options            good",
            "fail    token              bad",
            "        what to do         Do this",
            "skipped service_call       token failed",
            "failed: token",
        ]

    def test_versions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert versions("2.99")["ansible-core"] == "2.99"
        assert all(versions("2.99").values())

        def missing(name: str) -> str:
            raise metadata.PackageNotFoundError(name)

        monkeypatch.setattr(metadata, "version", missing)
        assert versions("2.99")["msal"] == ""


class TestReadyTokenOfTheCatalog:
    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MSDEVICES_ACCESS_TOKEN", "of-the-service")

    @staticmethod
    def _validated(specification: dict[str, Any], **options: Any) -> Any:
        return ArgumentSpecValidator(specification["argument_spec"]).validate(options).validated_parameters

    def test_of_ms_store_product_info(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ids = {"product_id": ["9WZDNCRFJ3PS"]}
        assert self._validated(product_specification(), **ids)["access_token"] == "of-the-service"
        monkeypatch.setenv("MSDEVICES_CATALOG_ACCESS_TOKEN", "of-the-catalog")
        assert self._validated(product_specification(), **ids)["access_token"] == "of-the-catalog"
        given = self._validated(product_specification(), **ids, access_token="given")
        assert given["access_token"] == "given"
        assert product_specification()["argument_spec"]["access_token"]["no_log"] is True

    @pytest.mark.parametrize(
        ("service", "given", "shown"),
        [
            ("store_catalog", {}, "of-the-catalog"),
            ("store_catalog", {"access_token": "given"}, "given"),
            ("store_licensing", {}, "of-the-service"),
        ],
    )
    def test_of_service_access_info(
        self, service: str, given: dict[str, str], shown: str, emu: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MSDEVICES_CATALOG_ACCESS_TOKEN", "of-the-catalog")
        url = emu.catalog if service == "store_catalog" else emu.licensing
        options = self._validated(access_specification(), service=service, base_url=url, ca_path=emu.ca_path, **given)
        check_access(options, "2.99")
        assert {request["headers"]["authorization"] for request in emu.requests()} == {
            f"Bearer sha256:{token_hash(shown)}"
        }


class TestDeliveryService:
    def _walk(self, emu: Emulator, **options: Any) -> dict[str, dict[str, Any]]:
        usual = {
            "service": "store_delivery",
            "base_url": emu.delivery,
            "catalog_base_url": emu.catalog,
            "ca_path": emu.both_ca_path,
            "download_hosts": ["localhost"],
            "product_id": emu.product(0).product_id,
            "country": "US",
            "max_retries": 0,
        }
        found = check_access({**usual, **options}, "2.99")
        return {step["step"]: step for step in found["steps"]}

    def test_walk_to_the_cdn(self, emu: Emulator) -> None:
        """No credential is needed; the walk ends with the headers of a package."""
        steps = self._walk(emu)
        assert {step["status"] for step in steps.values()} == {"pass", "skipped"}
        assert steps["token"]["detail"] == "the service needs no sign-in"
        assert steps["cdn_tls"]["status"] == "skipped"
        assert steps["cdn_call"]["detail"] == "a package of 0.0 MB can be downloaded"
        assert [request["method"] for request in emu.requests("cdn")] == ["HEAD"]

    @pytest.mark.parametrize(
        ("options", "failed", "text"),
        [
            ({"ca_path": "ca_path"}, "service_tls", "certificate"),
            ({"download_hosts": ["example.com"]}, "cdn_call", "download_hosts"),
            ({"product_id": "9NBLGGH4NNS0"}, "package", "there is no such product"),
        ],
    )
    def test_what_fails(self, emu: Emulator, options: dict[str, Any], failed: str, text: str) -> None:
        options = {
            name: emu.endpoints.get(value, value) if name == "ca_path" else value for name, value in options.items()
        }
        steps = self._walk(emu, **options)
        assert [step["step"] for step in steps.values() if step["status"] == "fail"] == [failed]
        assert text in steps[failed]["detail"] + steps[failed]["remedy"]
