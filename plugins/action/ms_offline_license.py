# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fetching half of ms_offline_license: runs in the controller's process, on behalf of each host."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.offline_license import (
    requests_of,
    specification,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import (
    FAILED,
    summary_of,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.action import ProvisioningAction
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import run_cache_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.choose import delivery_for
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.delivery import Staged
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_list import license_items
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_source import LicenseSource
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.return_licenses import return_licenses
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.stage_licenses import stage_licenses


class ActionModule(ProvisioningAction):
    """Fetches licenses and stages them on the task's host, or returns them when no directory is given."""

    SPECIFICATION = staticmethod(specification)

    def prepared(self, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
        """See ProvisioningAction."""
        if "licenses" in arguments:
            return {**arguments, "licenses": license_items(arguments["licenses"])}
        return arguments

    def perform(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """See ProvisioningAction."""
        requests = requests_of(params)
        source = LicenseSource(params, run_cache_of, self.progress("licenses"))
        if params["dest"] is None:
            staged = return_licenses(requests, source)
        else:
            delivery = delivery_for(self, params, task_vars)
            staged = stage_licenses(requests, delivery, source, params["force"], self._task.check_mode)
        return _result(staged, with_diff=self._task.diff)


def _result(staged: Staged, with_diff: bool) -> dict[str, t.Any]:
    result: dict[str, t.Any] = {
        "changed": staged.changed,
        "licenses": staged.licenses,
        "pruned": staged.pruned,
    }
    if with_diff and staged.diff:
        result["diff"] = staged.diff
    if staged.warnings:
        result["warnings"] = staged.warnings
    failures = [item for item in staged.licenses if item["state"] == FAILED]
    if failures:
        result.update(failed=True, msg=summary_of(failures, len(staged.licenses)))
        for item in staged.licenses:
            # A failed result is always shown, and a license must not be.
            item.pop("document", None)
            item.pop("license_blob", None)
    elif any("document" in item for item in staged.licenses):
        # Keeps -v from printing licenses; the task's register has them.
        result["_ansible_verbose_override"] = True
    return result
