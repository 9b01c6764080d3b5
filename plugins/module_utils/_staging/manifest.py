# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What counts as staged: the manifest, the verdict on a file, and the result that each request gets.

Shared by the staging of POSIX hosts (on the host) and of Windows hosts (on the controller): standard library only.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    list_failures,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import (
    LicenseDocument,
    check,
    from_file_bytes,
    same_id,
    sha256,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    DEFAULT_SKU_ID,
    LicenseKey,
    LicenseRequest,
    filename_problem,
    key_problem,
)

_VERSION = 1
FACTS = (
    "license_id",
    "license_instance_id",
    "requestor_id",
    "package_family_name",
    "issued_date",
)
"""What a result and the manifest tell of a license document, beside the ids that were asked for."""
_IDS = ("product_id", "sku_id", "content_id")
FETCHED = "fetched"
UNCHANGED = "unchanged"
FAILED = "failed"


@dataclass(frozen=True)
class Record:
    """What the manifest remembers of a staged file."""

    sha256: str
    size: int
    facts: Mapping[str, str]
    """The ids of the request and the facts of the document."""

    @classmethod
    def of(cls, request: LicenseRequest, document: LicenseDocument, license_format: str) -> Record:
        """Make the record of a document as it lies in the file of a request."""
        data = document.file_bytes(license_format)
        facts = {name: getattr(request.key, name) for name in _IDS}
        facts.update({name: getattr(document, name) for name in FACTS})
        return cls(sha256(data), len(data), facts)

    def is_of(self, request: LicenseRequest) -> bool:
        """Tell whether it is the record of the license that the request asks for."""
        return all(same_id(self.facts.get(name, ""), getattr(request.key, name)) for name in _IDS)

    def same_license(self, document: LicenseDocument, license_format: str) -> bool:
        """Tell whether the document is the instance of the license that the record is of."""
        instance = self.facts.get("license_instance_id", "")
        if instance and document.license_instance_id:
            return same_id(instance, document.license_instance_id)
        return self.sha256 == sha256(document.file_bytes(license_format))


@dataclass
class Manifest:
    """What is remembered of a directory."""

    files: dict[str, Record] = field(default_factory=dict)
    """File name to what was staged in it."""
    selections: dict[str, list[str]] = field(default_factory=dict)
    """How content ids were found (LicenseRequest.selection) to all that were, so that the next run need not ask."""

    def expand(self, requests: t.Sequence[LicenseRequest], license_format: str) -> list[LicenseRequest]:
        """Put in place of each request without a content id those for the content ids that are known of it, if any.

        One that names a single file for several licenses stays as it is, for the controller to refuse it.
        """
        expanded = []
        for request in requests:
            known = self.selections.get(request.selection, []) if request.unresolved else []
            known = [] if request.filename and len(known) > 1 else known
            expanded += [request.resolved(content_id, license_format) for content_id in known] or [request]
        return expanded

    def remember_selections(self, requests: t.Sequence[LicenseRequest], only: bool) -> None:
        """Remember how the content ids of the requests were found; C(only) forgets what was found otherwise."""
        unresolved = {request.selection for request in requests if request.unresolved}
        found: dict[str, list[str]] = {}
        for request in requests:
            if request.selection and request.selection not in unresolved:
                ids = found.setdefault(request.selection, [])
                if request.key.content_id.lower() not in ids:
                    ids.append(request.key.content_id.lower())
        if only:
            self.selections = {name: ids for name, ids in self.selections.items() if name in unresolved}
        self.selections.update(found)


def load_manifest(data: bytes | None) -> tuple[Manifest, str]:
    """Read the manifest's bytes (C(None) when there is none); return it, and why it is not used, if so.

    A manifest that cannot be trusted counts as empty: valid license files are then adopted, and nothing is pruned.
    """
    if data is None:
        return Manifest(), ""
    try:
        content = json.loads(data)
        version = content["version"]
        if version != _VERSION:
            return Manifest(), f"the manifest has version {str(version)[:20]}, and only version {_VERSION} is known"
        manifest = Manifest()
        for name, entry in content["files"].items():
            problem = filename_problem(name)
            if problem:
                return Manifest(), f"the manifest is not one that was written here: {problem}"
            facts = {fact: str(entry[fact]) for fact in (*_IDS, *FACTS)}
            manifest.files[name] = Record(str(entry["sha256"]), int(entry["size"]), facts)
        for selection, content_ids in content.get("selections", {}).items():
            keys = [LicenseKey("0" * 12, DEFAULT_SKU_ID, content_id) for content_id in content_ids]
            if any(key_problem(key) for key in keys):
                return Manifest(), "the manifest is not one that was written here: it selects what is no content id"
            manifest.selections[selection] = [key.content_id for key in keys]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return Manifest(), "the manifest is damaged"
    return manifest, ""


def dump_manifest(manifest: Manifest) -> bytes:
    """Return the manifest's bytes, the same for the same content."""
    content: dict[str, t.Any] = {
        "version": _VERSION,
        "files": {
            name: {"sha256": record.sha256, "size": record.size, **record.facts}
            for name, record in manifest.files.items()
        },
    }
    if manifest.selections:
        content["selections"] = manifest.selections
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode("utf-8")


@dataclass(frozen=True)
class Verdict:
    """Whether a file counts as staged; if not, why not, and whether staging can replace it."""

    record: Record | None
    """The record of the file when it counts as staged."""
    reason: str = ""
    """C(absent), C(altered), C(invalid), C(other_license) or C(blocked), empty when it counts as staged."""


UNRESOLVED = Verdict(None, "unresolved")
ABSENT = Verdict(None, "absent")
BLOCKED = Verdict(None, "blocked")


def judge(request: LicenseRequest, data: bytes, recorded: Record | None, license_format: str) -> Verdict:
    """Judge a file by its bytes and by what the manifest says of it."""
    try:
        document = from_file_bytes(data, license_format)
    except LicenseDocumentError:
        return Verdict(None, "invalid")
    try:
        check(document, request.key.product_id, request.key.content_id)
    except LicenseDocumentError:
        return Verdict(None, "other_license")
    record = Record.of(request, document, license_format)
    # The bytes count, not what the record would be of them: base64 text may be wrapped, for instance.
    record = Record(sha256(data), len(data), record.facts)
    if recorded is not None and recorded.is_of(request) and recorded.sha256 != record.sha256:
        return Verdict(None, "altered")
    return Verdict(record)


def result_of(
    request: LicenseRequest, state: str, path: str | None, record: Record | None, reason: str = "", error: str = ""
) -> dict[str, t.Any]:
    """Return one item of the return value C(licenses)."""
    facts = record.facts if record is not None else {}
    return {
        "request": request.number,
        **{name: getattr(request.key, name) or None for name in _IDS},
        "selection": request.selection or None,
        **{name: facts.get(name) or None for name in FACTS},
        "path": path,
        "sha256": record.sha256 if record is not None else None,
        "size": record.size if record is not None else None,
        "state": state,
        "reason": reason or None,
        "error": error or None,
    }


def diff_of(path: str, before: Record | None, after: Record | None) -> dict[str, str]:
    """Return the difference that staging or pruning a file makes: ids and dates, never the license."""
    return {
        "before_header": path,
        "after_header": path,
        "before": _shown(before),
        "after": _shown(after),
    }


def _shown(record: Record | None) -> str:
    if record is None:
        return ""
    lines = [f"{name}: {record.facts.get(name, '')}" for name in (*_IDS, *FACTS)]
    return "\n".join([*lines, f"sha256: {record.sha256}", f"size: {record.size}"]) + "\n"


def summary_of(failures: t.Sequence[Mapping[str, t.Any]], total: int) -> str:
    """Return the message of a task some of whose licenses failed: each one, why, and what to do about it."""
    named = (("/".join(str(item[name]) for name in _IDS if item[name]), item["error"]) for item in failures)
    rest = "the others are in place" if len(failures) < total else "none is in place that was not before"
    return f"{len(failures)} of {total} licenses failed; {rest}.\n{list_failures(named, total)}"
