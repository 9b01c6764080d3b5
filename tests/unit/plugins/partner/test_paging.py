# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Collections that come in pages: followed to their end, on the same host alone, and not for ever."""

from __future__ import annotations

import json
from typing import Any

import pytest
from emulator import offers
from emulator.client import Emulator
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from unit.plugins.partner.support import Partner, ids_of

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ServiceError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center import (
    client as _partner_center,
)

pytestmark = pytest.mark.usefixtures("quick_retries")
PARENT = next(offer["id"] for offer in offers.offers() if len(offers.addons(offer["id"])) > 3)


class TestPages:
    @pytest.mark.parametrize(("size", "requests"), [(None, 1), (1000, 1), (340, 1), (339, 2), (100, 4), (25, 14)])
    def test_of_any_size_make_the_whole_market(self, size: int | None, requests: int, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=size)
        assert partner.find().offers == partner.emu.offers()
        assert len(partner.requests) == requests

    def test_keep_the_other_parameters(self, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=50)
        found = partner.find(category_id="Nonprofit_Key", country="GB", locale="fr-FR").offers
        assert found == [
            offer for offer in partner.emu.offers("GB", "fr-FR") if offer["category"]["id"] == "Nonprofit_Key"
        ]
        assert all("offer_category_id=Nonprofit_Key" in request["query"] for request in partner.requests)
        assert all("country=GB" in request["query"] for request in partner.requests)

    def test_of_addons(self, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=2)
        with partner.client() as client:
            assert client.list_addons(PARENT) == offers.addons(PARENT)
        assert set(partner.paths) == {f"/v1/offers/{PARENT}/addons"}
        assert len(partner.paths) > 1

    def test_of_a_customers_offers(self, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=150)
        customer = partner.emu.customer_ids["DE"]
        found = partner.find(customer_id=customer, country="DE").offers
        assert found == [offer for offer in partner.emu.offers("DE") if offer["isAvailableForPurchase"]]
        assert len(partner.requests) == 3

    def test_below_a_base_url_with_a_path(self, partner: Partner) -> None:
        """A gateway in front of the service may add a path to it; links then stay below that, too."""
        page = {"items": [{"id": "A"}], "totalCount": 2, "links": {"next": {"uri": "/offers?offset=1"}}}
        partner.fault("status", status=200, body=page, times=1)
        partner.fault("status", status=200, body={"items": [{"id": "B"}], "totalCount": 2}, times=1)
        assert ids_of(partner.find(base_url=f"{partner.base_url}/gate/way").offers) == ["A", "B"]
        assert partner.paths == ["/gate/way/v1/offers"] * 2
        assert [request["query"] for request in partner.requests] == ["country=US", "offset=1"]

    @pytest.mark.parametrize("start", ["/v1", "", "/V1", "v1", "https://{host}/v1", "https://{host}", "//{host}/v1"])
    def test_links_of_every_kind(self, start: str, partner: Partner) -> None:
        uri = start.format(host=partner.base_url.removeprefix("https://")) + "/offers?country=US&offset=339&size=1"
        page = {"items": partner.emu.offers()[:339], "links": {"next": {"uri": uri.lstrip() or "/"}}}
        partner.fault("status", status=200, body=page, times=1)
        assert partner.find().offers == partner.emu.offers()
        assert partner.paths == ["/v1/offers"] * 2

    def test_the_same_page_size_is_not_asked_for(self, partner: Partner) -> None:
        """The service decides on the size of pages."""
        partner.find()
        assert "size" not in partner.requests[0]["query"]

    def test_pages_that_overlap(self, partner: Partner) -> None:
        """When the list changes while it is read, an offer can come twice; it is returned once."""
        partner.emu.settings(partner_page_size=100)
        partner.behave("overlapping_pages")
        assert partner.find().offers == partner.emu.offers()
        assert len(partner.requests) == 4


class TestWithoutLinks:
    @pytest.mark.parametrize(("size", "requests"), [(None, 1), (100, 4), (25, 14)])
    def test_the_total_tells_that_there_is_more(self, size: int | None, requests: int, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=size, partner_links=False)
        assert partner.find().offers == partner.emu.offers()
        assert len(partner.requests) == requests

    def test_pages_that_overlap(self, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=100, partner_links=False)
        partner.behave("overlapping_pages")
        assert partner.find().offers == partner.emu.offers()

    @pytest.mark.parametrize("total", ["5", None, 2.5, -1, True, [7], 3])
    def test_a_total_that_tells_nothing(self, total: Any, partner: Partner) -> None:
        items = [{"id": str(number)} for number in range(3)]
        partner.fault("status", status=200, body={"totalCount": total, "items": items})
        assert partner.find().offers == items
        assert len(partner.requests) == 1

    def test_a_total_of_the_page_alone_ends_it(self, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=100, partner_total_of_page=True)
        assert len(partner.find().offers) == 340

    def test_a_service_that_does_not_know_the_offset(self, partner: Partner) -> None:
        """It answers with the same again: that is all it has."""
        items = [{"id": str(number)} for number in range(3)]
        partner.fault("status", status=200, body={"totalCount": 9, "items": items})
        assert partner.find().offers == items
        assert len(partner.requests) == 2

    @pytest.mark.parametrize("links", [None, {}, [], "next", {"next": None}, {"next": {}}, {"next": {"uri": ""}}])
    def test_links_that_lead_nowhere(self, links: Any, partner: Partner) -> None:
        items = [{"id": "A"}, {"id": "B", "name": None}]
        partner.fault("status", status=200, body={"items": items, "links": links})
        assert partner.find().offers == items
        assert len(partner.requests) == 1

    def test_offers_without_an_id_are_all_returned(self, partner: Partner) -> None:
        items = [{"name": "A"}, {"name": "B"}, {"id": "", "name": "C"}]
        partner.fault("status", status=200, body={"items": items})
        assert partner.find().offers == items

    @pytest.mark.parametrize("items", [None, {}, "text", [1], [{"id": "A"}, None], [[]]])
    def test_items_that_are_none(self, items: Any, partner: Partner) -> None:
        partner.fault("status", status=200, body={"items": items})
        assert "without a list of items" in str(partner.error(ServiceError, partner.find))

    def test_an_empty_market(self, partner: Partner) -> None:
        partner.fault("status", status=200, body={"totalCount": 0, "items": []})
        assert partner.find().offers == []


class TestHostileLinks:
    @pytest.mark.parametrize("on_missing", ["error", "warn", "ignore"])
    @pytest.mark.parametrize("behavior", ["next_elsewhere", "next_scheme_relative", "next_outside"])
    def test_get_no_token(self, behavior: str, on_missing: str, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=100)
        partner.behave(behavior)
        text = str(partner.error(ServiceError, lambda: partner.find(on_missing=on_missing)))
        assert "Could not list the offers in US" in text
        assert ("no path" if behavior == "next_outside" else "another host") in text
        assert len(partner.requests) == 1
        assert partner.emu.count("stranger") == partner.emu.count("stranger_http") == 0

    @pytest.mark.parametrize(
        "uri",
        [
            "http://{host}/v1/offers?offset=1",
            "https://{host}@stranger.example/v1/offers",
            "https://user:password@{host}/v1/offers",
            "https://{host}.stranger.example/v1/offers",
            "https://localhost:1/v1/offers",
            "https://localhost/v1/offers",
            "//stranger.example/v1/offers",
            "ftp://{host}/offers",
            "javascript:alert(1)",
            "/../v1/offers?x=1",
            "/v1/../../offers",
            "/%2e%2e/offers",
            "/./offers",
            "/",
            "?offset=5",
            "//[",
            "https://[::1/",
            "/offers/\ud800?x=1",
        ],
    )
    def test_of_every_kind(self, uri: str, partner: Partner) -> None:
        uri = uri.format(host=partner.base_url.removeprefix("https://")) if "{host}" in uri else uri
        body = {"items": [{"id": "A"}], "links": {"next": {"uri": uri}}}
        partner.fault("status", status=200, body=json.dumps(body), content_type="application/json")
        partner.error(ServiceError, partner.find)
        assert len(partner.emu.requests()) == 1

    @given(uri=st.one_of(st.text(max_size=40), st.text("/.:\\@%?#[]v1offershttps", max_size=30)))
    @example(uri="\\\\stranger.example\\x")
    @example(uri="/\\stranger.example")
    @settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    def test_whatever_they_are(self, uri: str, running: Emulator) -> None:
        running.reset()
        partner = Partner(running)
        body = {"items": [{"id": "A"}], "links": {"next": {"uri": uri}}}
        partner.fault("status", status=200, body=json.dumps(body), content_type="application/json", times=1)
        outcome: Any = None
        try:
            outcome = partner.find().offers
        except ServiceError as error:
            outcome = str(error)
        assert outcome
        requests = running.requests()
        assert 1 <= len(requests) <= 2
        assert all(request["listener"] == "partner_public" for request in requests)
        assert all(request["path"].startswith("/v1/") for request in requests)


class TestEndlessPages:
    @pytest.mark.parametrize("on_missing", ["error", "warn", "ignore"])
    @pytest.mark.parametrize(("behavior", "most"), [("next_loop", 2), ("next_endless", 5)])
    def test_are_an_error(self, behavior: str, most: int, on_missing: str, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=100)
        partner.behave(behavior)
        text = str(partner.error(ServiceError, lambda: partner.find(on_missing=on_missing)))
        assert "pages never end" in text
        assert len(partner.requests) <= most

    def test_with_ever_new_offers(self, partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_partner_center, "_MAX_PAGES", 20)
        partner.emu.settings(partner_page_size=1)
        assert "pages never end (20 so far)" in str(partner.error(ServiceError, partner.find))
        assert len(partner.requests) == 20

    def test_with_empty_pages(self, partner: Partner) -> None:
        body = {"items": [], "links": {"next": {"uri": "/offers?offset=1"}}}
        partner.fault("status", status=200, body=body)
        assert "pages never end" in str(partner.error(ServiceError, partner.find))

    def test_many_are_not(self, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=3)
        assert len(partner.find().offers) == 340


class TestTroubleBetweenPages:
    def test_that_passes(self, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=100)
        partner.fault("status", status=503, after=2, times=1)
        assert partner.find().offers == partner.emu.offers()
        assert len(partner.requests) == 5

    def test_that_stays_is_an_error_and_no_short_list(self, partner: Partner) -> None:
        partner.emu.settings(partner_page_size=100)
        partner.fault("status", status=403, body={"code": 2006, "description": "No."}, after=2)
        assert "may not see the offer" in str(partner.error(ServiceError, partner.find))

    def test_a_body_without_end(self, partner: Partner) -> None:
        partner.fault("oversized", size=40 * 1024 * 1024)
        assert "larger than 32768 KiB" in str(partner.error(ServiceError, partner.find))


class TestAddonsOfMany:
    def test_each_offer_that_does_not_say_it_has_none_is_asked_for(self, partner: Partner) -> None:
        market = partner.emu.offers("DE")[:40]
        ids = ids_of(market)
        found = partner.find(*ids, country="DE", include_addons=True)
        assert found.addons == {offer_id: offers.addons(offer_id, "DE") for offer_id in ids}
        asked = {path.split("/")[3] for path in partner.paths if path.endswith("/addons")}
        assert asked == {offer["id"] for offer in market if offer["hasAddOns"]}
        assert 0 < len(asked) < len(ids)

    def test_an_offer_that_says_nothing_is_asked(self, partner: Partner) -> None:
        silent = {"id": "MS-AZR-0145P"}
        partner.fault("status", status=200, body=silent, path_regex="0145P$")
        found = partner.find("MS-AZR-0145P", include_addons=True)
        assert found.offers == [silent]
        assert list(found.addons) == ["MS-AZR-0145P"]
        assert len(partner.requests) == 2

    @pytest.mark.parametrize("bad", ["..", ".", "a\u0000b", "\ud800"])
    def test_ids_of_the_service_that_are_none(self, bad: str, partner: Partner) -> None:
        body = json.dumps({"items": [{"id": bad}]})
        partner.fault("status", status=200, body=body, content_type="application/json", path_regex="offers$")
        partner.error(ServiceError, lambda: partner.find(include_addons=True))
        assert len(partner.requests) == 1

    def test_trouble_with_one_is_an_error(self, partner: Partner) -> None:
        partner.fault("status", status=403, body={"code": 2006, "description": "No."}, path_regex=f"{PARENT}/addons")
        partner.error(ServiceError, lambda: partner.find(*partner.emu.offer_ids(3), PARENT, include_addons=True))
