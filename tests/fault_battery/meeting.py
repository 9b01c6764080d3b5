# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A caller in the run that meets a fault, and in the run after it: what both have to keep, and the notes of it."""

from __future__ import annotations

from collections.abc import Iterable

from integration_playbooks.harness import Run

from . import promises
from .callers import Caller
from .faults import PARTNER, SURVIVES, Fault
from .record import Record


class Meeting:
    """One caller that meets one fault at a server."""

    def __init__(self, fault: Fault, caller: Caller, server: str, deadline: float) -> None:
        """Take them, and within how many seconds the caller has to end."""
        self._fault, self._caller, self._server, self._deadline = fault, caller, server, deadline

    def met(self, run: Run, others: Iterable[str]) -> None:
        """Look at the run that met the fault, while files are as it left them. Others are problems found already."""
        outcome = self._outcome = self._caller.outcome(run)
        self._problems = [*others, *self._caller.problems(outcome), *promises.outcome_problems(self._fault, outcome)]
        if outcome.failed:
            self._problems += promises.message_problems(self._fault, self._caller, outcome, self._server)
        requests, made, least = promises.request_problems(self._fault, self._server, self._caller, run.requests)
        self._problems += requests
        self._numbers = {"requests": made, "least": least}

    def healed(self, run: Run, others: Iterable[str], record: Record) -> None:
        """Look at the run after it, without the fault, and note both: the time of the first is told by the second."""
        usual = self._caller.outcome(run)
        if self._outcome.failed:
            late = promises.lateness(self._outcome, usual, self._deadline)
            self._problems += promises.deadline_problems(late)
            self._numbers["late"] = late
        record.tried(self._fault, self._caller.name, self._server, self._problems, **self._numbers)
        problems = [*others, *self._caller.problems(usual)]
        if usual.failed:
            problems.append(f"it failed again: {usual.message}")
        if self._fault.outcome == SURVIVES and self._caller.staged and self._server != PARTNER:
            marks = [item.mark for item in self._caller.items]
            asked = [entry for entry in run.requests if any(mark in entry["subject"] for mark in marks)]
            problems += [f"{len(asked)} requests for what is staged"] if asked else []
        record.healed(self._fault, self._caller.name, self._server, problems)
