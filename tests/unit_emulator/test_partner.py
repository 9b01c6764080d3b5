# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partner Center: four clouds, strict headers, awkward answers, paging."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from emulator import offers
from emulator.client import Emulator, EmulatorError
from emulator.clouds import CLOUDS, OLD_PARTNER_AUDIENCE, STORE_AUDIENCE
from emulator.partner import ANSWERS, BEHAVIORS
from emulator.partner_catalog import ANSWERS as CATALOG_ANSWERS
from emulator.partner_faults import REFUSALS

#: Those that every offer of the recorded list had.
FIELDS = (
    "id name description minimumQuantity maximumQuantity rank uri locale country category limitUnitOfMeasure limit"
    " termUnitOfMeasure term prerequisiteOffers isAddOn hasAddOns isAvailableForPurchase billing"
    " supportedBillingCycles isAutoRenewable isInternal isMicrosoftProduct conversionTargetOffers"
    " reselleeQualifications resellerQualifications salesGroupId isTrial acquisitionType supportedCatalogTypes"
    " actions product unitType links attributes"
)
GUID = "12345678-0000-4000-8000-000000000000"


def get(emu: Emulator, path: str, cloud: str = "public", headers: dict[str, Any] | None = None, **query: Any) -> Any:
    """A request as a good client makes it; ``headers`` of none are left out."""
    values = {
        "Authorization": "Bearer " + emu.clouds[cloud]["access_token"],
        "Accept": "application/json",
        "X-Locale": "en-US",
        "MS-RequestId": GUID,
        "MS-CorrelationId": GUID,
        "MS-Contract-Version": "v1",
        **(headers or {}),
    }
    return requests.get(
        emu.clouds[cloud]["base_url"] + "/v1" + path, params=query, headers=values, verify=emu.ca_path, timeout=10
    )


def body(answer: requests.Response) -> Any:
    return json.loads(answer.content.decode("utf-8-sig"))


def test_offer(emu: Emulator) -> None:
    (offer_id,) = emu.offer_ids(1, start=20)
    answer = get(emu, f"/offers/{offer_id}", country="us")
    assert answer.status_code == 200
    assert answer.content.startswith(b"\xef\xbb\xbf{")
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content.decode("utf-8"))
    assert body(answer) == next(offer for offer in emu.offers() if offer["id"] == offer_id)
    assert answer.headers["MS-RequestId"] == answer.headers["MS-CorrelationId"] == GUID
    assert answer.headers["MS-CV"]
    assert answer.headers["MS-ServerId"]


def test_byte_order_mark_can_be_switched_off(emu: Emulator) -> None:
    emu.settings(partner_bom=False)
    assert get(emu, "/offers", country="US").json()["totalCount"] == offers.COUNT


def test_id_that_is_no_guid(emu: Emulator) -> None:
    for offer_id in ("MS-AZR-0145P", "ms-azr-0145p"):
        assert body(get(emu, f"/offers/{offer_id}", country="DE"))["billing"] == "usage"


@pytest.mark.parametrize("country", offers.COUNTRIES)
def test_market(emu: Emulator, country: str) -> None:
    market = body(get(emu, "/offers", country=country))
    items = market["items"]
    assert market["totalCount"] == len(items) >= 300
    assert market["attributes"] == {"objectType": "Collection"}
    assert list(market["links"]) == ["self"]
    assert not market["links"]["self"]["uri"].startswith(("/v1", "http"))
    assert {item["country"] for item in items} == {country}
    assert len({item["id"] for item in items}) == len({item["rank"] for item in items}) == len(items)
    names = [item["name"] for item in items]
    assert any(not name.isascii() for name in names)
    assert any("<" in name and "&" in name for name in names)
    assert {item["isTrial"] for item in items} == {item["isAddOn"] for item in items} == {True, False}
    assert {item["category"]["id"] for item in items if item["isAddOn"]} == {""}
    assert {item["category"]["name"] for item in items if item["isAddOn"]} == {""}
    absent = [item for item in items if "upgradeTargetOffers" not in item]
    assert 0.7 < len(absent) / len(items) < 0.95
    assert 0.7 < sum("uri" not in item["links"]["learnMore"] for item in items) / len(items) < 0.95
    assert max(len(item["prerequisiteOffers"]) for item in items) == 249
    assert 0.3 < sum(item["hasAddOns"] for item in items) / len(items) < 0.5


def test_fields_are_those_of_the_profile() -> None:
    required = set(FIELDS.split())
    for offer in offers.offers("US"):
        assert set(offer) - {"upgradeTargetOffers"} == required
        assert set(offer["category"]) == {"id", "name", "rank", "locale", "country", "attributes"}
        assert offer["isAvailableForPurchase"] is True
        assert offer["limitUnitOfMeasure"] in ("None", "Lifetime", "Concurrent")
    assert any(not offer["isAvailableForPurchase"] for offer in offers.offers("GB"))


def test_locale(emu: Emulator) -> None:
    market = body(get(emu, "/offers", headers={"X-Locale": "de-de"}, country="DE"))
    assert {item["locale"] for item in market["items"]} == {"de-DE"}
    assert "Gemeinnützig" in {item["category"]["name"] for item in market["items"]}
    rules = body(get(emu, "/countryvalidationrules/gb"))
    assert (rules["defaultCulture"], rules["supportedCulturesList"]) == ("en-GB", ["en-GB"])
    refused = get(emu, "/offers", headers={"X-Locale": "en-GB"}, country="GB")
    assert (refused.status_code, body(refused)["code"]) == (400, 0)
    assert body(refused)["description"] == "Locale en-GB is not supported."
    assert get(emu, "/countryvalidationrules/XX").status_code == 404


def test_category_filter(emu: Emulator) -> None:
    categories = body(get(emu, "/offercategories", country="GB"))
    assert [item["id"] for item in categories["items"]] == [
        "Enterprise_Key",
        "SmallBusiness_Key",
        "Nonprofit_Key",
        "Trial_Key",
    ]
    counts = []
    for item in categories["items"]:
        found = body(get(emu, "/offers", country="GB", offer_category_id=item["id"]))
        assert {offer["category"]["id"] for offer in found["items"]} == {item["id"]}
        counts.append(found["totalCount"])
    addons = sum(offer["isAddOn"] for offer in emu.offers("GB"))
    assert sum(counts) + addons == len(emu.offers("GB"))
    assert body(get(emu, "/offers", country="GB", offer_category_id="none"))["items"] == []


def test_addons(emu: Emulator) -> None:
    parent = next(offer for offer in emu.offers() if offer["hasAddOns"])
    found = body(get(emu, f"/offers/{parent['id']}/addons", country="US"))
    assert found["totalCount"] > 0
    assert all(offer["isAddOn"] and parent["id"] in offer["prerequisiteOffers"] for offer in found["items"])
    without = next(offer for offer in emu.offers() if not offer["hasAddOns"])
    assert body(get(emu, f"/offers/{without['id']}/addons", country="US"))["items"] == []


def test_customer(emu: Emulator) -> None:
    found = body(get(emu, f"/customers/{emu.customer_ids['GB']}/offers"))
    assert {offer["country"] for offer in found["items"]} == {"GB"}
    stranger = get(emu, f"/customers/{GUID}/offers")
    assert (stranger.status_code, body(stranger)["code"], body(stranger)["data"]) == (
        403,
        20002,
        [f"CustomerId: {GUID}"],
    )
    assert body(get(emu, "/customers/nonsense/offers"))["code"] == 2000


def follow(emu: Emulator, **query: Any) -> list[str]:
    """The ids of all pages of the US market by following links."""
    found, path, pages = [], "/offers", 0
    parameters: dict[str, Any] = {"country": "US", **query}
    while path:
        page = body(get(emu, path, **parameters))
        found += [item["id"] for item in page["items"]]
        uri = page["links"].get("next", {}).get("uri", "")
        assert not uri.startswith("/v1")
        path, parameters = urlsplit(uri).path, {key: value[0] for key, value in parse_qs(urlsplit(uri).query).items()}
        pages += 1
        assert pages < 50
    return found


def test_paging(emu: Emulator) -> None:
    expected = [offer["id"] for offer in emu.offers()]
    assert follow(emu) == expected
    assert emu.count("partner_public") == 1
    assert follow(emu, size=100) == expected
    assert emu.count("partner_public") == 1 + 4
    emu.settings(partner_page_size=150)
    assert follow(emu) == expected
    assert emu.count("partner_public") == 1 + 4 + 3
    page = body(get(emu, "/offers", country="US", offset=150, size=50))
    assert parse_qs(urlsplit(page["links"]["previous"]["uri"]).query)["offset"] == ["100"]
    assert page["totalCount"] == offers.COUNT
    emu.settings(partner_total_of_page=True, partner_links=False)
    page = body(get(emu, "/offers", country="US", offset=150, size=50))
    assert page["totalCount"] == 50
    assert "links" not in page
    assert body(get(emu, "/offers", country="US", size=0))["code"] == 2000


@pytest.mark.parametrize("behavior", sorted(ANSWERS))
def test_awkward_answers(emu: Emulator, behavior: str) -> None:
    emu.fault(action="partner_behavior", value=behavior)
    if behavior in ("other_offer", "no_id", "lower_case_id"):
        offer_id = emu.offer_ids(2)[1]
        got = body(get(emu, f"/offers/{offer_id}", country="US")).get("id")
        assert (got is None) == (behavior == "no_id")
        assert got != offer_id
        assert (got == offer_id.lower()) == (behavior == "lower_case_id")
        return
    page = body(get(emu, "/offers", country="US", offset=100, size=100))
    if behavior == "no_items":
        assert "items" not in page
        return
    uri = page["links"]["next"]["uri"]
    offset = parse_qs(urlsplit(uri).query)["offset"]
    assert offset == (["100"] if behavior == "next_loop" else ["200"])
    starts = {
        "next_elsewhere": emu.stranger + "/v1/offers?",
        "next_scheme_relative": "//127.0.0.1:",
        "next_outside": "/../outside/offers?",
        "next_absolute": emu.partner_public + "/v1/offers?",
    }
    assert uri.startswith(starts.get(behavior, "/offers?"))
    if behavior == "overlapping_pages":
        assert page["items"][0]["id"] == emu.offers()[99]["id"]
    if behavior == "next_endless":
        far = body(get(emu, "/offers", country="US", offset=1_000_000, size=100))
        assert len(far["items"]) == 100
        assert far["links"]["next"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Locale": None}, 2000),
        ({"X-Locale": "english"}, 2000),
        ({"MS-RequestId": "no guid"}, 2000),
        ({"MS-CorrelationId": "1"}, 2000),
        ({"MS-Contract-Version": "v2"}, 2000),
    ],
)
def test_strict_headers(emu: Emulator, headers: dict[str, Any], code: int) -> None:
    answer = get(emu, f"/offers/{emu.offer_ids(1)[0]}", headers=headers, country="US")
    assert (answer.status_code, body(answer)["code"]) == (400, code)
    assert body(answer)["source"] == "PartnerFD"


@pytest.mark.parametrize("accept", ["*/*", "application/xml", None])
def test_xml_for_those_who_do_not_ask_for_json(emu: Emulator, accept: str | None) -> None:
    answer = get(emu, f"/offers/{emu.offer_ids(1)[0]}", headers={"Accept": accept}, country="US")
    assert answer.headers["Content-Type"].startswith("application/xml")
    assert ET.fromstring(answer.content).findtext("id") == emu.offer_ids(1)[0]


@pytest.mark.parametrize(
    ("country", "status", "code"),
    [(None, 400, "800002"), ("", 400, "800002"), ("XX", 400, "800002"), ("FR", 403, 2030), ("CA", 403, 0)],
)
def test_country(emu: Emulator, country: str | None, status: int, code: int | str) -> None:
    for path in ("/offers", f"/offers/{emu.offer_ids(1)[0]}", "/offercategories"):
        answer = get(emu, path, country=country)
        assert (answer.status_code, body(answer)["code"]) == (status, code)


def test_offer_that_is_not_sold_everywhere(emu: Emulator) -> None:
    offer_id = offers.ids()[9]
    assert get(emu, f"/offers/{offer_id}", country="US").status_code == 200
    answer = get(emu, f"/offers/{offer_id}", country="DE")
    assert (answer.status_code, body(answer)["code"]) == (400, 800070)
    assert offer_id not in emu.offer_ids(1000, "DE")


@pytest.mark.parametrize(
    ("offer_id", "status", "code"),
    [
        ("01111111-1111-4111-8111-111111111111", 404, 1000),
        ("a1111111-1111-4111-8111-111111111111", 404, None),
        ("c1111111-1111-4111-8111-111111111111", 400, "800004"),
        ("MS-NONE", 400, "800004"),
        ("a/b ?", 400, "800004"),
        ("CFQ7TTC0LH18", 400, 2100),
        ("DZH318Z0BQ3Q:0001:DZH318Z0DGXK", 400, 2100),
    ],
)
def test_unknown_offers(emu: Emulator, offer_id: str, status: int, code: int | str | None) -> None:
    answer = get(emu, f"/offers/{quote(offer_id, safe='')}", country="US")
    assert answer.status_code == status
    assert answer.headers["MS-RequestId"] == GUID
    assert (body(answer)["code"] if answer.content else None) == code


@pytest.mark.parametrize("behavior", sorted(REFUSALS))
def test_refusals(emu: Emulator, behavior: str) -> None:
    emu.fault(action="partner_behavior", value=behavior, listener="partner_*", times=2)
    for _round in range(2):
        answer = get(emu, "/offers", country="US")
        refusal = REFUSALS[behavior]
        assert answer.status_code == refusal.status
        if refusal.body is None:
            assert answer.content == b""
        else:
            assert body(answer) == refusal.body
            assert ("data" in refusal.body) == (int(refusal.body["code"]) < 900_000)
        assert answer.reason == (refusal.reason or answer.reason)
    assert get(emu, "/offers", country="US").status_code == 200


def test_codes_are_numbers_and_texts() -> None:
    kinds = {type(refusal.body["code"]) for refusal in REFUSALS.values() if refusal.body}
    assert kinds == {int, str}
    assert len(REFUSALS["long"].body["description"]) <= 1024


def test_unknown_behavior_is_refused(emu: Emulator) -> None:
    with pytest.raises(EmulatorError, match="unknown behavior"):
        emu.fault(action="partner_behavior", value="nonsense")
    assert set(BEHAVIORS) == set(REFUSALS) | set(ANSWERS) | set(CATALOG_ANSWERS)


@pytest.mark.parametrize("cloud", sorted(CLOUDS))
def test_token_of_one_cloud_is_refused_by_the_others(emu: Emulator, cloud: str) -> None:
    for other in CLOUDS:
        headers = {"Authorization": "Bearer " + emu.clouds[other]["access_token"]}
        answer = get(emu, "/offers", cloud, headers, country="US")
        assert answer.status_code == (200 if other == cloud else 401)
        if other != cloud:
            assert body(answer)["code"] == 400


@pytest.mark.parametrize("cloud", sorted(CLOUDS))
def test_sign_in_to_each_cloud(emu: Emulator, cloud: str) -> None:
    values = emu.clouds[cloud]
    for form in ({"grant_type": "client_credentials"}, {"grant_type": "refresh_token"}):
        if form["grant_type"] == "refresh_token":
            form["refresh_token"] = values["refresh_token"]
        token = requests.post(
            f"{values['authority']}/{emu.tenant_id}/oauth2/v2.0/token",
            data={
                "client_id": emu.client_id,
                "client_secret": emu.client_secret,
                "scope": values["audience"] + "/.default",
                **form,
            },
            verify=emu.ca_path,
            timeout=10,
        ).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert get(emu, "/offers", cloud, headers, country="US").status_code == 200


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({"audience": OLD_PARTNER_AUDIENCE}, 401, "900420"),
        ({"audience": STORE_AUDIENCE}, 401, 400),
        ({"lifetime": -5}, 401, 400),
        ({"client_id": "<inactive>"}, 403, 2032),
        ({"user": True, "mfa": False}, 401, None),
        ({"user": True}, 200, None),
    ],
)
def test_tokens(emu: Emulator, values: dict[str, Any], status: int, code: int | str | None) -> None:
    values = {"audience": emu.partner_audience, **values}
    if "client_id" in values:
        values["client_id"] = emu.inactive_client_id
    headers = {"Authorization": "Bearer " + emu.token(**values)}
    answer = get(emu, "/offers", headers=headers, country="US")
    assert answer.status_code == status
    if code is not None:
        assert body(answer)["code"] == code
    elif status == 401:
        assert answer.content == b""
        assert answer.reason == "Unauthorized - MFA required"


def test_no_token(emu: Emulator) -> None:
    answer = get(emu, "/offers", headers={"Authorization": None}, country="US")
    assert (answer.status_code, body(answer)["code"]) == (401, 800001)


def test_refresh_token_without_second_factor(emu: Emulator) -> None:
    token = requests.post(
        f"{emu.entra}/{emu.tenant_id}/oauth2/v2.0/token",
        data={
            "grant_type": "refresh_token",
            "client_id": emu.client_id,
            "client_secret": emu.client_secret,
            "refresh_token": emu.refresh_token_without_mfa,
            "scope": emu.partner_audience + "/.default offline_access openid profile",
        },
        verify=emu.ca_path,
        timeout=10,
    ).json()["access_token"]
    answer = get(emu, "/offers", headers={"Authorization": f"Bearer {token}"}, country="US")
    assert (answer.status_code, answer.reason) == (401, "Unauthorized - MFA required")


def test_paths_and_methods(emu: Emulator) -> None:
    for path in ("/nothing", "/offers/", "/offers/x/y"):
        assert get(emu, path, country="US").status_code == 404
    answer = requests.post(f"{emu.partner_public}/v1/offers", verify=emu.ca_path, timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    answer = requests.get(f"{emu.partner_public}/offers", verify=emu.ca_path, timeout=10)
    assert answer.status_code == 404
