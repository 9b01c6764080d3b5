# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of hosts: many hosts in one play, each with a fault of its own; then a run without it, and one more."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from emulator.client import Emulator
from integration_playbooks.harness import MANIFEST, STAGE, Lab, Run, default_name, run_by_python
from integration_playbooks.test_role import ROLE
from integration_playbooks.watch import Watch

from . import promises
from .callers import Outcome
from .faults import FAILS, MODULE, SURVIVES, Fault
from .host_faults import (
    LINUX_FAULTS,
    LINUX_VANISHES,
    NEIGHBOR,
    VICTIM,
    WINDOWS_FAULTS,
    Place,
    WindowsPlace,
)
from .record import Record
from .table.host import HOST_FAULTS, LINUX, WINDOWS

_STAGED = 2
_TEMPORARY = ".ms_offline_license."
_SUMMARY = "msdevices.provisioning.offline_licenses : Fail when a license is not in place"
_KINDS = {LINUX: "lin", WINDOWS: "win"}


@dataclass(eq=False)
class Cell:
    """A caller on a host with a fault."""

    fault: Fault
    caller: str
    kind: str

    @property
    def host(self) -> str:
        """Hosts that vanish serve one caller."""
        return f"{_KINDS[self.kind]}-{self.fault.id}" + (f"-{self.caller}" if self.fault.apart else "")

    def outcome(self, run: Run) -> Outcome:
        """What came of it."""
        task = f"{ROLE} : Stage the licenses" if self.caller != MODULE else MODULE
        result, entry = run.result(self.host, task), run.results[self.host, task]
        failed, message = entry["state"] in ("failed", "unreachable"), str(result.get("msg", ""))
        if self.caller != MODULE and entry["state"] != "unreachable":
            summary = run.results.get((self.host, _SUMMARY), {}).get("result", {})
            failed, message = (self.host, "the role failed") in run.results, str(summary.get("msg") or message)
        states = tuple(item["state"] for item in result.get("licenses") or ())
        return Outcome(failed, message, entry["seconds"], states)


class Bench:
    """Hosts with faults: what they want, what is staged on them, and what lies there."""

    def __init__(self, lab: Lab, cells: list[Cell], documents: Mapping[str, bytes], mounts: ExitStack) -> None:
        self.lab = lab
        self.cells = cells
        products = [product for product in map(lab.emulator.product, range(9)) if len(product.content_ids) == 1]
        ids = [product.request() for product in products]
        self.wanted = [*ids[:4]]
        self.names = [default_name(wanted) for wanted in self.wanted]
        self.old = default_name(ids[4])
        self.good = {default_name(one): documents[one["content_id"]] for one in ids[:5]}
        staged = [ids[0], ids[1], ids[4]]
        self._before = self._staged_earlier(staged)
        self.places = {cell: self._place(cell, mounts) for cell in cells}
        for host in lab.linux:
            for directory in (lab.stage(host), lab.stage(host).parent):
                (directory / "neighbor.xml").write_bytes(NEIGHBOR)
        for host in lab.windows.names:
            lab.windows.write(host, STAGE + r"\neighbor.xml", NEIGHBOR)
            lab.windows.write(host, r"C:\neighbor.xml", NEIGHBOR)

    def _staged_earlier(self, ids: list[dict[str, str]]) -> dict[str, bytes]:
        """What a run of the module leaves."""
        directory = self.lab.directory / "earlier"
        directory.mkdir()
        items = [
            {**one, "license_blob": base64.b64encode(self.good[default_name(one)]).decode(), "service": None}
            for one in ids
        ]
        items = [{name: value for name, value in item.items() if value} for item in items]
        assert run_by_python(self.lab, "ms_offline_license", {"licenses": items, "dest": str(directory)})["changed"]
        return {path.name: path.read_bytes() for path in directory.iterdir()}

    def _place(self, cell: Cell, mounts: ExitStack) -> Place | WindowsPlace:
        if cell.kind == WINDOWS:
            place = WindowsPlace(
                self.lab.windows, cell.host, f"{STAGE}\\{cell.caller}", self.names, self.old, self.good
            )
            for name, data in self._before.items():
                self.lab.windows.write(cell.host, place.at(name), data)
            return place
        path = self.lab.stage(cell.host) / cell.caller
        path.mkdir()
        for name, data in self._before.items():
            (path / name).write_bytes(data)
            (path / name).chmod(0o600)
        return Place(path, self.names, self.old, self.good, mounts)

    def files(self, cell: Cell) -> dict[str, bytes | None]:
        """What lies in a directory; None for what is no file."""
        place = self.places[cell]
        if isinstance(place, WindowsPlace):
            tree = self.lab.windows.tree(cell.host, place.path)
            names = {name[len(place.path) + 1 :]: data for name, data in tree.items()}
            return {name.partition("\\")[0]: None if "\\" in name else data for name, data in names.items()}
        return {
            path.name: path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) else None
            for path in place.path.iterdir()
        }

    def run(self, *arguments: str, role: bool = True, vanishing: Mapping[str, Any] | None = None) -> Run:
        """Let all callers stage, on all hosts; without the role, the module looks after its directories, too."""
        tasks: list[dict[str, Any]] = [
            {
                "name": "the kind of host",
                "ansible.builtin.set_fact": {
                    "ansible_os_family": "{{ 'Windows' if inventory_hostname in groups.windows else 'Debian' }}",
                    "cacheable": True,
                },
            }
        ]
        for caller in sorted({cell.caller for cell in self.cells}):
            dest = rf"{{{{ stage ~ ('\{caller}' if inventory_hostname in groups.windows else '/{caller}') }}}}"
            hosts = [cell.host for cell in self.cells if cell.caller == caller]
            tasks.append({**self._task(caller, dest, role), "when": f"inventory_hostname in {hosts}"})
        environment = {"MSDEVICES_TEST_VANISH": json.dumps(vanishing or {})}
        return self.lab.run(tasks, "--forks", "4", *arguments, environment=environment)

    def _task(self, caller: str, dest: str, role: bool) -> dict[str, Any]:
        if caller == MODULE or not role:
            task = self.lab.task(caller, licenses=self.wanted, dest=dest, prune=True)
            return {**task, "ignore_errors": True, "ignore_unreachable": True}
        values = {"dest": dest, "list": self.wanted, "prune": True, "create_dest": False, **self.lab.defaults}
        variables = {f"offline_licenses_{name}": value for name, value in values.items()}
        include = {"name": caller, "ansible.builtin.include_role": {"name": ROLE}, "vars": variables}
        rescue = {"name": "the role failed", "ansible.builtin.debug": {"msg": "failed"}}
        return {"block": [include], "rescue": [rescue]}

    def problems(self, cell: Cell, outcome: Outcome, before: Mapping[str, bytes | None]) -> list[str]:
        """Files that are not whole, not right, lost, or not expected."""
        found = self.files(cell)
        others = {name: data for name, data in before.items() if name not in self.good and name != MANIFEST}
        problems = [f"{name} was touched" for name in others if found.get(name) != others[name]]
        problems += [f"{name} is not expected" for name in found.keys() - self.good.keys() - {MANIFEST, *others}]
        for number, name in enumerate(self.names):
            right = found.get(name) == self.good[name]
            state = outcome.states[number] if number < len(outcome.states) else ""
            untouched = found.get(name, b"") == before.get(name, b"")
            # On Windows hosts, a file of which the state is not "staged" may be half.
            if not right and not (outcome.failed and (untouched or cell.kind == WINDOWS)):
                problems.append(f"{name} is damaged or missing")
            if before.get(name) == self.good[name] and not right:
                problems.append(f"{name} was good, and is lost")
            if state in ("fetched", "unchanged") and not right:
                problems.append(f"{name} is said to be {state}, and is not in place")
            if state == "failed" and right and before.get(name) != found[name]:
                problems.append(f"{name} is said to have failed, and is in place")
        missing = any(found.get(name) != self.good[name] for name in self.names)
        if missing and found.get(self.old) != before.get(self.old):
            problems.append(f"{self.old} was pruned by a run that failed")
        if found.get(self.old, b"") != before.get(self.old, b"") and self.old in found:
            problems.append(f"{self.old} is damaged")
        return problems

    def manifest_problems(self, cell: Cell) -> list[str]:
        """What is wrong with the manifest after a run that went well."""
        data = self.files(cell).get(MANIFEST)
        if data is None:
            return ["there is no manifest"]
        known = json.loads(data)["files"]
        sums = {name: hashlib.sha256(self.good[name]).hexdigest() for name in self.names}
        return [] if {name: known[name]["sha256"] for name in known} == sums else ["the manifest is not right"]

    def elsewhere(self) -> dict[str, str]:
        """Everything on the hosts that no caller may touch, and the file that links lead to."""
        found = {}
        hosts = self.lab.directory / "hosts"
        places = {place.path for place in self.places.values() if isinstance(place, Place)}
        for top, directories, names in os.walk(hosts):
            directories[:] = [name for name in directories if Path(top, name) not in places and name != "ansible"]
            for name in [*directories, *names]:
                found[f"{top}/{name}"] = _look(Path(top, name))
        for host in self.lab.windows.names:
            for name, data in self.lab.windows.tree(host).items():
                if not name.startswith((f"{STAGE}\\module\\", f"{STAGE}\\role\\")):
                    found[f"{host} {name}"] = hashlib.sha256(data).hexdigest()
        return {**found, str(VICTIM): _look(VICTIM)}


def _look(path: Path) -> str:
    facts = path.lstat()
    checksum = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return f"{facts.st_mode:o} {facts.st_uid} {facts.st_mtime_ns if checksum else ''} {checksum}"


def _cells(kind: str, quick: bool) -> Iterator[Cell]:
    """The slice for daily work, or all the rest."""
    for fault in HOST_FAULTS:
        for caller in fault.callers if kind in fault.servers else ():
            if (fault.quick and caller == MODULE) == quick:
                yield Cell(fault, caller, kind)


@pytest.fixture
def mounts() -> Iterator[ExitStack]:
    """Ends what is mounted, before the directories are removed."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.quick
def test_hosts_quickly(
    tmp_path: Path, emulator: Emulator, documents: Mapping[str, bytes], record: Record, mounts: ExitStack
) -> None:
    """Some faults, met by the module."""
    _meet(tmp_path, emulator, documents, record, mounts, [*_cells(LINUX, True), *_cells(WINDOWS, True)])


@pytest.mark.parametrize("kind", [LINUX, WINDOWS])
def test_hosts(
    kind: str,
    tmp_path: Path,
    emulator: Emulator,
    documents: Mapping[str, bytes],
    record: Record,
    mounts: ExitStack,
) -> None:
    """The other faults, and those as the role meets them."""
    _meet(tmp_path, emulator, documents, record, mounts, list(_cells(kind, False)))


def _meet(
    directory: Path,
    emulator: Emulator,
    documents: Mapping[str, bytes],
    record: Record,
    mounts: ExitStack,
    cells: list[Cell],
) -> None:
    linux = sorted({cell.host for cell in cells if cell.kind == LINUX})
    lab = Lab(directory, emulator, linux, sorted({cell.host for cell in cells if cell.kind == WINDOWS}))
    # The last version that fails for users who are no administrators; older ones are simulated as they are.
    version = lab.windows.env["MSDEVICES_STANDIN_VERSION"]
    lab.windows.env["MSDEVICES_STANDIN_VERSION"] = min(version, "3.5.0")
    bench = Bench(lab, cells, documents, mounts)
    first_line = VICTIM.read_text(encoding="utf-8").partition("\n")[0]
    watch = Watch(lab, list(bench.good.values()), **{"client secret": emulator.client_secret, str(VICTIM): first_line})
    elsewhere = bench.elsewhere()
    for cell, place in bench.places.items():
        faults: Any = WINDOWS_FAULTS if cell.kind == WINDOWS else LINUX_FAULTS
        faults[cell.fault.id][0](place)
    before = {cell: bench.files(cell) for cell in cells}
    vanishing = {cell.host: LINUX_VANISHES[cell.fault.id] for cell in cells if cell.kind == LINUX and cell.fault.apart}

    run = bench.run("-vvvvvv", "--diff", vanishing=vanishing)
    shared = promises.secrecy_problems(watch, lab, run) + _touched(elsewhere, bench.elsewhere())
    # All that two hosts or more want is asked for once: the licenses, and a token.
    least = len(bench.names)
    if run.license_requests > least or run.token_requests != 1:
        shared.append(f"{run.license_requests} requests for {least} licenses, {run.token_requests} for a token")
    for number, cell in enumerate(cells):
        outcome = cell.outcome(run)
        problems = [
            *shared,
            *bench.problems(cell, outcome, before[cell]),
            *promises.outcome_problems(cell.fault, outcome),
            *(_message_problems(bench, cell, outcome) if outcome.failed else bench.manifest_problems(cell)),
        ]
        # The requests were made for all of them together.
        made = {"requests": run.license_requests, "least": least} if number == 0 else {"requests": 0, "least": 0}
        record.tried(cell.fault, cell.caller, cell.kind, _of(cell, problems), **made, late=0.0)

    lab.windows.clear_faults()
    for cell, place in bench.places.items():
        faults = WINDOWS_FAULTS if cell.kind == WINDOWS else LINUX_FAULTS
        faults[cell.fault.id][1](place)
    before = {cell: bench.files(cell) for cell in cells}
    # Where the fault was survived, there is nothing left to put right: the run after that is the next one.
    healing = [cell for cell in cells if cell.fault.outcome != SURVIVES]
    healed = bench.run("--limit", ",".join({cell.host for cell in healing}))
    idle = bench.run(role=False)
    shared = promises.secrecy_problems(watch, lab, healed) + _touched(elsewhere, bench.elsewhere())
    shared += [f"{len(idle.requests)} requests by the run after that"] if idle.requests else []
    for cell in cells:
        result = idle.results.get((cell.host, cell.caller), {})
        problems = [*shared, *bench.manifest_problems(cell)]
        if result.get("state") != "ok" or result["result"]["changed"]:
            problems.append(f"the last run failed or changed something: {json.dumps(result)[:600]}")
        outcome = cell.outcome(healed) if cell in healing else Outcome(False, "", 0.0)
        problems += bench.problems(cell, outcome, before[cell])
        problems += [f"it failed again: {outcome.message}"] if outcome.failed else []
        record.healed(cell.fault, cell.caller, cell.kind, _of(cell, problems))
    record.check()


def _of(cell: Cell, problems: list[str]) -> list[str]:
    return [f"{cell.host}: {problem}" for problem in dict.fromkeys(problems)]


def _touched(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [
        f"{path} was touched" for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)
    ]


def _message_problems(bench: Bench, cell: Cell, outcome: Outcome) -> list[str]:
    """What a failure's message lacks: attempt, cause, what it is about, remedy."""
    fault, message = cell.fault, outcome.message
    wanted = {"cause": fault.cause_at(cell.kind), "remedy": fault.remedy}
    if not fault.apart:
        # That a host does not answer is said by Ansible.
        wanted["attempt"] = r"(Could not|Did not) \w+"
        wanted["directory"] = re.escape(str(bench.places[cell].path))
    if fault.every_item and fault.outcome == FAILS:
        wanted.update({f"id {ids['content_id']}": ids["content_id"] for ids in bench.wanted[_STAGED:]})
    problems = [
        f"no {what} ({expression}) in: {message[:900]}"
        for what, expression in wanted.items()
        if not re.search(expression, message, re.DOTALL)
    ]
    problems += [f"{text} in: {message[:900]}" for text in ("Traceback", "MODULE FAILURE") if text in message]
    if fault.outcome != SURVIVES and "the others are in place" in message and "failed" not in outcome.states:
        problems.append(f"it says that others are in place: {message[:900]}")
    return problems
