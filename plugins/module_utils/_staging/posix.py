# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Stages license files in a directory of the POSIX host on which it runs: standard library and AnsibleModule only."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
import typing as t
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import StagingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import (
    MAX_BYTES,
    sha256,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    MANIFEST_NAME,
    TEMPORARY_PREFIX,
    LicenseRequest,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import (
    ABSENT,
    BLOCKED,
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

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

# In base64 a license takes a third more.
_MAX_FILE_BYTES = 2 * MAX_BYTES
_MAX_MANIFEST_BYTES = 64 * MAX_BYTES
_LOCK_SECONDS = 60
_TEMPORARY_SUFFIX = ".tmp"


class PosixStaging:
    """Stages licenses in one directory, in one call."""

    def __init__(self, module: AnsibleModule, directory: str, license_format: str) -> None:
        """Take the module (for its check mode and file attributes), the directory, and the files' format."""
        self._module = module
        self._directory = directory
        self._format = license_format
        self.changed = False
        self.diff: list[dict[str, str]] = []
        self.pruned: list[str] = []

    def stage(self, requests: Sequence[LicenseRequest], prune: bool) -> list[dict[str, t.Any]]:
        """Stage the requests that have a document, report on the others, and return one result for each.

        Pruning removes files that an earlier run staged and nobody asks for now; not when a request failed, so that
        a license under its old name is not lost before it lies under the new one. Raises StagingError when the
        directory as a whole cannot be used.
        """
        if not self._usable():
            return [self._predicted(request) for request in requests]
        with self._locked():
            self._remove_leftovers()
            data = self._manifest_bytes()
            manifest, problem = load_manifest(data)
            if problem:
                self._module.warn(f"Ignoring {self._path(MANIFEST_NAME)}: {problem}. It is written anew.")
            requests = manifest.expand(requests, self._format)
            results = [self._stage_one(request, manifest) for request in requests]
            pruning = prune and not any(result["state"] == FAILED for result in results)
            if pruning:
                self._prune(requests, manifest.files)
            manifest.remember_selections(requests, only=pruning)
            try:
                self._write_manifest(manifest, data)
            except StagingError:
                # What failed before says more, and most often the same.
                if not any(result["state"] == FAILED for result in results):
                    raise
        return results

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)

    def _usable(self) -> bool:
        """Tell whether the directory is there; in check mode a task before may be about to make it."""
        attempted = f"Could not stage licenses in {self._directory}"
        if os.path.isdir(self._directory):
            return True
        if os.path.lexists(self._directory):
            raise StagingError(attempted, "dest is not a directory", "Set dest to a directory")
        if self._module.check_mode:
            return False
        raise StagingError(
            attempted,
            "dest does not exist",
            "Create it first, with ansible.builtin.file or with the role msdevices.provisioning.offline_licenses",
        )

    def _predicted(self, request: LicenseRequest) -> dict[str, t.Any]:
        if request.unresolved:
            return self._missing(request, UNRESOLVED)
        path = self._path(request.filename)
        if request.problem:
            return result_of(request, FAILED, path, None, error=request.problem)
        if request.document is None:
            return self._missing(request, ABSENT)
        record = Record.of(request, request.document, self._format)
        self.changed = True
        self.diff.append(diff_of(path, None, record))
        return result_of(request, FETCHED, path, record, ABSENT.reason)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep two runs from working in the directory at once. The lock ends with the process, however that ends."""
        try:
            descriptor = os.open(self._directory, os.O_RDONLY)
        except OSError as exc:
            raise StagingError(
                f"Could not stage licenses in {self._directory}", str(exc.strerror), "Check its permissions, and become"
            ) from None
        try:
            end = time.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise StagingError(
                            f"Could not stage licenses in {self._directory}",
                            f"another run has been working there for {_LOCK_SECONDS} seconds",
                            "Run again when it has ended",
                        ) from None
                    time.sleep(0.05)
                except OSError:
                    # Some network file systems have no locks; each file is still replaced at once.
                    break
            yield
        finally:
            os.close(descriptor)

    def _remove_leftovers(self) -> None:
        """Remove temporary files that a killed run left behind."""
        if self._module.check_mode:
            return
        for name in os.listdir(self._directory):
            if name.startswith(TEMPORARY_PREFIX) and name.endswith(_TEMPORARY_SUFFIX):
                with suppress(OSError):
                    os.unlink(self._path(name))

    def _read(self, path: str, limit: int) -> bytes | None:
        """Return a regular file's bytes, or C(None) when it is something else or larger. Raises OSError."""
        # O_NOFOLLOW: a symbolic link is never what was staged; O_NONBLOCK: a pipe must not make it wait.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            with os.fdopen(descriptor, "rb", closefd=False) as stream:
                data = stream.read(limit + 1)
            return data if len(data) <= limit else None
        finally:
            os.close(descriptor)

    def _manifest_bytes(self) -> bytes | None:
        path = self._path(MANIFEST_NAME)
        if not os.path.lexists(path):
            return None
        try:
            return self._read(path, _MAX_MANIFEST_BYTES) or b""
        except OSError:
            return b""

    def _look(self, request: LicenseRequest, recorded: Record | None) -> Verdict:
        path = self._path(request.filename)
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return ABSENT
        except OSError:
            return BLOCKED
        if stat.S_ISLNK(mode):
            return Verdict(None, "altered")
        if not stat.S_ISREG(mode):
            return BLOCKED
        try:
            data = self._read(path, _MAX_FILE_BYTES)
        except OSError:
            return BLOCKED
        return Verdict(None, "invalid") if data is None else judge(request, data, recorded, self._format)

    def _missing(self, request: LicenseRequest, verdict: Verdict) -> dict[str, t.Any]:
        path = None if request.unresolved else self._path(request.filename)
        error = f"Could not stage {request.key}: {path or 'its content id'} {_REASONS[verdict.reason]}. " + (
            "Remove it, or set another filename."
            if verdict is BLOCKED
            else "The module alone stages only licenses whose license_blob it is given; on the controller the action"
            " plugin of the same name fetches them."
        )
        return result_of(request, FAILED, path, None, verdict.reason, error)

    def _stage_one(self, request: LicenseRequest, manifest: Manifest) -> dict[str, t.Any]:
        if request.unresolved:
            return self._missing(request, UNRESOLVED)
        path = self._path(request.filename)
        recorded = manifest.files.get(request.filename)
        verdict = self._look(request, recorded)
        if request.problem:
            return result_of(request, FAILED, path, None, verdict.reason, request.problem)
        document = request.document
        staged = verdict.record
        if staged is not None and (document is None or staged.same_license(document, self._format)):
            manifest.files[request.filename] = staged
            try:
                self.changed |= self._set_attributes(path)
            except OSError as exc:
                return result_of(request, FAILED, path, staged, error=_cannot_write(request, path, exc))
            return result_of(request, UNCHANGED, path, staged)
        if document is None or verdict is BLOCKED:
            return self._missing(request, verdict)
        record = Record.of(request, document, self._format)
        try:
            self._write(path, document.file_bytes(self._format))
        except OSError as exc:
            return result_of(request, FAILED, path, None, verdict.reason, _cannot_write(request, path, exc))
        manifest.files[request.filename] = record
        self.changed = True
        self.diff.append(diff_of(path, staged or recorded, record))
        return result_of(request, FETCHED, path, record, verdict.reason or "replaced")

    def _write(self, path: str, data: bytes) -> None:
        """Replace a file at once: its content is the old or the new one at any moment. Raises OSError.

        The rename is within one directory and therefore atomic. AnsibleModule.atomic_move would first copy mode and
        owner of what lies there, through a symbolic link too.
        """
        if self._module.check_mode:
            return
        # mkstemp makes the file readable by its owner alone.
        descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, suffix=_TEMPORARY_SUFFIX, dir=self._directory)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
            self._set_attributes(temporary)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    def _set_attributes(self, path: str) -> bool:
        params = self._module.params
        changed = self._module.set_mode_if_different(path, params["mode"], False)
        changed = self._module.set_owner_if_different(path, params["owner"], changed)
        return bool(self._module.set_group_if_different(path, params["group"], changed))

    def _prune(self, requests: Sequence[LicenseRequest], files: dict[str, Record]) -> None:
        wanted = {request.filename.lower() for request in requests}
        for name in sorted(files):
            if name.lower() in wanted:
                continue
            record = files.pop(name)
            path = self._path(name)
            if not os.path.lexists(path):
                continue
            try:
                data = self._read(path, _MAX_FILE_BYTES)
            except OSError:
                data = None
            if data is None or record.sha256 != sha256(data):
                self._module.warn(f"Not pruning {path}: it is not what was staged. It is no longer in the manifest.")
                continue
            if not self._module.check_mode:
                try:
                    os.unlink(path)
                except OSError as exc:
                    self._module.warn(f"Could not prune {path}: {exc.strerror}.")
                    files[name] = record
                    continue
            self.pruned.append(path)
            self.diff.append(diff_of(path, record, None))
            self.changed = True

    def _write_manifest(self, manifest: Manifest, before: bytes | None) -> None:
        after = dump_manifest(manifest)
        path = self._path(MANIFEST_NAME)
        if after == before or (before is None and manifest == Manifest()):
            return
        try:
            self._write(path, after)
        except OSError as exc:
            raise StagingError(
                f"Could not write the manifest {path}",
                f"{exc.strerror}; the licenses themselves are in place",
                "Remove it, then run again"
                if os.path.isdir(path)
                else "Check free space and permissions of dest, then run again",
            ) from None


_REASONS = {
    "unresolved": "is not known yet",
    "absent": "is not there",
    "altered": "is not what was staged",
    "invalid": "is not a license",
    "other_license": "is another license",
    "blocked": "is not a file that can be read",
}


def _cannot_write(request: LicenseRequest, path: str, exc: OSError) -> str:
    return (
        f"Could not stage {request.key} as {path}: {exc.strerror}. Check free space, permissions and become, then run"
        " again."
    )
