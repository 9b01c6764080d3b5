# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the tests of the lookups write expressions and read what came of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.client import Emulator
from license_services import LicenseService

from .harness import Lab, Run

LICENSE = "msdevices.provisioning.ms_offline_license"
OFFER = "msdevices.provisioning.partner_offer"


def term(ids: Mapping[str, str]) -> str:
    """A license as a term of the lookup."""
    return "{product_id}/{sku_id}/{content_id}".format(**ids)


def call(name: str, *terms: Any, function: str = "query", **options: Any) -> str:
    """An expression, without braces, that calls a lookup. JSON is a notation of Jinja's literals, too."""
    arguments = [name, *terms]
    parts = [json.dumps(argument) for argument in arguments]
    parts += [f"{option}={json.dumps(value)}" for option, value in options.items()]
    return f"{function}({', '.join(parts)})"


def licenses(*terms: Any, **options: Any) -> str:
    """A template that gets licenses."""
    return f"{{{{ {call(LICENSE, *terms, **options)} }}}}"


def offers(*terms: Any, **options: Any) -> str:
    """A template that looks up offers in the United States, unless it says otherwise."""
    return f"{{{{ {call(OFFER, *terms, **{'country': 'US', **options})} }}}}"


def task(name: str, template: Any, **keywords: Any) -> dict[str, Any]:
    """A task that evaluates a template; see value and error. A failure does not end the play."""
    return {"name": name, "ansible.builtin.set_fact": {"value": template}, "ignore_errors": True, **keywords}


def value(run: Run, name: str, host: str = "linux1") -> Any:
    """What the template of a task became."""
    return run.ok(host, name)["ansible_facts"]["value"]


def error(run: Run, name: str, host: str = "linux1") -> str:
    """Why the template of a task could not be evaluated."""
    return run.error(host, name)


def store(emulator: Emulator) -> dict[str, Any]:
    """Variables by which the lookup finds the emulator's Store."""
    return variables_of(LicenseService(emulator))


def variables_of(service: LicenseService) -> dict[str, Any]:
    """Variables by which the lookup finds a license service."""
    return {f"msdevices_{name}": value for name, value in service.options.items()}


def partner(emulator: Emulator) -> dict[str, Any]:
    """Variables by which the lookup finds the emulator's Partner Center."""
    return {"msdevices_base_url": emulator.partner_public, "msdevices_ca_path": emulator.ca_path}


def evaluate(
    lab: Lab,
    templates: Mapping[str, Any] | Sequence[dict[str, Any]],
    *arguments: str,
    variables: Mapping[str, Any] | None = None,
    **keywords: Any,
) -> Run:
    """Evaluate templates, each in a task of its name, by default against the license service of the lab."""
    tasks = [task(name, text) for name, text in templates.items()] if isinstance(templates, Mapping) else templates
    return lab.run(tasks, *arguments, vars=variables_of(lab.service) if variables is None else variables, **keywords)
