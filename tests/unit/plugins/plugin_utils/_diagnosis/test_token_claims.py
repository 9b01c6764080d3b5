# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the claims of access tokens, and says which of them a service will not take."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis.token_claims import (
    find_problem,
    read_claims,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import settings_from

NOW = 1_800_000_000.0
TENANT = "11111111-2222-4333-8444-555555555555"
STORE = "https://onestore.microsoft.com"
LICENSING = "c5e1cb0d-5d24-4b1a-b291-ec684152b2ba"
GRAPH_ID = "00000003-0000-0000-c000-000000000000"
LICENSE_ADMINISTRATOR = "4d6ac14f-3453-41d0-bef9-a3e0c569773a"
MEMBER = "b79fbf4d-3ef9-4689-8143-76b194e85509"


def token(**claims: Any) -> str:
    """A signed token; claims of none are left out."""
    usual = {"aud": STORE, "tid": TENANT, "appid": "app", "roles": ["One", "Two"], "nbf": NOW - 60, "exp": NOW + 3600}
    found = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(found, "k" * 32, algorithm="HS256")


def problem(service: str = "store_for_business", tenant: str = TENANT, **claims: Any) -> tuple[str, str]:
    """Why a token is not taken and what to do, both empty when it is."""
    settings = settings_from({"access_token": "x"}, service, {})
    facts = read_claims(token(**claims))
    assert facts is not None
    return find_problem(facts, settings, tenant, NOW) or ("", "")


class TestFacts:
    def test_of_an_application(self) -> None:
        facts = read_claims(token(aud=f"{STORE}/"))
        assert facts is not None
        assert (facts.audience, facts.tenant, facts.application) == (STORE, TENANT, "app")
        assert (facts.roles, facts.of_user) == (("One", "Two"), False)
        assert facts.describe(NOW) == (
            f"token of an application: audience {STORE}, roles One Two, application app, tenant {TENANT}, valid for 60"
            " more minutes"
        )

    def test_of_a_user(self) -> None:
        facts = read_claims(
            token(roles=None, scp="a b", wids=[LICENSE_ADMINISTRATOR.upper(), MEMBER], appid=None, azp="x")
        )
        assert facts is not None
        assert facts.of_user
        text = facts.describe(NOW + 7200)
        assert text.startswith("token of a user: ")
        for part in (
            "delegated permissions a b",
            "directory roles License Administrator,",
            "application x",
            "expired 60 minutes ago",
        ):
            assert part in text

    def test_claims_that_are_missing_or_strange(self) -> None:
        facts = read_claims(jwt.encode({"roles": [], "exp": "soon", "nbf": True, "wids": "x"}, "k" * 32))
        assert facts is not None
        assert facts.describe(NOW) == (
            "token of an application: audience none, roles none, application not named, tenant not named, without an"
            " end"
        )

    def test_the_token_and_its_signature_never_show(self) -> None:
        text = token(roles=["x\n\x1b[31m" + "y" * 5000])
        facts = read_claims(text)
        assert facts is not None
        shown = facts.describe(NOW)
        assert shown.isprintable()
        assert len(shown) < 800
        assert not [part for part in text.split(".") if part in shown + repr(facts)]

    @pytest.mark.parametrize(
        "opaque", ["", "opaque", "a.b", "a.b.c", "a.é.c", "e30", "x.W10.y", "x.bnVsbA.y", "a." * 9]
    )
    def test_opaque_tokens_tell_nothing(self, opaque: str) -> None:
        assert read_claims(opaque) is None

    @given(st.text(max_size=40))
    def test_any_text(self, text: str) -> None:
        read_claims(text)
        read_claims(f"a.{text}.b")

    @given(
        st.dictionaries(
            st.sampled_from(["aud", "tid", "appid", "roles", "scp", "wids", "exp", "nbf", "upn"]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=2),
                max_leaves=4,
            ),
        )
    )
    def test_any_claims(self, claims: dict[str, Any]) -> None:
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        facts = read_claims(f"h.{payload}.s")
        assert facts is not None
        assert facts.describe(NOW).isprintable()
        find_problem(facts, settings_from({"access_token": "x"}, "store_licensing", {}), TENANT, NOW)


class TestProblems:
    def test_a_good_token_has_none(self) -> None:
        assert problem() == ("", "")

    @pytest.mark.parametrize(
        ("late", "expected"), [(1, ""), (0, "expired 0 minutes ago"), (-600, "expired 10 minutes")]
    )
    def test_expiry(self, late: float, expected: str) -> None:
        why, remedy = problem(exp=NOW + late)
        assert expected in why
        assert bool(why) is bool(expected)
        assert ("Set access_token to a new token" in remedy) is bool(expected)

    @pytest.mark.parametrize(("early", "expected"), [(299, ""), (600, "not valid before 10 minutes from now")])
    def test_a_token_of_the_future(self, early: float, expected: str) -> None:
        why, remedy = problem(nbf=NOW + early, exp=NOW + 9999)
        assert expected in why
        assert ("clock" in remedy) is bool(expected)

    def test_one_just_issued_that_has_expired_is_a_matter_of_clocks(self) -> None:
        options = {"tenant_id": TENANT, "client_id": "app", "client_secret": "x"}
        facts = read_claims(token(exp=NOW - 1))
        assert facts is not None
        found = find_problem(facts, settings_from(options, "store_for_business", {}), TENANT, NOW)
        assert found == (
            "the token that was just issued has expired already",
            "Set the clock of the controller, best by a time service (NTP)",
        )

    @pytest.mark.parametrize(
        ("service", "audience", "wrong"),
        [
            ("store_for_business", f"{STORE}/", False),
            ("store_for_business", STORE.upper(), False),
            ("store_for_business", "https://graph.microsoft.com", True),
            ("store_for_business", "https://api.partnercenter.microsoft.com", True),
            # A service may be named by a URL and by a GUID.
            ("store_for_business", "12345678-1111-4111-8111-111111111111", False),
            ("store_for_business", GRAPH_ID, True),
            ("store_for_business", LICENSING, True),
            ("store_licensing", LICENSING.upper(), False),
            ("store_licensing", "https://licensing.md.mp.microsoft.com", False),
            ("store_licensing", "https://bigcatalog.commerce.microsoft.com", True),
            ("store_licensing", "https://graph.windows.net", True),
            ("store_licensing", GRAPH_ID, True),
        ],
    )
    def test_audience(self, service: str, audience: str, wrong: bool) -> None:
        why, remedy = problem(service, aud=audience)
        assert ("is for the audience" in why) is wrong
        assert remedy.startswith("Get a token for ") is wrong

    def test_tenant(self) -> None:
        other = "99999999-2222-4333-8444-555555555555"
        assert problem(tid=other)[0] == f"the token is of the tenant {other}, not of {TENANT}"
        assert "tenant_id" in problem(tid=other)[1]
        assert problem(tid=TENANT.upper()) == ("", "")
        # Nobody knows which tenant a domain is.
        assert problem(tenant="", tid=other) == ("", "")
        assert problem(tid=None) == ("", "")

    @pytest.mark.parametrize(
        ("roles", "wrong"),
        [
            ([MEMBER], True),
            ([MEMBER, LICENSE_ADMINISTRATOR], False),
            ([LICENSE_ADMINISTRATOR.upper()], False),
            ([], False),
            (None, False),
        ],
    )
    def test_roles_of_users(self, roles: list[str] | None, wrong: bool) -> None:
        why, remedy = problem("store_licensing", aud=LICENSING, scp="x", wids=roles)
        assert ("none of the roles" in why) is wrong
        assert ("License Administrator" in remedy) is wrong
        # Of applications nothing is known, and other services have other roles.
        assert problem("store_licensing", aud=LICENSING, wids=roles) == ("", "")
        assert problem(scp="x", wids=roles) == ("", "")
