# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs partner_price_sheet: downloads on the controller, and copies to the host."""

from __future__ import annotations

import typing as t

from ansible import constants as C

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_price_sheet import (
    price_sheet_specification,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.action import ProvisioningAction
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.host_paths import with_host_paths
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import run_cache_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.nested_action import is_windows, run_nested
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_price_sheet import (
    place,
    price_sheet,
)


class ActionModule(ProvisioningAction):
    """Keeps a price sheet on the task's host."""

    TRANSFERS_FILES = True
    SPECIFICATION = staticmethod(lambda: with_host_paths(price_sheet_specification()))

    def perform(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """See ProvisioningAction."""

        def run(name: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
            return run_nested(self, name, arguments, task_vars)

        with price_sheet(params, run_cache_of, C.DEFAULT_LOCAL_TMP) as entry:
            return place(run, is_windows(self), entry, params)
