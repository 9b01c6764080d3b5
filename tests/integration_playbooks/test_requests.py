# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests and module executions are counted, and do not grow with what must not make them grow."""

from __future__ import annotations

import pytest
from license_services import both_services

from .conftest import Figure, NewLab
from .harness import Lab


@pytest.mark.once
@pytest.mark.parametrize("pipelining", ["1", "0"], ids=["pipelined", "transferred"])
def test_linux_host_executions(new_lab: NewLab, figure: Figure, pipelining: str) -> None:
    traffic = {}
    for count in (2, 40):
        lab = new_lab(f"with {count}")
        licenses = lab.emulator.licenses(count)
        environment = {"ANSIBLE_PIPELINING": pipelining}
        first = lab.run([lab.task(licenses=licenses)], environment=environment)
        assert first.ok("linux1", "stage")["changed"] is True
        assert first.modules("linux1") <= 3
        assert first.license_requests == count
        assert len(lab.files("linux1")) == count

        second = lab.run([lab.task(licenses=licenses)], environment=environment)
        result = second.ok("linux1", "stage")
        assert result["changed"] is False
        assert [entry["state"] for entry in result["licenses"]] == ["unchanged"] * count
        assert second.modules("linux1") == 1
        assert (second.requests, second.connections) == ([], 0)
        traffic[count] = [(run.modules("linux1"), run.traffic("linux1")) for run in (first, second)]
    assert traffic[2] == traffic[40]
    (first_modules, first_traffic), (second_modules, second_traffic) = traffic[40]
    figure(
        f"Linux host, 2 or 40 licenses, pipelining {pipelining}: {first_modules} module executions"
        f" ({dict(first_traffic)}) first, {second_modules} ({dict(second_traffic)}) and 0 requests in the second run"
    )


@pytest.mark.once
def test_fifty_hosts(new_lab: NewLab, figure: Figure) -> None:
    lab = new_lab(linux=50)
    task = lab.task(licenses=lab.emulator.licenses(20))
    first = lab.run([task], "--forks", "10")
    assert first.status == 0, first.output
    assert all(len(lab.files(host)) == 20 for host in lab.linux)
    assert first.token_requests == 1
    assert first.license_requests == 20
    # Beside them, MSAL asks for the discovery document with each token.
    assert len(first.requests) == 22
    figure(
        f"50 hosts x 20 licenses at 10 forks: {first.token_requests} token request,"
        f" {first.license_requests} license requests"
    )
    second = lab.run([task], "--forks", "10")
    assert second.status == 0, second.output
    assert not any(second.ok(host, "stage")["changed"] for host in lab.linux)
    assert (second.requests, second.connections) == ([], 0)
    executions = {second.modules(host) for host in lab.linux}
    assert executions == {1}
    figure("50 hosts x 20 licenses, second run: 0 requests, 0 connections, 1 module execution per host")


@both_services
def test_tasks_of_a_run_share_answers(lab: Lab, figure: Figure) -> None:
    licenses = lab.emulator.licenses(3)
    other = lab.stage("linux1").with_name("other")
    other.mkdir()
    run = lab.run(
        [
            lab.task("one", licenses=licenses),
            lab.task("two", licenses=licenses, dest=str(other)),
            lab.task("three", licenses=licenses, dest=None),
        ]
    )
    for task in ("one", "two", "three"):
        assert [entry["state"] for entry in run.ok("linux1", task)["licenses"]] == ["fetched"] * 3
    assert (run.token_requests, run.license_requests) == (1, 3)
    figure(
        f"3 tasks x 3 licenses in one run: {run.token_requests} token request, {run.license_requests} license requests"
    )


@pytest.mark.once
@both_services
def test_without_run_cache(new_lab: NewLab, figure: Figure) -> None:
    lab = new_lab(linux=4)
    run = lab.run([lab.task(licenses=lab.emulator.licenses(3), run_cache=False)])
    assert run.status == 0, run.output
    # One bulk request keeps its token: each host asks for everything by itself, once.
    assert (run.token_requests, run.license_requests) == (4, 12)
    figure(
        f"run_cache=false, 4 hosts x 3 licenses: {run.token_requests} token requests,"
        f" {run.license_requests} license requests"
    )
