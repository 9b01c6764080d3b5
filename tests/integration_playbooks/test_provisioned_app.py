# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apps are provisioned on a simulated Windows build host: in the running system, in images, in image files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from emulator.packages import package_bytes
from windows_standin.harness import WindowsHosts

from ansible_collections.msdevices.provisioning.plugins.modules import ms_provisioned_app, ms_provisioned_app_info

from .apps import (
    HOST,
    IMAGE,
    INFO,
    MODULE,
    MOUNT,
    RECORD,
    STAGE,
    VCLIBS,
    BuildHost,
    app,
    family,
    framework,
    license_xml,
)
from .conftest import Figure, NewLab
from .guides import blocks
from .packages import package_options, package_task


@pytest.fixture
def build_host(tmp_path: Path) -> BuildHost:
    """A Windows build host on which nothing is provisioned."""
    return BuildHost(tmp_path, WindowsHosts(tmp_path, [HOST]))


def test_staged_folder_online(build_host: BuildHost) -> None:
    """A staged folder is enough; license, both dependencies and all regions reach DISM; the second run is one list."""
    folder = build_host.stage(app())
    predicted = build_host.run("--check", "--diff", package=folder, cleanup=True)
    assert predicted["warnings"] == ["cleanup is not used on a Windows host."]
    assert (predicted["changed"], predicted["apps"][0]["state"]) == (True, "added"), predicted["msg"]
    assert build_host.provisioned() == {}
    result = build_host.run(package=folder)
    assert not result["failed"], result
    entry = result["apps"][0]
    assert (entry["state"], entry["package_family_name"], entry["rc"]) == ("added", family(app()), 0)
    (added,) = build_host.provisioned().values()
    assert added["regions"] == "all"
    assert added["passed"]["license"].endswith("_License1.xml")
    assert len(added["passed"]["dependencies"]) == 2
    assert build_host.steps == ["list", "add"]
    again = build_host.run(package=folder)
    assert (again["changed"], again["apps"][0]["state"], build_host.steps) == (False, "unchanged", ["list"])
    assert not any(call["changed"] for call in build_host.windows.calls(HOST) if not call["plugin"].endswith("command"))
    listed = build_host.run(module=INFO)
    assert [one["package_name"] for one in listed["apps"]] == [app().full_name]


def test_image_file(build_host: BuildHost, figure: Figure) -> None:
    """All apps in one mount; an unchanged run mounts read-only and does not write; so does check mode."""
    names = ["Contoso.App", "Contoso.Paint", "Contoso.News"]
    apps = [{"package": build_host.stage(app(name), f"9WZDNCRFJ3P{number}")} for number, name in enumerate(names)]
    before = build_host.image()
    target = {"image_file": IMAGE, "image_name": "Windows Pro", "mount_dir": MOUNT}
    predicted = build_host.run("--check", apps=apps, **target)
    assert [one["state"] for one in predicted["apps"]] == ["added"] * 3, predicted
    assert (predicted["changed"], predicted["saved"]) == (True, False)
    assert build_host.windows.read(HOST, IMAGE) == before
    assert all("/ReadOnly" in one for one in build_host.arguments("mount"))

    result = build_host.run("--diff", apps=apps, optimize=True, **target)
    assert (result.get("msg"), result["saved"], result["changed"]) == (None, True, True)
    assert [step for step in build_host.steps if step != "info"] == [
        "mount",
        "list",
        *["add"] * 3,
        "optimize",
        "commit",
    ]
    assert [one["name"] for one in build_host.image_apps] == names
    assert result["diff"][0]["after"].count(" all\n") == 3
    figure(f"Image file, 3 apps: DISM ran {', '.join(build_host.steps)}")

    before = build_host.windows.read(HOST, IMAGE)
    again = build_host.run(apps=apps, **target)
    assert (again["changed"], again["saved"]) == (False, False)
    assert {one["state"] for one in again["apps"]} == {"unchanged"}
    assert [step for step in build_host.steps if step != "info"] == ["mount", "list", "discard"]
    assert "/ReadOnly" in build_host.arguments("mount")[0]
    assert build_host.windows.read(HOST, IMAGE) == before
    assert build_host.windows.mounts(HOST) == []
    figure(f"Image file, 3 apps, unchanged: DISM ran {', '.join(build_host.steps)}")

    listed = build_host.run(module=INFO, image_file=IMAGE, index=2, mount_dir=MOUNT)
    assert [one["name"] for one in listed["apps"]] == names
    removed = build_host.run(package_family_name=family(app()), state="absent", **target)
    assert [one["state"] for one in removed["apps"]] == ["removed"]
    assert [one["name"] for one in build_host.image_apps] == names[1:]


FAILING_STEPS = {
    "mount": (0xC1420130, None, "0xC1420130, a split image"),
    "list": (None, "truncated", "cut off, empty or not in English"),
    "silence": (None, "silent", "cut off, empty or not in English"),
    "add": (0x80073CF9, "half", "15609, installing failed"),
    "optimize": (1781, None, "1781, the DISM of the host is older"),
    "commit": (112, None, "112, the disk is full"),
    "discard": (5, None, "5, access is denied"),
}


@pytest.mark.once
def test_each_failing_step_of_an_image_file(build_host: BuildHost) -> None:
    """Whatever fails, the image is discarded and nothing is saved; the next run does it all."""
    options = {
        "package": build_host.stage(app()),
        "image_file": IMAGE,
        "index": 2,
        "mount_dir": MOUNT,
        "optimize": True,
        "busy_delay": 0,
    }
    build_host.image()
    before = build_host.windows.read(HOST, IMAGE)
    for step, (code, effect, text) in FAILING_STEPS.items():
        build_host.windows.dism_fails("list" if step == "silence" else step, code, effect=effect)
        if step == "discard":
            # It is only reached after another failure.
            build_host.windows.dism_fails("add", 0x80073CF9)
            text = "15609"
        result = build_host.run(**options)
        assert result["failed"], (step, result)
        assert text in result["msg"], (step, result["msg"])
        assert (result["changed"], result["saved"], result["apps"][0]["state"]) == (False, False, "failed"), step
        assert build_host.windows.read(HOST, IMAGE) == before, step
        assert build_host.windows.mounts(HOST) == [] or step == "discard", step
    result = build_host.run(**options)
    assert any("left" in warning for warning in result["warnings"])
    assert (result["apps"][0]["state"], result["saved"]) == ("added", True), result.get("msg")
    assert build_host.windows.mounts(HOST) == []
    assert not any("half" in name for name in build_host.windows.indexes(HOST, IMAGE)[1]["files"])


def test_states_in_the_running_system(build_host: BuildHost) -> None:
    """Versions, licenses and regions are compared; DISM refuses an equal version here, and the state is right all the
    same; one app that fails does not stop the others."""
    old = build_host.stage(app(version="2026.100.1.0"), "OLD")
    new = build_host.stage(app(), "NEW")
    reissued = build_host.stage(app(), "REISSUED", license_data=license_xml(family(app()), instance=2))
    foreign = build_host.stage(app("Contoso.Paint"), "FOREIGN", license_data=license_xml(family(app())))
    single = app("Contoso.Codec", "1.0.7.0", extension=".msix", architectures=("x64",), dependencies=())
    codec = rf"C:\packages\{single.full_name}.msix"
    build_host.windows.write(HOST, codec, package_bytes(single))
    steps: dict[str, tuple[dict[str, Any], str, str | None]] = {
        "first": ({"package": old}, "added", None),
        "newer": ({"package": new}, "updated", "2026.100.1.0"),
        "older": ({"package": old}, "unchanged", "2026.310.1200.0"),
        "exact": ({"package": old, "exact": True}, "failed", "2026.310.1200.0"),
        "license changed": ({"package": reissued}, "readded", "2026.310.1200.0"),
        "license again": ({"package": reissued}, "unchanged", "2026.310.1200.0"),
        "regions changed": ({"package": reissued, "regions": ["de", "AT"]}, "readded", "2026.310.1200.0"),
        "regions again": ({"package": reissued, "regions": ["at", "de"]}, "unchanged", "2026.310.1200.0"),
        "forced": ({"package": reissued, "force": True, "stub": "full"}, "readded", "2026.310.1200.0"),
        "other full name": ({"package_name": app(version="2026.1.1.0").full_name, "state": "absent"}, "absent", None),
        "absent": ({"package": new, "state": "absent"}, "removed", "2026.310.1200.0"),
        "absent again": ({"package_family_name": family(app()).upper(), "state": "absent"}, "absent", None),
        "no license": ({"package": codec, "skip_license": True}, "added", None),
    }
    tasks = [{"name": name, MODULE: options} for name, (options, _state, _previous) in steps.items()]
    build_host.run_tasks([*tasks, {"name": "two", MODULE: {"apps": [{"package": foreign}, {"package": new}]}}])
    for name, (_options, state, previous) in steps.items():
        result = build_host.results[name]["result"]
        entry = result["apps"][0]
        assert (entry["state"], entry["previous_version"]) == (state, previous), (name, result.get("msg"))
        assert result["changed"] is entry["changed"] is (state not in ("unchanged", "absent", "failed")), name
    assert "newer version 2026.310.1200.0 is there" in build_host.results["exact"]["result"]["msg"]
    both = build_host.results["two"]["result"]
    assert [one["state"] for one in both["apps"]] == ["failed", "added"]
    assert (build_host.results["two"]["state"], both["changed"]) == ("failed", True)
    assert f"there is one for {family(app()).lower()}" in both["msg"]
    assert set(build_host.provisioned()) == {app().full_name, single.full_name}
    added = build_host.arguments("add")
    assert any("/StubPackageOption:InstallFull" in one for one in added)
    assert any("/Region:de;AT" in one for one in added)
    assert not any(word in one.lower() for line in added for one in line for word in ("/quiet", "/folderpath"))


CODES = {
    0xC1570108: ("0xC1570108", "a policy"),
    0xC1570102: ("0xC1570102", "architecture of the image"),
    0x80073CF0: ("15600", "cannot be opened"),
    0x80073CF3: ("15603", "dependency"),
    0x80073CF6: ("15606", "registering failed"),
    0x80073CF9: ("15609", "installing failed"),
    0x80073CFB: ("15611", "other content"),
    0x80073CFF: ("15615", "AllowAllTrustedApps"),
    0x80073D19: ("15641", "logged on"),
    2: ("2", "a file is missing"),
    3: ("3", "a path is missing"),
    5: ("5", "administrator"),
    740: ("740", "administrator"),
    32: ("32", "in use"),
    50: ("50", "Server Core"),
    87: ("87", "dism_path"),
    112: ("112", "disk is full"),
    0x800706F5: ("1781", "Windows ADK"),
    0xC1570118: ("0xC1570118", "equal or a higher version"),
    0x80073D06: ("15622", "higher version"),
    0xC1570106: ("0xC1570106", "another session"),
    0x800F0902: ("0x800F0902", "servicing is busy"),
    0x800706BE: ("1726", "servicing process ended"),
    0xC1510114: ("0xC1510114", "remounted"),
    0x8BADF00D: ("0x8BADF00D", "Look into the log"),
}


@pytest.mark.once
def test_each_code(build_host: BuildHost) -> None:
    """Every code ends with its text and remedy and the path of the log; then the app is added."""
    folder = build_host.stage(app())
    for code in CODES:
        retried = {0xC1570106: 3, 0x800F0902: 3, 0x800706BE: 2}
        build_host.windows.dism_fails("add", code, times=retried.get(code, 1))
    options = {"package": folder, "busy_delay": 0, "busy_retries": 2, "log_path": r"C:\logs\dism.log"}
    build_host.run_tasks([{"name": str(number), MODULE: options} for number in range(len(CODES) + 1)])
    for number, (code, (shown, text)) in enumerate(CODES.items()):
        result = build_host.results[str(number)]["result"]
        assert f"DISM ended with {shown}, " in result["msg"], hex(code)
        assert text in result["msg"], hex(code)
        assert r"C:\logs\dism.log" in result["msg"]
        assert (result["changed"], result["apps"][0]["state"]) == (False, "failed")
    assert build_host.results[str(len(CODES))]["result"]["apps"][0]["state"] == "added"

    # What passes is retried, and 3010 is a success.
    build_host.run(package_family_name=family(app()), state="absent")
    build_host.windows.dism_fails("add", 0xC1570106, times=2)
    build_host.windows.dism_fails("add", 0x800706BE)
    build_host.windows.dism_fails("add", 3010)
    result = build_host.run(package=folder)
    assert (result["failed"], result["reboot_required"], build_host.steps) == (False, True, ["list", *["add"] * 4])


@pytest.mark.once
def test_bad_input(build_host: BuildHost) -> None:
    """What cannot work is named before anything is mounted."""
    folder = build_host.stage(app())
    alone = build_host.stage(app(), "ALONE", architectures=())
    x86_only = build_host.stage(app(), "X86", architectures=("x86",))
    no_license = build_host.stage(app(), "BARE", license_data=b"")
    foreign = build_host.stage(app("Contoso.Paint"), "FOREIGN", license_data=license_xml(family(app())))
    windows = build_host.windows
    windows.write(HOST, r"C:\packages\broken.msix", b"this is no package")
    windows.write(HOST, r"C:\packages\secret.emsix", b"EXPH")
    windows.write(HOST, r"C:\packages\bad.xml", b"<a/>")
    for name, data in {"esd.esd": build_host.image(), "text.wim": b"no image"}.items():
        windows.write(HOST, rf"C:\images\{name}", data)
    windows.write(HOST, r"C:\full\file", b"x")
    target = {"image_file": IMAGE, "index": 2, "mount_dir": MOUNT}
    bundle = rf"{folder}\Contoso.App_2026.310.1200.0_Universal_X64.X86.msixbundle"
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "no such package": ({"package": r"C:\no\App.msix", "skip_license": True}, "no such file on the host"),
        "no such folder": ({"package": r"C:\no"}, "there is no package in it"),
        "relative path": ({"package": r"stage\App"}, "is not of the form"),
        "variable": ({"package": r"%TEMP%\App"}, "is not of the form"),
        "no such license": (
            {"package": bundle, "license": r"C:\no.xml"},
            r"the license C:\no.xml: there is no such file",
        ),
        "no license document": ({"package": bundle, "license": r"C:\packages\bad.xml"}, "root element"),
        "foreign license": (
            {"package": foreign, "license": rf"{folder}\9WZDNCRFJ3PS_0015_License1.xml"},
            "is for contoso.app",
        ),
        "no license in the folder": ({"package": no_license}, "Stage it there with ms_offline_license"),
        "neither license": ({"package": bundle}, "neither license nor skip_license"),
        "both licenses": ({"package": bundle, "license": "C:\\x.xml", "skip_license": True}, "exclude each other"),
        "missing dependencies": ({"package": alone}, f"it needs {VCLIBS} (version 14.0.30704.0 or later, x64)"),
        "dependency of another architecture": ({"package": x86_only}, f"it needs {VCLIBS}"),
        "other family": ({"package": folder, "package_family_name": family(app("Contoso.X"))}, "not of Contoso.X"),
        "other architecture": ({"package": folder, "architecture": "arm"}, "the image is arm"),
        "no package": ({"package": r"C:\packages\broken.msix", "skip_license": True}, "it is no package"),
        "encrypted": ({"package": r"C:\packages\secret.emsix", "skip_license": True}, "goes into running systems only"),
        "no region": ({"package": folder, "regions": ["Bavaria"]}, "neither all nor a code"),
        "all and more": ({"package": folder, "regions": ["all", "de"]}, "all stands alone"),
        "no index": ({"package": folder, "index": None}, "one of index and image_name"),
        "index 0": ({"package": folder, "index": 0}, "counts from 1"),
        "unknown index": ({"package": folder, "index": 9}, "index 9 of"),
        "unknown name": ({"package": folder, "index": None, "image_name": "Windows 12"}, "Windows Home, Windows Pro"),
        "no image file": ({"package": folder, "image_file": r"C:\no.wim"}, "no such file on the host"),
        "text": ({"package": folder, "image_file": r"C:\images\text.wim"}, "no image that can be mounted"),
        "no mount_dir": ({"package": folder, "mount_dir": None}, "mount_dir is missing"),
        "solid": ({"package": folder, "image_file": r"C:\images\esd.esd"}, "Export an ESD to a WIM first"),
        "full mount_dir": ({"package": folder, "mount_dir": r"C:\full"}, "mount_dir is not empty"),
        "distribution": ({"package": folder, "image_file": None, "index": None, "distribution": r"C:\d"}, "for POSIX"),
        "dism_path": ({"package": folder, "dism_path": r"C:\no\dism.exe"}, r"C:\no\dism.exe could not be run"),
    }
    tasks = [
        {"name": name, MODULE: {key: value for key, value in {**target, **options}.items() if value is not None}}
        for name, (options, _text) in cases.items()
    ]
    build_host.run_tasks(tasks)
    for name, (_options, text) in cases.items():
        outcome = build_host.results[name]
        assert outcome["state"] == "failed", (name, outcome)
        assert text in outcome["result"]["msg"], (name, outcome["result"]["msg"])
        assert outcome["result"].get("changed") is False
    mounted = [one["status"] for one in windows.dism_calls(HOST, "mount")]
    assert len(mounted) == 2
    assert 0 not in mounted
    assert windows.exists(HOST, r"C:\full\file")


@pytest.mark.once
@pytest.mark.parametrize("step", ["mount", "add", "commit"])
def test_connection_lost_in_an_image_file(build_host: BuildHost, step: str) -> None:
    """What is left mounted is discarded by the next run, since a marker says that it is ours."""
    options = {"package": build_host.stage(app()), "image_file": IMAGE, "index": 2, "mount_dir": MOUNT}
    before = build_host.image()
    build_host.windows.dism_fails(step, effect="died")
    build_host.run_tasks([{"name": "task", MODULE: options}])
    assert build_host.results["task"]["state"] == "unreachable"
    assert build_host.windows.mounts(HOST) != []
    result = build_host.run(**options)
    assert (result["apps"][0]["state"], result["saved"]) == ("added", True), result.get("msg")
    assert any("An earlier run left" in warning for warning in result["warnings"])
    assert build_host.windows.mounts(HOST) == []
    assert build_host.windows.read(HOST, IMAGE) != before
    assert not build_host.windows.exists(HOST, MOUNT + ".msdevices")


@pytest.mark.once
def test_mounts_that_are_not_ours(build_host: BuildHost) -> None:
    """A mount of somebody else is in the way, and stays; an unmount that is kept from its work is tried again."""
    windows = build_host.windows
    folder = build_host.stage(app())
    options = {"package": folder, "image_file": IMAGE, "index": 2, "mount_dir": MOUNT, "busy_delay": 0}
    build_host.image()
    windows.mkdir(HOST, MOUNT)
    mount = ["dism.exe", "/Mount-Image", f"/ImageFile:{IMAGE}", "/Index:1", f"/MountDir={MOUNT}"]
    build_host.run_tasks(
        [
            {"name": "by hand", "ansible.windows.win_command": {"argv": mount}},
            {"name": "ours", MODULE: options},
            {"name": "root", MODULE: {"package": folder, "image": MOUNT + "\\", "optimize": True}},
            {"name": "root again", MODULE: {"package": folder, "image": MOUNT, "optimize": True}},
        ]
    )
    assert "0xC1420113" in build_host.results["ours"]["result"]["msg"]
    assert len(windows.mounts(HOST)) == 1
    # The root of an image that is mounted already is serviced in place, and keeps its own record.
    assert build_host.results["root"]["result"]["apps"][0]["state"] == "added"
    assert build_host.results["root again"]["result"]["changed"] is False
    assert windows.exists(HOST, rf"{MOUNT}\{RECORD}")
    assert [one["name"] for one in windows.provisioned(HOST, MOUNT)] == ["Contoso.App"]

    options["mount_dir"] = r"C:\other"
    windows.dism_fails("commit", 0xC1420117, times=2)
    result = build_host.run(**options)
    assert (result["saved"], build_host.steps[-3:]) == (True, ["commit"] * 3), result.get("msg")
    windows.dism_fails("commit", 0xC1420117, effect="saved", times=1)
    removed = build_host.run(
        **{**options, "package": None, "package_family_name": family(app()), "state": "absent"}, busy_retries=0
    )
    assert removed["failed"]
    assert "what was to be saved may have been saved" in removed["msg"]
    assert [one["dir"] for one in windows.mounts(HOST)] == [MOUNT]


@pytest.mark.once
def test_awkward_systems(build_host: BuildHost) -> None:
    """Old Windows without regions, no preamble, no tar, no elevation, an equal version that is accepted, apps in two
    versions, unknown identities, names that DISM reads otherwise."""
    windows = build_host.windows
    folder = build_host.stage(app())
    single = app("Contoso.Codec", "1.0.7.0", extension=".msix", architectures=("neutral",), dependencies=())
    unnamed = r"C:\my packages\f0e1d2.msix"
    windows.write(HOST, unnamed, package_bytes(single))
    windows.write(HOST, r"C:\my packages\data.dat", b"x")
    windows.write(HOST, r"C:\packages\secret_1.0.0.0_x64__8wekyb3d8bbwe.emsix", package_bytes(framework("x64")))
    windows.dism(HOST, elevated=False)
    assert "740, DISM is not run as an administrator" in build_host.run(package=folder)["msg"]

    # Without tar, only the list tells what was added; the record knows it the next time.
    windows.dism(HOST, elevated=True, has_tar=False, preamble=False, no_region="None", accepts_equal_version=True)
    options = {"package": unnamed, "skip_license": True, "custom_data": r"C:\my packages\data.dat", "regions": []}
    first = build_host.run(**options)
    assert (first["apps"][0]["package_family_name"], build_host.steps) == (family(single), ["list", "add", "list"]), (
        first
    )
    assert any(one == r"/CustomDataPath:C:\my packages\data.dat" for one in build_host.arguments("add")[0])
    assert not any("/Region" in one for one in build_host.arguments("add")[0])
    assert (build_host.run(**options)["changed"], build_host.steps) == (False, ["list"])
    online = build_host.run(package=r"C:\packages\secret_1.0.0.0_x64__8wekyb3d8bbwe.emsix", skip_license=True)
    assert online["apps"][0]["state"] == "added", online

    windows.dism(HOST, has_tar=True, dism_version="10.0.16299.1", image_version="10.0.16299.15")
    result = build_host.run(package=folder)
    assert "87, DISM does not know an option" in result["msg"]
    assert "The region option is unknown" in result["msg"]
    assert build_host.run(package=folder, regions=[])["apps"][0]["state"] == "added"
    again = build_host.run(package=folder)
    assert (again["changed"], again["dism_version"]) == (False, "10.0.16299.1")

    # Twice the same app: the second is refused, and is there.
    windows.dism(HOST, dism_version="10.0.22000.1", image_version="10.0.22621.1", accepts_equal_version=False)
    build_host.run(package_family_name=family(app()), state="absent")
    twice = build_host.run(apps=[{"package": folder}, {"package": folder}])
    assert [one["state"] for one in twice["apps"]] == ["added", "unchanged"], twice
    assert build_host.steps == ["list", "add", "add", "list"]
    assert any("is older than the image" in warning for warning in twice["warnings"])

    # Windows protects some apps, and may list one in two versions.
    (entry,) = [one for one in windows.provisioned(HOST) if one["name"] == "Contoso.App"]
    newer = app(version="2026.999.0.0").full_name
    inbox = "Contoso.Inbox_1.0.0.0_x64__8wekyb3d8bbwe"
    protected = {**entry, "full_name": inbox, "name": "Contoso.Inbox", "protected": True}
    windows.provision(HOST, {**entry, "version": "2026.999.0.0", "full_name": newer}, protected)
    result = build_host.run(package=folder)
    assert (result["changed"], result["apps"][0]["package_name"]) == (False, newer)
    assert any("in several versions" in warning for warning in result["warnings"])
    result = build_host.run(package_name=inbox, state="absent")
    assert "15610" in result["msg"]
    assert "Windows protects this app" in result["msg"]


@pytest.mark.once
def test_provisioned_frameworks_count(build_host: BuildHost) -> None:
    """A dependency that is provisioned, or comes as another app of the task, is there."""
    alone = build_host.stage(app(), architectures=())
    vclibs = rf"C:\packages\{framework('x64').full_name}.appx"
    build_host.windows.write(HOST, vclibs, package_bytes(framework("x64")))
    missing = build_host.run(package=alone)
    assert (missing["failed"], build_host.steps) == (True, ["list"])
    both = build_host.run("--check", apps=[{"package": vclibs, "skip_license": True}, {"package": alone}])
    assert [one["state"] for one in both["apps"]] == ["added", "added"]
    assert build_host.run(package=vclibs, skip_license=True)["changed"]
    assert build_host.run(package=alone)["apps"][0]["state"] == "added"
    unverified = build_host.run(package=alone, verify_dependencies=False, force=True)
    assert unverified["apps"][0]["state"] == "readded"


@pytest.mark.once
def test_examples_and_guide(build_host: BuildHost) -> None:
    """The examples of both modules and those of "guide_provisioning" run as they are written."""
    windows = build_host.windows
    for product, name in (("9WZDNCRFJ3PS", "Contoso.App"), ("9NBLGGH4NNS1", "Contoso.Paint")):
        build_host.stage(app(name), product)
    fabrikam = app("Fabrikam")
    tool = app("Tool", extension=".msix", architectures=("x64",), dependencies=())
    for path, data in {
        r"C:\packages\Fabrikam.msixbundle": package_bytes(fabrikam),
        r"C:\packages\VCLibs.x64.appx": package_bytes(framework("x64")),
        r"C:\packages\VCLibs.x86.appx": package_bytes(framework("x86")),
        r"C:\licenses\Fabrikam_License1.xml": license_xml(family(fabrikam)),
        r"C:\packages\Tool.msix": package_bytes(tool),
    }.items():
        windows.write(HOST, path, data)
    windows.image_file(HOST, IMAGE, *({"name": name} for name in ("Windows 11 Home", "Windows 11 Pro", "Windows 11 N")))
    windows.mkdir(HOST, r"D:\mounted\Windows")
    examples = [*yaml.safe_load(ms_provisioned_app.EXAMPLES), *yaml.safe_load(ms_provisioned_app_info.EXAMPLES)]
    for block in blocks("guide_provisioning"):
        examples += block.document if block.language.startswith("yaml") else []
    # Those for Linux build hosts have POSIX paths.
    examples = [task for task in examples if "/srv/" not in str(task)]
    tasks = [{**task, "name": f"{number} {task['name']}"} for number, task in enumerate(examples)]
    assert build_host.run_tasks(tasks) == 0
    assert not {name: one["result"].get("msg") for name, one in build_host.results.items() if one["state"] != "ok"}
    states = [
        one["state"] for task in tasks if MODULE in task for one in build_host.results[task["name"]]["result"]["apps"]
    ]
    assert states == ["added", "added", "added", "added", "readded", "absent", "unchanged", "added", "added", "absent"]
    assert [len(index["apps"]) for index in windows.indexes(HOST, IMAGE)] == [0, 2, 2]
    assert all(index["optimized"] for index in windows.indexes(HOST, IMAGE)[1:])
    assert [one["name"] for one in windows.provisioned(HOST, r"D:\mounted")] == ["Tool"]


@pytest.mark.once
def test_from_product_id_to_provisioned_app(new_lab: NewLab) -> None:
    """What ms_store_package and ms_offline_license stage on a Windows host is provisioned as it lies there."""
    lab = new_lab(linux=0, windows=[HOST])
    licenses, lab.defaults = lab.defaults, {}
    product = lab.emulator.product(0)
    folder = rf"{STAGE}\{product.product_id}"
    tasks = [
        package_task(product_id=product.product_id, **package_options(lab.emulator)),
        lab.task(**licenses, **product.request(), dest=folder),
        {"name": "provision", MODULE: {"package": folder}},
    ]
    first, second = lab.run(tasks), lab.run(tasks)
    assert (first.status, second.status) == (0, 0), first.output
    (provisioned,) = lab.windows.provisioned(HOST)
    assert provisioned["family"] == product.package_family_name
    assert provisioned["passed"]["license_text"].startswith("<License")
    assert len(provisioned["passed"]["dependencies"]) == 4
    assert first.ok(HOST, "provision")["apps"][0]["state"] == "added"
    assert not any(second.ok(HOST, name)["changed"] for name in ("packages", "stage", "provision"))
    assert second.requests == []
