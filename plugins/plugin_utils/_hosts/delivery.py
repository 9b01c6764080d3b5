# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""How licenses get onto a host: one interface, one implementation for each kind of host."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseRequest


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
