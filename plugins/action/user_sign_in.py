# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs user_sign_in in the controller's process."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.user_sign_in import (
    user_sign_in_specification,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.action import ProvisioningAction
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.sign_in_user import sign_in_user


class ActionModule(ProvisioningAction):
    """Signs a user in by a device code, which it shows while it waits."""

    SPECIFICATION = staticmethod(user_sign_in_specification)

    def perform(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """See ProvisioningAction."""
        if self._task.check_mode:
            return {"changed": bool(params["refresh_token_file"]), "user": ""}
        return sign_in_user(params, lambda flow: self._display.display(_instruction(flow)))


def _instruction(flow: t.Mapping[str, t.Any]) -> str:
    address, code = (printable(str(flow.get(name) or ""), 200) for name in ("verification_uri", "user_code"))
    return f"To sign in, open {address} in a browser and enter the code {code}"
