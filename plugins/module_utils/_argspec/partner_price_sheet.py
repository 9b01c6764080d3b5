# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The options of partner_price_sheet."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import shared_options
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import country_code
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError

_ATTEMPT = "Could not use the options"


def price_sheet_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule."""
    return {
        "argument_spec": {
            **shared_options(),
            "market": {"type": "str", "required": True},
            "view": {"type": "str", "default": "updatedlicensebased"},
            "timeline": {"type": "str", "default": "current", "choices": ["current", "future", "history"]},
            "month": {"type": "str"},
            "dest": {"type": "path", "required": True},
            "mode": {"type": "raw"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
        },
        "required_if": [["timeline", "history", ["month"]]],
        "supports_check_mode": True,
    }


def sheet_options(options: Mapping[str, t.Any]) -> tuple[str, str, str, str]:
    """Return market, view, timeline and month, checked. Raises OptionError."""
    market = country_code("market", options.get("market"))
    view, timeline, month = str(options.get("view")), str(options.get("timeline")), str(options.get("month") or "")
    if not re.fullmatch("[A-Za-z0-9_]{1,60}", view):
        raise OptionError(
            _ATTEMPT, f"view is {view[:80]!r}, which is no name of a price sheet", "Set it to one such as software"
        )
    if month and timeline != "history":
        raise OptionError(_ATTEMPT, "month is set, and timeline is not history", "Set timeline to history")
    if month and not re.fullmatch("20[0-9]{2}(0[1-9]|1[0-2])", month):
        raise OptionError(_ATTEMPT, f"month is {month[:20]!r}", "Set month to year and month, such as 202601")
    return market, view.lower(), timeline, month
