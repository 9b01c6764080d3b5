# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script is run by a simulated cmd.exe against a simulated DISM, as Windows would at its first boot."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cmd_standin.interpreter import Cmd, UnknownStatement
from dism_standin.program import Behavior, Died, Dism
from unit import packages
from unit.images import FAMILY, FRAMEWORK, SCRIPTS, BuildHost, Image, wimlib
from windows_standin.filesystem import WindowsFilesystem

_SCRIPTS = "C:\\Windows\\Setup\\Scripts"
_LOG = "C:\\Windows\\Logs\\msdevices-provisioning.log"


class FirstBoot:
    """A machine to which image 1 of a WIM file was applied."""

    def __init__(self, image: Image, top: Path) -> None:
        top.mkdir()
        wimlib("apply", image.path, 1, top / "C", "--no-acls")
        self.files = WindowsFilesystem(top)
        Behavior().save(top)
        self.faults: list[dict[str, Any] | None] = []
        self.commands: list[list[str]] = []
        self.pauses = 0

    def run(self, hook: str) -> int:
        """Run what the hook runs; return the exit status."""
        cmd = Cmd(self.files, {"dism": self._dism, "ping": self._ping})
        if hook == "specialize":
            return cmd.run(f"{_SCRIPTS}\\msdevices\\provision.cmd", hook)
        return cmd.run(f"{_SCRIPTS}\\SetupComplete.cmd")

    def _dism(self, arguments: list[str]) -> tuple[int, str]:
        self.commands.append(arguments)

        def fault(step: str) -> dict[str, Any] | None:
            return self.faults.pop(0) if step == "add" and self.faults else None

        return Dism(self.files, fault).run(arguments)

    def _ping(self, arguments: list[str]) -> tuple[int, str]:
        assert arguments == ["-n", "11", "127.0.0.1"]
        self.pauses += 1
        return 0, "Pinging"

    @property
    def provisioned(self) -> dict[str, Any]:
        """What is provisioned, by family."""
        from dism_standin.store import Root

        return {app["family"]: app for app in Root(self.files, self.files.parse("C:\\")).apps}

    @property
    def log(self) -> str:
        """The script's log."""
        return self.files.read(self.files.parse(_LOG)).decode().replace("\r\n", "\n")

    def exists(self, name: str) -> bool:
        """Whether something lies below the directory of scripts."""
        return self.files.exists(self.files.parse(f"{_SCRIPTS}\\{name}"))

    @property
    def adds(self) -> int:
        """How often DISM was told to add."""
        return sum("/Add-ProvisionedAppxPackage" in command for command in self.commands)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Image]:
    """Prepare images with two apps, each once."""
    images: dict[str, Image] = {}

    def prepare(files: dict[str, bytes] | None = None, **options: Any) -> Image:
        key = repr((files, options))
        if key not in images:
            directory = tmp_path_factory.mktemp("image")
            image, host = Image.make(directory, files), BuildHost(directory)
            run = host.into(image, host.app(regions=["US", "DE"]), host.other_app("Contoso.Writer"), **options)
            assert not run.failed, run.output
            images[key] = image
        return images[key]

    return prepare


@pytest.fixture
def boot(prepared: Callable[..., Image], tmp_path: Path) -> Callable[..., FirstBoot]:
    """Apply an image to a machine."""
    return lambda *files, **options: FirstBoot(prepared(*files, **options), tmp_path / "machine")


def test_both_hooks_run_one_after_the_other(boot: Callable[..., FirstBoot]) -> None:
    machine = boot()
    assert machine.run("specialize") == 0
    app = machine.provisioned[FAMILY]
    assert app["regions"] == "US;DE"
    assert app["passed"]["staged"] == [FRAMEWORK]
    assert "SignatureValue" in app["passed"]["license_text"]
    assert "SignatureValue" not in machine.log
    assert len(machine.provisioned) == 2
    assert machine.commands[0][:4] == [
        "/English",
        "/Online",
        "/NoRestart",
        "/LogPath:C:\\Windows\\Logs\\msdevices-provisioning-dism.log",
    ]
    assert machine.run("setup_complete") == 0
    assert machine.adds == 2
    assert [line for line in machine.log.splitlines() if line.startswith("[")] == [
        "[Sat 11/21/2026 12:00:00.00] start: hook specialize, 2 apps",
        f"[Sat 11/21/2026 12:00:00.00] {FAMILY}: provisioned, status 0, tries 1",
        f"[Sat 11/21/2026 12:00:00.00] {_writer()}: provisioned, status 0, tries 1",
        "[Sat 11/21/2026 12:00:00.00] provisioned on this system:",
        "[Sat 11/21/2026 12:00:00.00] end: 2 provisioned, 0 done before, 0 failed",
        "[Sat 11/21/2026 12:00:00.00] start: hook setup_complete, 2 apps",
        f"[Sat 11/21/2026 12:00:00.00] {FAMILY}: done before",
        f"[Sat 11/21/2026 12:00:00.00] {_writer()}: done before",
        "[Sat 11/21/2026 12:00:00.00] provisioned on this system:",
        "[Sat 11/21/2026 12:00:00.00] end: 0 provisioned, 2 done before, 0 failed",
    ]
    assert f"PackageName : {app['full_name']}" in machine.log


def _writer() -> str:
    return f"Contoso.Writer_{FAMILY.rpartition('_')[2]}"


@pytest.mark.parametrize(
    ("hook", "on_error"), [("specialize", "stop"), ("specialize", "continue"), ("setup_complete", "stop")]
)
@pytest.mark.parametrize(
    ("codes", "tries", "provisioned"),
    [
        ([3010], 1, True),
        ([0xC1570118], 1, True),
        ([0xC1570106, 0x800706BE, 0x800F0902], 4, True),
        ([0xC1570106] * 5, 5, False),
        ([0x80073CFB], 1, False),
        ([0x80073D19], 1, False),
        ([112], 1, False),
        ([5], 1, False),
        ([1], 1, False),
        ([87], 1, False),
        ([0xC1570102], 1, False),
    ],
)
def test_exit_statuses(
    boot: Callable[..., FirstBoot], hook: str, on_error: str, codes: list[int], tries: int, provisioned: bool
) -> None:
    machine = boot(on_error=on_error)
    machine.faults = [{"code": code} for code in codes]
    status = machine.run(hook)
    stops = not provisioned and hook == "specialize" and on_error == "stop"
    assert status == (101 if stops else 0)
    assert machine.pauses == tries - 1
    assert machine.adds == tries + 1
    word = "provisioned" if provisioned else "failed"
    assert re.search(rf"{FAMILY}: {word}, status -?\d+, tries {tries}$", machine.log, re.MULTILINE)
    assert machine.exists("msdevices\\apps\\001\\done") == provisioned
    assert _writer() in machine.provisioned
    # What failed is tried again, and what is done is not.
    machine.faults = []
    assert machine.run("setup_complete") == 0
    assert machine.adds == tries + 1 + (0 if provisioned else 1)


@pytest.mark.parametrize("cleanup", [True, False])
def test_power_is_lost_in_the_first_run(boot: Callable[..., FirstBoot], cleanup: bool) -> None:
    machine = boot(cleanup=cleanup)
    machine.faults = [None, {"effect": "died"}]
    with pytest.raises(Died):
        machine.run("specialize")
    assert list(machine.provisioned) == [FAMILY]
    assert machine.exists("msdevices\\apps\\001") != cleanup
    assert machine.run("setup_complete") == 0
    assert machine.adds == 3
    assert len(machine.provisioned) == 2
    assert machine.log.endswith("end: 1 provisioned, 1 done before, 0 failed\n")
    assert machine.exists("msdevices\\apps\\002") != cleanup
    assert machine.exists("msdevices\\provision.cmd")


def test_cleanup_that_was_interrupted_goes_on(boot: Callable[..., FirstBoot]) -> None:
    machine = boot(cleanup=True)
    for left in ("done", "dep01.appx"):
        directory = machine.files.parse(f"{_SCRIPTS}\\msdevices\\apps\\001")
        for child in list(machine.files.children(directory)):
            if child.name != left:
                machine.files.remove(child)
        if left == "done":
            machine.files.write(directory.child("done"), b"0")
        machine.run("setup_complete")
        assert machine.adds == 1
        assert not machine.exists("msdevices\\apps\\001")
        machine.files.make_directory(directory)
        machine.files.write(directory.child("dep01.appx"), b"x")


def test_own_setup_complete_runs_after_ours(boot: Callable[..., FirstBoot]) -> None:
    own = b'@echo off\r\n>>"%SystemRoot%\\own.log" echo hello\r\nexit /b 7\r\n'
    machine = boot({"Windows/Setup/Scripts/SetupComplete.cmd": own})
    assert machine.run("setup_complete") == 7
    assert len(machine.provisioned) == 2
    assert machine.files.read(machine.files.parse("C:\\Windows\\own.log")) == b"hello\r\n"


def test_fragment(tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    image, host = Image.make(tmp_path, architecture="arm64"), BuildHost(tmp_path / "host")
    for on_error, will_reboot in (("continue", "Never"), ("stop", "OnRequest")):
        app = host.app(package=packages.write(tmp_path / "a.msix", packages.app_package(architecture="arm64")))
        run = host.into(image, app, hook="none", on_error=on_error)
        root = ElementTree.fromstring(run.result["unattend_fragment"])
        assert root.attrib == {"pass": "specialize"}
        assert root[0].attrib["processorArchitecture"] == "arm64"
        texts = {element.tag: element.text for element in root.iter() if element.text and element.text.strip()}
        assert texts["Path"] == f'cmd.exe /c ""{run.result["script"]}" specialize"'
        assert len(texts["Path"]) <= 259
        assert texts["WillReboot"] == will_reboot
    assert f"{SCRIPTS}/SetupComplete.cmd" not in image.names()


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("timeout /t 5", "the program timeout"),
        ("if errorlevel 1 exit /b 1", "this condition"),
        ("exit 0", "ends the whole"),
        ("echo a & echo b", "the character &"),
        ("set x=1", "set without quotes"),
        ("goto :gone", "0 labels"),
        ("echo 1>x", "a digit before a redirection"),
        ("if 3245344682 EQU 1 exit /b 1", "beyond 32 bits"),
        ("echo 100%", "percent sign"),
        ("echo caf\xe9", "code page"),
    ],
)
def test_the_simulated_cmd_is_strict(tmp_path: Path, line: str, error: str) -> None:
    files = WindowsFilesystem(tmp_path / "machine")
    files.write(files.parse("C:\\x.cmd"), f"{line}\r\n".encode("latin-1"))
    with pytest.raises(UnknownStatement, match=error):
        Cmd(files, {}).run("C:\\x.cmd")
