# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ms_provisioned_app_info on Windows hosts, by DISM."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.provisioned_app import info_specification
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.action import ProvisioningAction
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.host_paths import with_host_paths
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.nested_action import is_windows
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.list_apps import list_apps


class ActionModule(ProvisioningAction):
    """Lists the provisioned apps of the task's host, or of an image on it."""

    SPECIFICATION = staticmethod(lambda: with_host_paths(info_specification()))

    def perform(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """See ProvisioningAction."""
        if not is_windows(self):
            raise OptionError(
                "Could not list provisioned apps",
                "the host is no Windows host, and DISM is a part of Windows",
                "Run the task on a Windows host",
            )
        return list_apps(self, params, task_vars)
