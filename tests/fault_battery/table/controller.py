# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to the controller and its run."""

from __future__ import annotations

from ..faults import CONTROLLER, STORE, SURVIVES, Fault

_WHOLE = (
    "each file is whole, old or new; good ones stay; nothing left behind can be read but by its owner, and what is"
    " left of the run cache by nobody; the next run puts all right"
)

CONTROLLER_FAULTS: tuple[Fault, ...] = (
    Fault(
        "killed",
        CONTROLLER,
        "SIGKILL to all processes of a run of 200 licenses, at a random moment",
        SURVIVES,
        servers=(STORE,),
        holds=_WHOLE,
        quick=True,
    ),
    Fault(
        "terminated",
        CONTROLLER,
        "SIGTERM to a run of 200 licenses, or to all its processes, at a random moment",
        SURVIVES,
        servers=(STORE,),
        holds=_WHOLE,
    ),
)
