# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A place to run plays in: hosts, an environment without the user's own settings, and an account of what happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.catalog import LICENSING_PATH
from emulator.client import Emulator
from license_services import LicenseService
from windows_standin.harness import WindowsHosts

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODULE = "msdevices.provisioning.ms_offline_license"
MANIFEST = ".ms_offline_license.json"
STAGE = r"C:\stage"
"""Where Windows hosts of a lab stage their licenses."""
_BYTECODE = ROOT / ".build" / "host_bytecode"
_GROUP = "group/msdevices.provisioning.all"
_SECONDS = 150


@dataclass(frozen=True)
class Run:
    """What one run of ansible-playbook did."""

    status: int
    stdout: str
    stderr: str
    results: dict[tuple[str, str], dict[str, Any]]
    """By host and name of the task; each has ``state`` and ``result``."""
    journal: list[dict[str, Any]]
    """What went over the connections to Linux hosts."""
    requests: list[dict[str, Any]]
    """The requests that reached the emulator."""
    connections: int
    """The connections that were opened to the emulator, or tried."""
    sequence: list[dict[str, Any]] = field(default_factory=list)
    """The same in the order of time: tasks of a role that runs twice are told apart."""

    @property
    def output(self) -> str:
        """All that a user sees."""
        return self.stdout + self.stderr

    @property
    def token_requests(self) -> int:
        """How many tokens were asked for."""
        return sum(
            (item["method"] == "POST" and "/oauth2/v2.0/token" in item["path"]) or item["path"] == "/msi/token"
            for item in self.requests
        )

    @property
    def license_requests(self) -> int:
        """How many licenses were asked for."""
        return sum("/OfflineLicense/" in item["path"] or item["path"] == LICENSING_PATH for item in self.requests)

    @property
    def catalog_requests(self) -> int:
        """How many products the catalog was asked for."""
        return sum(item["listener"] == "catalog" for item in self.requests)

    def modules(self, host: str, name: str | None = None) -> int:
        """How many modules (or how often the one of this name) a Linux host executed."""
        return sum(
            item["host"] == host and bool(item["module"]) and name in (None, item["module"]) for item in self.journal
        )

    def traffic(self, host: str) -> Counter[str]:
        """How many commands and transfers a Linux host received, by kind."""
        return Counter(item["event"] for item in self.journal if item["host"] == host)

    def result(self, host: str, task: str) -> dict[str, Any]:
        """The result of a task, failed or not."""
        assert (host, task) in self.results, self.output
        return dict(self.results[host, task]["result"])

    def ok(self, host: str, task: str) -> dict[str, Any]:
        """The result of a task that went well."""
        result = self.result(host, task)
        assert self.results[host, task]["state"] == "ok", json.dumps(result, indent=1)
        return result

    def failed(self, host: str, task: str) -> dict[str, Any]:
        """The result of a task that failed."""
        result = self.result(host, task)
        assert self.results[host, task]["state"] == "failed", json.dumps(result, indent=1)
        assert "Traceback" not in result["msg"]
        return result

    def error(self, host: str, task: str) -> str:
        """The message of a task that failed."""
        return str(self.failed(host, task)["msg"])


class Lab:
    """Some Linux and Windows hosts, all played on this machine, and a directory in which everything of it lies.

    Hosts have the variable ``stage``, their directory for licenses, which exists. Licenses come from Store for Business
    unless another service is given.
    """

    def __init__(
        self,
        directory: Path,
        emulator: Emulator,
        linux: int | Sequence[str] = 1,
        windows: Sequence[str] = (),
        service: LicenseService | None = None,
    ) -> None:
        self.directory = directory
        self.emulator = emulator
        self.service = service or LicenseService(emulator)
        self.linux = [f"linux{number}" for number in range(1, linux + 1)] if isinstance(linux, int) else list(linux)
        self.windows = WindowsHosts(directory, windows)
        self.home = directory / "home"
        self.temporary = directory / "tmp"
        self._log = directory / "ansible.log"
        self._journal = directory / "journal.jsonl"
        self._results = directory / "results.jsonl"
        _BYTECODE.mkdir(parents=True, exist_ok=True)
        # Refresh tokens are only kept in private directories.
        directory.chmod(0o700)
        for path in (self.home, self.temporary, *(self.stage(host) for host in self.linux)):
            path.mkdir(parents=True)
        for host in windows:
            self.windows.mkdir(host, STAGE)
        #: Environment of every run, beside what isolates it: how to sign in.
        self.environment: dict[str, str] = self.service.environment
        #: What a play sets for every task of the collection.
        self.defaults: dict[str, Any] = self.service.options
        #: What ansible-playbook is started by, such as another user's command.
        self.started_by: list[str] = []
        self.inventory = directory / "inventory.json"
        self.inventory.write_text(json.dumps(self._inventory()), encoding="utf-8")

    def stage(self, host: str) -> Path:
        """The directory of a Linux host for licenses."""
        return self.directory / "hosts" / host / "stage"

    def files(self, host: str) -> dict[str, bytes]:
        """What lies in a host's directory for licenses, by name, without the manifest."""
        if host in self.linux:
            found = {path.name: path.read_bytes() for path in self.stage(host).iterdir()}
        else:
            found = {name[len(STAGE) + 1 :]: data for name, data in self.windows.tree(host, STAGE).items()}
        return {name: data for name, data in found.items() if name != MANIFEST}

    def task(self, name: str = "stage", **options: Any) -> dict[str, Any]:
        """A task of the module, with dest unless it is given (none: without)."""
        options.setdefault("dest", "{{ stage }}")
        return {"name": name, MODULE: {key: value for key, value in options.items() if value is not None}}

    def play(self, tasks: Iterable[Mapping[str, Any]], **keywords: Any) -> dict[str, Any]:
        """A play of these tasks on all hosts."""
        return {
            "hosts": "all",
            "gather_facts": False,
            "module_defaults": {_GROUP: self.defaults},
            **keywords,
            "tasks": list(tasks),
        }

    def run(
        self,
        tasks: Iterable[Mapping[str, Any]],
        *arguments: str,
        environment: Mapping[str, str | None] | None = None,
        **keywords: Any,
    ) -> Run:
        """Run tasks in one play on all hosts; keywords are those of the play."""
        return self.run_plays([self.play(tasks, **keywords)], *arguments, environment=environment)

    def run_plays(
        self,
        plays: list[dict[str, Any]] | str,
        *arguments: str,
        environment: Mapping[str, str | None] | None = None,
    ) -> Run:
        """Run plays, or the playbook of this full name, and wait for the end.

        :param arguments: for ansible-playbook.
        :param environment: more variables; those that are none are taken out.
        """
        self.forget()
        before, connections = self._last_request(), self._connections()
        process = self.start(plays, *arguments, environment=environment)
        try:
            stdout, stderr = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        sequence = _lines(self._results)
        return Run(
            status=process.returncode,
            stdout=stdout,
            stderr=stderr,
            results={(item["host"], item["task"]): item for item in sequence},
            journal=_lines(self._journal),
            requests=self.emulator.requests(after=before),
            connections=self._connections() - connections,
            sequence=sequence,
        )

    def start(
        self,
        plays: list[dict[str, Any]] | str,
        *arguments: str,
        environment: Mapping[str, str | None] | None = None,
    ) -> subprocess.Popen[str]:
        """Start ansible-playbook, in a process group of its own."""
        playbook = plays if isinstance(plays, str) else str(self.directory / "play.json")
        if not isinstance(plays, str):
            Path(playbook).write_text(json.dumps(plays, indent=1), encoding="utf-8")
        variables = {**self._isolated(), **self.environment, **(environment or {})}
        return subprocess.Popen(
            [
                *self.started_by,
                *(str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.inventory), playbook),
                *arguments,
            ],
            env={name: value for name, value in variables.items() if value is not None},
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def forget(self) -> None:
        """Forget what earlier runs did, on hosts and in the log."""
        for path in (self._log, self._journal, self._results):
            path.unlink(missing_ok=True)
        self.windows.forget()

    @property
    def log(self) -> str:
        """The log file of the last run."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def _inventory(self) -> dict[str, Any]:
        linux = {
            host: {
                "ansible_connection": "counted_local",
                "ansible_host": host,
                "ansible_python_interpreter": sys.executable,
                "ansible_remote_tmp": str(self.directory / "hosts" / host / "ansible"),
                "stage": str(self.stage(host)),
            }
            for host in self.linux
        }
        windows = {
            host: {**self.windows.host_vars, "ansible_host": host, "stage": STAGE} for host in self.windows.names
        }
        return {"linux": {"hosts": linux}, "windows": {"hosts": windows}}

    def _isolated(self) -> dict[str, str]:
        """An environment that has nothing of the user's but the way to programs."""
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            **self.windows.env,
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "ANSIBLE_HOME": str(self.home / ".ansible"),
            "ANSIBLE_CONFIG": str(ROOT / "tests" / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
            "ANSIBLE_CONNECTION_PLUGINS": os.pathsep.join(
                [str(HERE / "connection_plugins"), self.windows.env["ANSIBLE_CONNECTION_PLUGINS"]]
            ),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_results",
            "ANSIBLE_LOG_PATH": str(self._log),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "MSDEVICES_TEST_RESULTS": str(self._results),
            "MSDEVICES_TEST_JOURNAL": str(self._journal),
            "PYTHONPATH": os.pathsep.join([str(HERE / "host_python"), self.windows.env["PYTHONPATH"]]),
            "MSDEVICES_TEST_BYTECODE": str(_BYTECODE),
        }

    def _last_request(self) -> int:
        return max((item["id"] for item in self.emulator.requests()), default=0)

    def _connections(self) -> int:
        return sum(
            counts["connections"] + counts["failed_handshakes"]
            for name, counts in self.emulator.stats().items()
            if name != "control"
        )


def run_by_python(lab: Lab, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """The answer of a module that Python runs from its file."""
    arguments = lab.directory / "arguments.json"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}), encoding="utf-8")
    process = subprocess.run(
        [sys.executable, "-m", f"ansible_collections.msdevices.provisioning.plugins.modules.{name}", str(arguments)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / ".build" / "collections"), "HOME": str(lab.home)},
        cwd=lab.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    answer = json.loads(process.stdout)
    assert isinstance(answer, dict)
    return answer


def default_name(license_ids: Mapping[str, str], license_format: str = "xml") -> str:
    """The name that a license file has by default."""
    stem = "{product_id}_{sku_id}_{content_id}".format(**license_ids)
    return f"{stem}.bin" if license_format == "base64" else f"{stem}_License1.xml"


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
