# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs small plays against played Windows hosts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from windows_standin.harness import WindowsHosts

_CALLBACKS = Path(__file__).resolve().parent / "callback_plugins"


@dataclass(frozen=True)
class Outcome:
    """``results``: by host and name of the task; each has ``state`` and ``result``."""

    status: int
    output: str
    results: dict[tuple[str, str], dict[str, Any]]

    def ok(self, host: str, task: str) -> dict[str, Any]:
        """The result of a task that went well."""
        outcome = self.results[host, task]
        assert outcome["state"] == "ok", outcome
        return outcome["result"]

    def failure(self, host: str, task: str) -> str:
        """The message of a task that failed."""
        outcome = self.results[host, task]
        assert outcome["state"] == "failed", outcome
        return outcome["result"]["msg"]


Runner = Callable[..., Outcome]


def run_play(directory: Path, hosts: WindowsHosts, tasks: dict[str, dict[str, Any]], *options: str) -> Outcome:
    """Run tasks by name, every one of them whether or not those before failed."""
    listed = [{"name": name, "ignore_errors": True, **task} for name, task in tasks.items()]
    play = directory / "play.yml"
    play.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": listed}], sort_keys=False))
    inventory = directory / "inventory"
    inventory.write_text("\n".join(hosts.inventory_lines) + "\n")
    lines = directory / "results.jsonl"
    lines.unlink(missing_ok=True)
    run = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), str(play), *options],
        env={
            **hosts.environment(),
            "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "result_lines",
            "ANSIBLE_NOCOLOR": "1",
            "RESULT_LINES_FILE": str(lines),
        },
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    entries = [json.loads(line) for line in lines.read_text("utf-8").splitlines()] if lines.exists() else []
    results = {(entry["host"], entry["task"]): entry for entry in entries}
    return Outcome(run.returncode, run.stdout + run.stderr, results)


@pytest.fixture
def hosts(tmp_path: Path) -> WindowsHosts:
    """One Windows host, ``win1``."""
    return WindowsHosts(tmp_path, ["win1"])


@pytest.fixture
def play(tmp_path: Path, hosts: WindowsHosts) -> Runner:
    """Runs tasks on the host of the test."""

    def run(tasks: dict[str, dict[str, Any]], *options: str) -> Outcome:
        return run_play(tmp_path, hosts, tasks, *options)

    return run


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A local directory with three files, to be copied."""
    directory = tmp_path / "licenses"
    directory.mkdir()
    for number in (1, 2, 3):
        (directory / f"app{number}.xml").write_bytes(b"<License>%d</License>\r\n" % number * 20)
    return directory
