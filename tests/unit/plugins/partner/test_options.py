# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that cannot work are refused before any request, and by their name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.plugins.partner.support import Partner

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import Market
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_offer import (
    category_specification,
    check_offer_ids,
    market_from,
    offer_specification,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError


class TestMarket:
    @pytest.mark.parametrize(
        ("country", "locale", "market"),
        [
            ("US", None, Market("US", "en-US")),
            ("de", "de-DE", Market("DE", "de-DE")),
            ("Gb", "", Market("GB", "en-US")),
            ("RS", "sr-Latn-RS", Market("RS", "sr-Latn-RS")),
            ("XK", "fil-PH", Market("XK", "fil-PH")),
            ("no", "nb-NO", Market("NO", "nb-NO")),
        ],
    )
    def test_is_checked_by_its_shape(self, country: str, locale: str | None, market: Market) -> None:
        assert market_from({"country": country, "locale": locale}) == market

    @pytest.mark.parametrize(
        "country", ["", None, "U", "USA", "U1", "ÜS", "U S", "UK", "U\x00", "US/..", False, "False", 5, ["US"]]
    )
    def test_of_no_country(self, country: Any, partner: Partner) -> None:
        assert "country" in partner.refused("country", country=country)

    @pytest.mark.parametrize("country", [False, "False", "false"])
    def test_of_norway_without_quotes(self, country: Any, partner: Partner) -> None:
        partner.refused("country", "Norway has to be written in quotes", country=country)

    @pytest.mark.parametrize(
        "locale",
        ["en", "en_US", "english", "en-USA", "en-US\r\nX-Evil: 1", "e-US", "en-Lat-US", "-US", 5, ["en-US"]],
    )
    def test_in_no_language(self, locale: Any, partner: Partner) -> None:
        partner.refused("locale", country="US", locale=locale)


class TestIds:
    @pytest.mark.parametrize(
        ("value", "why"),
        [
            ("", "is empty"),
            (" ", "is empty"),
            ("a b", "white space"),
            ("a\tb", "white space"),
            ("a\u00a0b", "white space"),
            ("a\u2028b", "white space"),
            ("a\x00", "control characters"),
            ("a\x7f", "control characters"),
            ("a\u200b", "control characters"),
            ("\ud800", "control characters"),
            ("x" * 101, "longer than 100 characters"),
            (".", "a path"),
            ("..", "a path"),
        ],
    )
    @pytest.mark.parametrize("option", ["offer_id", "category_id", "customer_id"])
    def test_that_cannot_be(self, option: str, value: str, why: str, partner: Partner) -> None:
        partner.refused(option, why, **{option: [value] if option == "offer_id" else value})

    @pytest.mark.parametrize("value", [5, None, ["a"], {"id": "a"}, True, 1.5, b"abc"])
    def test_that_are_no_strings(self, value: Any, partner: Partner) -> None:
        partner.refused("offer_id", "not a string", offer_id=["MS-AZR-0145P", value])

    @pytest.mark.parametrize("value", ["MS-AZR-0145P", "5d8f1c1e63a94b43a0d30b8f2f2f7c11", "x/../y"])
    def test_of_a_customer_are_guids(self, value: str, partner: Partner) -> None:
        partner.refused("customer_id", "not a GUID", customer_id=value)

    def test_one_bad_among_good_ones_stops_all(self, partner: Partner) -> None:
        partner.refused("offer_id", "'a b'", offer_id=[*partner.emu.offer_ids(3), "a b"])

    def test_a_long_one_is_not_shown_whole(self, partner: Partner) -> None:
        assert len(partner.refused("offer_id", offer_id=["x" * 100_000])) < 400

    @given(st.lists(st.text(max_size=110)))
    def test_whatever_they_are_nothing_else_is_raised(self, ids: list[str]) -> None:
        try:
            # Blanks around an id, and braces, are removed.
            assert all(checked in given for checked, given in zip(check_offer_ids(ids), ids, strict=True))
        except OptionError as error:
            assert "offer_id" in str(error)  # noqa: PT017 - which of both happens depends on the ids


class TestOthers:
    @pytest.mark.parametrize("value", [0, -1, 1001])
    def test_max_concurrency(self, value: int, partner: Partner) -> None:
        partner.refused("max_concurrency", max_concurrency=value)

    @pytest.mark.parametrize("value", ["http://localhost:1", "https://localhost:1/v1", "localhost", "https://a b"])
    def test_base_url(self, value: str, partner: Partner) -> None:
        partner.refused("base_url", base_url=value)

    def test_no_credential(self, partner: Partner) -> None:
        partner.refused("client_secret", "refresh_token", "access_token", access_token=None)

    def test_a_file_alone_needs_the_ids(self, partner: Partner) -> None:
        partner.refused("tenant_id", "client_id", access_token=None, refresh_token_file="~/token")


class TestSpecifications:
    def test_what_excludes_what(self) -> None:
        assert offer_specification()["mutually_exclusive"] == [
            ["offer_id", "category_id"],
            ["customer_id", "category_id"],
        ]

    def test_check_mode(self) -> None:
        assert offer_specification()["supports_check_mode"] is category_specification()["supports_check_mode"] is True
