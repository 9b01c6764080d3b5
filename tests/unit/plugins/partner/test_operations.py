# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each operation of the offers API, and what is sent for it."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit

import pytest
from emulator import offers
from emulator.client import Emulator
from emulator.log import token_hash
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from unit.plugins.partner.support import GUID, UNKNOWN_400, Partner, ids_of

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    OptionError,
    ServiceError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import bare_guid

pytestmark = pytest.mark.usefixtures("quick_retries")
AZURE = "MS-AZR-0145P"
ODD_IDS = ["a/b", "50%", "%2F", "%2e%2e", "DZ:0001:0002", "a?b=c#d", "Büro-写真", "a&b+c;d", "..a", "a\\b", "~{'\"}"]


class TestGetOffer:
    @pytest.mark.parametrize("bom", [True, False])
    def test_the_body_is_returned_as_the_service_sent_it(self, bom: bool, partner: Partner) -> None:
        partner.emu.settings(partner_bom=bom)
        market = partner.emu.offers()
        with partner.client() as client:
            for expected in market[:40]:
                assert client.get_offer(expected["id"]) == expected
        # These differ in which fields they have.
        assert len({frozenset(offer) for offer in market[:40]}) > 1
        assert len({frozenset(offer["links"]["learnMore"]) for offer in market[:40]}) > 1

    def test_the_request(self, partner: Partner) -> None:
        (offer_id,) = partner.emu.offer_ids(1, start=3)
        partner.find(offer_id, country="us")
        (request,) = partner.requests
        assert (request["method"], request["path"], request["query"]) == ("GET", f"/v1/offers/{offer_id}", "country=US")
        assert request["body_length"] == 0

    @pytest.mark.parametrize("offer_id", [AZURE, AZURE.lower()])
    def test_an_id_that_is_no_guid(self, offer_id: str, partner: Partner) -> None:
        assert partner.find(offer_id).offers[0]["billing"] == "usage"

    @pytest.mark.parametrize("country", offers.COUNTRIES)
    def test_every_market(self, country: str, partner: Partner) -> None:
        (offer_id,) = partner.emu.offer_ids(1, country, start=50)
        assert partner.find(offer_id, country=country).offers[0]["country"] == country

    def test_another_language(self, partner: Partner) -> None:
        (offer_id,) = partner.emu.offer_ids(1, "DE", start=50)
        offer = partner.find(offer_id, country="DE", locale="de-DE").offers[0]
        assert offer["locale"] == "de-DE"
        assert "Team von" in offer["description"]

    def test_the_casing_of_the_answered_id_does_not_matter(self, partner: Partner) -> None:
        (offer_id,) = partner.emu.offer_ids(1, start=7)
        partner.behave("lower_case_id")
        assert partner.find(offer_id).offers[0]["id"] == offer_id.lower()

    @pytest.mark.parametrize(("behavior", "says"), [("other_offer", "another offer"), ("no_id", "without an offer")])
    def test_an_answer_that_is_not_the_offer(self, behavior: str, says: str, partner: Partner) -> None:
        partner.behave(behavior)
        error = partner.error(ServiceError, lambda: partner.find(*partner.emu.offer_ids(1, start=7)))
        assert says in str(error)
        assert error.status == 200


class TestCollections:
    @pytest.mark.parametrize("country", offers.COUNTRIES)
    def test_market(self, country: str, partner: Partner) -> None:
        assert partner.find(country=country).offers == partner.emu.offers(country)
        (request,) = partner.requests
        assert (request["path"], request["query"]) == ("/v1/offers", f"country={country}")

    def test_category(self, partner: Partner) -> None:
        expected = [offer for offer in partner.emu.offers() if offer["category"]["id"] == "SmallBusiness_Key"]
        assert partner.find(category_id="SmallBusiness_Key").offers == expected
        assert expected
        (request,) = partner.requests
        assert (request["path"], request["query"]) == ("/v1/offers", "country=US&offer_category_id=SmallBusiness_Key")

    def test_addons(self, partner: Partner) -> None:
        with_addons = next(offer for offer in partner.emu.offers() if offer["hasAddOns"])
        with partner.client() as client:
            found = client.list_addons(with_addons["id"])
        assert found == offers.addons(with_addons["id"])
        assert found
        (request,) = partner.requests
        assert (request["path"], request["query"]) == (f"/v1/offers/{with_addons['id']}/addons", "country=US")

    def test_addons_have_no_category(self, partner: Partner) -> None:
        addons = [offer for offer in partner.find().offers if offer["isAddOn"]]
        assert addons
        assert all((offer["category"]["id"], offer["category"]["name"]) == ("", "") for offer in addons)

    def test_addons_of_an_offer_that_is_not_found_are_none(self, partner: Partner) -> None:
        with partner.client() as client:
            assert client.list_addons(UNKNOWN_400) == []

    def test_categories(self, partner: Partner) -> None:
        assert partner.categories(country="DE", locale="de-DE") == offers.categories("DE", "de-DE")
        (request,) = partner.requests
        assert (request["path"], request["query"]) == ("/v1/offercategories", "country=DE")

    def test_customer(self, partner: Partner) -> None:
        customer = partner.emu.customer_ids["GB"]
        found = partner.find(customer_id=customer)
        assert found.offers == [offer for offer in partner.emu.offers("GB") if offer["isAvailableForPurchase"]]
        assert partner.paths == [f"/v1/customers/{customer}/offers"]

    def test_some_offers_for_a_customer(self, partner: Partner) -> None:
        customer = partner.emu.customer_ids["GB"]
        sold = [offer["id"] for offer in partner.emu.offers("GB") if offer["isAvailableForPurchase"]][:3]
        not_for_sale = next(offer["id"] for offer in partner.emu.offers("GB") if not offer["isAvailableForPurchase"])
        wanted = [sold[2], not_for_sale, sold[0].lower()]
        found = partner.find(*wanted, customer_id=customer, country="GB", on_missing="ignore")
        assert ids_of(found.offers) == [sold[2], sold[0]]
        assert found.not_found == [not_for_sale]
        assert len(partner.requests) == 1

    def test_a_collection_without_items(self, partner: Partner) -> None:
        partner.behave("no_items")
        assert "without a list of items" in str(partner.error(ServiceError, partner.find))


class TestHeaders:
    def test_of_every_operation(self, partner: Partner) -> None:
        with partner.client("DE", "de-DE") as client:
            client.get_offer(AZURE)
            client.list_offers("Trial_Key")
            client.list_addons(AZURE)
            client.list_categories()
            client.list_customer_offers(partner.emu.customer_ids["DE"])
        assert len(partner.requests) == 5
        for request in partner.requests:
            headers = request["headers"]
            assert headers["accept"] == "application/json"
            assert headers["x-locale"] == "de-DE"
            assert headers["ms-contract-version"] == "v1"
            assert headers["ms-partnercenter-application"] == "ansible-msdevices.provisioning"
            token = partner.emu.clouds["public"]["access_token"]
            assert headers["authorization"] == f"Bearer sha256:{token_hash(token)}"
            assert GUID.fullmatch(headers["ms-requestid"])
            assert GUID.fullmatch(headers["ms-correlationid"])

    def test_every_call_has_ids_of_its_own(self, partner: Partner) -> None:
        partner.find(*partner.emu.offer_ids(6))
        for name in ("ms-requestid", "ms-correlationid"):
            assert len({request["headers"][name] for request in partner.requests}) == 6

    def test_retries_have_the_ids_of_their_call(self, partner: Partner) -> None:
        partner.fault("status", status=503, times=1)
        partner.fault("reset", times=1)
        partner.fault("gateway_throttle", seconds=0, times=1)
        with partner.client() as client:
            client.get_offer(AZURE)
            client.get_offer(AZURE)
        tries = [(item["headers"]["ms-requestid"], item["headers"]["ms-correlationid"]) for item in partner.requests]
        assert len(tries) == 5
        assert len(set(tries[:4])) == 1
        assert set(tries[4]).isdisjoint(tries[0])

    def test_the_second_try_with_a_fresh_token_has_them_too(self, partner: Partner) -> None:
        partner.fault("unauthorized", times=1)
        partner.find(AZURE, **partner.signed_in())
        first, second = partner.requests
        assert first["headers"]["ms-requestid"] == second["headers"]["ms-requestid"]
        assert first["headers"]["ms-correlationid"] == second["headers"]["ms-correlationid"]
        assert first["headers"]["authorization"] != second["headers"]["authorization"]

    def test_every_page_is_a_call(self, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=100)
        partner.find(locale="fr-FR")
        assert len({request["headers"]["ms-requestid"] for request in partner.requests}) == 4
        assert {request["headers"]["x-locale"] for request in partner.requests} == {"fr-FR"}

    def test_the_default_locale(self, partner: Partner) -> None:
        partner.find(AZURE)
        assert partner.requests[0]["headers"]["x-locale"] == "en-US"


class TestIds:
    @pytest.mark.parametrize("offer_id", ODD_IDS)
    def test_are_percent_encoded_as_one_segment(self, offer_id: str, partner: Partner) -> None:
        error = partner.error(NotFoundError, lambda: partner.find(offer_id))
        assert offer_id in str(error)
        (path,) = partner.paths
        assert path == f"/v1/offers/{quote(offer_id, safe='')}"

    @pytest.mark.parametrize("offer_id", ODD_IDS)
    def test_of_addons_too(self, offer_id: str, partner: Partner) -> None:
        with partner.client() as client:
            assert client.list_addons(offer_id) == []
        assert partner.paths == [f"/v1/offers/{quote(offer_id, safe='')}/addons"]

    @pytest.mark.parametrize("category_id", ["A&country=DE", "Büro/50%"])
    def test_of_categories_are_encoded_in_the_query(self, category_id: str, partner: Partner) -> None:
        assert partner.find(category_id=category_id).offers == []
        assert "country=DE" not in partner.requests[0]["query"]
        assert unquote(partner.requests[0]["query"]) == f"country=US&offer_category_id={category_id}"

    @given(offer_id=st.one_of(st.text(max_size=130), st.text("./%\\:?#&;=@ a\n\u200b", max_size=12)))
    @example(offer_id="..")
    @example(offer_id=".")
    @example(offer_id="%2e%2e/..")
    @example(offer_id="//stranger.example/x")
    @example(offer_id="\ud800")
    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    def test_no_request_leaves_the_base_path(self, offer_id: str, running: Emulator) -> None:
        running.reset()
        partner = Partner(running)
        outcome = None
        try:
            partner.find(offer_id)
        except (OptionError, ServiceError) as error:
            outcome = error
        if isinstance(outcome, OptionError):
            assert "offer_id" in str(outcome)
            assert not running.requests()
            return
        (request,) = running.requests()
        assert request["listener"] == "partner_public"
        prefix, segment = request["path"][: len("/v1/offers/")], request["path"][len("/v1/offers/") :]
        assert prefix == "/v1/offers/"
        assert unquote(segment) == bare_guid(offer_id)
        assert "/" not in segment
        assert request["query"] == "country=US"
        assert urlsplit(f"https://host{request['path']}").path == request["path"]

    def test_a_long_id(self, partner: Partner) -> None:
        partner.find("x" * 100, on_missing="ignore")
        assert len(partner.requests) == 1
        partner.emu.reset()
        assert "longer than 100 characters" in partner.refused("offer_id", offer_id=["x" * 101])
