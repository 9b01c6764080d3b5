# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run under a fault that a test makes itself, and the run after it: what both have to keep is checked here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulator.client import Emulator
from integration_playbooks.harness import Lab, Run
from integration_playbooks.watch import Watch

from . import promises
from .callers import callers_for, options_for
from .faults import OPTIONS, STORE, Fault
from .meeting import Meeting
from .record import Record

Task = dict[str, Any]


class Trial:
    """One fault, and the callers that meet it in one run."""

    def __init__(
        self,
        fault: Fault,
        directory: Path,
        emulator: Emulator,
        documents: Mapping[str, bytes],
        record: Record,
        server: str = STORE,
        names: Sequence[str] = (),
        ca_path: str = "",
        **secrets: str,
    ) -> None:
        """Make a lab in this directory. Secrets are searched for, beside those of the emulator."""
        self.fault, self.server, self.record = fault, server, record
        self.lab = Lab(directory, emulator)
        self.lab.defaults = {}
        self.options = {**options_for(server, emulator), **OPTIONS, **fault.options}
        if ca_path:
            self.options["ca_path"] = ca_path
        given = {name: value for name, value in self.options.items() if value is not None}
        self.callers = callers_for(self.lab, server, names or fault.callers_at(server), given, 2, documents)
        for caller in self.callers:
            caller.prepare()
        self.surroundings = promises.Surroundings(self.lab, self.callers)
        good = [item.good for caller in self.callers for item in caller.items if item.good]
        self.watch = Watch(self.lab, good, **{"client secret": emulator.client_secret, **secrets})
        self._meetings = [Meeting(fault, caller, server, self.options["deadline"]) for caller in self.callers]

    def tasks(self, **keywords: Any) -> list[Task]:
        """A block with the tasks of each caller."""
        return [{"name": f"as {caller.name}", "block": [caller.task()], **keywords} for caller in self.callers]

    def run(self, tasks: Sequence[Task], environment: Mapping[str, str | None] | None = None, **keywords: Any) -> Run:
        """Run tasks, with the variables of all callers, and tell everything that there is to tell."""
        variables = {name: value for caller in self.callers for name, value in caller.variables().items()}
        keywords = {"vars": variables, "module_defaults": {}, **keywords}
        return self.lab.run(tasks, "-vvvvvv", "--diff", environment=environment, **keywords)

    def met(self, run: Run, *others: str) -> None:
        """Look at the run that met the fault; others are problems that the test found. The notes are made by heal."""
        shared = [*others, *promises.secrecy_problems(self.watch, self.lab, run), *self.surroundings.problems()]
        for meeting in self._meetings:
            meeting.met(run, shared)

    def heal(self, **keywords: Any) -> None:
        """Run again, without the fault, and note whether that puts things right; then fail if anything was wrong."""
        run = self.run(self.tasks(), **keywords)
        shared = promises.secrecy_problems(self.watch, self.lab, run) + self.surroundings.problems()
        for meeting in self._meetings:
            meeting.healed(run, shared, self.record)
        self.record.check()


@contextmanager
def file_system(directory: Path, size: str) -> Iterator[Path]:
    """A file system of its own, in memory, on this directory."""
    directory.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
