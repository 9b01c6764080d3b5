# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What real Windows hosts do and simple simulations do not. Each fact names the source it was read from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from windows_standin.filesystem import HOME
from windows_standin.harness import WindowsHosts

from .conftest import Runner

STAGE = r"C:\stage"


def find(**arguments: Any) -> dict[str, Any]:
    return {"ansible.windows.win_find": {"paths": STAGE, "hidden": True, "get_checksum": True, **arguments}}


def test_links_and_reparse_points(play: Runner, hosts: WindowsHosts, source: Path) -> None:
    """win_find.ps1 opens what a link leads to and throws for tags that LinkUtil.cs (ansible-core) does not know, after
    its filters; win_copy.ps1 writes through links (Copy-Item, ExtractToFile); win_file.ps1 deletes the link itself."""
    hosts.write("win1", r"C:\target", b"target")
    hosts.mkdir("win1", STAGE)
    hosts.link("win1", rf"{STAGE}\app1.xml", r"C:\target")
    outcome = play({"find": find(), "copy": {"ansible.windows.win_copy": {"src": f"{source}/", "dest": STAGE}}})
    (fact,) = outcome.ok("win1", "find")["files"]
    assert (fact["islnk"], fact["isreg"]) == (True, False)
    assert fact["checksum"] == "0e8a3ad980ec179856012b7eecf4327e99cd44cd"
    assert hosts.read("win1", r"C:\target") == (source / "app1.xml").read_bytes()
    hosts.link("win1", rf"{STAGE}\app2.xml", None, 0x80000013)
    absent = {"ansible.windows.win_file": {"path": rf"{STAGE}\app1.xml", "state": "absent"}}
    outcome = play({"all": find(), "others": find(patterns="^app[13]", use_regex=True), "absent": absent})
    assert "Invalid Reparse Tag: 2147483667" in outcome.failure("win1", "all")
    assert len(outcome.ok("win1", "others")["files"]) == 2
    assert not hosts.exists("win1", rf"{STAGE}\app1.xml")
    assert hosts.exists("win1", r"C:\target")


@pytest.mark.parametrize(("version", "fails"), [("2.5.0", True), ("3.5.0", True), ("3.6.0", False)])
def test_standard_users(play: Runner, hosts: WindowsHosts, version: str, fails: bool) -> None:
    """win_stat.ps1 and win_find.ps1 ask WMI for the shares of directories; caught since ansible.windows 3.6.0."""
    hosts.env["MSDEVICES_STANDIN_VERSION"] = version
    hosts.mkdir("win1", rf"{STAGE}\below")
    hosts.standard_user("win1")
    tasks = {
        "stat": {"ansible.windows.win_stat": {"path": STAGE}},
        "directories": find(file_type="directory"),
        "files": find(),
        "file": {"ansible.windows.win_file": {"path": STAGE, "state": "directory"}},
    }
    outcome = play(tasks)
    for name in ("stat", "directories"):
        assert outcome.results["win1", name]["state"] == ("failed" if fails else "ok")
        assert not fails or "Access denied" in outcome.failure("win1", name)
    assert outcome.ok("win1", "files")["files"] == []
    assert outcome.ok("win1", "file")["changed"] is False


def test_what_cannot_be_opened_seen_or_listed(play: Runner, hosts: WindowsHosts) -> None:
    """win_find.ps1 leaves the checksum null for a file that it cannot open, takes what may not be seen for missing
    (DirectoryInfo.Attributes is -1), and ignores that a directory may not be listed; slurp.ps1 fails."""
    for name in ("locked", "good", r"unlistable\file", r"concealed\file"):
        hosts.write("win1", rf"{STAGE}\{name}", b"x")
    hosts.lock("win1", rf"{STAGE}\locked")
    hosts.deny_listing("win1", rf"{STAGE}\unlistable")
    hosts.conceal("win1", rf"{STAGE}\concealed")
    outcome = play(
        {
            "find": find(),
            "slurp locked": {"ansible.builtin.slurp": {"src": rf"{STAGE}\locked"}},
            "unlistable": find(paths=rf"{STAGE}\unlistable"),
            "slurp": {"ansible.builtin.slurp": {"src": rf"{STAGE}\unlistable\file"}},
            "concealed": find(paths=rf"{STAGE}\concealed"),
        }
    )
    sums = {fact["filename"]: fact["checksum"] for fact in outcome.ok("win1", "find")["files"]}
    assert sums["locked"] is None
    assert sums["good"]
    assert "used by another process" in outcome.failure("win1", "slurp locked")
    for name in ("unlistable", "concealed"):
        result = outcome.ok("win1", name)
        assert (result["files"], result["examined"]) == ([], 0)
    assert outcome.ok("win1", "slurp")["content"] == "eA=="
    assert "does not exist or is not accessible" in outcome.output


def test_drives_home_attributes_and_cost(play: Runner, hosts: WindowsHosts, tmp_path: Path) -> None:
    """win_find.ps1 resolves paths by PowerShell's provider, which throws for drives and knows ~; Copy-Item takes over
    the attributes of the source; win_stat.ps1 walks a directory for its size; a single file may go into a folder."""
    hosts.write("win1", rf"{HOME}\here", b"x")
    hosts.write("win1", rf"{STAGE}\there.xml", b"old", read_only=True, hidden=True)
    hosts.write("win1", rf"{STAGE}\folder\same", b"same")
    (tmp_path / "new" / "folder").mkdir(parents=True)
    (tmp_path / "new" / "folder" / "one").write_bytes(b"one")
    (tmp_path / "there.xml").write_bytes(b"new")
    outcome = play(
        {
            "drive": find(paths="Q:\\x"),
            "home": find(paths="~", get_checksum=False),
            "copy": {"ansible.windows.win_copy": {"src": str(tmp_path / "there.xml"), "dest": rf"{STAGE}\there.xml"}},
            "into": {"ansible.windows.win_copy": {"src": f"{tmp_path}/new/", "dest": STAGE}},
            "find": find(patterns="there.xml"),
            "stat": {"ansible.windows.win_stat": {"path": STAGE}},
        }
    )
    assert "Cannot find drive. A drive with the name 'Q' does not exist." in outcome.failure("win1", "drive")
    assert "here" in [fact["filename"] for fact in outcome.ok("win1", "home")["files"]]
    (fact,) = outcome.ok("win1", "find")["files"]
    assert (fact["isreadonly"], fact["ishidden"], fact["size"]) == (False, False, 3)
    assert hosts.read("win1", rf"{STAGE}\folder\one") == b"one"
    assert outcome.ok("win1", "stat")["stat"]["size"] == 10
    cost = hosts.cost("win1")
    assert (cost["hashed"].count(rf"{STAGE}\there.xml"), cost["walked"]) == (2, 3)
