# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret and no license shows anywhere: not at -vvvvvv, not in a failure, a difference, a log or a file."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Served
from .harness import MODULE, STAGE, Lab
from .products import info_task, store_licensing, wanted
from .watch import Watch, files_below


def test_nothing_shows(tmp_path: Path, emulator: Any, served: Served) -> None:
    """Every kind of secret as an option, successes and failures, differences, Linux and Windows, all verbosity."""
    lab = Lab(tmp_path / "lab", emulator, windows=["win1"])
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra}
    wanted = emulator.licenses(7)
    documents = [served(entry) for entry in wanted]
    secrets = {
        "client_secret": emulator.client_secret,
        "client_certificate_password": emulator.certificate_password,
        "refresh_token": emulator.refresh_token,
        "access_token": emulator.access_tokens["store"],
    }
    # They come from a file beside the directories that are searched.
    own = tmp_path / "vault.json"
    blobs = [base64.b64encode(document).decode() for document in documents]
    own.write_text(json.dumps({"vaulted": {**secrets, "blobs": blobs}}), encoding="utf-8")
    ids = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id}
    secret = {"client_secret": "{{ vaulted.client_secret }}"}
    # A service that repeats what it was sent, or what it knows of the application.
    for entry, repeated in ((wanted[5], secrets["access_token"]), (wanted[6], secrets["client_secret"])):
        body = {"code": "BadRequest", "message": f"Bearer {repeated} is not good, {repeated}"}
        emulator.fault(listener="store", action="status", status=400, body=body, path_regex=entry["product_id"])
    emulator.reissue(wanted[3]["product_id"], wanted[3]["content_id"])
    documents.append(served(wanted[3]))
    bad = [emulator.special(name).request() for name in ("wrong_license", "doctype", "truncated_xml", "not_owned")]
    certificate = {
        "client_certificate_path": emulator.pfx_path,
        "client_certificate_password": "{{ vaulted.client_certificate_password }}",
    }
    tasks = [
        lab.task("client secret", **wanted[0], **ids, **secret),
        lab.task("certificate", **wanted[1], **ids, **certificate),
        lab.task("refresh token", **wanted[2], **ids, **secret, refresh_token="{{ vaulted.refresh_token }}"),
        lab.task("access token", **wanted[3], access_token="{{ vaulted.access_token }}"),
        lab.task("force", **wanted[3], **ids, **secret, force=True),
        lab.task("own license", licenses=[{**wanted[4], "license_blob": "{{ vaulted.blobs[4] }}"}]),
        lab.task("own license, other", licenses=[{**wanted[0], "license_blob": "{{ vaulted.blobs[4] }}"}]),
        lab.task("faults", licenses=[*bad, wanted[0]], **ids, **secret),
        lab.task("faults without dest", licenses=[*bad, wanted[0]], dest=None, **ids, **secret),
        lab.task("repeated", **wanted[5], access_token="{{ vaulted.access_token }}"),
        lab.task("repeated secret", **wanted[6], **ids, **secret),
        lab.task("no such tenant", **wanted[5], **{**ids, "tenant_id": "nowhere.example"}, **secret),
        lab.task("unknown option", **wanted[5], **ids, **secret, secret="{{ vaulted.client_secret }}"),
        lab.task("misplaced", **wanted[5], **ids, tenant="{{ vaulted.client_secret }}", **secret),
        lab.task("no directory", licenses=wanted[:1], dest="{{ stage }}/none", **ids, **secret),
        lab.task("check", **wanted[0], **ids, **secret, force=True) | {"check_mode": True},
    ]
    good = [str(task["name"]) for task in tasks[:6]] + ["check"]
    run = lab.run([{**task, "ignore_errors": True} for task in tasks], "-vvvvvv", "--diff", "-e", f"@{own}")
    for host in ("linux1", "win1"):
        for name in good:
            run.ok(host, name)
        for name in {str(task["name"]) for task in tasks} - set(good):
            run.failed(host, name)
        assert "document" not in json.dumps(run.result(host, "faults without dest"))
        assert run.result(host, "client secret")["invocation"]["module_args"]["client_id"] == emulator.client_id

    watch = Watch(lab, documents, **secrets)
    assert len(watch.findings("what holds them", own.read_text())) > len(secrets) + len(wanted)
    found = watch.findings("standard output", run.stdout) + watch.findings("standard error", run.stderr)
    found += watch.findings("the log", lab.log)
    found += watch.findings("results", json.dumps(list(run.results.values())))
    found += watch.findings("what Windows hosts were sent", lab.windows.log.read_text(encoding="utf-8"))
    assert not found + watch.files()
    assert len(run.stdout) > 10_000
    assert len(lab.log) > 10_000
    # Windows hosts hold licenses only where they belong.
    assert lab.windows.tree("win1", temp=True).keys() == lab.windows.tree("win1", STAGE).keys()
    # The directory of the run, with tokens and licenses in its cache, is gone.
    assert not list((lab.home / ".ansible" / "tmp").glob("ansible-local-*"))


@pytest.mark.once
@store_licensing
def test_nothing_of_store_licensing_shows(tmp_path: Path, lab: Lab, served: Served) -> None:
    """Refresh tokens, and ready tokens of the catalog and of the service; services that repeat what they were sent."""
    emulator = lab.emulator
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra}
    one, two, three, four, five, six = (emulator.product(index) for index in (0, 7, 1, 2, 3, 4))
    secrets = {
        "client_secret": emulator.client_secret,
        "refresh_token": emulator.refresh_token,
        "access_token": emulator.access_tokens["licensing"],
        "catalog_access_token": emulator.access_tokens["catalog"],
    }
    own = tmp_path / "vault.json"
    own.write_text(json.dumps({"vaulted": secrets}), encoding="utf-8")
    ids = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id}
    refresh = {**ids, **{name: f"{{{{ vaulted.{name} }}}}" for name in ("client_secret", "refresh_token")}}
    ready = {name: f"{{{{ vaulted.{name} }}}}" for name in ("access_token", "catalog_access_token")}
    # What the task knows, whether or not it was sent to the service that repeats it.
    for product, repeated in (
        *((three, ("access_token", "catalog_access_token")), (four, ("client_secret", "refresh_token"))),
        *((five, ("access_token", "catalog_access_token")), (six, ("client_secret", "refresh_token"))),
    ):
        first, second = (secrets[name] for name in repeated)
        emulator.fault(
            listener="catalog" if product in (three, four) else "licensing",
            action="status",
            status=400,
            body={"code": first, "message": f"Bearer {first} is not good, {second}"},
            path_regex=f"{product.product_id}|{product.content_id}",
        )
    documents = [served(product.request()) for product in (one, two)]
    info = {"product_id": one.product_id, "access_token": ready["catalog_access_token"]}
    tasks = [
        lab.task("refresh token", **wanted(one), **refresh),
        lab.task("ready tokens", **wanted(two), **ready),
        lab.task("returned", **wanted(one), **ready, dest=None),
        lab.task("repeated by the catalog", **wanted(three), **ready),
        lab.task("repeated by the catalog, refresh token", **wanted(four), **refresh),
        lab.task("repeated by the service", **five.request(), **ready),
        lab.task("repeated by the service, refresh token", **wanted(six), **refresh),
        lab.task("swapped", **wanted(three), access_token=ready["catalog_access_token"]),
        lab.task("unknown option", **wanted(one), **ready, catalog_token=ready["catalog_access_token"]),
        info_task(lab, "info", **info),
        info_task(lab, "info, unknown option", **info, token=ready["access_token"]),
    ]
    values = {f"offline_licenses_{name}": value for name, value in {**lab.defaults, **ready}.items()}
    role = {
        "hosts": "all",
        "gather_facts": False,
        "roles": [{"role": "msdevices.provisioning.offline_licenses", "vars": values}],
        "vars": {"offline_licenses_dest": "{{ stage }}", "offline_licenses_list": [wanted(one)]},
    }
    # Options of the license module alone are not for all modules.
    defaults = {MODULE: lab.defaults}
    play = lab.play([{**task, "ignore_errors": True} for task in tasks], module_defaults=defaults)
    run = lab.run_plays([play, role], "-vvvvvv", "--diff", "-e", f"@{own}")
    assert run.status == 0, run.output[-3000:]
    for name in ("refresh token", "ready tokens", "returned", "info"):
        run.ok("linux1", name)
    for task in tasks[3:9]:
        run.failed("linux1", str(task["name"]))
    watch = Watch(lab, documents, **secrets)
    assert len(watch.findings("what holds them", own.read_text())) > len(secrets)
    found = watch.findings("standard output", run.stdout) + watch.findings("standard error", run.stderr)
    found += watch.findings("the log", lab.log)
    found += watch.findings(
        "results", json.dumps([entry["result"] for key, entry in run.results.items() if key[1] != "returned"])
    )
    assert not found + watch.files()


def test_credentials_of_the_environment_stay_on_the_controller(lab: Lab) -> None:
    """What the environment holds shows nowhere, also when modules are files on the host and stay there."""
    run = lab.run(
        [lab.task(licenses=lab.emulator.licenses(2))],
        "-vvvvvv",
        environment={"ANSIBLE_PIPELINING": "0", "ANSIBLE_KEEP_REMOTE_FILES": "1"},
    )
    assert run.status == 0, run.output
    kept = files_below(lab.stage("linux1").with_name("ansible"))
    assert kept, "no module was kept on the host"
    assert not [path for path in kept if path.parent.stat().st_mode & 0o077]
    watch = Watch(lab, [], client_secret=lab.emulator.client_secret)
    found = watch.findings("output", run.output + lab.log)
    assert not found + watch.files()


@pytest.mark.once
def test_nothing_of_the_role_shows(tmp_path: Path, emulator: Any, served: Served) -> None:
    """The role takes secrets and licenses as variables; neither its checks nor its tasks show them."""
    lab = Lab(tmp_path / "lab", emulator, windows=["win1"])
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra}
    one, two = emulator.licenses(2)
    documents = [served(one), served(two)]
    secrets = {"client_secret": emulator.client_secret, "certificate_password": emulator.certificate_password}
    own = tmp_path / "vault.json"
    blob = base64.b64encode(documents[0]).decode()
    own.write_text(json.dumps({"vaulted": {**secrets, "blob": blob}}), encoding="utf-8")
    variables = {
        "dest": "{{ stage }}",
        "list": [{**one, "license_blob": "{{ vaulted.blob }}"}, two],
        "tenant_id": emulator.tenant_id,
        "client_id": emulator.client_id,
        "client_secret": "{{ vaulted.client_secret }}",
        **lab.defaults,
    }
    found = []
    watch = Watch(lab, documents, **secrets)
    assert len(watch.findings("what holds them", own.read_text())) > len(secrets)
    for changes, status in (
        ({}, 0),
        # The check of the arguments fails, with secrets among them.
        ({"list": [{"product_id": one["product_id"], "license_blob": "{{ vaulted.blob }}"}], "format": "pem"}, 2),
        # The staging fails, with a license that is another one.
        ({"list": [{**two, "license_blob": "{{ vaulted.blob }}"}], "client_id": "wrong"}, 2),
    ):
        role = {f"offline_licenses_{name}": value for name, value in {**variables, **changes}.items()}
        play = {**lab.play([]), "roles": [{"role": "msdevices.provisioning.offline_licenses", "vars": role}]}
        run = lab.run_plays([play], "-vvvvvv", "--diff", "-e", f"@{own}")
        assert run.status == status, run.output
        results = json.dumps(list(run.results.values()))
        found += watch.findings("output", run.output) + watch.findings("the log", lab.log)
        found += watch.findings("results", results) + watch.files()
    assert not found
