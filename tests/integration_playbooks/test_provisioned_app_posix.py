# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook puts apps into real WIM files on Linux build hosts, as the examples of the module do."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from emulator.packages import package_bytes

from ansible_collections.msdevices.provisioning.plugins.modules import ms_provisioned_app

from .apps import MODULE, app, family, framework, license_xml
from .conftest import NewLab
from .harness import ROOT, Lab


def make_image(directory: Path) -> Path:
    tree = directory / "tree"
    (tree / "Windows" / "System32").mkdir(parents=True)
    (tree / "Windows" / "System32" / "kernel32.dll").write_bytes(b"MZ")
    path = directory / "install.wim"
    for command, name in (("capture", "Windows 11 Pro"), ("append", "Windows 11 Enterprise")):
        _wimlib(command, tree, path, name)
    for index in (1, 2):
        _wimlib("info", path, index, "--image-property=WINDOWS/ARCH=9")
    return path


def _wimlib(*arguments: object) -> str:
    return subprocess.run(["wimlib-imagex", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def _stage(lab: Lab, name: str) -> Path:
    folder = lab.stage("linux1") / name
    (folder / "Dependencies").mkdir(parents=True)
    (folder / "app.msixbundle").write_bytes(package_bytes(app(name)))
    for architecture in ("x64", "x86", "arm64"):
        (folder / "Dependencies" / f"vclibs.{architecture}.appx").write_bytes(package_bytes(framework(architecture)))
    (folder / "app_License1.xml").write_bytes(license_xml(family(app(name))))
    return folder


@pytest.fixture
def lab(new_lab: NewLab) -> Lab:
    """A Linux build host with an image and the folders of two apps."""
    lab = new_lab()
    lab.defaults = {}
    lab.environment = {}
    make_image(lab.stage("linux1"))
    _stage(lab, "Contoso.App")
    _stage(lab, "Contoso.Paint")
    return lab


def _task(name: str = "provision", **options: Any) -> dict[str, Any]:
    return {"name": name, MODULE: options}


def test_from_folders_into_the_image_and_out_again(lab: Lab) -> None:
    path = lab.stage("linux1") / "install.wim"
    apps = [{"package": "{{ stage }}/Contoso.App"}, {"package": "{{ stage }}/Contoso.Paint"}]
    target = {"image_file": "{{ stage }}/install.wim", "image_name": "Windows 11 Enterprise"}
    before = path.read_bytes()
    run = lab.run([_task(apps=apps, **target)], "--check", "--diff")
    assert run.ok("linux1", "provision")["changed"]
    assert f"+{family(app())} 2026.310.1200.0 all" in run.stdout
    assert path.read_bytes() == before
    run = lab.run([_task(apps=apps, **target)])
    result = run.ok("linux1", "provision")
    assert [one["state"] for one in result["apps"]] == ["prepared", "prepared"]
    assert run.modules("linux1") == 1
    listed = _wimlib("dir", path, 2, "--path=/Windows/Setup/Scripts/msdevices/apps/001").split()
    assert [name.rpartition("/")[2] for name in listed] == [
        "001",
        "dep01.appx",
        "dep02.appx",
        "license.xml",
        "main.msixbundle",
    ]
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    assert not lab.run([_task(apps=apps, **target)]).ok("linux1", "provision")["changed"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == checksum
    absent = [{"package": "{{ stage }}/Contoso.App"}, {"package_family_name": family(app("Contoso.Paint"))}]
    result = lab.run([_task(apps=absent, state="absent", **target)]).ok("linux1", "provision")
    assert [one["state"] for one in result["apps"]] == ["removed", "removed"]
    assert "/Windows/Setup" not in _wimlib("dir", path, 2)


def test_failures_are_one_message(lab: Lab) -> None:
    path = lab.stage("linux1") / "install.wim"
    before = path.read_bytes()
    (lab.stage("linux1") / "Contoso.Paint" / "app_License1.xml").write_bytes(license_xml("Contoso.Other_8wekyb3d8bbwe"))
    apps = [{"package": "{{ stage }}/Contoso.App"}, {"package": "{{ stage }}/Contoso.Paint"}]
    run = lab.run(
        [
            {**_task("one wrong", apps=apps, image_file="{{ stage }}/install.wim", index=1), "ignore_errors": True},
            {**_task("no image", apps=apps), "ignore_errors": True},
        ]
    )
    result = run.failed("linux1", "one wrong")
    assert [one["state"] for one in result["apps"]] == ["absent", "failed"]
    assert "no license is named, and none for it lies in" in result["msg"]
    assert "nothing was changed" in result["msg"]
    assert path.read_bytes() == before
    assert "Set image_file and index (or image_name), distribution, or image" in run.error("linux1", "no image")


def test_examples_for_linux_hosts_run(lab: Lab) -> None:
    stage = lab.stage("linux1")
    (stage / "distribution" / "sources").mkdir(parents=True)
    tasks = [task for task in yaml.safe_load(ms_provisioned_app.EXAMPLES) if "Linux" in task["name"]]
    assert len(tasks) >= 2
    for name in ("9WZDNCRFJ3PS", "9NBLGGH4NNS1"):
        shutil.copytree(stage / "Contoso.App", stage / name)
    (stage / "9NBLGGH4NNS1" / "app.msixbundle").write_bytes(package_bytes(app("Contoso.Paint")))
    (stage / "9NBLGGH4NNS1" / "app_License1.xml").write_bytes(license_xml(family(app("Contoso.Paint"))))
    for task in tasks:
        options = task[MODULE]
        for name in ("image_file", "distribution"):
            if name in options:
                options[name] = str(stage / Path(options[name]).name)
        for one in options.get("apps", [options]):
            one["package"] = str(stage / Path(one["package"]).name)
        run = lab.run([task])
        assert run.status == 0, run.output
        assert {one["state"] for one in run.ok("linux1", task["name"])["apps"]} == {"prepared"}


def test_plays_of_the_guide_run(lab: Lab) -> None:
    stage = lab.stage("linux1")
    (stage / "distribution" / "sources").mkdir(parents=True)
    (stage / "own").mkdir()
    tool = app("Contoso.Tool", "1.0.0.0", extension=".msix", architectures=("x64",), dependencies=())
    (stage / "own" / "tool.msix").write_bytes(package_bytes(tool))
    shutil.copytree(stage / "Contoso.App", stage / "9WZDNCRFJ3PS")
    text = (ROOT / "docs" / "docsite" / "rst" / "guide_linux_images.rst").read_text(encoding="utf-8")
    blocks = re.findall(r"\.\. code-block:: yaml\+jinja\n  :caption: \S+\n\n((?:  .*\n|\n)+)", text)
    assert len(blocks) == 2
    for block in blocks:
        plays = yaml.safe_load(textwrap.dedent(block))
        run = lab.run_plays([{**play, "hosts": "linux"} for play in plays])
        assert run.status == 0, run.output
        states = [one["state"] for one in run.sequence[0]["result"]["apps"]]
        assert states == ["prepared"] * len(states)
    assert '<settings pass="specialize">' in (stage / "specialize.xml").read_text(encoding="utf-8")
    assert "/Windows/Setup/Scripts/msdevices/apps/002/main.msix\n" in _wimlib("dir", stage / "install.wim", 2)
