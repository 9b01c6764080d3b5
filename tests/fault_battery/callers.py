# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The callers: how each asks for what it wants, what it has made of it, and what it said when it could not."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.client import Emulator
from integration_playbooks import lookups, partner
from integration_playbooks.harness import MANIFEST, Lab, Run, default_name
from integration_playbooks.test_role import ROLE

from . import faults
from .faults import CATALOG, LICENSING, PARTNER, STORE

HOST = "linux1"
STEP = 15
"""How many products or offers a caller may have of its own."""
_SUMMARY = "msdevices.provisioning.offline_licenses : Fail when a license is not in place"


@dataclass(frozen=True)
class Item:
    """Something that a caller wants."""

    wanted: dict[str, str]
    """As an item of the option C(licenses), or the id of an offer."""
    mark: str
    """What tells requests for it from others, in the emulator's log."""
    names: tuple[str, ...]
    """What a message about it has to name."""
    file: str = ""
    good: bytes = b""


@dataclass(frozen=True)
class Outcome:
    """What a caller came to."""

    failed: bool
    message: str
    seconds: float
    states: tuple[str, ...] = ()
    """Of each license, where the caller tells."""


@dataclass
class Caller(ABC):
    """One caller, with the things it wants."""

    lab: Lab
    server: str
    items: Sequence[Item]
    options: Mapping[str, Any]
    staged: int = 0
    """How many of the first items are in place beforehand."""
    prefix: str = ""
    """What its tasks and its directory are called by, before its name, where several faults share a run."""
    name: str = field(init=False, default="")

    @abstractmethod
    def task(self) -> dict[str, Any]:
        """A task, or block, after which the play goes on whatever happens."""

    @abstractmethod
    def outcome(self, run: Run) -> Outcome:
        """What came of it."""

    def variables(self) -> dict[str, Any]:
        """Variables of the play."""
        return {}

    @property
    def label(self) -> str:
        """The name of its task, and of its directory."""
        return f"{self.prefix}{self.name}"

    @property
    def place(self) -> Path:
        """The directory that it may write to, and nothing else."""
        return self.lab.stage(HOST) / self.label

    def prepare(self) -> None:
        """Make the directory, with what is staged beforehand."""
        self.place.mkdir()
        for item in self.items[: self.staged]:
            (self.place / item.file).write_bytes(item.good)

    def files(self) -> dict[str, bytes]:
        """The files in the directory, without the manifest."""
        return {path.name: path.read_bytes() for path in self.place.iterdir() if path.name != MANIFEST}

    def problems(self, outcome: Outcome) -> list[str]:
        """Files that are not whole, not right, lost, or not expected."""
        found = self.files()
        good = {item.file: item.good for item in self.items}
        problems = [f"{name} is not expected" for name in found.keys() - good.keys()]
        problems += [f"{name} is damaged" for name in found.keys() & good.keys() if found[name] != good[name]]
        for number, item in enumerate(self.items):
            state = outcome.states[number] if number < len(outcome.states) else ""
            there = item.file in found
            if not there and (not outcome.failed or number < self.staged or state in ("fetched", "unchanged")):
                problems.append(f"{item.file} is missing")
            if there and state == "failed" and number >= self.staged:
                problems.append(f"{item.file} is there, and is said to have failed")
        return problems


class _Licenses(Caller):
    """What the module and the role share."""

    @staticmethod
    def _of(result: Mapping[str, Any], seconds: float, failed: bool, message: str) -> Outcome:
        states = tuple(entry["state"] for entry in result.get("licenses") or ())
        return Outcome(failed, message, seconds, states)


@dataclass
class Module(_Licenses):
    """ms_offline_license, through its action plugin."""

    def __post_init__(self) -> None:
        self.name = faults.MODULE

    def task(self) -> dict[str, Any]:
        options = {**self.options, "licenses": [item.wanted for item in self.items], "dest": str(self.place)}
        return {**self.lab.task(self.label, **options), "ignore_errors": True}

    def outcome(self, run: Run) -> Outcome:
        result = run.result(HOST, self.label)
        failed = run.results[HOST, self.label]["state"] == "failed"
        return self._of(result, run.results[HOST, self.label]["seconds"], failed, str(result.get("msg", "")))


@dataclass
class Role(_Licenses):
    """The role offline_licenses."""

    def __post_init__(self) -> None:
        self.name = faults.ROLE

    def task(self) -> dict[str, Any]:
        values = {"dest": str(self.place), "list": [item.wanted for item in self.items], **self.options}
        # The directory is there, and the play knows the kind of host.
        values["create_dest"] = False
        include = {
            "name": self.label,
            "ansible.builtin.include_role": {"name": ROLE},
            "vars": {f"offline_licenses_{name}": value for name, value in values.items() if value is not None},
        }
        begins, failed = ({"name": name, "ansible.builtin.debug": {"msg": name}} for name in self._marks)
        return {"block": [begins, include], "rescue": [failed]}

    @property
    def _marks(self) -> tuple[str, str]:
        return f"{self.label} begins", f"{self.label} failed"

    def outcome(self, run: Run) -> Outcome:
        begins, failed = self._marks
        mine: dict[str, dict[str, Any]] = {}
        reached = False
        # The role may have run for others before and after.
        for line in run.sequence:
            reached = reached or line["task"] == begins
            if reached:
                mine.setdefault(line["task"], line)
        staging = mine[f"{ROLE} : Stage the licenses"]
        failure = failed in mine
        message = mine[_SUMMARY]["result"].get("msg", "") if failure and _SUMMARY in mine else ""
        return self._of(staging["result"], staging["seconds"], failure, str(message))


@dataclass
class Lookup(Caller):
    """The lookup ms_offline_license, whose values are written to a file."""

    def __post_init__(self) -> None:
        self.name = faults.LOOKUP

    def variables(self) -> dict[str, Any]:
        return {f"msdevices_{name}": value for name, value in self.options.items()}

    def task(self) -> dict[str, Any]:
        terms = [
            lookups.term(item.wanted) if "content_id" in item.wanted else item.wanted["product_id"]
            for item in self.items
        ]
        options = {"service": self.options["service"]} if "service" in self.options else {}
        content = f"{{{{ {lookups.call(lookups.LICENSE, *terms, **options)} | join('') }}}}"
        copy = {"content": content, "dest": str(self.place / "licenses"), "mode": "0600"}
        return {"name": self.label, "ansible.builtin.copy": copy, "diff": False, "ignore_errors": True}

    def outcome(self, run: Run) -> Outcome:
        result = run.result(HOST, self.label)
        failed = run.results[HOST, self.label]["state"] == "failed"
        return Outcome(failed, str(result.get("msg", "")), run.results[HOST, self.label]["seconds"])

    def problems(self, outcome: Outcome) -> list[str]:
        found = self.files()
        if outcome.failed:
            return [f"{name} is not expected" for name in found]
        good = b"".join(item.good for item in self.items)
        return [] if found == {"licenses": good} else ["the licenses are not those that were asked for"]


class _Offers(Caller):
    """What the module and the lookup for offers share."""

    def outcome(self, run: Run) -> Outcome:
        result = run.result(HOST, self.label)
        failed = run.results[HOST, self.label]["state"] == "failed"
        return Outcome(failed, str(result.get("msg", "")), run.results[HOST, self.label]["seconds"])

    def problems(self, outcome: Outcome) -> list[str]:
        if outcome.failed:
            return [f"{name} is not expected" for name in self.files()]
        found = [offer["id"] for offer in json.loads((self.place / "offers").read_bytes())]
        return [] if found == [item.mark for item in self.items] else [f"the offers are {found}"]


@dataclass
class OfferModule(_Offers):
    """partner_offer_info, whose offers a second task writes to a file."""

    def __post_init__(self) -> None:
        self.name = faults.MODULE

    def task(self) -> dict[str, Any]:
        task = partner.offers_task(self.label, offer_id=[item.mark for item in self.items], **self.options)
        copy = {"content": "{{ found.offers | to_json }}", "dest": str(self.place / "offers"), "mode": "0600"}
        write = {"name": "write", "ansible.builtin.copy": copy, "when": "found is not failed"}
        return {"block": [{**task, "register": "found", "ignore_errors": True}, write]}


@dataclass
class OfferLookup(_Offers):
    """The lookup partner_offer, whose offers are written to a file."""

    def __post_init__(self) -> None:
        self.name = faults.LOOKUP

    def variables(self) -> dict[str, Any]:
        return {f"msdevices_{name}": value for name, value in self.options.items()}

    def task(self) -> dict[str, Any]:
        call = partner.lookup(*(item.mark for item in self.items), country="US")
        copy = {"content": f"{{{{ {call} | to_json }}}}", "dest": str(self.place / "offers"), "mode": "0600"}
        return {"name": self.label, "ansible.builtin.copy": copy, "ignore_errors": True}


def listener_of(server: str) -> str:
    """The emulator's name for a server."""
    return {STORE: "store", LICENSING: "licensing", CATALOG: "catalog", PARTNER: "partner_public"}[server]


def options_for(server: str, emulator: Emulator) -> dict[str, Any]:
    """The options that lead to a server of the emulator."""
    base = {"ca_path": emulator.ca_path}
    if server == PARTNER:
        return {**base, "base_url": emulator.partner_public}
    if server == STORE:
        return {**base, "base_url": emulator.store}
    return {**base, "service": LICENSING, "base_url": emulator.licensing, "catalog_base_url": emulator.catalog}


def callers_for(
    lab: Lab,
    server: str,
    names: Sequence[str],
    options: Mapping[str, Any],
    count: int,
    documents: Mapping[str, bytes],
    start: int = 0,
    prefix: str = "",
) -> list[Caller]:
    """The callers of these names, each with so many things of its own to ask for.

    Callers that stage find the first two in place.

    :param documents: the good licenses by content id.
    :param start: the number of the first product or offer.
    :param prefix: what the callers' tasks and directories are called by, before the callers' names.
    """
    if server == PARTNER:
        kinds: dict[str, type[Caller]] = {faults.MODULE: OfferModule, faults.LOOKUP: OfferLookup}
    else:
        kinds = {faults.MODULE: Module, faults.LOOKUP: Lookup, faults.ROLE: Role}
    made = []
    for name in names:
        staged = 2 if server != PARTNER and name in faults.STAGING else 0
        items = _items(lab.emulator, server, start, count + staged, documents)
        start += STEP
        made.append(kinds[name](lab, server, items, options, staged, prefix))
    return made


def _items(emulator: Emulator, server: str, start: int, count: int, documents: Mapping[str, bytes]) -> list[Item]:
    if server == PARTNER:
        return [Item({}, offer, (offer,)) for offer in emulator.offer_ids(count, start=start)]
    items = []
    for index in range(start, start + STEP):
        product = emulator.product(index)
        if len(product.content_ids) > 1 or len(items) == count:
            continue
        ids = product.request()
        if server == CATALOG:
            wanted, mark, names = {"product_id": product.product_id}, product.product_id, (product.product_id,)
        else:
            wanted, mark = ids, product.content_id
            names = (product.product_id, product.content_id)
        items.append(Item(wanted, mark, names, default_name(ids), documents[product.content_id]))
    return items
