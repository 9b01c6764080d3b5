# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role offline_licenses and the playbook stage_offline_licenses, by their full names."""

from __future__ import annotations

import json
import stat
from collections import Counter
from typing import Any

import pytest
import yaml

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.offline_license import specification

from .conftest import Figure, NewLab, Served
from .harness import MANIFEST, ROOT, STAGE, Lab, Run, default_name

ROLE = "msdevices.provisioning.offline_licenses"
_ROLE_FILES = ROOT / "roles" / "offline_licenses"
_DEST = r"{{ stage ~ ('\images' if ansible_connection == 'windows_standin' else '/images') }}"
_REPORT = {"name": "report", "ansible.builtin.debug": {"var": "offline_licenses_report"}}


def _play(lab: Lab, licenses: list[dict[str, Any]], **variables: Any) -> dict[str, Any]:
    """A play of the role alone, and then a look at its report."""
    values = {"dest": _DEST, "list": licenses, **lab.defaults, **variables}
    role = {"role": ROLE, "vars": {f"offline_licenses_{name}": value for name, value in values.items()}}
    return {**lab.play([_REPORT], module_defaults={}), "roles": [role]}


def _report(run: Run, host: str) -> dict[str, Any]:
    return dict(run.ok(host, "report")["offline_licenses_report"])


def _files(lab: Lab, host: str) -> dict[str, bytes]:
    """What lies in the directory that the role created, without the manifest."""
    if host in lab.linux:
        found = {path.name: path.read_bytes() for path in (lab.stage(host) / "images").iterdir()}
    else:
        top = rf"{STAGE}\images"
        found = {name[len(top) + 1 :]: data for name, data in lab.windows.tree(host, top).items()}
    return {name: data for name, data in found.items() if name != MANIFEST}


def _executions(lab: Lab, run: Run, host: str) -> dict[str, int]:
    """How often a host executed which module."""
    if host in lab.linux:
        return dict(Counter(item["module"] for item in run.journal if item["host"] == host and item["module"]))
    return dict(Counter(call["plugin"].rpartition(".")[2] for call in lab.windows.calls(host)))


def _unchanged(run: Run) -> bool:
    return not any(entry["result"].get("changed") for entry in run.results.values())


@pytest.mark.once
def test_role(new_lab: NewLab, served: Served, figure: Figure) -> None:
    """Linux and Windows in one play, from an empty host on; the second run does nothing; effort stays constant."""
    executions: dict[int, list[dict[str, dict[str, int]]]] = {}
    for count in (2, 40):
        lab = new_lab(f"with {count}", windows=["win1"])
        hosts = ["linux1", "win1"]
        wanted = lab.emulator.licenses(count)
        play = [_play(lab, wanted)]
        runs = []
        first = lab.run_plays(play)
        assert first.status == 0, first.output
        assert (first.token_requests, first.license_requests) == (1, count)
        for host in hosts:
            assert _files(lab, host) == {default_name(entry): served(entry) for entry in wanted}
            report = _report(first, host)
            licenses = report.pop("licenses")
            assert report == {
                "dest": rf"{STAGE}\images" if host == "win1" else str(lab.stage(host) / "images"),
                "changed": True,
                "total": count,
                "fetched": count,
                "archived": 0,
                "unchanged": 0,
                "failed": 0,
                "pruned": [],
                "verified": True,
                "unverified": [],
            }
            assert [(entry["content_id"], entry["state"]) for entry in licenses] == [
                (entry["content_id"], "fetched") for entry in wanted
            ]
        for host in lab.linux:
            assert stat.S_IMODE((lab.stage(host) / "images").stat().st_mode) == 0o700
            assert {stat.S_IMODE(path.stat().st_mode) for path in (lab.stage(host) / "images").iterdir()} == {0o600}
        summary = "\n".join(first.ok("linux1", f"{ROLE} : Show the summary")["msg"])
        assert f"{count} licenses, {count} fetched, 0 unchanged, 0 failed, 0 pruned, verified" in summary
        assert all(entry["content_id"] in summary and default_name(entry) in summary for entry in wanted)
        runs.append({host: _executions(lab, first, host) for host in hosts})

        second = lab.run_plays(play)
        assert second.status == 0, second.output
        assert _unchanged(second)
        assert (second.requests, second.connections) == ([], 0)
        assert lab.windows.transfers() == []
        assert {_report(second, host)["unchanged"] for host in hosts} == {count}
        assert {_report(second, host)["verified"] for host in hosts} == {True}
        for host in hosts:
            # One line however many there are: somebody reads this each morning.
            (line,) = second.ok(host, f"{ROLE} : Show the summary")["msg"]
            assert f"{count} licenses, 0 fetched, {count} unchanged, 0 failed, 0 pruned, verified" in line
        runs.append({host: _executions(lab, second, host) for host in hosts})
        executions[count] = runs
    assert executions[2] == executions[40]
    for when, run in zip(("first", "second"), executions[40], strict=True):
        figure(
            f"role, 2 or 40 licenses, module executions in the {when} run: Linux {run['linux1']}, Windows {run['win1']}"
        )
    assert executions[40][1]["linux1"]["ms_offline_license"] <= 2


@pytest.mark.once
def test_role_on_empty_hosts_in_check_mode(new_lab: NewLab) -> None:
    lab = new_lab(windows=["win1"])
    run = lab.run_plays([_play(lab, lab.emulator.licenses(2))], "--check", "--diff")
    assert run.status == 0, run.output
    assert (run.requests, run.connections) == ([], 0)
    assert not (lab.stage("linux1") / "images").exists()
    assert not lab.windows.exists("win1", rf"{STAGE}\images")
    for host in ("linux1", "win1"):
        report = _report(run, host)
        assert (report["changed"], report["fetched"], report["failed"], report["verified"]) == (True, 2, 0, False)
        summary = run.ok(host, f"{ROLE} : Show the summary")["msg"]
        assert summary[0].endswith("2 licenses, 2 to fetch, 0 unchanged, 0 failed, 0 to prune")
        assert [line.split()[:2] for line in summary[1:]] == [["to", "fetch"]] * 2


@pytest.mark.once
def test_role_prunes_and_reports_failures(new_lab: NewLab, served: Served) -> None:
    """What is no longer listed goes if asked; what cannot be had fails the host after the report."""
    lab = new_lab(windows=["win1"])
    one, two, three = lab.emulator.licenses(3)
    refused = lab.emulator.special("not_offline").request()
    assert lab.run_plays([_play(lab, [one, two])]).status == 0

    failed = lab.run_plays([_play(lab, [one, refused, three], prune=True)])
    assert failed.status == 2
    for host in ("linux1", "win1"):
        assert set(_files(lab, host)) == {default_name(entry) for entry in (one, two, three)}
        summary = "\n".join(failed.ok(host, f"{ROLE} : Show the summary")["msg"])
        assert "3 licenses, 1 fetched, 1 unchanged, 1 failed, 0 pruned" in summary
        message = failed.error(host, f"{ROLE} : Fail when a license is not in place")
        for text in (refused["content_id"], "HTTP 409", "offline licensing"):
            assert text in message
        assert (host, "report") not in failed.results

    pruned = lab.run_plays([_play(lab, [one, three], prune=True, format="xml")])
    assert pruned.status == 0, pruned.output
    assert pruned.requests == []
    for host, path in (
        ("linux1", str(lab.stage("linux1") / "images" / default_name(two))),
        ("win1", rf"{STAGE}\images\{default_name(two)}"),
    ):
        assert _files(lab, host) == {default_name(entry): served(entry) for entry in (one, three)}
        assert _report(pruned, host)["pruned"] == [path]
        assert f"pruned {path}" in pruned.ok(host, f"{ROLE} : Show the summary")["msg"]


@pytest.mark.once
def test_role_verifies(lab: Lab) -> None:
    """A file that something else overwrites after it was staged is found, named, and fails the host."""
    wanted = lab.emulator.licenses(2)
    path = lab.stage("linux1") / "images" / default_name(wanted[1])
    # Facts, directory, look, stage; then it happens, and the verification is next.
    run = lab.run_plays([_play(lab, wanted)], environment={"MSDEVICES_TEST_SPOIL": f"4:{path}"})
    message = run.error("linux1", f"{ROLE} : Fail when a license is not in place")
    assert "not what was staged" in message
    assert str(path) in message
    assert "not verified" in "\n".join(run.ok("linux1", f"{ROLE} : Show the summary")["msg"])
    unverified = lab.run_plays([_play(lab, wanted, verify=False, create_dest=False, mode="0644")])
    assert unverified.status == 0, unverified.output
    assert _report(unverified, "linux1")["verified"] is False
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.once
def test_role_refuses_bad_variables(new_lab: NewLab) -> None:
    """The check of the arguments says what is wrong, or the message of the module reaches the user; no request."""
    cases: list[tuple[dict[str, Any], str]] = [
        ({"format": "pem"}, "offline_licenses_format"),
        ({"product_id": ""}, "product_id is missing"),
        ({"sku_id": 13}, 'sku_id: "0015"'),
        ({"create_dest": False}, "Create it first"),
        ({"dest": r"C:\Images\licenses"}, "is a path of Windows, and the host is none"),
        ({"dest": "licenses"}, "is not an absolute path"),
        ({"auth_method": "certificate"}, "client_certificate_path is not set"),
    ]
    lab = new_lab(linux=len(cases))
    good = lab.emulator.product(0).request()
    cases_by_host = {host: changes for host, (changes, _text) in zip(lab.linux, cases, strict=True)}
    values = {"format": "xml", "create_dest": True, "auth_method": "auto"}
    mine = {name: f"{{{{ cases[inventory_hostname].{name} | default({value!r}) }}}}" for name, value in values.items()}
    mine["dest"] = "{{ cases[inventory_hostname].dest | default(stage ~ '/images') }}"
    ids = {name: f"{{{{ cases[inventory_hostname].{name} | default({value!r}) }}}}" for name, value in good.items()}
    run = lab.run_plays([{**_play(lab, [ids], **mine), "vars": {"cases": cases_by_host}}])
    assert run.status == 2
    assert run.requests == []
    missing = []
    for host, (_changes, text) in zip(lab.linux, cases, strict=True):
        failures = [item for (name, _task), item in run.results.items() if name == host and item["state"] == "failed"]
        messages = [str(item["result"].get("msg")) for item in failures]
        if not any(text in message for message in messages):
            missing.append(f"{text!r} is not in {messages}")
    assert not missing, "\n".join(missing)


def test_role_keeps_module_defaults(lab: Lab) -> None:
    """What no variable of the role sets, module_defaults still set, as its README says."""
    play = _play(lab, lab.emulator.licenses(1))
    for name in lab.defaults:
        del play["roles"][0]["vars"][f"offline_licenses_{name}"]
    run = lab.run_plays([{**play, "module_defaults": {"group/msdevices.provisioning.all": lab.defaults}}])
    assert run.status == 0, run.output
    assert run.license_requests == 1


@pytest.mark.parametrize(
    ("role", "own"),
    [
        # Those for POSIX hosts, and what the tasks pass themselves.
        ("offline_licenses", {"mode", "owner", "group", "licenses", "dest"}),
        # The role has its own use for mode, owner and group, and none for the others.
        ("license_templates", {"mode", "owner", "group", "licenses", "dest", "force", "format", "prune"}),
    ],
)
def test_roles_pass_every_option(role: str, own: set[str]) -> None:
    """Each option of the module but those for a single license has a variable that is described and passed on."""
    single = {"product_id", "sku_id", "content_id", "architecture", "language", "package_family_name"}
    options = set(specification()["argument_spec"]) - single
    files = _ROLE_FILES.parent / role
    passed = yaml.safe_load((files / "vars" / "main.yml").read_text(encoding="utf-8"))[f"__{role}_option_names"]
    assert {*passed, *own} == options
    assert passed == sorted(passed)
    described = yaml.safe_load((files / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    variables = described["argument_specs"]["main"]["options"]
    assert not [option for option in passed if f"{role}_{option}" not in variables]


@pytest.mark.smoke
def test_playbook(new_lab: NewLab, served: Served) -> None:
    """Called by its full name with extra variables, and imported, as automation controllers have to."""
    lab = new_lab(linux=2, windows=["win1"])
    wanted = lab.emulator.licenses(3)
    variables = {
        "offline_licenses_hosts": "linux1,win1",
        "offline_licenses_dest": _DEST,
        "offline_licenses_list": wanted,
        "offline_licenses_base_url": lab.emulator.store,
        "offline_licenses_ca_path": lab.emulator.ca_path,
    }
    name = "msdevices.provisioning.stage_offline_licenses"
    playbooks: list[tuple[str | list[dict[str, Any]], int]] = [(name, 5), ([{"import_playbook": name}], 0)]
    for playbook, requests in playbooks:
        run = lab.run_plays(playbook, "-e", json.dumps(variables))
        assert run.status == 0, run.output
        assert len(run.requests) == requests
        assert _unchanged(run) is (requests == 0)
        for host in ("linux1", "win1"):
            assert _files(lab, host) == {default_name(entry): served(entry) for entry in wanted}
    assert lab.files("linux2") == {}
