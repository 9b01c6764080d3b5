# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fault rules of the emulator that many rows share."""

from __future__ import annotations

from typing import Any

from ..faults import Rule


def once(action: str, **values: Any) -> tuple[Rule, ...]:
    """A rule that takes the first request for each license, product or offer."""
    return ({"action": action, "times": 1, "per_path": True, **values},)


def always(action: str, **values: Any) -> tuple[Rule, ...]:
    return ({"action": action, **values},)
