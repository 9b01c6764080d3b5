# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of the services and of sign-in: each is met by every caller, and a later run without it puts things right."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from emulator.client import Emulator
from integration_playbooks.harness import Lab, Run
from integration_playbooks.watch import Watch
from license_services import LicenseService

from . import promises
from .callers import STEP, Caller, callers_for, listener_of, options_for
from .faults import CALLERS, CATALOG, LICENSES, LICENSING, OPTIONS, PARTLY, PARTNER, SERVERS, STORE, Fault
from .meeting import Meeting
from .record import Record
from .table.service import SERVICE_FAULTS
from .table.sign_in import SIGN_IN_FAULTS

_TOGETHER = 7
"""How many faults share a run, each with licenses, products or offers of its own."""


@dataclass(frozen=True)
class _Group:
    """A fault in a run, and the callers that meet it."""

    fault: Fault
    options: dict[str, Any]
    callers: list[Caller]


def _at(server: str, quick: bool) -> Iterator[Fault]:
    """The faults that a server is put under, in the slice for daily work or beside it."""
    for turn, fault in enumerate((*SERVICE_FAULTS, *SIGN_IN_FAULTS)):
        # Both license services and the catalog are asked by the same code: the most telling rows are tried at each of
        # them, the others at the license services in turn.
        telling = fault.quick or fault.outcome == PARTLY
        servers = {name for name in fault.servers if telling or name != CATALOG}
        if not telling and servers.issuperset(LICENSES):
            servers.remove(LICENSES[turn % 2])
        if server in servers and (fault.quick and server in (STORE, PARTNER)) == quick:
            yield fault


def _trials() -> Iterator[Any]:
    """Faults that can share a run in one, the others in runs of their own."""
    for server, quick in itertools.product(SERVERS, (True, False)):
        faults = list(_at(server, quick))
        shared = [fault for fault in faults if not fault.alone]
        trials = [shared[start : start + _TOGETHER] for start in range(0, len(shared), _TOGETHER)]
        for trial in [*trials, *([fault] for fault in faults if fault.alone)]:
            name = trial[0].id + (f"-and-{len(trial) - 1}-more" if len(trial) > 1 else "")
            marks = [pytest.mark.quick] if quick else []
            yield pytest.param(trial, server, id=f"{server.replace(' ', '-')}-{name}", marks=marks)


@pytest.mark.parametrize(("faults", "server"), list(_trials()))
def test_faults(
    faults: list[Fault], server: str, tmp_path: Path, emulator: Emulator, documents: Mapping[str, bytes], record: Record
) -> None:
    """All callers meet the faults, in one run or each in a run of its own; then a run without them heals."""
    names = faults[0].callers_at(server)
    for number, group in enumerate([(name,) for name in names] if faults[0].apart else [CALLERS]):
        emulator.reset()
        # A short name: the paths of sockets have a limit.
        _meet(faults, server, group, tmp_path / str(number), emulator, documents, record)


def _meet(
    faults: list[Fault],
    server: str,
    names: tuple[str, ...],
    directory: Path,
    emulator: Emulator,
    documents: Mapping[str, bytes],
    record: Record,
) -> None:
    lab = Lab(directory, emulator, service=LicenseService(emulator, LICENSING if server == CATALOG else server))
    lab.defaults = {}
    groups = _prepare(faults, server, names, lab, documents)
    callers = [caller for group in groups for caller in group.callers]
    meetings = [
        Meeting(group.fault, caller, server, group.options["deadline"]) for group in groups for caller in group.callers
    ]
    surroundings = promises.Surroundings(lab, callers)
    watch = Watch(lab, [item.good for caller in callers for item in caller.items if item.good], **_secrets(emulator))

    fired: dict[str, list[int]] = {}
    for group in groups:
        for rule in group.fault.rules:
            marks = "|".join(re.escape(item.mark) for caller in group.callers for item in caller.items)
            own = {} if "listener" in rule else {"listener": listener_of(server), "path_regex": marks}
            fired.setdefault(group.fault.id, []).append(emulator.fault({**own, **rule}))
    run = _run(lab, callers)
    applied = {rule["id"]: rule["applied"] for rule in emulator.faults()}
    shared = [
        *(f"{name} never happened" for name, rules in fired.items() if not any(applied[rule] for rule in rules)),
        *promises.secrecy_problems(watch, lab, run),
        *surroundings.problems(),
        *promises.token_problems([group.fault for group in groups], len(groups[0].callers), run),
    ]
    for meeting in meetings:
        meeting.met(run, shared)

    emulator.reset()
    for caller in callers:
        caller.options = {**options_for(server, emulator), **OPTIONS}
    healed = _run(lab, callers, verbose=False)
    shared = promises.secrecy_problems(watch, lab, healed) + surroundings.problems()
    for meeting in meetings:
        meeting.healed(healed, shared, record)
    record.check()


def _prepare(
    faults: list[Fault], server: str, names: tuple[str, ...], lab: Lab, documents: Mapping[str, bytes]
) -> list[_Group]:
    """Make the callers, with directories and what is in place there."""
    groups = []
    for number, fault in enumerate(faults):
        given = {**options_for(server, lab.emulator), **OPTIONS, **_filled(fault.options, lab.emulator)}
        count = 10 if fault.outcome == PARTLY else 2
        mine = [name for name in fault.callers_at(server) if name in names]
        start = number * STEP * len(CALLERS)
        group = _Group(fault, given, callers_for(lab, server, mine, given, count, documents, start, f"{fault.id} "))
        for caller in group.callers:
            caller.prepare()
        groups.append(group)
    return groups


def _run(lab: Lab, callers: list[Caller], verbose: bool = True) -> Run:
    return lab.run(
        [{"block": [caller.task()], "vars": caller.variables()} for caller in callers],
        *(["-vvvvvv", "--diff"] if verbose else []),
        module_defaults={},
    )


def _secrets(emulator: Emulator) -> dict[str, str]:
    return {
        "client secret": emulator.client_secret,
        "expired secret": emulator.expired_client_secret,
        "secret of another application": emulator.inactive_client_secret,
        "wrong secret": "wrong~canary-of-a-secret",
        "wrong refresh token": "0.canary-of-a-refresh-token",
        "certificate password": emulator.certificate_password,
        "refresh token": emulator.refresh_token,
        "refresh token of the public client": emulator.public_refresh_token,
    }


def _filled(values: Mapping[str, Any], emulator: Emulator) -> dict[str, Any]:
    """Values with attributes of the emulator in place of their names in braces."""
    names = dict(emulator.endpoints)
    return {key: value.format_map(names) if isinstance(value, str) else value for key, value in values.items()}
