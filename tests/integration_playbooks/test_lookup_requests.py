# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that lookups make are counted, with the run cache and without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from license_services import both_services

from .conftest import Figure, NewLab, Served
from .harness import Lab
from .lookups import LICENSE, call, error, evaluate, licenses, offers, partner, task, term, value

HOSTS, FORKS, LOOKUPS, LICENSES = 50, 10, 200, 20


def _cache_files(lab: Lab) -> list[Path]:
    """What lies in temporary directories of the controller, but for directories."""
    return [
        path for place in (lab.home / ".ansible" / "tmp", lab.temporary) for path in place.rglob("*") if path.is_file()
    ]


@pytest.mark.once
def test_template_on_many_hosts(new_lab: NewLab, served: Served, figure: Figure) -> None:
    """A template of 200 lookups over 20 licenses on 50 hosts at 10 forks asks for each license once."""
    lab = new_lab(linux=HOSTS)
    wanted = lab.emulator.licenses(LICENSES)
    documents = [served(ids) for ids in wanted]
    parts = [call(LICENSE, term(wanted[number % LICENSES]), function="lookup") for number in range(LOOKUPS)]
    source = lab.directory / "catalog.j2"
    source.write_text("\n".join(f"{{{{ {part} }}}}" for part in parts), encoding="utf-8")
    options = {"src": str(source), "dest": "{{ stage }}/catalog", "mode": "0600"}
    run = evaluate(
        lab, [{"name": "template", "ansible.builtin.template": options, "diff": False}], "--forks", str(FORKS)
    )
    assert run.status == 0, run.output
    expected = b"\n".join(documents[number % LICENSES] for number in range(LOOKUPS))
    for host in lab.linux:
        assert lab.files(host) == {"catalog": expected}
    assert (run.license_requests, run.token_requests) == (LICENSES, 1)
    # Beside them, MSAL asks for the discovery document with each token.
    assert len(run.requests) == LICENSES + 2
    figure(
        f"template of {LOOKUPS} lookups over {LICENSES} licenses, {HOSTS} hosts at {FORKS} forks:"
        f" {run.license_requests} license requests, {run.token_requests} token request"
    )


@pytest.mark.once
def test_offers_on_many_hosts(new_lab: NewLab, figure: Figure) -> None:
    lab = new_lab(linux=10)
    ids = lab.emulator.offer_ids(5)
    gone = "00000000-0000-4000-8000-000000000000"
    run = evaluate(
        lab,
        [task("offers", offers(*ids, gone, on_missing="ignore")), task("again", offers(*ids[:2]))],
        "--forks",
        str(FORKS),
        variables=partner(lab.emulator),
    )
    assert run.status == 0, run.output
    for host in lab.linux:
        assert [offer and offer["id"] for offer in value(run, "offers", host)] == [*ids, None]
        assert [offer["id"] for offer in value(run, "again", host)] == ids[:2]
    asked = [item for item in run.requests if "/offers/" in item["path"]]
    # That an offer does not exist is kept as well.
    assert (len(asked), run.token_requests) == (6, 1)
    figure(
        f"2 lookups of 5 offers and a missing one on 10 hosts: {len(asked)} offer requests,"
        f" {run.token_requests} token request"
    )


@pytest.mark.once
def test_without_run_cache(new_lab: NewLab, figure: Figure) -> None:
    """Each evaluation makes its requests, and leaves nothing on the disk while the run is under way."""
    lab = new_lab(linux=3)
    wanted = [term(ids) for ids in lab.emulator.licenses(4)]
    find = f"find '{lab.home}' '{lab.temporary}' -type f"
    run = evaluate(
        lab,
        [
            task("one", licenses(wanted[0], run_cache=False)),
            task("again", licenses(wanted[0], run_cache=False)),
            task("loop", "{{ item }}", loop=licenses(*wanted, run_cache=False)),
            task("all", licenses(*wanted, run_cache=False)),
            task("none", licenses(run_cache=False)),
            task("files", f"{{{{ lookup('ansible.builtin.pipe', {json.dumps(find)}) }}}}"),
        ],
    )
    assert run.status == 0, run.output
    for host in lab.linux:
        assert len(value(run, "all", host)) == len(wanted)
        assert value(run, "files", host) == ""
    evaluations = 4 * len(lab.linux)
    assert run.license_requests == (1 + 1 + 4 + 4) * len(lab.linux)
    # A lookup keeps its token for as long as it takes.
    assert run.token_requests == evaluations
    assert _cache_files(lab) == []
    figure(
        f"run_cache=false, {evaluations} evaluations for 30 licenses: {run.license_requests} license requests,"
        f" {run.token_requests} token requests, no file"
    )


@pytest.mark.once
def test_with_run_cache_off_and_on(lab: Lab) -> None:
    """An evaluation without the run cache does not read what another one has left there, and does not renew it."""
    wanted = term(lab.emulator.product(0).request())
    run = evaluate(
        lab,
        [
            task("kept", licenses(wanted)),
            task("asked", licenses(wanted, run_cache=False)),
            task("kept still", licenses(wanted)),
            task("asked by a variable", licenses(wanted), vars={"msdevices_run_cache": "{{ 'no' }}"}),
        ],
    )
    assert run.status == 0, run.output
    assert run.license_requests == 3


@pytest.mark.once
@both_services
def test_errors_are_not_kept(lab: Lab, served: Served, figure: Figure) -> None:
    """A failure is asked for again by the next evaluation, but that a license does not exist is kept within the run."""
    ids, unknown = lab.emulator.product(0).request(), lab.emulator.special("unknown").request()
    lab.service.fault("status", status=403, times=1)
    run = evaluate(
        lab,
        {
            "refused": licenses(term(ids)),
            "here": licenses(term(ids)),
            "unknown": licenses(term(unknown)),
            "still unknown": licenses(term(unknown)),
        },
    )
    assert "HTTP 403" in error(run, "refused")
    assert value(run, "here") == [served(ids).decode()]
    assert error(run, "unknown") == error(run, "still unknown")
    assert run.license_requests == 3
    assert run.token_requests == 1


@pytest.mark.once
def test_another_credential_is_another_answer(lab: Lab) -> None:
    """Who cannot sign in does not get what somebody else has fetched in the same run."""
    wanted = term(lab.emulator.product(0).request())
    run = evaluate(
        lab,
        {
            "right": licenses(wanted),
            "wrong secret": licenses(wanted, client_secret="wrong"),
            "other tenant": licenses(wanted, tenant_id=lab.emulator.other_tenant_id),
            "right again": licenses(wanted),
        },
    )
    assert value(run, "right") == value(run, "right again")
    assert "AADSTS7000215" in error(run, "wrong secret")
    assert "AADSTS700016" in error(run, "other tenant")
    assert run.license_requests == 1


@both_services
def test_lookups_and_tasks_share_the_run_cache(lab: Lab, figure: Figure) -> None:
    wanted = lab.emulator.licenses(3)
    run = evaluate(
        lab,
        [
            task("lookup", licenses(*(term(ids) for ids in wanted))),
            lab.task("stage", licenses=wanted),
            lab.task("return", licenses=wanted, dest=None),
            task("lookup again", licenses(*(term(ids) for ids in wanted), format="base64")),
        ],
    )
    assert run.status == 0, run.output
    assert (run.token_requests, run.license_requests) == (1, 3)
    figure("2 lookups and 2 tasks for the same 3 licenses: 1 token request, 3 license requests")
