# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Windows hosts for a test: environment and inventory for Ansible, a look at files and calls, faults on demand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dism_standin.program import BEHAVIORS, Behavior
from dism_standin.store import Images, Root

from . import journal, specs
from .filesystem import TEMP, VARIABLES, WindowsFilesystem

_HERE = Path(__file__).resolve().parent
_BUILD = _HERE.parents[1] / ".build" / "windows_standin"


def _with_first(variable: str, directory: Path) -> str:
    before = os.environ.get(variable)
    return os.pathsep.join([str(directory), before] if before else [str(directory)])


def _full(plugin: str | None) -> str | None:
    return plugin if plugin is None or "." in plugin else f"ansible.windows.{plugin}"


class WindowsHosts:
    """Some Windows hosts with an empty ``C:`` each.

    :param tmp_path: an empty directory of the test; the hosts live in it.
    :param names: the names of the hosts in the inventory.
    :param cache: where the documented options of ``ansible.windows`` are kept between tests.
    """

    def __init__(self, tmp_path: Path, names: Iterable[str], cache: Path = _BUILD) -> None:
        self.names = list(names)
        top = tmp_path / "windows_hosts"
        self.root = top / "files"
        #: All that the hosts saw, one JSON object a line: a place to look for secrets.
        self.log = top / "calls.jsonl"
        self._faults = journal.Faults(top / "faults.json")
        self.root.mkdir(parents=True)
        self._files = {name: WindowsFilesystem(self.root / name) for name in self.names}
        #: What must be added to the environment of ansible-playbook.
        self.env: dict[str, str] = {
            "ANSIBLE_CONNECTION_PLUGINS": _with_first("ANSIBLE_CONNECTION_PLUGINS", _HERE / "connection_plugins"),
            "PYTHONPATH": _with_first("PYTHONPATH", _HERE.parent),
            "MSDEVICES_STANDIN_ROOT": str(self.root),
            "MSDEVICES_STANDIN_LOG": str(self.log),
            "MSDEVICES_STANDIN_FAULTS": str(top / "faults.json"),
            "MSDEVICES_STANDIN_SPECS": str(specs.build(cache)),
            # What differs between versions is simulated as in this one; a test may set another.
            "MSDEVICES_STANDIN_VERSION": specs.installed_version(),
        }

    # For Ansible

    @property
    def host_vars(self) -> dict[str, str]:
        """The variables that make a host of the inventory one of these."""
        return {"ansible_connection": "windows_standin"}

    @property
    def inventory_lines(self) -> list[str]:
        """One line a host, for an inventory in the INI format."""
        variables = " ".join(f"{name}={value}" for name, value in self.host_vars.items())
        return [f"{name} ansible_host={name} {variables}" for name in self.names]

    def environment(self) -> dict[str, str]:
        """The whole environment for ansible-playbook: this process's with what the hosts need."""
        return {**os.environ, **self.env}

    # What happened

    def events(self, event: str | None = None, host: str | None = None) -> list[dict[str, Any]]:
        """All that the hosts saw, in order: ``connect``, ``module``, ``transfer``, ``command`` and ``refused``."""
        return [
            entry
            for entry in journal.read(self.log)
            if event in (None, entry["event"]) and host in (None, entry["host"])
        ]

    def calls(self, host: str | None = None, plugin: str | None = None) -> list[dict[str, Any]]:
        """The module executions; ``plugin`` as full name or without ``ansible.windows.``.

        Keys of each: ``host``, ``plugin``, ``args``, ``check_mode``, ``diff``, ``no_log``, ``changed``, ``failed``,
        ``msg`` (of a failure), ``mode`` (of win_copy: query, single, explode, remote), ``time``, ``pid``.
        """
        return [entry for entry in self.events("module", host) if _full(plugin) in (None, entry["plugin"])]

    def transfers(self, host: str | None = None) -> list[dict[str, Any]]:
        """The files that were sent to hosts: ``path`` and ``size``."""
        return self.events("transfer", host)

    def connections(self, host: str | None = None) -> int:
        """How many connections were opened."""
        return len(self.events("connect", host))

    def forget(self) -> None:
        """Start the log anew."""
        self.log.unlink(missing_ok=True)

    # Files

    def tree(self, host: str, below: str = "", temp: bool = False) -> dict[str, bytes]:
        """All files of a host by Windows path.

        :param below: only those in this directory.
        :param temp: also those in the directory for temporary files.
        """
        files = self._files[host]
        tops = [files.parse(below)] if below else files.anchors()
        hidden = [files.parse(VARIABLES["ComSpec"]), *([] if temp else [files.parse(TEMP)])]
        return {
            str(path): files.read(path)
            for top in tops
            if files.is_dir(top)
            for path in files.walk(top)
            if files.is_file(path) and not any(path.is_below(one) for one in hidden)
        }

    def exists(self, host: str, path: str) -> bool:
        """Whether there is a file or directory."""
        return self._files[host].exists(self._files[host].parse(path))

    def read(self, host: str, path: str) -> bytes:
        """:raises WindowsFailure: when there is no such file."""
        return self._files[host].read(self._files[host].parse(path))

    def mkdir(self, host: str, path: str) -> None:
        """Create a directory, and the drive or share it is on."""
        files = self._files[host]
        target = files.parse(path)
        files.make_root(target)
        files.make_directory(target)

    def write(self, host: str, path: str, data: bytes, *, hidden: bool = False, read_only: bool = False) -> None:
        """Write a file, with the directories above it."""
        files = self._files[host]
        target = files.parse(path)
        if target.parent is not None:
            self.mkdir(host, str(target.parent))
        files.write(target, data, force=True)
        marks = {name for name, wanted in (("Hidden", hidden), ("ReadOnly", read_only)) if wanted}
        if marks or files.marks(target):
            files.set_marks(target, marks)

    def remove(self, host: str, path: str) -> None:
        """:raises WindowsFailure: when there is nothing."""
        self._files[host].remove(self._files[host].parse(path))

    # DISM

    def dism(self, host: str, **behavior: Any) -> None:
        """Let the host's DISM behave otherwise: see :class:`dism_standin.program.Behavior`."""
        unknown = behavior.keys() - BEHAVIORS
        if unknown:
            raise ValueError(f"DISM has no behavior {unknown}")
        settings = Behavior.load(self.root / host)
        for name, value in behavior.items():
            setattr(settings, name, value)
        settings.save(self.root / host)

    def dism_fails(
        self,
        step: str,
        code: int | None = None,
        *,
        host: str | None = None,
        effect: str | None = None,
        times: int | None = 1,
        after: int = 0,
        msg: str = "the connection was lost",
    ) -> None:
        """Let a step of DISM fail, with ``effect`` besides: see :class:`dism_standin.program.Dism`."""
        self._add(
            "dism", host, None, event="dism", modes=[step], code=code, effect=effect, times=times, after=after, msg=msg
        )

    def dism_calls(self, host: str | None = None, step: str | None = None) -> list[dict[str, Any]]:
        """The command lines of DISM: ``step``, ``arguments``, ``status``, ``program``."""
        return [entry for entry in self.events("dism", host) if step in (None, entry.get("step"))]

    def provisioned(self, host: str, root: str = "C:\\") -> list[dict[str, Any]]:
        """The apps that are provisioned on the host, or in an image that is applied or mounted at ``root``."""
        files = self._files[host]
        return Root(files, files.parse(root)).apps

    def provision(self, host: str, *apps: Mapping[str, Any], root: str = "C:\\") -> None:
        """Provision apps without DISM; each has the keys of :class:`dism_standin.store.Root`."""
        files = self._files[host]
        defaults = {name: getattr(Behavior(), name) for name in ("architecture",)}
        state = Root(files, files.parse(root), {**defaults, "version": Behavior.load(self.root / host).image_version})
        state.apps.extend(dict(app) for app in apps)
        state.save()

    def image_file(self, host: str, path: str, *indexes: Mapping[str, Any]) -> None:
        """Write an image file. Each index has a ``name``; other keys: ``architecture version apps files``."""
        whole = [
            {"architecture": "x64", "version": Behavior().image_version, "apps": [], "files": {}, **index}
            for index in indexes
        ]
        self.write(host, path, json.dumps({"indexes": whole}).encode())

    def indexes(self, host: str, path: str) -> list[dict[str, Any]]:
        """The indexes of an image file."""
        files = self._files[host]
        return Images(files).indexes(files.parse(path))

    def mounts(self, host: str) -> list[dict[str, Any]]:
        """The images that are mounted."""
        return Images(self._files[host]).mounts()

    # Faults

    def fail(
        self,
        msg: str,
        *,
        host: str | None = None,
        plugin: str | None = None,
        times: int | None = 1,
        after: int = 0,
        mode: str | None = None,
    ) -> None:
        """Let module executions fail with ``msg``.

        :param times: how often; None for ever.
        :param after: so many matching executions work before.
        :param mode: only this mode of win_copy.
        """
        self._add("fail", host, plugin, event="module", times=times, after=after, modes=mode and [mode], msg=msg)

    def unreachable(
        self,
        host: str,
        *,
        msg: str = "the host does not answer",
        event: str = "connect",
        plugin: str | None = None,
        times: int | None = None,
        after: int = 0,
    ) -> None:
        """Let the host be unreachable; with ``plugin``, let the connection break when that module begins.

        :param event: ``connect``, or ``transfer`` or ``command`` to let the connection break there.
        """
        self._add("unreachable", host, plugin, event="module" if plugin else event, times=times, after=after, msg=msg)

    def interrupt_copy(self, host: str, files: int, *, msg: str = "the connection was lost") -> None:
        """Let the next win_copy arrive in part: ``files`` files whole, one half, then the connection is lost.

        The half file is written in place, as the real module does. A copy of one file is always the half one.
        """
        self._add(
            "partial", host, "win_copy", event="module", times=1, modes=["explode", "single"], files=files, msg=msg
        )

    def answer(
        self, plugin: str, result: Mapping[str, Any], *, host: str | None = None, times: int | None = None
    ) -> None:
        """Let a module return ``result`` and do nothing; its arguments are checked all the same."""
        self._add("answer", host, plugin, event="module", times=times, result=dict(result))

    def deny_writing(self, host: str, path: str) -> None:
        """Refuse every change at and below a path, as to a user without the permission."""
        self._add("denied", host, None, path=path)

    def limit_space(self, host: str, path: str, size: int) -> None:
        """Let a directory be as a disk of its own, whose files cannot have more than so many bytes together."""
        self._add("full", host, None, path=path, size=size)

    def lock(self, host: str, path: str) -> None:
        """Let another program have a file open without sharing it."""
        self._add("locked", host, None, path=path)

    def conceal(self, host: str, path: str) -> None:
        """Take the permission to see a path: it looks missing, and cannot be created."""
        self._add("concealed", host, None, path=path)

    def deny_listing(self, host: str, path: str) -> None:
        """Let a directory look empty, though its files can be reached by name."""
        self._add("unlistable", host, None, path=path)

    def standard_user(self, host: str) -> None:
        """Let the user of a host be no administrator."""
        self._add("standard_user", host, None)

    def link(self, host: str, path: str, target: str | None, tag: int | None = None) -> None:
        """Make a symbolic link, or give a file another kind of reparse point, such as 0x80000013 (deduplication)."""
        files = self._files[host]
        files.set_link(files.parse(path), None if target is None else files.parse(target), tag)

    def cost(self, host: str) -> dict[str, Any]:
        """What all module executions of a host did: ``listed`` and ``walked`` files, and those that were ``hashed``."""
        costs = [call["cost"] for call in self.calls(host) if "cost" in call]
        counts = {name: sum(cost[name] for cost in costs) for name in ("listed", "walked")}
        return {**counts, "hashed": [path for cost in costs for path in cost["hashed"]]}

    def clear_faults(self) -> None:
        """Let the hosts work again."""
        self._faults.clear()

    def _add(self, kind: str, host: str | None, plugin: str | None, **rule: Any) -> None:
        if host is not None and host not in self.names:
            raise ValueError(f"there is no host {host!r}")
        self._faults.add({"kind": kind, "host": host, "plugin": _full(plugin), **rule})
