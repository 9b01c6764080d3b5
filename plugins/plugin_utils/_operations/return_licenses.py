# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Returns licenses instead of staging them: nothing is written."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.licenses import entry_of
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.report import (
    ARCHIVED,
    FAILED,
    FETCHED,
    UNCHANGED,
    StagingReport,
    build_result,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_source import LicenseSource


@dataclass
class Item:
    """One license on its way to the caller."""

    request: LicenseRequest
    document: LicenseDocument | None = None
    error: str = ""


def return_licenses(requests: Sequence[LicenseRequest], source: LicenseSource) -> StagingReport:
    """Return each license as `document` (XML text) and `license_blob` (base64), besides its facts.

    Licenses that the user brought are `unchanged`; no service is asked for them.
    """
    items = _resolve(requests, source)
    wanted = [item for item in items if item.document is None and not item.error]
    outcomes = source.fetch([item.request.key for item in wanted])
    for item, outcome in zip(wanted, outcomes, strict=True):
        if isinstance(outcome, ProvisioningError):
            item.error = str(outcome)
        else:
            item.document = outcome
    return StagingReport([_result(item, source) for item in items], warnings=source.warnings)


def _resolve(requests: Sequence[LicenseRequest], source: LicenseSource) -> list[Item]:
    to_find = [request for request in requests if request.unresolved]
    found = dict(zip((request.index for request in to_find), source.resolve(to_find), strict=True))
    items = []
    for request in requests:
        resolved = found.get(request.index, [request])
        if isinstance(resolved, ProvisioningError):
            items.append(Item(request, error=str(resolved)))
        else:
            items += [Item(one, one.document, f"{one.problem}." if one.problem else "") for one in resolved]
    return items


def _result(item: Item, source: LicenseSource) -> dict[str, t.Any]:
    request, document = item.request, item.document
    if document is None:
        return build_result(request, FAILED, None, None, error=item.error)
    state = UNCHANGED if request.document is not None else ARCHIVED if request.key in source.taken else FETCHED
    result = build_result(request, state, None, entry_of(request, document, "xml"))
    result.update(document=document.text, license_blob=document.blob)
    return result
