# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""A directory of a Windows host (see Directory), by stock modules of ansible.windows, run from the controller.

What these modules do was read from the source of ansible.windows 1.14.0 to 3.8.0. There is no lock and no atomic
rename among them: a transfer that is interrupted leaves a file that does not match the manifest, which the next run
replaces. What was seen is remembered, so that looking twice takes no further module execution.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import ntpath
import os
import re
import shutil
import tempfile
import typing as t
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from ansible import constants as C
from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import StagingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import sha256
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import MANIFEST_NAME
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.directory import (
    NOT_A_FILE,
    FoundFile,
    MissingDirectoryError,
    Problem,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.nested_action import run_nested

if t.TYPE_CHECKING:
    from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.directory import Content

_REMEDY = "Check free space in dest and the permissions of the user on the host, then run again"
_REMEDIES = {
    "Cannot find drive": "Mapped drives do not exist in the sessions of Ansible: write the share as \\\\server\\share",
    "Invalid Reparse Tag": "A file that is to be staged is there as a placeholder (of deduplication or of a cloud"
    " service): remove it, or set dest to another directory",
}
# win_copy packs several files into an archive; larger ones are sent as they are.
_MAX_PACKED = 8 * 1024 * 1024
_LINK = Problem("is a link, which is not followed", "Remove it, then run again")
_LOCKED = Problem(
    "cannot be read: another program has it open, or the user has no permission",
    "Close the program or give the permission, then run again",
)
_CHECKSUM = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class _Seen:
    found: FoundFile
    path: str
    protected: bool
    """Read-only or hidden: such a file cannot be overwritten."""


class WindowsDirectory:
    """See Directory."""

    ignores_case = True

    def __init__(
        self, action: ActionBase, path: str, task_vars: dict[str, t.Any], warnings: Iterable[str] = (), things: str = ""
    ) -> None:
        """Take the action that runs the modules, the path, and what the files are, for messages."""
        self._action = action
        self._task_vars = task_vars
        self._path = path.replace("/", "\\")
        self._depth = len(ntpath.normpath(path).rstrip("\\").split("\\"))
        self._attempted = f"Could not stage {things or 'licenses'} in {path}"
        if "%" in path:
            # win_find takes them as they are, others expand them.
            cause = "environment variables in dest are not expanded on a Windows host"
            raise StagingError(self._attempted, cause, "Write the directory out")
        self._seen: dict[str, _Seen | None] = {}
        self._wildcards: set[str] = set()
        self._read: dict[str, bytes] = {}
        self.warnings = list(warnings)

    # The four verbs

    def path(self, name: str = "") -> str:
        """See Directory."""
        return ntpath.join(self._path, *name.split("/")) if name else self._path

    def list(self, names: Iterable[str], checksums: bool = True) -> dict[str, FoundFile]:
        """See Directory. One module execution, and another one when something is missing."""
        names = list(dict.fromkeys(names))
        known = self._seen.keys() | self._wildcards
        unknown = [name for name in names if name.lower() not in known and not self._is_covered(name)]
        if unknown:
            self._look(unknown, checksums)
        found = {}
        for name in names:
            if "*" in name:
                matching = [seen for key, seen in self._seen.items() if seen is not None and _match(name, key)]
                found.update({self._relative(seen.path): seen.found for seen in matching})
            else:
                seen = self._seen.get(name.lower())
                found.update({name: seen.found} if seen is not None else {})
        return found

    def read(self, name: str, limit: int) -> bytes:
        """See Directory."""
        key = name.lower()
        if key not in self._read:
            attempted = f"Could not read {self.path(name)}"
            seen = self._seen.get(key)
            if seen is not None and seen.found.size > limit:
                raise StagingError(attempted, f"it has more than {limit} bytes", "Remove it")
            answer = self._run("slurp", attempted, src=self.path(name))
            try:
                data = base64.b64decode(str(answer.get("content")), validate=True)
            except (binascii.Error, ValueError):
                raise StagingError(attempted, "ansible.windows.slurp returned no base64 text", _REMEDY) from None
            if len(data) > limit:
                raise StagingError(attempted, f"it has more than {limit} bytes", "Remove it")
            self._read[key] = data
        return self._read[key]

    def replace(self, contents: Mapping[str, Content]) -> dict[str, Problem]:
        """See Directory. All small files go in one transfer, out of a directory that only this user can read."""
        contents = {name: content for name, content in contents.items() if content is not None}
        problems = self._unprotect(contents)
        local = Path(tempfile.mkdtemp(dir=C.DEFAULT_LOCAL_TMP))
        try:
            large: dict[str, Path] = {}
            for name, content in contents.items():
                if name in problems:
                    continue
                target = local / "files" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if content is None or isinstance(content, bytes):
                    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                    with os.fdopen(descriptor, "wb") as stream:
                        stream.write(content or b"")
                elif os.stat(content).st_size <= _MAX_PACKED:
                    shutil.copyfile(content, target)
                else:
                    large[name] = local / str(len(large)) / target.name
                    large[name].parent.mkdir()
                    large[name].symlink_to(os.path.abspath(content))
            for name, source in large.items():
                problems.update(self._send(f"{source}", ntpath.dirname(self.path(name)) + "\\", [name], contents))
            packed = [name for name in contents if name not in problems and name not in large]
            if packed:
                problems.update(self._send(f"{local / 'files'}{os.sep}", self._path, packed, contents))
        finally:
            shutil.rmtree(local, ignore_errors=True)
        return problems

    def remove(self, names: Iterable[str]) -> dict[str, Problem]:
        """See Directory. One module execution for each."""
        problems = {}
        for name in names:
            path = self.path(name)
            try:
                self._run("win_file", f"Could not remove {path}", path=path, state="absent")
                self._remember(name, None)
            except StagingError as exc:
                problems[name] = Problem(exc.cause, exc.remedy)
        return problems

    def lock(self) -> AbstractContextManager[None]:
        """See Directory. There is none among the stock modules."""
        return nullcontext()

    # What they are made of

    def _run(self, name: str, attempted: str, **arguments: t.Any) -> dict[str, t.Any]:
        result = run_nested(self._action, f"ansible.windows.{name}", arguments, self._task_vars)
        if result.get("failed"):
            message = printable(str(result.get("msg", "no reason given")), 1000)
            remedy = next((remedy for text, remedy in _REMEDIES.items() if text in message), _REMEDY)
            raise StagingError(attempted, f"ansible.windows.{name} failed: {message}", remedy)
        return result

    def _is_covered(self, name: str) -> bool:
        return any(_match(wildcard, name.lower()) for wildcard in self._wildcards)

    def _look(self, names: Collection[str], checksums: bool) -> None:
        """Describe what has these names, and nothing else: win_find looks at links, owners and content of each file
        that it returns, and fails for all when it fails for one."""
        folders = {name.rpartition("/")[0] for name in names}
        above = {one for folder in folders for one in _above(folder)}
        answer = self._find(folders, names, get_checksum=checksums, checksum_algorithm="sha256", file_type="file")
        found = dict(self._seen_from(answer, checksums))
        missing = [name for name in names if "*" in name or name.lower() not in found]
        if not answer.get("examined") and MANIFEST_NAME in names:
            self._check_directory()
        elif missing or above:
            # What is in the way of a new file: win_copy would put the file into a directory of its name.
            folders |= {one.rpartition("/")[0] for one in above}
            others = self._find(folders, [*missing, *above], get_checksum=False, file_type="directory")
            found.update(self._seen_from(others, False))
        for name in names:
            links = [one.lower() for one in _above(name.rpartition("/")[0]) if one.lower() in found]
            links = [one for one in links if found[one].found.blocked is _LINK]
            if links:
                found[name.lower()] = found[links[0]]
        self._wildcards |= {name.lower() for name in names if "*" in name}
        self._seen.update(dict.fromkeys(name.lower() for name in names if "*" not in name))
        self._seen.update({key: seen for key, seen in found.items() if key not in {one.lower() for one in above}})

    def _find(self, folders: Iterable[str], names: Iterable[str], **arguments: t.Any) -> dict[str, t.Any]:
        patterns = dict.fromkeys(re.escape(name.rpartition("/")[2]).replace(r"\*", ".*") for name in names)
        return self._run(
            "win_find",
            self._attempted,
            paths=[self.path(folder) for folder in sorted(folders)],
            hidden=True,
            use_regex=True,
            patterns=[f"^(?:{'|'.join(patterns)})$"],
            **arguments,
        )

    def _check_directory(self) -> None:
        """Tell apart what win_find shows as an empty list: an empty directory, a missing one, a file, and a directory
        that may be entered but not listed, in which there is a manifest.

        win_copy on the host in check mode tells all of them in one execution: it needs a source that is always there,
        and with force=false it only finds out whether the target exists. win_stat is no help: before ansible.windows
        3.6.0 it fails on directories for users who are no administrators.
        """
        arguments = {"remote_src": True, "src": "%ComSpec%", "dest": self.path(MANIFEST_NAME), "force": False}
        answer = run_nested(self._action, "ansible.windows.win_copy", arguments, self._task_vars, check_mode=True)
        message = printable(str(answer.get("msg") or "no reason given"), 1000)
        if not answer.get("failed"):
            if not answer.get("changed"):
                raise StagingError(
                    self._attempted,
                    "the user may read files in dest, but may not list them",
                    "Give the user the permission to list the folder",
                )
        elif "is currently a file" in message:
            raise StagingError(self._attempted, "dest is not a directory", "Set dest to a directory")
        elif "does not exist" in message:
            raise self._missing()
        else:
            raise StagingError(self._attempted, f"ansible.windows.win_copy failed: {message}", _REMEDY)

    def _missing(self) -> StagingError:
        share = self._path.startswith("\\\\")
        cause = "dest does not exist, or the user may not see it"
        remedy = (
            "Create it first, with ansible.windows.win_file or with a role of this collection, or check its permissions"
        )
        if share:
            cause += ", or the host cannot sign in to the share"
            remedy += (
                ". A share needs credentials of its own: become with runas, CredSSP, or Kerberos with delegation (see"
                " the guide on build hosts)"
            )
        error = MissingDirectoryError(self._attempted, cause, remedy)
        if share and self._action._task.check_mode:
            self.warnings.append(str(error))
        return error

    def _seen_from(self, answer: Mapping[str, t.Any], checksums: bool) -> Iterable[tuple[str, _Seen]]:
        files = answer.get("files")
        for item in files if isinstance(files, list) else []:
            if not isinstance(item, dict) or not isinstance(item.get("path"), str):
                raise StagingError(self._attempted, "ansible.windows.win_find returned no list of files", _REMEDY)
            size, checksum = item.get("size"), str(item.get("checksum") or "").lower()
            readable = bool(_CHECKSUM.fullmatch(checksum))
            blocked = None
            if item.get("islnk") or item.get("isjunction"):
                blocked = _LINK
            elif item.get("isdir"):
                blocked = NOT_A_FILE
            elif checksums and not readable:
                blocked = _LOCKED
            found = FoundFile(
                size if isinstance(size, int) else 0,
                checksum if readable and blocked is None else "",
                blocked,
                is_file=blocked is not NOT_A_FILE,
            )
            seen = _Seen(found, item["path"], bool(item.get("isreadonly") or item.get("ishidden")))
            yield self._relative(item["path"]).lower(), seen

    def _relative(self, path: str) -> str:
        """Return the name of a file below the directory, as the host spells it."""
        return "/".join(path.split("\\")[self._depth :])

    def _unprotect(self, names: Iterable[str]) -> dict[str, Problem]:
        """Remove read-only and hidden files that are to be replaced: win_copy overwrites only a single one."""
        seen = {name: self._seen.get(name.lower()) for name in names}
        return self.remove([name for name, one in seen.items() if one is not None and one.protected])

    def _send(
        self, source: str, dest: str, names: Collection[str], contents: Mapping[str, Content]
    ) -> dict[str, Problem]:
        """Send files. When that fails, find out which arrived."""
        attempted = f"Could not write {len(names)} files to {self._path}"
        try:
            self._run("win_copy", attempted, src=source, dest=dest, local_follow=True, decrypt=False)
        except StagingError as exc:
            problem = Problem(f"{attempted[:1].lower()}{attempted[1:]}: {exc.cause}", exc.remedy)
            for name in names:
                self._seen.pop(name.lower(), None)
            self._wildcards.clear()
            found = self.list(names)
            sums = {name: found[name].sha256 for name in names if name in found}
            return {name: problem for name in names if sums.get(name) != _sum_of(contents[name])}
        for name in names:
            self._remember(name, contents[name])
        return {}

    def _remember(self, name: str, content: Content) -> None:
        """Remember what lies there now; of large files only that they have to be looked at again."""
        key = name.lower()
        self._read.pop(key, None)
        if content is None:
            self._seen[key] = None
        elif isinstance(content, bytes):
            self._seen[key] = _Seen(FoundFile(len(content), sha256(content)), self.path(name), False)
            self._read[key] = content
        else:
            self._seen.pop(key, None)


def _match(pattern: str, key: str) -> bool:
    return fnmatch.fnmatchcase(key, pattern.lower().replace("[", "[[]"))


def _above(folder: str) -> list[str]:
    parts = folder.split("/") if folder else []
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]


def _sum_of(content: Content) -> str:
    if isinstance(content, bytes) or content is None:
        return sha256(content or b"")
    digest = hashlib.sha256()
    with open(content, "rb") as stream:
        for chunk in iter(lambda: stream.read(1024 * 1024), b""):
            digest.update(chunk)
    return digest.hexdigest()
