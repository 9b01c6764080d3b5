# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the tools of the test set-up report: named steps, run in order, counted in a small JSON file per suite."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shlex
import subprocess
import time
import typing as t
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
RESULTS = BUILD / "results"

Inspect = t.Callable[[str], str | None]


@dataclasses.dataclass(frozen=True)
class Step:
    """One check: a command, which passes when it exits with 0 and `inspect` finds no fault in its output."""

    name: str
    command: list[str]
    environment: dict[str, str] | None = None
    directory: pathlib.Path = ROOT
    inspect: Inspect | None = None


@dataclasses.dataclass
class Counts:
    """Numbers of tests. `skipped` are tests that did not run although they apply."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


def run_step(step: Step) -> bool:
    """Run the step, show its output, return whether it passed."""
    print(f"\n== {step.name}: {shlex.join(step.command)}", flush=True)
    started = time.monotonic()
    lines = []
    with subprocess.Popen(
        step.command,
        cwd=step.directory,
        env=step.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            print(line, end="", flush=True)
    fault = f"exit status {process.returncode}" if process.returncode else None
    if fault is None and step.inspect is not None:
        fault = step.inspect("".join(lines))
    seconds = time.monotonic() - started
    print(f"== {step.name}: {'FAILED: ' + fault if fault else 'passed'} ({seconds:.1f} s)", flush=True)
    return fault is None


def write_counts(suite: str, counts: Counts) -> None:
    """Keep the counts of a suite for the runner of all suites."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{suite}.json").write_text(json.dumps(dataclasses.asdict(counts)) + "\n", encoding="utf-8")


def read_counts(suite: str) -> Counts | None:
    """The counts that a suite left as `<suite>.json` or, by pytest, as `<suite>.xml`; None when it left nothing."""
    report = RESULTS / f"{suite}.json"
    if report.exists():
        return Counts(**json.loads(report.read_text(encoding="utf-8")))
    report = RESULTS / f"{suite}.xml"
    if report.exists():
        return junit_counts([report])
    return None


def forget_counts(suite: str) -> None:
    """Remove what an earlier run of the suite left."""
    for suffix in ("json", "xml"):
        (RESULTS / f"{suite}.{suffix}").unlink(missing_ok=True)


def junit_counts(reports: t.Iterable[pathlib.Path]) -> Counts:
    """Count the test cases of JUnit reports."""
    counts = Counts()
    for report in reports:
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                counts.failed += 1
            elif case.find("skipped") is not None:
                counts.skipped += 1
            else:
                counts.passed += 1
    return counts
