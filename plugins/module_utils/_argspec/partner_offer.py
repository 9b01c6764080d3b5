# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The options of the plugins for Partner Center's offers, which modules, action plugins and the lookup share."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import (
    MAX_CONCURRENCY,
    concurrency_option,
    market_options,
    shared_options,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import (
    Market,
    country_code,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import bare_guid

DEFAULT_CONCURRENCY = MAX_CONCURRENCY
ON_MISSING = ("error", "warn", "ignore")
_MAX_ID = 100
_ATTEMPT = "Could not use the options"


def offer_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule for partner_offer_info."""
    return {
        "argument_spec": {
            **shared_options(),
            **market_options(),
            "offer_id": {"type": "list", "elements": "str", "aliases": ["offer_ids"]},
            "category_id": {"type": "str"},
            "include_addons": {"type": "bool", "default": False},
            "include_successors": {"type": "bool", "default": False},
            "customer_id": {"type": "str"},
            "on_missing": {"type": "str", "default": "error", "choices": list(ON_MISSING)},
            "max_concurrency": concurrency_option(),
        },
        "mutually_exclusive": [["offer_id", "category_id"], ["customer_id", "category_id"]],
        "supports_check_mode": True,
    }


def category_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule for partner_offer_category_info."""
    return {"argument_spec": {**shared_options(), **market_options()}, "supports_check_mode": True}


def market_from(options: Mapping[str, t.Any]) -> Market:
    """Check country and locale by their shape. Raises OptionError."""
    country = country_code("country", options.get("country"))
    locale = options.get("locale") or "en-US"
    locale = locale.strip() if isinstance(locale, str) else locale
    if not isinstance(locale, str) or not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?-[A-Za-z]{2}", locale):
        raise OptionError(
            _ATTEMPT,
            f"locale is {printable_option(locale)}, not a language with a country",
            "Set locale to one such as en-US or de-DE",
        )
    return Market(country, locale)


def check_offer_ids(offer_ids: Sequence[t.Any], option: str = "offer_id") -> list[str]:
    """Return the ids without blanks around them and without braces around GUIDs.

    Raises OptionError for one that cannot be an id. Not all are GUIDs (MS-AZR-0145P is one).
    """
    found = []
    for offer_id in offer_ids:
        if not isinstance(offer_id, str):
            raise OptionError(
                _ATTEMPT, f"{option} holds {printable_option(offer_id)}, which is not a string", "Write ids in quotes"
            )
        found.append(check_id(option, offer_id))
    return found


def check_id(option: str, value: str) -> str:
    """Return an id without blanks around it and without braces around a GUID, as PowerShell shows it.

    Raises OptionError for a text that cannot be an id of Partner Center.
    """
    value = bare_guid(value)
    why = ""
    if not value:
        why = "is empty"
    elif re.search(r"[\s\x00-\x1f\x7f-\x9f]", value) or not value.isprintable():
        why = "holds white space or control characters"
    elif len(value) > _MAX_ID:
        why = f"is longer than {_MAX_ID} characters"
    elif value in (".", ".."):
        why = "is a path, not an id"
    if why:
        raise OptionError(
            _ATTEMPT, f"{option} {printable_option(value)} {why}", f"Set {option} to ids as Partner Center shows them"
        )
    return value


def check_customer_id(value: str) -> str:
    """Return a customer's id (tenant) as `check_id` does. Raises OptionError unless it is a GUID."""
    value = check_id("customer_id", value)
    if not re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", value):
        raise OptionError(
            _ATTEMPT, f"customer_id {printable_option(value)} is not a GUID", "Set it to the customer's tenant id"
        )
    return value


def printable_option(value: t.Any) -> str:
    """Show an option's value in a message."""
    return repr(value)[:120]
