# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is special to the Store licensing service. What holds for every license service: test_license_services.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from emulator.catalog import BEHAVIORS, LICENSING_BEHAVIORS
from emulator.clouds import GRAPH_AUDIENCE
from license_services import LicenseService
from unit.asking import Asker, key_of

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    NotFoundError,
    ServiceError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.table import open_client
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    settings_from,
)

pytestmark = [
    pytest.mark.usefixtures("quick_retries"),
    pytest.mark.parametrize("service", ["store_licensing"], indirect=True),
]
ROLE = "Sign in as a user with the role Global Administrator, User Administrator or License Administrator"
NO_APPLICATION = "an application without a user is not known to be accepted"
READY = ("client_secret", "refresh_token", "access_token")


@pytest.fixture
def asker(service: LicenseService, make_settings: Callable[..., Settings]) -> Asker:
    return Asker(service, make_settings)


class TestRequest:
    def test_is_the_content_id_in_json_from_a_client_with_a_name(self, asker: Asker) -> None:
        product = asker.emu.product(0)
        asker.get(key_of(product))
        (request,) = asker.service.requests()
        assert request["path"] == "/v9.0/licenses/offlineContent"
        assert request["subject"].endswith(product.content_id)
        assert request["headers"]["content-type"] == "application/json"
        assert request["headers"]["from"] == "ansible-msdevices.provisioning"
        assert request["body_length"] == len('{"contentId": ""}') + 36

    @pytest.mark.parametrize("content_id", ["../x", "{}", '", "a": "b', "é\n"])
    def test_nothing_gets_out_of_its_place(self, content_id: str, asker: Asker) -> None:
        """The service says that it is no content id, not that the body is no good."""
        key = LicenseKey(asker.emu.product(0).product_id, "0015", content_id)
        with pytest.raises(ServiceError) as caught:
            asker.get(key)
        assert caught.value.status == 400
        assert "parameter contentId" in caught.value.cause

    def test_the_sku_does_not_matter(self, asker: Asker) -> None:
        assert asker.get(key_of(asker.emu.product(0), "0010")).data

    def test_goes_to_the_public_host_unless_told_otherwise(self, service: LicenseService) -> None:
        settings = settings_from({"access_token": "x"}, service.name, {})
        assert settings.base_url == "https://licensing.md.mp.microsoft.com"
        assert settings.audience == "c5e1cb0d-5d24-4b1a-b291-ec684152b2ba"


class TestSignIn:
    """Ready tokens, refresh tokens, and applications, which are passed through."""

    def get(self, service: LicenseService, make: Callable[..., Settings], **options: Any) -> bytes:
        client = open_client(make(**{**dict.fromkeys(READY), **options}), NoCache(), 1)
        try:
            return client.get_offline_license(key_of(service.emulator.product(0))).data
        finally:
            client.close()

    def refused(self, service: LicenseService, make: Callable[..., Settings], **options: Any) -> ServiceError:
        with pytest.raises(ServiceError) as caught:
            self.get(service, make, **options)
        assert caught.value.status == 403
        return caught.value

    def test_by_a_refresh_token_of_a_public_application(self, service: LicenseService, make_settings: Any) -> None:
        emu = service.emulator
        assert self.get(service, make_settings, client_id=emu.public_client_id, refresh_token=emu.public_refresh_token)
        assert emu.token_requests() == 1

    def test_by_a_refresh_token_of_a_confidential_application(
        self, service: LicenseService, make_settings: Any
    ) -> None:
        emu = service.emulator
        assert self.get(service, make_settings, client_secret=emu.client_secret, refresh_token=emu.refresh_token)

    @pytest.mark.parametrize("role", ["Global Administrator", "User Administrator", "License Administrator"])
    def test_with_each_role(self, role: str, service: LicenseService, make_settings: Any) -> None:
        token = service.emulator.token(audience=service.emulator.licensing_audience, user=True, role=role)
        assert self.get(service, make_settings, access_token=token)

    @pytest.mark.parametrize("role", ["Global Reader", None])
    def test_with_another_role(self, role: str | None, service: LicenseService, make_settings: Any) -> None:
        token = service.emulator.token(audience=service.emulator.licensing_audience, user=True, role=role)
        error = self.refused(service, make_settings, access_token=token)
        assert "the organization or role may not have this license" in error.cause
        assert ROLE in error.remedy

    def test_by_a_refresh_token_of_a_user_without_a_role(self, service: LicenseService, make_settings: Any) -> None:
        emu = service.emulator
        error = self.refused(
            service, make_settings, client_secret=emu.client_secret, refresh_token=emu.refresh_token_without_role
        )
        assert ROLE in error.remedy

    def test_of_an_application_is_passed_through_and_refused(self, service: LicenseService, make_settings: Any) -> None:
        emu = service.emulator
        error = self.refused(service, make_settings, client_secret=emu.client_secret)
        assert NO_APPLICATION in error.remedy
        assert ROLE in error.remedy
        assert (emu.token_requests(), service.count()) == (1, 1)

    @pytest.mark.parametrize(
        "credential",
        [
            {"client_secret": "client_secret"},
            {"client_certificate_path": "certificate_path"},
            {"federated_token_file": "federated_token_file"},
        ],
        ids=str,
    )
    def test_of_an_application_works_the_day_it_is_accepted(
        self, credential: dict[str, str], service: LicenseService, make_settings: Any
    ) -> None:
        service.emulator.settings(licensing_accepts_apps=True)
        options = {name: service.emulator.endpoints[value] for name, value in credential.items()}
        assert self.get(service, make_settings, **options)

    def test_without_consent(self, service: LicenseService, make_settings: Any) -> None:
        emu = service.emulator
        with pytest.raises(SignInError, match="AADSTS65001") as caught:
            self.get(
                service,
                make_settings,
                client_id=emu.inactive_client_id,
                client_secret=emu.inactive_client_secret,
                refresh_token=emu.inactive_refresh_token,
            )
        assert "consent" in caught.value.remedy

    def test_for_another_audience(self, service: LicenseService, make_settings: Any) -> None:
        emu = service.emulator
        token = emu.token(audience=GRAPH_AUDIENCE, user=True)
        with pytest.raises(ServiceError) as caught:
            self.get(service, make_settings, access_token=token)
        assert caught.value.status == 401
        assert "the service does not accept the token" in caught.value.cause
        assert "Check audience" in caught.value.remedy
        assert NO_APPLICATION in caught.value.remedy


class TestRefusals:
    @pytest.mark.parametrize("behavior", [name for name in BEHAVIORS if name.startswith("not_o")])
    def test_to_the_organization_or_by_the_publisher(self, behavior: str, asker: Asker) -> None:
        error = asker.refused(key_of(asker.emu.special(behavior)), ServiceError)
        assert error.status == 403
        assert "the publisher does not allow offline licenses" in error.cause
        assert ROLE in error.remedy
        assert "the organization may use the app offline" in error.remedy
        assert (asker.service.count(), asker.emu.token_requests()) == (1, 0)

    def test_of_an_online_content_id(self, asker: Asker) -> None:
        product = asker.emu.product(0)
        key = LicenseKey(product.product_id, "0015", product.online_content_id)
        assert asker.refused(key, ServiceError).status == 403

    def test_of_an_unknown_content_id(self, asker: Asker) -> None:
        key = LicenseKey(asker.emu.product(0).product_id, "0015", "00000000-0000-4000-8000-000000000000")
        error = asker.refused(key, NotFoundError)
        assert "there is no license for this content id" in error.cause
        assert "ms_store_product_info" in error.remedy

    def test_says_what_is_not_documented(self, asker: Asker) -> None:
        asker.service.fault("status", status=418)
        error = asker.refused(key_of(asker.emu.product(0)), ServiceError)
        assert "not a documented public API" in error.remedy


class TestAnswers:
    @pytest.mark.parametrize(
        "behavior",
        ["empty_object", "empty_blob", "null_blob"]
        + [name for name, text in LICENSING_BEHAVIORS.items() if "must be accepted" not in text],
    )
    def test_without_a_license(self, behavior: str, asker: Asker) -> None:
        error = asker.refused(key_of(asker.emu.special(behavior)), LicenseDocumentError)
        assert error.cause.endswith("with no license in it")

    def test_without_a_body(self, asker: Asker) -> None:
        error = asker.refused(key_of(asker.emu.special("empty")), ServiceError)
        assert "with an empty body" in error.cause

    @pytest.mark.parametrize(
        "behavior", [name for name, text in LICENSING_BEHAVIORS.items() if "must be accepted" in text]
    )
    def test_with_several_keys(self, behavior: str, asker: Asker) -> None:
        """The list is for the future: of several licenses the one that was asked for is taken."""
        product = asker.emu.special(behavior)
        assert asker.get(key_of(product)).content_id == product.content_id

    @pytest.mark.parametrize("body", [{"license": {"Keys": "x"}}, {"license": [1]}, {"license": {"keys": ["x"]}}])
    def test_of_an_odd_shape(self, body: dict[str, Any], asker: Asker) -> None:
        asker.service.fault("status", status=200, body=body)
        asker.refused(key_of(asker.emu.product(0)), LicenseDocumentError)
