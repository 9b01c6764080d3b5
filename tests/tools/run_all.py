# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run suites of tests, each a target of make, and end with one line: how many tests passed and how many failed.

Usage: run_all.py [--keep-going] [--matrix [--whole]] [--minutes N] [SUITE...]

Suites that keep one processor busy run in a lane of their own, beside those whose tests run in several processes. With
--matrix the suites of matrix.py follow, in three lanes and each in one process, and its table; with --minutes none of
those is begun later, and the table says which. What suites print that run beside others is shown when they end.

Each suite leaves its counts below `.build/results`. A suite that fails without naming a failed test counts as one
failure, and so does each test that was skipped: nothing is left out silently. Without --keep-going nothing is begun
after a failure.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import queue
import subprocess
import sys
import threading
import time

import matrix
from results import RESULTS, ROOT, Counts, forget_counts, read_counts

# By the first word of their names.
ONE_PROCESSOR = ("lint", "sanity", "molecule", "image")


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of a suite."""

    counts: Counts
    seconds: float


class Runner:
    """Runs suites in lanes, and keeps what became of them."""

    def __init__(self, suites: list[str], of_matrix: list[str], keep_going: bool, minutes: float | None) -> None:
        """Take the suites, those of the matrix, whether to begin others after a failure, and after how many minutes
        not to begin any of the matrix."""
        self.results: dict[str, Result] = {}
        self.failed = False
        self._suites = suites
        self._of_matrix = of_matrix
        self._keep_going = keep_going
        self._end = time.monotonic() + minutes * 60 if minutes else None
        # What others wait for: an environment that is made in another lane.
        self._done = {suite: threading.Event() for suite in (*suites, *of_matrix)}

    def run(self) -> None:
        """Run all of them, and wait for the end."""
        setups = [suite for suite in self._of_matrix if matrix.kind(suite) in matrix.SETUPS]
        one_processor = [suite for suite in self._suites if matrix.kind(suite) in ONE_PROCESSOR] + setups
        others = [suite for suite in self._suites if suite not in one_processor]
        last: queue.SimpleQueue[str] = queue.SimpleQueue()
        for suite in self._of_matrix:
            if suite not in setups:
                last.put(suite)

        first_lane = threading.Thread(target=self._run_lane, args=(one_processor, last, bool(others)))
        first_lane.start()
        self._run_lane(others, None, quiet=False)
        # What remains does not wait much: a third lane uses what the others leave.
        lanes = [threading.Thread(target=self._run_lane, args=([], last, True)) for _number in range(2)]
        for lane in lanes:
            lane.start()
        for lane in (first_lane, *lanes):
            lane.join()

    def _run_lane(self, suites: list[str], then: queue.SimpleQueue[str] | None, quiet: bool) -> None:
        """Run these suites in their order, then what others have not begun."""
        for suite in suites:
            self._run(suite, quiet)
        while then is not None:
            try:
                suite = then.get_nowait()
            except queue.Empty:
                return
            self._run(suite, quiet=True)

    def _run(self, suite: str, quiet: bool) -> None:
        for setup in matrix.setups_of(suite):
            if setup in self._done:
                self._done[setup].wait()
        try:
            if self._may_begin(suite):
                # One process for each lane is less work than several for each suite.
                variables = ["PROCESSES=0"] if suite in self._of_matrix else []
                result = run_suite(suite, quiet, *variables)
                self.results[suite] = result
                self.failed = self.failed or bool(result.counts.failed or result.counts.skipped)
        finally:
            # Whatever became of it, nobody waits forever.
            self._done[suite].set()

    def _may_begin(self, suite: str) -> bool:
        if self.failed and not self._keep_going:
            return False
        return self._end is None or suite not in self._of_matrix or time.monotonic() < self._end


def run_suite(suite: str, quiet: bool, *variables: str) -> Result:
    """Run one suite, with variables of make; a quiet one is shown when it has ended."""
    print(f"\n######## {suite}{' begins' if quiet else ''}", flush=True)
    forget_counts(suite)
    started = time.monotonic()
    command = [os.environ.get("MAKE", "make"), "--no-print-directory", suite, *variables]
    if quiet:
        RESULTS.mkdir(parents=True, exist_ok=True)
        log = RESULTS / f"{suite}.log"
        with open(log, "wb") as file:
            status = subprocess.call(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
        print(f"\n######## {suite}\n{log.read_text(encoding='utf-8', errors='replace')}", flush=True)
    else:
        status = subprocess.call(command, cwd=ROOT)
    seconds = time.monotonic() - started
    counts = read_counts(suite) or Counts()
    if status and not counts.failed:
        counts.failed = 1
    elif not status and not counts.passed and matrix.kind(suite) not in matrix.SETUPS:
        print(f"{suite} ran no test", file=sys.stderr)
        counts.failed += 1
    return Result(counts, seconds)


def main() -> int:
    """Run the suites; the exit status is 0 when every test of every suite ran and passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep-going", action="store_true", help="run the other suites after one that failed")
    parser.add_argument("--matrix", action="store_true", help="also run on the other cores and Pythons")
    parser.add_argument("--whole", action="store_true", help="there, with all integration tests everywhere")
    parser.add_argument("--minutes", type=float, help="begin no suite of the matrix after so many minutes")
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    arguments = parser.parse_args()
    default_ran = "integration" in arguments.suites
    of_matrix = matrix.suites(default_ran, arguments.whole) if arguments.matrix else []
    runner = Runner(arguments.suites, of_matrix, arguments.keep_going, arguments.minutes)
    begun = time.monotonic()
    runner.run()

    print(f"\n{'suite':<26} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}")
    total = Counts()
    for suite in (*arguments.suites, *of_matrix):
        if suite not in runner.results:
            print(f"{suite:<26} did not run: {'another suite failed' if runner.failed else 'no time left'}")
            continue
        result = runner.results[suite]
        counts = result.counts
        total += counts
        if matrix.kind(suite) not in matrix.SETUPS or counts.failed:
            print(f"{suite:<26} {counts.passed:>7} {counts.failed:>7} {counts.skipped:>8} {result.seconds:>8.1f}")
    print(f"{'together':<26} {total.passed:>7} {total.failed:>7} {total.skipped:>8} {time.monotonic() - begun:>8.1f}")
    if arguments.matrix:
        print()
        print(*matrix.table({suite: result.counts for suite, result in runner.results.items()}), sep="\n")
    failed = total.failed + total.skipped
    print(f"\n{total.passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
