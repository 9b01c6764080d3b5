# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Partner Center to ask: that of the emulator's public cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from emulator.client import Emulator

if TYPE_CHECKING:
    from unit.plugins.partner.support import Partner


@pytest.fixture
def partner(emu: Emulator) -> Partner:
    """Partner Center, asked with a ready token."""
    # Only here: the collection can be imported once all conftest files are.
    from unit.plugins.partner.support import Partner

    return Partner(emu)
