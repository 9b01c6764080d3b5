# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Decides on license files: which count as staged, which are written, and what is reported of each."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import LicenseDocumentError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import (
    MAX_BYTES,
    LicenseDocument,
    check,
    from_file_bytes,
    same_id,
    sha256,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    LicenseRequest,
    default_filename,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.directory import Directory
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import (
    LICENSE,
    Manifest,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.report import (
    ABSENT,
    ALTERED,
    BLOCKED,
    FACTS,
    FAILED,
    FETCHED,
    IDS,
    INVALID,
    OTHER_LICENSE,
    REASONS,
    REPLACED,
    UNCHANGED,
    UNREAD,
    UNRESOLVED,
    StagingReport,
    build_diff,
    build_result,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.stager import Stager

if t.TYPE_CHECKING:
    from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import Entry

    Judgment = t.Tuple[t.Optional[Entry], str]
    """The entry of a file that counts as staged, or why it does not."""

# In base64 a license takes a third more.
_MAX_FILE_BYTES = 2 * MAX_BYTES


class LicenseStager:
    """Stages licenses in one directory."""

    def __init__(
        self, directory: Directory, license_format: str, prune: bool, check_mode: bool, max_unknown: int | None = None
    ) -> None:
        """Take the directory, the format of the files, and how many unknown files are read at most (`None`: all)."""
        self._directory = directory
        self._format = license_format
        self._prune = prune
        self._check_mode = check_mode
        self._max_unknown = max_unknown

    def stage(self, requests: Sequence[LicenseRequest]) -> StagingReport:
        """Stage the requests that have a document, and report on the others; in check mode predict it.

        Pruning removes files that an earlier run staged and no request names now; not when a request failed, so that a
        license under its old name is not lost before it lies under the new one. Raises StagingError when the directory
        as a whole cannot be used.
        """
        attempt = self._attempt(requests)
        if attempt.stager.has_work and not self._check_mode:
            with self._directory.lock():
                # Another run may have worked here before.
                attempt = self._attempt(requests)
                return attempt.finish(attempt.stager.commit())
        return attempt.finish(attempt.stager.commit())

    def _attempt(self, requests: Sequence[LicenseRequest]) -> _Attempt:
        stager = Stager(self._directory, LICENSE, is_license_entry, self._check_mode)
        stager.look(name for request in requests for name in _names(request, self._format))
        requests = expand(stager.manifest, requests, self._format)
        stager.look_again(request.filename for request in requests if not request.unresolved)
        attempt = _Attempt(self._directory, stager, self._format, self._max_unknown)
        for request in requests:
            attempt.decide(request)
        pruning = self._prune and not attempt.report.failures
        if pruning:
            stager.prune(request.filename for request in requests)
        record_queries(stager.manifest, requests, forget_others=pruning)
        return attempt


class _Attempt:
    """One look at the directory, and what is decided from it."""

    def __init__(self, directory: Directory, stager: Stager, license_format: str, max_unknown: int | None) -> None:
        self._directory = directory
        self._format = license_format
        self._unknown_left = max_unknown
        self._judged: dict[str, Judgment] = {}
        self._written: dict[str, list[dict[str, t.Any]]] = {}
        self.stager = stager
        self.report = StagingReport()

    def decide(self, request: LicenseRequest) -> None:
        """Decide what happens to a request."""
        self.report.licenses.append(self._decide(request))

    def finish(self, manifest_error: t.Any) -> StagingReport:
        """Complete the report with what came of it."""
        report, path = self.report, self._directory.path
        for name, problem in self.stager.problems.items():
            for result in self._written.get(name, []):
                attempted = f"Could not stage {'/'.join(result[one] for one in IDS)} as {path(name)}"
                result.update(dict.fromkeys((*FACTS, "sha256", "size")))
                result.update(state=FAILED, error=f"{attempted}: {problem.cause}. {problem.remedy}.")
        failed = {path(name) for name in self.stager.problems}
        report.diff = [diff for diff in report.diff if diff["after_header"] not in failed]
        report.diff += [build_diff(path(name), entry, None) for name, entry in self.stager.pruned.items()]
        report.pruned = [path(name) for name in self.stager.pruned]
        report.changed = bool(report.pruned) or bool(self._written.keys() - self.stager.problems.keys())
        report.warnings = [*self._directory.warnings, *self.stager.warnings]
        self._directory.warnings = []
        report.error = None if report.failures else manifest_error
        return report

    def _decide(self, request: LicenseRequest) -> dict[str, t.Any]:
        if request.unresolved:
            return self._failed(request, UNRESOLVED)
        name, path = request.filename, self._directory.path(request.filename)
        entry, reason = self._judge(request)
        if request.problem:
            return build_result(request, FAILED, path, None, reason, f"{request.problem}.")
        document = request.document
        if entry is not None and (document is None or _is_instance(entry, document, self._format)):
            result = build_result(request, UNCHANGED, path, entry)
            if self.stager.keep(name, entry) or name in self._written:
                self._written.setdefault(name, []).append(result)
            return result
        if document is None or reason == BLOCKED:
            return self._failed(request, reason)
        before, after = entry or self.stager.recorded(name), entry_of(request, document, self._format)
        self.stager.put(name, document.file_bytes(self._format), after)
        self.report.diff.append(build_diff(path, before, after))
        result = build_result(request, FETCHED, path, after, reason or REPLACED)
        self._written.setdefault(name, []).append(result)
        # The same license may be requested twice.
        self._judged[name.lower()] = (after, "")
        return result

    def _failed(self, request: LicenseRequest, reason: str) -> dict[str, t.Any]:
        if request.unresolved:
            error = f"Could not stage {request.key}: its content id {REASONS[reason]}. {_FETCHES}."
            return build_result(request, FAILED, None, None, reason, error)
        path, found = self._directory.path(request.filename), self.stager.found.get(request.filename)
        cause, remedy = REASONS[reason], _FETCHES
        if reason == BLOCKED and found is not None and found.blocked is not None:
            cause, remedy = found.blocked
        error = f"Could not stage {request.key}: {path} {cause}. {remedy}."
        return build_result(request, FAILED, path, None, reason, error)

    def _judge(self, request: LicenseRequest) -> Judgment:
        """Return the entry of the file if it counts as staged, or why it does not."""
        name = request.filename.lower()
        if name not in self._judged:
            self._judged[name] = self._first_judgment(request)
        return self._judged[name]

    def _first_judgment(self, request: LicenseRequest) -> Judgment:
        found = self.stager.found.get(request.filename)
        if found is None:
            return None, ABSENT
        if found.blocked is not None:
            return None, BLOCKED
        if found.distrusted:
            return None, ALTERED
        recorded = self.stager.recorded(request.filename)
        if recorded is not None and _is_of(recorded, request, self._format):
            return (recorded, "") if recorded["sha256"] == found.sha256 else (None, ALTERED)
        if found.size > _MAX_FILE_BYTES:
            return None, INVALID
        document = request.document
        if document is not None and found.sha256 == sha256(document.file_bytes(self._format)):
            return entry_of(request, document, self._format), ""
        if self._unknown_left is not None:
            self._unknown_left -= 1
            if self._unknown_left < 0:
                return None, UNREAD
        return judge(request, self._directory.read(request.filename, _MAX_FILE_BYTES), self._format)


_FETCHES = (
    "The module alone stages only licenses whose license_blob it is given; on the controller the action plugin of the"
    " same name fetches them"
)


def entry_of(request: LicenseRequest, document: LicenseDocument, license_format: str) -> Entry:
    """Return the manifest's entry for a document as it lies in the file of a request."""
    data = document.file_bytes(license_format)
    facts = {name: getattr(request.key, name) for name in IDS}
    facts.update({name: getattr(document, name) for name in FACTS})
    return {"kind": LICENSE, "format": license_format, "sha256": sha256(data), "size": len(data), **facts}


def is_license_entry(entry: Entry) -> bool:
    """Return whether an entry of the manifest has all that a license's has."""
    return all(isinstance(entry[name], str) for name in (*IDS, *FACTS))


def _is_of(entry: Entry, request: LicenseRequest, license_format: str) -> bool:
    return entry.get("format") == license_format and all(
        same_id(entry[name], getattr(request.key, name)) for name in IDS
    )


def _is_instance(entry: Entry, document: LicenseDocument, license_format: str) -> bool:
    """Return whether the document is the license instance in this manifest entry."""
    if entry["license_instance_id"] and document.license_instance_id:
        return same_id(entry["license_instance_id"], document.license_instance_id)
    return bool(entry["sha256"] == sha256(document.file_bytes(license_format)))


def judge(request: LicenseRequest, data: bytes, license_format: str) -> Judgment:
    """Judge a file that the manifest does not know by its bytes."""
    try:
        document = from_file_bytes(data, license_format)
    except LicenseDocumentError:
        return None, INVALID
    try:
        check(document, request.key.product_id, request.key.content_id)
    except LicenseDocumentError:
        return None, OTHER_LICENSE
    # The bytes count, not what they would be if they were written here: base64 text may be wrapped, for instance.
    return {**entry_of(request, document, license_format), "sha256": sha256(data), "size": len(data)}, ""


def _names(request: LicenseRequest, license_format: str) -> list[str]:
    """Return the names that the file of a request may have, whatever the manifest says."""
    key = request.key
    return [request.filename or default_filename(LicenseKey(key.product_id, key.sku_id, "*"), license_format)]


def expand(manifest: Manifest, requests: Sequence[LicenseRequest], license_format: str) -> list[LicenseRequest]:
    """Put in place of each request without a content id those for the content ids that are known of it, if any.

    One that names a single file for several licenses stays as it is, for the controller to refuse it.
    """
    expanded = []
    for request in requests:
        known = manifest.catalog_queries.get(request.catalog_query, []) if request.unresolved else []
        known = [] if request.filename and len(known) > 1 else known
        expanded += [request.resolved(content_id, license_format) for content_id in known] or [request]
    return expanded


def record_queries(manifest: Manifest, requests: Sequence[LicenseRequest], forget_others: bool) -> None:
    """Remember how the content ids of the requests were found; `forget_others` forgets other queries."""
    unresolved = {request.catalog_query for request in requests if request.unresolved}
    found: dict[str, list[str]] = {}
    for request in requests:
        if request.catalog_query and request.catalog_query not in unresolved:
            ids = found.setdefault(request.catalog_query, [])
            if request.key.content_id.lower() not in ids:
                ids.append(request.key.content_id.lower())
    if forget_others:
        manifest.catalog_queries = {name: ids for name, ids in manifest.catalog_queries.items() if name in unresolved}
    manifest.catalog_queries.update(found)
