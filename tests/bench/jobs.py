# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scheduled job that finds everything staged, beside the same job with ansible.builtin.stat in the module's place.

Twice: a play of that task alone, which is the strictest comparison, and the role that the playbook of scheduled jobs
has, beside a copy of it. Jobs run in turns, so that a busy moment of the machine weighs on both.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import statistics
import tempfile
import typing as t

import yaml
from emulator.client import Emulator
from harness import ROOT, Figure, Run, median, report, run_play

HOSTS = 10
LICENSES = 20
REPEATS = int(os.environ.get("BENCH_JOB_REPEATS", "7"))
MOST = 1.15

Tasks = list[dict[str, t.Any]]

_STAT: dict[str, t.Any] = {"name": "Look at the directory", "ansible.builtin.stat": {"path": "{{ stage }}"}}


def _options(emulator: Emulator) -> dict[str, t.Any]:
    return {
        "dest": "{{ stage }}",
        "tenant_id": emulator.tenant_id,
        "client_id": emulator.client_id,
        "client_secret": emulator.client_secret,
        "authority": emulator.entra,
        "base_url": emulator.store,
        "ca_path": emulator.ca_path,
    }


def module_task(emulator: Emulator) -> Tasks:
    """One task that sees to all licenses of a host."""
    options = {"licenses": emulator.licenses(LICENSES), **_options(emulator)}
    return [{"name": "Stage the licenses", "msdevices.provisioning.ms_offline_license": options}]


def role_task(emulator: Emulator, role: str = "msdevices.provisioning.offline_licenses") -> Tasks:
    """The role, as the playbook of scheduled jobs has it."""
    options = {"list": emulator.licenses(LICENSES), **_options(emulator)}
    return [
        {
            "name": "Stage the licenses",
            "ansible.builtin.import_role": {"name": role},
            "vars": {f"offline_licenses_{name}": value for name, value in options.items()},
        }
    ]


def copy_role_with_stat(work: pathlib.Path) -> str:
    """Copy the role to where a play of this directory finds it, with stat in the module's place; return its name."""
    name = "the_same_with_stat"
    copy = work / "roles" / name
    shutil.copytree(ROOT / "roles" / "offline_licenses", copy)
    path = copy / "tasks" / "stage.yml"
    tasks = yaml.safe_load(path.read_text(encoding="utf-8"))
    changed = 0
    for task in tasks:
        if task.pop("msdevices.provisioning.ms_offline_license", None) is not None:
            task.update(_STAT)
            changed += 1
        if "ansible.builtin.assert" in task:
            task["ansible.builtin.assert"]["that"][0] = "__offline_licenses_staged['stat']['exists']"
            changed += 1
    if changed != 3:
        raise RuntimeError("the role is not what it was when this bench was written")
    path.write_text(yaml.safe_dump(tasks, sort_keys=False), encoding="utf-8")
    return name


def stat_of_each(emulator: Emulator) -> Tasks:
    """What tells about as much of a host without the collection: the checksum of each file."""
    names = [
        "{product_id}_{sku_id}_{content_id}_License1.xml".format(**license_ids)
        for license_ids in emulator.licenses(LICENSES)
    ]
    return [{"name": "Look at each file", "ansible.builtin.stat": {"path": "{{ stage }}/{{ item }}"}, "loop": names}]


class Bench:
    """Runs jobs on the same hosts."""

    def __init__(self, emulator: Emulator, work: pathlib.Path) -> None:
        self._emulator = emulator
        self._work = work
        self._stages = [work / f"stage{number}" for number in range(HOSTS)]
        for stage in self._stages:
            stage.mkdir(mode=0o700)
        self._hosts = {stage.name: {"stage": str(stage)} for stage in self._stages}

    def run(self, tasks: Tasks) -> Run:
        """Run a job and measure it."""
        return run_play(self._work, self._hosts, tasks)

    def first(self) -> Run:
        """Run the job that stages everything. Raises RuntimeError when it did not."""
        run = self.run(module_task(self._emulator))
        staged = sum(len(list(stage.glob("*_License1.xml"))) for stage in self._stages)
        if staged != HOSTS * LICENSES:
            raise RuntimeError(f"{staged} licenses were staged, not {HOSTS * LICENSES}")
        return run

    def noop(self, tasks: Tasks) -> Run:
        """Run a job that has nothing to do. Raises RuntimeError when it did something."""
        before = self._emulator.count()
        run = self.run(tasks)
        if self._emulator.count() != before:
            raise RuntimeError("a job that had nothing to do made requests")
        output = (self._work / "output").read_text(errors="replace")
        if output.count("changed=0") != HOSTS:
            raise RuntimeError(f"a job that had nothing to do changed something:\n{output[-3000:]}")
        return run

    def in_turns(self, ours: Tasks, theirs: Tasks) -> tuple[list[Run], list[Run]]:
        """Run two jobs in turns, each of them first as often as the other."""
        runs: tuple[list[Run], list[Run]] = ([], [])
        for repeat in range(REPEATS):
            for which in (repeat % 2, 1 - repeat % 2):
                runs[which].append(self.noop((ours, theirs)[which]))
        return runs


def _compared(name: str, ours: list[Run], theirs: list[Run]) -> list[Figure]:
    computed = [statistics.median(run.cpu_seconds for run in runs) for runs in (ours, theirs)]
    return [
        Figure(f"{name}: the no-op job", median(ours), "s"),
        Figure(f"{name}: the same job with stat", median(theirs), "s"),
        Figure(f"{name}: no-op job / job with stat", median(ours) / median(theirs), "times", most=MOST),
        Figure(f"{name}: the same by processor time", computed[0] / computed[1], "times"),
    ]


def main() -> bool:
    """Measure, print and keep; tell whether the target is reached."""
    with tempfile.TemporaryDirectory(prefix="msdevices-bench-") as work, Emulator.start() as emulator:
        bench = Bench(emulator, pathlib.Path(work))
        first = bench.first()
        alone = bench.in_turns(module_task(emulator), [_STAT])
        print("measured the task alone", flush=True)
        other = role_task(emulator, copy_role_with_stat(pathlib.Path(work)))
        role = bench.in_turns(role_task(emulator), other)
        each = bench.run(stat_of_each(emulator))
    return report(
        f"Scheduled jobs, {LICENSES} licenses on each of {HOSTS} hosts, {REPEATS} runs of each",
        [
            Figure("first job: everything is fetched and staged", first.seconds, "s"),
            *_compared("task alone", *alone),
            *_compared("role", *role),
            Figure("stat of each license, in a loop", each.seconds, "s"),
        ],
    )
