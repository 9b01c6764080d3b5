# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SIGTERM ends a run in order, whenever it comes."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

# What a run does, as far as it matters: a temporary directory, and a worker.
_RUN = """
import multiprocessing, os, signal, time
from ansible import constants as C
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader()
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.clean_end import end_cleanly

def terminate():
    os.kill(os.getpid(), signal.SIGTERM)

def work():
    {work}
    time.sleep(0.5)
    print("the worker went on", flush=True)

print(C.DEFAULT_LOCAL_TMP, flush=True)
end_cleanly()
worker = multiprocessing.get_context("fork").Process(target=work)
{when}
worker.start()
{then}
worker.join()
time.sleep(0.5)
print("the run went on", flush=True)
"""


@dataclass(frozen=True)
class _Ended:
    status: int
    errors: str
    lines: list[str]
    temporary_left: bool


def _run(when: str = "", then: str = "", work: str = "pass") -> _Ended:
    script = _RUN.format(when=when, then=then, work=work)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    temporary, *lines = ended.stdout.splitlines()
    return _Ended(ended.returncode, ended.stderr, lines, Path(temporary).exists())


@pytest.mark.parametrize(
    "moment",
    [
        {"then": "time.sleep(0.2); terminate()"},
        {"then": "terminate()"},
        {"when": "os.register_at_fork(before=terminate)"},
        {"when": "os.register_at_fork(after_in_parent=terminate)"},
        {
            "then": "time.sleep(0.2); terminate()",
            "work": "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(9)",
        },
    ],
    ids=["at-work", "right-after-a-fork", "before-a-fork", "within-a-fork", "with-a-worker-that-does-not-end"],
)
def test_the_run_and_its_worker_are_ended(moment: dict[str, str]) -> None:
    """In silence, and the temporary directory is gone."""
    ended = _run(**moment)
    assert ended == _Ended(-signal.SIGTERM, "", [], temporary_left=False)


def test_a_worker_is_ended_before_it_has_a_handler_of_its_own() -> None:
    """It is gone at once; its parent goes on, and keeps its temporary directory until its own end."""
    ended = _run(when="os.register_at_fork(after_in_child=terminate)")
    assert ended == _Ended(0, "", ["the run went on"], temporary_left=False)


def test_somebody_elses_handler_stays() -> None:
    """A program that uses Ansible as a library may have its own."""
    handler = "signal.signal(signal.SIGTERM, lambda *_: print('the handler of the program', flush=True))"
    ended = _run(when=f"{handler}; end_cleanly(); terminate()")
    assert ended == _Ended(
        0, "", ["the handler of the program", "the worker went on", "the run went on"], temporary_left=False
    )
