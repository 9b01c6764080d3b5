# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the Partner Center plugins share: a lab that asks Partner Center, tasks, lookups, counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .harness import Lab, Run

OFFERS = "msdevices.provisioning.partner_offer_info"
CATEGORIES = "msdevices.provisioning.partner_offer_category_info"
LOOKUP = "msdevices.provisioning.partner_offer"
AZURE = "MS-AZR-0145P"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
"""Answered with 404 and a code."""
UNKNOWN_EMPTY = "80000000-0000-4000-8000-000000000000"
"""Answered with 404 and nothing else."""
UNKNOWN_400 = "C0000000-0000-4000-8000-000000000000"
"""Answered with 400 and code 800004."""


def asking_partner_center(lab: Lab, cloud: str = "public") -> Lab:
    """Point a lab's tasks at Partner Center of one of the emulator's clouds."""
    lab.defaults = {"base_url": lab.emulator.clouds[cloud]["base_url"], "ca_path": lab.emulator.ca_path}
    return lab


def offers_task(name: str = "offers", **options: Any) -> dict[str, Any]:
    """A task of partner_offer_info, in the United States unless told otherwise (none: without)."""
    options.setdefault("country", "US")
    return {"name": name, OFFERS: {key: value for key, value in options.items() if value is not None}}


def categories_task(name: str = "categories", **options: Any) -> dict[str, Any]:
    """A task of partner_offer_category_info, likewise."""
    options.setdefault("country", "US")
    return {"name": name, CATEGORIES: {key: value for key, value in options.items() if value is not None}}


def lookup_vars(lab: Lab) -> dict[str, Any]:
    """Variables from which lookups take what tasks take from defaults."""
    return {f"msdevices_{name}": value for name, value in {**lab.defaults, "country": "US"}.items()}


def lookup(*terms: str, call: str = "query", **options: Any) -> str:
    """An expression that looks offers up."""
    arguments = [repr(term) for term in (LOOKUP, *terms)]
    arguments += [f"{name}={value!r}" for name, value in options.items()]
    return f"{call}({', '.join(arguments)})"


def show(name: str, expression: str) -> dict[str, Any]:
    """A task whose result has the value of an expression as ``msg``."""
    return {"name": name, "ansible.builtin.debug": {"msg": f"{{{{ {expression} }}}}"}}


def offer_requests(run: Run) -> list[dict[str, Any]]:
    """The requests of a run for single offers."""
    return [item for item in partner_requests(run) if len(item["path"].split("/")) == 4 and "/offers/" in item["path"]]


def partner_requests(run: Run) -> list[dict[str, Any]]:
    """All requests of a run to Partner Center, of any cloud."""
    return [item for item in run.requests if str(item["listener"]).startswith("partner_")]


def ids_of(result: Mapping[str, Any]) -> list[str]:
    """The ids of the offers in a result."""
    return [offer["id"] for offer in result["offers"]]
