# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A caller in the run that meets a fault, and in the run after it: what both have to keep, and the notes of it."""

from __future__ import annotations

from collections.abc import Iterable

from integration_playbooks.harness import Run

from . import promises
from .callers import Caller, Outcome
from .faults import PARTNER, SURVIVES, Fault
from .record import Record


class Meeting:
    """One caller that meets one fault at a server."""

    def __init__(self, fault: Fault, caller: Caller, server: str, deadline: float) -> None:
        """Take them, and within how many seconds the caller has to end."""
        self._fault, self._caller, self._server, self._deadline = fault, caller, server, deadline
        self._outcome: Outcome | None = None

    def met(self, run: Run, others: Iterable[str]) -> None:
        """Look at the run that met the fault, while files are as it left them. Others are problems found already."""
        self._outcome = outcome = self._caller.outcome(run)
        self._problems = [*others, *self._caller.problems(outcome), *promises.outcome_problems(self._fault, outcome)]
        if outcome.failed:
            self._problems += promises.message_problems(self._fault, self._caller, outcome, self._server)
        requests, made, least = promises.request_problems(self._fault, self._server, self._caller, run.requests)
        self._problems += requests
        self._numbers: dict[str, float] = {"requests": made, "least": least}

    def healed(self, run: Run, others: Iterable[str], record: Record) -> None:
        """Look at the run after it, without the fault, and note both, the first unless a test has noted it itself."""
        usual = self._caller.outcome(run)
        if self._outcome is not None:
            self._note_first(self._outcome, usual, record)
        problems = [*others, *self._caller.problems(usual)]
        if usual.failed:
            problems.append(f"it failed again: {usual.message}")
        if self._fault.outcome == SURVIVES and self._caller.staged and self._server != PARTNER:
            marks = [item.mark for item in self._caller.items]
            asked = [entry for entry in run.requests if any(mark in entry["subject"] for mark in marks)]
            problems += [f"{len(asked)} requests for what is staged"] if asked else []
        record.healed(self._fault, self._caller.name, self._server, problems)

    def _note_first(self, outcome: Outcome, usual: Outcome, record: Record) -> None:
        problems, numbers = list(self._problems), dict(self._numbers)
        if outcome.failed:
            # What the same task takes without the fault tells how much of the time was Ansible's own.
            numbers["late"] = promises.lateness(outcome, usual, self._deadline)
            problems += promises.deadline_problems(numbers["late"])
        record.tried(self._fault, self._caller.name, self._server, problems, **numbers)
