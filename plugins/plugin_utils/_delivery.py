# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""How licenses get onto a host: one interface, one implementation for each kind of host."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._license_requests import LicenseRequest


@dataclass
class Staged:
    """What staging did: one result per request in their order, and what changed besides."""

    licenses: list[dict[str, t.Any]]
    changed: bool = False
    pruned: list[str] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Delivery(t.Protocol):
    """Stages licenses on the task's host. The number of module executions does not depend on their number."""

    def stage(self, requests: Sequence[LicenseRequest]) -> Staged:
        """Stage the requests that have a document, and report on the others.

        In check mode predict it. Raises StagingError when the directory as a whole cannot be used.
        """


def delivery_for(action: ActionBase, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> Delivery:
    """Return the delivery for the kind of host that the task's connection leads to."""
    from ansible_collections.msdevices.provisioning.plugins.plugin_utils._posix_delivery import PosixDelivery
    from ansible_collections.msdevices.provisioning.plugins.plugin_utils._windows_delivery import WindowsDelivery

    windows = getattr(action._connection._shell, "_IS_WINDOWS", False)
    return (WindowsDelivery if windows else PosixDelivery)(action, params, task_vars)
