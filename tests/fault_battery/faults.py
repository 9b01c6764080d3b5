# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a row of the battery's table is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SERVICE = "Service"
SIGN_IN = "Sign-in"
CONTROLLER = "Controller"
HOST = "Host"
VALUES = "Hostile values"
GROUPS = (SERVICE, SIGN_IN, CONTROLLER, HOST, VALUES)

SURVIVES = "survives"
FAILS = "fails clearly"
PARTLY = "fails in part"

STORE = "store_for_business"
LICENSING = "store_licensing"
CATALOG = "store catalog"
PARTNER = "Partner Center"
SERVERS = (STORE, LICENSING, CATALOG, PARTNER)
LICENSES = (STORE, LICENSING)

MODULE = "module"
LOOKUP = "lookup"
ROLE = "role"
CALLERS = (MODULE, LOOKUP, ROLE)
STAGING = (MODULE, ROLE)

#: What every caller is told, unless a row says otherwise: seconds for one try, for all, and how many more tries.
OPTIONS: dict[str, Any] = {"timeout": 2, "deadline": 5, "max_retries": 2}

Rule = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """One fault: what is done to a caller, and what must hold.

    The rows of the groups Service and Sign-in say all of it in data; those of the other groups name what the tests of
    their group do.
    """

    id: str
    group: str
    title: str
    outcome: str
    """SURVIVES, FAILS or PARTLY: what the run that meets the fault comes to. The run after it always succeeds."""
    cause: str | Mapping[str, str] = ""
    """What the message of a failure says: a regular expression, searched in any casing; by server where they differ."""
    remedy: str = ""
    """What it says that one can do, likewise."""
    rules: tuple[Rule, ...] = ()
    """Fault rules of the emulator (its README); the listener is that of the server unless a rule names one."""
    tries: int | tuple[int, int] = 1
    """How many requests for each license, product or offer are made: the number, or the least and the most."""
    token_tries: int | tuple[int, int] = 1
    """How many requests for a token are made, likewise."""
    servers: tuple[str, ...] = SERVERS
    callers: tuple[str, ...] = CALLERS
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of every caller. A value may name an attribute of the emulator in braces."""
    alone: bool = False
    """Whether it concerns the whole run, so that no other fault can share the run."""
    apart: bool = False
    """Whether each caller needs a run of its own, because the fault ends with the first that met it."""
    every_item: bool = True
    """Whether each license meets it, or only some."""
    holds: str = ""
    """What must hold, in a sentence, where the outcome does not say it."""
    quick: bool = False
    """Whether it belongs to the slice for daily work."""

    def __str__(self) -> str:
        return self.id

    def callers_at(self, server: str) -> tuple[str, ...]:
        """Who meets it at a server: the role stages licenses, and asks the catalog by the module that it calls."""
        if server in LICENSES:
            return self.callers
        return tuple(name for name in self.callers if name != ROLE)

    def cause_at(self, server: str) -> str:
        """The cause at this server."""
        return self.cause if isinstance(self.cause, str) else self.cause[server]


def bounds(number: int | tuple[int, int]) -> tuple[int, int]:
    """The least and the most."""
    return (number, number) if isinstance(number, int) else number
