# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection plugin local, which also notes what goes over it, for tests."""

from __future__ import annotations

DOCUMENTATION = r"""
name: counted_local
short_description: Run on the controller, and note each command and transfer
description:
  - Does what P(ansible.builtin.local#connection) does, and appends one JSON object for each command and each transfer
    to the file that E(MSDEVICES_TEST_JOURNAL) names.
  - E(MSDEVICES_TEST_SPOIL), a number and a path with a colon between, lets the file of this path be overwritten when
    so many modules were executed.
  - E(MSDEVICES_TEST_VANISH), a JSON object, lets hosts vanish. A host leads to a list, the number of the module
    execution at which it does, from 1, and C(before) or C(after), which says whether the module still runs.
author: The msdevices.provisioning maintainers
version_added: 1.0.0
extends_documentation_fragment:
  - connection_pipelining
"""

import json
import os
import re
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as LocalConnection

# What Ansible runs a module by: a file of this name, or a script on standard input that names the module.
_MODULE_FILE = re.compile(r"AnsiballZ_(\w+)\.py")
_MODULE_SCRIPT = re.compile(rb"ansible_module='([\w.]+)'|'ansible_' \+ '([\w.]+)' \+ '_payload")


def _module(command: str, data: bytes | None) -> str:
    """The module that a command executes, or an empty text when it executes none."""
    if data:
        found = _MODULE_SCRIPT.search(data)
        return (found.group(1) or found.group(2)).decode().rpartition(".")[2] if found else "unknown"
    named = _MODULE_FILE.search(command)
    return named.group(1) if named and "chmod" not in command and "setfacl" not in command else ""


def _spoil() -> None:
    """Overwrite the file of E(MSDEVICES_TEST_SPOIL) when its time has come."""
    executions, found, path = os.environ.get("MSDEVICES_TEST_SPOIL", "").partition(":")
    if found:
        journal = Path(os.environ["MSDEVICES_TEST_JOURNAL"])
        lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
        if sum(bool(json.loads(line)["module"]) for line in lines) == int(executions):
            Path(path).write_text("spoilt", encoding="utf-8")


def _executed(host: str) -> int:
    """How many modules the host has executed."""
    lines = Path(os.environ["MSDEVICES_TEST_JOURNAL"]).read_text(encoding="utf-8").splitlines()
    return sum(line["host"] == host and bool(line["module"]) for line in map(json.loads, lines))


class Connection(LocalConnection):
    """Keys of a line: host, event (command, put, fetch), module (the one that a command executes)."""

    transport = "counted_local"

    def _note(self, event: str, module: str = "") -> None:
        line = {"host": self._play_context.remote_addr, "event": event, "module": module}
        # One short write: O_APPEND keeps lines of several forks apart.
        with open(os.environ["MSDEVICES_TEST_JOURNAL"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Any:
        """Run a command."""
        module = _module(cmd, in_data)
        if module:
            _spoil()
        self._note("command", module)
        host = self._play_context.remote_addr
        number, moment = json.loads(os.environ.get("MSDEVICES_TEST_VANISH", "{}")).get(host, (0, ""))
        vanishes = bool(module) and number == _executed(host)
        if vanishes and moment == "before":
            raise AnsibleConnectionFailure(f"the host {host} does not answer")
        answer = super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        if vanishes:
            raise AnsibleConnectionFailure(f"the host {host} does not answer any more")
        return answer

    def put_file(self, in_path: str, out_path: str) -> None:
        """Transfer a file to the host."""
        self._note("put")
        super().put_file(in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Transfer a file from the host."""
        self._note("fetch")
        super().fetch_file(in_path, out_path)
