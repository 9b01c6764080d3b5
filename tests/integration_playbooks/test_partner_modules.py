# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Partner Center offers by the modules: what they return, in every cloud, by every sign-in, and how often they ask."""

from __future__ import annotations

import stat
from typing import Any

import pytest
from emulator import offers

from .conftest import Figure, NewLab
from .harness import Lab
from .partner import (
    AZURE,
    CATEGORIES,
    OFFERS,
    UNKNOWN,
    UNKNOWN_400,
    UNKNOWN_EMPTY,
    asking_partner_center,
    categories_task,
    ids_of,
    offer_requests,
    offers_task,
    partner_requests,
)

CLOUDS = ("public", "usgov", "china", "germany")


@pytest.mark.smoke
def test_what_the_modules_return(new_lab: NewLab) -> None:
    """By id, market, category and customer, for Linux and Windows hosts, without a module on either."""
    lab = asking_partner_center(new_lab(windows=["win1"]))
    emulator = lab.emulator
    market = {offer["id"]: offer for offer in emulator.offers("DE", "de-DE")}
    wanted = [*list(market)[40:44], AZURE]
    german = {"country": "de", "locale": "de-DE"}
    trial = [offer for offer in market.values() if offer["category"]["id"] == "Trial_Key"]
    customer = emulator.customer_ids["DE"]
    run = lab.run(
        [
            offers_task("by id", offer_id=wanted, **german),
            offers_task("one", offer_id=AZURE.lower(), **german),
            offers_task("none", offer_id=[], **german),
            offers_task("twice", offer_id=[AZURE, AZURE.lower(), wanted[0]], **german),
            offers_task("market", **german),
            offers_task("category", category_id="trial_key", **german),
            offers_task("addons", offer_id=wanted, include_addons=True, **german),
            offers_task("customer", customer_id=customer, **german),
            offers_task("of customer", customer_id=customer, offer_id=wanted[:2], on_missing="ignore", **german),
            categories_task("categories", **german),
        ]
    )
    assert run.status == 0, run.output
    for host in ("linux1", "win1"):
        assert run.ok(host, "by id")["offers"] == [market[offer_id] for offer_id in wanted]
        assert run.ok(host, "one")["offers"] == [market[AZURE]]
        assert run.ok(host, "none")["offers"] == []
        assert ids_of(run.ok(host, "twice")) == [AZURE, AZURE, wanted[0]]
        assert run.ok(host, "market")["offers"] == list(market.values())
        assert run.ok(host, "category")["offers"] == trial
        result = run.ok(host, "addons")
        assert result["addons"] == {offer_id: offers.addons(offer_id, "DE", "de-DE") for offer_id in wanted}
        assert any(result["addons"].values())
        for_customer = [offer for offer in emulator.offers("DE") if offer["isAvailableForPurchase"]]
        assert ids_of(run.ok(host, "customer")) == [offer["id"] for offer in for_customer]
        assert "addons" not in run.ok(host, "by id")
        assert run.ok(host, "categories")["categories"] == offers.categories("DE", "de-DE")
        for (name, _task), entry in run.results.items():
            if name == host:
                assert entry["result"]["changed"] is False
                assert not entry["result"].get("warnings")
    assert run.modules("linux1") == 0
    assert lab.windows.calls() == lab.windows.transfers() == []
    assert len(offer_requests(run)) == 5
    assert run.token_requests == 1


@pytest.mark.once
def test_check_mode_asks_too(lab: Lab) -> None:
    asking_partner_center(lab)
    run = lab.run([offers_task(offer_id=[AZURE]), categories_task()], "--check", "--diff")
    assert run.status == 0, run.output
    assert ids_of(run.ok("linux1", "offers")) == [AZURE]
    assert run.ok("linux1", "offers")["changed"] is False
    assert len(run.ok("linux1", "categories")["categories"]) == 4
    assert len(partner_requests(run)) == 2


def test_module_defaults_reach_both_modules(lab: Lab) -> None:
    emulator = asking_partner_center(lab).emulator
    lab.environment = {}
    ids = {name: getattr(emulator, name) for name in ("tenant_id", "client_id", "client_secret")}
    lab.defaults = {**lab.defaults, **ids, "authority": emulator.entra}
    market = {"country": "GB", "locale": "fr-FR"}
    own = {"module_defaults": {"group/msdevices.provisioning.all": {**lab.defaults, **market}}}
    plain = [
        {"name": "offers", OFFERS: {"offer_id": [AZURE]}},
        {"name": "categories", CATEGORIES: {}},
        {"name": "overridden", OFFERS: {"offer_id": [AZURE], "country": "US"}},
    ]
    run = lab.run(plain, **own)
    assert run.status == 0, run.output
    assert run.ok("linux1", "offers")["offers"] == [offers.offer(0, "GB", "fr-FR")]
    assert run.ok("linux1", "categories")["categories"] == offers.categories("GB", "fr-FR")
    assert run.ok("linux1", "overridden")["offers"] == [offers.offer(0, "US", "fr-FR")]
    assert run.token_requests == 1


@pytest.mark.once
@pytest.mark.parametrize("user", [False, True], ids=["application", "application and user"])
def test_every_cloud(lab: Lab, user: bool) -> None:
    emulator = lab.emulator
    lab.defaults = {"ca_path": emulator.ca_path}
    lab.environment.pop("AZURE_AUTHORITY_HOST")
    tasks = []
    for cloud in CLOUDS:
        own = emulator.clouds[cloud]
        options = {"cloud": cloud, "authority": own["authority"], "base_url": own["base_url"], "offer_id": [AZURE]}
        tasks.append(offers_task(cloud, **options, refresh_token=own["refresh_token"] if user else None))
        for other in CLOUDS:
            if other != cloud:
                asked = {**options, "base_url": emulator.clouds[other]["base_url"]}
                token = own["access_token"]
                tasks.append(
                    {**offers_task(f"{cloud} at {other}", **asked, access_token=token, auth_method="access_token")}
                )
    run = lab.run([{**task, "ignore_errors": True} for task in tasks])
    for cloud in CLOUDS:
        assert ids_of(run.ok("linux1", cloud)) == [AZURE]
        for other in CLOUDS:
            if other != cloud:
                text = run.error("linux1", f"{cloud} at {other}")
                assert "HTTP 401, code 400" in text
                assert "Check cloud, authority and audience" in text
    assert run.token_requests == 4
    notes = {item["note"] for item in run.requests if item["method"] == "POST"}
    assert notes == {"refresh_token/client_secret" if user else "client_credentials/client_secret"}


@pytest.mark.once
def test_the_cloud_and_its_audience_decide_what_is_asked_for(lab: Lab) -> None:
    """The audience of the table goes to the authority: the public cloud's Entra does not know that of China."""
    emulator = asking_partner_center(lab).emulator
    tasks = [
        offers_task("china at public", cloud="china", offer_id=[AZURE]),
        offers_task("dead audience", audience="https://graph.windows.net", offer_id=[AZURE]),
        offers_task("own audience", audience=emulator.partner_audience + "/", cloud="china", offer_id=[AZURE]),
    ]
    run = lab.run([{**task, "ignore_errors": True} for task in tasks])
    assert "AADSTS500011" in run.error("linux1", "china at public")
    dead = run.error("linux1", "dead audience")
    assert "code 900420" in dead
    assert "Leave audience at its default" in dead
    assert ids_of(run.ok("linux1", "own audience")) == [AZURE]


@pytest.mark.once
def test_bad_input(lab: Lab) -> None:
    """Refused before any request, with the name of the option."""
    asking_partner_center(lab)
    guid = lab.emulator.customer_ids["US"]
    cases: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "empty id": ({"offer_id": [AZURE, ""]}, ("offer_id '' is empty",)),
        "blank id": ({"offer_id": ["  "]}, ("offer_id '' is empty",)),
        "id with a blank": ({"offer_id": ["a b"]}, ("offer_id 'a b'", "white space")),
        "id with a line break": ({"offer_id": ["a\nb"]}, ("offer_id", "white space")),
        "id with a control character": ({"offer_id": ["a\u0007"]}, ("offer_id", "control characters")),
        "long id": ({"offer_id": ["x" * 101]}, ("offer_id", "longer than 100")),
        "path": ({"offer_id": [".."]}, ("offer_id", "a path")),
        "ids in a list of lists": ({"offer_id": [[AZURE], "x y"]}, ("offer_id",)),
        "ids in a dictionary": ({"offer_id": {"id": AZURE}}, ("offer_id",)),
        "no country": ({"country": None}, ("country",)),
        "empty country": ({"country": ""}, ("country is not set",)),
        "long country": ({"country": "USA"}, ("country is 'USA'", "two-letter code")),
        "Norway": ({"country": False}, ("country", "Norway has to be written in quotes")),
        "number as country": ({"country": 1}, ("country is '1'",)),
        "locale": ({"locale": "english"}, ("locale is 'english'", "en-US")),
        "locale with a line break": ({"locale": "en-US\nX-A: b"}, ("locale",)),
        "id and category": (
            {"offer_id": [AZURE], "category_id": "Trial_Key"},
            ("offer_id", "category_id", "exclusive"),
        ),
        "customer and category": (
            {"customer_id": guid, "category_id": "x"},
            ("customer_id", "category_id", "exclusive"),
        ),
        "empty category": ({"category_id": ""}, ("category_id '' is empty",)),
        "customer": ({"customer_id": "contoso"}, ("customer_id 'contoso' is not a GUID",)),
        "on_missing": ({"on_missing": "fail"}, ("on_missing", "error, warn, ignore")),
        "max_concurrency": ({"max_concurrency": 0}, ("max_concurrency is 0",)),
        "unknown option": ({"offer": AZURE}, ("offer", "offer_id", "ansible-doc")),
        "wrong bool": ({"include_addons": "perhaps"}, ("include_addons", "perhaps")),
        "version in the URL": ({"base_url": lab.emulator.partner_public + "/v1"}, ("base_url", "without the version")),
        "http": ({"base_url": "http://localhost:1"}, ("base_url", "https")),
        "cloud": ({"cloud": "moon"}, ("cloud", "moon")),
        "audience": ({"audience": "https://a.example\n"}, ("audience", "line break")),
        "token file in no directory": (
            {"refresh_token": "0.A", "refresh_token_file": "/nowhere/token"},
            ("refresh_token_file", "No such file or directory"),
        ),
    }
    tasks = [offers_task(name, **options) for name, (options, _texts) in cases.items()]
    tasks += [
        categories_task(f"categories: {name}", **options)
        for name, (options, _texts) in cases.items()
        if set(options) <= {"country", "locale"}
    ]
    run = lab.run([{**task, "ignore_errors": True} for task in tasks])
    findings = []
    for task in tasks:
        name = task["name"]
        text = run.error("linux1", name)
        texts = cases[name.removeprefix("categories: ")][1]
        findings += [f"{name}: {expected!r} is not in {text}" for expected in texts if expected not in text]
    assert not findings
    assert len(tasks) > len(cases) + 5
    assert (run.requests, run.connections) == ([], 0)


@pytest.mark.once
def test_missing_offers(lab: Lab) -> None:
    asking_partner_center(lab)
    missing = [UNKNOWN, UNKNOWN_EMPTY, UNKNOWN_400, "no-guid-at-all"]
    ids = [missing[0], AZURE, *missing[1:], lab.emulator.offer_ids(1, start=5)[0]]
    tasks = [offers_task(name, offer_id=ids, on_missing=name) for name in ("error", "warn", "ignore")]
    run = lab.run([{**task, "ignore_errors": True} for task in tasks])
    text = run.error("linux1", "error")
    assert not [offer_id for offer_id in missing if offer_id not in text]
    assert "Could not get 4 offers in US" in text
    assert AZURE not in text
    assert "offers" not in run.failed("linux1", "error")
    for name in ("warn", "ignore"):
        result = run.ok("linux1", name)
        assert ids_of(result) == [AZURE, ids[-1]]
        assert result["not_found"] == missing
    warnings = " ".join(str(entry) for entry in run.ok("linux1", "warn")["warnings"])
    assert not [offer_id for offer_id in missing if offer_id not in warnings]
    assert not run.ok("linux1", "ignore").get("warnings")
    # "Not found" is remembered within the run, too.
    assert len(offer_requests(run)) == 6


_TROUBLE: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "401": ({"action": "unauthorized"}, ("HTTP 401", "does not accept the token")),
    "401 MFA": ({"action": "mfa_required"}, ("multi-factor authentication", "Consent again")),
    "403": ({"action": "partner_behavior", "value": "not_visible"}, ("HTTP 403, code 2006", "correlation id ")),
    "403 app-only": ({"action": "partner_behavior", "value": "app_only_refused"}, ("900329", "refresh token")),
    "429": ({"action": "gateway_throttle", "seconds": 90}, ("HTTP 429", "The limit of calls", "max_concurrency")),
    "500": ({"action": "partner_behavior", "value": "server_error"}, ("HTTP 500", "retries did not help")),
    "broken JSON": ({"action": "truncate"}, ("broken JSON", "Check base_url")),
    "page": ({"action": "html", "status": 404}, ("HTTP 404", "Check base_url")),
    "redirect": ({"action": "redirect"}, ("redirect",)),
    "country": ({"action": "partner_behavior", "value": "not_in_country"}, ("not sold in that country",)),
    "other offer": ({"action": "partner_behavior", "value": "other_offer"}, ("another offer",)),
}


@pytest.mark.once
@pytest.mark.parametrize("on_missing", ["warn", "ignore"])
def test_on_missing_decides_about_nothing_else(lab: Lab, on_missing: str) -> None:
    emulator = asking_partner_center(lab).emulator
    ids = dict(zip(_TROUBLE, emulator.offer_ids(len(_TROUBLE), start=20), strict=True))
    for name, (rule, _texts) in _TROUBLE.items():
        emulator.fault(rule, listener="partner_public", path_regex=ids[name])
    emulator.settings(partner_page_size=100)
    markets = {"GB": ("next_elsewhere", "on another host"), "DE": ("next_endless", "pages never end")}
    lists = [offers_task(country, country=country, on_missing=on_missing) for country in markets]
    tasks = [offers_task(name, offer_id=[ids[name]], on_missing=on_missing, max_retries=0) for name in ids]
    # A rule sees the path and not the query: each market in a run of its own.
    run = lab.run([{**task, "ignore_errors": True} for task in tasks])
    for name, (_rule, texts) in _TROUBLE.items():
        text = run.error("linux1", name)
        assert not [expected for expected in texts if expected not in text], text
        assert ids[name] in text
    for task, (behavior, says) in zip(lists, markets.values(), strict=True):
        rule = emulator.fault(listener="partner_public", action="partner_behavior", value=behavior)
        run = lab.run([{**task, "ignore_errors": True}])
        assert says in run.error("linux1", task["name"])
        emulator.clear_faults(rule)
    assert emulator.count("stranger") == 0


@pytest.mark.once
def test_fifty_hosts(new_lab: NewLab, figure: Figure) -> None:
    lab = asking_partner_center(new_lab(linux=50))
    wanted = lab.emulator.offer_ids(5)
    run = lab.run([offers_task(offer_id=wanted)], "--forks", "10")
    assert run.status == 0, run.output
    for host in lab.linux:
        assert ids_of(run.ok(host, "offers")) == wanted
        assert run.modules(host) == 0
    assert (len(offer_requests(run)), run.token_requests) == (5, 1)
    # Beside them, MSAL asks for the discovery document.
    assert len(run.requests) == 7
    figure(
        f"50 hosts at 10 forks, each asking for the same 5 offers: {len(offer_requests(run))} offer requests,"
        f" {run.token_requests} token request"
    )


@pytest.mark.once
def test_tasks_of_a_run_share_answers(lab: Lab, figure: Figure) -> None:
    """Whoever asks: the market is not asked for twice, and an offer is one, whatever else is asked for with it."""
    asking_partner_center(lab)
    ids = lab.emulator.offer_ids(6)
    run = lab.run(
        [
            offers_task("one", offer_id=ids[:4]),
            offers_task("two", offer_id=ids[2:][::-1]),
            offers_task("market"),
            offers_task("market again"),
            categories_task("categories"),
            categories_task("categories again"),
        ]
    )
    assert run.status == 0, run.output
    assert ids_of(run.ok("linux1", "two")) == ids[2:][::-1]
    assert (len(offer_requests(run)), len(partner_requests(run)), run.token_requests) == (6, 8, 1)
    figure(f"6 tasks for 6 distinct offers, a market and its categories: {len(partner_requests(run))} requests")


@pytest.mark.once
class TestRefreshTokenFile:
    def test_rotates_from_run_to_run(self, lab: Lab, figure: Figure) -> None:
        """50 hosts, a token that can be exchanged once, three runs."""
        emulator = asking_partner_center(lab).emulator
        emulator.settings(refresh_token_uses=1)
        path = lab.directory / "refresh_token"
        lab.environment |= {
            "MSDEVICES_REFRESH_TOKEN": emulator.refresh_token,
            "MSDEVICES_REFRESH_TOKEN_FILE": str(path),
        }
        kept = []
        for _run in range(3):
            run = lab.run([offers_task(offer_id=[AZURE]), categories_task()])
            assert run.status == 0, run.output
            assert run.token_requests == 1
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            kept.append(path.read_text().strip())
            assert kept[-1] not in run.output + lab.log
        assert len({emulator.refresh_token, *kept}) == 4
        # Now without the first token, which is long spent.
        run = lab.run([offers_task(offer_id=[AZURE])], environment={"MSDEVICES_REFRESH_TOKEN": None})
        assert run.status == 0, run.output
        figure("refresh_token_file: 4 runs with tokens that can be exchanged once, 1 token request each")

    def test_is_shared_by_hosts_and_parallel_runs(self, new_lab: NewLab) -> None:
        labs = [asking_partner_center(new_lab(f"run{number}", linux=4)) for number in range(3)]
        emulator = labs[0].emulator
        emulator.settings(refresh_token_uses=1)
        path = labs[0].directory / "refresh_token"
        variables = {
            "MSDEVICES_REFRESH_TOKEN": emulator.refresh_token,
            "MSDEVICES_REFRESH_TOKEN_FILE": str(path),
        }
        plays = [lab.play([offers_task(offer_id=lab.emulator.offer_ids(3))]) for lab in labs]
        processes = [
            lab.start([play], "--forks", "4", environment=variables) for lab, play in zip(labs, plays, strict=True)
        ]
        for process in processes:
            output = "".join(process.communicate(timeout=120))
            assert process.returncode == 0, output
        log = [item for item in emulator.requests("entra") if item["method"] == "POST"]
        assert [item["status"] for item in log] == [200] * 3
        run = labs[0].run([offers_task(offer_id=[AZURE])], environment={**variables, "MSDEVICES_REFRESH_TOKEN": None})
        assert run.status == 0, run.output

    def test_a_token_without_a_second_factor(self, lab: Lab) -> None:
        emulator = asking_partner_center(lab).emulator
        run = lab.run([offers_task(offer_id=[AZURE], refresh_token=emulator.refresh_token_without_mfa)])
        text = run.error("linux1", "offers")
        assert "issued without multi-factor authentication" in text
        assert emulator.refresh_token_without_mfa not in run.output
