# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Returns licenses instead of staging them: nothing is written."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import (
    FAILED,
    FETCHED,
    UNCHANGED,
    Record,
    result_of,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.delivery import Staged
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_licenses import Outcome
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_source import LicenseSource


def return_licenses(requests: Sequence[LicenseRequest], source: LicenseSource) -> Staged:
    """Return each license as C(document) (XML text) and C(license_blob) (base64), besides its facts.

    Licenses that the user brought are C(unchanged); no service is asked for them.
    """
    results: list[tuple[LicenseRequest, str]] = []
    to_find = [request for request in requests if request.unresolved]
    found = dict(zip((request.number for request in to_find), source.resolve(to_find), strict=True))
    for request in requests:
        resolved = found.get(request.number, [request])
        if isinstance(resolved, ProvisioningError):
            results.append((request, str(resolved)))
        else:
            results += [(one, f"{one.problem}." if one.problem else "") for one in resolved]
    wanted = [request for request, error in results if request.document is None and not error]
    outcomes = dict(zip(map(id, wanted), source.fetch([request.key for request in wanted]), strict=True))
    return Staged([_result(request, error, outcomes.get(id(request))) for request, error in results])


def _result(request: LicenseRequest, error: str, outcome: Outcome | None) -> dict[str, t.Any]:
    document = outcome if request.document is None else request.document
    if document is None or isinstance(document, ProvisioningError):
        return result_of(request, FAILED, None, None, error=error or str(document))
    state = UNCHANGED if request.document is not None else FETCHED
    result = result_of(request, state, None, Record.of(request, document, "xml"))
    result.update(document=document.text, license_blob=document.blob)
    return result
