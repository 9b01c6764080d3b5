# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Runs dism.exe on a Windows host: one command at a time, with retries of what passes, and errors that help."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.provisioned_app import LOG_LEVELS
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ServicingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism_codes import (
    REBOOT_REQUIRED,
    ErrorCode,
    error_of,
    normalize_code,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism_output import (
    AppList,
    ImageInfo,
    Mount,
    parse_app_list,
    parse_error_code,
    parse_image_info,
    parse_mounts,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows_host import (
    WindowsHost,
    windows_path,
)

_DEFAULT_LOG = "%WINDIR%\\Logs\\DISM\\dism.log"


class DismError(ServicingError):
    """DISM ended with an error."""

    def __init__(self, attempted: str, error: ErrorCode, log_path: str, sentence: str = "") -> None:
        cause = f"DISM ended with {error.shown}, {error.meaning}"
        if sentence:
            cause += f'. DISM writes: "{sentence}"'
        super().__init__(attempted, cause, f"{error.remedy}. The log on the host is {log_path}")
        self.code = error.code


@dataclass(frozen=True)
class AddOptions:
    """What an app is added with. Paths are absolute; empty texts are left out of the command line."""

    package: str
    dependencies: tuple[str, ...] = ()
    optional_packages: tuple[str, ...] = ()
    license: str = ""
    """Empty: without a license."""
    regions: str = ""
    stub: str = ""
    custom_data: str = ""

    def arguments(self) -> list[str]:
        """Return them as DISM takes them. `/FolderPath` is never used: it refuses folders that were touched."""
        stub = {"full": "InstallFull", "stub": "InstallStub"}.get(self.stub, "")
        return [
            f"/PackagePath:{self.package}",
            *(f"/DependencyPackagePath:{path}" for path in self.dependencies),
            *(f"/OptionalPackagePath:{path}" for path in self.optional_packages),
            f"/LicensePath:{self.license}" if self.license else "/SkipLicense",
            *([f"/Region:{self.regions}"] if self.regions else []),
            *([f"/StubPackageOption:{stub}"] if stub else []),
            *([f"/CustomDataPath:{self.custom_data}"] if self.custom_data else []),
        ]


class Dism:
    """DISM on the task's host. Methods raise DismError, or ServicingError when it does not run at all."""

    def __init__(self, host: WindowsHost, params: Mapping[str, t.Any]) -> None:
        self._host = host
        self._program = windows_path("dism_path", params["dism_path"]) if params.get("dism_path") else "dism.exe"
        self._retries = max(0, params["busy_retries"])
        self._delay = max(0, params["busy_delay"])
        self._common = ["/English"]
        self.log_path = _DEFAULT_LOG
        if params.get("log_path"):
            self.log_path = windows_path("log_path", params["log_path"])
            self._common.append(f"/LogPath:{self.log_path}")
        if params.get("log_level"):
            self._common.append(f"/LogLevel:{LOG_LEVELS.index(params['log_level']) + 1}")
        if params.get("scratch_dir"):
            self._common.append(f"/ScratchDir:{windows_path('scratch_dir', params['scratch_dir'])}")
        self.reboot_required = False

    def list_apps(self, root: str) -> AppList:
        """Return what is provisioned. `root` is that of an image, empty for the running system."""
        where = root or "the running system"
        text = self._run(f"Could not list the apps of {where}", [_target(root), "/Get-ProvisionedAppxPackages"], root)
        return parse_app_list(text)

    def add(self, root: str, options: AddOptions) -> None:
        """Provision an app."""
        arguments = [_target(root), "/NoRestart", "/Add-ProvisionedAppxPackage", *options.arguments()]
        self._run(f"Could not provision {options.package}", arguments, root)

    def remove(self, root: str, package_name: str) -> None:
        """Remove the app of this full name."""
        arguments = [
            *(_target(root), "/NoRestart", "/Remove-ProvisionedAppxPackage"),
            f"/PackageName:{package_name}",
        ]
        self._run(f"Could not remove {package_name}", arguments, root)

    def optimize(self, root: str) -> None:
        """Save space in an image by hard links."""
        self._run(f"Could not optimize the apps of {root}", [_target(root), "/Optimize-ProvisionedAppxPackages"], root)

    def image_info(self, image_file: str, index: int | None) -> list[ImageInfo]:
        """Return the images of a file, or one of them with its architecture."""
        arguments = ["/Get-ImageInfo", f"/ImageFile:{image_file}", *([f"/Index:{index}"] if index is not None else [])]
        which = f"index {index} of " if index is not None else ""
        return parse_image_info(self._run(f"Could not look at {which}{image_file}", arguments))

    def mounts(self) -> list[Mount]:
        """Return what is mounted on the host."""
        return parse_mounts(self._run("Could not list the mounted images", ["/Get-MountedImageInfo"]))

    def mount(self, image_file: str, index: int, mount_dir: str, read_only: bool, check_integrity: bool) -> None:
        """Mount an image of a file in an empty directory."""
        arguments = [
            *("/Mount-Image", f"/ImageFile:{image_file}", f"/Index:{index}", f"/MountDir:{mount_dir}"),
            *(["/ReadOnly"] if read_only else []),
            *(["/CheckIntegrity"] if check_integrity else []),
        ]
        self._run(f"Could not mount index {index} of {image_file} in {mount_dir}", arguments)

    def unmount(self, mount_dir: str, commit: bool, check_integrity: bool = False) -> None:
        """Unmount an image, and save or discard what was changed."""
        arguments = ["/Unmount-Image", f"/MountDir:{mount_dir}", "/Commit" if commit else "/Discard"]
        if commit and check_integrity:
            arguments.append("/CheckIntegrity")
        self._run(f"Could not {'save and ' if commit else ''}unmount the image in {mount_dir}", arguments)

    def _run(self, attempted: str, arguments: list[str], root: str = "") -> str:
        """Run a command line, again after errors that pass, and return what it printed."""
        remounted = tried_once = False
        busy = 0
        while True:
            error, text = self._run_once(attempted, arguments)
            if error is None:
                return text
            if error.retry == "busy" and busy < self._retries:
                busy += 1
                self._host.note(f"DISM ended with {error.shown}, {error.meaning}: retry {busy} of {self._retries}")
                time.sleep(self._delay)
            elif error.retry == "once" and not tried_once:
                tried_once = True
            elif error.retry == "remount" and root and not remounted:
                remounted = True
                problem, _text = self._run_once(attempted, ["/Remount-Image", f"/MountDir:{root}"])
                if problem is not None:
                    raise DismError(attempted, problem, self.log_path)
            else:
                raise DismError(attempted, error, self.log_path, _sentence(text))

    def _run_once(self, attempted: str, arguments: list[str]) -> tuple[ErrorCode | None, str]:
        result = self._host.run_program(attempted, [self._program, *self._common, *arguments])
        printed = parse_error_code(result.stdout)
        status = normalize_code(result.status)
        if status == REBOOT_REQUIRED:
            self.reboot_required = True
        if status in (0, REBOOT_REQUIRED) and printed is None:
            return None, result.stdout
        return error_of(result.status, printed), result.stdout


def _target(root: str) -> str:
    return f"/Image:{root}" if root else "/Online"


def _sentence(text: str) -> str:
    """Return the sentence that DISM prints below a code, on one line."""
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
    start = next((number for number, line in enumerate(lines) if line.lower().startswith("error:")), None)
    if start is None:
        return ""
    return printable(" ".join(line for line in lines[start + 1 :] if line and "log file can be found" not in line))
