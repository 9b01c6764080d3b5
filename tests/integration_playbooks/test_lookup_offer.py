# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup partner_offer in real plays: its values, as the service sent them, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from emulator.client import Emulator
from emulator.offers import AZURE_ID
from emulator.partner import customer_id

from .conftest import Figure
from .harness import Lab
from .lookups import OFFER, error, evaluate, offers, partner, task, value

GONE = "00000000-0000-4000-8000-000000000000"


def _sent(emulator: Emulator, *ids: str, country: str = "US", locale: str = "en-US") -> list[dict[str, Any]]:
    """The offers as the service sends them."""
    by_id = {offer["id"]: offer for offer in emulator.offers(country, locale)}
    return [by_id[offer_id] for offer_id in ids]


def test_values(lab: Lab, figure: Figure) -> None:
    """Both functions, one term and several, in the order of the terms; names in any script arrive unchanged."""
    emulator = lab.emulator
    ids = emulator.offer_ids(12)
    run = evaluate(
        lab,
        {
            "query of one": offers(ids[0]),
            "query of several": offers(*reversed(ids)),
            "lookup of one": offers(ids[0], function="lookup"),
            "lookup as list": offers(*ids[:3], function="lookup", wantlist=True),
            "repeated": offers(ids[2], ids[1].lower(), ids[2].upper()),
            "name": offers(ids[0], function="lookup").replace(") }}", ").name }}"),
            "azure": offers(AZURE_ID, function="lookup").replace(") }}", ").id }}"),
            "other market": offers(ids[0], country="de", locale="de-DE"),
            "other locale": offers(ids[0], locale="ja-JP"),
            "customer": offers(ids[0], customer_id=customer_id("US")),
            "none": offers(),
        },
        variables=partner(emulator),
    )
    sent = _sent(emulator, *ids)
    assert value(run, "query of one") == sent[:1]
    assert value(run, "query of several") == sent[::-1]
    assert value(run, "lookup of one") == sent[0]
    assert value(run, "lookup as list") == sent[:3]
    assert value(run, "repeated") == [sent[2], sent[1], sent[2]]
    assert value(run, "name") == sent[0]["name"]
    assert value(run, "azure") == AZURE_ID
    assert value(run, "other market") == _sent(emulator, ids[0], country="DE", locale="de-DE")
    assert value(run, "other locale") == _sent(emulator, ids[0], locale="ja-JP")
    assert [offer["id"] for offer in value(run, "customer")] == ids[:1]
    assert value(run, "none") == []
    asked = [item for item in run.requests if item["path"].lower().startswith("/v1/offers/")]
    # Twelve with that of Azure, and the first one again in another market and in another locale.
    assert AZURE_ID in ids
    assert len(asked) == 14
    assert run.token_requests == 1
    figure(
        f"10 lookups of 12 offers, one of them in 3 markets and locales: {run.token_requests} token request,"
        f" {len(asked)} offer requests"
    )


def test_missing(lab: Lab) -> None:
    """One error that names all, a warning, or nothing; the missing ones leave empty places."""
    emulator = lab.emulator
    ids = emulator.offer_ids(2)
    other = GONE[:-1] + "1"
    run = evaluate(
        lab,
        {
            "by default": offers(ids[0], GONE, other),
            "error": offers(GONE, on_missing="error"),
            "warn": offers(GONE, ids[0], on_missing="warn"),
            "ignore": offers(ids[1], other, ids[0], GONE, on_missing="ignore"),
            "lookup": offers(GONE, on_missing="ignore", function="lookup"),
        },
        variables=partner(emulator),
    )
    for name in ("by default", "error"):
        assert GONE in error(run, name)
        assert "on_missing" in error(run, name)
    assert other in error(run, "by default")
    assert value(run, "warn") == [None, *_sent(emulator, ids[0])]
    assert run.stderr.count("[WARNING]: Could not get 1 offer in US") == 1
    assert value(run, "ignore") == [*_sent(emulator, ids[1]), None, *_sent(emulator, ids[0]), None]
    assert not value(run, "lookup")


@pytest.mark.once
def test_missing_is_no_other_failure(lab: Lab) -> None:
    """Every other failure is an error, whatever on_missing says."""
    emulator = lab.emulator
    wanted = emulator.offer_ids(1)[0]
    emulator.fault(listener="partner_public", action="status", status=403, path_regex="/offers/")
    run = evaluate(
        lab,
        {
            "forbidden": offers(wanted, on_missing="ignore"),
            "not signed in": offers(wanted, on_missing="ignore", client_secret="wrong"),
        },
        variables=partner(emulator),
    )
    assert "HTTP 403" in error(run, "forbidden")
    assert "AADSTS7000215" in error(run, "not signed in")


@pytest.mark.once
def test_wrong_terms_and_options(lab: Lab) -> None:
    """Refused before any request, with a remedy."""
    good = lab.emulator.offer_ids(1)[0]
    run = evaluate(
        lab,
        [
            task("empty", offers("")),
            task("space", offers("an offer")),
            task("list", offers([good])),
            task("number", offers(145)),
            task("by name", offers(_terms=[good])),
            task("no country", f"{{{{ query('{OFFER}', '{good}') }}}}"),
            task("country", offers(good, country="USA")),
            task("Norway", offers(good, country=False)),
            task("locale", offers(good, locale="english")),
            task("customer", offers(good, customer_id="contoso.example")),
            task("on_missing", offers(good, on_missing="skip")),
        ],
        variables=partner(lab.emulator),
    )
    expected = {
        "empty": "is empty",
        "space": "holds white space",
        "list": "a list of terms takes a * before it",
        "number": "not a string",
        "by name": "unsupported option _terms. A term is the id of an offer",
        "no country": "country is not set. Set country, the variable msdevices_country, or the environment variable",
        "country": "two-letter code",
        "Norway": "Norway has to be written in quotes",
        "locale": "such as en-US or de-DE",
        "customer": "is not a GUID",
        "on_missing": "on_missing",
    }
    for name, text in expected.items():
        assert text in error(run, name), error(run, name)
    assert "Traceback" not in run.output
    assert (run.requests, run.connections) == ([], 0)
