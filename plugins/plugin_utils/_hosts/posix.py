# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Delivery to POSIX hosts: the module ms_offline_license, which is the staging half, in one execution per call."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from dataclasses import asdict

from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import StagingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseRequest
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.delivery import Staged

MODULE = "msdevices.provisioning.ms_offline_license"
# What the host needs to know; sign-in and service stay on the controller.
_OPTIONS = ("service", "format", "mode", "owner", "group", "prune")
# How much is shown of a line that a host wrote.
_LINE = 300


class PosixDelivery:
    """See Delivery."""

    def __init__(self, action: ActionBase, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> None:
        self._action = action
        self._task_vars = task_vars
        self._arguments = {name: params[name] for name in _OPTIONS if params.get(name) is not None}
        # As the user wrote it: the host expands ~ and variables.
        self._arguments["dest"] = action._task.args["dest"]

    def stage(self, requests: Sequence[LicenseRequest]) -> Staged:
        """See Delivery."""
        result: dict[str, t.Any] = self._action._execute_module(
            module_name=MODULE,
            module_args={**self._arguments, "licenses": [_item(request) for request in requests]},
            task_vars=self._task_vars,
        )
        licenses = result.get("licenses")
        if not isinstance(licenses, list):
            raise StagingError(
                f"Could not stage licenses in {self._arguments['dest']}",
                *_cause_and_remedy(result),
            )
        for item in licenses:
            # The host only knows the position in what it was sent.
            item["request"] = requests[item["request"]].number
        return Staged(
            licenses,
            changed=bool(result.get("changed")),
            pruned=result.get("pruned") or [],
            diff=result.get("diff") or [],
            warnings=result.get("warnings") or [],
        )


def _cause_and_remedy(result: dict[str, t.Any]) -> tuple[str, str]:
    """Say what the module said, or what it ended with when it did not get as far as a message of its own."""
    remedy = "Check the Python of the host (ansible_python_interpreter, 3.8 or later); -vvv tells more"
    message = str(result.get("msg") or "").strip()
    if "module_stderr" in result:
        # Up to ansible-core 2.18 the message only leads to these.
        lines = str(result["module_stderr"] or result.get("module_stdout") or message or "nothing").strip().splitlines()
        return f"the module did not report, and its last line was: {lines[-1][:_LINE]}", remedy
    event = getattr(result.get("exception"), "event", None)
    if message or event is None:
        return message or "the module did not report", "" if message else remedy
    kind = getattr(result["exception"], "error_type", None) or "an error"
    return f"the module did not report, but ended with {kind}: {str(event.msg)[:_LINE]}", remedy


def _item(request: LicenseRequest) -> dict[str, str]:
    item = {
        "product_id": request.key.product_id,
        "sku_id": request.key.sku_id,
        "content_id": request.key.content_id,
        "filename": request.filename,
        "selection": request.selection,
        **asdict(request.packages),
    }
    item = {name: value for name, value in item.items() if value}
    if request.document is not None:
        item["license_blob"] = request.document.blob
    return item
