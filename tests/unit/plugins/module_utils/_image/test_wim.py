# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apps are put into real WIM files, and taken out again."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from unit import packages
from unit.images import FAMILY, FRAMEWORK, NEEDED, SCRIPTS, BuildHost, Image, framework, wimlib
from unit.support import CONTENT_ID, License

OURS = f"{SCRIPTS}/msdevices"
BLOCK = (
    b"@rem BEGIN msdevices.provisioning: provision Store apps. Changes in this block are lost.\r\n"
    b'@call "%~dp0msdevices\\provision.cmd" setup_complete\r\n'
    b"@rem END msdevices.provisioning\r\n"
)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """A WIM file without scripts."""
    return Image.make(tmp_path)


@pytest.fixture
def host(tmp_path: Path) -> BuildHost:
    """A build host with one app."""
    directory = tmp_path / "it's a host"
    directory.mkdir()
    return BuildHost(directory)


def test_layout_and_result(image: Image, host: BuildHost) -> None:
    before = image.names(2)
    run = host.into(image)
    assert not run.failed, run.output
    (app,) = run.result["apps"]
    assert run.result["changed"]
    assert (app["state"], app["version"], app["package_family_name"]) == ("prepared", "2026.310.1200.0", FAMILY)
    assert app["license_content_id"] == CONTENT_ID
    assert run.result["saved"] is True
    assert run.result["wim_growth"] > host.package.stat().st_size
    assert 'processorArchitecture="amd64"' in run.result["unattend_fragment"]
    assert run.warnings == []
    assert [name for name in image.names() if name.startswith(SCRIPTS)] == [
        SCRIPTS,
        f"{SCRIPTS}/SetupComplete.cmd",
        OURS,
        f"{OURS}/apps",
        f"{OURS}/apps/001",
        f"{OURS}/apps/001/dep01.appx",
        f"{OURS}/apps/001/license.xml",
        f"{OURS}/apps/001/main.msixbundle",
        f"{OURS}/manifest.json",
        f"{OURS}/provision.cmd",
    ]
    assert image.names(2) == before
    assert image.read(f"{SCRIPTS}/SetupComplete.cmd") == BLOCK
    assert image.read(f"{OURS}/apps/001/license.xml") == host.license.read_bytes()
    assert image.read(f"{OURS}/apps/001/main.msixbundle") == host.package.read_bytes()
    record = json.loads(image.read(f"{OURS}/manifest.json"))
    assert record["apps"][0]["license"]["content_id"] == CONTENT_ID
    assert "SignatureValue" not in json.dumps(record)
    script = image.read(f"{OURS}/provision.cmd")
    assert script.isascii()
    assert script.count(b"\n") == script.count(b"\r\n")
    image.verify()


def test_unchanged_run_leaves_every_byte(image: Image, host: BuildHost) -> None:
    host.into(image)
    before = (image.sha256, image.path.stat().st_mtime_ns)
    os.utime(host.package, (1, 1))
    run = host.into(image, image_name="Windows Pro", backup=True)
    assert run.states == ["unchanged"]
    assert not run.result["changed"]
    assert (image.sha256, image.path.stat().st_mtime_ns) == before
    assert not run.failed
    assert "backup_file" not in run.result


def test_check_mode_and_diff(image: Image, host: BuildHost) -> None:
    before = image.sha256
    run = host.into(image, check_mode=True, diff=True)
    assert run.states == ["prepared"]
    assert run.result["changed"]
    assert run.result["diff"]["before"] == ""
    assert run.result["diff"]["after"] == f"{FAMILY} 2026.310.1200.0 all\n"
    assert image.sha256 == before
    real = host.into(image, diff=True)
    assert real.result["diff"] == run.result["diff"]
    gone = host.into(image, state="absent", check_mode=True, diff=True)
    assert (gone.states, gone.result["diff"]["after"]) == (["removed"], "")


@pytest.mark.parametrize(
    "existing",
    [
        {},
        {"Windows/SETUP/SCRIPTS/note.txt": b"x"},
        {"Windows/SETUP/SCRIPTS/SETUPCOMPLETE.CMD": b"echo user\r\nexit /b 0"},
        {"Windows/Setup/Scripts/SetupComplete.cmd": b""},
        {"Windows/Setup/Scripts/msdevices/note.txt": b"x"},
    ],
)
def test_absent_takes_exactly_our_part_out(tmp_path: Path, host: BuildHost, existing: dict[str, bytes]) -> None:
    image = Image.make(tmp_path, existing)
    before = image.names()
    contents = {name: image.read(f"/{name}") for name in existing}
    host.into(image, host.app(), host.other_app("Contoso.Writer"))
    if existing:
        assert {name.lower() for name in image.names()} > {name.lower() for name in before}
    run = host.into(image, host.app())
    assert run.states == ["unchanged"]
    run = host.into(image, {"package_family_name": FAMILY.lower()}, state="absent")
    assert run.states == ["removed"]
    assert f"{OURS}/apps/001".lower() not in [name.lower() for name in image.names()]
    assert any(name.lower() == f"{OURS}/apps/002/main.msix".lower() for name in image.names())
    run = host.into(image, {"package": "/gone/" + _full_name("Contoso.Writer") + ".msix"}, state="absent")
    assert run.states == ["removed"], run.output
    assert image.names() == before
    assert {name: image.read(f"/{name}") for name in existing} == contents
    checksum = image.sha256
    assert host.into(image, {"package_family_name": FAMILY}, state="absent").states == ["absent"]
    assert image.sha256 == checksum


def _full_name(name: str) -> str:
    return f"{name}_1.0.0.0_x64__{FAMILY.rpartition('_')[2]}"


def test_directories_that_were_made_go_with_the_last_app(tmp_path: Path, host: BuildHost) -> None:
    tree = tmp_path / "tree"
    (tree / "Windows").mkdir(parents=True)
    wimlib("capture", tree, tmp_path / "bare.wim", "Bare", "--no-acls")
    image = Image(tmp_path / "bare.wim")
    before = image.names()
    run = host.into(image, hook="none")
    assert [warning for warning in run.warnings if "architecture" in warning] == []
    assert f"{SCRIPTS}/SetupComplete.cmd" not in image.names()
    host.into(image, state="absent")
    assert image.names() == before


def test_own_setup_complete(tmp_path: Path, host: BuildHost) -> None:
    user = b"echo one\nexit /b 3"
    image = Image.make(tmp_path, {"Windows/Setup/Scripts/SetupComplete.cmd": user})
    host.into(image)
    assert image.read(f"{SCRIPTS}/SetupComplete.cmd") == BLOCK + user
    host.into(image, hook="none")
    assert image.read(f"{SCRIPTS}/SetupComplete.cmd") == user
    moved = b"echo one\r\n" + BLOCK.replace(b"@", b"") + b"echo two"
    wimlib_write(image, "SetupComplete.cmd", moved, tmp_path)
    host.into(image)
    assert image.read(f"{SCRIPTS}/SetupComplete.cmd") == b"echo one\r\n" + BLOCK + b"echo two"
    host.into(image, state="absent")
    assert image.read(f"{SCRIPTS}/SetupComplete.cmd") == b"echo one\r\necho two"


def wimlib_write(image: Image, name: str, data: bytes, directory: Path) -> None:
    """Write a file into the scripts of image 1."""
    path = packages.write(directory / "written", data)
    wimlib("update", image.path, 1, f"--command=add --no-acls '{path}' '{SCRIPTS}/{name}'")


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("exit".encode("utf-16"), "it is UTF-16 text"),
        ("exit".encode("utf-16-le"), "it is UTF-16 text"),
        (BLOCK[:-20], "are damaged"),
        (BLOCK + BLOCK, "are damaged"),
    ],
)
def test_setup_complete_that_cannot_be_changed(tmp_path: Path, host: BuildHost, content: bytes, cause: str) -> None:
    image = Image.make(tmp_path, {"Windows/Setup/Scripts/SetupComplete.cmd": content})
    before = image.sha256
    run = host.into(image)
    assert run.failed
    assert cause in run.result["msg"]
    assert image.sha256 == before
    assert host.into(image, hook="none").failed == ("damaged" in cause)


def test_links_in_an_image_are_not_followed(tmp_path: Path, host: BuildHost) -> None:
    secret = packages.write(tmp_path / "secret", b"secret of the host")
    image = Image.make(tmp_path, {"Windows/Setup/Scripts/note.txt": b""})
    link = tmp_path / "link"
    link.symlink_to(secret)
    wimlib("update", image.path, 1, f"--command=add --no-acls '{link}' '{SCRIPTS}/SetupComplete.cmd'")
    before = image.sha256
    run = host.into(image)
    assert "setupcomplete.cmd in it is no file that can be read" in run.result["msg"]
    assert image.sha256 == before


def test_no_place_for_temporary_files(image: Image, host: BuildHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/gone")
    assert "/gone/msdevices-" in host.into(image).result["msg"]


def test_changes_replace_only_what_is_another(image: Image, host: BuildHost) -> None:
    host.into(image, host.app(), host.other_app("Contoso.Writer"))
    size = image.path.stat().st_size
    host.license.write_bytes(License(family_name=FAMILY.lower(), instance_id="1").xml)
    run = host.into(image)
    assert run.states == ["prepared"]
    assert image.read(f"{OURS}/apps/001/license.xml") == host.license.read_bytes()
    assert image.path.stat().st_size - size < 10_000
    # A newer version in the same folder; a dependency less.
    packages.write(host.package, packages.bundle(version="2026.400.0.0"))
    run = host.into(image, host.app(dependencies=None, regions=["US", "DE"], stub="full"), backup=True)
    (app,) = run.result["apps"]
    assert (app["state"], app["previous_version"], app["version"]) == ("prepared", "2026.310.1200.0", "2026.400.0.0")
    assert Path(run.result["backup_file"]).stat().st_size > 0
    assert f"{OURS}/apps/001/dep01.appx" not in image.names()
    script = image.read(f"{OURS}/provision.cmd")
    assert b"/Region:US;DE /StubPackageOption:InstallFull" in script
    assert b"Contoso.Writer" in script
    # An older one: unchanged, an error, or forced.
    packages.write(host.package, packages.bundle())
    assert host.into(image, host.app(dependencies=None)).states == ["unchanged"]
    assert "newer version 2026.400.0.0" in host.into(image, host.app(dependencies=None), exact=True).result["msg"]
    assert host.into(image, host.app(dependencies=None), force=True).result["apps"][0]["version"] == "2026.310.1200.0"
    image.verify()


def test_traces_of_a_first_boot_are_removed(image: Image, host: BuildHost, tmp_path: Path) -> None:
    host.into(image)
    wimlib_write(image, "msdevices/apps/001/done", b"0", tmp_path)
    run = host.into(image)
    assert run.result["changed"]
    assert f"{OURS}/apps/001/done" not in image.names()
    wimlib("update", image.path, 1, f"--command=delete '{OURS}/apps/001/dep01.appx'")
    run = host.into(image, host.other_app("Contoso.Writer"))
    assert "is not what was put there" in run.warnings[0]
    assert host.into(image).states == ["prepared"]
    assert host.into(image).states == ["unchanged"]


def test_app_folder(image: Image, host: BuildHost, tmp_path: Path) -> None:
    """A folder as the package module makes it: what applies is picked."""
    folder = tmp_path / "9WZDNCRFJ3PS"
    (folder / "Dependencies").mkdir(parents=True)
    wants = {FRAMEWORK: "14.0.30704.0", "Contoso.Base": "1.0.0.0"}
    packages.write(folder / "old.msixbundle", packages.bundle(version="2025.1.0.0", dependencies=wants))
    packages.write(folder / "new.msixbundle", packages.bundle(dependencies=wants))
    packages.write(folder / "arm.msix", packages.app_package(architecture="arm64", version="9999.0.0.0"))
    packages.write(folder / "9WZ_License1.xml", License(family_name=FAMILY.lower()).xml)
    packages.write(folder / "other.xml", b"<other/>")
    for architecture in ("x64", "x86", "arm64"):
        for version in ("14.0.30704.0", "14.0.33519.0", "14.0.1.0"):
            name = f"vclibs_{architecture}_{version}.appx"
            packages.write(folder / "Dependencies" / name, framework(architecture, version))
    base = packages.app_package(name="Contoso.Base", publisher=packages.MICROSOFT, architecture="x64")
    packages.write(folder / "Dependencies" / "base.appx", base)
    run = host.into(image, {"package": str(folder)})
    assert not run.failed, run.output
    assert run.result["apps"][0]["version"] == "2026.310.1200.0"
    record = json.loads(image.read(f"{OURS}/manifest.json"))
    assert [name.rpartition("__")[0] for name in record["apps"][0]["frameworks"]] == [
        "Contoso.Base_1.12.0.0_x64",
        f"{FRAMEWORK}_14.0.33519.0_x64",
        f"{FRAMEWORK}_14.0.33519.0_x86",
    ]


def test_frameworks_of_the_image_count(tmp_path: Path, host: BuildHost) -> None:
    staged = f"Program Files/WindowsApps/{FRAMEWORK}_14.0.33519.0_x64__8wekyb3d8bbwe/AppxManifest.xml"
    image = Image.make(tmp_path, {staged: b""})
    assert host.into(image, host.app(dependencies=None)).states == ["prepared"]


@pytest.mark.parametrize(
    ("changes", "options", "cause"),
    [
        ({"dependencies": None}, {}, f"{FRAMEWORK} (version 14.0.30704.0 or later, x64)"),
        ({"license": None}, {}, "neither license nor skip_license is set"),
        ({"package_family_name": "Contoso.Other_8wekyb3d8bbwe"}, {}, "its family is Contoso.Reader_"),
        ({"package": "/gone.msix"}, {}, "No such file or directory"),
        ({"regions": ["Mars!"]}, {}, "the region 'Mars!'"),
        ({}, {"index": 3}, "no image has the index 3. It holds: 1 (Windows Pro), 2 (Windows Home)"),
        ({}, {"image_name": "windows pro"}, "no image has the name 'windows pro'"),
    ],
)
def test_wrong_options(
    image: Image, host: BuildHost, changes: dict[str, Any], options: dict[str, Any], cause: str
) -> None:
    before = image.sha256
    run = host.into(image, host.other_app("Contoso.Writer"), host.app(**changes), **options)
    assert run.failed
    assert cause in run.result["msg"]
    assert image.sha256 == before
    assert not run.result["changed"]


def test_one_wrong_app_keeps_the_others_out(image: Image, host: BuildHost) -> None:
    host.into(image, host.other_app("Contoso.Writer"))
    before = image.sha256
    host.license.write_bytes(License().xml)
    apps = [host.app(), host.other_app("Contoso.Writer", "2.0.0.0"), host.other_app("Contoso.Third")]
    run = host.into(image, *apps)
    assert run.states == ["failed", "unchanged", "absent"]
    assert "it is for contoso.app_8wekyb3d8bbwe" in run.result["apps"][0]["error"]
    assert "nothing was changed" in run.result["msg"]
    assert image.sha256 == before
    host.license.write_bytes(License(family_name=FAMILY).xml)
    twice = host.into(image, host.app(), host.app())
    assert "another app of the task is of the same family" in twice.result["msg"]


def test_image_that_does_not_fit(tmp_path: Path, host: BuildHost) -> None:
    image = Image.make(tmp_path, architecture="arm64", build=17134)
    assert "it needs Windows 10.0.17763, and the image is 10.0.17134" in host.into(image).result["msg"]
    (tmp_path / "x86").mkdir()
    image = Image.make(tmp_path / "x86", architecture="x86")
    run = host.into(image, host.app(package=packages.write(tmp_path / "a.msix", packages.app_package())))
    assert "it is for x64, and the image is x86" in run.result["msg"]


def test_files_that_are_refused(image: Image, host: BuildHost, tmp_path: Path) -> None:
    solid, split = Image(tmp_path / "install.esd"), Image(tmp_path / "install.swm")
    wimlib("export", image.path, "all", solid.path, "--solid")
    big = Image.make(_made(tmp_path / "big"), {"Windows/data.bin": os.urandom(300_000)})
    wimlib("split", big.path, split.path, "0.1")
    read_only = Image(packages.write(tmp_path / "read-only.wim", image.path.read_bytes()))
    with open(read_only.path, "r+b") as file:
        file.seek(16)
        flags = int.from_bytes(file.read(4), "little")
        file.seek(16)
        file.write((flags | 4).to_bytes(4, "little"))
    text = Image(packages.write(tmp_path / "text.wim", b"MSWIM" * 100))
    gone = tmp_path / "gone.wim"
    for target, cause in [
        (solid, "it is a solid file (ESD)"),
        (split, "it is a part of a split WIM"),
        (read_only, "it is marked as read-only"),
        (text, "it is no WIM file"),
    ]:
        before = target.sha256
        run = host.into(target)
        assert cause in run.result["msg"]
        assert target.sha256 == before
    assert "No such file" in host.run(host.app(), image_file=gone, index=1).result["msg"]
    assert host.into(solid, allow_solid=True).states == ["prepared"]
    solid.verify()


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def test_too_little_space(image: Image, host: BuildHost) -> None:
    """A package that is said to be larger than any disk: sparse bytes before a real ZIP file."""
    package = packages.app_package(name="Contoso.Huge")
    path = host.directory / "huge.msix"
    with open(path, "wb") as file:
        file.seek(2**43)
        file.write(package)
    before = image.sha256
    run = host.into(image, {"package": str(path), "skip_license": True})
    assert "KiB free, and 85899" in run.result["msg"]
    assert image.sha256 == before


def test_how_often_wimlib_is_called(
    image: Image, host: BuildHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Three apps take one update; an unchanged run takes a list and, for the small files, an extraction."""
    log = tmp_path / "calls"
    program = shutil.which("wimlib-imagex")
    script = f'#!/bin/sh\necho "$1 $WIMLIB_IMAGEX_IGNORE_CASE" >>"{log}"\nexec {program} "$@"\n'
    tool = packages.write(_made(tmp_path / "bin") / "wimlib-imagex", script.encode())
    tool.chmod(0o755)
    apps = [host.app(), host.other_app("Contoso.Writer"), host.other_app("Contoso.Third")]
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
        host.into(image, *apps)
        assert log.read_text().split("\n")[-2:] == ["update 1", ""]
        assert log.read_text().count("update") == 1
        log.unlink()
        assert host.into(image, *apps).states == ["unchanged"] * 3
    assert sorted(log.read_text().splitlines()) == ["dir 1", "extract 1"]


def test_missing_tool(image: Image, host: BuildHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(_made(tmp_path / "empty")))
    from ansible.module_utils.common import process

    monkeypatch.setattr(process, "is_executable", lambda path: "wimlib" not in path and os.access(path, os.X_OK))
    run = host.into(image)
    assert "wimlib-imagex of wimlib is not installed" in run.result["msg"]
    assert "the package wimtools on Debian" in run.result["msg"]


def test_runs_wait_for_each_other(image: Image, host: BuildHost) -> None:
    running = [
        host.start(host.other_app(f"Contoso.App{number}"), image_file=image.path, index=1) for number in range(3)
    ]
    assert [run.wait().states for run in running] == [["prepared"]] * 3
    record = json.loads(image.read(f"{OURS}/manifest.json"))
    assert sorted(app["slot"] for app in record["apps"]) == ["001", "002", "003"]
    image.verify()


def test_wimlibs_own_lock(image: Image, host: BuildHost) -> None:
    holder = subprocess.Popen(
        ["flock", "--exclusive", str(image.path), "sh", "-c", "echo locked; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"
    run = host.into(image)
    holder.communicate(b"\n")
    assert "another program is writing to it" in run.result["msg"]
    assert host.into(image).states == ["prepared"]


def test_as_many_files_as_in_a_real_image(image: Image, host: BuildHost, tmp_path: Path) -> None:
    source = packages.write(tmp_path / "component.dll", b"MZ")
    commands = "".join(
        f"add --no-acls {source} /Windows/WinSxS/component{number // 100}/{number}.dll\n" for number in range(100_000)
    )
    subprocess.run(
        ["wimlib-imagex", "update", image.path, "1"],
        input=commands.encode(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    assert host.into(image).states == ["prepared"]
    before = (image.sha256, image.path.stat().st_mtime_ns)
    used = _child_seconds()
    assert host.into(image).states == ["unchanged"]
    assert _child_seconds() - used < 1
    assert (image.sha256, image.path.stat().st_mtime_ns) == before
    assert host.into(image, state="absent").states == ["removed"]
    assert len(image.names()) > 100_000


def _child_seconds() -> float:
    """What the module and the tools that it ran have computed, which other work on the machine hardly changes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_killed_runs_are_completed(tmp_path: Path, host: BuildHost) -> None:
    """Twenty runs are killed while wimlib writes, at different moments, and wimlib with every second of them."""
    image = Image.make(tmp_path, {f"Windows/System32/{number}.dll": os.urandom(20) for number in range(2000)})
    killed = 0
    # On a quick machine, some runs end before they are killed.
    while killed < 20:
        packages.write(host.package, packages.bundle(("x64",), payload=os.urandom(1_500_000), dependencies=NEEDED))
        size = image.path.stat().st_size
        running = host.start(host.app(), image_file=image.path, index=1)
        while running.process.is_alive() and image.path.stat().st_size == size:
            running.process.join(0.002)
        running.process.join(killed % 7 * 0.01)
        pid = running.process.pid
        assert pid is not None
        if running.process.is_alive():
            killed += 1
            (os.killpg if killed % 2 else os.kill)(pid, signal.SIGKILL)
        running.process.join()
        image.verify()
    run = host.into(image)
    assert not run.failed, run.output
    assert run.states[0] in ("prepared", "unchanged")
    assert image.read(f"{OURS}/apps/001/main.msixbundle") == host.package.read_bytes()
    assert host.into(image).states == ["unchanged"]
    image.verify()
