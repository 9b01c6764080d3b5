# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run suites of tests, each a target of make, and end with one line: how many tests passed and how many failed.

Usage: run_all.py [--keep-going] [--matrix] [--minutes N] [SUITE...]

Each suite leaves its counts below `.build/results`. A suite that fails without naming a failed test counts as one
failure, and so does each test that was skipped: nothing is left out silently. Without --keep-going the first suite that
fails ends the run. With --matrix the suites of matrix.py follow, and its table; with
--minutes none of those is begun later, and the table says which.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

import matrix
from results import ROOT, Counts, forget_counts, read_counts


def run_suite(suite: str) -> tuple[Counts, float]:
    """Run one suite; return its counts and the seconds that it took."""
    print(f"\n######## {suite}", flush=True)
    forget_counts(suite)
    started = time.monotonic()
    status = subprocess.call([os.environ.get("MAKE", "make"), "--no-print-directory", suite], cwd=ROOT)
    seconds = time.monotonic() - started
    counts = read_counts(suite) or Counts()
    if status and not counts.failed:
        counts.failed = 1
    elif not status and not counts.passed:
        print(f"{suite} ran no test", file=sys.stderr)
        counts.failed += 1
    return counts, seconds


def main() -> int:
    """Run the suites; the exit status is 0 when every test of every suite ran and passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep-going", action="store_true", help="run the other suites after one that failed")
    parser.add_argument("--matrix", action="store_true", help="also run on the other cores and Pythons")
    parser.add_argument("--minutes", type=float, help="begin no suite of the matrix after so many minutes")
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    arguments = parser.parse_args()
    suites = list(arguments.suites)
    if arguments.matrix:
        suites += matrix.suites(default_ran="integration" in suites)

    table = []
    total = Counts()
    failed_before = False
    begun = time.monotonic()
    for suite in suites:
        if arguments.minutes and suite not in arguments.suites and time.monotonic() - begun > arguments.minutes * 60:
            break
        counts, seconds = run_suite(suite)
        table.append((suite, counts, seconds))
        total += counts
        failed_before = bool(counts.failed or counts.skipped)
        if failed_before and not arguments.keep_going:
            break

    print(f"\n{'suite':<24} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}")
    for suite, counts, seconds in table:
        print(f"{suite:<24} {counts.passed:>7} {counts.failed:>7} {counts.skipped:>8} {seconds:>8.1f}")
    for suite in suites[len(table) :]:
        print(f"{suite:<24} did not run: {'a suite before it failed' if failed_before else 'no time left'}")
    if arguments.matrix:
        print()
        print(*matrix.table({suite: counts for suite, counts, _seconds in table}), sep="\n")
    failed = total.failed + total.skipped
    print(f"\n{total.passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
