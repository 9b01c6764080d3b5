# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scheduled job that finds everything staged, beside the same job with a task of ansible.builtin.stat in its place."""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import tempfile
import typing as t

from emulator.client import Emulator
from harness import Figure, Run, median, report, run_play

HOSTS = 10
LICENSES = 20
REPEATS = int(os.environ.get("BENCH_JOB_REPEATS", "7"))
MOST = 1.15

Tasks = list[dict[str, t.Any]]


def module_task(emulator: Emulator) -> Tasks:
    """What the job does: one task that sees to all licenses of a host."""
    return [
        {
            "name": "Stage the licenses",
            "msdevices.provisioning.ms_offline_license": {
                "licenses": emulator.licenses(LICENSES),
                "dest": "{{ stage }}",
                "tenant_id": emulator.tenant_id,
                "client_id": emulator.client_id,
                "client_secret": emulator.client_secret,
                "authority": emulator.entra,
                "base_url": emulator.store,
                "ca_path": emulator.ca_path,
            },
        }
    ]


def stat_task() -> Tasks:
    """The cheapest look at a host: is the directory there?"""
    return [{"name": "Look at the directory", "ansible.builtin.stat": {"path": "{{ stage }}"}}]


def stat_each_task(emulator: Emulator) -> Tasks:
    """What tells as much about the host without the collection: the checksum of each file."""
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
        self._hosts: dict[str, dict[str, str]] = {}
        for number in range(HOSTS):
            stage = work / f"stage{number}"
            stage.mkdir()
            self._hosts[f"builder{number}"] = {"stage": str(stage)}

    def run(self, tasks: Tasks) -> Run:
        """Run a job and measure it."""
        return run_play(self._work, self._hosts, tasks)

    def noop(self) -> Run:
        """Run the job that has nothing to do. Raises RuntimeError when it did something."""
        before = len(self._emulator.requests())
        run = self.run(module_task(self._emulator))
        if len(self._emulator.requests()) != before:
            raise RuntimeError("a job that had nothing to do made requests")
        output = (self._work / "output").read_text()
        if output.count("changed=0") != HOSTS:
            raise RuntimeError(f"a job that had nothing to do changed something:\n{output}")
        return run


def main() -> bool:
    """Measure in turns, print and keep; tell whether the target is reached."""
    with tempfile.TemporaryDirectory(prefix="msdevices-bench-") as work, Emulator.start() as emulator:
        bench = Bench(emulator, pathlib.Path(work))
        first = bench.run(module_task(emulator))
        staged = sum(len(list(pathlib.Path(host["stage"]).glob("*.xml"))) for host in bench._hosts.values())
        if staged != HOSTS * LICENSES:
            raise RuntimeError(f"{staged} licenses were staged, not {HOSTS * LICENSES}")
        noop: list[Run] = []
        stat: list[Run] = []
        for repeat in range(REPEATS):
            # In turns, and each first as often as the other, so that a busy moment of the machine weighs on both.
            for which in (0, 1) if repeat % 2 else (1, 0):
                if which:
                    noop.append(bench.noop())
                else:
                    stat.append(bench.run(stat_task()))
        each = bench.run(stat_each_task(emulator))
    print("no-op", [round(r.seconds, 2) for r in noop], "stat", [round(r.seconds, 2) for r in stat])
    return report(
        f"Scheduled jobs, {LICENSES} licenses on each of {HOSTS} hosts",
        [
            Figure("first job: everything is fetched and staged", first.seconds, "s"),
            Figure("no-op job: everything is staged", median(noop), "s"),
            Figure("the same job with ansible.builtin.stat of the directory", median(stat), "s"),
            Figure("the same job with ansible.builtin.stat of each license", each.seconds, "s"),
            Figure("no-op job / job with stat of the directory", median(noop) / median(stat), "times", most=MOST),
        ],
    )
