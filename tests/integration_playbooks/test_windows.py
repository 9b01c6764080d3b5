# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Windows hosts, simulated on this machine: staging, idempotence, and that effort does not grow with the licenses."""

from __future__ import annotations

import base64
import os
from typing import Any

import pytest
from license_services import both_services

from .conftest import Figure, NewLab, Served
from .harness import MANIFEST, STAGE, Lab, Run, default_name


@pytest.fixture
def windows(new_lab: NewLab) -> Lab:
    """A lab with one Windows host, ``win1``."""
    return new_lab(linux=0, windows=["win1"])


def _effort(lab: Lab, host: str = "win1") -> list[str]:
    """What went over the connection to a host, in order."""
    return [
        event["event"] + (f" {event['plugin'].rpartition('.')[2]}" if event["event"] == "module" else "")
        for event in lab.windows.events(host=host)
    ]


def _idle(lab: Lab, run: Run, host: str = "win1", task: str = "stage") -> dict[str, Any]:
    """The result of a run that found everything in place."""
    result = run.ok(host, task)
    assert result["changed"] is False
    assert {entry["state"] for entry in result["licenses"]} == {"unchanged"}
    assert (run.requests, run.connections) == ([], 0)
    assert lab.windows.transfers(host) == []
    assert not any(call["changed"] for call in lab.windows.calls(host))
    return result


@pytest.mark.once
def test_effort_is_constant(new_lab: NewLab, served: Served, figure: Figure) -> None:
    efforts = {}
    for count in (2, 40):
        lab = new_lab(f"with {count}", linux=0, windows=["win1"])
        wanted = lab.emulator.licenses(count)
        task = lab.task(licenses=wanted)
        first = lab.run([task])
        result = first.ok("win1", "stage")
        assert result["changed"] is True
        assert [entry["state"] for entry in result["licenses"]] == ["fetched"] * count
        assert result["licenses"][0]["path"] == rf"{STAGE}\{default_name(wanted[0])}"
        assert (first.token_requests, first.license_requests) == (1, count)
        assert lab.files("win1") == {default_name(entry): served(entry) for entry in wanted}
        assert len(lab.windows.transfers("win1")) == 1
        assert lab.windows.events("refused") == []
        first_effort = _effort(lab)

        _idle(lab, lab.run([task]))
        efforts[count] = (first_effort, _effort(lab))
    assert efforts[2] == efforts[40]
    first_effort, second_effort = efforts[40]
    assert "command" not in second_effort

    def counts(effort: list[str]) -> str:
        return (
            f"{sum(event.startswith('module') for event in effort)} module executions,"
            f" {effort.count('connect')} connection, {effort.count('transfer')} transfers"
        )

    figure(
        f"Windows host, 2 or 40 licenses: {counts(first_effort)} first; {counts(second_effort)} and 0 requests in the"
        " second run"
    )


@both_services
def test_linux_and_windows_hosts_in_one_play(new_lab: NewLab, served: Served, figure: Figure) -> None:
    """One play for all; a host that does not answer does not stop the others."""
    lab = new_lab(linux=2, windows=["win1", "win2", "win3"])
    lab.windows.unreachable("win3")
    wanted = lab.emulator.licenses(5)
    tasks = [lab.task(licenses=wanted, prune=True)]
    first = lab.run(tasks)
    hosts = ["linux1", "linux2", "win1", "win2"]
    for host in hosts:
        assert first.ok(host, "stage")["changed"] is True
        assert lab.files(host) == {default_name(entry): served(entry) for entry in wanted}
    assert first.results["win3", "stage"]["state"] == "unreachable"
    assert (first.token_requests, first.license_requests) == (1, 5)
    figure(
        f"2 Linux and 2 Windows hosts x 5 licenses in one play: {first.token_requests} token request,"
        f" {first.license_requests} license requests"
    )
    lab.windows.clear_faults()
    second = lab.run(tasks, "--limit", "!win3")
    assert {second.ok(host, "stage")["changed"] for host in hosts} == {False}
    assert (second.requests, second.connections) == ([], 0)
    assert lab.windows.transfers() == []


@pytest.mark.once
def test_adoption(windows: Lab, served: Served, figure: Figure) -> None:
    """Files without a manifest are read when they are few; of many, most are compared with the fetched license."""
    wanted = windows.emulator.licenses(40)
    for entry in wanted:
        windows.windows.write("win1", rf"{STAGE}\{default_name(entry)}", served(entry))
    few = windows.run([windows.task(licenses=wanted[:10])])
    assert few.ok("win1", "stage")["changed"] is False
    assert few.requests == []
    assert windows.windows.exists("win1", rf"{STAGE}\{MANIFEST}")
    assert len(windows.windows.calls("win1", "slurp")) == 10

    windows.windows.remove("win1", rf"{STAGE}\{MANIFEST}")
    before = windows.files("win1")
    many = windows.run([windows.task(licenses=wanted)])
    assert many.ok("win1", "stage")["changed"] is False
    assert windows.files("win1") == before
    read = len(windows.windows.calls("win1", "slurp"))
    assert read <= 10
    assert many.license_requests == 40 - read
    _idle(windows, windows.run([windows.task(licenses=wanted)]))
    figure(f"Windows host, 40 licenses without a manifest: {read} files read, {many.license_requests} license requests")


@pytest.mark.once
def test_altered_files_and_prune(windows: Lab, served: Served) -> None:
    """Only what is not as it was staged is sent again; pruning removes only what is as it was staged."""
    wanted = windows.emulator.licenses(4)
    names = [rf"{STAGE}\{default_name(entry)}" for entry in wanted]
    hosts = windows.windows
    assert windows.run([windows.task(licenses=wanted)]).status == 0
    good = windows.files("win1")

    hosts.write("win1", names[0], b"spoilt")
    hosts.remove("win1", names[1])
    run = windows.run([windows.task(licenses=wanted)], "--diff")
    result = run.ok("win1", "stage")
    assert [(entry["state"], entry["reason"]) for entry in result["licenses"]] == [
        *(("fetched", "altered"), ("fetched", "absent"), ("unchanged", None), ("unchanged", None))
    ]
    assert run.license_requests == 2
    assert windows.files("win1") == good
    assert [difference["after_header"] for difference in result["diff"]] == names[:2]
    assert "SPLicenseBlock" not in run.output

    hosts.write("win1", rf"{STAGE}\foreign.xml", b"not ours")
    hosts.write("win1", names[3], b"changed by the user")
    keep = windows.task(licenses=wanted[:2], prune=True)
    predicted = windows.run([keep], "--check").ok("win1", "stage")
    assert (predicted["pruned"], predicted["changed"]) == ([names[2]], True)
    assert hosts.exists("win1", names[2])
    run = windows.run([keep])
    result = run.ok("win1", "stage")
    assert result["pruned"] == [names[2]]
    assert any(names[3] in warning for warning in result["warnings"])
    assert run.requests == []
    assert set(windows.files("win1")) == {*(name[len(STAGE) + 1 :] for name in (*names[:2], names[3])), "foreign.xml"}
    _idle(windows, windows.run([keep]))

    # A newer instance replaces the old one when it is asked for.
    windows.emulator.reissue()
    assert windows.run([keep]).requests == []
    forced = windows.run([windows.task(licenses=wanted[:2], force=True)]).ok("win1", "stage")
    assert [entry["reason"] for entry in forced["licenses"]] == ["replaced"] * 2
    assert hosts.read("win1", names[0]) == served(wanted[0]) != good[default_name(wanted[0])]


@pytest.mark.once
def test_what_lies_beside_the_licenses_costs_nothing(windows: Lab, figure: Figure) -> None:
    """An image of 5 GB and 1,000 files of others; the user is no administrator."""
    hosts, wanted = windows.windows, windows.emulator.licenses(20)
    hosts.env["MSDEVICES_STANDIN_VERSION"] = min(hosts.env["MSDEVICES_STANDIN_VERSION"], "3.5.0")
    hosts.standard_user("win1")
    hosts.mkdir("win1", rf"{STAGE}\mount")
    task = windows.task(licenses=wanted)
    assert windows.run([task]).ok("win1", "stage")["changed"] is True
    assert len(hosts.calls("win1")) <= 4
    stage = hosts.root / "win1" / "C" / STAGE[3:]
    for number in range(1000):
        (stage / f"foreign{number}.xml").write_bytes(b"foreign")
    (stage / "install.wim").touch()
    os.truncate(stage / "install.wim", 5 * 2**30)
    hosts.forget()
    _idle(windows, windows.run([task]))
    assert len(hosts.calls("win1")) == 2
    names = {rf"{STAGE}\{name}" for name in (MANIFEST, *map(default_name, wanted))}
    cost = hosts.cost("win1")
    assert (sorted(cost["hashed"]), cost["walked"]) == (sorted(names), 0)
    figure(f"Windows host, 20 licenses beside 1,001 files of others: {len(cost['hashed'])} files hashed")


@pytest.mark.once
def test_directories_that_are_none(windows: Lab) -> None:
    """Each form that means other places to other modules is refused before anything is done; the rest is explained."""
    hosts, one = windows.windows, windows.emulator.licenses(1)
    refused = {
        "variable": r"%ProgramData%\x",
        "inner variable": r"C:\images\%USERNAME%",
        "home": r"~\stage",
        "current": "C:",
        "relative": r".\stage",
        "posix": "/srv",
    }
    tasks = {**refused, "drive": r"Q:\stage", "share": r"\\server\images"}
    run = windows.run(
        [{**windows.task(name, licenses=one, dest=dest), "ignore_errors": True} for name, dest in tasks.items()]
    )
    for name, dest in refused.items():
        assert dest in run.error("win1", name)
    assert "environment variables in dest are not expanded" in run.error("win1", "inner variable")
    assert "Mapped drives do not exist in the sessions of Ansible" in run.error("win1", "drive")
    for cause in ("dest does not exist", "the user may not see it", "the host cannot sign in to the share", "CredSSP"):
        assert cause in run.error("win1", "share")
    assert (run.requests, hosts.transfers(), len(hosts.calls("win1"))) == ([], [], 3)
    # In check mode a share that cannot be seen may be one that is created before; so it is said.
    run = windows.run([windows.task(licenses=one, dest=tasks["share"])], "--check")
    assert any("cannot sign in to the share" in text for text in run.ok("win1", "stage")["warnings"])


@pytest.mark.once
def test_pruning_that_fails_midway(windows: Lab) -> None:
    """What was removed is reported, what could not be is named and stays recorded, until the next run removes it."""
    hosts, wanted = windows.windows, windows.emulator.licenses(4)
    names = sorted(rf"{STAGE}\{default_name(entry)}" for entry in wanted[1:])
    assert windows.run([windows.task(licenses=wanted)]).status == 0
    hosts.lock("win1", names[0])
    hosts.fail("the disk is gone", plugin="win_file", after=1)
    keep = windows.task(licenses=wanted[:1], prune=True)
    result = windows.run([keep]).ok("win1", "stage")
    assert (result["changed"], result["pruned"]) == (True, names[1:2])
    for name, cause in ((names[0], "another program has it open"), (names[2], "the disk is gone")):
        assert any(f"Could not prune {name}" in text and cause in text for text in result["warnings"])
    hosts.clear_faults()
    assert windows.run([keep]).ok("win1", "stage")["pruned"] == [names[0], names[2]]
    _idle(windows, windows.run([keep]))


@pytest.mark.once
def test_check_mode_and_directories(windows: Lab) -> None:
    wanted = windows.emulator.licenses(2)
    hosts = windows.windows
    hosts.write("win1", r"C:\file", b"x")
    tasks = [
        windows.task("stage", licenses=wanted),
        windows.task("missing", licenses=wanted, dest=r"C:\none"),
        {**windows.task("file", licenses=wanted, dest=r"C:\file"), "ignore_errors": True},
    ]
    run = windows.run(tasks, "--check", "--diff")
    for name in ("stage", "missing"):
        result = run.ok("win1", name)
        assert result["changed"] is True
        assert [(entry["state"], entry["reason"]) for entry in result["licenses"]] == [("fetched", "absent")] * 2
    assert "not a directory" in run.error("win1", "file")
    assert (run.requests, run.connections) == ([], 0)
    assert not hosts.exists("win1", r"C:\none")
    assert windows.files("win1") == {}
    assert hosts.transfers() == []
    # Not even the action of win_copy is started, but for what tells an empty directory from a missing one.
    assert {call["mode"] for call in hosts.calls("win1", "win_copy")} == {"remote"}

    run = windows.run([{**task, "ignore_errors": True} for task in tasks])
    assert "Create it first, with ansible.windows.win_file" in run.error("win1", "missing")
    assert "not a directory" in run.error("win1", "file")
    assert not hosts.exists("win1", r"C:\none")
    assert hosts.read("win1", r"C:\file") == b"x"
    assert run.ok("win1", "stage")["changed"] is True
    assert run.license_requests == 2


@pytest.mark.once
def test_names_and_formats(windows: Lab, served: Served) -> None:
    """Ids and names are compared without regard to case; both formats; shares; what Windows does not use is said."""
    one, two, three = windows.emulator.licenses(3)
    windows.windows.mkdir("win1", r"\\server\images\stage")
    run = windows.run(
        [
            windows.task("stage", licenses=[one, {**two, "filename": "News.xml"}]),
            windows.task("share", **three, format="base64", dest="\\\\server\\images\\stage\\"),
            windows.task("mode", licenses=[one], mode="0644", owner="SYSTEM"),
        ]
    )
    assert run.status == 0, run.output
    assert windows.files("win1") == {default_name(one): served(one), "News.xml": served(two)}
    share = windows.windows.tree("win1", r"\\server\images\stage")
    path = rf"\\server\images\stage\{default_name(three, 'base64')}"
    assert share[path] == base64.b64encode(served(three))
    assert run.ok("win1", "share")["licenses"][0]["path"] == path
    warnings = " ".join(run.ok("win1", "mode")["warnings"])
    assert "mode is not used" in warnings
    assert "owner is not used" in warnings
    assert run.ok("win1", "mode")["changed"] is False

    upper = {name: value.upper() for name, value in one.items()}
    lower = {name: value.lower() for name, value in two.items()}
    again = windows.task(licenses=[upper, {**lower, "filename": "NEWS.XML"}], dest="c:/STAGE", prune=True)
    result = _idle(windows, windows.run([again]))
    assert result["pruned"] == []
    assert windows.files("win1") == {default_name(one): served(one), "News.xml": served(two)}


@pytest.mark.once
@pytest.mark.parametrize("whole", [0, 2])
def test_interrupted_copy_is_healed(windows: Lab, served: Served, whole: int) -> None:
    """The connection breaks while files are written: the next run replaces what is not whole, and only that counts."""
    wanted = windows.emulator.licenses(4)
    task = windows.task(licenses=wanted)
    windows.windows.interrupt_copy("win1", whole)
    run = windows.run([task])
    assert run.status != 0
    expected = {default_name(entry): served(entry) for entry in wanted}
    half = windows.files("win1")
    assert half != expected
    assert any(data != expected.get(name) for name, data in half.items()) or not half

    result = windows.run([task]).ok("win1", "stage")
    assert result["changed"] is True
    assert windows.files("win1") == expected
    _idle(windows, windows.run([task]))


@pytest.mark.once
def test_failures_of_the_host(windows: Lab, served: Served) -> None:
    """A module that fails is named with what was attempted; what a failed run left is healed by the next one."""
    wanted = windows.emulator.licenses(2)
    task = windows.task(licenses=wanted)
    windows.windows.fail("Access is denied", plugin="win_find")
    message = windows.run([task]).error("win1", "stage")
    assert STAGE in message
    assert "win_find failed: Access is denied" in message
    windows.windows.deny_writing("win1", STAGE)
    refused = windows.run([task])
    assert "win_copy failed" in refused.error("win1", "stage")
    assert windows.files("win1") == {}
    assert "SPLicenseBlock" not in refused.output
    windows.windows.clear_faults()
    assert windows.run([task]).ok("win1", "stage")["changed"] is True
    assert windows.files("win1") == {default_name(entry): served(entry) for entry in wanted}
