# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every argument is checked against the documentation of the installed collection, and calls are logged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from windows_standin import specs
from windows_standin.harness import WindowsHosts

from .conftest import Runner

# Bad arguments, with a part of the message that they must get.
BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown option": ("win_find", {"paths": ["C:\\"], "checksum": "sha256"}, "(win_find) module: checksum."),
    "unknown option that the real module ignores": ("win_file", {"path": "C:\\x", "mode": "0600"}, "mode. Supported"),
    "unknown option of an action": ("win_copy", {"content": "x", "dest": "C:\\x", "owner": "me"}, "owner. Supported"),
    "missing option": ("win_find", {"hidden": True}, "missing required arguments: paths"),
    "missing path": ("slurp", {}, "missing required arguments: src"),
    "no boolean": ("win_find", {"paths": ["C:\\"], "hidden": "perhaps"}, "hidden"),
    "no integer": ("win_find", {"paths": ["C:\\"], "depth": "deep"}, "depth"),
    "no choice": ("win_find", {"paths": ["C:\\"], "checksum_algorithm": "crc32"}, "checksum_algorithm must be one of"),
    "a list for text": ("win_tempfile", {"prefix": ["a"]}, "'prefix' is of type list"),
    "a dict for text": ("win_ping", {"data": {"a": "b"}}, "'data' is of type dict"),
    "a dict in a list of text": ("win_find", {"paths": [{"dir": "C:\\x"}]}, "'paths' are of type dict"),
    "bad arguments of a module that is not simulated": ("win_acl", {"path": "C:\\x"}, "missing required arguments"),
    "device name": ("win_file", {"path": "C:\\stage\\NUL.xml", "state": "touch"}, "device"),
    "forbidden character": ("win_file", {"path": "C:\\stage\\a?.xml", "state": "touch"}, "Illegal characters"),
    "name of a second drive": ("win_file", {"path": "C:\\stage\\D:\\x", "state": "touch"}, "Illegal characters"),
    "trailing dot": ("win_copy", {"content": "x", "dest": "C:\\stage."}, "trailing dot"),
    "path that is too long": ("win_file", {"path": "C:\\" + "x\\" * 130, "state": "directory"}, "too long"),
    "module that is not simulated": ("win_whoami", {}, "answer()"),
    "program that is not there": ("win_command", {"argv": ["whoami"]}, "cannot find the file"),
}


def test_bad_arguments_fail(play: Runner, hosts: WindowsHosts) -> None:
    outcome = play({name: {f"ansible.windows.{module}": arguments} for name, (module, arguments, _part) in BAD.items()})
    for name, (_module, _arguments, part) in BAD.items():
        assert part in outcome.failure("win1", name), name
    assert hosts.tree("win1") == {}
    assert all(call["failed"] for call in hosts.calls())
    assert len(hosts.calls()) == len(BAD)


def test_arguments_are_converted_and_logged_as_they_were(play: Runner, hosts: WindowsHosts) -> None:
    hosts.write("win1", r"C:\stage\a.xml", b"a")
    outcome = play(
        {
            "texts": {
                "ansible.windows.win_find": {"paths": r"C:\stage,C:\Windows", "get_checksum": "no", "depth": "1"}
            },
            "alias": {"ansible.windows.slurp": {"path": r"C:\stage\a.xml"}},
            "secret": {"ansible.windows.win_stat": {"name": r"C:\stage\a.xml"}, "no_log": True},
        }
    )
    found = outcome.ok("win1", "texts")
    assert [file["filename"] for file in found["files"]] == ["a.xml"]
    assert found["files"][0]["checksum"] is None
    assert found["invocation"]["module_args"]["paths"] == [r"C:\stage", r"C:\Windows"]
    assert found["invocation"]["module_args"]["depth"] == 1
    assert outcome.ok("win1", "alias")["content"] == "YQ=="
    calls = hosts.calls("win1")
    assert [call["plugin"] for call in calls] == [
        f"ansible.windows.{name}" for name in ("win_find", "slurp", "win_stat")
    ]
    assert calls[0]["args"] == {"paths": r"C:\stage,C:\Windows", "get_checksum": "no", "depth": "1"}
    assert [call["no_log"] for call in calls] == [False, False, True]
    assert not any(call["check_mode"] or call["failed"] or call["changed"] for call in calls)


def test_documentation_is_that_of_the_installed_collection(hosts: WindowsHosts) -> None:
    documented = specs.load(Path(hosts.env["MSDEVICES_STANDIN_SPECS"]))
    modules = {file.stem for file in (specs.installed_collection() / "plugins" / "modules").glob("*.ps1")}
    assert {f"ansible.windows.{name}" for name in modules} == set(documented)
    assert documented["ansible.windows.slurp"]["src"] == {"aliases": ["path"], "required": True, "type": "path"}


def test_documentation_is_read_anew_when_the_collection_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = specs.installed_collection()
    copy = tmp_path / "ansible_collections" / "ansible" / "windows"
    (copy / "plugins" / "modules").mkdir(parents=True)
    for name in ("win_find.ps1", "win_find.py"):
        (copy / "plugins" / "modules" / name).write_bytes((real / "plugins" / "modules" / name).read_bytes())
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(tmp_path))
    before = specs.build(tmp_path / "cache")
    assert specs.build(tmp_path / "cache") == before
    page = copy / "plugins" / "modules" / "win_find.py"
    page.write_text(page.read_text("utf-8").replace("    hidden:", "    concealed:"), "utf-8")
    after = specs.build(tmp_path / "cache")
    assert "hidden" in specs.load(before)["ansible.windows.win_find"]
    assert "hidden" not in specs.load(after)["ansible.windows.win_find"]
    assert "concealed" in specs.load(after)["ansible.windows.win_find"]


def _documented_returns(*modules: str) -> dict[str, Any]:
    program = Path(sys.executable).with_name("ansible-doc")
    names = [f"ansible.windows.{module}" for module in modules]
    run = subprocess.run([program, "--json", "-t", "module", *names], capture_output=True, check=True, timeout=60)
    return {name.rpartition(".")[2]: page["return"] for name, page in json.loads(run.stdout).items()}


def test_results_are_the_documented_ones(play: Runner, hosts: WindowsHosts, source: Path) -> None:
    hosts.mkdir("win1", r"C:\stage\below")
    outcome = play(
        {
            "copy": {"ansible.windows.win_copy": {"src": f"{source}/app1.xml", "dest": "C:\\stage\\"}},
            "find": {"ansible.windows.win_find": {"paths": [r"C:\stage"]}},
            "find directories": {"ansible.windows.win_find": {"paths": [r"C:\stage"], "file_type": "directory"}},
            "stat": {"ansible.windows.win_stat": {"path": r"C:\stage\app1.xml"}},
            "slurp": {"ansible.windows.slurp": {"src": r"C:\stage\app1.xml"}},
        }
    )
    documented = _documented_returns("win_copy", "win_find", "win_stat", "slurp")
    general = {"changed", "failed", "invocation", "warnings"}
    types = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "complex": (dict, list), "dict": dict}

    def compare(values: dict[str, Any], pages: dict[str, Any], optional: set[str]) -> None:
        assert set(values) - general <= set(pages)
        assert set(pages) - optional <= set(values) | general
        for name in set(values) & set(pages):
            if values[name] is not None:
                assert isinstance(values[name], types[pages[name]["type"]]), name

    links = {"lnk_source", "lnk_target", "sharename"}
    compare(outcome.ok("win1", "copy"), documented["win_copy"], {"backup_file"})
    compare(outcome.ok("win1", "slurp"), documented["slurp"], {"source"})
    for task, filename in (("find", "app1.xml"), ("find directories", "below")):
        found = outcome.ok("win1", task)
        compare(found, documented["win_find"], set())
        assert [file["filename"] for file in found["files"]] == [filename]
        compare(found["files"][0], documented["win_find"]["files"]["contains"], set())
    compare(outcome.ok("win1", "stat")["stat"], documented["win_stat"]["stat"]["contains"], links)
