# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts misbehave as tests ask them to, and many of them at once keep one whole log."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from windows_standin import journal
from windows_standin.harness import WindowsHosts

from .conftest import Runner, run_play

STAGE = r"C:\stage"
FIND = {"ansible.windows.win_find": {"paths": "C:\\"}}


def test_a_full_disk(play: Runner, hosts: WindowsHosts, tmp_path: Path) -> None:
    """As much of a file is written as there is room for; a file that is replaced makes room."""
    hosts.write("win1", rf"{STAGE}\there", b"x" * 10)
    hosts.limit_space("win1", STAGE, 15)
    sources = {"small": b"s" * 5, "large": b"l" * 6, "there": b"t" * 10}
    for name, data in sources.items():
        (tmp_path / name).write_bytes(data)
    outcome = play(
        {
            name: {"ansible.windows.win_copy": {"src": str(tmp_path / name), "dest": rf"{STAGE}\{name}"}}
            for name in sources
        }
    )
    assert outcome.ok("win1", "small")["changed"] is True
    assert "There is not enough space on the disk." in outcome.failure("win1", "large")
    assert outcome.ok("win1", "there")["changed"] is True
    found = hosts.tree("win1", STAGE)
    assert found == {rf"{STAGE}\small": b"s" * 5, rf"{STAGE}\large": b"", rf"{STAGE}\there": b"t" * 10}


def test_modules_fail_and_answer(play: Runner, hosts: WindowsHosts) -> None:
    hosts.fail("Access is denied.", plugin="win_find", after=1, times=2)
    hosts.answer("win_command", {"changed": True, "rc": 0, "stdout": "done", "stderr": ""})
    hosts.deny_writing("win1", STAGE)
    outcome = play(
        {
            "first": FIND,
            "second": FIND,
            "third": FIND,
            "fourth": FIND,
            "command": {"ansible.windows.win_command": {"argv": ["dism", "/?"]}},
            "denied": {"ansible.windows.win_file": {"path": rf"{STAGE}\a", "state": "directory"}},
            "allowed": {"ansible.windows.win_file": {"path": r"C:\stage2\a", "state": "directory"}},
        }
    )
    states = [outcome.results["win1", task]["state"] for task in ("first", "second", "third", "fourth")]
    assert states == ["ok", "failed", "failed", "ok"]
    assert outcome.failure("win1", "second") == "Access is denied."
    assert outcome.ok("win1", "command")["stdout"] == "done"
    assert rf"Access to the path '{STAGE}' is denied." in outcome.failure("win1", "denied")
    assert outcome.ok("win1", "allowed")["changed"] is True
    hosts.clear_faults()
    assert play({"denied": {"ansible.windows.win_file": {"path": rf"{STAGE}\a", "state": "directory"}}}).status == 0


@pytest.mark.parametrize("whole", [0, 2])
def test_interrupted_copy(play: Runner, hosts: WindowsHosts, source: Path, whole: int) -> None:
    """Some files are whole, one is half, the others are not there; the same task then repairs it."""
    tasks = {"copy": {"ansible.windows.win_copy": {"src": f"{source}/", "dest": STAGE}}}
    expected = {rf"{STAGE}\{file.name}": file.read_bytes() for file in source.iterdir()}
    hosts.interrupt_copy("win1", whole)
    outcome = play(tasks)
    assert outcome.status == 4
    assert outcome.results["win1", "copy"]["state"] == "unreachable"
    tree = hosts.tree("win1")
    assert len(tree) == whole + 1
    assert sorted(len(expected[path]) - len(content) for path, content in tree.items())[:whole] == [0] * whole
    (half,) = (path for path, content in tree.items() if content != expected[path])
    assert expected[half].startswith(tree[half])
    assert play(tasks).ok("win1", "copy")["changed"] is True
    assert hosts.tree("win1") == expected


def test_interrupted_copy_of_one_file(play: Runner, hosts: WindowsHosts) -> None:
    hosts.interrupt_copy("win1", 5)
    hosts.mkdir("win1", STAGE)
    outcome = play({"copy": {"ansible.windows.win_copy": {"content": "0123456789", "dest": rf"{STAGE}\a.txt"}}})
    assert outcome.results["win1", "copy"]["state"] == "unreachable"
    assert hosts.tree("win1") == {rf"{STAGE}\a.txt": b"01234"}


def test_unreachable_hosts(tmp_path: Path) -> None:
    hosts = WindowsHosts(tmp_path, ["win1", "win2", "win3"])
    hosts.unreachable("win1")
    hosts.unreachable("win2", plugin="win_find", msg="the connection broke")
    hosts.unreachable("win3", event="transfer")
    tasks = {"find": FIND, "copy": {"ansible.windows.win_copy": {"content": "0123", "dest": r"C:\a.txt"}}}
    outcome = run_play(tmp_path, hosts, tasks)
    states = {key: entry["state"] for key, entry in outcome.results.items()}
    assert states == {
        ("win1", "find"): "unreachable",
        ("win2", "find"): "unreachable",
        ("win3", "find"): "ok",
        ("win3", "copy"): "unreachable",
    }
    assert "the connection broke" in outcome.results["win2", "find"]["result"]["msg"]
    assert hosts.calls("win1") == []
    assert hosts.tree("win3") == {}
    assert [(event["event"], event.get("size")) for event in hosts.events(host="win3")][-2:] == [
        ("transfer", 4),
        ("command", None),
    ], "Ansible tidies up after the broken transfer"
    assert hosts.tree("win3", temp=True) == {}


def test_many_hosts_at_once(tmp_path: Path) -> None:
    names = [f"win{number}" for number in range(12)]
    hosts = WindowsHosts(tmp_path, names)
    hosts.fail("no", plugin="win_stat", times=5)
    tasks = {
        "copy": {"ansible.windows.win_copy": {"content": "{{ inventory_hostname }}", "dest": r"C:\name.txt"}},
        "stat": {"ansible.windows.win_stat": {"path": r"C:\name.txt"}},
    }
    outcome = run_play(tmp_path, hosts, tasks, "--forks", "10")
    assert len(hosts.calls()) == len(names) * 3
    assert {name: hosts.tree(name) for name in names} == {name: {r"C:\name.txt": name.encode()} for name in names}
    assert Counter(entry["state"] for (_host, task), entry in outcome.results.items() if task == "stat") == {
        "ok": 7,
        "failed": 5,
    }
    assert {name: hosts.connections(name) for name in names} == dict.fromkeys(names, 2)


def _write_lines(file: Path, writer: int) -> None:
    for number in range(50):
        journal.record(file, writer=writer, number=number, text="x" * 10_000)


def test_log_lines_stay_whole(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(_write_lines, [tmp_path / "log"] * 4, range(4)))
    entries = journal.read(tmp_path / "log")
    assert len(entries) == 200
    for writer in range(4):
        assert [entry["number"] for entry in entries if entry["writer"] == writer] == list(range(50))
