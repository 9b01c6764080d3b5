# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated modules change and report what the real ones do."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from windows_standin import specs
from windows_standin.harness import WindowsHosts
from windows_standin.modules.facts import UTC_OFFSET

from .conftest import Runner

STAGE = r"C:\stage"


def _query_only(hosts: WindowsHosts) -> bool:
    return [call["mode"] for call in hosts.calls("win1", "win_copy")] == ["query"] and not hosts.transfers()


def test_copy_of_a_directory(play: Runner, hosts: WindowsHosts, source: Path) -> None:
    """New: one archive. Again: one query. One file changed: that file alone. Two changed: all of them."""
    tasks = {"copy": {"ansible.windows.win_copy": {"src": f"{source}/", "dest": STAGE}}}
    expected = {rf"{STAGE}\{file.name}": file.read_bytes() for file in source.iterdir()}

    assert play(tasks, "--check").ok("win1", "copy")["changed"] is True
    assert hosts.tree("win1") == {}
    assert not hosts.exists("win1", STAGE)
    assert _query_only(hosts)
    assert hosts.calls()[0]["check_mode"] is True

    hosts.forget()
    first = play(tasks).ok("win1", "copy")
    assert (first["changed"], first["operation"], first["dest"]) == (True, "folder_copy", STAGE)
    assert hosts.tree("win1") == expected
    assert [call["mode"] for call in hosts.calls("win1")] == ["query", "explode"]
    assert [event["event"] for event in hosts.events()] == [
        *("connect", "module", "command", "transfer", "module", "command")
    ]
    assert hosts.tree("win1", temp=True) == expected, "the temporary directory was not removed"

    hosts.forget()
    assert play(tasks).ok("win1", "copy")["changed"] is False
    assert _query_only(hosts)

    hosts.forget()
    hosts.write("win1", rf"{STAGE}\APP2.xml", b"spoilt")
    assert play(tasks).ok("win1", "copy")["changed"] is True
    assert hosts.tree("win1") == expected, "the case of the name must stay that of the file on the host"
    assert [call["mode"] for call in hosts.calls("win1")] == ["query", "single"]

    hosts.forget()
    for name in ("app1.xml", "app2.xml"):
        hosts.remove("win1", rf"{STAGE}\{name}")
    assert play(tasks).ok("win1", "copy")["changed"] is True
    assert hosts.tree("win1") == expected
    assert len(hosts.transfers("win1")) == 1


def test_copies_of_one_file(play: Runner, hosts: WindowsHosts, source: Path) -> None:
    hosts.mkdir("win1", STAGE)
    hosts.mkdir("win1", r"\\server\images\stage")
    outcome = play(
        {
            "content": {"ansible.windows.win_copy": {"content": "hello", "dest": rf"{STAGE}\a.txt"}},
            "same": {"ansible.windows.win_copy": {"content": "hello", "dest": "c:/STAGE/A.txt"}},
            "backup": {"ansible.windows.win_copy": {"content": "new", "dest": rf"{STAGE}\a.txt", "backup": True}},
            "no force": {
                "ansible.windows.win_copy": {"src": f"{source}/app1.xml", "dest": rf"{STAGE}\a.txt", "force": False}
            },
            "share": {"ansible.windows.win_copy": {"src": f"{source}/app1.xml", "dest": "\\\\SERVER\\images\\stage\\"}},
            "remote": {"ansible.windows.win_copy": {"src": STAGE, "dest": "C:\\copy\\", "remote_src": True}},
            "no directory": {"ansible.windows.win_copy": {"content": "x", "dest": r"C:\none\a.txt"}},
            "no drive": {"ansible.windows.win_copy": {"content": "x", "dest": "Q:\\none\\"}, "vars": {}},
        }
    )
    content = outcome.ok("win1", "content")
    assert content["checksum"] == hashlib.sha1(b"hello", usedforsecurity=False).hexdigest()
    assert (content["changed"], content["size"], content["operation"]) == (True, 5, "file_copy")
    assert outcome.ok("win1", "same")["changed"] is False
    backup = outcome.ok("win1", "backup")["backup_file"]
    assert hosts.read("win1", backup) == b"hello"
    assert outcome.ok("win1", "no force")["changed"] is False
    assert outcome.ok("win1", "share")["dest"] == r"\\SERVER\images\stage\app1.xml"
    assert outcome.ok("win1", "remote")["changed"] is True
    assert r"Destination directory 'C:\none' does not exist" in outcome.failure("win1", "no directory")
    assert "dest must be a file" in outcome.failure("win1", "no drive")
    tree = hosts.tree("win1")
    assert tree[r"\\server\images\stage\app1.xml"] == (source / "app1.xml").read_bytes()
    assert tree[rf"{STAGE}\a.txt"] == tree[r"C:\copy\stage\a.txt"] == b"new"


def test_find_and_slurp(play: Runner, hosts: WindowsHosts) -> None:
    hosts.write("win1", rf"{STAGE}\B.xml", b"bb")
    hosts.write("win1", rf"{STAGE}\a.xml", b"a", hidden=True, read_only=True)
    hosts.write("win1", rf"{STAGE}\below\c.bin", b"\0\xff\r\n")
    find = "ansible.windows.win_find"
    outcome = play(
        {
            "plain": {find: {"paths": STAGE}},
            "hidden": {find: {"paths": ["c:/Stage/", STAGE], "hidden": True, "checksum_algorithm": "sha256"}},
            "recurse": {find: {"paths": STAGE, "recurse": True, "patterns": ["*.BIN"]}},
            "regex": {find: {"paths": STAGE, "recurse": True, "patterns": [r"^[a-c]\.xml$"], "use_regex": True}},
            "directories": {find: {"paths": STAGE, "file_type": "directory"}},
            "size": {find: {"paths": STAGE, "recurse": True, "size": "3"}},
            "young": {find: {"paths": STAGE, "age": "-1h"}},
            "old": {find: {"paths": STAGE, "age": "1h"}},
            "missing": {find: {"paths": [r"C:\none", rf"{STAGE}\B.xml", "%TEMP%"]}},
            "slurp": {"ansible.windows.slurp": {"src": r"%SystemDrive%\STAGE\below\C.BIN"}},
            "slurp nothing": {"ansible.windows.slurp": {"src": rf"{STAGE}\none.xml"}},
            "slurp directory": {"ansible.windows.slurp": {"src": STAGE}},
        }
    )

    def names(task: str) -> list[str]:
        return [file["filename"] for file in outcome.ok("win1", task)["files"]]

    assert names("plain") == ["B.xml"]
    assert outcome.ok("win1", "plain")["examined"] == 3
    hidden, plain = outcome.ok("win1", "hidden")["files"]
    assert (hidden["filename"], hidden["attributes"]) == ("a.xml", "ReadOnly, Hidden, Archive")
    assert hidden["path"] == r"C:\Stage\a.xml", "the path begins as it was asked for"
    assert (hidden["ishidden"], hidden["isreadonly"], hidden["isarchive"]) == (True, True, True)
    assert hidden["checksum"] == hashlib.sha256(b"a").hexdigest()
    assert plain["extension"] == ".xml"
    assert names("recurse") == ["c.bin"]
    assert names("regex") == ["B.xml"]
    assert names("directories") == ["below"]
    assert names("size") == ["c.bin"]
    assert (names("young"), names("old")) == (["B.xml"], [])
    missing = outcome.ok("win1", "missing")
    assert (missing["files"], missing["examined"], missing["matched"]) == ([], 0, 0)
    output = " ".join(outcome.output.split())
    assert r"Argument path 'C:\none' does not exist or is not accessible, skipping" in output
    assert rf"Argument path '{STAGE}\B.xml' is a file not a directory, skipping" in output
    assert base64.b64decode(outcome.ok("win1", "slurp")["content"]) == b"\0\xff\r\n"
    assert outcome.failure("win1", "slurp nothing") == rf"Path {STAGE}\none.xml is not found"
    assert outcome.failure("win1", "slurp directory") == rf"Path {STAGE} is a directory"


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "for real"])
def test_file_and_stat(play: Runner, hosts: WindowsHosts, check: bool) -> None:
    hosts.write("win1", rf"{STAGE}\a.xml", b"a", read_only=True)
    hosts.write("win1", r"C:\old\b.xml", b"b")
    before = hosts.tree("win1")
    file = "ansible.windows.win_file"
    outcome = play(
        {
            "make": {file: {"path": r"C:\new\deep", "state": "directory"}},
            "there": {file: {"path": r"c:\STAGE", "state": "directory"}},
            "in the way": {file: {"path": rf"{STAGE}\a.xml", "state": "directory"}},
            "no drive": {file: {"path": r"Q:\new", "state": "directory"}},
            "no share": {file: {"path": r"\\none\share\new", "state": "directory"}},
            "touch": {file: {"path": rf"{STAGE}\new.xml", "state": "touch"}},
            "is file": {file: {"path": STAGE, "state": "file"}},
            "no file": {file: {"path": r"C:\none.xml"}},
            "gone": {file: {"path": r"C:\old", "state": "absent"}},
            "never there": {file: {"path": r"C:\none", "state": "absent"}},
            "read-only": {file: {"path": rf"{STAGE}\a.xml", "state": "absent"}},
            "stat": {"ansible.windows.win_stat": {"path": STAGE}},
            "stat nothing": {"ansible.windows.win_stat": {"path": r"C:\none"}},
        },
        *(["--check"] if check else []),
    )
    changed = {task for (_host, task), entry in outcome.results.items() if entry["result"].get("changed")}
    assert changed == {"make", "touch", "gone", "read-only"}
    assert outcome.failure("win1", "in the way") == rf"path {STAGE}\a.xml is not a directory"
    assert outcome.failure("win1", "is file") == rf"path {STAGE} is not a file"
    assert outcome.failure("win1", "no file") == r"path C:\none.xml will not be created"
    assert outcome.failure("win1", "no drive")
    assert outcome.failure("win1", "no share")
    stat = outcome.ok("win1", "stat")["stat"]
    assert (stat["isdir"], stat["attributes"], stat["path"]) == (True, "Directory", STAGE)
    assert outcome.ok("win1", "stat nothing")["stat"] == {"exists": False}
    assert hosts.tree("win1") == (before if check else {rf"{STAGE}\new.xml": b""})
    assert hosts.exists("win1", r"C:\new\deep") is not check
    assert stat["size"] == (1 if check else 0)


def test_options_that_only_newer_collections_have(play: Runner, hosts: WindowsHosts) -> None:
    """They work when the installed collection documents them, and fail when it does not."""
    documented = specs.load(Path(hosts.env["MSDEVICES_STANDIN_SPECS"]))
    hosts.write("win1", rf"{STAGE}\a.xml", b"a")
    hosts.mkdir("win1", rf"{STAGE}\below")
    moment = {"path": rf"{STAGE}\a.xml", "state": "touch", "modification_time": "2026-01-02 03:04:05"}
    outcome = play(
        {
            "any": {"ansible.windows.win_find": {"paths": STAGE, "file_type": "any"}},
            "time": {"ansible.windows.win_file": moment},
            "stat": {"ansible.windows.win_stat": {"path": rf"{STAGE}\a.xml"}},
        }
    )
    if "any" in documented["ansible.windows.win_find"]["file_type"]["choices"]:
        assert [file["filename"] for file in outcome.ok("win1", "any")["files"]] == ["a.xml", "below"]
    else:
        assert "file_type must be one of" in outcome.failure("win1", "any")
    if "modification_time" in documented["ansible.windows.win_file"]:
        assert outcome.ok("win1", "time")["changed"] is True
        local = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(seconds=UTC_OFFSET)))
        assert outcome.ok("win1", "stat")["stat"]["lastwritetime"] == local.timestamp()
    else:
        assert "modification_time. Supported" in outcome.failure("win1", "time")


def test_other_requests(play: Runner, hosts: WindowsHosts) -> None:
    """Facts tell Windows; what a Windows host cannot run is refused and noted."""
    outcome = play(
        {
            "facts": {"ansible.builtin.setup": {}},
            "ping": {"ansible.windows.win_ping": {"data": "hello"}},
            "tempfile": {"ansible.windows.win_tempfile": {"state": "directory", "suffix": ".d"}},
            "python": {"ansible.builtin.command": {"cmd": "id"}, "vars": {"ansible_python_interpreter": "python"}},
            "async": {"ansible.windows.win_ping": {}, "async": 10, "poll": 1},
        }
    )
    facts = outcome.ok("win1", "facts")["ansible_facts"]
    assert (facts["ansible_os_family"], facts["ansible_system"]) == ("Windows", "Win32NT")
    assert outcome.ok("win1", "ping")["ping"] == "hello"
    assert hosts.exists("win1", outcome.ok("win1", "tempfile")["path"])
    assert "no PowerShell module" in outcome.failure("win1", "python")
    assert "asynchronous" in outcome.failure("win1", "async")
    assert [event["event"] for event in hosts.events()].count("refused") == 2
