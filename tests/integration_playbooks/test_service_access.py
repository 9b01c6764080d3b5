# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The diagnosis, against each fault: which step fails, which are skipped after it, and what it says to do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from emulator.client import Emulator
from emulator.entra_errors import ERRORS

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.services import ACCESS_SERVICES

from .harness import Lab, Run
from .proxies import Proxy, closed_port, silent_port

ACCESS = "msdevices.provisioning.service_access_info"
PLAYBOOK = "msdevices.provisioning.check_access"
SIGN_IN = ["sign_in_proxy", "sign_in_name", "sign_in_tcp", "sign_in_tls", "sign_in_discovery", "sign_in_clock"]
SERVICE = ["service_proxy", "service_name", "service_tcp", "service_tls", "service_call"]
STEPS = ["versions", "options", *SIGN_IN, "token", *SERVICE]
SERVICES = {"store_for_business": "store", "store_licensing": "licensing", "store_catalog": "catalog"}
"""The services of the Store, and the emulator's names for them."""
RETIRED = "Store for Business is retired"

# What the remedy for each refusal of the token endpoint has to speak of.
REMEDIES = {
    50027: "certificate", 50059: "tenant_id", 50173: "revoked", 65001: "administrator has to consent",
    70000: "replaced by a newer one", 70003: "proxy", 70008: "has expired", 70011: "audience", 70043: "policy",
    90002: "tenant_id", 90014: "proxy", 500011: "audience", 700016: "client_id and tenant_id", 700021: "client_id",
    700023: "authority", 700024: "clock", 700025: "leave client_secret", 700027: "upload it in Entra",
    700082: "has expired", 700211: "issuer", 700212: "audience", 700213: "subject", 900023: "tenant_id",
    900144: "proxy", 900561: "proxy", 1002012: "audience", 7000215: "value, not its id",
    7000218: "set client_secret or client_certificate_path", 7000222: "create a new one", 53003: "Conditional Access",
    50126: "sign in anew", 50076: "multi-factor",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A task, the steps that have to fail in it, and what detail and remedy of the first of them have to say."""

    options: dict[str, Any]
    failed: tuple[str, ...] = ()
    detail: str = ""
    remedy: str = ""
    skipped: tuple[str, ...] = field(default=(), compare=False)
    """Further steps that are skipped, though none before them failed."""


def statuses(case: Case) -> dict[str, str]:
    """The status that each step has to have: what comes after a failure on the same way is skipped."""
    found = dict.fromkeys(STEPS, "pass") | dict.fromkeys(case.skipped, "skipped")
    for name in case.failed:
        later = STEPS[STEPS.index(name) + 1 :]
        # Whether hosts can be reached is checked without a credential, too.
        signed_in = ["sign_in_discovery", "sign_in_clock", "token", "service_call"]
        ways = {"options": signed_in, "sign_in_clock": [], "token": ["service_call"]}
        chain = [*SIGN_IN, "token", "service_call"] if name in SIGN_IN else SERVICE
        found.update(dict.fromkeys(ways.get(name, [step for step in chain if step in later]), "skipped"))
    return found | dict.fromkeys(case.failed, "fail")


def check(case: Case, result: dict[str, Any]) -> None:
    """See that a report is what the case wants."""
    shown = "\n".join(result["report"])
    assert {step["step"]: step["status"] for step in result["steps"]} == statuses(case), shown
    assert [step["step"] for step in result["steps"]] == STEPS
    assert result["changed"] is False
    assert result["passed"] is not bool(case.failed)
    by_name = {step["step"]: step for step in result["steps"]}
    for name, step in by_name.items():
        assert step["detail"]
        assert bool(step["remedy"]) is (step["status"] == "fail"), name
        assert f"{step['status']:<8}{name:<19}{step['detail']}" in result["report"]
    if case.failed:
        first = by_name[case.failed[0]]
        assert case.detail in first["detail"]
        assert case.remedy in first["remedy"]
        assert f"failed: {', '.join(name for name in STEPS if name in case.failed)}" in result["report"]
        assert f"{'':<8}{'what to do':<19}{first['remedy']}" in result["report"]
    else:
        assert "nothing failed" in result["report"]
    found = result["versions"]
    assert [
        name for name in ("python", "ansible-core", "requests", "msal") if not re.match(r"\d+\.\d+", found[name])
    ] == []


def run_cases(lab: Lab, cases: dict[str, Case], *arguments: str, **keywords: Any) -> tuple[Run, dict[str, Any]]:
    """Walk once for each case, in one task, and see what each walk reports; return the run, and the details by step."""
    names = sorted({name for case in cases.values() for name in case.options})
    items = [{"case": name, **_without_secrets(case.options)} for name, case in cases.items()]
    # Items of loops are shown, variables are not. What is omitted would unset the default of the play.
    secrets = {name: {**lab.defaults, **case.options} for name, case in cases.items()}
    options = {name: f"{{{{ secrets[item.case].{name} | default(omit) }}}}" for name in names}
    task = {"name": "walk", ACCESS: options, "loop": items, "loop_control": {"label": "{{ item.case }}"}}
    run = lab.run([task], *arguments, vars={"secrets": secrets}, **keywords)
    assert run.status == 0, run.output
    results = run.ok("linux1", "walk")["results"]
    assert [result["item"]["case"] for result in results] == list(cases)
    for result, case in zip(results, cases.values(), strict=True):
        check(case, result)
    return run, {
        result["item"]["case"]: {step["step"]: step["detail"] for step in result["steps"]} for result in results
    }


def _without_secrets(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if not name.endswith(("token", "secret"))}


def assert_no_secret(lab: Lab, run: Run, *others: str) -> None:
    """No secret and no token shows anywhere."""
    emulator = lab.emulator
    secrets = [emulator.client_secret, emulator.refresh_token, emulator.certificate_password, Proxy.password, *others]
    for text in (run.stdout, run.stderr, lab.log, json.dumps(list(run.results.values()), default=str)):
        assert not [secret for secret in secrets if secret in text]
        # The beginning of every signed token.
        assert not re.search(r"eyJ[\w-]{10,}\.eyJ", text)


def lab_for(lab: Lab, **defaults: Any) -> Lab:
    """Let a lab's tasks fail fast; where to go is up to each."""
    lab.defaults = {"ca_path": lab.emulator.ca_path, "timeout": 5, "deadline": 20, "max_retries": 0, **defaults}
    return lab


def store(emulator: Emulator, **options: Any) -> dict[str, Any]:
    """The options that lead to the emulator's Store for Business."""
    return {"service": "store_for_business", "base_url": emulator.store, **options}


def partner(emulator: Emulator, cloud: str = "public", **options: Any) -> dict[str, Any]:
    """The options that lead to the emulator's Partner Center in a cloud."""
    found = emulator.clouds[cloud]
    address = {"base_url": found["base_url"], "authority": found["authority"], "cloud": cloud}
    return {"service": "partner_center", **address, **options}


def refusals(emulator: Emulator) -> dict[str, Case]:
    """Everything that the token endpoint can do wrong; the emulator is told to do it, one request after the other."""
    cases: dict[str, Case] = {}
    requests = {"listener": "entra", "method": "POST", "path_regex": "/token$", "times": 1}

    def add(name: str, rule: dict[str, Any], detail: str, remedy: str, **options: Any) -> None:
        # A rule that answers ends the search, so that those after it do not count that request.
        answers = rule["action"] in ("status", "html", "not_an_object", "redirect", "reset")
        emulator.fault({**requests, **rule, "after": len(effects)})
        (others if answers else effects).append(name)
        cases[name] = Case(store(emulator, **options), ("token",), detail, remedy)

    effects: list[str] = []
    others: list[str] = []
    for code, remedy in REMEDIES.items():
        add(f"AADSTS{code}", {"action": "entra_error", "value": code}, f"AADSTS{code}: ", remedy)
    add("expired", {"action": "expired_token"}, "has expired already", "clock of the controller")
    add("other audience", {"action": "wrong_audience_token"}, "audience https://graph.microsoft.com", "Check audience")
    add("other tenant", {"action": "wrong_tenant_token"}, "the token is of the tenant", "Check tenant_id")
    add("truncated", {"action": "truncate"}, "without a usable body", "a proxy answers")
    for status in (429, 500, 503):
        add(f"HTTP {status}", {"action": "status", "status": status}, f"answered HTTP {status}", "overloaded")
    add("page", {"action": "html"}, "answered HTTP 200 without a usable body", "a proxy answers")
    add("page with 502", {"action": "html", "status": 502}, "answered HTTP 502", "a proxy answers")
    add("list", {"action": "not_an_object"}, "without a usable body", "Check authority")
    add("redirect", {"action": "redirect"}, "a redirect to 127.0.0.1", "a proxy stands in between")
    add("reset", {"action": "reset"}, "connection", "firewall, proxy")
    return cases


def discoveries(emulator: Emulator) -> dict[str, Case]:
    """Everything that discovery can do wrong, likewise."""
    cases: dict[str, Case] = {}
    requests = {"listener": "entra", "method": "GET", "path_regex": "/openid-configuration$", "times": 1}
    wrong: dict[str, tuple[dict[str, Any], str, str]] = {
        "other issuer": ({"action": "discovery_issuer"}, "names another issuer, on host 'login.stranger", "authority"),
        "other token endpoint": ({"action": "discovery_token_endpoint"}, "names another token endpoint", "a proxy"),
        "discovery truncated": ({"action": "truncate"}, "without a usable body", "Check authority and tenant_id"),
        "discovery 503": ({"action": "status", "status": 503}, "answered HTTP 503", "overloaded"),
        "discovery page": ({"action": "html"}, "without a usable body", "a proxy answers in the service's place"),
        "discovery redirect": ({"action": "redirect"}, "is not followed", "Check the URL options"),
    }
    for number, (name, (rule, detail, remedy)) in enumerate(wrong.items()):
        emulator.fault({**requests, **rule, "after": min(number, 3)})
        cases[name] = Case(store(emulator), ("sign_in_discovery",), detail, remedy)
    # A tenant that does not exist is found out here already.
    missing = {"tenant_id": "00000000-0000-4000-8000-000000000000"}
    cases["no such tenant"] = Case(store(emulator, **missing), ("sign_in_discovery",), "AADSTS90002", "tenant_id")
    return cases


@pytest.mark.once
def test_every_fault_of_sign_in(lab: Lab) -> None:
    # The device code flow is not part of a walk.
    assert REMEDIES.keys() == ERRORS.keys() - {70016, 70018, 70019, 70020}
    lab_for(lab, authority=lab.emulator.entra)
    # What fails in discovery costs one request, what fails later more.
    cases = {**discoveries(lab.emulator), **refusals(lab.emulator)}
    run, _details = run_cases(lab, cases, "-vvvvvv")
    assert [rule["applied"] for rule in lab.emulator.faults()] == [1] * len(lab.emulator.faults())
    assert_no_secret(lab, run)
    # What went to another host would be here.
    assert {item["listener"] for item in run.requests} == {"entra"}


@pytest.mark.once
def test_network_and_tokens(lab: Lab, tmp_path: Path) -> None:
    emulator = lab.emulator
    lab_for(lab, authority=emulator.entra)
    stranger = tmp_path / "stranger.pem"
    trustme.CA(organization_name="A stranger").cert_pem.write_to_path(str(stranger))
    nowhere, closed = "https://store.nowhere.invalid", f"https://localhost:{closed_port()}"
    expired = emulator.token(audience="https://onestore.microsoft.com", lifetime=-600)
    graph = emulator.token(audience="https://graph.microsoft.com", lifetime=600)
    reader = emulator.token(audience=emulator.licensing_audience, lifetime=600, user=True, role="Global Reader")
    tied = ("sign_in_tls", "service_tls")
    ready = tuple(SIGN_IN)
    licensing = {"service": "store_licensing", "base_url": emulator.licensing, "auth_method": "access_token"}
    with silent_port() as port:
        silent = f"https://localhost:{port}"
        cases = {
            "sign-in: no name": Case(store(emulator, authority=nowhere), ("sign_in_name",), "does not resolve", "DNS"),
            "sign-in: closed": Case(store(emulator, authority=closed), ("sign_in_tcp",), "refused", "firewalls"),
            "sign-in: silent": Case(
                store(emulator, authority=silent, timeout=0.5), ("sign_in_tls",), "within 0.5 seconds", "breaks TLS"
            ),
            "store: no name": Case(store(emulator, base_url=nowhere), ("service_name",), "does not resolve", RETIRED),
            "store: closed": Case(store(emulator, base_url=closed), ("service_tcp",), "refused", RETIRED),
            "store: silent": Case(
                store(emulator, base_url=silent, timeout=0.5), ("service_tls",), "within 0.5 seconds", RETIRED
            ),
            "partner: no name": Case(
                partner(emulator, base_url=nowhere), ("service_name",), "does not resolve", "HTTPS_PROXY"
            ),
            "unknown CA": Case(
                store(emulator, ca_path=str(stranger)), tied, "issued by msdevices.provisioning emulator", "Set ca_path"
            ),
            "no CAs": Case(store(emulator, ca_path=str(lab.inventory)), tied, "no CA certificates", "Correct ca_path"),
            "not verified": Case(store(emulator, validate_certs=False)),
            "no tenant": Case(store(emulator, tenant_id="no tenant"), ("options",), "neither a GUID", "tenant_id"),
            "plain http": Case(
                store(emulator, base_url="http://localhost"), ("options",), "only go over", skipped=tuple(STEPS[2:])
            ),
            "country": Case(partner(emulator, country="Utopia"), ("options",), "country is 'Utopia'", "US, GB or DE"),
            "ready token": Case(
                store(emulator, access_token=emulator.access_tokens["store"], auth_method="access_token"), skipped=ready
            ),
            "opaque token": Case(
                store(emulator, access_token="t0ken-that-is-opaque", auth_method="access_token"),
                ("service_call",), "does not accept", "Activate the application", ready,
            ),
            "expired token": Case(
                store(emulator, access_token=expired, auth_method="access_token"),
                ("token",), "the token expired 10 minutes ago", "new token", ready,
            ),
            "other audience": Case(
                {**licensing, "access_token": graph}, ("token",), "not for c5e1cb0d", "Get a token for c5e1cb0d", ready
            ),
            "without the role": Case(
                {**licensing, "access_token": reader}, ("token",), "none of the roles", "License Administrator", ready
            ),
            "not activated": Case(
                store(emulator, client_id=emulator.inactive_client_id, client_secret=emulator.inactive_client_secret),
                ("service_call",), "does not accept the application", "Distribute, Management tools",
            ),
        }  # fmt: skip
        run, details = run_cases(lab, cases, "-vvvvvv")
    assert_no_secret(lab, run, expired, graph, reader, "t0ken-that-is-opaque")
    found = details["not verified"]["service_tls"]
    assert "certificate of localhost, 127.0.0.1 issued by msdevices.provisioning emulator" in found
    assert "not verified (validate_certs is false)" in found


@pytest.mark.once
def test_every_service_and_cloud(lab: Lab) -> None:
    emulator = lab.emulator
    lab_for(lab)
    cases = {
        name: Case({"service": name, "base_url": emulator.endpoints[listener], "authority": emulator.entra})
        for name, listener in SERVICES.items()
    }
    for name in ("store_licensing", "store_catalog"):
        cases[name].options["refresh_token"] = emulator.refresh_token
    cases |= {f"partner_center in {cloud}": Case(partner(emulator, cloud)) for cloud in emulator.clouds}
    # Gone behind a host that still answers, and a service that has trouble.
    for status, remedy in ((410, "retired"), (404, "retired"), (503, "Run again later")):
        emulator.fault(listener="store", action="status", status=status, after=1, times=1)
        good = store(emulator, authority=emulator.entra)
        cases[f"HTTP {status}"] = Case(good, ("service_call",), f"HTTP {status}", remedy)
    # The controller's clock is wrong, seen from every host of a cloud.
    for listener, spared in (("entra_usgov", 3), ("partner_usgov", 1)):
        emulator.fault(listener=listener, action="clock_skew", value=600, after=spared)
    cases["clock"] = Case(
        partner(emulator, "usgov"), ("sign_in_clock", "token"), "10 minutes behind", "Set the clock of the controller"
    )
    run, details = run_cases(lab, cases, "--check", "-vvvvvv")
    assert_no_secret(lab, run)
    assert "token of a user: audience c5e1cb0d" in details["store_licensing"]["token"]
    assert "directory roles License Administrator" in details["store_licensing"]["token"]
    # One sign-in for each walk, which another walk does not use.
    assert run.token_requests == len(cases)
    assert run.license_requests == 1


@pytest.mark.once
def test_proxies(lab: Lab) -> None:
    emulator = lab.emulator
    port = int(emulator.entra.rpartition(":")[2])
    hosts = {
        "public": ("login.microsoftonline.com", "api.partnercenter.microsoft.com"),
        "usgov": ("login.microsoftonline.us", "api.partnercenter.microsoft.com"),
        "china": ("login.partner.microsoftonline.cn", "partner.partnercenterapi.microsoftonline.cn"),
        "germany": ("login.microsoftonline.de", "api.partnercenter.microsoft.com"),
    }
    lab_for(lab)
    lab.environment = {**emulator.environment(), "AZURE_AUTHORITY_HOST": ""}
    good = store(emulator, authority=emulator.entra)
    names = {name for pair in hosts.values() for name in pair}
    with Proxy(dict.fromkeys(names, port), refused=("refused.example",)).serving() as proxy:
        # The emulator plays those hosts without having their certificates.
        cases = {
            cloud: Case(
                {"service": "partner_center", "cloud": cloud},
                ("sign_in_tls", "service_tls"),
                "mismatch",
                "Check the URL",
            )
            for cloud in hosts
        }
        cases["good"] = Case(good)
        refused = {**good, "base_url": "https://refused.example"}
        cases["refused"] = Case(refused, ("service_tls",), "refused.example:443 (403", "let the controller reach")
        run, details = run_cases(lab, cases, "-vvvvvv", environment={"HTTPS_PROXY": proxy.url})
        assert_no_secret(lab, run)
        assert {f"{name}:443" for name in names} < set(proxy.asked)
        assert details["good"]["service_proxy"] == f"by the proxy http://{proxy.address}"
        assert details["good"]["sign_in_proxy"] == details["good"]["service_proxy"]
    dead = {
        "dead": Case(good, ("sign_in_tcp", "service_tcp"), "no connection to the proxy", "HTTPS_PROXY"),
        "around it": Case(
            {**good, "base_url": emulator.store.replace("localhost", "127.0.0.1")}, ("sign_in_tcp",), "to the proxy"
        ),
    }
    environment = {"HTTPS_PROXY": f"http://127.0.0.1:{closed_port()}", "NO_PROXY": "127.0.0.1"}
    run, details = run_cases(lab, dead, environment=environment)
    assert details["around it"]["service_proxy"] == "directly, without a proxy"
    # That a proxy is dead says nothing of the host behind it.
    assert RETIRED not in run.stdout


@pytest.mark.smoke
def test_playbook(lab: Lab) -> None:
    emulator = lab.emulator
    common = {"ca_path": emulator.ca_path, "max_retries": 0}
    options = {
        "store_for_business": {"base_url": emulator.store, **common},
        "partner_center": {"base_url": emulator.partner_public, **common},
    }
    run = lab.run_plays(PLAYBOOK, "-e", json.dumps({"check_access_options": options}), "--check")
    assert run.status == 0, run.output
    for text in (
        "store_for_business at https://",
        "the inventory could be listed",
        "offer categories",
        "nothing failed",
    ):
        assert text in run.stdout
    options["store_for_business"]["base_url"] = f"https://localhost:{closed_port()}"
    survey = {"check_access_options": options, "check_access_services": "store_for_business, partner_center"}
    run = lab.run_plays(PLAYBOOK, "-e", json.dumps(survey))
    assert run.status == 2
    assert RETIRED in run.stdout
    assert "set service to store_licensing" in run.stdout
    assert "offer categories could be listed" in run.stdout
    assert "store_for_business cannot be used as it is" in run.error("localhost", "Fail when a step failed")
    assert_no_secret(lab, run)


@pytest.mark.once
def test_playbook_for_all_services_and_several_clouds(lab: Lab) -> None:
    """Without a choice it walks to each service; with clouds, to each of them there."""
    emulator = lab.emulator
    # The hosts are those of Microsoft: a proxy that is not there keeps the walk from them.
    proxy = {"HTTPS_PROXY": f"http://127.0.0.1:{closed_port()}", "NO_PROXY": "localhost,127.0.0.1"}
    lab.environment = {**lab.environment, **proxy, "AZURE_AUTHORITY_HOST": f"https://localhost:{closed_port()}"}
    run = lab.run_plays(PLAYBOOK)
    assert run.status == 2
    for service in ACCESS_SERVICES:
        assert f"{service} at https://" in run.stdout
    error = run.error("localhost", "Fail when a step failed")
    assert f"{', '.join(ACCESS_SERVICES)} cannot" in error

    options = {"partner_center": {"ca_path": emulator.ca_path, "authority": emulator.entra, "max_retries": 0}}
    values = {"check_access_options": json.dumps(options), "check_access_clouds": "public, china"}
    run = lab.run_plays(PLAYBOOK, "-e", json.dumps(values))
    error = run.error("localhost", "Fail when a step failed")
    assert "partner_center in the cloud public, partner_center in the cloud china cannot be used" in error
    hosts = ("https://api.partnercenter.microsoft.com", "https://partner.partnercenterapi.microsoftonline.cn")
    assert all(f"partner_center at {host}" in run.stdout for host in hosts)
    assert run.stdout.count("no connection to the proxy") == len(hosts)
    assert_no_secret(lab, run)


@pytest.mark.once
@pytest.mark.parametrize(
    "options",
    [
        "nothing but a text",
        {"partner_center": "usgov"},
        {"partner_center": {"client_secret": "canary"}},
        {"partner_center": {"cluod": "usgov"}},
        {"partner_centre": {"cloud": "usgov"}},
    ],
)
def test_playbook_refuses_options_that_it_would_ignore(lab: Lab, options: object) -> None:
    values = {"check_access_options": options, "check_access_services": "partner_center"}
    run = lab.run_plays(PLAYBOOK, "-e", json.dumps(values))
    assert "Could not use check_access_options." in run.error("localhost", "Look at the options")
    assert "canary" not in run.error("localhost", "Look at the options")
    assert run.connections == 0


@pytest.mark.once
def test_ready_token_of_the_catalog_has_its_own_variable(lab: Lab) -> None:
    emulator = lab.emulator
    lab_for(lab, base_url=emulator.catalog)
    lab.environment = {
        "MSDEVICES_ACCESS_TOKEN": emulator.access_tokens["licensing"],
        "MSDEVICES_CATALOG_ACCESS_TOKEN": emulator.access_tokens["catalog"],
    }
    skipped = tuple(SIGN_IN)
    run, _details = run_cases(lab, {"catalog": Case({"service": "store_catalog"}, skipped=skipped)}, "-vvvvvv")
    assert_no_secret(lab, run, *lab.environment.values())
