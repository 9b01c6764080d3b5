# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ms_provisioned_app: on Windows hosts by DISM, on POSIX hosts by the module of the same name."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.provisioned_app import specification
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.action import ProvisioningAction
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.host_paths import with_host_paths
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.nested_action import is_windows
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.provision_apps import provision_apps

_MODULE = "msdevices.provisioning.ms_provisioned_app"


class ActionModule(ProvisioningAction):
    """Provisions apps on the task's host."""

    SPECIFICATION = staticmethod(lambda: with_host_paths(specification()))

    def perform(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """See ProvisioningAction."""
        if is_windows(self):
            return provision_apps(self, params, task_vars)
        result: dict[str, t.Any] = self._execute_module(
            module_name=_MODULE, module_args=dict(self._task.args), task_vars=task_vars
        )
        return result
