# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a job in a container of the execution environment, as the automation controller does: by ansible-runner there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from containers import run_options
from emulator.client import Emulator

PRIVATE_DATA = "/runner"
"""Where the private data directory is in a container."""
PROJECT = Path(__file__).with_name("project")
_USER = 1000  # that of the image
_CONTAINER = "msdevices-execution-environment"
_SECONDS = 300


@dataclass(frozen=True)
class Job:
    """What a job did."""

    events: list[dict[str, Any]]
    """The events that ansible-runner kept, in order: ``event``, and ``event_data`` with what Ansible told of it."""
    output: str
    requests: list[dict[str, Any]]
    """The requests that reached the emulator."""

    def result(self, task: str) -> dict[str, Any]:
        """The result of the only task of this name, which went well."""
        results = [data["res"] for data in self._data("runner_on_ok") if data["task"] == task]
        assert len(results) == 1, self.output
        return dict(results[0])

    @property
    def actions(self) -> set[str]:
        """The full names of the modules and action plugins that ran on a host."""
        return {str(data.get("resolved_action")) for data in self._data("runner_on_ok")}

    @property
    def roles(self) -> set[str]:
        """The full names of the roles of which a task ran on a host."""
        return {str(data["resolved_role"]) for data in self._data("runner_on_ok") if data.get("resolved_role")}

    @property
    def plays(self) -> set[str]:
        """The names of the plays that began."""
        return {str(data["name"]) for data in self._data("playbook_on_play_start")}

    @property
    def recap(self) -> dict[str, Any]:
        """The statistics of the end, by kind and host."""
        return next(self._data("playbook_on_stats"))

    def _data(self, event: str) -> Iterator[dict[str, Any]]:
        return (item["event_data"] for item in self.events if item["event"] == event)


class Controller:
    """Gives jobs to containers of an image, each with a new private data directory.

    Between jobs, only the directory `work` stays: what a managed host would keep.
    """

    def __init__(self, image: str, directory: Path, emulator: Emulator, credentials: Mapping[str, str]) -> None:
        self._image = image
        self._directory = directory
        self._emulator = emulator
        self._credentials = credentials
        self._jobs = 0
        self.work = directory / "work"
        self.work.mkdir(mode=0o755)
        os.chown(self.work, _USER, 0)

    def run(self, imports: Mapping[str, Mapping[str, Any]], variables: Mapping[str, Any]) -> Job:
        """Run a playbook that does nothing but import others, each with variables of its own; it has to succeed.

        These are playbooks of the project, and those of collections by their full names. Controllers can only be given
        a playbook of the project.
        """
        self._jobs += 1
        private = self._private_data(variables)
        plays = [
            {"name": f"Import {name}", "import_playbook": name, "vars": values} for name, values in imports.items()
        ]
        (private / "project" / "job.yml").write_text(json.dumps(plays), encoding="utf-8")
        before = max((item["id"] for item in self._emulator.requests()), default=0)
        command = ["ansible-runner", "run", PRIVATE_DATA, "--playbook", "job.yml", "--ident", "job"]
        output = in_container(
            self._image, *command, volumes={private: PRIVATE_DATA, self.work: f"{PRIVATE_DATA}/{self.work.name}"}
        )
        events = [json.loads(path.read_text("utf-8")) for path in private.glob("artifacts/job/job_events/*.json")]
        return Job(
            events=sorted(events, key=lambda event: int(event["counter"])),
            output=output,
            requests=self._emulator.requests(after=before),
        )

    def _private_data(self, variables: Mapping[str, Any]) -> Path:
        private = self._directory / f"job{self._jobs}"
        shutil.copytree(PROJECT, private / "project")
        # The authorities that the emulator's certificates are of, as a file of the job.
        shutil.copy(self._emulator.both_ca_path, private / "ca.pem")
        host = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        contents = {
            "env/envvars": self._credentials,
            "env/extravars": {**variables, "work": f"{PRIVATE_DATA}/{self.work.name}"},
            "inventory/hosts.json": {"build_hosts": {"hosts": {"build1": host}}},
        }
        for name, content in contents.items():
            path = private / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(content), encoding="utf-8")
        for path in (private, *private.rglob("*")):
            os.chown(path, _USER, 0)
        return private


def in_container(
    image: str,
    *command: str,
    volumes: Mapping[Path, str] | None = None,
    more: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a command in a new container with the network of this machine; return what it wrote to stdout.

    Nothing remains of the container. Raises AssertionError with all output when the command fails.

    :param more: options of C(podman run).
    :param environment: variables for podman, which options may pass on.
    """
    mounts = [f"--volume={source}:{target}" for source, target in (volumes or {}).items()]
    options = ["--rm", f"--name={_CONTAINER}", "--network=host", "--pull=never", "--stop-signal=9", *more]
    try:
        process = subprocess.run(
            ["podman", "run", *options, *run_options(), *mounts, image, *command],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    finally:
        remove_container()
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def remove_container() -> None:
    """Remove the container, if one is left over."""
    subprocess.run(["podman", "rm", "--force", "--ignore", "--time=0", _CONTAINER], check=True, capture_output=True)
