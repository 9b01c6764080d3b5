# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The matrix: on which ansible-core, with which Python, which suites run.

The bounds are those of the Makefile, the Pythons those of this machine. The integration tests run on each core with one
Python, chosen so that all Pythons have their turn: whole on the newest core, on the others those whose outcome depends
on the core most (compatibility). A slice of them that uses each plugin (smoke) runs on each core with each of its other
Pythons. A whole matrix runs them all on each core with each Python, which takes hours. Unit and sanity tests run on the
oldest core, too.
"""

from __future__ import annotations

import re
import subprocess
import sys

import ansible.release
from results import ROOT, Counts

CORE = ".".join(ansible.release.__version__.split(".")[:2])
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
# Targets that make the virtual environment of other suites: with the package ansible, or with a link to it.
SETUPS = ("setup", "light")
_NAME = re.compile(r"(?P<kind>\w+)-(?P<core>2\.\d+)-py(?P<python>3\.\d+)")


def pythons() -> dict[str, list[str]]:
    """By ansible-core: the Pythons that it supports and that are on this machine, oldest first."""
    listing = subprocess.run(
        ["sh", str(ROOT / "tests/tools/find_python.sh"), "--all"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    found = [line.split(" ", 1)[0] for line in listing.splitlines()]
    bounds = re.findall(r"^BOUNDS_(\S+) := (\S+) (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return {
        core: sorted((version for version in found if _number(low) <= _number(version) <= _number(high)), key=_number)
        for core, low, high in bounds
    }


def suites(default_ran: bool, whole: bool) -> list[str]:
    """The suites of the matrix, the longest first, and before them the set-ups that they need.

    The oldest core runs what depends on the core, each other one the slice that uses each plugin; further Pythons run
    the slice on the oldest and the newest core. Those of the default core and Python are left out when these have run
    under other names. `whole`: all integration tests on each core with each Python.
    """
    setups: list[str] = []
    oldest: list[str] = []
    integration: list[str] = []
    others: list[str] = []
    for turn, (core, versions) in enumerate((core, versions) for core, versions in pythons().items() if versions):
        chosen = PYTHON if core == CORE else versions[turn % len(versions)]
        further = versions if whole or core == CORE or not turn else ()
        pairs = [f"{core}-py{version}" for version in further if version != chosen]
        others += [f"{'integration' if whole else 'smoke'}-{pair}" for pair in pairs]
        if core != CORE or not default_ran:
            setups.append(f"setup-{core}-py{chosen}")
            what = "integration" if whole or core == CORE else "smoke" if turn else "compatibility"
            integration.append(f"{what}-{core}-py{chosen}")
        setups += [f"{'setup' if whole else 'light'}-{pair}" for pair in pairs]
        if not turn:
            oldest = [f"{what}-{core}-py{chosen}" for what in ("sanity", "unit")]
    return setups + oldest + integration + others


def setups_of(suite: str) -> list[str]:
    """The set-ups of which a suite needs one."""
    match = _NAME.fullmatch(suite)
    if not match or match["kind"] in SETUPS:
        return []
    return [f"{setup}-{match['core']}-py{match['python']}" for setup in SETUPS]


def kind(suite: str) -> str:
    """The kind of a suite, whatever it runs on."""
    return suite.partition("-2.")[0]


def table(counts: dict[str, Counts]) -> list[str]:
    """What ran on which core and Python, and how many tests passed."""
    ran: dict[tuple[str, str], list[str]] = {}
    for name, count in counts.items():
        if kind(name) in SETUPS:
            continue
        match = _NAME.fullmatch(name)
        core, python, what = match.group("core", "python", "kind") if match else (CORE, PYTHON, name)
        text = f"{what} {count.passed}" + (
            f", {count.failed + count.skipped} FAILED" if count.failed + count.skipped else ""
        )
        ran.setdefault((core, python), []).append(text)
    lines = [f"{'ansible-core':<13} {'Python':<7} tests that passed"]
    for core, versions in pythons().items():
        for python in versions or ["none"]:
            what = "no Python for it on this machine" if python == "none" else "did not run"
            lines.append(f"{core:<13} {python:<7} {'; '.join(ran.get((core, python), [what]))}")
    return lines


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
