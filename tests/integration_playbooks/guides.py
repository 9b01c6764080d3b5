# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A reader who does what a guide says: saves the files it shows, runs its tasks and its commands, in their order.

An example is run as it is written but for two things: what a reader has to replace (ids, names of files) is replaced,
and tasks are told where the emulator is, as defaults of their play.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml
from emulator.client import Emulator

from .harness import ROOT, Lab, Run
from .packages import package_options

DIRECTORY = ROOT / "docs" / "docsite" / "rst"
COLLECTION = "msdevices.provisioning."
_GROUP = "group/msdevices.provisioning.all"
_YAML = ("yaml", "yaml+jinja")
_TEMPLATE = ("jinja",)
_SHELL = ("shell",)
# Commands of Windows, which nothing here can run: tests look at the names in them. And parts of ansible.cfg.
_OTHER = ("powershell", "ini")
_BLOCK = re.compile(
    r"^(?P<indent> *)\.\. code-block::(?: (?P<language>\S+))?\n"
    r"(?P<options>(?:(?P=indent) +:.*\n)*)\n"
    r"(?P<text>(?:(?:(?P=indent) +.*)?\n)+)",
    re.MULTILINE,
)
_PRODUCT = re.compile(r"\b9[A-Z0-9]{11}\b")
_CONTENT = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_OFFER = "031C9E47-4802-4248-838E-778FB1D2CC05"
#: What stands in guides for the ids of applications.
APP, PUBLIC_APP, IDENTITY = (f"{digit * 8}-aaaa-bbbb-cccc-000000000000" for digit in "123")
_SECONDS = 120


@dataclass(frozen=True)
class Block:
    """One example."""

    language: str
    caption: str
    """The name of the file that it shows, if it is one."""
    text: str

    @property
    def document(self) -> Any:
        """What the YAML says; of a template, a task that shows it."""
        if self.language in _TEMPLATE:
            return [{"name": "Show a template", "ansible.builtin.debug": {"msg": self.text.strip()}}]
        return yaml.safe_load(self.text)


def readme_blocks() -> list[Block]:
    """The examples of the README that are for Ansible. Its commands are targets of the Makefile."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = [Block(*match) for match in re.findall(r"^```(\w*)()\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]
    assert not [block for block in found if not block.language and re.search(r"[{}]|^- ", block.text)]
    return [block for block in found if block.language]


def text_of(guide: str) -> str:
    """The source of a guide, named without suffix."""
    return (DIRECTORY / f"{guide}.rst").read_text(encoding="utf-8")


def blocks(guide: str) -> list[Block]:
    """The examples of a guide in their order. Each is of a language that a reader, or a test, can do something with."""
    text = text_of(guide)
    found = []
    for match in _BLOCK.finditer(text):
        caption = re.search(r":caption: (\S+)", match["options"])
        found.append(
            Block(match["language"], caption[1] if caption else "", textwrap.dedent(match["text"]).strip("\n"))
        )
    assert len(found) == text.count("code-block::")
    # A literal block behind two colons would pass by unseen.
    assert not re.search(r"^(?!\.\.)\S.*::$", text, re.MULTILINE)
    assert {block.language for block in found} <= {*_YAML, *_TEMPLATE, *_SHELL, *_OTHER}
    return found


def table(guide: str, title: str) -> list[list[str]]:
    """The rows of the table with this title."""
    lines = text_of(guide).splitlines()
    start = lines.index(f".. csv-table:: {title}")
    rows = []
    for line in lines[start + 1 :]:
        if line.strip() and not line.startswith("   "):
            break
        if line.strip() and not line.strip().startswith(":"):
            rows.append(next(csv.reader([line.strip()], skipinitialspace=True)))
    return rows


def literals(text: str) -> list[str]:
    """What stands in double backquotes."""
    return re.findall(r"``([^`]+)``", text)


class Reader:
    """Follows one guide in the directory of a lab."""

    def __init__(self, lab: Lab, guide: str | list[Block], replace: Mapping[str, str] | None = None) -> None:
        """Take the lab, the guide, and what is replaced in examples beside ids of licenses, offers and tenants."""
        self.lab = lab
        self.blocks = blocks(guide) if isinstance(guide, str) else guide
        self.ids: list[dict[str, str]] = []
        """The licenses that are asked for, in the order of the guide."""
        self._replace = {**_replacements(lab.emulator), **self._licenses(), **(replace or {})}

    def _licenses(self) -> dict[str, str]:
        emulator = self.lab.emulator
        text = "\n".join(block.text for block in self.blocks)
        products = list(dict.fromkeys(_PRODUCT.findall(text)))
        contents = [item for item in dict.fromkeys(_CONTENT.findall(text)) if item not in (APP, PUBLIC_APP, IDENTITY)]
        real = {emulator.product(0).product_id: emulator.product(0).content_id}
        # A product whose content id is left out comes behind those that have one.
        assert len(contents) <= len(products)
        pairs = [pair for pair in zip_longest(products, contents, fillvalue="") if pair not in real.items()]
        self.ids = [emulator.product(number).request() for number in range(1, len(pairs) + 1)]
        replaced = {}
        for (product_id, content_id), ids in zip(pairs, self.ids, strict=True):
            replaced |= {product_id: ids["product_id"]} | ({content_id: ids["content_id"]} if content_id else {})
        return replaced

    def replaced(self, value: Any) -> Any:
        """The value with everything replaced, within texts at any depth."""
        if isinstance(value, str):
            for old, new in self._replace.items():
                value = value.replace(old, new)
            return value
        if isinstance(value, list):
            return [self.replaced(item) for item in value]
        if isinstance(value, dict):
            return {self.replaced(name): self.replaced(item) for name, item in value.items()}
        return value

    def save_files(self) -> list[str]:
        """Save the files that the guide shows; return their names."""
        names = []
        for block in self.blocks:
            if block.caption and block.language in _YAML:
                document = self.replaced(block.document)
                if isinstance(document, list):
                    document = [self._located(play) for play in document]
                elif any(name.startswith("offline_licenses_") for name in document):
                    service = {"service": document.get("offline_licenses_service")}
                    where = {f"offline_licenses_{name}": value for name, value in self._where(service).items()}
                    document = {**where, **document}
                (self.lab.directory / block.caption).write_text(json.dumps(document, indent=1), encoding="utf-8")
                names.append(block.caption)
        return names

    def run_tasks(self, *arguments: str, **keywords: Any) -> tuple[Run, list[dict[str, Any]]]:
        """Run the tasks and plays that are in no file, all in one playbook; return the run and the tasks.

        :param arguments: for ansible-playbook.
        :param keywords: for plays that do not say otherwise.
        """
        plays, tasks = [], []
        for block in self.blocks:
            if block.language not in (*_YAML, *_TEMPLATE) or block.caption:
                continue
            document = block.document
            if not isinstance(document, list):
                # A file for another program.
                continue
            for item in self._as_plays(self.replaced(document)):
                located = self._located(item)
                variables = {**keywords.get("vars", {}), **located.get("vars", {})}
                plays.append({"hosts": "all", "gather_facts": False, **keywords, **located, "vars": variables})
                tasks += item.get("tasks", [])
        return self.lab.run_plays(plays, *arguments), tasks

    @staticmethod
    def _as_plays(document: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Tasks get a play each, since they may be for different services; facts and results stay with the hosts."""
        return document if "hosts" in document[0] else [{"tasks": [task]} for task in document]

    def _located(self, play: dict[str, Any]) -> dict[str, Any]:
        """A play that knows where the emulator is, which a reader need not say of the real services."""
        text = yaml.dump(play)
        if COLLECTION not in text or "emulator." in text:
            return play
        given = play.get("module_defaults", {})
        where = self._where(
            {
                "service": "store_licensing" if "store_licensing" in text else None,
                "catalog": "service_access_info" not in text,
                "partner": "partner_" in text,
                "prices": "partner_price_sheet" in text,
                "cloud": (re.findall(r"cloud: (\w+)", text) or ["public"])[0],
            }
        )
        variables = {f"msdevices_{name}": value for name, value in where.items()}
        defaults = {**given, _GROUP: {**where, **given.get(_GROUP, {})}}
        if "ms_store_package" in text:
            defaults["msdevices.provisioning.ms_store_package"] = package_options(self.lab.emulator)
        return {**play, "module_defaults": defaults, "vars": {**variables, **play.get("vars", {})}}

    def _where(self, what: Mapping[str, Any]) -> dict[str, Any]:
        emulator = self.lab.emulator
        where = {"ca_path": emulator.ca_path}
        if what.get("partner"):
            cloud = emulator.clouds[what["cloud"]]
            base_url = emulator.prices if what.get("prices") else cloud["base_url"]
            return {**where, "base_url": base_url, "authority": cloud["authority"]}
        if what.get("service") == "store_licensing":
            catalog = {"catalog_base_url": emulator.catalog} if what.get("catalog", True) else {}
            return {**where, "base_url": emulator.licensing, **catalog}
        return {**where, "base_url": emulator.store}

    def run_shell(self, some: Sequence[Block], **environment: str) -> Session:
        """Run the commands of these blocks in one shell; one that fails ends it."""
        marks = self.lab.directory / "marks"
        marks.unlink(missing_ok=True)
        mark = f"\ndate +%s.%N >>{marks}\n"
        script = "set -eu" + mark + mark.join(self.replaced(block.text) for block in some) + mark
        process = subprocess.run(
            ["bash", "-c", script],
            env={**self._environment(), **environment},
            cwd=self.lab.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
        times = [float(line) for line in marks.read_text().splitlines()] if marks.exists() else []
        return Session(process.returncode, process.stdout, times, self.lab.emulator)

    def _environment(self) -> dict[str, str]:
        variables = {**self.lab._isolated(), **self.lab.environment}
        path = f"{Path(sys.executable).parent}:{variables['PATH']}"
        return {**variables, "PATH": path, "ANSIBLE_INVENTORY": str(self.lab.inventory)}

    def shell(self) -> list[Block]:
        """The commands."""
        return [block for block in self.blocks if block.language in _SHELL]


@dataclass(frozen=True)
class Session:
    """What a shell said and did."""

    status: int
    output: str
    times: list[float]
    """When the first block began, and when each had ended."""
    emulator: Emulator

    def requests(self, number: int) -> list[dict[str, Any]]:
        """The requests that reached the emulator during the block of this number."""
        start, end = self.times[number : number + 2]
        return [item for item in self.emulator.requests() if start <= item["time"] < end]


def _replacements(emulator: Emulator) -> dict[str, str]:
    return {
        # The tenant has the same domain there as in the guides.
        "contoso.onmicrosoft.com": emulator.tenant_domain,
        APP: emulator.client_id,
        PUBLIC_APP: emulator.public_client_id,
        IDENTITY: emulator.managed_identity_client_id,
        _OFFER: emulator.offer_ids(1)[0],
        "the-secret-value": emulator.client_secret,
    }
