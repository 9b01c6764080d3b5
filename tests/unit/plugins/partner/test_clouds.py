# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each national cloud, each way to sign in, and where options lead elsewhere."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import permutations
from typing import Any

import pytest
from emulator.clouds import CLOUDS as PLAYED
from emulator.clouds import GRAPH_AUDIENCE, OLD_PARTNER_AUDIENCE
from emulator.log import token_hash
from unit.plugins.partner.support import MemoryCache, Partner, ids_of

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ProvisioningError,
    ServiceError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.clouds import CLOUDS
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import settings_from

pytestmark = pytest.mark.usefixtures("quick_retries")
AZURE = "MS-AZR-0145P"
NAMES = list(CLOUDS)
PAIRS = list(permutations(NAMES, 2))
PUBLIC = "https://api.partnercenter.microsoft.com"
CHINA = "https://partner.partnercenterapi.microsoftonline.cn"
# Cloud: authority, base URL, audience.
TABLE = {
    "public": ("https://login.microsoftonline.com", PUBLIC, PUBLIC),
    "usgov": ("https://login.microsoftonline.us", PUBLIC, PUBLIC),
    "china": ("https://login.partner.microsoftonline.cn", CHINA, CHINA),
    "germany": ("https://login.microsoftonline.de", PUBLIC, PUBLIC),
}


def settings_of(**options: Any) -> Any:
    return settings_from({"access_token": "a.b.c", **options}, "partner_center", {})


class TestTable:
    @pytest.mark.parametrize("cloud", TABLE)
    def test_of_the_clouds(self, cloud: str) -> None:
        settings = settings_of(cloud=cloud)
        assert (settings.authority, settings.base_url, settings.audience) == TABLE[cloud]

    def test_is_complete(self) -> None:
        assert set(TABLE) == set(CLOUDS) == set(PLAYED)

    @pytest.mark.parametrize("cloud", TABLE)
    @pytest.mark.parametrize("place", range(3))
    def test_each_value_can_be_replaced(self, place: int, cloud: str) -> None:
        name = ("authority", "base_url", "audience")[place]
        settings = settings_of(cloud=cloud, **{name: "https://other.example"})
        expected = list(TABLE[cloud])
        expected[place] = "https://other.example"
        assert [settings.authority, settings.base_url, settings.audience] == expected


class TestClouds:
    @pytest.mark.parametrize("cloud", NAMES)
    def test_sign_in_and_ask(self, cloud: str, partner: Partner) -> None:
        partner.cloud, partner.cache = cloud, MemoryCache()
        assert ids_of(partner.find(AZURE, **partner.signed_in()).offers) == [AZURE]
        seen = {request["listener"] for request in partner.emu.requests()}
        assert seen == {PLAYED[cloud].entra, PLAYED[cloud].partner}

    @pytest.mark.parametrize("cloud", NAMES)
    def test_as_a_user(self, cloud: str, partner: Partner) -> None:
        partner.cloud, partner.cache = cloud, MemoryCache()
        options = partner.signed_in(refresh_token=partner.emu.clouds[cloud]["refresh_token"])
        assert ids_of(partner.find(AZURE, **options).offers) == [AZURE]
        assert [entry["note"] for entry in partner.emu.requests(PLAYED[cloud].entra)] == [
            "discovery",
            "refresh_token/client_secret",
        ]

    @pytest.mark.parametrize(("own", "other"), PAIRS)
    def test_a_token_of_one_cloud_is_refused_by_another(self, own: str, other: str, partner: Partner) -> None:
        partner.cloud = other
        options = {"access_token": partner.emu.clouds[own]["access_token"]}
        error = partner.error(ServiceError, lambda: partner.find(AZURE, **options))
        assert (error.status, error.code) == (401, "400")
        assert "Check cloud, authority and audience" in str(error)
        (request,) = partner.requests
        assert request["note"].startswith("token refused")

    @pytest.mark.parametrize(("own", "other"), PAIRS)
    def test_signed_in_to_one_cloud_asking_another(self, own: str, other: str, partner: Partner) -> None:
        partner.cloud = own
        options = partner.signed_in(base_url=partner.emu.clouds[other]["base_url"])
        partner.error(ServiceError, lambda: partner.find(AZURE, **options))
        statuses = [request["status"] for request in partner.emu.requests(f"partner_{other}")]
        # One more try with a fresh token.
        assert statuses == [401, 401]

    @pytest.mark.parametrize(("own", "other"), PAIRS)
    def test_a_refresh_token_of_one_cloud_is_refused_by_another(self, own: str, other: str, partner: Partner) -> None:
        partner.cloud = other
        options = partner.signed_in(refresh_token=partner.emu.clouds[own]["refresh_token"])
        assert "AADSTS70000" in str(partner.error(SignInError, lambda: partner.find(AZURE, **options)))
        assert partner.requests == []

    @pytest.mark.parametrize(("own", "other"), [("public", "china"), ("china", "public"), ("usgov", "china")])
    def test_the_audience_of_another_cloud(self, own: str, other: str, partner: Partner) -> None:
        partner.cloud = own
        options = partner.signed_in(audience=PLAYED[other].partner_audience)
        text = str(partner.error(SignInError, lambda: partner.find(AZURE, **options)))
        assert "AADSTS500011" in text
        assert "Check audience" in text

    def test_the_cloud_can_come_from_the_environment(self, partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AZURE_CLOUD_ENVIRONMENT", "AzureChinaCloud")
        partner.cloud, partner.cache = "china", MemoryCache()
        partner.find(AZURE, **partner.signed_in(cloud=None))
        assert [request["status"] for request in partner.requests] == [200]


class TestAudience:
    def test_the_dead_one_of_old_samples(self, partner: Partner) -> None:
        options = partner.signed_in(audience=OLD_PARTNER_AUDIENCE)
        error = partner.error(ServiceError, lambda: partner.find(AZURE, **options))
        assert (error.status, error.code) == (401, "900420")
        assert "Leave audience at its default" in str(error)

    def test_of_something_else(self, partner: Partner) -> None:
        error = partner.error(ServiceError, lambda: partner.find(AZURE, **partner.signed_in(audience=GRAPH_AUDIENCE)))
        assert (error.status, error.code) == (401, "400")

    def test_a_slash_at_the_end_does_not_matter(self, partner: Partner) -> None:
        partner.find(AZURE, **partner.signed_in(audience=f"{PUBLIC}/", base_url=f"{partner.base_url}/"))
        assert partner.paths == [f"/v1/offers/{AZURE}"]


class TestSignIn:
    @pytest.mark.parametrize(
        ("method", "note"),
        [
            ({"client_certificate_path": "certificate_path"}, "client_credentials/certificate"),
            ({"federated_token_file": "federated_token_file"}, "client_credentials/federated_token"),
        ],
    )
    def test_of_the_application(self, method: dict[str, str], note: str, partner: Partner) -> None:
        partner.cache = MemoryCache()
        values = {name: getattr(partner.emu, attribute) for name, attribute in method.items()}
        partner.find(AZURE, **partner.signed_in(client_secret=None, **values))
        assert partner.emu.requests("entra")[-1]["note"] == note
        assert [request["status"] for request in partner.requests] == [200]

    def test_of_a_user_with_a_native_client(self, partner: Partner) -> None:
        emu, partner.cache = partner.emu, MemoryCache()
        options = partner.signed_in(
            client_id=emu.public_client_id, client_secret=None, refresh_token=emu.public_refresh_token
        )
        assert ids_of(partner.find(AZURE, **options).offers) == [AZURE]
        assert emu.requests("entra")[-1]["note"] == "refresh_token/none"

    def test_of_a_user_with_a_certificate(self, partner: Partner) -> None:
        emu, partner.cache = partner.emu, MemoryCache()
        options = partner.signed_in(
            client_secret=None, client_certificate_path=emu.certificate_path, refresh_token=emu.refresh_token
        )
        assert ids_of(partner.find(AZURE, **options).offers) == [AZURE]
        assert emu.requests("entra")[-1]["note"] == "refresh_token/certificate"

    def test_of_a_user_without_a_second_factor(self, partner: Partner) -> None:
        options = partner.signed_in(refresh_token=partner.emu.refresh_token_without_mfa)
        text = str(partner.error(ServiceError, lambda: partner.find(AZURE, **options)))
        assert "issued without multi-factor authentication" in text
        assert "Consent again with multi-factor authentication" in text

    def test_of_a_user_with_an_expired_refresh_token(self, partner: Partner) -> None:
        options = partner.signed_in(refresh_token=partner.emu.expired_refresh_token)
        text = str(partner.error(SignInError, lambda: partner.find(AZURE, **options)))
        assert "AADSTS700082" in text
        assert "consent again and set the new one" in text

    def test_one_for_many_offers(self, partner: Partner) -> None:
        partner.cache = MemoryCache()
        partner.find(*partner.emu.offer_ids(30), **partner.signed_in())
        assert partner.emu.token_requests() == 1
        assert len({request["headers"]["authorization"] for request in partner.requests}) == 1

    def test_one_for_many_offers_without_a_cache(self, partner: Partner) -> None:
        partner.find(*partner.emu.offer_ids(30), **partner.signed_in())
        assert (partner.emu.token_requests(), len(partner.requests)) == (1, 30)

    def test_none_when_everything_is_known(self, partner: Partner) -> None:
        partner.cache = MemoryCache()
        ids = partner.emu.offer_ids(5)
        partner.find(*ids, **partner.signed_in())
        before = len(partner.emu.requests())
        partner.find(*ids[::-1], **partner.signed_in())
        assert len(partner.emu.requests()) == before

    def test_none_for_no_offers(self, partner: Partner) -> None:
        assert partner.find(offer_id=[], **partner.signed_in()).offers == []
        assert partner.emu.requests() == []

    def test_the_token_goes_to_the_service_alone(self, partner: Partner) -> None:
        token = partner.emu.clouds["public"]["access_token"]
        partner.find(AZURE)
        assert [request["listener"] for request in partner.emu.requests()] == ["partner_public"]
        assert partner.requests[0]["headers"]["authorization"].endswith(token_hash(token))
        assert token not in str(partner.requests)


class TestCache:
    """What decides the answer is in the key of the cache."""

    @pytest.mark.parametrize(
        "change", [{"country": "DE"}, {"locale": "de-DE"}, {"client_id": "inactive_client_id"}, {"cloud": "usgov"}]
    )
    def test_another_question_is_asked_again(self, change: dict[str, str], partner: Partner) -> None:
        partner.cache = MemoryCache()
        partner.find(AZURE, **partner.signed_in())
        if "cloud" in change:
            partner.cloud = change["cloud"]
            change = {}
        if "client_id" in change:
            emu = partner.emu
            change = {"client_id": emu.inactive_client_id, "client_secret": emu.inactive_client_secret}
        before = len(partner.requests)
        # The other application may not ask, and is not told what the first one was.
        with pytest.raises(ServiceError) if "client_id" in change else nullcontext():
            partner.find(AZURE, **partner.signed_in(**change))
        assert len(partner.requests) == before + 1

    def test_not_found_is_kept_within_the_run(self, partner: Partner) -> None:
        partner.cache = MemoryCache()
        for _time in range(2):
            found = partner.find("00000000-0000-4000-8000-000000000000", on_missing="ignore")
            assert found.not_found == ["00000000-0000-4000-8000-000000000000"]
        assert len(partner.requests) == 1

    def test_other_errors_are_not(self, partner: Partner) -> None:
        partner.cache = MemoryCache()
        partner.behave("not_visible", times=1)
        partner.error(ServiceError, lambda: partner.find(AZURE))
        assert ids_of(partner.find(AZURE).offers) == [AZURE]

    def test_lists_of_all_kinds_are_kept_apart(self, partner: Partner) -> None:
        partner.cache = MemoryCache()
        for _time in range(2):
            assert len(partner.find().offers) == 340
            assert 0 < len(partner.find(category_id="Trial_Key").offers) < 340
            assert len(partner.find(customer_id=partner.emu.customer_ids["US"]).offers) == 340
            assert len(partner.categories()) == 4
        assert len(partner.requests) == 4


def test_a_service_that_is_down_is_not_asked_for_everything(partner: Partner) -> None:
    partner.fault("reset")
    with pytest.raises(ProvisioningError):
        partner.find(*partner.emu.offer_ids(100), max_retries=0, max_concurrency=4)
    assert len(partner.requests) < 30
