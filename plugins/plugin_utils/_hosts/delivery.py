# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""How licenses get onto a host: one interface, an implementation for each kind of host, and the choice between them.

Ansible imports this before it forks, so that each worker need not import it.
"""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.licenses import LicenseStager
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.report import StagingReport
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.nested_action import is_windows
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.posix import PosixDelivery
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows import WindowsDirectory

# Reading a file is one module execution. Beyond so many unknown files it is cheaper, and bounded, to fetch their
# licenses (once a run, for all hosts) and to compare checksums.
_MAX_FILES_READ = 10


class Delivery(t.Protocol):
    """Stages licenses on the task's host. The number of module executions does not depend on their number."""

    def stage(self, requests: Sequence[LicenseRequest]) -> StagingReport:
        """Stage the requests that have a document, and report on the others.

        In a result, `request` is the position of its request in `requests`. In check mode predict it. Raises
        StagingError when the directory as a whole cannot be used.
        """


def delivery_for(action: ActionBase, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> Delivery:
    """Return the delivery for the kind of host that the task's connection leads to. Raises StagingError."""
    dest = str(action._task.args["dest"])
    if not is_windows(action):
        return PosixDelivery(action, params, task_vars)
    warnings = [
        f"{name} is not used on a Windows host, where files inherit the permissions of dest."
        for name in ("mode", "owner", "group")
        if action._task.args.get(name) is not None
    ]
    directory = WindowsDirectory(action, dest, task_vars, warnings)
    return LicenseStager(directory, params["format"], params["prune"], action._task.check_mode, _MAX_FILES_READ)
