# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated DISM against the facts: what it takes, what it prints, what it keeps, how it fails."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest
from dism_standin import tar
from dism_standin.program import Behavior, Dism
from emulator.packages import MICROSOFT, Dependency, Package, package_bytes
from windows_standin.harness import WindowsHosts
from windows_standin.modules.win_command import escape, split_command_line

LIST = "/Get-ProvisionedAppxPackages"
ADD = ["/Online", "/Add-ProvisionedAppxPackage", r"/PackagePath:C:\p\app.msixbundle", "/SkipLicense"]
APP = Package("Contoso.App", "2.0.0.0", MICROSOFT, ("x64",), ".msixbundle", (Dependency("Framework", "1.0.0.0"),))


class Machine:
    """A host with a package, and its DISM."""

    def __init__(self, directory: Path) -> None:
        self.hosts = WindowsHosts(directory, ["win1"])
        self.files = self.hosts._files["win1"]
        for name, version in (("app", "2.0.0.0"), ("old", "1.9.0.0"), ("new", "10.0.0.0")):
            package = Package(APP.name, version, APP.publisher, APP.architectures, APP.extension)
            self.hosts.write("win1", rf"C:\p\{name}.msixbundle", package_bytes(package))
        arm = Package("Arm", "1.0.0.0", MICROSOFT, ("arm64",), ".msix")
        self.hosts.write("win1", r"C:\p\arm.msix", package_bytes(arm))
        self.hosts.write("win1", r"C:\p\text.msix", b"text")
        self.hosts.write("win1", r"C:\p\license.xml", b"<License/>")
        self.hosts.image_file("win1", r"C:\i.wim", {"name": "Pro", "files": {"Windows\\a.txt": "YQ=="}})
        self.hosts.mkdir("win1", r"C:\m")

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run DISM in English."""
        return Dism(self.files).run(["/English", *arguments])


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A host."""
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([LIST], 87),
        (["/Online", r"/Image:C:\m", LIST], 87),
        (["/Online"], 87),
        (["/Online", LIST, LIST], 87),
        (["/Online", LIST, "/Nonsense"], 87),
        (["/Online", "/LogLevel:5", LIST], 87),
        (["Online", LIST], 87),
        ([r"/Image:C:\p", LIST], 2),
        (["/Online", r"/ScratchDir:C:\none", LIST], 3),
        (ADD[:-1], 87),
        ([*ADD, r"/LicensePath:C:\p\license.xml"], 87),
        ([*ADD[:-1], r"/LicensePath:C:\p\none.xml"], 2),
        ([*ADD[:-1], r"/LicensePath:C:\none\none.xml"], 3),
        ([*ADD, r"/FolderPath:C:\p"], 87),
        ([*ADD, "/Region:Germany"], 87),
        ([*ADD, "/StubPackageOption:None"], 87),
        ([*ADD, r"/DependencyPackagePath:C:\p\none.appx"], 2),
        (["/Online", "/Add-ProvisionedAppxPackage", r"/FolderPath:C:\p"], 0xC1570102),
        ([*ADD[:2], r"/PackagePath:C:\p\text.msix", "/SkipLicense"], 15600),
        ([*ADD[:2], r"/PackagePath:C:\p\arm.msix", "/SkipLicense"], 0xC1570102),
        (["/Online", "/Remove-ProvisionedAppxPackage", "/PackageName:Contoso.App*"], 2),
        (["/Online", "/Optimize-ProvisionedAppxPackages"], 50),
        (["/Mount-Image", r"/ImageFile:C:\i.wim", "/Index:2", r"/MountDir:C:\m"], 87),
        (["/Mount-Image", r"/ImageFile:C:\i.wim", "/Index:1", "/Name:Pro", r"/MountDir:C:\m"], 87),
        (["/Mount-Image", r"/ImageFile:C:\none.wim", "/Index:1", r"/MountDir:C:\m"], 2),
        (["/Mount-Image", r"/ImageFile:C:\p\text.msix", "/Index:1", r"/MountDir:C:\m"], 11),
        (["/Mount-Image", r"/ImageFile:C:\i.wim", "/Index:1", r"/MountDir:C:\p"], 0xC1420114),
        (["/Unmount-Image", r"/MountDir:C:\m"], 87),
        (["/Get-ImageInfo", r"/ImageFile:C:\i.wim", "/Index:2"], 87),
    ],
)
def test_refusals(machine: Machine, arguments: list[str], status: int) -> None:
    """Errors are printed to standard output, Win32 in decimal and others in hexadecimal; nothing changes."""
    ended, text = machine.run(*arguments)
    assert ended == status
    assert f"\r\nError: {status if status < 0x10000 else hex(status)}\r\n\r\n" in text
    assert "The DISM log file can be found at" in text
    assert machine.hosts.provisioned("win1") == []
    assert machine.hosts.mounts("win1") == []


def test_apps(machine: Machine) -> None:
    """Options in any case and with `=`; missing dependencies are no error; versions are compared as numbers."""
    assert (
        machine.run("/ONLINE", "/add-provisionedappxpackage", r"/packagepath=C:\p\app.msixbundle", "/skiplicense")[0]
        == 0
    )
    assert machine.run(*ADD)[0] == 0xC1570118
    for name, status in (("new", 0), ("old", 0xC1570118)):
        ended, _text = machine.run(*ADD[:2], rf"/PackagePath:C:\p\{name}.msixbundle", "/SkipLicense", "/Region:DE;AUT")
        assert ended == status, name
    status, text = machine.run("/Online", LIST)
    assert status == 0
    assert text.endswith("\r\n\r\nThe operation completed successfully.\r\n")
    record = "ResourceId : ~\r\nPackageName : Contoso.App_10.0.0.0_neutral_~_8wekyb3d8bbwe\r\nRegions : DE;AUT\r\n"
    assert record in text
    assert "Image Version: 10.0.22621.2861\r\n" in text
    assert machine.run("/Online", "/Quiet", LIST) == (0, "")

    Behavior(english=False, image_version="10.0.16299.15").save(machine.files.top)
    assert "Anzeigename : Contoso.App" in Dism(machine.files).run(["/Online", LIST])[1]
    full_name = "contoso.app_10.0.0.0_NEUTRAL_~_8wekyb3d8bbwe"
    with open(machine.files.top / ".dism.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert machine.run("/Online", "/Remove-ProvisionedAppxPackage", f"/PackageName:{full_name}")[0] == 0xC1570106
    assert machine.run("/Online", "/Remove-ProvisionedAppxPackage", f"/PackageName:{full_name}")[0] == 0
    Behavior(dism_version="10.0.16299.1").save(machine.files.top)
    assert machine.run(*ADD, "/Region:all")[0] == 87
    Behavior(elevated=False).save(machine.files.top)
    assert machine.run("/Online", LIST)[0] == 740


def test_images(machine: Machine) -> None:
    """Nothing reaches the file before a commit; a read-only mount takes none; one image is mounted for writing once."""
    hosts = machine.hosts
    mount = ["/Mount-Image", r"/ImageFile:C:\i.wim", "/Index:1"]
    before = hosts.read("win1", r"C:\i.wim")
    status, text = machine.run(*mount, r"/MountDir:C:\m")
    assert (status, "50.0%" in text, hosts.read("win1", r"C:\m\Windows\a.txt")) == (0, True, b"a")
    hosts.mkdir("win1", r"C:\n")
    assert machine.run(*mount, r"/MountDir:C:\n")[0] == 0xC1420127
    assert machine.run(*mount, r"/MountDir:C:\m")[0] == 0xC1420113
    assert r"Mount Dir : C:\m" in machine.run("/Get-MountedImageInfo")[1]
    add = [r"/Image:C:\m", *ADD[1:]]
    assert machine.run(*add)[0] == 0
    assert hosts.read("win1", r"C:\i.wim") == before
    assert machine.run("/Unmount-Image", r"/MountDir:C:\m", "/Discard")[0] == 0
    assert hosts.read("win1", r"C:\i.wim") == before
    machine.run(*mount, r"/MountDir:C:\m")
    machine.run(*add)
    hosts.write("win1", r"C:\m\Windows\b.txt", b"b")
    assert machine.run("/Unmount-Image", r"/MountDir:C:\m", "/Commit")[0] == 0
    (index,) = hosts.indexes("win1", r"C:\i.wim")
    assert ([one["name"] for one in index["apps"]], set(index["files"])) == (
        ["Contoso.App"],
        {"Windows\\a.txt", "Windows\\b.txt"},
    )
    machine.run(*mount, r"/MountDir:C:\m", "/ReadOnly")
    assert machine.run(r"/Image:C:\m", "/Optimize-ProvisionedAppxPackages")[0] == 5
    assert machine.run("/Unmount-Image", r"/MountDir:C:\m", "/Commit")[0] == 0xC1510111
    assert "Architecture : x64" in machine.run("/Get-ImageInfo", r"/ImageFile:C:\i.wim", "/Index:1")[1]


def test_tar_and_quoting(machine: Machine) -> None:
    """tar prints or extracts entries of a ZIP, and misses others with 1; arguments survive quoting."""
    status, output, _errors = tar.run(
        machine.files, ["-xOf", r"C:\p\app.msixbundle", "AppxMetadata/AppxBundleManifest.xml"]
    )
    assert (status, b"Contoso.App" in output) == (0, True)
    assert tar.run(machine.files, ["-xOf", r"C:\p\app.msixbundle", "AppxManifest.xml"])[0] == 1
    assert tar.run(machine.files, ["-xOf", r"C:\p\text.msix", "AppxManifest.xml"])[0] == 1
    for arguments in ([r"/PackagePath:C:\My Apps\x", "/a"], ["C:\\dir with space\\", 'a"b', "", "\\\\s\\x"]):
        assert split_command_line(" ".join(escape(one) for one in arguments)) == arguments
