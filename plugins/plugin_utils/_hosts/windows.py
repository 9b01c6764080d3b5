# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Delivery to Windows hosts, by stock modules of ansible.windows: one look, one transfer of what changed.

Files are judged here, from the checksums that the host reports and from the manifest. Only files that the manifest
does not vouch for are read.
"""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass

from ansible import constants as C
from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import StagingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import sha256
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    MANIFEST_NAME,
    LicenseRequest,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import (
    ABSENT,
    BLOCKED,
    FACTS,
    FAILED,
    FETCHED,
    UNCHANGED,
    UNRESOLVED,
    Manifest,
    Record,
    Verdict,
    diff_of,
    dump_manifest,
    judge,
    load_manifest,
    result_of,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.delivery import Staged
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.nested_action import run_nested

# Reading a file is one module execution each. Beyond so many unknown files it is cheaper, and bounded, to fetch their
# licenses (once a run, for all hosts) and to compare checksums.
_MOST_FILES_READ = 10
_REMEDY = "Check free space in dest and the permissions of the user on the host, then run again"
_REMOVE_IT = "Remove it, then run again"


@dataclass(frozen=True)
class _File:
    checksum: str
    kind: str
    """C(file), C(link) or C(directory)."""


class WindowsDelivery:
    """See Delivery. There is no lock and no atomic rename in the stock modules: a transfer that is interrupted leaves
    a file that does not match the manifest, which the next run replaces."""

    def __init__(self, action: ActionBase, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> None:
        self._action = action
        self._task_vars = task_vars
        self._directory = str(action._task.args["dest"])
        if "%" in self._directory:
            # ansible.windows.win_find takes them as they are, others expand them.
            raise StagingError(
                f"Could not stage licenses in {self._directory}",
                "environment variables in dest are not expanded on a Windows host",
                "Write the directory out",
            )
        self._format = params["format"]
        self._prune = params["prune"]
        self._warnings = [
            f"{name} is not used on a Windows host, where files inherit the permissions of dest."
            for name in ("mode", "owner", "group")
            if action._task.args.get(name) is not None
        ]
        self._files: dict[str, _File] | None = None
        self._manifest = Manifest()
        self._manifest_bytes: bytes | None = None
        self._verdicts: dict[str, Verdict] = {}

    def stage(self, requests: Sequence[LicenseRequest]) -> Staged:
        """See Delivery."""
        first = self._files is None
        requests = self._look(requests) if first else self._manifest.expand(requests, self._format)
        staged = Staged([], warnings=self._warnings)
        self._warnings = []
        outgoing: dict[str, bytes] = {}
        for request in requests:
            staged.licenses.append(self._stage_one(request, staged, outgoing))
        if outgoing:
            staged.changed = True
        pruning = self._prune and not any(item["state"] == FAILED for item in staged.licenses)
        self._manifest.remember_selections(requests, only=pruning)
        manifest = dump_manifest(self._manifest)
        if manifest != self._manifest_bytes and (self._manifest != Manifest() or self._manifest_bytes is not None):
            outgoing[MANIFEST_NAME] = manifest
        if outgoing and not self._action._task.check_mode:
            self._send(outgoing, staged)
            pruning = pruning and not any(item["state"] == FAILED for item in staged.licenses)
        self._manifest_bytes = manifest
        if pruning:
            self._prune_files(requests, staged)
        return staged

    def _path(self, name: str) -> str:
        return f"{self._directory.rstrip(chr(92) + '/')}\\{name}"

    def _run(self, name: str, attempted: str, **arguments: t.Any) -> dict[str, t.Any]:
        result = run_nested(self._action, f"ansible.windows.{name}", arguments, self._task_vars)
        if result.get("failed"):
            cause = f"ansible.windows.{name} failed: {result.get('msg', 'no reason given')}"
            raise StagingError(attempted, cause, _REMEDY)
        return result

    def _find(self, attempted: str, **arguments: t.Any) -> list[dict[str, t.Any]]:
        """Return what win_find tells of what lies directly in the directory."""
        found = self._run("win_find", attempted, paths=[self._directory], hidden=True, **arguments)
        return found.get("files") or []

    def _find_files(self, attempted: str) -> dict[str, _File]:
        files = self._find(attempted, get_checksum=True, checksum_algorithm="sha256")
        return {str(item["filename"]).lower(): _file(item) for item in files}

    def _look(self, requests: Sequence[LicenseRequest]) -> list[LicenseRequest]:
        """Find out what is staged, whatever the number of licenses: the files' checksums, and the manifest.

        Returns the requests, with the content ids that the manifest knows.
        """
        attempted = f"Could not look at {self._directory}"
        self._files = self._find_files(attempted)
        if not self._files:
            self._check_directory()
        if MANIFEST_NAME in self._files and self._files[MANIFEST_NAME].kind == "file":
            self._manifest_bytes = self._slurp(MANIFEST_NAME, attempted)
        self._manifest, problem = load_manifest(self._manifest_bytes)
        if problem:
            self._warnings.append(f"Ignoring {self._path(MANIFEST_NAME)}: {problem}. It is written anew.")
        expanded = self._manifest.expand(requests, self._format)
        if not {MANIFEST_NAME, *(one.filename.lower() for one in expanded if not one.unresolved)} <= self._files.keys():
            # What lies in the way of a new file; win_copy would put the file into a directory of its name.
            for item in self._find(attempted, file_type="directory", get_checksum=False):
                self._files[str(item["filename"]).lower()] = _File("", "directory")
        unread = []
        for request in {request.filename.lower(): request for request in expanded if not request.unresolved}.values():
            verdict = self._known_verdict(request)
            if verdict is None:
                unread.append(request)
            else:
                self._verdicts[request.filename.lower()] = verdict
        for number, request in enumerate(unread):
            verdict = Verdict(None, "altered")
            if number < _MOST_FILES_READ:
                data = self._slurp(request.filename, attempted)
                verdict = judge(request, data, self._recorded(request.filename), self._format)
            self._verdicts[request.filename.lower()] = verdict
        return expanded

    def _check_directory(self) -> None:
        """Tell an empty directory from none, and from a file."""
        attempted = f"Could not stage licenses in {self._directory}"
        found = self._run("win_stat", attempted, path=self._directory, get_checksum=False)["stat"]
        if found.get("exists") and not found.get("isdir"):
            raise StagingError(attempted, "dest is not a directory", "Set dest to a directory")
        if not found.get("exists") and not self._action._task.check_mode:
            raise StagingError(
                attempted,
                "dest does not exist",
                "Create it first, with ansible.windows.win_file or with the role"
                " msdevices.provisioning.offline_licenses",
            )

    def _slurp(self, name: str, attempted: str) -> bytes:
        return base64.b64decode(self._run("slurp", attempted, src=self._path(name))["content"])

    def _recorded(self, filename: str) -> Record | None:
        return next((record for name, record in self._manifest.files.items() if name.lower() == filename.lower()), None)

    def _known_verdict(self, request: LicenseRequest) -> Verdict | None:
        """Judge by checksum and manifest alone, or return C(None) when the file has to be read."""
        found = (self._files or {}).get(request.filename.lower())
        if found is None:
            return ABSENT
        if found.kind == "link":
            return Verdict(None, "altered")
        if found.kind == "directory":
            return BLOCKED
        recorded = self._recorded(request.filename)
        if recorded is None or not recorded.is_of(request):
            return None
        return Verdict(recorded) if recorded.sha256 == found.checksum else Verdict(None, "altered")

    def _stage_one(self, request: LicenseRequest, staged: Staged, outgoing: dict[str, bytes]) -> dict[str, t.Any]:
        if request.unresolved:
            error = f"Could not stage {request.key}: its content id is not known yet."
            return result_of(request, FAILED, None, None, UNRESOLVED.reason, error)
        name = request.filename.lower()
        path = self._path(request.filename)
        verdict = self._verdicts.get(name, ABSENT)
        document = request.document
        record = verdict.record
        if record is None and document is not None:
            # A file that was not read may already be what was fetched.
            found = (self._files or {}).get(name)
            fetched = Record.of(request, document, self._format)
            if found is not None and found.kind == "file" and found.checksum == fetched.sha256:
                record = fetched
        if record is not None and (document is None or record.same_license(document, self._format)):
            self._remember(request.filename, record)
            return result_of(request, UNCHANGED, path, record)
        if verdict is BLOCKED:
            error = f"Could not stage {request.key}: {path} is not a file that can be read. {_REMOVE_IT}."
            return result_of(request, FAILED, path, None, verdict.reason, error)
        if document is None:
            reason = verdict.reason
            return result_of(request, FAILED, path, None, reason, f"Could not stage {request.key}: {path} is {reason}.")
        before = record or self._recorded(request.filename)
        record = Record.of(request, document, self._format)
        data = document.file_bytes(self._format)
        outgoing[request.filename] = data
        staged.diff.append(diff_of(path, before, record))
        self._remember(request.filename, record)
        self._verdicts[name] = Verdict(record)
        if self._files is not None:
            self._files[name] = _File(sha256(data), "file")
        return result_of(request, FETCHED, path, record, verdict.reason or "replaced")

    def _remember(self, filename: str, record: Record) -> None:
        files = self._manifest.files
        if record in [known for name, known in files.items() if name.lower() == filename.lower()]:
            # Names that differ in case alone are one file.
            return
        for name in [name for name in files if name.lower() == filename.lower()]:
            del files[name]
        files[filename] = record

    def _send(self, outgoing: dict[str, bytes], staged: Staged) -> None:
        """Transfer the files. When that fails, find out which arrived, and let the licenses fail that did not.

        Raises StagingError when all licenses are in place, and only the manifest is not.
        """
        problem = None
        there = (self._files or {}).get(MANIFEST_NAME)
        if MANIFEST_NAME in outgoing and there is not None and there.kind == "directory":
            del outgoing[MANIFEST_NAME]
            problem = StagingError(
                f"Could not write the manifest {self._path(MANIFEST_NAME)}",
                "it is a directory; the licenses themselves are in place",
                _REMOVE_IT,
            )
        try:
            if outgoing:
                self._transfer(outgoing)
        except StagingError as exc:
            problem = exc
            self._take_back(exc, outgoing, staged)
        if problem is not None and not any(item["state"] == FAILED for item in staged.licenses):
            raise problem

    def _take_back(self, problem: StagingError, outgoing: dict[str, bytes], staged: Staged) -> None:
        """Let each license fail whose file is not what was sent."""
        self._files = self._find_files(f"Could not look at {self._directory} after a transfer that failed")
        failed = set()
        for name, data in outgoing.items():
            found = self._files.get(name.lower())
            if found is None or found.checksum != sha256(data):
                failed.add(self._path(name).lower())
        for item in staged.licenses:
            if item["state"] == FETCHED and str(item["path"]).lower() in failed:
                item.update(dict.fromkeys((*FACTS, "sha256", "size")), state=FAILED, error=str(problem))
        staged.diff = [one for one in staged.diff if one["after_header"].lower() not in failed]

    def _transfer(self, outgoing: dict[str, bytes]) -> None:
        """Send the files in one transfer, out of a directory that only this user can read."""
        local = tempfile.mkdtemp(dir=C.DEFAULT_LOCAL_TMP)
        try:
            for name, data in outgoing.items():
                descriptor = os.open(os.path.join(local, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(data)
            self._run(
                "win_copy",
                f"Could not write {len(outgoing)} files to {self._directory}",
                src=local + os.sep,
                dest=self._directory,
            )
        finally:
            shutil.rmtree(local, ignore_errors=True)

    def _prune_files(self, requests: Sequence[LicenseRequest], staged: Staged) -> None:
        wanted = {request.filename.lower() for request in requests}
        obsolete = {name: record for name, record in self._manifest.files.items() if name.lower() not in wanted}
        for name, record in sorted(obsolete.items()):
            found = (self._files or {}).get(name.lower())
            path = self._path(name)
            del self._manifest.files[name]
            if found is None:
                continue
            if found.kind != "file" or found.checksum != record.sha256:
                staged.warnings.append(
                    f"Not pruning {path}: it is not what was staged. It is no longer in the manifest."
                )
                continue
            if not self._action._task.check_mode:
                self._run("win_file", f"Could not prune {path}", path=path, state="absent")
            staged.pruned.append(path)
            staged.diff.append(diff_of(path, record, None))
            staged.changed = True
        manifest = dump_manifest(self._manifest)
        if manifest != self._manifest_bytes and not self._action._task.check_mode:
            self._transfer({MANIFEST_NAME: manifest})
            self._manifest_bytes = manifest


def _file(item: t.Mapping[str, t.Any]) -> _File:
    return _File(str(item.get("checksum") or "").lower(), "link" if item.get("islnk") else "file")
