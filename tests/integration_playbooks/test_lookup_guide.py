# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How often Ansible evaluates a lookup is measured, and compared with the table of the guide on lookups."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Figure, NewLab
from .harness import ROOT, Lab
from .lookups import licenses, store, term

GUIDE = ROOT / "docs" / "docsite" / "rst" / "guide_lookups.rst"
HOSTS = 3

Play = dict[str, Any]
_SCENARIOS: dict[str, Callable[[Lab, str], Play]] = {}


def _scenario(row: str) -> Callable[[Callable[[Lab, str], Play]], Callable[[Lab, str], Play]]:
    """Name the row of the guide's table that a play measures. It gets a lab and a template that looks a license up."""

    def keep(make: Callable[[Lab, str], Play]) -> Callable[[Lab, str], Play]:
        _SCENARIOS[row] = make
        return make

    return keep


def _use(name: str = "use", expression: str = "license", **keywords: Any) -> dict[str, Any]:
    return {"name": name, "ansible.builtin.debug": {"msg": f"{{{{ {expression} | length }}}}"}, **keywords}


def _play(template: str, *tasks: dict[str, Any], **variables: Any) -> Play:
    return {"vars": {"license": template, **variables}, "tasks": list(tasks)}


@_scenario("A variable that nothing uses")
def _unused(lab: Lab, template: str) -> Play:
    return _play(template, _use(expression="'nothing'"))


@_scenario("A variable that one task uses")
def _one_task(lab: Lab, template: str) -> Play:
    return _play(template, _use())


@_scenario("A variable that a task uses twice in one expression")
def _one_string(lab: Lab, template: str) -> Play:
    return _play(template, _use(expression="(license ~ license)"))


@_scenario("A variable that a task uses in two of its options")
def _two_options(lab: Lab, template: str) -> Play:
    options = {"first": "{{ license | length }}", "second": "{{ license | hash('sha256') }}"}
    return _play(template, {"name": "use", "ansible.builtin.set_fact": options})


@_scenario("A variable that three tasks use")
def _three_tasks(lab: Lab, template: str) -> Play:
    return _play(template, _use("one"), _use("two"), _use("three"))


@_scenario("A variable in ``when`` and in an option of the same task")
def _when(lab: Lab, template: str) -> Play:
    return _play(template, _use(when="license | length > 0"))


@_scenario("A variable in ``when`` of a block of three tasks")
def _block(lab: Lab, template: str) -> Play:
    tasks = [_use(str(number), expression="'nothing'") for number in range(3)]
    return _play(template, {"block": tasks, "when": "license | length > 0"})


@_scenario("A variable that a task with a loop of four items uses")
def _loop_item(lab: Lab, template: str) -> Play:
    return _play(template, _use(loop=[1, 2, 3, 4]))


@_scenario("The list that a task loops over, of four items")
def _loop_list(lab: Lab, template: str) -> Play:
    return _play("", _use(expression="item", loop=template.replace(") }}", ") * 4 }}")))


@_scenario("A variable made of two others that both are made of the license")
def _nested(lab: Lab, template: str) -> Play:
    return _play(template, _use(expression="both"), both="{{ a ~ b }}", a="{{ license }}", b="{{ license }}")


@_scenario("A variable that a template uses three times")
def _template_variable(lab: Lab, template: str) -> Play:
    source = lab.directory / "variable.j2"
    source.write_text("{{ license }}\n" * 3, encoding="utf-8")
    options = {"src": str(source), "dest": "{{ stage }}/variable", "mode": "0600"}
    return _play(template, {"name": "use", "ansible.builtin.template": options})


@_scenario("Three calls in a template")
def _template_calls(lab: Lab, template: str) -> Play:
    source = lab.directory / "calls.j2"
    source.write_text(f"{template}\n" * 3, encoding="utf-8")
    options = {"src": str(source), "dest": "{{ stage }}/calls", "mode": "0600"}
    return _play("", {"name": "use", "ansible.builtin.template": options})


@_scenario("``ansible_user`` of SSH connections, and two tasks that do not mention it")
def _connection(lab: Lab, template: str) -> Play:
    tasks = [{"name": str(number), "ansible.builtin.ping": {}, "ignore_errors": True} for number in range(2)]
    # Nobody need be there for Ansible to make up its mind about the user. What ends before it has read makes a host
    # unreachable now and then.
    nobody = lab.directory / "nobody"
    nobody.write_text("#!/bin/sh\ncat >/dev/null\nexit 1\n", encoding="utf-8")
    nobody.chmod(0o755)
    ssh = {"ansible_connection": "ssh", "ansible_ssh_executable": str(nobody)}
    return _play(template, *tasks, ansible_user="{{ license | hash('sha256') }}", **ssh)


@_scenario("``set_fact`` on each host, and three tasks that use the fact")
def _set_fact(lab: Lab, template: str) -> Play:
    fact = {"name": "keep", "ansible.builtin.set_fact": {"fact": template}}
    return _play("", fact, *(_use(str(number), expression="fact") for number in range(3)))


@_scenario("``set_fact`` with ``run_once``, and three tasks on all hosts that use the fact")
def _set_fact_once(lab: Lab, template: str) -> Play:
    fact = {"name": "keep", "ansible.builtin.set_fact": {"fact": template}, "run_once": True}
    return _play("", fact, *(_use(str(number), expression="fact") for number in range(3)))


@_scenario("A task of the module with ``run_once``, and three tasks on all hosts that use its result")
def _task_once(lab: Lab, template: str) -> Play:
    ids = dict(zip(("product_id", "sku_id", "content_id"), template.split('"')[3].split("/"), strict=True))
    options = {"run_cache": "run_cache=true" in template}
    fetch = {**lab.task("fetch", **ids, dest=None, **options), "register": "fetched", "run_once": True}
    return _play("", fetch, *(_use(str(number), expression="fetched.licenses[0].document") for number in range(3)))


def _measured(new_lab: NewLab, run_cache: bool) -> dict[str, int]:
    """How often the license of each row is asked for; each row has a license of its own."""
    # A short name: sockets in its temporary directory have paths of a bounded length.
    lab = new_lab("on" if run_cache else "off", linux=HOSTS)
    plays, contents = [], {}
    for number, (row, make) in enumerate(_SCENARIOS.items()):
        ids = lab.emulator.product(number).request()
        contents[row] = ids["content_id"]
        play = make(lab, licenses(term(ids), run_cache=run_cache))
        play["vars"].update(store(lab.emulator))
        plays.append(lab.play(play.pop("tasks"), name=row, **play))
    run = lab.run_plays(plays)
    assert run.status == 0, run.output
    return {row: sum(content in item["path"] for item in run.requests) for row, content in contents.items()}


def _documented() -> dict[str, tuple[int, int]]:
    """The table of the guide."""
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(".. csv-table::"))
    rows: dict[str, tuple[int, int]] = {}
    for line in lines[start + 1 :]:
        if line.strip() and not line.startswith("   "):
            break
        if line.strip() and not line.strip().startswith(":"):
            row, without, cached = next(csv.reader([line.strip()], skipinitialspace=True))
            rows[row] = (int(without), int(cached))
    return rows


@pytest.mark.once
def test_counts_are_those_of_the_guide(new_lab: NewLab, figure: Figure) -> None:
    without, cached = _measured(new_lab, False), _measured(new_lab, True)
    for row in _SCENARIOS:
        figure(
            f"{row}: {without[row]} requests for {HOSTS} hosts with run_cache=false, {cached[row]} with the run cache"
        )
    assert {row: (without[row], cached[row]) for row in _SCENARIOS} == _documented()
