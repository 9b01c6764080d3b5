# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs partner_inventory_info in the controller's process."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_product import (
    inventory_specification,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.action import ProvisioningAction
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import run_cache_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_promotions import check_inventory


class ActionModule(ProvisioningAction):
    """Checks the inventory."""

    SPECIFICATION = staticmethod(inventory_specification)

    def perform(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """See ProvisioningAction."""
        return {"changed": False, **check_inventory(params, run_cache_of)}
