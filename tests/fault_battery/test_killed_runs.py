# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are killed at random moments: no file is partial or wrong, none is lost, and the next run heals."""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import signal
import ssl
import stat
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from emulator.client import Emulator
from integration_playbooks.harness import MANIFEST, Lab, default_name
from integration_playbooks.test_interruption import TEMPORARY, end_all, processes_of
from integration_playbooks.watch import Watch

from . import promises
from .callers import HOST, Caller, Item, Lookup, Module, Role, options_for
from .faults import LOOKUP, MODULE, ROLE, STORE, Fault
from .record import Record
from .table import row

_LICENSES = 200
_STAGED = 100
_KILLS = 5
_SECONDS = 60
_KINDS: dict[str, type[Caller]] = {MODULE: Module, ROLE: Role, LOOKUP: Lookup}
# How many series of kills each caller is put to.
_SERIES = {
    "killed": {MODULE: 7, LOOKUP: 2, ROLE: 1},
}


# An empty file that is locked while the directory changes. A killed run leaves it, and no lock on it.
_LOCK = ".ms_offline_license.lock"


@dataclass(frozen=True)
class Issues:
    """The licenses in two issues, in the order in which they are asked for."""

    old: list[Item]
    new: list[Item]


@pytest.fixture(scope="session")
def issues(running_emulator: Emulator) -> Issues:
    """The documents of both issues, as the emulator hands them out."""
    running_emulator.reset()
    old = _issue(running_emulator)
    running_emulator.reissue()
    return Issues(old, _issue(running_emulator))


def _issue(emulator: Emulator) -> list[Item]:
    address = urlsplit(emulator.store)
    context = ssl.create_default_context(cafile=emulator.ca_path)
    connection = http.client.HTTPSConnection(address.hostname or "", address.port, context=context, timeout=30)
    items = []
    for ids in emulator.licenses(_LICENSES):
        path = "/V1/Products/{product_id}/{sku_id}/OfflineLicense/{content_id}".format(**ids)
        token = {"Authorization": f"Bearer {emulator.access_tokens['store']}", "Content-Length": "0"}
        connection.request("POST", path, headers=token)
        document = base64.b64decode(json.load(connection.getresponse())["licenseBlob"])
        items.append(Item(ids, ids["content_id"], (ids["product_id"],), default_name(ids), document))
    connection.close()
    return items


_lengths: dict[str, float] = {}


@pytest.fixture
def length(issues: Issues, tmp_path: Path, emulator: Emulator) -> Callable[[str], float]:
    """Measures, once in each process, how many seconds a run takes that nobody kills."""

    def measure(kind: str) -> float:
        if kind not in _lengths:
            lab = _lab(tmp_path / "measure", emulator)
            caller = _caller(lab, kind, "whole", issues)
            start = time.monotonic()
            run = lab.run([caller.task()], vars=caller.variables(), module_defaults={})
            _lengths[kind] = time.monotonic() - start
            assert run.status == 0, run.output
        return _lengths[kind]

    return measure


def _lab(directory: Path, emulator: Emulator) -> Lab:
    lab = Lab(directory, emulator)
    lab.defaults = {}
    return lab


def _caller(lab: Lab, kind: str, name: str, issues: Issues) -> Caller:
    """A caller that finds the old issue in place, of half of the licenses, and fetches the new one of all."""
    options = options_for(STORE, lab.emulator)
    if kind != LOOKUP:
        options["force"] = True
    caller = _KINDS[kind](lab, STORE, issues.new, options, staged=_STAGED)
    caller.name = name
    caller.place.mkdir()
    for file, data in _old(kind, issues).items():
        (caller.place / file).write_bytes(data)
    return caller


def _old(kind: str, issues: Issues) -> dict[str, bytes]:
    if kind == LOOKUP:
        return {"licenses": b"".join(item.good for item in issues.old)}
    return {item.file: item.good for item in issues.old[:_STAGED]}


def _new(kind: str, issues: Issues) -> dict[str, bytes]:
    if kind == LOOKUP:
        return {"licenses": b"".join(item.good for item in issues.new)}
    return {item.file: item.good for item in issues.new}


def _series() -> list[Any]:
    return [
        pytest.param(row(fault), kind, number, id=f"{fault}-{kind}-{number}")
        for fault, kinds in _SERIES.items()
        for kind, count in kinds.items()
        for number in range(count)
    ]


@pytest.mark.parametrize(("fault", "kind", "number"), _series())
def test_killed(
    fault: Fault,
    kind: str,
    number: int,
    tmp_path: Path,
    emulator: Emulator,
    issues: Issues,
    length: Callable[[str], float],
    record: Record,
) -> None:
    """Five runs are killed, spread over the length of a run, one of them while files change; then one run heals all."""
    emulator.reissue()
    dice = random.Random(f"{fault} {kind} {number}")
    seconds = length(kind)
    old, new = _old(kind, issues), _new(kind, issues)
    lab = _lab(tmp_path / "s", emulator)
    secret = {"client secret": emulator.client_secret}
    # Some of them stand for all, since each is searched for in every file. What becomes of a lookup's value is up to
    # Ansible, which sends files by way of temporary ones.
    documents = [] if kind == LOOKUP else [item.good for item in (*issues.old[::20], *issues.new[::20])]
    watch = Watch(lab, documents, **secret)
    callers: list[Caller] = []
    problems: list[str] = []
    while len(callers) < _KILLS:
        share = (len(callers) + dice.random()) / _KILLS
        caller = _caller(lab, kind, f"{kind}{len(callers)}", issues)
        surroundings = promises.Surroundings(lab, [*callers, caller])
        files = dice.randrange(1, _LICENSES) if len(callers) == _KILLS - 1 and kind != LOOKUP else 0
        tries = 1
        while not _kill(lab, caller, seconds * share, files, watch, problems):
            # It had ended before: the machine is faster now. The next try comes sooner.
            share *= 0.7
            files = files // 2
            _restore(caller, old)
            tries += 1
            assert tries < 10, "every run ends before it is killed"
        damaged = _damaged(caller, old, new)
        record.figure("SIGKILL runs", 1)
        record.figure("SIGKILL runs with a damaged file", float(bool(damaged)))
        if kind != LOOKUP:
            replaced = sum(path.read_bytes() == new[path.name] for path in caller.place.glob("*.xml"))
            record.figure("SIGKILL runs with some of the files written", float(0 < replaced < _LICENSES))
        problems += damaged + surroundings.problems() + watch.files() + _readable(lab)
        callers.append(caller)
    record.tried(fault, kind, STORE, problems)

    healed = lab.run(
        [caller.task() for caller in callers],
        vars=callers[0].variables(),
        module_defaults={},
    )
    problems = [] if healed.status == 0 else [healed.output]
    for caller in callers:
        own = (MANIFEST, _LOCK)
        files_found = {path.name: path.read_bytes() for path in caller.place.iterdir() if path.name not in own}
        if files_found != new:
            problems.append(f"{caller.name} did not heal")
    record.healed(fault, kind, STORE, problems + watch.files())
    record.check()


def _kill(
    lab: Lab,
    caller: Caller,
    seconds: float,
    files: int,
    watch: Watch,
    problems: list[str],
) -> bool:
    """Start a run and kill it after so many seconds, or when so many files have changed; say whether it still ran."""
    before = _stamps(caller.place)
    start = time.monotonic()
    process = lab.start([lab.play([caller.task()], vars=caller.variables(), module_defaults={})])
    while process.poll() is None:
        if files:
            due = len(_stamps(caller.place) - before) >= files
            pause = 0.01
        else:
            due = time.monotonic() - start >= seconds
            pause = max(0.001, seconds - (time.monotonic() - start))
        if due:
            break
        try:
            # Keeps reading what it says.
            process.communicate(timeout=pause)
        except subprocess.TimeoutExpired:
            continue
    alive = process.poll() is None
    _end(lab, signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=_SECONDS)
    for text in (stdout, stderr, lab.log):
        problems += watch.findings("the output", text)
        problems += promises.traceback_problems(text)
    return alive


def _end(lab: Lab, number: signal.Signals) -> None:
    """End all processes, also those that are born meanwhile."""
    end = time.monotonic() + _SECONDS
    while list(processes_of(lab)):
        assert time.monotonic() < end, "processes of the run do not end"
        end_all(lab, number)
        time.sleep(0.005)


def _stamps(directory: Path) -> set[tuple[str, int]]:
    """Names and inodes: replacing a file gives it another."""
    with os.scandir(directory) as entries:
        return {(entry.name, entry.inode()) for entry in entries if entry.name.endswith(".xml")}


def _restore(caller: Caller, files: Mapping[str, bytes]) -> None:
    for path in caller.place.iterdir():
        path.unlink()
    for name, data in files.items():
        (caller.place / name).write_bytes(data)


def _damaged(caller: Caller, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[str]:
    """Files that are not whole, not right, lost, or not expected."""
    found = {path.name: path.read_bytes() for path in caller.place.iterdir()}
    manifest = found.pop(MANIFEST, b"{}")
    problems = [] if found.pop(_LOCK, b"") == b"" else ["the lock holds something"]
    leftovers = [name for name in found if name.startswith((TEMPORARY, ".ansible_tmp"))]
    problems += [f"{name} is lost" for name in old.keys() - found.keys()]
    problems += [
        f"{name} is damaged"
        for name in found.keys() - set(leftovers)
        if found[name] not in (old.get(name), new.get(name))
    ]
    if len(leftovers) > 1:
        problems.append(f"{leftovers} are left")
    try:
        json.loads(manifest)
    except ValueError:
        problems.append("the manifest is damaged")
    return problems


def _readable(lab: Lab) -> list[str]:
    """What is left of runs, and everybody can read: the user's temporary directories, and unfinished files."""
    left = [*(lab.home / ".ansible" / "tmp").glob("*"), *(lab.stage(HOST).with_name("ansible")).glob("*")]
    left += lab.stage(HOST).glob(f"*/{TEMPORARY}*")
    return [f"{path} can be read by others" for path in left if stat.S_IMODE(path.lstat().st_mode) & 0o077]
