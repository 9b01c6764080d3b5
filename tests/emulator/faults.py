# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fault rules: which requests they take, how often, and in what order their actions apply."""

from __future__ import annotations

import fnmatch
import hashlib
import random
import re
import threading
from collections.abc import Callable
from typing import Any

from .actions import ACTIONS, Arguments, World, check_arguments
from .messages import Request, Response

#: Keys of a rule that say which requests it takes; all others are arguments of its action.
SELECTORS = ("action", "listener", "method", "path_regex", "times", "after", "probability", "seed", "per_path")


class Rule:
    """One fault rule.

    A request *matches* by listener (shell pattern), method and path (regular expression, searched, any casing). As the
    licensing service has one path for all, the content id that a request names counts as the end of its path.
    Of the matching ones the first ``after`` are spared, then at most ``times`` (-1: all) are taken, each with
    ``probability``. With ``per_path`` all counting is done for each path by itself, and chance decides once for each
    path and not for each request.
    """

    def __init__(self, number: int, values: dict[str, Any]) -> None:
        """Raises ValueError for what is not understood."""
        if not isinstance(values, dict) or "action" not in values:
            raise ValueError("a fault rule is an object with an action")
        self.id = number
        self.action = str(values["action"])
        self.arguments: Arguments = check_arguments(
            self.action, {key: value for key, value in values.items() if key not in SELECTORS}
        )
        self.listener = str(values.get("listener") or "*")
        self.method = str(values["method"]).upper() if values.get("method") else None
        try:
            self.path = re.compile(values.get("path_regex") or "", re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"path_regex is no regular expression: {error}") from None
        self.times = int(values.get("times", -1))
        self.after = int(values.get("after", 0))
        self.probability = float(values.get("probability", 1.0))
        self.seed = values.get("seed", 0)
        self.per_path = bool(values.get("per_path", False))
        self._random = random.Random(self.seed)
        self._counts: dict[str, list[int]] = {}
        self.matched = 0
        self.applied = 0

    def takes(self, request: Request) -> bool:
        """Whether the rule applies to a request. Counts, so ask once for each request and under a lock."""
        if not fnmatch.fnmatchcase(request.listener, self.listener):
            return False
        if self.method not in (None, request.method) or not self.path.search(request.subject):
            return False
        self.matched += 1
        seen, used = counts = self._counts.setdefault(request.subject.lower() if self.per_path else "", [0, 0])
        counts[0] += 1
        if seen < self.after or (self.times >= 0 and used >= self.times) or not self._chance(request.subject):
            return False
        counts[1] += 1
        self.applied += 1
        return True

    def _chance(self, subject: str) -> bool:
        if self.probability >= 1.0:
            return True
        if self.per_path:
            digest = hashlib.sha256(f"{self.seed} {subject.lower()}".encode()).digest()
            return int.from_bytes(digest[:8], "big") / 2**64 < self.probability
        return self._random.random() < self.probability

    def as_dict(self) -> dict[str, Any]:
        """The rule and what it has done so far."""
        return {
            "id": self.id,
            "action": self.action,
            "listener": self.listener,
            "method": self.method,
            "path_regex": self.path.pattern,
            "times": self.times,
            "after": self.after,
            "matched": self.matched,
            "applied": self.applied,
            **self.arguments,
        }


class Faults:
    """The rules in force, in the order in which they were added."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._last = 0

    def add(self, values: dict[str, Any]) -> int:
        """Add a rule; returns its id.

        Raises ValueError for a rule that is not understood.
        """
        with self._lock:
            rule = Rule(self._last + 1, values)
            self._last = rule.id
            self._rules.append(rule)
            return rule.id

    def remove(self, number: int | None = None) -> None:
        """Remove one rule, or all."""
        with self._lock:
            self._rules = [rule for rule in self._rules if number is not None and rule.id != number]

    def describe(self) -> list[dict[str, Any]]:
        """All rules and what they have done so far."""
        with self._lock:
            return [rule.as_dict() for rule in self._rules]

    def answer(self, request: Request, application: Callable[[Request], Response]) -> Response:
        """Answer a request by the rules and, unless one of them answers instead, by the application.

        Rules apply in order. One that answers ends the search: later rules neither apply nor count.
        """
        changes: list[Rule] = []
        response: Response | None = None
        for rule in self._matching(request):
            request.entry.faults.append(rule.id)
            action = ACTIONS[rule.action]
            if action.kind == "answer":
                response = action.run(request, rule.arguments, self._world)
            elif action.kind == "effect":
                action.run(request, rule.arguments, self._world)
            else:
                changes.append(rule)
        if response is None:
            response = application(request)
        for rule in changes:
            ACTIONS[rule.action].run(request, response, rule.arguments)
        return response

    def _matching(self, request: Request) -> list[Rule]:
        with self._lock:
            taken = []
            for rule in self._rules:
                if rule.takes(request):
                    taken.append(rule)
                    if ACTIONS[rule.action].kind == "answer":
                        break
            return taken
