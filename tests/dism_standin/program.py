# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program `dism.exe` of a simulated host."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from windows_standin.filesystem import WindowsFilesystem
from windows_standin.paths import BadWindowsPath, WindowsPath

from . import messages, store
from .options import SERVICING, BadCommandLine, CommandLine, parse

_SETTINGS = ".dism.json"
_DEFAULT_LOG = "C:\\Windows\\Logs\\DISM\\dism.log"
_REGION_BUILD = (10, 0, 17134)
_STUB_BUILD = (10, 0, 19041)
_CLOSING = "The operation completed successfully."


@dataclass
class Behavior:
    """How a host's DISM is; tests change it with :meth:`save`."""

    dism_version: str = "10.0.22621.1"
    #: Of the running system; images have their own.
    image_version: str = "10.0.22621.2861"
    architecture: str = "x64"
    #: Whether the version that is there is added again, or refused as by build 22000.
    accepts_equal_version: bool = False
    #: How the list shows that no region was given: empty, or `None`.
    no_region: str = ""
    preamble: bool = True
    english: bool = True
    elevated: bool = True
    has_tar: bool = True

    @classmethod
    def load(cls, top: Path) -> Behavior:
        """The behavior of the host whose files are in a directory."""
        file = top / _SETTINGS
        return cls(**json.loads(file.read_text())) if file.exists() else cls()

    def save(self, top: Path) -> None:
        """Let the host behave so from now on."""
        (top / _SETTINGS).write_text(json.dumps(asdict(self)))


BEHAVIORS = frozenset(field.name for field in fields(Behavior))


class Died(Exception):
    """The connection, or the machine, was lost while the program ran."""


class Failed(Exception):
    """DISM fails with a code, and with a sentence of its own if there is one."""

    def __init__(self, code: int, sentence: str = "") -> None:
        super().__init__(f"0x{code:08x}")
        self.code = code
        self.sentence = sentence


Fault = Callable[[str], "dict[str, Any] | None"]


def _no_fault(step: str) -> dict[str, Any] | None:
    del step
    return None


class Dism:
    """Runs command lines.

    `fault` gives for a step (`list`, `add`, `remove`, `data`, `optimize`, `mount`, `save`, `commit`, `discard`,
    `remount`, `mounts`, `cleanup`, `info`) a rule by which it fails, or None: `code` is what it fails with, `effect`
    what happens besides: `half` (an add leaves a half-staged package), `saved` (a commit fails after it has saved),
    `died` (the machine is lost in the middle), `truncated` (the output is cut off), `silent` (no output).
    """

    def __init__(self, files: WindowsFilesystem, fault: Fault = _no_fault) -> None:
        self._files = files
        self._fault = fault
        self.behavior = Behavior.load(files.top)
        self._images = store.Images(files)
        self._rule: dict[str, Any] = {}

    def run(self, arguments: list[str]) -> tuple[int, str]:
        """Run a command line, without the program's name.

        :returns: exit status and standard output.
        :raises Died: when a fault says so.
        """
        lowered = {argument.lower() for argument in arguments}
        printer = messages.Printer(self.behavior.english or "/english" in lowered)
        log = _DEFAULT_LOG
        restart = False
        try:
            if not self.behavior.elevated:
                raise Failed(740)
            parsed = self._parsed(arguments)
            log = parsed.value("logpath") or log
            printer.header(self.behavior.dism_version, self._image_version(parsed))
            restart = self._perform(parsed, printer)
            status = 0
        except BadCommandLine as error:
            printer.header(self.behavior.dism_version)
            printer.error(87, log, str(error))
            status = 87
        except BadWindowsPath as error:
            printer.error(87, log, str(error))
            status = 87
        except Failed as error:
            printer.error(error.code, log, error.sentence)
            status = messages.exit_status(error.code)
        if status == 0:
            printer.done(restart)
        text = printer.text
        if self._rule.get("effect") == "truncated":
            text = text[: text.rfind(" : ") - 5]
        if "/quiet" in lowered or self._rule.get("effect") == "silent":
            text = ""
        return (3010 if restart else status), text

    def _parsed(self, arguments: list[str]) -> CommandLine:
        parsed = parse(arguments)
        version = store.version_key(self.behavior.dism_version)[:3]
        for name, needed in (("region", _REGION_BUILD), ("stubpackageoption", _STUB_BUILD)):
            if parsed.has(name) and version < needed:
                raise BadCommandLine(f"The {name} option is unknown.")
        if parsed.has("scratchdir") and not self._files.is_dir(self._files.parse(parsed.value("scratchdir"))):
            raise Failed(3)
        return parsed

    def _image_version(self, parsed: CommandLine) -> str:
        return str(self._root(parsed).state["version"]) if parsed.command in SERVICING else ""

    def _root(self, parsed: CommandLine) -> store.Root:
        if parsed.has("online"):
            defaults = {"version": self.behavior.image_version, "architecture": self.behavior.architecture}
            return store.Root(self._files, self._files.parse("C:\\"), defaults)
        path = self._files.parse(parsed.value("image"))
        for mount in self._images.mounts():
            if self._files.parse(mount["dir"]).key == path.key and mount["status"] != "Ok":
                raise Failed(0xC1510114)
        if not self._files.is_dir(path.child("Windows")):
            raise Failed(
                2,
                "Unable to access the image. Make sure that the image path and the Windows directory for the image"
                " exist and you have Read permissions on the folder.",
            )
        defaults = {"version": self.behavior.image_version, "architecture": self.behavior.architecture}
        return store.Root(self._files, path, defaults)

    def _perform(self, parsed: CommandLine, printer: messages.Printer) -> bool:
        step, method = {
            "get-provisionedappxpackages": ("list", self._list),
            "add-provisionedappxpackage": ("add", self._locked(self._add)),
            "remove-provisionedappxpackage": ("remove", self._locked(self._remove)),
            "set-provisionedappxdatafile": ("data", self._set_data),
            "optimize-provisionedappxpackages": ("optimize", self._optimize),
            "mount-image": ("mount", self._mount),
            "commit-image": ("save", self._save),
            "unmount-image": ("commit" if parsed.has("commit") else "discard", self._unmount),
            "get-mountedimageinfo": ("mounts", self._mounted),
            "remount-image": ("remount", self._remount),
            "cleanup-mountpoints": ("cleanup", self._cleanup),
            "get-imageinfo": ("info", self._info),
        }[parsed.command]
        self._rule = self._fault(step) or {}
        effect = self._rule.get("effect")
        if effect == "half":
            self._stage_half(parsed)
        if effect == "died" and step in ("add", "mount", "commit"):
            if step == "mount":
                method(parsed, messages.Printer(True))
            self._break_mount()
            raise Died(self._rule.get("msg") or "the connection was lost")
        code = self._rule.get("code")
        if code is not None and effect not in ("saved", "truncated", "silent") and code != 3010:
            raise Failed(code, self._rule.get("sentence") or "")
        method(parsed, printer)
        if effect == "saved":
            raise Failed(code or 0xC1420117)
        return bool(code == 3010)

    def _break_mount(self) -> None:
        self._images.save_mounts([{**mount, "status": "Needs Remount"} for mount in self._images.mounts()])

    def _stage_half(self, parsed: CommandLine) -> None:
        directory = self._files.parse(f"{parsed.value('image') or 'C:'}\\Program Files\\WindowsApps\\half")
        self._files.make_directory(directory)
        self._files.write(directory.child("half.bin"), b"half")

    def _locked(
        self, method: Callable[[CommandLine, messages.Printer], None]
    ) -> Callable[[CommandLine, messages.Printer], None]:
        """The provider takes a lock per system: a second session fails at once."""

        def run(parsed: CommandLine, printer: messages.Printer) -> None:
            with open(self._files.top / ".dism.lock", "w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise Failed(0xC1570106) from None
                method(parsed, printer)

        return run

    # Servicing

    def _list(self, parsed: CommandLine, printer: messages.Printer) -> None:
        root = self._root(parsed)
        if self.behavior.preamble:
            printer.line("Getting provisioned app packages...")
            printer.line()
        for app in root.apps:
            printer.line(f"DisplayName : {app['name']}")
            printer.line(f"Version : {app['version']}")
            printer.line(f"Architecture : {app['architecture']}")
            printer.line(f"ResourceId : {app['resource_id']}")
            printer.line(f"PackageName : {app['full_name']}")
            if store.version_key(root.state["version"])[:3] >= _REGION_BUILD:
                printer.line(f"Regions : {app['regions'] or self.behavior.no_region}")
            printer.line()

    def _read(self, path: str) -> bytes:
        found = self._files.parse(path)
        code = store.exists(self._files, found)
        if code:
            raise Failed(code)
        return self._files.read(found)

    def _package(self, path: str, online: bool) -> store.PackageFile:
        data = self._read(path)
        if path.lower().endswith(store.ENCRYPTED) and not online:
            raise Failed(50)
        try:
            return store.read_package(data)
        except ValueError:
            raise Failed(0x80073CF0) from None

    def _writable_root(self, parsed: CommandLine) -> store.Root:
        root = self._root(parsed)
        if not parsed.has("online"):
            path = self._files.parse(parsed.value("image"))
            if any(self._files.parse(mount["dir"]).key == path.key and mount["read_only"] for mount in self._mounts()):
                raise Failed(5)
        return root

    def _mounts(self) -> list[dict[str, Any]]:
        return self._images.mounts()

    def _add(self, parsed: CommandLine, printer: messages.Printer) -> None:
        del printer
        root = self._writable_root(parsed)
        if parsed.has("folderpath"):
            raise Failed(0xC1570102)
        architecture = root.state["architecture"]
        package = self._package(parsed.value("packagepath"), parsed.has("online"))
        others = {name: parsed.options.get(name, []) for name in ("dependencypackagepath", "optionalpackagepath")}
        dependencies = [self._package(path, parsed.has("online")) for path in others["dependencypackagepath"]]
        for path in others["optionalpackagepath"]:
            self._package(path, parsed.has("online"))
        license_data = self._read(parsed.value("licensepath")) if parsed.has("licensepath") else b""
        if parsed.has("customdatapath"):
            self._read(parsed.value("customdatapath"))
        if not package.fits(architecture):
            raise Failed(0xC1570102)
        there = [app for app in root.apps if app["family"] == package.family]
        for app in there:
            mine, its = store.version_key(package.version), store.version_key(app["version"])
            if its > mine or (its == mine and not self.behavior.accepts_equal_version):
                raise Failed(0xC1570118)
        shown = "neutral" if package.bundle else min(package.architectures)
        entry = {
            "name": package.name,
            "version": package.version,
            "architecture": shown,
            "resource_id": "~" if package.bundle else "",
            "full_name": package.full_name(shown),
            "family": package.family,
            "regions": parsed.value("region"),
            "passed": {
                "package": parsed.value("packagepath"),
                "license": parsed.value("licensepath") or None,
                "license_text": license_data.decode("utf-8", "replace"),
                "dependencies": others["dependencypackagepath"],
                "staged": sorted(one.name for one in dependencies if one.fits(architecture)),
                "optional": others["optionalpackagepath"],
                "stub": parsed.value("stubpackageoption"),
                "custom_data": parsed.value("customdatapath"),
            },
        }
        root.state["apps"] = [app for app in root.apps if app not in there] + [entry]
        root.save()

    def _find(self, root: store.Root, full_name: str) -> dict[str, Any]:
        found = [app for app in root.apps if app["full_name"].lower() == full_name.lower()]
        if not found:
            raise Failed(2, "The specified package is not valid Windows package.")
        return found[0]

    def _remove(self, parsed: CommandLine, printer: messages.Printer) -> None:
        del printer
        root = self._writable_root(parsed)
        app = self._find(root, parsed.value("packagename"))
        if app.get("protected"):
            raise Failed(0x80073CFA)
        root.apps.remove(app)
        root.save()

    def _set_data(self, parsed: CommandLine, printer: messages.Printer) -> None:
        del printer
        root = self._writable_root(parsed)
        self._read(parsed.value("customdatapath"))
        self._find(root, parsed.value("packagename"))["passed"]["custom_data"] = parsed.value("customdatapath")
        root.save()

    def _optimize(self, parsed: CommandLine, printer: messages.Printer) -> None:
        del printer
        if parsed.has("online"):
            raise Failed(50)
        root = self._writable_root(parsed)
        root.state["optimized"] = True
        root.save()

    # Image files

    def _image_file(self, parsed: CommandLine) -> tuple[WindowsPath, list[dict[str, Any]]]:
        path = self._files.parse(parsed.value("imagefile"))
        code = store.exists(self._files, path)
        if code:
            raise Failed(code)
        if path.name.lower().endswith(".swm"):
            raise Failed(0xC1420130)
        try:
            return path, self._images.indexes(path)
        except ValueError:
            raise Failed(11) from None

    def _mount(self, parsed: CommandLine, printer: messages.Printer) -> None:
        path, indexes = self._image_file(parsed)
        if path.name.lower().endswith(".esd"):
            raise Failed(11)
        names = [index["name"] for index in indexes]
        if parsed.has("name"):
            number = names.index(parsed.value("name")) + 1 if parsed.value("name") in names else 0
        else:
            number = int(parsed.value("index"))
        if not 1 <= number <= len(indexes):
            raise Failed(87)
        read_only = parsed.has("readonly")
        directory = self._files.parse(parsed.value("mountdir"))
        mounts = self._mounts()
        if any(self._files.parse(mount["dir"]).key == directory.key for mount in mounts):
            raise Failed(0xC1420113)
        if not self._files.is_dir(directory):
            raise Failed(3)
        if list(self._files.children(directory)):
            raise Failed(0xC1420114)
        for mount in mounts:
            same = self._files.parse(mount["file"]).key == path.key and mount["index"] == number
            if same and not read_only and not mount["read_only"]:
                raise Failed(0xC1420127)
        if not read_only and "ReadOnly" in self._files.marks(path):
            raise Failed(0xC1510111, "You do not have permissions to mount and modify this image.")
        printer.progress("Mounting image")
        self._images.unpack(indexes[number - 1], directory)
        mounts.append(
            {"dir": str(directory), "file": str(path), "index": number, "read_only": read_only, "status": "Ok"}
        )
        self._images.save_mounts(mounts)

    def _mounted_at(self, parsed: CommandLine) -> dict[str, Any]:
        directory = self._files.parse(parsed.value("mountdir"))
        for mount in self._mounts():
            if self._files.parse(mount["dir"]).key == directory.key:
                return mount
        raise Failed(0xC1420115, "The specified mount directory is not mounted.")

    def _write_back(self, mount: dict[str, Any]) -> None:
        if mount["read_only"]:
            raise Failed(0xC1510111, "You do not have permissions to mount and modify this image.")
        if mount["status"] != "Ok":
            raise Failed(0xC1510114)
        path = self._files.parse(mount["file"])
        index = self._images.indexes(path)[mount["index"] - 1]
        self._images.save_index(path, mount["index"], self._images.pack(index, self._files.parse(mount["dir"])))

    def _save(self, parsed: CommandLine, printer: messages.Printer) -> None:
        printer.progress("Saving image")
        self._write_back(self._mounted_at(parsed))

    def _unmount(self, parsed: CommandLine, printer: messages.Printer) -> None:
        mount = self._mounted_at(parsed)
        if parsed.has("commit"):
            printer.progress("Saving image")
            self._write_back(mount)
            if self._rule.get("effect") == "saved":
                return
        printer.progress("Unmounting image")
        self._images.clear(self._files.parse(mount["dir"]))
        self._images.save_mounts([one for one in self._mounts() if one["dir"] != mount["dir"]])

    def _mounted(self, parsed: CommandLine, printer: messages.Printer) -> None:
        del parsed
        mounts = self._mounts()
        printer.line("Mounted images:" if mounts else "No mounted images found.")
        printer.line()
        for mount in mounts:
            printer.line(f"Mount Dir : {mount['dir']}")
            printer.line(f"Image File : {mount['file']}")
            printer.line(f"Image Index : {mount['index']}")
            printer.line(f"Mounted Read/Write : {'No' if mount['read_only'] else 'Yes'}")
            printer.line(f"Status : {mount['status']}")
            printer.line()

    def _remount(self, parsed: CommandLine, printer: messages.Printer) -> None:
        del printer
        mount = self._mounted_at(parsed)
        self._images.save_mounts([{**one, "status": "Ok"} if one == mount else one for one in self._mounts()])

    def _cleanup(self, parsed: CommandLine, printer: messages.Printer) -> None:
        del parsed, printer
        for mount in self._mounts():
            if mount["status"] == "Invalid":
                self._images.clear(self._files.parse(mount["dir"]))
        self._images.save_mounts([mount for mount in self._mounts() if mount["status"] != "Invalid"])

    def _info(self, parsed: CommandLine, printer: messages.Printer) -> None:
        path, indexes = self._image_file(parsed)
        wanted = int(parsed.value("index") or 0)
        if wanted > len(indexes):
            raise Failed(87)
        printer.line(f"Details for image : {path}")
        printer.line()
        for number, index in enumerate(indexes, 1):
            if wanted and number != wanted:
                continue
            printer.line(f"Index : {number}")
            printer.line(f"Name : {index['name']}")
            printer.line(f"Description : {index['name']}")
            printer.line("Size : 15,862,144,233 bytes")
            if wanted:
                printer.line("WIM Bootable : No")
                printer.line(f"Architecture : {index['architecture']}")
                printer.line(f"Version : {index['version'].rpartition('.')[0]}")
                printer.line(f"ServicePack Build : {index['version'].rpartition('.')[2]}")
            printer.line()
