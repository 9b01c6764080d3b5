# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the battery tells at its end, from the notes of all tests: the table of faults and callers, and the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .faults import CALLERS, FAILS, GROUPS, PARTLY, SURVIVES, Fault
from .table import TABLE

EXAMPLES = "hypothesis examples"
LEAST_EXAMPLES = 10_000
HOLDS = {
    SURVIVES: "gets what it asked for, in the tries that the options allow",
    FAILS: "one clear message in time; good files stay, nothing else is written; the next run heals",
    PARTLY: "what could be had is in place; each of the others is named; the next run heals",
}
"""What must hold of a row that does not say it itself."""


def holds(fault: Fault) -> str:
    """What must hold of a row, in a sentence."""
    return fault.holds or HOLDS[fault.outcome]


def cells(notes: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], tuple[int, int]]:
    """By fault and caller: how often everything held, and how often it was tried."""
    tried: Counter[tuple[str, str]] = Counter()
    held: Counter[tuple[str, str]] = Counter()
    for note in notes:
        if note["kind"] != "figure":
            key = (note["fault"], note["caller"])
            tried[key] += 1
            held[key] += note["held"]
    return {key: (held[key], tried[key]) for key in tried}


def missing(notes: list[Mapping[str, Any]]) -> list[str]:
    """Rows and callers of the table that no test has tried, and hostile values that were too few."""
    tried = cells(notes)
    left_out = [
        f"{fault.id} by {caller}" for fault in TABLE for caller in fault.callers if (fault.id, caller) not in tried
    ]
    examples = sum(note["value"] for note in notes if note["kind"] == "figure" and note["name"] == EXAMPLES)
    return left_out + ([f"{LEAST_EXAMPLES:,} {EXAMPLES}"] if examples < LEAST_EXAMPLES else [])


def lines(notes: list[Mapping[str, Any]]) -> Iterator[str]:
    """The table, and below it the figures."""
    tried = cells(notes)
    names = {fault for fault, _caller in tried}
    rows = [fault for fault in TABLE if fault.id in names]
    width = max((len(fault.title) for fault in rows), default=0)
    for group in GROUPS:
        mine = [fault for fault in rows if fault.group == group]
        if mine:
            yield f"{group:<{width}}  " + "  ".join(f"{caller:>7}" for caller in CALLERS) + "  what must hold"
        for fault in mine:
            marks = "  ".join(f"{_mark(tried.get((fault.id, caller))):>7}" for caller in CALLERS)
            yield f"{fault.title:<{width}}  {marks}  {holds(fault)}"
    yield ""
    yield from figures(notes)


def figures(notes: list[Mapping[str, Any]]) -> Iterator[str]:
    """Figures over all tests."""
    tried = [note for note in notes if note["kind"] == "tried"]
    for caller in CALLERS:
        of_caller = [note for note in tried if note["caller"] == caller]
        if of_caller:
            survived = sum(note["held"] for note in of_caller)
            yield f"faults survived by the {caller}: {survived} of {len(of_caller)} tried"
    after = [note for note in notes if note["kind"] == "healed"]
    if after:
        yield f"runs after a fault that put things right: {sum(note['held'] for note in after)} of {len(after)}"
    made, least = (sum(note.get(name, 0) for note in tried) for name in ("requests", "least"))
    if least:
        yield f"requests made: {made:.0f}; least possible: {least:.0f}"
    late = [note["late"] for note in tried if "late" in note]
    if late:
        yield f"longest time past the deadline: {max(late):.2f} s"
    totals: Counter[str] = Counter()
    for note in notes:
        if note["kind"] == "figure":
            totals[note["name"]] += note["value"]
    for name, value in totals.items():
        yield f"{name}: {value:g}" if value < 1000 else f"{name}: {value:,.0f}"


def _mark(counts: tuple[int, int] | None) -> str:
    return "-" if counts is None else f"{counts[0]}/{counts[1]}"
