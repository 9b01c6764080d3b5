# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Returns licenses instead of staging them: nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license_requests import LicenseRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._staged_licenses import (
    FAILED,
    FETCHED,
    UNCHANGED,
    Record,
    result_of,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._delivery import Staged
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._stage_licenses import Fetch


def return_licenses(requests: Sequence[LicenseRequest], fetch: Fetch) -> Staged:
    """Return each license as C(document) (XML text) and C(license_blob) (base64), besides its facts.

    Licenses that the user brought are C(unchanged); no service is asked for them.
    """
    wanted = [number for number, request in enumerate(requests) if request.document is None and not request.problem]
    try:
        fetched = fetch([requests[number].key for number in wanted]) if wanted else []
    except ProvisioningError as exc:
        fetched = [exc] * len(wanted)
    outcomes = dict(zip(wanted, fetched, strict=True))
    staged = Staged([])
    for number, request in enumerate(requests):
        document = outcomes.get(number, request.document)
        if document is None or isinstance(document, ProvisioningError):
            error = str(document) if document is not None else f"{request.problem}."
            staged.licenses.append(result_of(request, FAILED, None, None, error=error))
            continue
        state = UNCHANGED if request.document is not None else FETCHED
        result = result_of(request, state, None, Record.of(request, document, "xml"))
        result.update(document=document.text, license_blob=document.blob)
        staged.licenses.append(result)
    return staged
