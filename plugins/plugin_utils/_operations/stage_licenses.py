# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Stages licenses on one host: look, find and fetch only what is missing or wrong, deliver only that."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ProvisioningError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import (
    BLOCKED,
    FAILED,
    FETCHED,
    UNCHANGED,
    result_of,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.delivery import (
    Delivery,
    Staged,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_source import LicenseSource

Result = dict[str, t.Any]

_REMEMBERED = " An earlier run found this content id in the catalog. Set force to look it up anew."


def stage_licenses(
    requests: Sequence[LicenseRequest], delivery: Delivery, source: LicenseSource, force: bool, check_mode: bool
) -> Staged:
    """Stage the requests on the host of the delivery.

    What could be had is staged, whatever else fails. Raises StagingError when the host's directory cannot be used.
    """
    staged = delivery.stage(requests)
    wanted = [result for result in staged.licenses if _to_fetch(requests[result["request"]], result, force)]
    if check_mode:
        for result in wanted:
            result.update(state=FETCHED, error=None, reason=result["reason"] or "forced")
            staged.changed = True
            staged.diff.append(_predicted_diff(result))
    elif wanted:
        staged = _fetch_and_stage(requests, wanted, staged, delivery, source, force)
    for result in staged.licenses:
        problem = requests[result["request"]].problem
        if problem:
            result.update(state=FAILED, error=f"{problem}.")
    return staged


def _to_fetch(request: LicenseRequest, result: Result, force: bool) -> bool:
    if request.document is not None or request.problem or result["reason"] == BLOCKED.reason:
        return False
    return force or (result["state"] == FAILED and bool(result["reason"]))


def _fetch_and_stage(
    requests: Sequence[LicenseRequest],
    wanted: Sequence[Result],
    first: Staged,
    delivery: Delivery,
    source: LicenseSource,
    force: bool,
) -> Staged:
    """Find content ids, fetch, and deliver everything that is asked for again, so that the host can prune."""
    errors: dict[tuple[int, str], str] = {}
    # Of requests without a content id, the first look gave those that the manifest knows.
    known = {_id(result): _of_result(requests[result["request"]], result) for result in first.licenses}
    to_find = [request for request in requests if request.unresolved and (force or (request.number, "") in known)]
    complete = [request for request in known.values() if request.number not in {one.number for one in to_find}]
    for request, found in zip(to_find, source.resolve(to_find), strict=True):
        if isinstance(found, ProvisioningError):
            stay = [one for one in known.values() if one.number == request.number]
            errors.update({_id_of(one): str(found) for one in stay})
            complete += stay
        else:
            complete += found
    complete.sort(key=lambda request: request.number)

    missing = {_id(result) for result in wanted}
    found_now = {request.number for request in to_find}
    to_fetch = [
        request
        for request in complete
        if not request.unresolved
        and _id_of(request) not in errors
        and (_id_of(request) in missing or request.number in found_now)
    ]
    outcomes = dict(zip(map(_id_of, to_fetch), source.fetch([request.key for request in to_fetch]), strict=True))
    documents = {name: out for name, out in outcomes.items() if not isinstance(out, ProvisioningError)}
    errors.update({name: str(out) for name, out in outcomes.items() if isinstance(out, ProvisioningError)})
    for request in to_fetch:
        remembered = bool(request.selection) and request.number not in found_now
        if remembered and isinstance(outcomes[_id_of(request)], NotFoundError):
            errors[_id_of(request)] += _REMEMBERED

    if documents:
        # What the user brought was staged by the first call.
        second = delivery.stage([replace(one, document=documents.get(_id_of(one))) for one in complete])
        staged = _merged(first, second)
    else:
        before = {_id(result): result for result in first.licenses}
        staged = first
        staged.licenses = [before.get(_id_of(one)) or result_of(one, FAILED, None, None) for one in complete]
    for result in staged.licenses:
        if _id(result) in errors:
            result.update(state=FAILED, error=errors[_id(result)])
    return staged


def _of_result(request: LicenseRequest, result: Result) -> LicenseRequest:
    """Return the request that a result is of, with the content id that the host knew if the user gave none."""
    if not request.unresolved or not result["content_id"]:
        return request
    return replace(
        request,
        key=replace(request.key, content_id=result["content_id"]),
        filename=str(result["path"] or "").replace("\\", "/").rpartition("/")[2],
    )


def _id(result: Result) -> tuple[int, str]:
    return (result["request"], str(result["content_id"] or "").lower())


def _id_of(request: LicenseRequest) -> tuple[int, str]:
    return (request.number, request.key.content_id.lower())


def _merged(first: Staged, second: Staged) -> Staged:
    """Put the two calls together: what the first one staged is unchanged in the second."""
    before = {_id(result): result for result in first.licenses if result["state"] == FETCHED}
    return Staged(
        [before.get(_id(one), one) if one["state"] == UNCHANGED else one for one in second.licenses],
        changed=first.changed or second.changed,
        pruned=first.pruned + second.pruned,
        diff=first.diff + second.diff,
        warnings=first.warnings + second.warnings,
    )


def _predicted_diff(result: Result) -> dict[str, str]:
    key = "/".join(str(result[name]) for name in ("product_id", "sku_id", "content_id") if result[name])
    path = result["path"] or key
    return {
        "before_header": path,
        "after_header": path,
        "before": "",
        "after": f"the offline license {key}, to be fetched\n",
    }
