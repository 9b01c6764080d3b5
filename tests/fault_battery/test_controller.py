# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of the controller: its network settings, its temporary directory, its users, and a second run."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from emulator.client import Emulator
from integration_playbooks.proxies import Proxy, closed_port
from integration_playbooks.watch import Watch

from . import promises
from .callers import HOST
from .faults import ROLE, STORE, Fault
from .record import Record
from .table import row
from .trial import Trial, file_system

_NOBODY = 65534
# Reads everything, as root does, and writes nothing that is not its own.
_AS_NOBODY = [
    *("setpriv", "--reuid", str(_NOBODY), "--regid", str(_NOBODY), "--clear-groups"),
    *("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"),
]


class _Trials:
    """What every trial needs, in one fixture."""

    def __init__(self, directory: Path, emulator: Emulator, documents: Mapping[str, bytes], record: Record) -> None:
        self.directory, self.emulator, self._documents, self._record = directory, emulator, documents, record
        self._count = 0

    def trial(self, fault: Fault, server: str = STORE, **others: Any) -> Trial:
        """A trial in a directory of its own."""
        self._count += 1
        directory = self.directory / str(self._count)
        return Trial(fault, directory, self.emulator, self._documents, self._record, server, **others)


@pytest.fixture
def new(tmp_path: Path, emulator: Emulator, documents: Mapping[str, bytes], record: Record) -> _Trials:
    """Makes trials."""
    return _Trials(tmp_path, emulator, documents, record)


def _cells(*names: str) -> list[Any]:
    return [
        pytest.param(
            row(name),
            server,
            id=f"{name}-{server.replace(' ', '_')}",
            marks=[pytest.mark.quick] if row(name).quick else [],
        )
        for name in names
        for server in row(name).servers
    ]


def _play(name: str) -> Any:
    return pytest.mark.parametrize(("fault", "server"), _cells(name))


@_play("two-runs")
def test_two_runs_at_once(fault: Fault, server: str, new: _Trials) -> None:
    first, second = new.trial(fault, server), new.trial(fault, server)
    for mine, other in zip(first.callers, second.callers, strict=True):
        for path in other.place.iterdir():
            path.unlink()
        other.place.rmdir()
        other.place.symlink_to(mine.place)
    new.emulator.latency(30, "store")
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda trial: trial.run(trial.tasks()), (first, second)))
    new.emulator.latency(0)
    # Both ask for all of it, if neither was so slow that it found what the other had staged.
    for trial, run in zip((first, second), runs, strict=True):
        outcomes = [caller.outcome(run) for caller in trial.callers]
        problems = [outcome.message for outcome in outcomes if outcome.failed]
        problems += promises.secrecy_problems(trial.watch, trial.lab, run)
        for caller, outcome in zip(first.callers, outcomes, strict=True):
            found = problems + caller.problems(outcome) + first.surroundings.problems()
            trial.record.tried(fault, caller.name, server, found)
    idle = first.run(first.tasks())
    assert [entry for entry in idle.requests if entry["method"] == "POST"] == []
    assert all(set(caller.outcome(idle).states) == {"unchanged"} for caller in first.callers)
    first.heal()


def _by_command(task: dict[str, Any]) -> dict[str, Any]:
    """Let values reach the host without a file of Ansible's own on the controller."""
    if "block" in task:
        return {**task, "block": [_by_command(one) for one in task["block"]]}
    task = dict(task)
    copy = task.pop("ansible.builtin.copy", None)
    if copy is None:
        return task
    argv = ["dd", f"of={copy['dest']}", "status=none"]
    command = {"argv": argv, "stdin": copy["content"], "stdin_add_newline": False}
    return {**task, "ansible.builtin.command": command, "no_log": True}


def _prepared(trial: Trial, command: str) -> list[dict[str, Any]]:
    """Tasks before which Ansible has packed its modules, into the temporary directory, and has run a command."""
    caller = trial.callers[0]
    first = []
    if trial.server == STORE:
        staged = {"licenses": [item.wanted for item in caller.items[: caller.staged]], "dest": str(caller.place)}
        first = [trial.lab.task("pack", **{**caller.options, **staged})]
    spoil = {"name": "spoil", "ansible.builtin.shell": command}
    return [*first, spoil, *(_by_command(task) for task in trial.tasks())]


@_play("cache-full")
def test_full_temporary_directory(fault: Fault, server: str, new: _Trials) -> None:
    trial = new.trial(fault, server)
    with file_system(new.directory / "small", "64k") as place:
        (place / "filler").write_bytes(b"\0" * (os.statvfs(place).f_bavail * os.statvfs(place).f_bsize))
        trial.met(trial.run(trial.tasks(), {"TMPDIR": str(place), "ANSIBLE_LOCAL_TEMP": str(place)}))
    trial.heal()


@pytest.mark.parametrize(("fault", "server"), _cells("cache-filled", "cache-read-only"))
def test_run_cache_that_cannot_be_written(fault: Fault, server: str, new: _Trials) -> None:
    trial = new.trial(fault, server)
    with file_system(new.directory / "small", "4m") as place:
        spoil = (
            f"cat /dev/zero > {place}/filler; true" if fault.id == "cache-filled" else f"mount -o remount,ro {place}"
        )
        run = trial.run(_prepared(trial, spoil), {"ANSIBLE_LOCAL_TEMP": str(place)})
        assert "The run cache cannot be" in run.output
        trial.met(run, *trial.watch.findings("the temporary directory", _content(place)))
    trial.heal()


def _content(directory: Path) -> str:
    files = [path for path in directory.rglob("*") if path.is_file() and path.name != "filler"]
    return "".join(path.read_bytes().decode("latin-1") for path in files)


def test_no_temporary_directory_at_all(new: _Trials) -> None:
    """Ansible itself does not start then, and says so."""
    trial = new.trial(row("cache-read-only"))
    with file_system(new.directory / "small", "256k") as place:
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        run = trial.run(trial.tasks(), {"TMPDIR": str(place), "ANSIBLE_LOCAL_TEMP": str(place)})
    assert run.status != 0
    assert run.requests == []
    assert str(place) in run.output
    assert "Read-only file system" in run.output
    assert trial.watch.findings("the output", run.output) + trial.watch.files() == []


@_play("proxy")
def test_proxy(fault: Fault, server: str, new: _Trials) -> None:
    with Proxy().serving() as proxy:
        trial = new.trial(fault, server, proxy_password=proxy.password)
        run = trial.run(trial.tasks(), {"HTTPS_PROXY": proxy.url})
        problems = [] if len(proxy.asked) == run.connections else [f"{len(proxy.asked)} of {run.connections} tunnels"]
        trial.met(run, *problems)
        proxy.asked.clear()
        around = new.trial(fault, server, proxy_password=proxy.password)
        run = around.run(around.tasks(), {"https_proxy": proxy.url, "NO_PROXY": "other.example,localhost"})
        around.met(run, *(["the proxy was asked"] if proxy.asked else []))
        trial.heal()
        around.heal()


@_play("proxy-dead")
def test_dead_proxy(fault: Fault, server: str, new: _Trials) -> None:
    password = "canary-of-the-proxy"
    trial = new.trial(fault, server, proxy_password=password)
    run = trial.run(trial.tasks(), {"HTTPS_PROXY": f"http://builder:{password}@127.0.0.1:{closed_port()}"})
    trial.met(run)
    trial.heal()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@_play("other-ca-bundle")
def test_other_ca_bundle(fault: Fault, server: str, variable: str, new: _Trials) -> None:
    trial = new.trial(fault, server)
    trial.met(trial.run(trial.tasks(), {variable: new.emulator.other_ca_path}))
    trial.heal()


@_play("ca-bundle-gone")
def test_ca_bundle_that_is_not_there(fault: Fault, server: str, new: _Trials) -> None:
    trial = new.trial(fault, server)
    trial.met(trial.run(trial.tasks(), {"REQUESTS_CA_BUNDLE": str(new.directory / "gone.pem")}))
    trial.heal(environment={"REQUESTS_CA_BUNDLE": new.emulator.ca_path})


@_play("task-environment")
def test_environment_of_a_task(fault: Fault, server: str, new: _Trials) -> None:
    for name in fault.callers:
        with Proxy().serving() as proxy:
            trial = new.trial(fault, server, names=(name,), proxy_password=proxy.password)
            if name == ROLE:
                # Ansible hands the environment to its own modules, and shows it at -vvv.
                trial.watch = Watch(trial.lab, [item.good for item in trial.callers[0].items])
            credentials = trial.lab.environment
            trial.lab.environment = {"HTTPS_PROXY": f"http://127.0.0.1:{closed_port()}"}
            variables = {**credentials, "https_proxy": "{{ way_out }}", "MSDEVICES_TEST_GREETING": "hello"}
            run = trial.run(trial.tasks(environment=variables), vars={"way_out": proxy.url})
            problems = []
            if len(proxy.asked) != run.connections or not proxy.asked:
                problems.append(f"{len(proxy.asked)} of {run.connections} connections go by the proxy")
            if "MSDEVICES_TEST_GREETING=hello" not in run.output:
                problems.append("the host did not get the rest of the environment")
            trial.met(run, *problems)
            trial.lab.environment = credentials
            trial.heal()


@_play("task-environment-lookup")
def test_environment_of_a_task_with_a_lookup(fault: Fault, server: str, new: _Trials) -> None:
    trial = new.trial(fault, server)
    environment = {"HTTPS_PROXY": f"http://127.0.0.1:{closed_port()}", "AZURE_TENANT_ID": "nobody.example"}
    trial.met(trial.run(trial.tasks(environment=environment)))
    trial.heal()


@_play("become")
def test_become(fault: Fault, server: str, new: _Trials) -> None:
    trial = new.trial(fault, server)
    new.directory.chmod(0o711)
    for caller in trial.callers:
        os.chown(caller.place, _NOBODY, _NOBODY)
        for path in caller.place.iterdir():
            os.chown(path, _NOBODY, _NOBODY)
    for name in ("hosts", f"hosts/{HOST}", f"hosts/{HOST}/stage"):
        (trial.lab.directory / name).chmod(0o711)
    trial.lab.directory.chmod(0o711)
    trial.surroundings = promises.Surroundings(trial.lab, trial.callers)
    become = {
        "become": True,
        "become_user": "nobody",
        "become_method": "ansible.builtin.su",
        "become_flags": "-s /bin/sh",
    }
    variables = {
        **{name: value for caller in trial.callers for name, value in caller.variables().items()},
        # That of the tests may lie where only its owner can look.
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_remote_tmp": "/nonexistent/ansible",
        "ansible_connection": "ansible.builtin.local",
    }
    started = time.time()
    run = trial.run(trial.tasks(), vars=variables, **become)
    left = [f"{path} is left" for path in Path("/var/tmp").glob("ansible-tmp-*") if path.stat().st_mtime > started]
    trial.met(run, *_of_others(trial), *left)
    trial.heal(vars=variables, **become)


def _of_others(trial: Trial) -> list[str]:
    paths = [path for caller in trial.callers for path in caller.place.iterdir()]
    return [f"{path} belongs to {path.stat().st_uid}" for path in paths if path.stat().st_uid != _NOBODY]


@_play("home-read-only")
def test_home_that_cannot_be_written_to(fault: Fault, server: str, new: _Trials) -> None:
    new.directory.chmod(0o711)
    authority = new.directory / "ca.pem"
    shutil.copyfile(new.emulator.ca_path, authority)
    trial = new.trial(fault, server, ca_path=str(authority))
    for path in (trial.lab.directory, *trial.lab.directory.rglob("*")):
        if path != trial.lab.home and trial.lab.home not in path.parents:
            os.chown(path, _NOBODY, _NOBODY)
    trial.lab.started_by = _AS_NOBODY
    environment = {"ANSIBLE_HOME": str(trial.lab.directory / "ansible")}
    run = trial.run(trial.tasks(), environment)
    problems = [f"{path} is in the home" for path in trial.lab.home.rglob("*")]
    trial.met(run, *problems, *_of_others(trial))
    trial.heal(environment=environment)
