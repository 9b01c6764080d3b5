# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was tried and what came of it, from all processes of a test session, for the table at the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from .faults import Fault

KEY = "battery"


class Record:
    """Notes of one test; they travel with its report, also between processes."""

    def __init__(self, node: pytest.Item) -> None:
        self._node = node
        self._problems: list[str] = []

    def tried(self, fault: Fault, caller: str, server: str, problems: Iterable[str], **numbers: float) -> None:
        """Note that a caller met a fault, what was wrong, and numbers."""
        self._note("tried", fault, caller, server, list(problems), numbers)

    def healed(self, fault: Fault, caller: str, server: str, problems: Iterable[str]) -> None:
        """Note a run after it, without the fault."""
        self._note("healed", fault, caller, server, [f"afterwards: {problem}" for problem in problems], {})

    def figure(self, name: str, value: float) -> None:
        """Note a number that is added up over all tests."""
        self._node.user_properties.append((KEY, {"kind": "figure", "name": name, "value": value}))

    def check(self) -> None:
        """Fail the test when anything was wrong."""
        assert not self._problems, "\n".join(dict.fromkeys(self._problems))

    def _note(
        self, kind: str, fault: Fault, caller: str, server: str, problems: list[str], numbers: dict[str, float]
    ) -> None:
        note: dict[str, Any] = {"kind": kind, "fault": fault.id, "caller": caller, "server": server, **numbers}
        self._node.user_properties.append((KEY, {**note, "held": not problems}))
        self._problems += [f"{caller}: {problem}" for problem in problems]
