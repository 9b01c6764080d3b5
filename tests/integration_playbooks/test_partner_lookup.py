# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Partner Center offers in templates: how often the lookup asks, in every cloud; and what the documentation shows."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from emulator import offers

from ansible_collections.msdevices.provisioning.plugins.lookup import partner_offer
from ansible_collections.msdevices.provisioning.plugins.modules import (
    partner_offer_category_info,
    partner_offer_info,
)

from .conftest import Figure, NewLab
from .harness import Lab, Run
from .partner import (
    AZURE,
    CATEGORIES,
    OFFERS,
    UNKNOWN,
    asking_partner_center,
    categories_task,
    lookup,
    lookup_vars,
    offer_requests,
    offers_task,
    partner_requests,
    show,
)

# In the documentation, as Microsoft's own pages have it.
_DOCUMENTED = "031C9E47-4802-4248-838E-778FB1D2CC05"
_NOT_THERE = "00000000-0000-4000-8000-000000000000"


@pytest.mark.once
def test_a_template_on_fifty_hosts(new_lab: NewLab, figure: Figure) -> None:
    """10 lookups of 5 distinct offers, in a file that each host gets."""
    lab = asking_partner_center(new_lab(linux=50))
    wanted = lab.emulator.offers()[:5]
    ids = [offer["id"] for offer in wanted]
    terms = [ids[:1], ids[1:2], ids[:2], ids[2:3], ids[3:], ids[4:], ids[:1], ids[1:4], ids[::-1], ids]
    lines = [f"{{{{ {lookup(*term)} | map(attribute='name') | join(';') }}}}\n" for term in terms]
    template = lab.directory / "offers.j2"
    template.write_text("".join(lines), encoding="utf-8")
    task = {
        "name": "write",
        "ansible.builtin.template": {"src": str(template), "dest": "{{ stage }}/offers.txt", "mode": "0644"},
    }
    run = lab.run([task], "--forks", "10", vars=lookup_vars(lab))
    assert run.status == 0, run.output
    names = {offer["id"]: offer["name"] for offer in wanted}
    expected = "".join(";".join(names[offer_id] for offer_id in term) + "\n" for term in terms)
    for host in lab.linux:
        assert (lab.stage(host) / "offers.txt").read_text(encoding="utf-8") == expected
    assert (len(offer_requests(run)), run.token_requests) == (5, 1)
    assert len(run.requests) == 7
    figure(
        f"A template on 50 hosts at 10 forks with 10 lookups of 5 distinct offers: {len(offer_requests(run))} offer"
        f" requests, {run.token_requests} token request"
    )


@pytest.mark.smoke
def test_module_and_lookup_share_answers(lab: Lab, figure: Figure) -> None:
    asking_partner_center(lab)
    ids = lab.emulator.offer_ids(4)
    run = lab.run(
        [
            offers_task(offer_id=ids),
            show("lookup", lookup(*ids) + " | map(attribute='id') | list"),
            show("again", lookup(ids[0].lower(), call="lookup") + ".id"),
        ],
        vars=lookup_vars(lab),
    )
    assert run.ok("linux1", "lookup")["msg"] == ids
    assert run.ok("linux1", "again")["msg"] == ids[0]
    assert (len(offer_requests(run)), run.token_requests) == (4, 1)
    figure("Module and lookup for the same 4 offers: 4 offer requests, 1 token request")


@pytest.mark.once
@pytest.mark.parametrize("cloud", ["public", "usgov", "china", "germany"])
def test_every_cloud(lab: Lab, cloud: str) -> None:
    """By both sign-ins; the refresh token that comes back is kept."""
    own = asking_partner_center(lab, cloud).emulator.clouds[cloud]
    kept = lab.directory / "kept"
    lab.environment.pop("AZURE_AUTHORITY_HOST")
    variables = {**lookup_vars(lab), "msdevices_cloud": cloud, "msdevices_authority": own["authority"]}
    user = {"refresh_token": own["refresh_token"], "refresh_token_file": str(kept)}
    run = lab.run(
        [
            show("application", lookup(AZURE, call="lookup") + ".id"),
            show("user", lookup(AZURE, call="lookup", **user) + ".id"),
        ],
        vars=variables,
    )
    assert run.ok("linux1", "application")["msg"] == run.ok("linux1", "user")["msg"] == AZURE
    notes = [item["note"] for item in run.requests if item["method"] == "POST"]
    assert notes == ["client_credentials/client_secret", "refresh_token/client_secret"]
    assert {item["listener"] for item in partner_requests(run)} == {f"partner_{cloud}"}
    assert kept.read_text().strip() not in ("", own["refresh_token"])


def _tasks(plugin: Any) -> list[dict[str, Any]]:
    """The tasks in a plugin's examples, with an offer that the emulator has and that has add-ons."""
    known = next(offer["id"] for offer in offers.offers() if offer["hasAddOns"] and offer["id"] != AZURE)
    tasks = yaml.safe_load(plugin.EXAMPLES.replace(_DOCUMENTED, known))
    assert isinstance(tasks, list)
    return tasks


def _run(lab: Lab, tasks: list[dict[str, Any]]) -> Run:
    """Run examples as they are written: options that are the same for all come from defaults and variables."""
    emulator = asking_partner_center(lab).emulator
    variables = {"tenant": emulator.tenant_id, "app": emulator.client_id, "app_secret": emulator.client_secret}
    shared = {name: value for name, value in lookup_vars(lab).items() if name != "msdevices_country"}
    run = lab.run(tasks, vars={**variables, **shared})
    assert run.status == 0, run.output
    assert {task for _host, task in run.results} == {task["name"] for task in tasks}
    assert not [name for name, entry in run.results.items() if entry["state"] != "ok"]
    return run


@pytest.mark.once
class TestExamples:
    def test_of_the_offer_module(self, lab: Lab) -> None:
        tasks = _tasks(partner_offer_info)
        known = tasks[0][OFFERS]["offer_id"][0]
        run = _run(lab, tasks)
        names = {offer["id"]: offer["name"] for offer in lab.emulator.offers()}
        assert run.ok("linux1", "Show their names")["msg"] == [names[known], names[AZURE]]
        market = next(entry["result"] for key, entry in run.results.items() if "Germany" in key[1])
        assert market["offers"] == lab.emulator.offers("DE", "de-DE")
        addons = next(entry["result"] for key, entry in run.results.items() if "add-ons" in key[1])
        assert addons["addons"] == {known: offers.addons(known)}

    def test_of_the_category_module(self, lab: Lab) -> None:
        tasks = _tasks(partner_offer_category_info)
        run = _run(lab, tasks)
        first = run.ok("linux1", tasks[0]["name"])["categories"][0]["id"]
        found = run.ok("linux1", tasks[1]["name"])["offers"]
        assert found
        assert {offer["category"]["id"] for offer in found} == {first}

    def test_of_the_lookup(self, lab: Lab) -> None:
        tasks = _tasks(partner_offer)
        run = _run(lab, tasks)
        names = {offer["name"] for offer in lab.emulator.offers()}
        shown = [run.ok("linux1", task["name"])["msg"] for task in tasks]
        assert shown[0] in names
        assert len(shown[1]) == 2
        assert set(shown[1]) <= names
        assert shown[2] == [_NOT_THERE]

    def test_every_example_is_covered(self) -> None:
        """Each example of the three plugins is a task of the tests above, and names the plugin in full."""
        for plugin, name in (
            (partner_offer_info, OFFERS),
            (partner_offer_category_info, CATEGORIES),
            (partner_offer, "msdevices.provisioning.partner_offer"),
        ):
            assert len(_tasks(plugin)) == len(re.findall(r"^- name:", plugin.EXAMPLES, re.MULTILINE)) >= 2
            assert name in plugin.EXAMPLES


@pytest.mark.once
def test_nothing_secret_shows(lab: Lab) -> None:
    """At all verbosity, in failures, in logs and in files, by modules and lookup, from options and files."""
    emulator = asking_partner_center(lab).emulator
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra}
    ids = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id}
    kept = lab.directory / "kept" / "refresh_token"
    kept.parent.mkdir()
    old = "0.A-a-refused-refresh-token-of-the-file"
    kept.write_text(old)
    secrets = {
        "client_secret": emulator.client_secret,
        "refresh_token": emulator.refresh_token,
        "access_token": emulator.clouds["public"]["access_token"],
        "without_mfa": emulator.refresh_token_without_mfa,
    }
    vault = lab.directory / "vault.json"
    vault.write_text(json.dumps({"vaulted": secrets}), encoding="utf-8")
    first, second = emulator.offer_ids(2, start=30)
    # A service that repeats what it was sent.
    for offer_id, name in ((first, "access_token"), (second, "client_secret")):
        body = {"code": 2006, "description": f"Bearer {secrets[name]} may not, {secrets[name]}"}
        emulator.fault(listener="partner_public", action="status", status=403, body=body, path_regex=offer_id)
    secret = {"client_secret": "{{ vaulted.client_secret }}"}
    user = {**ids, **secret, "refresh_token": "{{ vaulted.refresh_token }}", "refresh_token_file": str(kept)}
    terms = ", ".join(f"{name}=vaulted.{name}" for name in ("client_secret", "refresh_token"))
    looked_up = f"query('msdevices.provisioning.partner_offer', '{AZURE}', tenant_id=tenant, client_id=app, {terms})"
    tasks = [
        offers_task("user", offer_id=[AZURE], **user),
        offers_task("kept", offer_id=[AZURE], **{**user, "refresh_token": None}, run_cache=False),
        offers_task("application", offer_id=[AZURE], **ids, **secret),
        offers_task("ready token", offer_id=[AZURE], access_token="{{ vaulted.access_token }}"),
        categories_task("categories", access_token="{{ vaulted.access_token }}"),
        show("lookup", f"{looked_up} | length"),
        offers_task("unknown", offer_id=[UNKNOWN], **ids, **secret),
        offers_task("repeated token", offer_id=[first], access_token="{{ vaulted.access_token }}"),
        offers_task("repeated secret", offer_id=[second], **ids, **secret),
        offers_task("no second factor", offer_id=[AZURE], **ids, **secret, refresh_token="{{ vaulted.without_mfa }}"),
        offers_task("no such tenant", offer_id=[AZURE], **{**ids, "tenant_id": "nowhere.example"}, **secret),
        offers_task("unknown option", offer_id=[AZURE], **ids, secretive="{{ vaulted.client_secret }}"),
        offers_task("misplaced", offer_id=["{{ vaulted.client_secret }} x"], **ids, **secret),
        show("lookup fails", looked_up.replace(AZURE, UNKNOWN)),
    ]
    run = lab.run(
        [{**task, "ignore_errors": True} for task in tasks],
        "-vvvvvv",
        "--diff",
        "-e",
        f"@{vault}",
        vars={**lookup_vars(lab), "tenant": emulator.tenant_id, "app": emulator.client_id},
    )
    for task in tasks[:6]:
        run.ok("linux1", task["name"])
    for task in tasks[6:]:
        run.failed("linux1", task["name"])
    new = kept.read_text().strip()
    assert new not in (old, emulator.refresh_token)
    texts = {
        "output": run.output,
        "log": lab.log,
        "results": json.dumps(list(run.results.values())),
        "files": "".join(
            path.read_bytes().decode("latin-1")
            for place in (lab.home, lab.temporary, lab.directory / "hosts")
            for path in place.rglob("*")
            if path.is_file()
        ),
    }
    found = [
        f"{name} in {where}"
        for where, text in texts.items()
        for name, value in {**secrets, "old": old, "new": new}.items()
        if value in text or json.dumps(value)[1:-1] in text
    ]
    found += [f"a token in {where}" for where, text in texts.items() if re.search(r"eyJ[\w-]{8,}\.[\w-]{8,}\.", text)]
    assert not found
    assert len(run.output) > 10_000
    assert not list((lab.home / ".ansible" / "tmp").glob("ansible-local-*"))
