# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules slurp, win_ping, win_tempfile and setup."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from ..filesystem import HOME, TEMP, VARIABLES
from .base import Context, ModuleFailed, module


@module("slurp")
def SLURP(context: Context) -> dict[str, Any]:
    """The real module documents ``source`` and does not return it."""
    path = context.path("src")
    if context.files.is_dir(path):
        raise ModuleFailed(f"Path {path} is a directory")
    if not context.files.exists(path):
        raise ModuleFailed(f"Path {path} is not found")
    return {"content": base64.b64encode(context.files.read(path)).decode("ascii"), "encoding": "base64"}


@module("win_ping", modern=True)
def PING(context: Context) -> dict[str, Any]:
    """The data ``crash`` makes the module throw."""
    if context.arguments["data"] == "crash":
        raise ModuleFailed("Unhandled exception while executing module: boom")
    return {"ping": context.arguments["data"]}


@module("win_tempfile", modern=True)
def TEMPFILE(context: Context) -> dict[str, Any]:
    """Creates nothing in check mode, and reports a change all the same."""
    arguments = context.arguments
    parent = context.path("path") if arguments.get("path") else context.files.parse(TEMP)
    prefix = context.files.expand(arguments["prefix"] or "")
    suffix = context.files.expand(arguments.get("suffix") or "")
    path = parent.child(f"{prefix}{secrets.token_hex(4)}.{secrets.token_hex(2)[:3]}{suffix}")
    if not context.check_mode:
        if arguments["state"] == "directory":
            context.files.make_directory(path)
        else:
            context.files.write(path, b"")
    return {"changed": True, "state": arguments["state"], "path": str(path)}


@module("setup", modern=True, hidden=("_measure_subset", "filter"))
def SETUP(context: Context) -> dict[str, Any]:
    """Only the facts that tell a Windows host from others."""
    del context
    return {
        "ansible_facts": {
            "ansible_architecture": "64-bit",
            "ansible_distribution": "Microsoft Windows Server 2022 Standard",
            "ansible_env": dict(VARIABLES),
            "ansible_os_family": "Windows",
            "ansible_system": "Win32NT",
            "ansible_user_dir": HOME,
        }
    }
