# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What staging reports: a result for each license, the difference, the message of a task that failed."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    StagingError,
    list_failures,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseRequest

if t.TYPE_CHECKING:
    from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import Entry

IDS = ("product_id", "sku_id", "content_id")
FACTS = (
    "license_id",
    "license_instance_id",
    "requestor_id",
    "package_family_name",
    "issued_date",
)
"""What a result and the manifest tell of a license document, beside the ids of the request."""
FETCHED = "fetched"
ARCHIVED = "archived"
"""Taken from the archive on the controller; hosts say FETCHED."""
UNCHANGED = "unchanged"
FAILED = "failed"
STATES = (FETCHED, UNCHANGED, FAILED)

UNRESOLVED = "unresolved"
ABSENT = "absent"
ALTERED = "altered"
INVALID = "invalid"
OTHER_LICENSE = "other_license"
UNREAD = "unread"
BLOCKED = "blocked"
REPLACED = "replaced"
FORCED = "forced"
REASONS = {
    UNRESOLVED: "is not known yet",
    ABSENT: "is not there",
    ALTERED: "is not what was staged",
    INVALID: "is not a license",
    OTHER_LICENSE: "is another license",
    UNREAD: "is one of many unknown files, and is compared when the license is there",
    BLOCKED: "is in the way",
    REPLACED: "is replaced by another instance",
    FORCED: "is fetched anew",
}
"""Why a license did not count as staged, to what a message says of it."""


@dataclass
class StagingReport:
    """What staging did: the results in the order of the requests, and what happened besides."""

    licenses: list[dict[str, t.Any]] = field(default_factory=list)
    changed: bool = False
    pruned: list[str] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: StagingError | None = None
    """What failed besides single licenses."""

    @property
    def failures(self) -> list[dict[str, t.Any]]:
        """The results of licenses that failed."""
        return [result for result in self.licenses if result["state"] == FAILED]

    def as_result(self, with_diff: bool) -> dict[str, t.Any]:
        """Return what a module or an action returns."""
        result: dict[str, t.Any] = {"changed": self.changed, "licenses": self.licenses, "pruned": self.pruned}
        if with_diff and self.diff:
            result["diff"] = self.diff
        if self.failures:
            result.update(failed=True, msg=summary_of(self.failures, len(self.licenses)))
        elif self.error is not None:
            result.update(failed=True, msg=str(self.error))
        return result


def build_result(
    request: LicenseRequest,
    state: str,
    path: str | None,
    entry: Mapping[str, t.Any] | None,
    reason: str = "",
    error: str = "",
) -> dict[str, t.Any]:
    """Return one item of the return value `licenses`; `entry` is what the manifest says of a staged license."""
    facts = entry or {}
    return {
        "index": request.index,
        **{name: getattr(request.key, name) or None for name in IDS},
        "catalog_query": request.catalog_query or None,
        **{name: facts.get(name) or None for name in FACTS},
        "path": path,
        "sha256": facts.get("sha256"),
        "size": facts.get("size"),
        "state": state,
        "reason": reason or None,
        "error": error or None,
    }


def build_diff(path: str, before: Entry | None, after: Entry | None) -> dict[str, str]:
    """Return the difference that staging or pruning a file makes: ids and dates, never the license."""
    return {
        "before_header": path,
        "after_header": path,
        "before": _shown(before),
        "after": _shown(after),
    }


def _shown(entry: Entry | None) -> str:
    names = (*IDS, *FACTS, "sha256", "size")
    return "" if entry is None else "".join(f"{name}: {entry.get(name, '')}\n" for name in names)


def summary_of(failures: Sequence[Mapping[str, t.Any]], total: int) -> str:
    """Return the message of a task some of whose licenses failed: each one, why, and what to do about it."""
    named = (("/".join(str(item[name]) for name in IDS if item[name]), item["error"]) for item in failures)
    rest = "the others are in place" if len(failures) < total else "none is in place that was not before"
    return f"{len(failures)} of {total} licenses failed; {rest}.\n{list_failures(named, total)}"
