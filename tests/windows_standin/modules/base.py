# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules share."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..filesystem import WindowsFailure, WindowsFilesystem
from ..paths import BadWindowsPath, WindowsPath

OWNER = "BUILTIN\\Administrators"


class Interrupted(Exception):
    """The test asked for an interruption here."""


class ModuleFailed(Exception):
    """The module fails; the text is its ``msg``."""


@dataclass
class Context:
    """One execution: checked arguments with defaults, the host's files, Ansible's modes.

    ``stop_after``: interrupt the copy after this many files; None lets it finish. ``run_program`` runs a program of the
    host, given with its arguments, and returns exit status, standard output and standard error, or None when there is
    no such program.
    """

    arguments: dict[str, Any]
    files: WindowsFilesystem
    check_mode: bool
    diff: bool
    stop_after: int | None = None
    run_program: Callable[[list[str]], tuple[int, bytes, str] | None] = lambda arguments: None
    version: tuple[int, ...] = (3, 8, 0)
    standard_user: bool = False
    warnings: list[str] = field(default_factory=list)
    cost: dict[str, Any] = field(default_factory=lambda: {"listed": 0, "hashed": [], "walked": 0})
    """How many files were listed and walked, and which were hashed."""

    def path(self, option: str) -> WindowsPath:
        """The path in an option of type ``path``: environment variables are expanded.

        :raises ModuleFailed: when Windows would not take it.
        """
        text = self.files.expand(self.arguments[option])
        try:
            return self.files.parse(text)
        except BadWindowsPath as error:
            raise ModuleFailed(
                f"Get-AnsibleParam: Parameter '{option}' has an invalid path '{text}' specified. {error}"
            ) from error

    def checksum(self, path: WindowsPath, algorithm: str) -> str:
        """The checksum of a file, in lower case; that of its target when it is a link."""
        self.cost["hashed"].append(str(path))
        return hashlib.new(algorithm, self.files.read(path), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Implementation:
    """One module: ``hidden`` are the arguments that its action plugin uses and its documentation does not name."""

    name: str
    run: Callable[[Context], dict[str, Any]]
    hidden: frozenset[str]


def failed(message: str) -> dict[str, Any]:
    """The result of a module that fails before it did anything."""
    return {"changed": False, "failed": True, "msg": message}


def module(
    name: str, *, hidden: tuple[str, ...] = (), modern: bool = False
) -> Callable[[Callable[[Context], dict[str, Any]]], Implementation]:
    """Make an implementation of a function that returns the module's own result.

    :param modern: written with Ansible.Basic, which returns the arguments as ``invocation``.
    """

    def decorate(function: Callable[[Context], dict[str, Any]]) -> Implementation:
        @functools.wraps(function)
        def run(context: Context) -> dict[str, Any]:
            try:
                result = {"changed": False, **function(context)}
            except (BadWindowsPath, ModuleFailed, WindowsFailure) as error:
                result = failed(str(error))
            if context.warnings:
                result["warnings"] = context.warnings
            if modern:
                result["invocation"] = {"module_args": context.arguments}
            return result

        return Implementation(name, run, frozenset(hidden))

    return decorate
