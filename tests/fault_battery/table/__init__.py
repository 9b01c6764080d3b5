# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the battery: one row for each fault, one module for each group.

A new fault is a new row. Rows of the groups Service and Sign-in say all in data; those of the other groups need a
test, in the test module of the group, that records what came of it.
"""

from __future__ import annotations

from ..faults import Fault
from .controller import CONTROLLER_FAULTS
from .host import HOST_FAULTS
from .service import SERVICE_FAULTS
from .sign_in import SIGN_IN_FAULTS
from .values import VALUES_FAULTS

TABLE: tuple[Fault, ...] = (*SERVICE_FAULTS, *SIGN_IN_FAULTS, *CONTROLLER_FAULTS, *HOST_FAULTS, *VALUES_FAULTS)


def row(name: str) -> Fault:
    """The row of this id. Raises KeyError."""
    return {fault.id: fault for fault in TABLE}[name]
