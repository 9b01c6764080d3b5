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
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.report import StagingReport
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.action import ProvisioningAction
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import run_cache_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.delivery import delivery_for
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
            report = return_licenses(requests, source)
        else:
            delivery = delivery_for(self, params, task_vars)
            report = stage_licenses(requests, delivery, source, params["force"], self._task.check_mode)
        return _result(report, with_diff=self._task.diff)


def _result(report: StagingReport, with_diff: bool) -> dict[str, t.Any]:
    result = report.as_result(with_diff)
    if report.warnings:
        result["warnings"] = report.warnings
    if report.error is not None:
        # Whoever counts failed licenses must not take it for a success.
        del result["licenses"]
    elif result.get("failed"):
        for item in report.licenses:
            # A failed result is always shown, and a license must not be.
            item.pop("document", None)
            item.pop("license_blob", None)
    elif any("document" in item for item in report.licenses):
        # Keeps -v from printing licenses, as core's own `normal` action does; the task's register has them.
        result["_ansible_verbose_override"] = True
    return result
