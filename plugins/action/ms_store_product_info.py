# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ms_store_product_info in the controller's process."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._product_runner import (
    find_products,
    product_specification,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._action import ProvisioningAction
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._run_cache import run_cache_of


class ActionModule(ProvisioningAction):
    """Looks products up in the catalog."""

    SPECIFICATION = staticmethod(product_specification)

    def perform(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """See ProvisioningAction."""
        return {"changed": False, "products": find_products(params, run_cache_of, self.progress("products"))}
