# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apps on a simulated Windows build host: folders as they are staged, with real packages and licenses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from emulator.packages import MICROSOFT, Dependency, Package, package_bytes, publisher_hash
from windows_standin.harness import WindowsHosts

from .harness import HERE, ROOT

MODULE = "msdevices.provisioning.ms_provisioned_app"
INFO = "msdevices.provisioning.ms_provisioned_app_info"
HOST = "win1"
IMAGE = r"C:\images\install.wim"
MOUNT = r"C:\mount"
STAGE = r"C:\stage"
RECORD = r"Windows\Setup\Scripts\msdevices\.ms_provisioned_app.json"
VCLIBS = "Microsoft.VCLibs.140.00"
_CONTOSO = "CN=Contoso, O=Contoso, C=US"


def app(name: str = "Contoso.App", version: str = "2026.310.1200.0", **differences: Any) -> Package:
    """A bundle for x64 and x86 that needs a framework."""
    package = Package(name, version, _CONTOSO, ("x64", "x86"), ".msixbundle", (Dependency(VCLIBS, "14.0.30704.0"),))
    return replace(package, **differences)


def framework(architecture: str, version: str = "14.0.33519.0", name: str = VCLIBS) -> Package:
    """A framework of one architecture."""
    return Package(name, version, MICROSOFT, (architecture,), ".appx", framework=True)


def family(package: Package) -> str:
    """The package family name."""
    return f"{package.name}_{publisher_hash(package.publisher)}"


def license_xml(family_name: str, content_id: str = "2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11", instance: int = 1) -> bytes:
    """A license with the structure of real ones, for a package family."""
    return (
        '<License xmlns="urn:schemas-microsoft-com:windows:store:licensing:ls" ID="1" LicenseID="5d8f"'
        f' ContentID="{content_id}" Version="3"><Binding Binding_Type="Machine"><ProductID>9WZDNCRFJ3PS</ProductID>'
        f"<PFM>{family_name.lower()}</PFM><LicenseInstanceID>instance-{instance}</LicenseInstanceID></Binding>"
        f'<LicenseInfo Type="Full"><IssuedDate>2026-03-0{instance}T05:06:07.0000000Z</IssuedDate></LicenseInfo>'
        "<SPLicenseBlock>SPLicenseBlock</SPLicenseBlock></License>"
    ).encode()


@dataclass
class BuildHost:
    """One simulated Windows host, and runs of plays on it."""

    directory: Path
    windows: WindowsHosts
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    output: str = ""

    def stage(
        self,
        package: Package,
        product: str = "9WZDNCRFJ3PS",
        architectures: tuple[str, ...] = ("x64", "x86"),
        license_data: bytes | None = None,
    ) -> str:
        """Stage an app with dependencies and license, as the modules for that do. Returns its folder."""
        folder = rf"{STAGE}\{product}"
        name = f"{package.name}_{package.version}_Universal_X64.X86{package.extension}"
        self.windows.write(HOST, rf"{folder}\{name}", package_bytes(package))
        for architecture in architectures:
            one = framework(architecture)
            name = f"{one.name}_{one.version}_Universal_{architecture.upper()}.appx"
            self.windows.write(HOST, rf"{folder}\Dependencies\{name}", package_bytes(one))
        data = license_xml(family(package)) if license_data is None else license_data
        if data:
            self.windows.write(HOST, rf"{folder}\{product}_0015_License1.xml", data)
        return folder

    def image(self, **index: Any) -> bytes:
        """Write an image file with two images, and return its bytes."""
        self.windows.image_file(HOST, IMAGE, {"name": "Windows Home"}, {"name": "Windows Pro", **index})
        return self.windows.read(HOST, IMAGE)

    @property
    def image_apps(self) -> list[dict[str, Any]]:
        """The apps in the second image of the image file."""
        return self.windows.indexes(HOST, IMAGE)[1]["apps"]

    def run(self, *arguments: str, module: str = MODULE, **options: Any) -> dict[str, Any]:
        """Run one task, and return its result, with `failed`."""
        options.setdefault("busy_delay", 0)
        given = {name: value for name, value in options.items() if value is not None}
        self.run_tasks([{"name": "task", module: given}], *arguments)
        return {"failed": self.results["task"]["state"] != "ok", **self.results["task"]["result"]}

    def run_tasks(self, tasks: list[Mapping[str, Any]], *arguments: str) -> int:
        """Run tasks, every one whether or not those before failed."""
        self.windows.forget()
        lines = self.directory / "results.jsonl"
        lines.unlink(missing_ok=True)
        play = [{"hosts": "all", "gather_facts": False, "ignore_errors": True, "tasks": list(tasks)}]
        (self.directory / "play.json").write_text(json.dumps(play))
        (self.directory / "inventory").write_text("\n".join(self.windows.inventory_lines) + "\n")
        process = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory", "play.json", *arguments],
            env={
                **self.windows.environment(),
                "ANSIBLE_CONFIG": str(ROOT / "tests" / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
                "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
                "ANSIBLE_CALLBACKS_ENABLED": "task_results",
                "ANSIBLE_NOCOLOR": "1",
                "MSDEVICES_TEST_RESULTS": str(lines),
            },
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.output = process.stdout + process.stderr
        assert lines.exists(), self.output
        self.results = {entry["task"]: entry for entry in map(json.loads, lines.read_text("utf-8").splitlines())}
        assert "Traceback" not in self.output, self.output
        return process.returncode

    @property
    def steps(self) -> list[str]:
        """What DISM did in the last run."""
        return [str(call.get("step", "refused")) for call in self.windows.dism_calls(HOST)]

    def arguments(self, step: str) -> list[list[str]]:
        """The command lines of a step."""
        return [call["arguments"] for call in self.windows.dism_calls(HOST, step)]

    def provisioned(self) -> dict[str, dict[str, Any]]:
        """What is provisioned in the running system, by full name."""
        return {one["full_name"]: one for one in self.windows.provisioned(HOST)}
