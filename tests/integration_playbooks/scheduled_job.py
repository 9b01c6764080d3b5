# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs jobs as an automation controller does: ansible-runner, a private data directory for each job, no terminal."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import controller_rules as rules

from .guides import blocks
from .harness import STAGE, Lab

GUIDE = "guide_automation_controller"
_PROJECT = ("stage_offline_licenses.yml", "collections/requirements.yml")
(TEMPLATE,) = rules.objects()["controller_templates"]
_SURVEY = rules.rendered(TEMPLATE["survey_spec"], rules.objects())
_SECONDS = 240
_INVENTORY = "inventory.yml"
#: Below it no directory can be made, not even by root.
UNWRITABLE = "/dev/null/home"

#: Gets the private data directory, and returns environment variables.
Injector = Callable[[Path], Mapping[str, str]]


@dataclass(frozen=True)
class Job:
    """What a job did, and what it left."""

    directory: Path
    """The artifacts."""
    status: str
    stdout: str
    events: list[dict[str, Any]]
    requests: list[dict[str, Any]]
    """The requests that reached the emulator."""
    connections: int
    """The connections that were opened to the emulator, or tried."""

    @property
    def changed(self) -> dict[str, list[str]]:
        """The names of the tasks that changed something, by host."""
        changed: dict[str, list[str]] = {}
        for item in self.events:
            if item["event"] == "runner_on_ok" and item["event_data"]["res"].get("changed"):
                changed.setdefault(item["event_data"]["host"], []).append(item["event_data"]["task"])
        return changed

    @property
    def failures(self) -> dict[str, str]:
        """The message of what failed, by host."""
        return {
            item["event_data"]["host"]: str(item["event_data"]["res"]["msg"])
            for item in self.events
            if item["event"] == "runner_on_failed" and not item["event_data"].get("ignore_errors")
        }


def group_variables(kind: str) -> dict[str, Any]:
    """The variables that the guide gives to the group of the Linux or the Windows hosts."""
    (block,) = (one for one in blocks(GUIDE) if one.caption == _INVENTORY)
    return dict(block.document["image_builders"]["children"][f"{kind}_builders"]["vars"])


class Controller:
    """Starts jobs of the template in playbooks/vars/automation_controller.yml on the hosts of a lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._jobs = 0
        #: What stands in the job template beside the survey: how to reach the emulator.
        self.extra_vars: dict[str, Any] = {
            "offline_licenses_authority": lab.emulator.entra,
            **{f"offline_licenses_{name}": value for name, value in lab.defaults.items() if name != "service"},
        }
        #: The survey of the job template.
        self.survey: dict[str, Any] = copy.deepcopy(_SURVEY)
        #: What a job answers where it is not told otherwise.
        self.answers: dict[str, Any] = {"offline_licenses_service": lab.service.name}

    def question(self, variable: str) -> dict[str, Any]:
        """A question of the survey, to be changed."""
        (found,) = (item for item in self.survey["spec"] if item["variable"] == variable)
        assert isinstance(found, dict)
        return found

    def run(
        self,
        answers: Mapping[str, Any],
        inject: Injector = lambda _directory: {},
        home: str | None = None,
        verbosity: int = 0,
        **envvars: str,
    ) -> Job:
        """Run a job to its end.

        :param answers: those to the survey; where there is none, the job gets the survey's default.
        :param inject: what the job's credential does.
        :param home: the value of HOME, a new empty directory if there is none.
        :param verbosity: that of the job template.
        :param envvars: further variables, as an administrator sets them for all jobs.
        """
        self._jobs += 1
        private = self._lab.directory / f"job{self._jobs}"
        new_home = self._lab.directory / f"home{self._jobs}"
        for path in (new_home, *(private / name for name in ("project", "inventory", "env"))):
            path.mkdir(parents=True)
        self._write_project(private / "project")
        (private / "inventory" / "hosts.json").write_text(json.dumps(self._inventory()), encoding="utf-8")
        environment = {**self._job_environment(), **inject(private), **envvars}
        variables = rules.job_variables(self.extra_vars, self.survey, {**self.answers, **answers})
        _write_private(private / "env" / "extravars", rules.extra_vars_text(variables, self.extra_vars))
        _write_private(private / "env" / "envvars", json.dumps(environment))
        _write_private(private / "env" / "settings", json.dumps({"idle_timeout": 120, "job_timeout": 200}))
        if verbosity:
            _write_private(private / "env" / "cmdline", f"-{'v' * verbosity}")
        before, connections = self._lab._last_request(), self._lab._connections()
        self._execute(private, home or str(new_home))
        artifacts = private / "artifacts" / str(self._jobs)
        return Job(
            directory=artifacts,
            status=(artifacts / "status").read_text(encoding="utf-8"),
            stdout=(artifacts / "stdout").read_text(encoding="utf-8"),
            events=[
                json.loads(path.read_text(encoding="utf-8"))
                for path in sorted(
                    (artifacts / "job_events").glob("*.json"), key=lambda one: int(one.name.split("-")[0])
                )
            ],
            requests=self._lab.emulator.requests(after=before),
            connections=self._lab._connections() - connections,
        )

    def _execute(self, private: Path, home: str) -> None:
        runner = Path(sys.executable).with_name("ansible-runner")
        command = [str(runner), "run", str(private), "--playbook", TEMPLATE["playbook"], "--ident", str(self._jobs)]
        process = subprocess.Popen(
            # Standard input is closed, not only empty.
            ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *command, "--quiet"],
            env={
                "PATH": os.environ["PATH"],
                "LANG": "C.UTF-8",
                "HOME": home,
                "TMPDIR": str(self._lab.temporary),
            },
            cwd=private,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # No terminal of its own either.
            start_new_session=True,
        )
        try:
            output, _nothing = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        assert (private / "artifacts" / str(self._jobs) / "status").exists(), output

    def _inventory(self) -> dict[str, Any]:
        """That of the lab, whose groups say where licenses go, as those of the guide do."""
        inventory: dict[str, Any] = json.loads(self._lab.inventory.read_text(encoding="utf-8"))
        # The Linux hosts of a lab share a disk.
        for group, directory in (("linux", "{{ stage }}"), ("windows", STAGE)):
            assert "offline_licenses_dest" in group_variables(group)
            inventory[group]["vars"] = {"offline_licenses_dest": directory}
        # On which the playbook runs.
        inventory["image_builders"] = {"children": {"linux": {}, "windows": {}}}
        return inventory

    def _job_environment(self) -> dict[str, str]:
        """What controllers set, and the lab's plugins."""
        isolated = self._lab._isolated()
        ours = ("ANSIBLE_CONFIG", "ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_CONNECTION_PLUGINS", "MSDEVICES_TEST_JOURNAL")
        return {
            **self._lab.windows.env,
            **{name: isolated[name] for name in ours},
            "ANSIBLE_FORCE_COLOR": "False",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_UNSAFE_WRITES": "1",
            "JOB_ID": str(self._jobs),
            "INVENTORY_ID": "1",
            "MAX_EVENT_RES": "700000",
        }

    @staticmethod
    def _write_project(directory: Path) -> None:
        """The project is what the guide shows."""
        for block in blocks(GUIDE):
            if block.caption in _PROJECT:
                path = directory / block.caption
                path.parent.mkdir(exist_ok=True)
                path.write_text(block.text, encoding="utf-8")


def _write_private(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
