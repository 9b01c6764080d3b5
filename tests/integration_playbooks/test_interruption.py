# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ending ansible-playbook at any moment leaves each file whole, old or new, and the next run puts things right."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import Figure, Served
from .harness import MANIFEST, Lab, default_name

TEMPORARY = ".ms_offline_license."
_LICENSES = 60
_LATENCY_MS = 50
_SECONDS = 30


def _wait(condition: Callable[[], bool], pause: float, seconds: float = _SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(pause)


def processes_of(lab: Lab) -> Iterator[int]:
    """The processes of a lab, told by their environment: workers and modules are in groups of their own."""
    mark = f"MSDEVICES_TEST_JOURNAL={lab.directory}".encode()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                yield int(entry.name)
        except OSError:
            continue


def _modules(lab: Lab) -> list[int]:
    """Those that execute a module, with its script on standard input, or the shell around it."""
    playbook = str(lab.directory / "play.json").encode()
    found = []
    for process in processes_of(lab):
        try:
            if playbook not in Path(f"/proc/{process}/cmdline").read_bytes():
                found.append(process)
        except OSError:
            continue
    return found


# Held while the directory changes; a killed run leaves it.
_LOCK = ".ms_offline_license.lock"


def end_all(lab: Lab, number: signal.Signals) -> None:
    for process in list(processes_of(lab)):
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue


# When: after so many license requests, or (none) as soon as a file changes in the directory.
@pytest.mark.parametrize(
    ("number", "everybody", "after_requests"),
    [
        pytest.param(signal.SIGTERM, False, 10, id="SIGTERM-fetching"),
        pytest.param(signal.SIGINT, True, 40, id="SIGINT-to-all-fetching", marks=pytest.mark.once),
        pytest.param(signal.SIGTERM, False, None, id="SIGTERM-staging", marks=pytest.mark.once),
        pytest.param(signal.SIGINT, True, None, id="SIGINT-to-all-staging", marks=pytest.mark.once),
        pytest.param(signal.SIGKILL, True, None, id="SIGKILL-to-all-staging", marks=pytest.mark.once),
    ],
)
def test_interrupted_run(
    lab: Lab, served: Served, figure: Figure, number: signal.Signals, everybody: bool, after_requests: int | None
) -> None:
    """Half of the licenses are staged; all are fetched anew and are newer, so each file is the old or the new one."""
    wanted = lab.emulator.licenses(_LICENSES)
    old = {default_name(entry): served(entry) for entry in wanted[: _LICENSES // 2]}
    for name, data in old.items():
        (lab.stage("linux1") / name).write_bytes(data)
    lab.emulator.reissue()
    new = {default_name(entry): served(entry) for entry in wanted}
    lab.emulator.latency(_LATENCY_MS, "store")
    before = lab.emulator.count("store", "OfflineLicense")
    state = lab.files("linux1")

    process = lab.start([lab.play([lab.task(licenses=wanted, force=True)])])
    if after_requests is None:
        _wait(lambda: process.poll() is not None or _names(lab) != state.keys(), 0.001)
    else:
        _wait(lambda: lab.emulator.count("store", "OfflineLicense") - before >= after_requests, 0.02)
    if everybody:
        end_all(lab, number)
    else:
        process.send_signal(number)
    process.wait(_SECONDS)
    # A worker or a module may still finish what it was about to do.
    _wait(lambda: not _modules(lab), 0.05)
    try:
        _wait(lambda: not list(processes_of(lab)), 0.05, seconds=5)
    except TimeoutError:
        # Workers of old ansible-core that nobody listens to any more wait for ever to tell their result.
        end_all(lab, signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=_SECONDS)
    assert "Traceback" not in stdout + stderr

    files = lab.files("linux1")
    locks = [lab.stage("linux1") / _LOCK] if files.pop(_LOCK, None) is not None else []
    # The file that was being written has a name of its own until it is whole.
    leftovers = {name for name in files if name.startswith(TEMPORARY) and name.endswith(".tmp")}
    assert len(leftovers) <= 1
    assert not leftovers or after_requests is None
    for name, data in files.items():
        assert name in leftovers or data in (old.get(name), new[name]), name
    assert old.keys() <= files.keys()
    manifest = lab.stage("linux1") / MANIFEST
    if manifest.exists():
        json.loads(manifest.read_bytes())
    # What a killed run leaves of its cache, and the file that it was writing, are for nobody else's eyes.
    runs = list((lab.home / ".ansible" / "tmp").iterdir())
    private = [*runs, *(path for run in runs for path in (run / "msdevices.provisioning").rglob("*"))]
    private += [*locks, *(lab.stage("linux1") / name for name in leftovers)]
    assert not [path for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077]

    lab.emulator.latency(0)
    healed = lab.run([lab.task(licenses=wanted, force=True)])
    assert healed.status == 0, healed.output
    assert lab.files("linux1") == new
    idle = lab.run([lab.task(licenses=wanted)])
    assert idle.ok("linux1", "stage")["changed"] is False
    assert idle.requests == []
    replaced = sum(data == new.get(name) for name, data in files.items())
    figure(
        f"{number.name}{' to all processes' if everybody else ''}"
        f" {'as files appear' if after_requests is None else f'after {after_requests} requests'}:"
        f" {replaced} of {_LICENSES} files new, {len(files) - len(leftovers) - replaced} old, all whole; healed"
    )


def _names(lab: Lab) -> set[str]:
    return {name for name in os.listdir(lab.stage("linux1")) if name not in (MANIFEST, _LOCK)}


@pytest.mark.parametrize("hanging", ["entra", "store"])
def test_ctrl_c_does_not_wait_for_what_hangs(lab: Lab, figure: Figure, hanging: str) -> None:
    """The main process alone gets the signal: the workers hear of it by ansible-core."""
    lab.emulator.fault(listener=hanging, action="stall_headers")
    process = lab.start([lab.play([lab.task(licenses=lab.emulator.licenses(20), max_concurrency=16)])])
    _wait(lambda: lab.emulator.count(hanging) > 0, 0.02)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(_SECONDS)
    _wait(lambda: not list(processes_of(lab)), 0.05)
    seconds = time.monotonic() - begun
    assert seconds < 2
    stdout, stderr = process.communicate(timeout=_SECONDS)
    assert "Traceback" not in stdout + stderr
    figure(f"SIGINT while {hanging} hangs: all processes gone after {seconds:.1f} seconds")
