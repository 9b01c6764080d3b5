# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Which delivery a host gets. Ansible imports this before it forks: imports within would cost each host anew."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.delivery import Delivery
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.posix import PosixDelivery
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows import WindowsDelivery


def delivery_for(action: ActionBase, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> Delivery:
    """Return the delivery for the kind of host that the task's connection leads to."""
    return (WindowsDelivery if is_windows(action) else PosixDelivery)(action, params, task_vars)


def is_windows(action: ActionBase) -> bool:
    """Return whether the task's connection leads to a Windows host."""
    return bool(getattr(action._connection._shell, "_IS_WINDOWS", False))
