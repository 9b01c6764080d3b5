# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Countries, and the market of Partner Center's offers."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError


@dataclass(frozen=True)
class Market:
    """Where offers are sold and in which language they are described."""

    country: str
    """ISO 3166-1 alpha-2, in upper case."""
    locale: str


def country_code(option: str, value: t.Any) -> str:
    """Return a country code in upper case. It is checked by its shape alone: lists of countries are soon wrong.

    Raises OptionError, which names the option.
    """
    attempt = "Could not use the options"
    remedy = f"Set {option} to a two-letter code such as US, GB or DE"
    if value is None or value == "":
        raise OptionError(attempt, f"{option} is not set", remedy)
    code = value.strip() if isinstance(value, str) else value
    if not isinstance(code, str) or not re.fullmatch(r"[A-Za-z]{2}", code):
        # YAML 1.1 reads an unquoted NO as false.
        hint = " (Norway has to be written in quotes)" if code is False or str(code).lower() == "false" else ""
        shown = repr(value)[:120]
        raise OptionError(attempt, f"{option} is {shown}, not a two-letter code of ISO 3166-1{hint}", remedy)
    if code.upper() == "UK":
        raise OptionError(attempt, f"{option} is UK, which is no code of ISO 3166-1", f"Set {option} to GB")
    return code.upper()
