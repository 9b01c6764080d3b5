# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs partner_promotion_info in the controller's process."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_product import (
    promotion_specification,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.action import ProvisioningAction
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import run_cache_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_promotions import find_promotions


class ActionModule(ProvisioningAction):
    """Looks up promotions."""

    SPECIFICATION = staticmethod(promotion_specification)

    def perform(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """See ProvisioningAction."""
        warnings: list[str] = []
        found = find_promotions(params, run_cache_of, warnings.append)
        return {"changed": False, **found, **({"warnings": warnings} if warnings else {})}
