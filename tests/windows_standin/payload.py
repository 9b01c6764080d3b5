# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what Ansible sends to a Windows host.

A module comes as data for PowerShell's standard input: parts separated by four zero bytes, the last of them JSON with
the module's arguments somewhere in it (ansible-core 2.16: ``module_args``; since 2.19: a variable of an action). Small
errands, such as making a temporary directory, come as an encoded command, or since 2.20 as such data.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SEPARATOR = b"\0\0\0\0"
_ENCODED = re.compile(r"-EncodedCommand\s+['\"]?([A-Za-z0-9+/=]+)", re.IGNORECASE)
_QUOTED = r"'((?:[^']|'')*)'"
_BARE_OR_QUOTED = r"(?:'(?P<quoted>(?:[^']|'')*)'|(?P<bare>\S+))"
_MAKE = re.compile(
    rf"ExpandEnvironmentVariables\({_QUOTED}\).*?New-Item -Type Directory -Path \$tmp_path -Name {_QUOTED}", re.DOTALL
)
_REMOVE = re.compile(rf"Remove-Item {_BARE_OR_QUOTED} -Force")


class UnknownRequest(ValueError):
    """Ansible sent something that the hosts here do not know."""


@dataclass(frozen=True)
class ModuleCall:
    """One execution of a module: its name as Ansible resolved it, its own arguments, and Ansible's (``_ansible_*``)."""

    name: str
    arguments: dict[str, Any]
    settings: dict[str, Any]


@dataclass(frozen=True)
class MakeDirectory:
    """Create a temporary directory ``name`` in ``parent`` and print its path."""

    parent: str
    name: str


@dataclass(frozen=True)
class Remove:
    """Remove a file or a directory with all that is in it."""

    path: str


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _dicts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _dicts(inner)


def _documents(data: bytes) -> Iterator[dict[str, Any]]:
    for part in data.split(_SEPARATOR):
        try:
            value = json.loads(part)
        except ValueError:
            continue
        yield from _dicts(value)


def _script(command: str) -> str:
    match = _ENCODED.search(command)
    if match is None:
        return command
    try:
        return base64.b64decode(match.group(1), validate=True).decode("utf-16-le")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise UnknownRequest(f"unreadable encoded command: {error}") from error


def _unquote(text: str) -> str:
    return text.replace("''", "'")


def read(command: str, data: bytes | None) -> ModuleCall | MakeDirectory | Remove:
    """Understand one request of Ansible.

    :raises UnknownRequest: for anything else, such as a module written in Python.
    """
    if data:
        if re.search(rb"\"async_wrapper(\.ps1)?\"", data):
            raise UnknownRequest("an asynchronous module: these hosts run modules at once")
        for found in _documents(data):
            if "_ansible_module_name" in found:
                own = {name: value for name, value in found.items() if not name.startswith("_ansible_")}
                settings = {name: value for name, value in found.items() if name.startswith("_ansible_")}
                return ModuleCall(settings["_ansible_module_name"], own, settings)
            if found.get("name") == "powershell_mkdtemp.ps1":
                return MakeDirectory(found["params"]["Directory"], found["params"]["Name"])
        start = data[:40].split(b"\n", 1)[0].decode("utf-8", "replace")
        raise UnknownRequest(f"data that is no PowerShell module, beginning with {start!r}")
    script = _script(command)
    match = _MAKE.search(script)
    if match is not None:
        return MakeDirectory(_unquote(match.group(1)), _unquote(match.group(2)))
    match = _REMOVE.search(script)
    if match is not None:
        return Remove(match.group("bare") or _unquote(match.group("quoted")))
    raise UnknownRequest(f"the command {script[:200]!r}")
