# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""WIM files for tests, made and read by wimlib itself, and a build host with packages and licenses."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unit import packages
from unit.support import License, ModuleProcess, Run

from ansible_collections.msdevices.provisioning.plugins.module_utils._package.family_name import family_name
from ansible_collections.msdevices.provisioning.plugins.modules import ms_provisioned_app

SCRIPTS = "/Windows/Setup/Scripts"
FRAMEWORK = "Microsoft.VCLibs.140.00"
NEEDED = {FRAMEWORK: "14.0.30704.0"}
FAMILY = family_name("Contoso.Reader", packages.PUBLISHER)
_ARCHITECTURES = {"x86": 0, "x64": 9, "arm64": 12}


def wimlib(*arguments: object) -> str:
    """Run wimlib-imagex and return what it prints."""
    command = ["wimlib-imagex", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@dataclass
class Image:
    """A WIM file with two images: 1 (Windows Pro), and 2 (Windows Home), of which the tests use the first."""

    path: Path

    @classmethod
    def make(
        cls,
        directory: Path,
        files: dict[str, bytes] | None = None,
        architecture: str = "x64",
        build: int = 26100,
    ) -> Image:
        """Make one that holds these files beside a few of its own."""
        tree = directory / "tree"
        own = {"Windows/System32/kernel32.dll": b"MZ"}
        if not any(name.lower().startswith("windows/setup/") for name in files or {}):
            own["Windows/Setup/setup.txt"] = b""
        for name, data in {**own, **(files or {})}.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        path = directory / "install.wim"
        wimlib("capture", tree, path, "Windows Pro", "--no-acls")
        wimlib("append", tree, path, "Windows Home", "--no-acls")
        facts = {"ARCH": _ARCHITECTURES[architecture], "VERSION/MAJOR": 10, "VERSION/MINOR": 0, "VERSION/BUILD": build}
        for index in (1, 2):
            properties = [f"--image-property=WINDOWS/{name}={value}" for name, value in facts.items()]
            wimlib("info", path, index, *properties)
        return cls(path)

    @property
    def sha256(self) -> str:
        """The checksum of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def names(self, index: int = 1) -> list[str]:
        """All that is in an image."""
        return sorted(wimlib("dir", self.path, index).splitlines())

    def read(self, name: str, index: int = 1) -> bytes:
        """The bytes of a file in an image."""
        command = ["wimlib-imagex", "extract", str(self.path), str(index), name, "--to-stdout"]
        return subprocess.run(command, capture_output=True, check=True).stdout

    def verify(self) -> None:
        """Fail unless wimlib finds the file whole."""
        wimlib("verify", self.path)


@dataclass
class BuildHost:
    """A directory with the packages, the framework and the license of an app; runs the module."""

    directory: Path
    count: int = field(default=0)

    def __post_init__(self) -> None:
        self.package = packages.write(self.directory / "reader.msixbundle", packages.bundle(dependencies=NEEDED))
        self.framework = packages.write(self.directory / "vclibs.appx", framework())
        self.license = packages.write(self.directory / "license.xml", License(family_name=FAMILY.lower()).xml)

    def app(self, **changes: Any) -> dict[str, Any]:
        """The option `apps` for the app."""
        app = {"package": self.package, "dependencies": [self.framework], "license": self.license, **changes}
        return {
            name: [str(one) for one in value]
            if isinstance(value, list)
            else str(value)
            if isinstance(value, Path)
            else value
            for name, value in app.items()
            if value is not None
        }

    def other_app(self, name: str, version: str = "1.0.0.0") -> dict[str, Any]:
        """The option `apps` for another app, which needs no license."""
        path = packages.write(
            self.directory / f"{name}_{version}.msix", packages.app_package(name=name, version=version)
        )
        return {"package": str(path), "skip_license": True}

    def start(
        self, *apps: dict[str, Any], check_mode: bool = False, diff: bool = False, **options: Any
    ) -> ModuleProcess:
        """Start the module."""
        self.count += 1
        return ModuleProcess(
            self.directory / f"output{self.count}",
            {"apps": list(apps), **{name: _plain(value) for name, value in options.items()}},
            check_mode,
            diff,
            ms_provisioned_app.main,
        )

    def run(self, *apps: dict[str, Any], check_mode: bool = False, diff: bool = False, **options: Any) -> Run:
        """Run the module to its end."""
        return self.start(*apps, check_mode=check_mode, diff=diff, **options).wait()

    def into(self, image: Image, *apps: dict[str, Any], **options: Any) -> Run:
        """Put apps into image 1 of a WIM file."""
        options = {"index": 1, **options} if "image_name" not in options else options
        return self.run(*(apps or (self.app(),)), image_file=image.path, **options)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def framework(architecture: str = "x64", version: str = "14.0.33519.0") -> bytes:
    """The package of a framework."""
    return packages.app_package(
        name=FRAMEWORK, publisher=packages.MICROSOFT, version=version, architecture=architecture, framework=True
    )
