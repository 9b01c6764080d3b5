# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module half of win_copy; its action half, which is the real one, calls it in four modes."""

from __future__ import annotations

import base64
import binascii
import io
import time
import zipfile
from typing import Any

from ..paths import BadWindowsPath, WindowsPath
from .base import Context, Interrupted, ModuleFailed, module

_CHECKSUM = "sha1"


def _join(top: WindowsPath, relative: str) -> WindowsPath:
    for name in relative.replace("\\", "/").split("/"):
        if name not in ("", "."):
            top = top.child(name)
    return top


def _query(context: Context, dest: WindowsPath) -> dict[str, Any]:
    """Which of the local files and directories are missing or different on the host."""
    files = context.files
    changed = []
    for file in context.arguments["files"]:
        path = _join(dest, file["dest"])
        if files.is_dir(path):
            path = _join(path, file["src"].rsplit("/", 1)[-1])
        if files.is_dir(path):
            raise ModuleFailed(f"cannot copy file to dest '{path}': object at path is already a directory")
        if not files.is_file(path) or (
            context.arguments["force"] and context.checksum(path, _CHECKSUM) != file["checksum"]
        ):
            changed.append(file)
    missing = []
    for directory in context.arguments["directories"]:
        path = _join(dest, directory["dest"])
        if path.parent is not None and files.is_file(path.parent):
            raise ModuleFailed(
                f"cannot copy folder to dest '{path}': object at parent directory path is already a file"
            )
        if files.is_file(path):
            raise ModuleFailed(f"cannot copy folder to dest '{path}': object at path is already a file")
        if not files.is_dir(path):
            missing.append(directory)
    return {"changed": False, "files": changed, "directories": missing, "symlinks": []}


def _source(context: Context, what: str) -> WindowsPath:
    path = context.path("src")
    if not context.files.is_file(path):
        raise ModuleFailed(f"Cannot {what}: '{path}' as it does not exist")
    return path


def _entry_name(encoded: str) -> tuple[str, bool]:
    """The name of an archive entry, which the action encodes with base64, and whether it is a directory."""
    is_dir = len(encoded) % 4 == 1
    try:
        name = base64.b64decode(encoded[:-1] if is_dir else encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ModuleFailed(f"invalid base64 archive name '{encoded}'") from error
    return name, is_dir


def _explode(context: Context, dest: WindowsPath) -> dict[str, Any]:
    """Unpack the archive that the action transferred, one file after the other."""
    data = context.files.read(_source(context, "expand src zip file"))
    done = 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            name, is_dir = _entry_name(entry.filename)
            path = _join(dest, name)
            directory = path if is_dir else path.parent
            if directory is not None and not context.files.is_dir(directory):
                context.files.make_directory(directory)
            if is_dir:
                continue
            content = archive.read(entry)
            if done == context.stop_after:
                context.files.write(path, content[: len(content) // 2])
                raise Interrupted
            context.files.write(path, content)
            done += 1
    return {"changed": True}


def _backup(context: Context, path: WindowsPath) -> str | None:
    if not context.files.is_file(path):
        return None
    stamp = time.strftime("%Y%m%d-%H%M%S")
    copy = WindowsPath(path.anchor, (*path.parts[:-1], f"{path.name}.4242.{stamp}.bak"))
    if not context.check_mode:
        context.files.write(copy, context.files.read(path))
    return str(copy)


def _single(context: Context, dest: WindowsPath) -> dict[str, Any]:
    """Put the one file that the action transferred in its place."""
    data = context.files.read(_source(context, "copy src file"))
    result: dict[str, Any] = {"changed": True}
    target = dest
    if context.arguments["dest"].endswith(("/", "\\")) or context.files.is_dir(dest):
        target = _join(dest, context.arguments["_original_basename"])
    parent = target.parent
    if parent is None or context.files.is_file(parent):
        raise ModuleFailed(f"object at destination parent dir '{parent}' is currently a file")
    if not context.files.is_dir(parent):
        if target == dest:
            raise ModuleFailed(f"Destination directory '{parent}' does not exist")
        context.files.make_directory(parent)
    if context.arguments["backup"]:
        result["backup_file"] = _backup(context, target)
    if context.stop_after is not None:
        context.files.write(target, data[: len(data) // 2], force=True)
        raise Interrupted
    context.files.write(target, data, force=True)
    # Copy-Item takes over the attributes of what was transferred.
    context.files.set_marks(target, set())
    return result


class _RemoteCopy:
    """A copy from one place of the host to another."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.diff = ""
        self.changed = False
        self.backup_file: str | None = None

    def copy_file(self, source: WindowsPath, target: WindowsPath) -> None:
        context, files = self._context, self._context.files
        if files.is_dir(target):
            raise ModuleFailed(f"cannot copy file from '{source}' to '{target}': dest is already a folder")
        there = files.is_file(target)
        if there and not context.arguments["force"]:
            return
        if there and context.checksum(source, _CHECKSUM) == context.checksum(target, _CHECKSUM):
            return
        parent = target.parent
        if parent is None or files.is_file(parent):
            raise ModuleFailed(
                f"cannot copy file from '{source}' to '{target}': object at dest parent dir is not a folder"
            )
        if not files.is_dir(parent):
            if not context.check_mode:
                files.make_directory(parent)
            self.diff += f"+{parent}\\\n"
        if context.arguments["backup"]:
            self.backup_file = _backup(context, target)
        if there:
            self.diff += f"-{target}\n"
        if not context.check_mode:
            files.write(target, files.read(source), force=True)
        self.diff += f"+{target}\n"
        self.changed = True

    def copy_folder(self, source: WindowsPath, target: WindowsPath) -> None:
        files = self._context.files
        if not files.is_dir(target):
            if files.is_file(target):
                raise ModuleFailed(f"cannot copy folder from '{source}' to '{target}': dest is already a file")
            if not self._context.check_mode:
                files.make_directory(target)
            self.diff += f"+{target}\\\n"
            self.changed = True
        self.copy_contents(source, target)

    def copy_contents(self, source: WindowsPath, target: WindowsPath) -> None:
        for child in self._context.files.children(source):
            if self._context.files.is_dir(child):
                self.copy_folder(child, target.child(child.name))
            else:
                self.copy_file(child, target.child(child.name))


def _remote(context: Context, dest: WindowsPath) -> dict[str, Any]:
    """Copy a file or a directory that is on the host already."""
    files = context.files
    source = context.path("src")
    if not files.exists(source):
        raise ModuleFailed(f"Cannot copy src file: '{context.arguments['src']}' as it does not exist")
    result: dict[str, Any] = {"src": context.arguments["src"]}
    copy = _RemoteCopy(context)
    target = dest
    if files.is_dir(source):
        result["operation"] = "folder_copy"
        if context.arguments["src"].endswith(("/", "\\")):
            copy.copy_contents(source, dest)
        else:
            target = dest.child(source.name)
            copy.copy_folder(source, target)
    else:
        result.update(operation="file_copy", original_basename=source.name)
        if context.arguments["dest"].endswith(("/", "\\")) or files.is_dir(dest):
            target = dest.child(source.name)
        if target.parent is not None and files.is_file(target.parent):
            raise ModuleFailed(f"object at destination parent dir '{target.parent}' is currently a file")
        if target.parent is not None and target == dest and not files.is_dir(target.parent):
            raise ModuleFailed(f"Destination directory '{target.parent}' does not exist")
        copy.copy_file(source, target)
        result["checksum"] = context.checksum(source, _CHECKSUM) if context.arguments["force"] else None
    result.update(dest=str(target), changed=copy.changed, size=None)
    if copy.backup_file is not None:
        result["backup_file"] = copy.backup_file
    if files.is_file(target):
        result["size"] = files.stat(target).st_size
    elif files.is_dir(target):
        result["size"] = sum(files.stat(below).st_size for below in files.walk(target) if files.is_file(below))
    if context.diff:
        result["diff"] = {"prepared": copy.diff}
    return result


@module("win_copy", hidden=("_copy_mode", "_original_basename", "directories", "files", "symlinks"))
def COPY(context: Context) -> dict[str, Any]:
    """``dest`` is required in all modes; the modes are those of the action."""
    modes = {"query": _query, "explode": _explode, "single": _single, "remote": _remote}
    mode = context.arguments.get("_copy_mode", "single")
    if mode not in modes:
        raise ModuleFailed(
            f"Get-AnsibleParam: Argument _copy_mode needs to be one of {','.join(modes)} but was {mode}."
        )
    try:
        return modes[mode](context, context.path("dest"))
    except BadWindowsPath as error:
        raise ModuleFailed(str(error)) from error
