# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to the controller and its run."""

from __future__ import annotations

from ..faults import Fault

CONTROLLER_FAULTS: tuple[Fault, ...] = ()
