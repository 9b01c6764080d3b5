# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each fault means: every shape of an error answer becomes one error that says what happened and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from emulator import offers
from emulator.partner_faults import CATALOG_REFUSALS, REFUSALS
from unit.plugins.partner.support import GUID, UNKNOWN, UNKNOWN_400, UNKNOWN_EMPTY, Partner, ids_of

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ProvisioningError,
    ServiceError,
    UnavailableError,
)

pytestmark = pytest.mark.usefixtures("quick_retries")
AZURE = "MS-AZR-0145P"

# (HTTP status, code): what the message says happened, and what it says to do.
MEANINGS: dict[tuple[int, int], tuple[str, str]] = {
    (400, 2000): ("does not take this id", "Check offer_id"),
    (400, 2100): ("new commerce", "partner_product_info"),
    (400, 3000): ("does not take this id", "Check offer_id"),
    (400, 800002): ("a parameter is invalid", "Check offer_id, country, locale"),
    (400, 800070): ("not sold in that country", "Set country to one in which the offer is sold"),
    (400, 900127): ("does not exist in this cloud", "Check cloud and base_url"),
    (400, 2006): ("a parameter is invalid", "Check offer_id, country, locale"),
    (401, 400): ("does not accept the token", "Check cloud, authority and audience"),
    (401, 800001): ("does not accept the token", "Check cloud, authority and audience"),
    (401, 900420): ("issued for an audience that the service does not accept", "Leave audience at its default"),
    (401, 900421): ("without multi-factor", "Consent again with multi-factor authentication"),
    (403, 2006): ("may not see the offer", "may sell it"),
    (403, 2030): ("not onboarded to sell in that country", "Set country"),
    (403, 2032): ("lacks the right", "role"),
    (403, 20002): ("no reseller relationship", "Check customer_id"),
    (403, 800039): ("program status is not active", "agreements"),
    (403, 900123): ("program status is not active", "agreements"),
    (403, 900124): ("has not accepted the Microsoft Partner Agreement", "Accept it"),
    (403, 900149): ("program status is not active", "agreements"),
    (403, 900150): ("lacks the right", "role"),
    (403, 900308): ("lacks the right", "role"),
    (403, 900309): ("Conditional Access", "administers the tenant"),
    (403, 900329): ("does not take an application without a user", "refresh token that a user consented to"),
    (403, 90000): ("refuses it", "Check the roles"),
    (404, 60003): ("the tenant does not exist", "Check customer_id"),
    (501, 0): ("HTTP 501", "Microsoft's support"),
    # Of other operations; should one come here, it is told by its status.
    **dict.fromkeys(
        [(400, code) for code in (2012, 6001, 27006, 900316)], ("a parameter is invalid", "Check offer_id, country")
    ),
    **dict.fromkeys(
        [(403, code) for code in (2085, 2091, 400036, 900263, 900322)], ("the service refuses it", "Give both ids")
    ),
}
NOT_FOUND = [(404, 1000), (404, 3000), (404, 0), (400, 800004)]

# The shapes in which faults were seen, as the emulator plays them.
SHAPES: dict[str, tuple[type[ProvisioningError], str]] = {
    "unknown": (NotFoundError, "no such offer"),
    "unknown_3000": (NotFoundError, "no such offer"),
    "unknown_empty": (NotFoundError, "no such offer"),
    "unknown_800004": (NotFoundError, "no such offer"),
    "not_in_country": (ServiceError, "not sold in that country"),
    "not_onboarded": (ServiceError, "not onboarded to sell in that country"),
    "not_onboarded_zero": (ServiceError, "not onboarded to sell in that country"),
    "not_visible": (ServiceError, "may not see the offer"),
    "access_denied": (ServiceError, "lacks the right"),
    "app_only_refused": (ServiceError, "does not take an application without a user"),
    "agreement": (ServiceError, "Partner Agreement"),
    "new_commerce": (ServiceError, "partner_product_info"),
    "wrong_audience": (ServiceError, "audience"),
    "mfa_code": (ServiceError, "multi-factor"),
    "mfa_required": (ServiceError, "multi-factor"),
    "token_refused": (ServiceError, "does not accept the token"),
    "token_missing": (ServiceError, "does not accept the token"),
    "server_error": (UnavailableError, "Something unexpected happened"),
    "not_classified": (ServiceError, "The error is not classified"),
    "locale": (ServiceError, "Set locale to en-US"),
    "entities": (ServiceError, "a parameter is invalid"),
    "long": (ServiceError, "The input is bad"),
}


def body_of(code: Any, text: str = "A sentence of the service") -> dict[str, Any]:
    return {"code": code, "description": text, "data": [], "source": "PartnerFD"}


class TestCodes:
    @pytest.mark.parametrize("kind", [int, str])
    @pytest.mark.parametrize(("status", "code"), MEANINGS)
    def test_say_what_it_means_and_what_to_do(self, status: int, code: int, kind: type, partner: Partner) -> None:
        partner.fault("status", status=status, body=body_of(kind(code)), bom=True)
        meaning, remedy = MEANINGS[status, code]
        error = partner.error(ServiceError, lambda: partner.find(AZURE))
        text = str(error)
        assert meaning in text
        assert remedy in text
        assert f"HTTP {status}, code {code}" in text
        assert "A sentence of the service" in text
        assert (error.status, error.code) == (status, str(code))

    @pytest.mark.parametrize("kind", [int, str])
    @pytest.mark.parametrize(("status", "code"), NOT_FOUND)
    def test_of_an_offer_that_there_is_not(self, status: int, code: int, kind: type, partner: Partner) -> None:
        partner.fault("status", status=status, body=body_of(kind(code)), bom=True)
        error = partner.error(NotFoundError, lambda: partner.find(AZURE))
        assert AZURE in str(error)
        assert "Check offer_id and country" in str(error)

    @pytest.mark.parametrize(("status", "code"), NOT_FOUND)
    def test_of_a_market_do_not_mean_that(self, status: int, code: int, partner: Partner) -> None:
        partner.fault("status", status=status, body=body_of(code))
        partner.error(ServiceError, partner.find)
        partner.error(ServiceError, partner.categories)

    @pytest.mark.parametrize("code", [0, "0", None, "", 77, {"a": 1}])
    def test_that_do_not_help_leave_it_to_the_text(self, code: Any, partner: Partner) -> None:
        partner.fault("status", status=403, body=body_of(code, "The partner is not onboarded to sell in country US"))
        error = partner.error(ServiceError, lambda: partner.find(AZURE))
        assert "this partner is not onboarded to sell in that country" in str(error)
        assert "Set country to one in which the partner sells" in str(error)

    @pytest.mark.parametrize("status", [500, 503])
    @pytest.mark.parametrize("code", [0, "800003", 900192])
    def test_of_the_services_own_trouble_are_retried(self, status: int, code: Any, partner: Partner) -> None:
        partner.fault("status", status=status, body=body_of(code))
        error = partner.error(UnavailableError, lambda: partner.find(AZURE, max_retries=2))
        assert len(partner.requests) == 3
        assert f"HTTP {status}, code {code}" in str(error)
        assert "2 retries did not help" in str(error)
        assert "A sentence of the service" in str(error)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 417, 501])
    def test_of_refusals_are_not(self, status: int, partner: Partner) -> None:
        partner.fault("status", status=status, body=body_of(0))
        partner.error(NotFoundError if status == 404 else ServiceError, lambda: partner.find(AZURE))
        assert len(partner.requests) == 1


class TestRefusalsOfTheEmulator:
    def test_every_one_is_covered(self) -> None:
        assert set(SHAPES) == set(REFUSALS) - set(CATALOG_REFUSALS)

    @pytest.mark.parametrize("name", SHAPES)
    def test_one(self, name: str, partner: Partner) -> None:
        kind, says = SHAPES[name]
        partner.behave(name)
        text = str(partner.error(kind, lambda: partner.find(AZURE, max_retries=1)))
        assert says in text
        assert len(text) < 1200
        assert "&#39;" not in text
        assert "{" not in text
        assert "\n" not in text

    def test_both_ids_of_the_answer_are_in_the_message(self, partner: Partner) -> None:
        partner.behave("not_visible")
        text = str(partner.error(ServiceError, lambda: partner.find(AZURE)))
        headers = partner.requests[0]["headers"]
        assert GUID.fullmatch(headers["ms-requestid"])
        assert f"request id {headers['ms-requestid']}, correlation id {headers['ms-correlationid']}" in text
        assert f"GET {partner.base_url}/v1/offers/{AZURE} answered HTTP 403" in text
        assert "country=US" not in text

    def test_ids_of_the_service_are_shown_when_they_differ(self, partner: Partner) -> None:
        partner.behave("not_visible")
        partner.fault("headers", headers={"MS-RequestId": "of-the-service", "MS-CorrelationId": None})
        text = str(partner.error(ServiceError, lambda: partner.find(AZURE)))
        assert "request id of-the-service, correlation id " in text


class TestOtherShapes:
    def test_the_throttle_of_the_gateway(self, partner: Partner) -> None:
        partner.fault("gateway_throttle", seconds=57)
        error = partner.error(UnavailableError, lambda: partner.find(AZURE, deadline=20))
        text = str(error)
        assert "HTTP 429" in text
        assert "The limit of calls is exceeded" in text
        assert "it asks to wait 57 seconds, and the deadline of 20 seconds is nearer" in text
        assert "max_concurrency" in text
        assert error.deadline_exceeded
        assert len(partner.requests) == 1

    def test_the_throttle_is_waited_out(self, partner: Partner) -> None:
        partner.fault("gateway_throttle", seconds=1, times=1)
        assert ids_of(partner.find(AZURE).offers) == [AZURE]
        first, second = partner.requests
        assert second["time"] - first["finished"] >= 1.0

    def test_401_with_its_reason_in_the_status_line(self, partner: Partner) -> None:
        partner.fault("mfa_required")
        text = str(partner.error(ServiceError, lambda: partner.find(AZURE)))
        assert "the refresh token was issued without multi-factor authentication" in text
        assert "Consent again with multi-factor authentication" in text
        assert "sign in as the application alone" in text

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
    def test_a_page_of_a_proxy(self, status: int, partner: Partner) -> None:
        partner.fault("html", status=status)
        kind = UnavailableError if status == 500 else ServiceError
        text = str(partner.error(kind, lambda: partner.find(AZURE, max_retries=0, on_missing="ignore")))
        assert f"HTTP {status}" in text
        assert "Blocked" not in text
        assert "<" not in text

    @pytest.mark.parametrize(
        "body", ["no such page", {"statusCode": 404, "message": "Resource not found"}, None, [1], {}]
    )
    def test_404_of_something_in_between_is_no_unknown_offer(self, body: Any, partner: Partner) -> None:
        partner.fault("status", status=404, body=body)
        text = str(partner.error(ServiceError, lambda: partner.find(AZURE, on_missing="ignore")))
        assert "Check base_url" in text
        with partner.client() as client:
            partner.error(ServiceError, lambda: client.list_addons(AZURE))

    def test_an_empty_404_of_the_service_is_one(self, partner: Partner) -> None:
        assert partner.find(UNKNOWN_EMPTY, on_missing="ignore").not_found == [UNKNOWN_EMPTY]

    @pytest.mark.parametrize("path", ["/nowhere", "/v2x"])
    def test_a_wrong_base_url(self, path: str, partner: Partner) -> None:
        base_url = partner.base_url + path
        text = str(partner.error(ServiceError, lambda: partner.find(AZURE, base_url=base_url, on_missing="ignore")))
        assert "Check base_url" in text

    @pytest.mark.parametrize(
        ("action", "values", "says"),
        [
            ("html", {}, "with a page instead of JSON"),
            ("truncate", {}, "with broken JSON"),
            ("not_an_object", {}, "with JSON that is not an object"),
            ("status", {"status": 200}, "with an empty body"),
            ("status", {"status": 200, "body": {}}, "without an offer in it"),
            ("status", {"status": 200, "body": {"code": 400072, "description": "No."}}, "without an offer in it"),
            ("status", {"status": 200, "body": '{"id": 5}'}, "without an offer in it"),
            ("status", {"status": 200, "body": "[" * 200_000}, "with broken JSON"),
        ],
    )
    def test_success_that_is_none(self, action: str, values: dict[str, Any], says: str, partner: Partner) -> None:
        partner.fault(action, **values)
        error = partner.error(ServiceError, lambda: partner.find(AZURE, on_missing="ignore"))
        assert says in str(error)
        assert "Check base_url" in str(error)

    @pytest.mark.parametrize("status", [201, 204, 206])
    def test_a_success_that_is_not_documented(self, status: int, partner: Partner) -> None:
        partner.fault("status", status=status)
        partner.error(ServiceError, lambda: partner.find(AZURE))

    def test_a_redirect_is_not_followed(self, partner: Partner) -> None:
        partner.fault("redirect", to="stranger")
        text = str(partner.error(ServiceError, lambda: partner.find(AZURE)))
        assert "redirect" in text
        assert partner.emu.count("stranger") == 0

    def test_a_long_description_is_cut(self, partner: Partner) -> None:
        partner.fault("status", status=403, body=body_of(2006, "Words and words. " * 500))
        assert len(str(partner.error(ServiceError, lambda: partner.find(AZURE)))) < 900

    @pytest.mark.parametrize("data", [["PartnerId: 5", "Country: US"], None, "absent", [{"a": 1}], 7])
    def test_data_of_every_kind(self, data: Any, partner: Partner) -> None:
        body = {**body_of(2006), "data": data}
        if data == "absent":
            del body["data"]
        partner.fault("status", status=403, body=body)
        text = str(partner.error(ServiceError, lambda: partner.find(AZURE)))
        assert "may not see the offer" in text
        assert ("PartnerId: 5; Country: US" in text) is (data == ["PartnerId: 5", "Country: US"])

    def test_the_token_that_an_answer_repeats_is_not_shown(self, partner: Partner) -> None:
        token = partner.emu.clouds["public"]["access_token"]
        partner.fault("status", status=403, body=body_of(2006, f"The token {token} is bad"))
        text = str(partner.error(ServiceError, lambda: partner.find(AZURE)))
        assert token not in text
        assert "********" in text


class TestUnauthorized:
    def test_once_is_nothing(self, partner: Partner) -> None:
        partner.fault("unauthorized", times=1)
        assert ids_of(partner.find(AZURE, **partner.signed_in()).offers) == [AZURE]
        assert [request["status"] for request in partner.requests] == [401, 200]

    def test_revoked_tokens_are_replaced(self, partner: Partner) -> None:
        partner.fault("revoke_tokens", times=1)
        assert ids_of(partner.find(AZURE, **partner.signed_in()).offers) == [AZURE]
        assert [request["status"] for request in partner.requests] == [401, 200]

    def test_for_good_is_an_error_after_one_more_try(self, partner: Partner) -> None:
        partner.fault("unauthorized")
        text = str(partner.error(ServiceError, lambda: partner.find(AZURE, **partner.signed_in())))
        assert "the service does not accept the token" in text
        assert len(partner.requests) == 2

    def test_a_ready_token_is_not_tried_again(self, partner: Partner) -> None:
        partner.fault("unauthorized")
        partner.error(ServiceError, lambda: partner.find(AZURE))
        assert len(partner.requests) == 1

    def test_an_application_that_was_never_onboarded(self, partner: Partner) -> None:
        emu = partner.emu
        options = partner.signed_in(client_id=emu.inactive_client_id, client_secret=emu.inactive_client_secret)
        assert "lacks the right" in str(partner.error(ServiceError, lambda: partner.find(AZURE, **options)))


class TestCountryAndLocale:
    @pytest.mark.parametrize(
        ("country", "says"),
        [("FR", "not onboarded to sell"), ("CA", "not onboarded to sell"), ("XX", "a parameter is invalid")],
    )
    def test_no_country_is_refused_here_but_by_the_service(self, country: str, says: str, partner: Partner) -> None:
        text = str(partner.error(ServiceError, lambda: partner.find(AZURE, country=country)))
        assert says in text
        assert "country" in text
        assert partner.requests[0]["query"] == f"country={country}"

    def test_not_sold_there(self, partner: Partner) -> None:
        elsewhere = next(offers.ids()[i] for i in range(offers.COUNT) if not offers.sold(i, "DE"))
        text = str(partner.error(ServiceError, lambda: partner.find(elsewhere, country="DE", on_missing="ignore")))
        assert "the offer is not sold in that country" in text

    @pytest.mark.parametrize("locale", ["en-GB", "es-CO"])
    def test_a_locale_that_is_not_supported(self, locale: str, partner: Partner) -> None:
        text = str(partner.error(ServiceError, lambda: partner.find(AZURE, country="GB", locale=locale)))
        assert f"Locale {locale} is not supported" in text
        assert "Set locale to en-US" in text

    @pytest.mark.parametrize("offer_id", ["CFQ7TTC0LH18", "CFQ7TTC0LH18:0001", "DZH318Z0BQ4B:0001:DZH318Z0BW2C"])
    def test_ids_of_the_new_commerce(self, offer_id: str, partner: Partner) -> None:
        text = str(partner.error(ServiceError, lambda: partner.find(offer_id, on_missing="ignore")))
        assert "code 2100" in text
        assert "partner_product_info" in text


class TestOnMissing:
    MISSING = (UNKNOWN, UNKNOWN_EMPTY, UNKNOWN_400, "no-guid-at-all")

    def test_error_names_all_at_once(self, partner: Partner) -> None:
        error = partner.error(NotFoundError, lambda: partner.find(self.MISSING[0], AZURE, *self.MISSING[1:]))
        assert not [offer_id for offer_id in self.MISSING if offer_id not in str(error)]
        assert AZURE not in str(error)
        assert "Could not get 4 offers in US" in str(error)
        assert len(partner.requests) == 5
        asked = next(request for request in partner.requests if UNKNOWN in request["path"])
        assert f"of the first: there is no such offer (GET {partner.base_url}/v1/offers/{UNKNOWN}" in str(error)
        assert f"correlation id {asked['headers']['ms-correlationid']}" in str(error)

    @pytest.mark.parametrize(("on_missing", "warnings"), [("warn", 1), ("ignore", 0)])
    def test_the_others_are_found(self, on_missing: str, warnings: int, partner: Partner) -> None:
        last = partner.emu.offer_ids(1, start=9)[0]
        found = partner.find(self.MISSING[0], AZURE, *self.MISSING[1:], last, on_missing=on_missing)
        assert ids_of(found.offers) == [AZURE, last]
        assert found.not_found == list(self.MISSING)
        assert len(partner.warnings) == warnings
        for warning in partner.warnings:
            assert not [offer_id for offer_id in self.MISSING if offer_id not in warning]

    def test_each_id_is_asked_for_once(self, partner: Partner) -> None:
        found = partner.find(AZURE, UNKNOWN, AZURE.lower(), UNKNOWN, AZURE, on_missing="ignore")
        assert ids_of(found.offers) == [AZURE] * 3
        assert found.not_found == [UNKNOWN]
        assert len(partner.requests) == 2

    def test_ids_are_compared_as_they_are_asked_for(self, partner: Partner) -> None:
        found = partner.find(f" {UNKNOWN_400}", f"{{{UNKNOWN_400}}}", UNKNOWN_400.lower(), on_missing="ignore")
        assert found.not_found == [UNKNOWN_400]
        assert len(partner.requests) == 1

    @pytest.mark.parametrize("on_missing", ["error", "warn", "ignore"])
    @pytest.mark.parametrize(
        ("rule", "kind"),
        [
            ({"action": "unauthorized"}, ServiceError),
            ({"action": "mfa_required"}, ServiceError),
            ({"action": "status", "status": 403, "body": body_of(2006)}, ServiceError),
            ({"action": "status", "status": 404, "body": body_of(60003)}, ServiceError),
            ({"action": "status", "status": 400, "body": body_of(800070)}, ServiceError),
            ({"action": "gateway_throttle", "seconds": 57}, UnavailableError),
            ({"action": "status", "status": 429}, UnavailableError),
            ({"action": "status", "status": 500}, UnavailableError),
            ({"action": "status", "status": 503, "retry_after": 90}, UnavailableError),
            ({"action": "reset"}, UnavailableError),
            ({"action": "truncate"}, ServiceError),
            ({"action": "html"}, ServiceError),
            ({"action": "html", "status": 404}, ServiceError),
            ({"action": "redirect"}, ServiceError),
            ({"action": "close_in_body"}, UnavailableError),
            ({"action": "partner_behavior", "value": "other_offer"}, ServiceError),
        ],
        ids=lambda value: " ".join(str(part) for part in value.values())[:40] if isinstance(value, dict) else "",
    )
    def test_decides_about_nothing_else(
        self, rule: dict[str, Any], kind: type[ProvisioningError], on_missing: str, partner: Partner
    ) -> None:
        first, second = partner.emu.offer_ids(2, start=4)
        partner.fault(**{**rule, "path_regex": second})
        ids = (first, UNKNOWN, second)
        partner.error(kind, lambda: partner.find(*ids, on_missing=on_missing, max_retries=1, deadline=20))
        assert partner.warnings == []

    @pytest.mark.parametrize("on_missing", ["error", "warn", "ignore"])
    def test_a_refused_sign_in_is_one_request_and_one_error(self, on_missing: str, partner: Partner) -> None:
        options = partner.signed_in(client_secret=partner.emu.expired_client_secret, on_missing=on_missing)
        with pytest.raises(ProvisioningError, match="AADSTS7000222"):
            partner.find(*partner.emu.offer_ids(10), **options)
        assert (partner.emu.token_requests(), len(partner.requests)) == (1, 0)
