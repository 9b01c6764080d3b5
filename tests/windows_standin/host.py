# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Windows host: answers what Ansible sends to it, and keeps the log."""

from __future__ import annotations

import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dism_standin import program as dism
from dism_standin import tar

from . import journal, modules, payload, specs
from .filesystem import WindowsFailure, WindowsFilesystem
from .paths import BadWindowsPath, WindowsPath


class ConnectionLost(Exception):
    """The host cannot be reached, or the connection broke while it worked."""


@dataclass(frozen=True)
class Settings:
    """Where the hosts live: the files and directories that the harness prepared."""

    root: Path
    log: Path
    specs: Path
    faults: Path
    version: str
    """Of ansible.windows, whose modules are simulated."""

    @classmethod
    def from_environment(cls) -> Settings:
        """Read ``MSDEVICES_STANDIN_ROOT``, ``_LOG``, ``_SPECS`` and ``_FAULTS``.

        :raises KeyError: when one is missing.
        """
        paths = (Path(os.environ[f"MSDEVICES_STANDIN_{name}"]) for name in ("ROOT", "LOG", "SPECS", "FAULTS"))
        return cls(*paths, version=os.environ["MSDEVICES_STANDIN_VERSION"])


class WindowsHost:
    """The host called ``name``."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings
        self._faults = journal.Faults(settings.faults)
        self._record = functools.partial(journal.record, settings.log, host=name)
        self._limits: dict[str, list[WindowsPath]] = {}
        self._sizes: dict[WindowsPath, int] = {}
        self.files = WindowsFilesystem(settings.root / name, self._is_denied, self._room, self._is_limited)
        kinds = ("denied", "locked", "concealed", "unlistable")
        self._limits = {kind: [self.files.parse(top) for top in self._faults.paths(kind, name)] for kind in kinds}
        self._sizes = {self.files.parse(top): size for top, size in self._faults.sizes(name).items()}

    def _is_denied(self, path: WindowsPath) -> bool:
        return self._is_limited("denied", path) or self._is_limited("concealed", path)

    def _is_limited(self, kind: str, path: WindowsPath) -> bool:
        return any(path.is_below(top) for top in self._limits.get(kind, ()))

    def _room(self, path: WindowsPath) -> int | None:
        """How many bytes a file may have, beside the others of its disk."""
        rooms = [
            size
            - sum(
                self.files.stat(other).st_size
                for other in self.files.walk(top)
                if other.key != path.key and self.files.is_file(other)
            )
            for top, size in self._sizes.items()
            if path.is_below(top)
        ]
        return min(rooms, default=None)

    def _fault(self, event: str, **facts: Any) -> dict[str, Any] | None:
        """A fault for this event; a lost connection is raised at once."""
        rule = self._faults.take(event=event, host=self.name, **facts)
        if rule is not None and rule["kind"] == "unreachable":
            raise ConnectionLost(rule["msg"])
        return rule

    def connect(self) -> None:
        """:raises ConnectionLost: when a fault says so."""
        self._record(event="connect")
        self._fault("connect")

    def execute(self, command: str, data: bytes | None) -> tuple[int, bytes, bytes]:
        """Do what Ansible asks for.

        :returns: exit status, standard output, standard error.
        :raises ConnectionLost: when a fault says so.
        :raises payload.UnknownRequest: for something that is no PowerShell module.
        """
        try:
            request = payload.read(command, data)
        except payload.UnknownRequest as error:
            self._record(event="refused", msg=str(error))
            raise
        if isinstance(request, payload.ModuleCall):
            return 0, json.dumps(self._run_module(request)).encode(), b""
        self._record(event="command", command=type(request).__name__, **vars(request))
        self._fault("command")
        try:
            if isinstance(request, payload.Remove):
                self.files.remove(self.files.parse(request.path))
                return 0, b"", b""
            path = self.files.parse(self.files.expand(request.parent)).child(request.name)
            self.files.make_directory(path)
            return 0, f"{path}\r\n".encode(), b""
        except (BadWindowsPath, WindowsFailure) as error:
            return 1, b"", str(error).encode()

    def put_file(self, source: Path, target: str) -> None:
        """Receive a file.

        :raises ConnectionLost: when a fault says so; half of the file has arrived then.
        :raises WindowsFailure: when it cannot be written.
        """
        data = source.read_bytes()
        path = self.files.parse(target)
        self._record(event="transfer", path=str(path), size=len(data))
        try:
            self._fault("transfer")
        except ConnectionLost:
            self.files.write(path, data[: len(data) // 2], force=True)
            raise
        self.files.write(path, data, force=True)

    def _run_module(self, call: payload.ModuleCall) -> dict[str, Any]:
        plugin = modules.full_name(call.name)
        mode = call.arguments.get("_copy_mode")
        event: dict[str, Any] = {
            "event": "module",
            "plugin": plugin,
            "args": call.arguments,
            "check_mode": bool(call.settings.get("_ansible_check_mode")),
            "diff": bool(call.settings.get("_ansible_diff")),
            "no_log": bool(call.settings.get("_ansible_no_log")),
        }
        if mode is not None:
            event["mode"] = mode
        try:
            result = self._answer(plugin, call, mode, event)
            event["failed"] = bool(result.get("failed"))
            event["changed"] = bool(result.get("changed"))
            if event["failed"]:
                event["msg"] = result.get("msg")
            return result
        except ConnectionLost as error:
            event.update(failed=True, changed=None, msg=str(error))
            raise
        finally:
            self._record(**event)

    def _answer(self, plugin: str, call: payload.ModuleCall, mode: str | None, event: dict[str, Any]) -> dict[str, Any]:
        documented = specs.load(self._settings.specs).get(plugin)
        if documented is None:
            return modules.failed(f"{plugin} is no documented module of the installed ansible.windows collection")
        implementation = modules.IMPLEMENTED.get(plugin)
        hidden = implementation.hidden if implementation else frozenset()
        short = plugin.rpartition(".")[2]
        try:
            arguments = specs.check(
                short, documented, {name: value for name, value in call.arguments.items() if name not in hidden}
            )
            arguments.update({name: call.arguments[name] for name in hidden if name in call.arguments})
        except specs.BadArguments as error:
            return modules.failed(str(error))
        rule = self._fault("module", plugin=plugin, mode=mode) or {}
        if rule.get("kind") == "fail":
            return modules.failed(rule["msg"])
        if rule.get("kind") == "answer":
            return dict(rule["result"])
        if implementation is None:
            return modules.failed(f"{plugin} is not simulated: prepare its answer with answer()")
        context = modules.Context(
            arguments=arguments,
            files=self.files,
            check_mode=bool(call.settings.get("_ansible_check_mode")),
            diff=bool(call.settings.get("_ansible_diff")),
            run_program=self._run_program,
            stop_after=rule["files"] if rule.get("kind") == "partial" else None,
            version=tuple(int(part) for part in self._settings.version.split(".")[:3]),
            standard_user=self._faults.is_standard_user(self.name),
        )
        event["cost"] = context.cost
        try:
            return implementation.run(context)
        except dism.Died as error:
            raise ConnectionLost(str(error)) from error
        except modules.Interrupted as error:
            raise ConnectionLost(rule.get("msg", "the connection was lost")) from error

    def _run_program(self, arguments: list[str]) -> tuple[int, bytes, str] | None:
        """Run the host's DISM, also by the path of a copy that lies there as a file, or its tar."""
        program, *rest = arguments
        name = program.replace("/", "\\").rpartition("\\")[2].lower().removesuffix(".exe")
        at_home = program.lower().removesuffix(".exe") in (name, f"c:\\windows\\system32\\{name}")
        if not at_home and not self.files.is_file(self.files.parse(program)):
            return None
        if name == "tar" and dism.Behavior.load(self.files.top).has_tar:
            return tar.run(self.files, rest)
        if name != "dism":
            return None
        event: dict[str, Any] = {"event": "dism", "program": program, "arguments": rest}

        def fault(step: str) -> dict[str, Any] | None:
            event["step"] = step
            return self._faults.take(event="dism", host=self.name, mode=step)

        try:
            status, output = dism.Dism(self.files, fault).run(rest)
            event["status"] = status
            return status, output.encode("cp850", "replace"), ""
        finally:
            self._record(**event)
