# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fetching half of ms_store_package: runs in the controller's process, on behalf of each host."""

from __future__ import annotations

import os
import typing as t

from ansible import constants as C

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_package import specification
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.action import ProvisioningAction
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import run_cache_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.package_host import package_host_for
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.stage_packages import PackageTask


class ActionModule(ProvisioningAction):
    """Fetches packages and stages them on the task's host, or says what would be fetched."""

    SPECIFICATION = staticmethod(specification)

    def perform(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """See ProvisioningAction."""
        host = None
        if params["dest"] is not None:
            host = package_host_for(self, params, task_vars, self._say)
        default_cache = os.path.join(C.config.get_config_value("ANSIBLE_HOME"), "msdevices.provisioning", "packages")
        task = PackageTask(params, host, run_cache_of, default_cache, self._task.check_mode, self._say)
        result = task.run()
        if not self._task.diff:
            result.pop("diff", None)
        return result

    def _say(self, text: str) -> None:
        self._display.v(f"<{self._play_context.remote_addr}> {text}")
