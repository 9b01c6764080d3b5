# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scheduled job of the guide "guide_automation_controller", run as automation controllers run it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import controller_rules as rules
import pytest
import yaml
from controller_modules import MODULES, REFERENCES
from emulator.client import Emulator
from license_services import LicenseService, both_services

from .conftest import Figure, NewLab, Served
from .guides import COLLECTION, blocks, literals, table
from .harness import ROOT, Lab, default_name
from .scheduled_job import GUIDE, TEMPLATE, UNWRITABLE, Controller, Injector, Job, group_variables
from .watch import Watch, files_below

_SECRET = "Microsoft Entra application with secret"
_CERTIFICATE = "Microsoft Entra application with certificate"
_STAGE = "Stage the licenses"
_REFRESH = "Microsoft Entra application with refresh token"

_REMEDIES = {
    "store_for_business": (
        "Acquire",
        "offline licensing",
        "Check product_id, sku_id and content_id; nothing was written",
        "Check the ids",
    ),
    "store_licensing": ("Sign in as a user with the role", "ms_store_product_info lists them"),
}


def _lines(wanted: list[dict[str, str]]) -> str:
    """What people type into a text area; browsers end its lines like this."""
    return "\r\n".join("{product_id}/{sku_id}/{content_id}".format(**ids) for ids in wanted)


def _credential(service: LicenseService) -> Injector:
    """A credential with which the service lets jobs in."""
    emulator = service.emulator
    inputs = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id, "client_secret": emulator.client_secret}
    if service.delegated:
        return _injector(_REFRESH, {**inputs, "refresh_token": emulator.refresh_token})
    return _injector(_SECRET, inputs)


def _injector(kind: str, inputs: Mapping[str, str]) -> Injector:
    return lambda directory: rules.inject(rules.credential_type(kind), inputs, directory)


def _made_no_request(job: Job) -> bool:
    return (job.requests, job.connections) == ([], 0)


@pytest.mark.once
@both_services
def test_job(new_lab: NewLab, served: Served, service: LicenseService, figure: Figure) -> None:
    """On Linux and Windows hosts, each in the directory of its group; the second job, in a fresh place, changes nothing
    and makes no request."""
    lab = new_lab("jobs", linux=2, windows=["win1"])
    controller = Controller(lab)
    wanted = lab.emulator.licenses(3)
    answers = {"offline_licenses_list": _lines(wanted)}
    first = controller.run(answers, _credential(service))
    assert (first.status, first.failures) == ("successful", {}), first.stdout
    for host in (*lab.linux, "win1"):
        assert lab.files(host) == {default_name(ids): served(ids) for ids in wanted}
    asked = len(first.requests)
    assert {host for host, tasks in first.changed.items() if _STAGE in tasks} == {*lab.linux, "win1"}

    second = controller.run(answers, _credential(service))
    assert (second.status, second.failures) == ("successful", {}), second.stdout
    assert second.changed == {}
    assert _made_no_request(second)
    assert f"{len(wanted)} licenses, 0 fetched, {len(wanted)} unchanged, 0 failed, 0 pruned, verified" in second.stdout
    figure(f"scheduled job, {service.name}: {asked} requests in the first job, {len(second.requests)} in the second")


@pytest.mark.once
def test_answers(lab: Lab, served: Served) -> None:
    """Lists as texts, numbers and truth values as texts, an optional question left empty."""
    controller = Controller(lab)
    one, two, three = lab.emulator.licenses(3)
    # As nobody would have to quote it in a survey.
    item = "- product_id: {product_id}\n  sku_id: 0015\n  content_id: {content_id}\n"
    text = item.format(**one) + item.format(**two)
    answers: dict[str, Any] = {"offline_licenses_list": text, "offline_licenses_market": ""}
    job = controller.run(answers, _credential(lab.service))
    assert (job.status, job.failures) == ("successful", {}), job.stdout
    assert set(lab.files("linux1")) == {default_name(ids) for ids in (one, two)}

    answers = {
        "offline_licenses_list": _lines([one, three]),
        "offline_licenses_prune": "true",
        "offline_licenses_force": "false",
        "offline_licenses_max_concurrency": "2",
    }
    # Questions of other surveys than this collection's, whose answers are texts without exception.
    controller.question("offline_licenses_max_concurrency").update(type="text", min=1, max=2)
    controller.extra_vars.update(
        offline_licenses_verify="true",
        offline_licenses_create_dest="false",
        offline_licenses_timeout="20",
        offline_licenses_max_retries="2",
        offline_licenses_run_cache="true",
        offline_licenses_cloud="public",
        offline_licenses_tenant_id="",
        offline_licenses_owner="",
        offline_licenses_hosts="",
    )
    job = controller.run(answers, _credential(lab.service))
    assert (job.status, job.failures, job.changed) == ("successful", {}, {"linux1": [_STAGE]}), job.stdout
    assert lab.files("linux1") == {default_name(ids): served(ids) for ids in (one, three)}
    assert sum("fflineLicense" in item["path"] for item in job.requests) == 1


@pytest.mark.once
def test_empty_list_removes_nothing(lab: Lab) -> None:
    """An answer that was forgotten is refused, even where a controller would let it pass."""
    controller = Controller(lab)
    wanted = lab.emulator.licenses(1)
    assert controller.run({"offline_licenses_list": _lines(wanted)}, _credential(lab.service)).status == "successful"
    controller.question("offline_licenses_list").update(min=0)
    answers = {"offline_licenses_list": " \n", "offline_licenses_prune": "true"}
    job = controller.run(answers, _credential(lab.service))
    assert job.status == "failed"
    assert "empty text" in job.failures["linux1"]
    assert list(lab.files("linux1")) == [default_name(wanted[0])]
    assert _made_no_request(job)


def _microsoft_azure(emulator: Emulator, **more: str) -> Injector:
    inputs = {
        "subscription": "00000000-0000-0000-0000-000000000000",
        "tenant": emulator.tenant_id,
        "client": emulator.client_id,
        "secret": emulator.client_secret,
        **more,
    }
    return lambda _directory: rules.inject_azure(inputs)


def _of_type(emulator: Emulator, kind: str) -> tuple[Injector, str]:
    """The credential of a type, and how the emulator notes the sign-in with it."""
    ids = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id}
    secret = {"client_secret": emulator.client_secret}
    if kind == "encrypted certificate":
        pem = Path(emulator.encrypted_certificate_path).read_text(encoding="utf-8")
        inputs = {**ids, "certificate": pem, "certificate_password": emulator.certificate_password}
        return _injector(_CERTIFICATE, {**inputs, "cloud_environment": "AzureCloud"}), "certificate"
    if kind == "public client":
        inputs = {**ids, "client_id": emulator.public_client_id, "refresh_token": emulator.public_refresh_token}
        return _injector(_REFRESH, {**inputs, "client_secret": ""}), "refresh_token"
    return {
        _SECRET: (_injector(_SECRET, {**ids, **secret}), "secret"),
        _CERTIFICATE: (
            _injector(_CERTIFICATE, {**ids, "certificate": Path(emulator.certificate_path).read_text("utf-8")}),
            "certificate",
        ),
        _REFRESH: (_injector(_REFRESH, {**ids, **secret, "refresh_token": emulator.refresh_token}), "refresh_token"),
        rules.AZURE_TYPE: (_microsoft_azure(emulator), "secret"),
        "Azure with a cloud": (_microsoft_azure(emulator, cloud_environment="AzureCloud"), "secret"),
    }[kind]


@pytest.mark.once
@pytest.mark.parametrize(
    "kind",
    [_SECRET, _CERTIFICATE, "encrypted certificate", _REFRESH, "public client", rules.AZURE_TYPE, "Azure with a cloud"],
)
def test_credentials(lab: Lab, served: Served, kind: str) -> None:
    """Each type, as the controller would inject it, signs in by what it holds, and the job gets its license."""
    inject, how = _of_type(lab.emulator, kind)
    wanted = lab.emulator.licenses(1)
    job = Controller(lab).run({"offline_licenses_list": _lines(wanted)}, inject)
    assert (job.status, job.failures) == ("successful", {}), job.stdout
    assert lab.files("linux1") == {default_name(wanted[0]): served(wanted[0])}
    (note,) = [item["note"] for item in job.requests if item["listener"] == "entra" and item["method"] == "POST"]
    assert how in note


@pytest.mark.once
@both_services
def test_failed_job(new_lab: NewLab, served: Served, service: LicenseService) -> None:
    """Output and events name each license that could not be had and what to do, and hold no secret."""
    lab = new_lab("failed", linux=2)
    controller = Controller(lab)
    emulator = lab.emulator
    # Others than those that the service sends in place of what was asked for.
    good = emulator.licenses(2, 20)
    bad = [emulator.special(name).request() for name in ("not_owned", "not_offline", "wrong_license", "unknown")]
    job = controller.run({"offline_licenses_list": _lines([*good, *bad])}, _credential(service), verbosity=5)
    assert job.status == "failed"
    assert sorted(job.failures) == lab.linux
    for host in lab.linux:
        assert lab.files(host) == {default_name(ids): served(ids) for ids in good}
        message = job.failures[host]
        for ids in bad:
            assert ids["content_id"] in message
        assert not any(ids["content_id"] in message for ids in good)
        for remedy in _REMEDIES[service.name]:
            assert remedy in message, message
        # People read the output, machines the events; it is the same.
        assert job.stdout.count(json.dumps(message)[1:-1]) + job.stdout.count(message) >= 1
    watch = Watch(
        lab,
        [served(ids) for ids in good],
        client_secret=emulator.client_secret,
        refresh_token=emulator.refresh_token,
    )
    found = []
    for path in files_below(job.directory):
        text = path.read_text(encoding="utf-8")
        if path.name == "command":
            # What ansible-runner notes for itself; controllers keep it with values of such variables left out.
            noted = json.loads(text)
            assert noted.pop("env")["AZURE_CLIENT_SECRET"] == emulator.client_secret
            text = json.dumps(noted)
        found += watch.findings(str(path), text)
    assert not found
    assert not watch.files()
    assert len(list((job.directory / "job_events").iterdir())) == len(job.events) > 10


@pytest.mark.once
def test_host_without_python(lab: Lab) -> None:
    """What the host said last is in the message, not only a hint at where it may be found."""
    controller = Controller(lab)
    # Facts are there, so that it is the module that fails.
    controller.extra_vars.update(
        ansible_python_interpreter="/nowhere/python",
        ansible_facts={"os_family": "Debian"},
        offline_licenses_create_dest=False,
    )
    job = controller.run({"offline_licenses_list": _lines(lab.emulator.licenses(1))}, _credential(lab.service))
    assert job.status == "failed"
    message = job.failures["linux1"]
    assert "/nowhere/python" in message
    assert "not found" in message
    assert "ansible_python_interpreter" in message
    assert _made_no_request(job)


@pytest.mark.once
def test_home(lab: Lab) -> None:
    """What a job leaves in its home is Ansible's own, and a job without a home that it can write into does as well."""
    controller = Controller(lab)
    wanted = lab.emulator.licenses(2)
    answers = {"offline_licenses_list": _lines(wanted)}
    own = lab.directory / "own"
    # Ansible itself needs a place; administrators of controllers give it one by this variable.
    job = controller.run(answers, _credential(lab.service), home=UNWRITABLE, ANSIBLE_HOME=str(own))
    assert (job.status, job.failures) == ("successful", {}), job.stdout
    left = [str(path.relative_to(own)) for path in files_below(own)]
    assert not [name for name in left if "msdevices" in name or name.startswith("tmp")], left

    again = controller.run(answers, _credential(lab.service))
    assert (again.status, again.failures, again.changed) == ("successful", {}, {}), again.stdout
    assert _made_no_request(again)
    assert {path.name for path in (lab.directory / "home2").iterdir()} <= {".ansible"}
    assert not [path for path in files_below(lab.directory / "home2") if "msdevices" in str(path)]


@pytest.mark.once
def test_refresh_tokens(lab: Lab) -> None:
    """Without a file each job uses the credential's token again; with a file that outlives jobs, the newest."""
    emulator = lab.emulator
    controller = Controller(lab)
    ids = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id, "client_secret": emulator.client_secret}
    inputs = {**ids, "refresh_token": emulator.refresh_token}
    credential = _injector(_REFRESH, inputs)
    wanted = emulator.licenses(1)
    answers = {"offline_licenses_list": _lines(wanted), "offline_licenses_force": "true"}
    for _number in range(2):
        job = controller.run(answers, credential)
        assert (job.status, job.failures) == ("successful", {}), job.stdout

    kept = lab.directory / "kept"
    kept.mkdir(mode=0o700)
    token_file = kept / "refresh-token"
    credential = _injector(_REFRESH, {**inputs, "refresh_token_file": str(token_file)})
    job = controller.run(answers, credential)
    assert (job.status, job.failures) == ("successful", {}), job.stdout
    first = token_file.read_text(encoding="utf-8").strip()
    assert first not in ("", emulator.refresh_token)
    assert token_file.stat().st_mode & 0o777 == 0o600
    # From now on each token can be used once, as some tenants' policies have it.
    emulator.settings(refresh_token_uses=1)
    for _number in range(2):
        job = controller.run(answers, credential)
        assert (job.status, job.failures) == ("successful", {}), job.stdout
    assert token_file.read_text(encoding="utf-8").strip() not in (first, emulator.refresh_token)

    # A directory that a job cannot write into is found out before the token is spent.
    controller.extra_vars["offline_licenses_refresh_token_file"] = f"{UNWRITABLE}/refresh-token"
    job = controller.run(answers, credential)
    assert job.status == "failed"
    assert "refresh_token_file" in job.failures["linux1"]
    assert not [item for item in job.requests if item["method"] == "POST"]


_PLAYED_MODULE = """
import json
from ansible.module_utils.basic import AnsibleModule

NAME, REFERENCES, CONTROLLER = json.loads({constants!r})
module = AnsibleModule(argument_spec=json.loads({spec!r}))
arguments = {{name: value for name, value in module.params.items() if value is not None}}
with open(CONTROLLER) as stream:
    there = json.load(stream)
for option, kind in REFERENCES.items():
    wanted = arguments.get(option, [])
    for name in wanted if isinstance(wanted, list) else [wanted]:
        if name not in there.get(kind, []):
            module.fail_json(msg="there is no {{0}} {{1!r}}".format(kind, name))
there.setdefault(NAME, []).append(arguments["name"])
there["calls"].append([NAME, arguments])
with open(CONTROLLER, "w") as stream:
    json.dump(there, stream)
module.exit_json(changed=True)
"""


class PlayedController:
    """Plays the modules that create objects: they take what the real ones take, note it, and fail when an object names
    another one that is not there."""

    def __init__(self, lab: Lab, collection: str) -> None:
        self._lab = lab
        self._state = lab.directory / "controller.json"
        self._collections = lab.directory / "played"
        modules = self._collections / "ansible_collections" / collection.replace(".", "/") / "plugins" / "modules"
        modules.mkdir(parents=True)
        self._hosts = lab.directory / "hosts.ini"
        variables = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
        self._hosts.write_text(f"localhost {variables}\n", encoding="utf-8")
        for name, (_variable, spec) in MODULES.items():
            constants = json.dumps([name, REFERENCES[name], str(self._state)])
            text = _PLAYED_MODULE.format(spec=json.dumps(spec), constants=constants)
            (modules / f"{name}.py").write_text(text, encoding="utf-8")
        # What each new controller has.
        self._write({"organization": ["Default"], "calls": []})

    def _read(self) -> dict[str, Any]:
        return dict(json.loads(self._state.read_text(encoding="utf-8")))

    def _write(self, state: dict[str, Any]) -> None:
        self._state.write_text(json.dumps(state), encoding="utf-8")

    def add(self, kind: str, name: str) -> None:
        """Create an object by hand."""
        state = self._read()
        state.setdefault(kind, []).append(name)
        self._write(state)

    def calls(self) -> list[list[Any]]:
        """The modules that ran since the last time, each with its arguments."""
        state = self._read()
        calls = state["calls"]
        self._write({**state, "calls": []})
        return list(calls)

    def run(self, shell: str) -> subprocess.CompletedProcess[str]:
        """Run commands in the directory of the lab."""
        isolated = self._lab._isolated()
        return subprocess.run(
            ["/bin/sh", "-euc", shell],
            env={
                **isolated,
                "PATH": f"{Path(sys.executable).parent}:{isolated['PATH']}",
                "ANSIBLE_COLLECTIONS_PATH": f"{self._collections}:{isolated['ANSIBLE_COLLECTIONS_PATH']}",
                "ANSIBLE_INVENTORY": str(self._hosts),
            },
            cwd=self._lab.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def _expected(variables: Mapping[str, Any], *modules: str) -> list[list[Any]]:
    return [
        [name, one]
        for name, (variable, _spec) in MODULES.items()
        if name in (modules or MODULES)
        for one in rules.rendered(variables[variable], variables)
    ]


def _mine() -> dict[str, Any]:
    (block,) = (block for block in blocks(GUIDE) if block.caption == "mine.yml")
    return dict(block.document)


def _commands() -> list[str]:
    """Those that create the credential types, and those that create the rest."""
    first, second = (block.text for block in blocks(GUIDE) if block.language == "shell")
    # In the same shell.
    exports = [line for line in first.splitlines() if line.startswith("export ")]
    return [first, "\n".join([*exports, second])]


@pytest.mark.once
@pytest.mark.parametrize("collection", ["ansible.controller", "awx.awx"])
def test_from_nothing(lab: Lab, collection: str) -> None:
    """The steps of the guide, in a controller that has what every new one has, and what they say to create by hand."""
    controller = PlayedController(lab, collection)
    mine = {**_mine(), "automation_controller_collection": collection}
    (lab.directory / "mine.yml").write_text(yaml.safe_dump(mine), encoding="utf-8")
    variables = {**rules.objects(), **mine}
    types, everything = _commands()
    process = controller.run(types)
    assert process.returncode == 0, process.stdout + process.stderr
    assert controller.calls() == _expected(variables, "credential_type")

    # What is named and not there is said.
    process = controller.run(everything)
    assert process.returncode != 0
    assert "there is no inventory 'Image builders'" in process.stdout
    controller.calls()

    for kind, name, _hint in table(GUIDE, "By hand"):
        controller.add(kind.lower(), name)
    process = controller.run(everything)
    assert process.returncode == 0, process.stdout + process.stderr
    assert controller.calls() == _expected(variables)
    # Nor does Ansible find fault with objects that go to their modules whole.
    assert "argsplat" not in process.stdout + process.stderr


@pytest.mark.once
def test_own_objects(lab: Lab) -> None:
    """Credentials for Git and the registry, privilege, and whatever else the modules take goes to them; nothing that
    they do not take is passed over in silence."""
    controller = PlayedController(lab, "ansible.controller")
    for kind, names in {
        "organization": ["Devices"],
        "credential": ["Image builders", "Store application", "Git", "Registry"],
        "inventory": ["Image builders"],
        "instance_group": ["Sites"],
    }.items():
        for name in names:
            controller.add(kind, name)
    objects = rules.objects()
    (schedules,) = (
        block.document["controller_schedules"] for block in blocks(GUIDE) if "controller_schedules:" in block.text
    )
    mine = {
        **_mine(),
        "automation_controller_organization": "Devices",
        "automation_controller_project_branch": "stable",
        "automation_controller_project_credential": "Git",
        "automation_controller_image_credential": "Registry",
        "automation_controller_instance_groups": ["Sites"],
        "automation_controller_become": True,
        "automation_controller_extra_vars": {"offline_licenses_ca_path": "/etc/ssl/own.pem"},
        "controller_projects": [{**objects["controller_projects"][0], "scm_clean": True}],
        "controller_schedules": [{**schedules[0], "organization": "Devices"}],
    }
    template = dict(objects["controller_templates"][0])
    mine["controller_templates"] = [
        {**template, "limit": "linux_builders", "timeout": 3600, "verbosity": 1, "ask_variables_on_launch": True}
    ]
    path = lab.directory / "mine.yml"
    path.write_text(yaml.safe_dump(mine), encoding="utf-8")
    (_types, everything) = _commands()
    process = controller.run(everything)
    assert process.returncode == 0, process.stdout + process.stderr
    calls = controller.calls()
    assert calls == _expected({**objects, **mine})
    given = {name: arguments for name, arguments in calls if name != "credential_type"}
    assert given["project"]["credential"] == "Git"
    assert given["execution_environment"]["credential"] == "Registry"
    expected = {
        "instance_groups": ["Sites"],
        "become_enabled": True,
        "extra_vars": {"offline_licenses_ca_path": "/etc/ssl/own.pem"},
        "limit": "linux_builders",
        "timeout": 3600,
    }
    assert {name: given["job_template"][name] for name in expected} == expected
    assert given["schedule"]["extra_data"] == {"offline_licenses_force": "true"}

    mine["controller_projects"][0]["scm_credential_name"] = "Git"
    path.write_text(yaml.safe_dump(mine), encoding="utf-8")
    process = controller.run(everything)
    assert process.returncode != 0
    assert "Unsupported parameters" in process.stdout
    assert "scm_credential_name" in process.stdout


@pytest.mark.once
def test_guide() -> None:
    """Its table of credential types is what the objects say; its commands and files name what there is."""
    types = rules.objects()["controller_credential_types"]
    expected = [
        [
            kind["name"],
            ", ".join(field["label"] for field in kind["inputs"]["fields"]),
            ", ".join(f"``{name}``" for name in kind["injectors"]["env"]),
        ]
        for kind in types
    ]
    assert table(GUIDE, "Credential types") == expected
    files = {block.caption: block.document for block in blocks(GUIDE) if block.caption}
    for playbook in ("stage_offline_licenses", "check_access"):
        (play,) = files[f"{playbook}.yml"]
        assert play["ansible.builtin.import_playbook"] == f"{COLLECTION}{playbook}"
        assert (ROOT / "playbooks" / f"{playbook}.yml").exists()
    assert TEMPLATE["playbook"] in files
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert files["collections/requirements.yml"]["collections"] == [{"name": f"{galaxy['namespace']}.{galaxy['name']}"}]


@pytest.mark.once
def test_guide_names_every_variable() -> None:
    """In its file, or in the table of those that may be in it; and all of them are what the objects use."""
    used = set(re.findall(r"automation_controller_\w+", rules.OBJECTS.read_text(encoding="utf-8")))
    further = [literals(name)[0] for name, _meaning in table(GUIDE, "Further variables of mine.yml")]
    assert {*_mine(), *further} == {*used, "automation_controller_collection"}
    assert not set(_mine()) & set(further)


@pytest.mark.once
def test_guide_on_groups() -> None:
    """Each kind of host has its own directory; Linux hosts say how to get the privilege for it."""
    linux, windows = (group_variables(kind) for kind in ("linux", "windows"))
    assert linux["ansible_become"] is True
    assert linux["offline_licenses_dest"].startswith("/")
    assert re.match(r"[A-Z]:\\", windows["offline_licenses_dest"])
    assert "ansible_become" not in windows


@pytest.mark.once
def test_guide_on_schedules() -> None:
    """The rules it shows are taken, and run as it says; answers are those that the survey takes."""
    shown = [block.document for block in blocks(GUIDE) if "DTSTART" in block.text]
    (own,) = (
        document["automation_controller_rrule"] for document in shown if "automation_controller_rrule" in document
    )
    (monthly,) = (document["controller_schedules"][0] for document in shown if "controller_schedules" in document)
    now = datetime.now(timezone.utc)
    for rrule, days in ((own, 1), (monthly["rrule"], 31)):
        assert rules.schedule_problems(rrule) == []
        # Clocks are put back by an hour in the autumn.
        assert rules.next_run(rrule, now) - now <= timedelta(days=days, hours=1)
    survey = rules.rendered(TEMPLATE["survey_spec"], rules.objects())
    assert rules.survey_answers(survey, monthly["extra_data"])
    assert monthly["unified_job_template"] == TEMPLATE["name"]
