# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Stages licenses on one host in four steps: look (resolve), fetch, deliver, report. Only what is missing or wrong is
found, fetched and delivered."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ProvisioningError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.report import (
    ARCHIVED,
    BLOCKED,
    FAILED,
    FETCHED,
    FORCED,
    IDS,
    UNCHANGED,
    StagingReport,
    build_result,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.delivery import Delivery
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_source import LicenseSource

_REMEMBERED = " An earlier run found this content id in the catalog. Set force to look it up anew."


@dataclass
class Item:
    """One license on its way: a request and a content id. Each step fills its part."""

    request: LicenseRequest
    result: dict[str, t.Any]
    """What the host says of it."""
    wanted: bool = False
    """Whether it is to be fetched."""
    found_now: bool = False
    """Whether the catalog named its content id in this run."""
    document: LicenseDocument | None = None
    error: str = ""


def stage_licenses(
    requests: Sequence[LicenseRequest], delivery: Delivery, source: LicenseSource, force: bool, check_mode: bool
) -> StagingReport:
    """Stage the requests on the host of the delivery.

    What could be had is staged, whatever else fails. Raises StagingError when the host's directory cannot be used.
    """
    report = delivery.stage(_numbered(requests))
    items = [_look(requests[result["index"]], result, force) for result in report.licenses]
    if check_mode:
        _predict(items, report, source)
    elif any(item.wanted for item in items):
        items = _resolve(requests, items, source, force)
        _fetch(items, source)
        report = _deliver(items, delivery, report)
    return _complete(items, report, source)


def _numbered(requests: Iterable[LicenseRequest]) -> list[LicenseRequest]:
    """Let results name positions in what is sent, whatever the user's list was."""
    return [replace(request, index=index) for index, request in enumerate(requests)]


def _look(request: LicenseRequest, result: dict[str, t.Any], force: bool) -> Item:
    """Make the item of a result, with the content id that the host knew if the user gave none."""
    available = request.document is not None or request.problem or result["reason"] == BLOCKED
    wanted = not available and (force or (result["state"] == FAILED and bool(result["reason"])))
    if request.unresolved and result["content_id"]:
        name = str(result["path"] or "").replace("\\", "/").rpartition("/")[2]
        request = replace(request, key=replace(request.key, content_id=result["content_id"]), filename=name)
    return Item(request, result, wanted)


def _predict(items: Sequence[Item], report: StagingReport, source: LicenseSource) -> None:
    """Take for granted that what is missing can be fetched."""
    archived = source.archived([item.request.key for item in items if item.wanted and not item.request.unresolved])
    for item in items:
        if item.wanted:
            result = item.result
            result.update(
                state=ARCHIVED if item.request.key in archived else FETCHED,
                error=None,
                reason=result["reason"] or FORCED,
            )
            key = "/".join(str(result[name]) for name in IDS if result[name])
            path = result["path"] or key
            after = f"the offline license {key}, to be fetched\n"
            report.diff.append({"before_header": path, "after_header": path, "before": "", "after": after})
            report.changed = True


def _resolve(
    requests: Sequence[LicenseRequest], items: Sequence[Item], source: LicenseSource, force: bool
) -> list[Item]:
    """Find content ids where the host knew none, or where they are looked up anew; return the items in order."""
    unknown = {item.request.index for item in items if item.request.unresolved}
    to_find = [request for request in requests if request.unresolved and (force or request.index in unknown)]
    resolved = [item for item in items if item.request.index not in {request.index for request in to_find}]
    for request, found in zip(to_find, source.resolve(to_find), strict=True):
        known = {item.request.key.content_id.lower(): item for item in items if item.request.index == request.index}
        if isinstance(found, ProvisioningError):
            for item in known.values():
                item.error = str(found)
            resolved += known.values()
            continue
        for one in found:
            before = known.get(one.key.content_id.lower())
            result = before.result if before is not None else build_result(one, FAILED, None, None)
            resolved.append(Item(one, result, wanted=True, found_now=True))
    return sorted(resolved, key=lambda item: item.request.index)


def _fetch(items: Sequence[Item], source: LicenseSource) -> None:
    to_fetch = [item for item in items if item.wanted and not item.error and not item.request.unresolved]
    outcomes = source.fetch([item.request.key for item in to_fetch])
    for item, outcome in zip(to_fetch, outcomes, strict=True):
        if not isinstance(outcome, ProvisioningError):
            item.document = outcome
            continue
        item.error = str(outcome)
        if item.request.catalog_query and not item.found_now and isinstance(outcome, NotFoundError):
            item.error += _REMEMBERED


def _deliver(items: Sequence[Item], delivery: Delivery, first: StagingReport) -> StagingReport:
    """Deliver what was fetched, and name everything else again, so that the host can prune. What the user brought was
    staged by the first call."""
    if not any(item.document for item in items):
        return first
    second = delivery.stage(_numbered(replace(item.request, document=item.document) for item in items))
    for result in second.licenses:
        item = items[result["index"]]
        if result["state"] != UNCHANGED or item.result["state"] != FETCHED:
            item.result = result
    return StagingReport(
        second.licenses,
        changed=first.changed or second.changed,
        pruned=first.pruned + second.pruned,
        diff=first.diff + second.diff,
        warnings=list(dict.fromkeys(first.warnings + second.warnings)),
        error=second.error,
    )


def _complete(items: Sequence[Item], report: StagingReport, source: LicenseSource) -> StagingReport:
    for item in items:
        if item.result["state"] == FETCHED and item.request.key in source.taken:
            item.result["state"] = ARCHIVED
        error = f"{item.request.problem}." if item.request.problem else item.error
        item.result.update(index=item.request.index, **({"state": FAILED, "error": error} if error else {}))
    report.licenses = [item.result for item in items]
    report.warnings = [*report.warnings, *source.warnings]
    return report
