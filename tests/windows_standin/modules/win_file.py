# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module win_file."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

from ..paths import WindowsPath
from .base import Context, ModuleFailed, module
from .facts import UTC_OFFSET

_DEFAULT_FORMAT = "yyyy-MM-dd HH:mm:ss"


def _moment(context: Context, option: str) -> float | None:
    """The time that an option asks for, in seconds since the epoch; None keeps the time."""
    touch = context.arguments.get("state") == "touch"
    text = context.arguments.get(option) or ("now" if touch else "preserve")
    if text == "preserve":
        return None
    if text == "now":
        return time.time()
    if context.arguments[f"{option}_format"] != _DEFAULT_FORMAT:
        raise ModuleFailed(f"{option}_format: only {_DEFAULT_FORMAT} is simulated")
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    except ValueError as error:
        raise ModuleFailed(f"Invalid {option} '{text}'") from error
    return local.replace(tzinfo=timezone(timedelta(seconds=UTC_OFFSET))).timestamp()


def _set_times(context: Context, path: WindowsPath) -> bool:
    written = _moment(context, "modification_time")
    accessed = _moment(context, "access_time")
    if not context.files.exists(path):
        return written is not None or accessed is not None
    status = context.files.stat(path)
    changed = written not in (None, status.st_mtime) or accessed not in (None, status.st_atime)
    if changed and not context.check_mode:
        context.files.touch(path, written=written, accessed=accessed)
    return changed


def _peek(context: Context, path: WindowsPath) -> dict[str, Any]:
    """What actions ask for before they show a difference."""
    is_file = context.files.is_file(path)
    return {
        "path": str(path),
        "change": False,
        "appears_binary": is_file and b"\0" in context.files.read(path)[:8192],
        "state": "file" if context.files.exists(path) else "absent",
    }


def _create_directory(context: Context, path: WindowsPath) -> bool:
    if context.check_mode:
        # New-Item looks at the drive and at files in the way before it asks whether to do it.
        above = path.parent
        while above is not None and not context.files.exists(above):
            above = above.parent
        if above is None or context.files.is_file(above):
            raise ModuleFailed(f"Could not find a part of the path '{path}'.")
        return True
    context.files.make_directory(path)
    _set_times(context, path)
    return True


@module("win_file", hidden=("_diff_peek", "_original_basename"))
def FILE(context: Context) -> dict[str, Any]:
    """Without ``state``, a path that does not exist fails as ``state=file`` does.

    Touching is a change whenever a time changes. Nothing but ``changed`` is returned.
    """
    files = context.files
    path = context.path("path")
    state = context.arguments.get("state")
    if context.arguments.get("_original_basename") is not None and files.is_dir(path):
        path = path.child(context.arguments["_original_basename"])
    if context.arguments.get("_diff_peek") is not None:
        return _peek(context, path)
    if state == "touch":
        if files.exists(path):
            return {"changed": _set_times(context, path)}
        if not context.check_mode:
            files.write(path, b"")
            _set_times(context, path)
        return {"changed": True}
    if files.exists(path):
        if state == "absent":
            if not context.check_mode:
                files.remove(path)
            return {"changed": True}
        if state == "directory" and not files.is_dir(path):
            raise ModuleFailed(f"path {path} is not a directory")
        if state == "file" and files.is_dir(path):
            raise ModuleFailed(f"path {path} is not a file")
        return {"changed": False}
    if state == "absent":
        return {"changed": False}
    if state == "directory":
        return {"changed": _create_directory(context, path)}
    raise ModuleFailed(f"path {path} will not be created")
