# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Stages licenses on one host: look, fetch only what is missing or wrong, deliver only that."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Sequence
from dataclasses import replace

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._fetch_licenses import Outcome
from ansible_collections.msdevices.provisioning.plugins.module_utils._license_requests import (
    LicenseKey,
    LicenseRequest,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staged_licenses import (
    BLOCKED,
    FAILED,
    FETCHED,
    UNCHANGED,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._delivery import Delivery, Staged

Fetch = Callable[[Sequence[LicenseKey]], "list[Outcome]"]


def stage_licenses(
    requests: Sequence[LicenseRequest], delivery: Delivery, fetch: Fetch, force: bool, check_mode: bool
) -> Staged:
    """Stage the requests on the host of the delivery.

    What could be had is staged, whatever else fails. Raises StagingError when the host's directory cannot be used.
    """
    staged = delivery.stage(requests)
    wanted = [number for number, request in enumerate(requests) if _to_fetch(request, staged.licenses[number], force)]
    if check_mode:
        for number in wanted:
            staged.licenses[number].update(
                state=FETCHED, error=None, reason=staged.licenses[number]["reason"] or "forced"
            )
            staged.changed = True
            staged.diff.append(_predicted_diff(staged.licenses[number]))
    elif wanted:
        staged = _fetch_and_stage(requests, wanted, staged, delivery, fetch)
    for number, request in enumerate(requests):
        if request.problem:
            staged.licenses[number].update(state=FAILED, error=f"{request.problem}.")
    return staged


def _to_fetch(request: LicenseRequest, result: dict[str, t.Any], force: bool) -> bool:
    if request.document is not None or request.problem or result["reason"] == BLOCKED.reason:
        return False
    return force or (result["state"] == FAILED and bool(result["reason"]))


def _fetch_and_stage(
    requests: Sequence[LicenseRequest], wanted: list[int], first: Staged, delivery: Delivery, fetch: Fetch
) -> Staged:
    outcomes: list[Outcome]
    keys = [requests[number].key for number in wanted]
    try:
        outcomes = fetch(keys)
    except ProvisioningError as exc:
        # Not even a sign-in was possible; what the user brought is staged all the same.
        outcomes = [exc] * len(keys)
    errors = {
        number: str(out) for number, out in zip(wanted, outcomes, strict=True) if isinstance(out, ProvisioningError)
    }
    staged = first
    if len(errors) < len(wanted):
        complete = [replace(request, document=None) for request in requests]
        for number, outcome in zip(wanted, outcomes, strict=True):
            if not isinstance(outcome, ProvisioningError):
                complete[number] = replace(requests[number], document=outcome)
        staged = _merged(first, delivery.stage(complete))
    for number, error in errors.items():
        staged.licenses[number].update(state=FAILED, error=error)
    return staged


def _merged(first: Staged, second: Staged) -> Staged:
    """Put the two calls together: what the first one staged is unchanged in the second."""
    licenses = [
        one if two["state"] == UNCHANGED and one["state"] == FETCHED else two
        for one, two in zip(first.licenses, second.licenses, strict=True)
    ]
    return Staged(
        licenses,
        changed=first.changed or second.changed,
        pruned=first.pruned + second.pruned,
        diff=first.diff + second.diff,
        warnings=first.warnings + second.warnings,
    )


def _predicted_diff(result: dict[str, t.Any]) -> dict[str, str]:
    key = f"{result['product_id']}/{result['sku_id']}/{result['content_id']}"
    return {
        "before_header": result["path"],
        "after_header": result["path"],
        "before": "",
        "after": f"the offline license {key}, to be fetched\n",
    }
