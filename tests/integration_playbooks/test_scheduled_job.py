# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scheduled job of the guide "guide_automation_controller", run as automation controllers run it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import controller_rules as rules
import pytest
import yaml
from controller_modules import MODULES
from emulator.client import Emulator
from license_services import LicenseService, both_services

from .conftest import Figure, NewLab, Served
from .guides import blocks, table
from .harness import ROOT, Lab, default_name
from .scheduled_job import GUIDE, UNWRITABLE, Controller, Injector, Job
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


@pytest.mark.smoke
@both_services
def test_job(new_lab: NewLab, served: Served, service: LicenseService, figure: Figure) -> None:
    """On Linux and Windows hosts; the second job, in a fresh place, changes nothing and makes no request."""
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
        "offline_licenses_max_concurrency": 2,
    }
    # Questions of other surveys than this collection's, whose answers are texts without exception.
    controller.extra_vars.update(
        offline_licenses_verify="true",
        offline_licenses_create_dest="false",
        offline_licenses_timeout="20",
        offline_licenses_max_retries="2",
        offline_licenses_max_concurrency="2",
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


def test_empty_list_removes_nothing(lab: Lab) -> None:
    """An answer that was forgotten is refused, even where a controller would let it pass."""
    controller = Controller(lab)
    wanted = lab.emulator.licenses(1)
    assert controller.run({"offline_licenses_list": _lines(wanted)}, _credential(lab.service)).status == "successful"
    controller.extra_vars.update(offline_licenses_list=" \n", offline_licenses_prune="true")
    job = controller.run({}, _credential(lab.service))
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
    credential = _injector(_REFRESH, {**ids, "refresh_token": emulator.refresh_token})
    wanted = emulator.licenses(1)
    answers = {"offline_licenses_list": _lines(wanted), "offline_licenses_force": "true"}
    for _number in range(2):
        job = controller.run(answers, credential)
        assert (job.status, job.failures) == ("successful", {}), job.stdout

    kept = lab.directory / "kept"
    kept.mkdir()
    token_file = kept / "refresh-token"
    controller.extra_vars["offline_licenses_refresh_token_file"] = str(token_file)
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

module = AnsibleModule(argument_spec=json.loads({spec!r}))
arguments = {{name: value for name, value in module.params.items() if value is not None}}
with open({record!r}, "a") as stream:
    stream.write(json.dumps([{name!r}, arguments]) + "\\n")
module.exit_json(changed=False)
"""


@pytest.mark.once
@pytest.mark.parametrize("collection", ["ansible.controller", "awx.awx"])
def test_objects_are_created(lab: Lab, collection: str) -> None:
    """The commands of the guide give the objects to the modules, with what is the reader's own put in.

    The modules are played: they take what the real ones take, and note it.
    """
    record = lab.directory / "record.jsonl"
    played = lab.directory / "played"
    modules = played / "ansible_collections" / collection.replace(".", "/") / "plugins" / "modules"
    modules.mkdir(parents=True)
    for name, (_variable, spec) in MODULES.items():
        text = _PLAYED_MODULE.format(spec=json.dumps(spec), record=str(record), name=name)
        (modules / f"{name}.py").write_text(text, encoding="utf-8")
    (mine,) = (block for block in blocks(GUIDE) if block.caption == "mine.yml")
    (lab.directory / mine.caption).write_text(mine.text, encoding="utf-8")
    (shell,) = (block.text for block in blocks(GUIDE) if block.language == "shell")
    if collection != "ansible.controller":
        shell = shell.rstrip() + f" -e automation_controller_collection={collection}"
    isolated = lab._isolated()
    process = subprocess.run(
        ["/bin/sh", "-euc", shell],
        env={
            **isolated,
            "PATH": f"{Path(sys.executable).parent}:{isolated['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": f"{played}:{isolated['ANSIBLE_COLLECTIONS_PATH']}",
            "ANSIBLE_INVENTORY": "localhost,",
        },
        cwd=lab.directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    objects = rules.objects()
    own = yaml.safe_load(mine.text)
    assert set(own) <= {name for name in objects if name.startswith("automation_controller_")}
    variables = {**objects, **own}
    expected = [
        [name, one]
        for name, (variable, _spec) in MODULES.items()
        for one in rules.rendered(objects[variable], variables)
    ]
    assert [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()] == expected


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
    wrapper, requirements = (block.document for block in blocks(GUIDE)[:2])
    (play,) = wrapper
    name = play["ansible.builtin.import_playbook"].rpartition(".")[2]
    assert (ROOT / "playbooks" / f"{name}.yml").exists()
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert requirements["collections"] == [{"name": f"{galaxy['namespace']}.{galaxy['name']}"}]
