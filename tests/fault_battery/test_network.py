# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of the services and of sign-in: each is met by every caller, and a later run without it puts things right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from emulator.client import Emulator
from integration_playbooks.harness import Lab, Run
from integration_playbooks.watch import Watch
from license_services import LicenseService

from . import promises
from .callers import Caller, callers_for, listener_of, options_for
from .faults import CATALOG, LICENSING, OPTIONS, PARTLY, PARTNER, STORE, SURVIVES, Fault
from .record import Record
from .table import SERVICE_FAULTS, SIGN_IN_FAULTS


def _cells() -> Iterator[Any]:
    for fault in (*SERVICE_FAULTS, *SIGN_IN_FAULTS):
        # The catalog is asked by the same code as the licensing service: some rows are enough.
        for server in fault.servers:
            if server == CATALOG and not (fault.quick or fault.outcome == PARTLY):
                continue
            marks = [pytest.mark.quick] if fault.quick and server in (STORE, PARTNER) else []
            yield pytest.param(fault, server, id=f"{fault}-{server.replace(' ', '_')}", marks=marks)


@pytest.mark.parametrize(("fault", "server"), list(_cells()))
def test_fault(
    fault: Fault, server: str, tmp_path: Path, emulator: Emulator, documents: Mapping[str, bytes], record: Record
) -> None:
    """All callers meet the fault, in one run or each in a run of its own; then a run without it heals."""
    names = fault.callers_at(server)
    groups = [(name,) for name in names] if fault.apart else [names]
    for names in groups:
        emulator.reset()
        # A short name: the paths of sockets have a limit.
        _meet(fault, server, names, tmp_path / names[0][0], emulator, documents, record)


def _meet(
    fault: Fault,
    server: str,
    names: tuple[str, ...],
    directory: Path,
    emulator: Emulator,
    documents: Mapping[str, bytes],
    record: Record,
) -> None:
    lab = Lab(directory, emulator, service=LicenseService(emulator, LICENSING if server == CATALOG else server))
    lab.defaults = {}
    options = {**options_for(server, emulator), **OPTIONS, **_filled(fault.options, emulator)}
    count = 10 if fault.outcome == PARTLY else 2
    callers = callers_for(lab, server, names, options, count, documents)
    for caller in callers:
        caller.prepare()
    surroundings = promises.Surroundings(lab, callers)
    watch = Watch(lab, [item.good for caller in callers for item in caller.items if item.good], **_secrets(emulator))

    if fault.settings:
        emulator.settings(**fault.settings)
    for rule in fault.rules:
        emulator.fault({"listener": listener_of(server), **rule})
    environment = _filled(fault.environment, emulator)
    run = _run(lab, callers, environment)

    shared = promises.secrecy_problems(watch, lab, run) + surroundings.problems() + promises.token_problems(fault, run)
    outcomes = {caller.name: caller.outcome(run) for caller in callers}
    found = {}
    for caller in callers:
        outcome = outcomes[caller.name]
        found[caller.name] = [*shared, *caller.problems(outcome), *promises.outcome_problems(fault, outcome)]
        if outcome.failed:
            found[caller.name] += promises.message_problems(fault, caller, outcome, server)

    emulator.reset()
    healed = _run(lab, callers, {}, verbose=False)
    shared = promises.secrecy_problems(watch, lab, healed) + surroundings.problems()
    for caller in callers:
        outcome, usual = outcomes[caller.name], caller.outcome(healed)
        requests, made, least = promises.request_problems(fault, server, caller, run.requests)
        late = promises.lateness(outcome, usual, options["deadline"]) if outcome.failed else 0.0
        problems = [*found[caller.name], *requests, *promises.deadline_problems(late)]
        record.tried(fault, caller.name, server, problems, requests=made, least=least, late=late)
        problems = [*shared, *caller.problems(usual), *([f"it failed again: {usual.message}"] if usual.failed else [])]
        if fault.outcome == SURVIVES and caller.staged and server != PARTNER:
            asked = [entry for entry in healed.requests if any(item.mark in entry["subject"] for item in caller.items)]
            problems += [f"{len(asked)} requests for what is staged"] if asked else []
        record.healed(fault, caller.name, server, problems)
    record.check()


def _run(lab: Lab, callers: list[Caller], environment: Mapping[str, str], verbose: bool = True) -> Run:
    variables = {name: value for caller in callers for name, value in caller.variables().items()}
    return lab.run(
        [caller.task() for caller in callers],
        *(["-vvvvvv", "--diff"] if verbose else []),
        environment=environment,
        vars=variables,
        module_defaults={},
    )


def _secrets(emulator: Emulator) -> dict[str, str]:
    return {
        "client secret": emulator.client_secret,
        "certificate password": emulator.certificate_password,
        "refresh token": emulator.refresh_token,
        "refresh token of the public client": emulator.public_refresh_token,
    }


def _filled(values: Mapping[str, Any], emulator: Emulator) -> dict[str, Any]:
    """Values with attributes of the emulator in place of their names in braces."""
    names = dict(emulator.endpoints)
    return {key: value.format_map(names) if isinstance(value, str) else value for key, value in values.items()}
