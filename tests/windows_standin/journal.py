# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests and hosts share through files: the log of what happened, and the faults that tests ask for."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Rules on what is so, and not on what happens at an event.
_STATES = ("denied", "full", "locked", "concealed", "unlistable", "standard_user")


def record(log: Path, **event: Any) -> None:
    """Append one event as a line of JSON; whole lines even from many processes at once."""
    line = json.dumps({"time": time.time(), "pid": os.getpid(), **event}, sort_keys=True, default=str) + "\n"
    with open(log, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(line)


def read(log: Path) -> list[dict[str, Any]]:
    """All events in the order in which they were written."""
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


class Faults:
    """The rules by which hosts misbehave; a JSON list in a file, shared by all processes.

    A rule is a dict. ``kind`` says what happens:

    * ``fail``: the module fails with ``msg``.
    * ``unreachable``: the connection is lost with ``msg``.
    * ``partial``: a copy of several files stops after ``files`` files, with the next one half written, a copy of one
      file in its middle; then the connection is lost with ``msg``.
    * ``answer``: the module returns ``result`` and does nothing.
    * ``denied``: writing at or below ``path`` is refused.
    * ``full``: the files below ``path`` cannot have more than ``size`` bytes together.
    * ``locked``, ``concealed``, ``unlistable``: see WindowsFilesystem, at or below ``path``.
    * ``standard_user``: the user is no administrator.

    ``event`` (``connect``, ``module``, ``transfer``, ``command``), ``host``, ``plugin`` and ``modes`` (a list of
    win_copy's ``query``, ``single``, ``explode``, ``remote``) say where it applies; what is left out or null applies
    everywhere. The first ``after`` matches are let through, then the rule works ``times`` times (null: always).
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    @contextlib.contextmanager
    def _locked(self) -> Iterator[list[dict[str, Any]]]:
        with open(self._file, "a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            text = file.read()
            rules = json.loads(text) if text.strip() else []
            yield rules
            changed = json.dumps(rules, indent=1)
            if changed != text:
                file.seek(0)
                file.truncate()
                file.write(changed)

    def add(self, rule: Mapping[str, Any]) -> None:
        """Add a rule behind those that are there."""
        with self._locked() as rules:
            rules.append(dict(rule))

    def clear(self) -> None:
        """Forget all rules."""
        with self._locked() as rules:
            rules.clear()

    def rules(self) -> list[dict[str, Any]]:
        """The rules as they stand, with what is left of ``times`` and ``after``."""
        with self._locked() as rules:
            return list(rules)

    def take(self, **facts: Any) -> dict[str, Any] | None:
        """The first rule that applies to an event, counted as used; None when nothing is wrong."""
        with self._locked() as rules:
            for rule in rules:
                if rule["kind"] in _STATES or rule.get("times") == 0:
                    continue
                if any(rule.get(name) not in (None, facts.get(name)) for name in ("event", "host", "plugin")):
                    continue
                if rule.get("modes") and facts.get("mode") not in rule["modes"]:
                    continue
                if rule.get("after"):
                    rule["after"] -= 1
                    continue
                if rule.get("times") is not None:
                    rule["times"] -= 1
                return dict(rule)
        return None

    def paths(self, kind: str, host: str) -> list[str]:
        """Where a rule of this kind holds on the host."""
        return [rule["path"] for rule in self._of_files(kind, host)]

    def is_standard_user(self, host: str) -> bool:
        """Whether the host's user is no administrator."""
        return bool(self._of_files("standard_user", host))

    def sizes(self, host: str) -> dict[str, int]:
        """Directories that are as small disks, with the bytes that they can hold."""
        return {rule["path"]: rule["size"] for rule in self._of_files("full", host)}

    def _of_files(self, kind: str, host: str) -> list[dict[str, Any]]:
        return [rule for rule in self.rules() if rule["kind"] == kind and rule.get("host") in (None, host)]
