# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs and times plays, side by side, and prints what they cost."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import typing as t

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / ".build" / "bench"


@dataclasses.dataclass
class Run:
    """What one run of ansible-playbook cost."""

    seconds: float
    peak_mib: float
    """The largest resident set of any of its processes."""
    cpu_seconds: float
    """What all of its processes computed, which other work on the machine hardly changes."""


@dataclasses.dataclass
class Figure:
    """A measured value beside what it has to reach."""

    name: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def reached(self) -> bool:
        """Whether the value is where it has to be."""
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    def line(self) -> str:
        """One row of the table."""
        target = f"at least {self.least:g}" if self.least is not None else ""
        target = f"at most {self.most:g}" if self.most is not None else target
        verdict = "" if not target else "reached" if self.reached else "MISSED"
        return f"{self.name:<72} {self.value:>9.2f} {self.unit:<5} {target:<14} {verdict}"


def inventory(hosts: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """Describe hosts of the local connection, each with variables of its own."""
    common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    return {"all": {"hosts": {name: {**common, **values} for name, values in hosts.items()}}}


def run_play(
    work: pathlib.Path, hosts: dict[str, t.Any], tasks: list[dict[str, t.Any]], forks: int = 5, **variables: t.Any
) -> Run:
    """Run a play of these tasks and measure it. Raises RuntimeError when it fails."""
    play = {"name": "Bench", "hosts": "all", "gather_facts": False, "vars": variables, "tasks": tasks}
    (work / "inventory.json").write_text(json.dumps(inventory(hosts)))
    (work / "play.json").write_text(json.dumps([play]))
    command = ["ansible-playbook", "-i", "inventory.json", "--forks", str(forks), "play.json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "MSDEVICES_"))}
    environment["ANSIBLE_NOCOLOR"] = "1"
    with open(work / "output", "wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=work, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((work / "output").read_text(errors="replace")[-3000:])
    return Run(seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)


def median(runs: t.Sequence[Run]) -> float:
    """The median of the runs' times, in seconds."""
    return statistics.median(run.seconds for run in runs)


def report(title: str, figures: list[Figure]) -> bool:
    """Print the figures, keep them as JSON, and tell whether all are where they have to be."""
    print(f"\n{title}")
    for figure in figures:
        print(figure.line())
    RESULTS.mkdir(parents=True, exist_ok=True)
    name = "".join(char if char.isalnum() else "_" for char in title.lower()).strip("_")
    kept = {"title": title, "python": sys.version.split()[0], "figures": [dataclasses.asdict(item) for item in figures]}
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    return all(figure.reached for figure in figures)
