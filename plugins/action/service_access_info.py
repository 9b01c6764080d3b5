# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs service_access_info in the controller's process."""

from __future__ import annotations

import typing as t

from ansible import constants as C
from ansible.release import __version__ as core_version

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.service_access import access_specification
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.action import ProvisioningAction
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis.report import check_access

_FACTS_ARE_VARIABLES = (
    "note    facts              what hosts return as facts becomes variables. Set inject_facts_as_vars = false in"
    " ansible.cfg (environment ANSIBLE_INJECT_FACT_VARS), so that no host decides about options"
)


class ActionModule(ProvisioningAction):
    """Checks the access to a service."""

    SPECIFICATION = staticmethod(access_specification)

    def perform(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """See ProvisioningAction."""
        found = check_access(params, core_version)
        if C.config.get_config_value("INJECT_FACTS_AS_VARS"):
            found["report"].append(_FACTS_ARE_VARIABLES)
        return found
