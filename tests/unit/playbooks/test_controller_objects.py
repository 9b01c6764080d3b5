# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects for automation controllers keep to the rules of controllers and of the modules that create them.

Each rule is tried on an object that breaks it, too.
"""

from __future__ import annotations

import copy
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import controller_rules as rules
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from controller_modules import MODULES

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[3]
OBJECTS = rules.objects()
TYPES = {kind["name"]: kind for kind in OBJECTS["controller_credential_types"]}
(TEMPLATE,) = OBJECTS["controller_templates"]
(SCHEDULE,) = OBJECTS["controller_schedules"]
_KNOWN = {name for names in ENVIRONMENT.values() for name in names} | {"AZURE_CLOUD_ENVIRONMENT"}

Change = Callable[[dict[str, Any]], Any]


def _role_options() -> dict[str, Any]:
    text = (ROOT / "roles" / "offline_licenses" / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["argument_specs"]["main"]["options"])


class TestCredentialTypes:
    @pytest.mark.parametrize("name", TYPES)
    def test_rules(self, name: str) -> None:
        assert rules.credential_type_problems(TYPES[name]) == []

    @pytest.mark.parametrize("name", TYPES)
    def test_every_variable_is_one_that_the_plugins_read(self, name: str) -> None:
        assert set(TYPES[name]["injectors"]["env"]) <= _KNOWN

    @pytest.mark.parametrize("name", TYPES)
    def test_every_field_is_used_and_every_secret_is_one(self, name: str) -> None:
        templates = json.dumps(TYPES[name]["injectors"])
        for field in TYPES[name]["inputs"]["fields"]:
            assert re.search(rf"\{{\{{ {field['id']} \}}\}}", templates), field["id"]
            secret = re.search(r"(secret|token|password|certificate)(?!\w*_file$)", field["id"]) is not None
            assert field.get("secret", False) == secret, field["id"]

    def test_what_there_is(self) -> None:
        assert [sorted(kind["injectors"]) for kind in TYPES.values()] == [["env"], ["env", "file"], ["env"]]

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (lambda kind: kind.update(kind="ssh"), "kind"),
            (lambda kind: kind.update(namespace="x"), "namespace"),
            (lambda kind: kind["inputs"].update(dependencies={}), "dependencies"),
            (lambda kind: kind["inputs"]["fields"][0].update(type="integer"), "integer"),
            (lambda kind: kind["inputs"]["fields"][0].update(format="pem"), "pem"),
            (lambda kind: kind["inputs"]["fields"][0].update(id="tenant-id"), "tenant-id"),
            (lambda kind: kind["inputs"]["fields"][0].update(id="1st"), "1st"),
            (lambda kind: kind["inputs"]["fields"][0].update(choices=[]), "choices"),
            (lambda kind: kind["inputs"]["fields"][0].update(hint="?"), "hint"),
            (lambda kind: kind["inputs"]["fields"][0].pop("label"), "label"),
            (lambda kind: kind["inputs"]["fields"][0].update(id="tower"), "tower is reserved"),
            (lambda kind: kind["inputs"]["fields"][0].update(id="awx"), "awx is reserved"),
            (lambda kind: kind["inputs"]["fields"][0].update(id="ansible_user"), "ANSIBLE_"),
            (lambda kind: kind["inputs"]["fields"][0].update(id="client_id"), "there twice"),
            (lambda kind: kind["inputs"]["fields"][0].update(id="other"), "tenant_id is required"),
            (lambda kind: kind["inputs"]["fields"][0].update(default=True), "default of tenant_id"),
            (lambda kind: kind["inputs"]["fields"][0].update(type="boolean", secret=True), "secret is not for"),
            (lambda kind: kind["inputs"]["fields"][3].update(default="Mars"), "none of its choices"),
            (lambda kind: kind["injectors"].update(args={}), "args"),
            (lambda kind: kind["injectors"].update(file={"certificate": "x"}), "certificate"),
            (lambda kind: kind["injectors"].update(file={"template": "", "template.a": ""}), "need names"),
            (lambda kind: kind["injectors"]["env"].update(A="{{ tower.filename }}"), "env A"),
            (lambda kind: kind["injectors"]["env"].update(A="{{ tower }}x{{ nothing }}"), "env A"),
            (lambda kind: kind["injectors"]["env"].update(A="{{ client_secret"), "env A"),
            (lambda kind: kind["injectors"]["env"].update(A="{{ ''.__class__.mro() }}"), "env A"),
            (lambda kind: kind["injectors"]["env"].update(A="ä"), "env/A"),
            (lambda kind: kind["injectors"]["env"].update({"A-B": "x"}), "A-B"),
            (lambda kind: kind["injectors"]["env"].update(ANSIBLE_TIMEOUT="1"), "ANSIBLE_TIMEOUT is reserved"),
            (lambda kind: kind["injectors"]["env"].update(PATH="x"), "PATH is reserved"),
            (lambda kind: kind["injectors"]["env"].update(LD_PRELOAD="x"), "LD_PRELOAD is reserved"),
            (lambda kind: kind["injectors"].update(extra_vars={"ansible_user": "x"}), "ansible_user is reserved"),
        ],
    )
    def test_what_controllers_refuse(self, change: Change, problem: str) -> None:
        kind = copy.deepcopy(TYPES["Microsoft Entra application with secret"])
        change(kind)
        assert problem in "; ".join(rules.credential_type_problems(kind))

    def test_files(self, tmp_path: Path) -> None:
        """One file, or several with names."""
        (tmp_path / "env").mkdir()
        inputs = {"tenant_id": "t", "client_id": "c", "certificate": "PEM {{ client_id }}", "certificate_password": ""}
        variables = rules.inject(TYPES["Microsoft Entra application with certificate"], inputs, tmp_path)
        path = Path(variables["AZURE_CLIENT_CERTIFICATE_PATH"])
        assert path.parent == tmp_path / "env"
        assert path.stat().st_mode & 0o777 == 0o600
        # A value is never taken for a template.
        assert path.read_text(encoding="utf-8") == "PEM {{ client_id }}"
        assert (variables["AZURE_CLIENT_CERTIFICATE_PASSWORD"], variables["AZURE_CLOUD_ENVIRONMENT"]) == ("", "")
        several = {
            "inputs": {"fields": [{"id": "key", "label": "Key"}]},
            "injectors": {
                "file": {"template.one": "{{ key }}", "template.two": "2"},
                "env": {"A": "{{ tower.filename.one }}", "B": "{{ tower.filename.two }}"},
            },
        }
        assert rules.credential_type_problems({"name": "x", "kind": "cloud", **several}) == []
        made = rules.inject(several, {"key": "1"}, tmp_path)
        assert [Path(made[name]).read_text(encoding="utf-8") for name in "AB"] == ["1", "2"]


class TestSurvey:
    def test_rules(self) -> None:
        assert rules.survey_problems(TEMPLATE["survey_spec"]) == []
        assert rules.survey_problems(rules.rendered(TEMPLATE["survey_spec"], OBJECTS)) == []

    def test_every_answer_is_an_option_of_the_role(self) -> None:
        """And each choice is one of the role's; yes and no are texts in a survey."""
        options = _role_options()
        for question in TEMPLATE["survey_spec"]["spec"]:
            option = options[question["variable"]]
            if question["type"] == "multiplechoice":
                assert question["choices"] == option.get("choices", ["false", "true"])
            expected = {"integer": "int", "textarea": "raw", "text": "str"}
            assert option["type"] == expected.get(question["type"], option["type"])
        asked = {question["variable"] for question in TEMPLATE["survey_spec"]["spec"]}
        # The directory is said by groups of the inventory.
        assert {name for name, option in options.items() if option.get("required")} - asked == {"offline_licenses_dest"}
        # Secrets are for credentials.
        assert not [name for name in asked if re.search(r"secret|token|password|certificate", name)]

    def test_nothing_is_asked_that_may_differ_from_host_to_host(self) -> None:
        """An answer wins over the variables of groups, and Windows hosts have other directories than Linux ones."""
        asked = {question["variable"] for question in TEMPLATE["survey_spec"]["spec"]}
        per_host = {"dest", "dest_mode", "mode", "owner", "group", "create_dest"}
        assert not asked & {f"offline_licenses_{name}" for name in per_host}

    def test_every_default_is_taken(self) -> None:
        """And the variables of the template are not among those that answers win over."""
        survey = rules.rendered(TEMPLATE["survey_spec"], OBJECTS)
        defaults = {item["variable"]: item["default"] for item in survey["spec"] if "default" in item}
        own = {"offline_licenses_ca_path": "/ca.pem"}
        assert rules.job_variables(own, survey, {}) == {**own, **defaults}
        assert set(_role_options()) >= {"offline_licenses_dest", *defaults}
        assert "offline_licenses_list" in defaults

    def test_what_wins(self) -> None:
        """Template, then the survey's defaults, then answers."""
        survey = {"spec": [{"variable": name, "type": "text", "required": False, "default": "d"} for name in "bc"]}
        assert rules.job_variables({"a": "t", "b": "t", "c": "t"}, survey, {"c": "g"}) == {"a": "t", "b": "d", "c": "g"}

    @pytest.mark.parametrize(
        ("question", "given", "problem"),
        [
            # A default does not answer for anybody.
            ({"type": "text", "required": True, "default": "x"}, {}, "q needs an answer"),
            ({"type": "text", "required": False, "min": 1}, {"q": ""}, "out of its bounds"),
            ({"type": "integer", "required": False}, {"q": "8"}, "no integer"),
            ({"type": "multiplechoice", "required": False, "choices": ["a"]}, {"q": ""}, "none of its choices"),
            ({"type": "multiselect", "required": False, "choices": ["a"]}, {"q": ["b"]}, "none of its choices"),
            ({"type": "text", "required": False}, {"other": "x"}, "nobody asks for other"),
        ],
    )
    def test_answers_that_controllers_refuse(
        self, question: dict[str, Any], given: dict[str, Any], problem: str
    ) -> None:
        with pytest.raises(ValueError, match=problem):
            rules.survey_answers({"spec": [{"variable": "q", **question}]}, given)

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (lambda spec: spec[0].update(type="list"), "list"),
            (lambda spec: spec[0].update(variable="offline licenses"), "offline licenses"),
            (lambda spec: spec[0].update(variable="offline_licenses_prune"), "asked for twice"),
            (lambda spec: spec[0].pop("required"), "required"),
            (lambda spec: spec[0].update(choices=["a"]), "must have none"),
            (lambda spec: spec[1].pop("choices"), "needs choices"),
            (lambda spec: spec[1].update(choices=[True]), "choices"),
            (lambda spec: spec[1].update(default="nowhere"), "none of its choices"),
            (lambda spec: spec[4].update(default="8"), "no integer"),
            (lambda spec: spec[4].update(default=1000), "out of its bounds"),
            (lambda spec: spec[4].update(min=65), "wrong way round"),
            (lambda spec: spec[0].update(default="short"), "out of its bounds"),
            (lambda spec: spec.clear(), "spec"),
        ],
    )
    def test_what_controllers_refuse(self, change: Change, problem: str) -> None:
        survey = copy.deepcopy(TEMPLATE["survey_spec"])
        change(survey["spec"])
        assert problem in "; ".join(rules.survey_problems(survey))


class TestSchedule:
    def test_rule(self) -> None:
        assert rules.schedule_problems(rules.rendered(SCHEDULE["rrule"], OBJECTS)) == []
        assert rules.schedule_problems("DTSTART:20300308T050000Z RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO") == []

    def test_it_runs_in_the_next_night(self) -> None:
        now = datetime.now(timezone.utc)
        following = rules.next_run(rules.rendered(SCHEDULE["rrule"], OBJECTS), now)
        assert now < following <= now + timedelta(days=1)
        assert following.hour == 2

    def test_answers(self) -> None:
        """A controller refuses a schedule that leaves a required question open, whatever its default."""
        survey = rules.rendered(TEMPLATE["survey_spec"], OBJECTS)
        assert rules.survey_answers(survey, SCHEDULE.get("extra_data", {})) == SCHEDULE.get("extra_data", {})

    @pytest.mark.parametrize(
        ("rrule", "problem"),
        [
            ("RRULE:FREQ=DAILY;INTERVAL=1", "one DTSTART"),
            ("DTSTART:20300308T050000 RRULE:FREQ=DAILY;INTERVAL=1", "needs TZID"),
            ("DTSTART:20300308T050000Z", "RRULE is needed"),
            ("DTSTART:20300308T050000Z RRULE:FREQ=DAILY", "INTERVAL is needed"),
            ("DTSTART:20300308T050000Z RRULE:FREQ=SECONDLY;INTERVAL=1", "SECONDLY"),
            ("DTSTART:20300308T050000Z RRULE:FREQ=DAILY;INTERVAL=1;COUNT=1000", "too big"),
            ("DTSTART:20300308T050000Z RRULE:FREQ=DAILY;INTERVAL=1;COUNT=1;UNTIL=20310308T050000Z", "exclude"),
            ("DTSTART:20300308T050000Z RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=1MO", "no number"),
            ("DTSTART:20300308T050000Z RRULE:FREQ=DAILY;INTERVAL=1 EXDATE:20300309T050000Z", "EXDATE"),
            ("DTSTART:20300308T050000Z RRULE:FREQ=OFTEN;INTERVAL=1", "cannot be read"),
            ("DTSTART;TZID=Nowhere/Land:20300308T050000 RRULE:FREQ=DAILY;INTERVAL=1", "cannot be read"),
        ],
    )
    def test_what_controllers_refuse(self, rrule: str, problem: str) -> None:
        assert problem in "; ".join(rules.schedule_problems(rrule))


class TestImage:
    def test_it_has_one_name(self) -> None:
        """What one guide pushes is what the other one, and the objects, have jobs run in."""
        files = [*(ROOT / "docs" / "docsite" / "rst").glob("*.rst"), *(ROOT / "playbooks").rglob("*.yml")]
        files += [ROOT / "execution-environment.yml", ROOT / "README.md"]
        image = re.compile(r"registry\.example\.com/[\w./-]*provisioning[\w:.-]*")
        named = {path.name: set(image.findall(path.read_text(encoding="utf-8"))) for path in files}
        assert {name for names in named.values() for name in names} == {OBJECTS["automation_controller_image"]}
        guides = {"guide_automation_controller.rst", "guide_execution_environment.rst"}
        assert {path for path, names in named.items() if names} >= {*guides, "execution-environment.yml"}


class TestModules:
    @pytest.mark.parametrize("module", MODULES)
    def test_arguments(self, module: str) -> None:
        """What is written for infra.aap_configuration can be given to the module as it is."""
        variable, spec = MODULES[module]
        for one in rules.rendered(OBJECTS[variable], OBJECTS):
            assert set(one) <= set(spec)
            validation = ArgumentSpecValidator(spec).validate(one)
            assert validation.error_messages == []
            # Nothing is turned into something else on the way.
            assert {name: validation.validated_parameters[name] for name in one} == one

    def test_objects_refer_to_each_other(self) -> None:
        assert TEMPLATE["project"] in [one["name"] for one in OBJECTS["controller_projects"]]
        environments = [one["name"] for one in OBJECTS["controller_execution_environments"]]
        assert TEMPLATE["execution_environment"] in environments
        assert SCHEDULE["unified_job_template"] == TEMPLATE["name"]

    def test_options_are_those_of_awx(self) -> None:
        """Compared with the documentation of awx.awx wherever it is installed, which it is up to ansible 12."""
        names = [f"awx.awx.{module}" for module in MODULES]
        process = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-doc")), "--json", "--type", "module", *names],
            env={**os.environ, "ANSIBLE_DEPRECATION_WARNINGS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        documented = json.loads(process.stdout or "{}")
        release = int(importlib.metadata.version("ansible").split(".")[0])
        assert set(documented) == (set(names) if release <= 12 else set(documented)), process.stderr
        for name, page in documented.items():
            options = page["doc"]["options"]
            for option, spec in MODULES[name.rpartition(".")[2]][1].items():
                assert {key: options[option].get(key) for key in spec} == spec, f"{name} {option}"

    def test_what_is_left_out(self) -> None:
        """Keys whose variables are not set go to no module: an empty credential would be looked for."""
        for variable, key in (
            ("controller_projects", "credential"),
            ("controller_execution_environments", "credential"),
            ("controller_templates", "instance_groups"),
        ):
            (plain,) = rules.rendered(OBJECTS[variable], OBJECTS)
            assert key not in plain
            (own,) = OBJECTS[variable]
            named = re.search(r"automation_controller_\w+", own[key])
            assert named is not None
            (given,) = rules.rendered([own], {**OBJECTS, named[0]: "mine"})
            assert given[key] == "mine"

    def test_nothing_secret_is_in_the_file(self) -> None:
        text = rules.OBJECTS.read_text(encoding="utf-8")
        assert not re.search(r"(?i)\b(client_secret|password|refresh_token|certificate): *[\"']?[^\s\"'!{]", text)
        assert "PRIVATE KEY" not in text
