# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What automation controllers demand of the objects that are created in them, and what they make of credentials.

There is no controller here. The rules are those that the documentation of AWX states (user guide: custom credential
types, job templates and surveys, schedules) and that its API is known to check. Each function that ends in _problems
returns a list of texts, empty when all is well.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import yaml
from dateutil.rrule import rrulestr
from dateutil.tz import gettz
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

OBJECTS = Path(__file__).resolve().parents[1] / "playbooks" / "vars" / "automation_controller.yml"
AZURE_TYPE = "Microsoft Azure Resource Manager"
"""The name of a type that every controller has."""

_REFERENCE = re.compile(r"\{\{ (automation_controller_\w+) (\| default\(omit, true\) )?\}\}")
_OMITTED = object()
_VARIABLE = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
_RESERVED_FIELDS = {"tower", "awx"}
_RESERVED_ENVIRONMENT = {
    *("PATH", "PYTHONPATH", "VIRTUAL_ENV", "CACHE", "MAX_EVENT_RES", "JOB_ID", "AD_HOC_COMMAND_ID", "AWX_HOST"),
    *("INVENTORY_ID", "INVENTORY_SOURCE_ID", "INVENTORY_UPDATE_ID", "INVENTORY_HOSTVARS", "TOWER_HOST"),
    *("REST_API_URL", "REST_API_TOKEN", "CALLBACK_QUEUE", "CALLBACK_CONNECTION", "JOB_CALLBACK_DEBUG", "FACT_QUEUE"),
    *("PROJECT_REVISION", "SUPERVISOR_CONFIG_PATH", "PROOT_TMP_DIR"),
}
# Not refused, and yet not ours to set: everything that Python and the dynamic linker take from the environment.
_DANGEROUS = re.compile(r"(LD_|PYTHON|HOME$|TMPDIR$|SSL_CERT_)")

_INPUTS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "required": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "fields": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "label"],
                "properties": {
                    "id": {"type": "string", "pattern": _VARIABLE},
                    "label": {"type": "string", "minLength": 1},
                    "type": {"enum": ["string", "boolean"]},
                    "format": {"enum": ["ssh_private_key", "url"]},
                    "choices": {"type": "array", "minItems": 1, "items": {"type": "string"}, "uniqueItems": True},
                    "help_text": {"type": "string"},
                    "multiline": {"type": "boolean"},
                    "secret": {"type": "boolean"},
                    "ask_at_runtime": {"type": "boolean"},
                    "default": {"type": ["string", "boolean"]},
                },
            },
        },
    },
}


def _texts_by(pattern: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "patternProperties": {pattern: value}}


_TYPE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "kind", "inputs", "injectors"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 512},
        "description": {"type": "string"},
        # The kinds of which types can be added.
        "kind": {"enum": ["cloud", "net"]},
        "inputs": _INPUTS,
        "injectors": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "file": _texts_by(r"^template(\.[a-zA-Z_][a-zA-Z0-9_]*)?$", {"type": "string"}),
                "env": _texts_by(_VARIABLE, {"type": "string", "pattern": r"^[\x00-\x7f]*$"}),
                "extra_vars": _texts_by(_VARIABLE, {"type": "string"}),
            },
        },
    },
}
_QUESTION_TYPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "textarea": str,
    "password": str,
    "multiplechoice": str,
    "multiselect": str,
    "integer": int,
    "float": (int, float),
}
_SURVEY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "description", "spec"],
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "spec": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["question_name", "variable", "type", "required"],
                "properties": {
                    "question_name": {"type": "string", "minLength": 1},
                    "question_description": {"type": "string"},
                    "variable": {"type": "string", "pattern": _VARIABLE},
                    "type": {"enum": sorted(_QUESTION_TYPES)},
                    "required": {"type": "boolean"},
                    "default": {"type": ["string", "number"]},
                    "min": {"type": ["integer", "null"], "minimum": 0},
                    "max": {"type": ["integer", "null"], "minimum": 0},
                    "choices": {"type": "array", "minItems": 1, "items": {"type": "string"}, "uniqueItems": True},
                },
            },
        },
    },
}


class _UnsafeLoader(yaml.SafeLoader):
    """Reads what Ansible reads: C(!unsafe) marks a text that is no template of the playbook."""


_UnsafeLoader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))  # type: ignore[arg-type]


def objects() -> dict[str, Any]:
    """Return the variables of this collection for automation controllers, templates unrendered."""
    loaded = yaml.load(OBJECTS.read_text(encoding="utf-8"), Loader=_UnsafeLoader)
    assert isinstance(loaded, dict)
    return loaded


def credential_type(name: str) -> dict[str, Any]:
    """Return one of this collection's credential types."""
    (found,) = (one for one in objects()["controller_credential_types"] if one["name"] == name)
    return dict(found)


def _schema_problems(value: Any, schema: Mapping[str, Any]) -> list[str]:
    errors = jsonschema.Draft7Validator(schema).iter_errors(value)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]


def credential_type_problems(kind: Mapping[str, Any]) -> list[str]:
    """Say what a controller would refuse in a custom credential type."""
    problems = _schema_problems(kind, _TYPE)
    return problems or [*_field_problems(kind["inputs"]), *_injector_problems(kind["inputs"], kind["injectors"])]


def _field_problems(inputs: Mapping[str, Any]) -> Iterator[str]:
    fields = inputs.get("fields", [])
    ids = [field["id"] for field in fields]
    for name in {name for name in ids if ids.count(name) > 1}:
        yield f"the field {name} is there twice"
    for name in set(inputs.get("required", [])) - set(ids):
        yield f"the field {name} is required, and is not there"
    for field in fields:
        name, kind = field["id"], field.get("type", "string")
        if name in _RESERVED_FIELDS:
            yield f"the field name {name} is reserved"
        if name.upper().startswith("ANSIBLE_"):
            yield f"the field {name} starts with ANSIBLE_, which is reserved"
        if "default" in field and not isinstance(field["default"], {"string": str, "boolean": bool}[kind]):
            yield f"the default of {name} is no {kind}"
        if kind != "string":
            yield from (
                f"{key} is not for the {kind} {name}"
                for key in ("choices", "multiline", "format", "secret")
                if key in field
            )
        if "choices" in field and field.get("default", field["choices"][0]) not in field["choices"]:
            yield f"the default of {name} is none of its choices"


class _NoFile:
    """Stands for the name of a file that is not made, and for a namespace that is no text."""

    def __str__(self) -> str:
        raise TemplateError("there is no such file")


def _injector_problems(inputs: Mapping[str, Any], injectors: Mapping[str, Any]) -> Iterator[str]:
    files = injectors.get("file", {})
    filename: Any = _NoFile()
    if "template" in files:
        filename = "/path"
        if len(files) > 1:
            yield "several files need names, template.something"
    else:
        for label in files:
            setattr(filename, label.partition(".")[2], "/path")
    values = {field["id"]: "value" for field in inputs.get("fields", [])}
    tower = SimpleNamespace(filename=filename)
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    for kind, templates in injectors.items():
        for key, template in templates.items():
            try:
                environment.from_string(template).render({**values, "tower": tower})
            except TemplateError as exc:
                yield f"{kind} {key} cannot be rendered: {exc}"
    for name in injectors.get("env", {}):
        if name.upper().startswith("ANSIBLE_") or name in _RESERVED_ENVIRONMENT or _DANGEROUS.match(name):
            yield f"the environment variable {name} is reserved"
    for name in injectors.get("extra_vars", {}):
        if name.lower().startswith("ansible_"):
            yield f"the variable {name} is reserved"


def survey_problems(survey: Mapping[str, Any]) -> list[str]:
    """Say what a controller would refuse in the survey of a job template."""
    problems = _schema_problems(survey, _SURVEY)
    if problems:
        return problems
    variables = [question["variable"] for question in survey["spec"]]
    problems = [f"{name} is asked for twice" for name in {one for one in variables if variables.count(one) > 1}]
    for question in survey["spec"]:
        problems += _question_problems(question)
    return problems


def _question_problems(question: Mapping[str, Any]) -> Iterator[str]:
    name, kind = question["variable"], question["type"]
    choices = question.get("choices")
    if (kind in ("multiplechoice", "multiselect")) != (choices is not None):
        yield f"{name} needs choices, or must have none"
    low, high = question.get("min"), question.get("max")
    if low is not None and high is not None and low > high:
        yield f"{name} has its bounds the wrong way round"
    default = question.get("default")
    if default in (None, "") or "{{" in str(default):
        return
    answer = default.split("\n") if kind == "multiselect" and isinstance(default, str) else default
    yield from (f"the default of {problem}" for problem in _answer_problems(question, answer))


def _answer_problems(question: Mapping[str, Any], answer: Any) -> Iterator[str]:
    """What is wrong with an answer that was given. An empty text is one, whether or not the question is required."""
    name, kind = question["variable"], question["type"]
    if isinstance(answer, bool) or not isinstance(answer, list if kind == "multiselect" else _QUESTION_TYPES[kind]):
        yield f"{name} is no {kind}"
    elif question.get("choices"):
        chosen = answer if isinstance(answer, list) else [answer]
        yield from (f"{name} is {one!r}, none of its choices" for one in chosen if one not in question["choices"])
    else:
        size: Any = len(answer) if isinstance(answer, (str, list)) else answer
        low, high = question.get("min"), question.get("max")
        if (low is not None and size < low) or (high is not None and size > high):
            yield f"{name} is out of its bounds"


def schedule_problems(rrule: str) -> list[str]:
    """Say what a controller would refuse in the rule of a schedule."""
    problems = []
    starts = re.findall(r"DTSTART(?:;TZID=[^:]+)?:[0-9]{8}T[0-9]{6}Z?", rrule)
    rules = re.findall(r"RULE:(\S*)", rrule)
    if len(starts) != 1:
        problems.append("one DTSTART is needed")
    elif "TZID" not in starts[0] and not starts[0].endswith("Z"):
        problems.append("DTSTART needs TZID, or Z at its end")
    problems += [
        f"the time zone {zone} cannot be read" for zone in re.findall(r"TZID=([^:]+)", rrule) if not gettz(zone)
    ]
    if not rules:
        problems.append("a RRULE is needed")
    for rule in rules:
        parts = dict(part.partition("=")[::2] for part in rule.split(";"))
        if "INTERVAL" not in parts:
            problems.append("INTERVAL is needed")
        if parts.get("FREQ") == "SECONDLY":
            problems.append("SECONDLY is refused")
        if "COUNT" in parts and "UNTIL" in parts:
            problems.append("COUNT and UNTIL exclude each other")
        if int(parts.get("COUNT", 0)) > 999:
            problems.append("COUNT is too big")
        if re.match(r"[0-9]", parts.get("BYDAY", "")):
            problems.append("BYDAY takes no number")
    if "RDATE:" in rrule or "EXDATE:" in rrule:
        problems.append("RDATE and EXDATE are refused")
    if not problems:
        try:
            next(iter(_read(rrule)))
        except (ValueError, StopIteration) as exc:
            problems.append(f"it cannot be read: {exc}")
    return problems


def _read(rrule: str) -> Any:
    return rrulestr(rrule.replace(" ", "\n"))


def next_run(rrule: str, now: datetime) -> datetime:
    """Return when a schedule starts its job next; raises ValueError when it never does."""
    found = _read(rrule).after(now)
    if found is None:
        raise ValueError(f"it does not run after {now}")
    assert isinstance(found, datetime)
    return found


def inject(kind: Mapping[str, Any], inputs: Mapping[str, Any], private_data_dir: Path) -> dict[str, str]:
    """Do what a controller does with a credential when a job starts; return the environment variables.

    Files are written into C(env) of the private data directory. An input that was left empty is not defined.
    """
    values: dict[str, Any] = {name: value for name, value in inputs.items() if value not in ("", None)}
    for field in kind["inputs"]["fields"]:
        if field.get("type") == "boolean":
            values.setdefault(field["id"], False)
    tower = SimpleNamespace()
    environment = ImmutableSandboxedEnvironment()
    for label, template in kind["injectors"].get("file", {}).items():
        handle, path = tempfile.mkstemp(dir=private_data_dir / "env")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(environment.from_string(template).render(**values, tower=tower))
        if "." in label:
            tower.filename = getattr(tower, "filename", None) or SimpleNamespace()
            setattr(tower.filename, label.partition(".")[2], path)
        else:
            tower.filename = path
    return {
        name: environment.from_string(template).render(**values, tower=tower)
        for name, template in kind["injectors"].get("env", {}).items()
    }


def inject_azure(inputs: Mapping[str, str]) -> dict[str, str]:
    """Do the same with a credential of the built-in type for Azure. Its variables are set even when they are empty."""
    names = {
        "AZURE_SUBSCRIPTION_ID": "subscription",
        "AZURE_CLIENT_ID": "client",
        "AZURE_TENANT": "tenant",
        "AZURE_SECRET": "secret",
    }
    variables = {variable: inputs.get(name, "") for variable, name in names.items()}
    if inputs.get("cloud_environment"):
        variables["AZURE_CLOUD_ENVIRONMENT"] = inputs["cloud_environment"]
    return variables


def survey_answers(survey: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers that were given at a launch or in a schedule; raises ValueError as the controller refuses
    them: a required question that nobody answered is refused even when it has a default."""
    questions = {question["variable"]: question for question in survey["spec"]}
    problems = [f"nobody asks for {name}" for name in given if name not in questions]
    for name, question in questions.items():
        if name in given:
            problems += _answer_problems(question, given[name])
        elif question["required"]:
            problems.append(f"{name} needs an answer")
    if problems:
        raise ValueError("; ".join(problems))
    return dict(given)


def job_variables(template: Mapping[str, Any], survey: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the extra variables of a job: those of the template, over them the survey's defaults, and over these the
    answers. A default that breaks the rules of its question, as empty ones often do, is left out."""
    defaults = {
        question["variable"]: question["default"]
        for question in survey["spec"]
        if question.get("default") is not None and not list(_answer_problems(question, question["default"]))
    }
    return {**template, **defaults, **survey_answers(survey, given)}


def extra_vars_text(variables: Mapping[str, Any], template: Mapping[str, Any]) -> str:
    """Return the file of extra variables of a job. What is not the template's own is marked as unsafe, so that nobody
    who fills in a survey can have a template rendered."""
    lines = []
    for name, value in variables.items():
        if template.get(name) == value or not isinstance(value, (str, list)):
            lines.append(f"{name}: {json.dumps(value)}")
        elif isinstance(value, str):
            lines.append(f"{name}: !unsafe {json.dumps(value)}")
        else:
            lines.append(f"{name}:")
            lines += [f"  - !unsafe {json.dumps(item)}" for item in value]
    return "---\n" + "\n".join(lines) + "\n"


def rendered(value: Any, variables: Mapping[str, Any]) -> Any:
    """Render the references to variables of the objects, as Ansible would; a key of what is omitted is left out."""
    if isinstance(value, str):
        match = _REFERENCE.fullmatch(value)
        if match is None:
            return value
        return (variables.get(match[1]) or _OMITTED) if match[2] else variables[match[1]]
    if isinstance(value, list):
        return [rendered(item, variables) for item in value]
    if isinstance(value, Mapping):
        found = {name: rendered(item, variables) for name, item in value.items()}
        return {name: item for name, item in found.items() if item is not _OMITTED}
    return value
