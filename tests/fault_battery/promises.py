# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The promises: what every run has to keep, whatever goes wrong. Each check returns what it found, in words."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from integration_playbooks.harness import Lab, Run
from integration_playbooks.watch import Watch

from .callers import HOST, Caller, Outcome, listener_of
from .faults import CATALOG, FAILS, PARTLY, PARTNER, SIGN_IN, SURVIVES, Fault, bounds

GRACE = 2.0
"""Seconds beyond the deadline within which a caller has to end."""
_CLOCK = 0.05


def message_problems(fault: Fault, caller: Caller, outcome: Outcome, server: str) -> list[str]:
    """What a failure's message lacks: attempt, cause, ids, remedy."""
    message = outcome.message
    problems = []
    wanted = {
        "attempt": r"(Could not|Did not) \w+",
        "cause": fault.cause_at(server),
        "remedy": fault.remedy,
    }
    for what, expression in wanted.items():
        if not re.search(expression, message, re.IGNORECASE | re.DOTALL):
            problems.append(f"no {what} ({expression}) in: {message[:600]}")
    if fault.group == SIGN_IN and not re.search(r"https://\S+|[0-9a-f]{8}-[0-9a-f]{4}-", message):
        problems.append(f"no address and no id in: {message[:600]}")
    elif fault.every_item and not (fault.group == SIGN_IN and server == PARTNER):
        missing = [name for item in caller.items[caller.staged :] for name in item.names if name not in message]
        problems += [f"{name} is not named in: {message[:600]}" for name in missing]
    problems += [f"{text} in: {message[:600]}" for text in ("Traceback", "MODULE FAILURE") if text in message]
    return problems


def request_problems(
    fault: Fault, server: str, caller: Caller, requests: Sequence[Mapping[str, Any]]
) -> tuple[list[str], int, int]:
    """Requests that are too many, too few or too early; how many were made for this caller, and the least possible."""
    low, high = bounds(fault.tries)
    asked = caller.items if server == CATALOG else caller.items[caller.staged :]
    problems = []
    made = 0
    for item in asked:
        mine = [
            entry
            for entry in requests
            if entry["listener"] == listener_of(server) and item.mark.lower() in entry["subject"].lower()
        ]
        made += len(mine)
        # Once the service has failed for all, the items behind the first one need not be requested.
        least = 0 if made > len(mine) and fault.outcome == FAILS else low
        if not least <= len(mine) <= high:
            problems.append(f"{len(mine)} requests for {item.mark}, {low} to {high} were expected")
        problems += _too_early(fault, mine)
    return problems, made, low * len(asked)


def token_problems(faults: Sequence[Fault], callers: int, run: Run) -> list[str]:
    """Requests for tokens that are too many, too few or too early, of a run in which so many callers met each fault."""
    tokens = [entry for entry in run.requests if "/oauth2/v2.0/token" in entry["path"]]
    problems = [problem for fault in faults for problem in (_too_early(fault, tokens) if fault.alone else [])]
    # Callers whose sign-in fails do not share a token; the others need one, and another for the catalog.
    needs = [bounds(fault.token_tries) for fault in faults for _each in range(callers if _own_token(fault) else 1)]
    low, high = sum(low for low, _high in needs), sum(high for _low, high in needs)
    if not all(_own_token(fault) for fault in faults):
        low, high = min(low, 1), high + 1
    if not low <= len(tokens) <= high:
        problems.append(f"{len(tokens)} requests for tokens, {low} to {high} were expected")
    return problems


def _own_token(fault: Fault) -> bool:
    return fault.group == SIGN_IN and fault.outcome == FAILS


def _too_early(fault: Fault, requests: Sequence[Mapping[str, Any]]) -> list[str]:
    """Requests that follow an answer with Retry-After before its time."""
    waits = [rule for rule in fault.rules if rule.get("retry_after") or rule.get("retry_after_date")]
    if not waits:
        return []
    problems = []
    for before, after in itertools.pairwise(requests):
        if before["status"] not in {rule["status"] for rule in waits}:
            continue
        if waits[0].get("retry_after"):
            earliest = before["finished"] + waits[0]["retry_after"]
        else:
            # A date has no fractions of a second.
            earliest = float(int(before["time"] + waits[0]["retry_after_date"]))
        if after["time"] < earliest - _CLOCK:
            problems.append(f"a request {earliest - after['time']:.2f} s before the time that Retry-After gave")
    return problems


def lateness(outcome: Outcome, usual: Outcome, deadline: float) -> float:
    """Seconds past the deadline; what the same task takes without a fault is Ansible's own time and does not count."""
    return max(0.0, outcome.seconds - usual.seconds - deadline)


def deadline_problems(late: float) -> list[str]:
    """A caller that took longer than it may."""
    return [f"it ended {late:.1f} s past the deadline"] if late > GRACE else []


def outcome_problems(fault: Fault, outcome: Outcome) -> list[str]:
    """A caller that failed and should not, or the other way round."""
    if fault.outcome == SURVIVES and outcome.failed:
        return [f"it failed: {outcome.message[:600]}"]
    if fault.outcome in (FAILS, PARTLY) and not outcome.failed:
        return ["it did not fail"]
    if fault.outcome == PARTLY and outcome.states and set(outcome.states) < {"fetched", "failed"}:
        return [f"the states are {sorted(set(outcome.states))}"]
    return []


def secrecy_problems(watch: Watch, lab: Lab, run: Run) -> list[str]:
    """Secrets, tokens, assertions and licenses in output, log, results or files; a cache that outlived its run."""
    found = watch.findings("standard output", run.stdout) + watch.findings("standard error", run.stderr)
    found += watch.findings("the log", lab.log)
    found += watch.files()
    found += [f"{path} is left" for path in (lab.home / ".ansible" / "tmp").glob("ansible-local-*")]
    found += [f"{path} is left" for path in lab.temporary.iterdir()]
    return found + traceback_problems(run.output)


def traceback_problems(text: str) -> list[str]:
    """A traceback in what a run says, with what is around it."""
    place = text.find("Traceback")
    return [] if place < 0 else [f"a traceback: {text[max(0, place - 500) : place + 2500]}"]


class Surroundings:
    """Everything of a lab that no caller may touch."""

    def __init__(self, lab: Lab, callers: Iterable[Caller]) -> None:
        self._top = lab.directory / "hosts"
        self._places = {caller.place for caller in callers}
        for directory in (lab.stage(HOST), lab.stage(HOST).parent):
            (directory / "neighbor.xml").write_text("somebody else's", encoding="utf-8")
        self._before = self._look()

    def problems(self) -> list[str]:
        """Files that are new, gone or changed."""
        after = self._look()
        return [
            f"{path} was touched"
            for path in sorted(self._before.keys() | after.keys())
            if self._before.get(path) != after.get(path)
        ]

    def _look(self) -> dict[Path, str]:
        found = {}
        for path in self._top.rglob("*"):
            # What Ansible itself makes for its modules, and what the callers may write to.
            own = path.relative_to(self._top).parts[1:2] == ("ansible",)
            if own or any(place in path.parents or place == path for place in self._places):
                continue
            mode = path.lstat().st_mode
            found[path] = f"{mode:o} " + (hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
        return found
