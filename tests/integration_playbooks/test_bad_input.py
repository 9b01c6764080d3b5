# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot work is refused before any request, and the message names the option or the item, and the remedy."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import NewLab
from .harness import MODULE, Lab, Run

_OTHER = "11111111-2222-3333-4444-555555555555"


def _refused(run: Run, expected: dict[str, tuple[str, ...]]) -> None:
    """Check that each task failed with a message that holds these texts, without any request and without a change."""
    results = {name: run.failed("linux1", name) for name in expected}
    assert not [
        f"{name}: {text!r} is not in {results[name]['msg']}"
        for name, texts in expected.items()
        for text in texts
        if text not in results[name]["msg"]
    ]
    assert not any(result["changed"] for result in results.values())
    assert (run.requests, run.connections) == ([], 0)


def _all(lab: Lab, cases: dict[str, tuple[dict[str, Any], tuple[str, ...]]], **keywords: Any) -> Run:
    """Run a task for each case, and check the messages."""
    tasks = [{**lab.task(name, **options), "ignore_errors": True} for name, (options, _texts) in cases.items()]
    run = lab.run(tasks, **keywords)
    _refused(run, {name: texts for name, (_options, texts) in cases.items()})
    return run


@pytest.mark.once
def test_items(lab: Lab) -> None:
    good, other = lab.emulator.licenses(2)
    product, content = good["product_id"], good["content_id"]
    item = "item 2 ("

    def second(**changes: Any) -> dict[str, Any]:
        return {"licenses": [other, {**good, **changes}]}

    correct = "Correct the items; nothing was requested or written"
    cases = {
        "empty product": (second(product_id=""), (item, "product_id is missing", correct)),
        "blank product": (second(product_id="   "), (item, "product_id is missing", correct)),
        "short product": (second(product_id="9WZDN"), (f"{item}9WZDN/", "12 letters and digits", correct)),
        "injected product": (second(product_id="9WZ/../DNCRF"), (item, "12 letters and digits", correct)),
        "empty content": (second(content_id=""), (f"{item}{product}/", "content_id is missing", correct)),
        "bad content": (second(content_id="2f9a4b1e"), (f"{item}{product}/0015/2f9a4b1e)", "not a GUID", correct)),
        "empty sku is the default, bad content": (second(sku_id="", content_id="x"), ("/0015/x", "not a GUID")),
        "number as sku": (second(sku_id=13), (item, "unquoted 0015 as the number 13", 'sku_id: "0015"', correct)),
        "long sku": (second(sku_id="00155"), (item, "4 letters and digits", correct)),
        "id twice": (
            {"licenses": [{**good, "filename": "a.xml"}, other, {**good, "filename": "b.xml"}]},
            (f"{product}/0015/{content} is asked for twice", "a.xml and b.xml", correct),
        ),
        "name twice": (
            {"licenses": [{**good, "filename": "News.xml"}, {**other, "filename": "news.XML"}]},
            (content, other["content_id"], "have the same file name", correct),
        ),
        "slash": (second(filename="a/b.xml"), (item, "'a/b.xml' is not a plain name", correct)),
        "backslash": (second(filename="a\\b.xml"), (item, "is not a plain name", correct)),
        "parent": (second(filename="..xml"), (item, "is not a plain name", correct)),
        "parent directory": (second(filename="../../etc/passwd"), (item, "is not a plain name", correct)),
        "empty name": (second(filename="."), (item, "is not a plain name", correct)),
        "device": (second(filename="NUL.xml"), (item, "cannot be used on Windows hosts", correct)),
        "manifest": (second(filename=".ms_offline_license.json"), (item, "reserved for the manifest", correct)),
        "several problems": (
            {"licenses": [{**good, "product_id": "x"}, other, {**good, "content_id": "y"}]},
            ("item 1 (x/", f"item 3 ({product}/0015/y)", correct),
        ),
        "without dest, too": ({**second(content_id="x"), "dest": None}, (item, "not a GUID", correct)),
    }
    _all(lab, cases)
    assert lab.files("linux1") == {}


@pytest.mark.once
def test_unquoted_sku(lab: Lab) -> None:
    """YAML reads an unquoted 0015 as the number 13: the message says so and how to write it."""
    wanted = lab.emulator.product(0).request()
    playbook = lab.directory / "play.yml"
    playbook.write_text(
        f"""
- hosts: all
  gather_facts: false
  tasks:
    - name: stage
      {MODULE}:
        licenses:
          - product_id: {wanted["product_id"]}
            sku_id: 0015
            content_id: {wanted["content_id"]}
        dest: "{{{{ stage }}}}"
""",
        encoding="utf-8",
    )
    run = lab.run_plays(str(playbook))
    # What to write is the SKU that was meant, and 13 is not it.
    _refused(run, {"stage": (wanted["product_id"], "unquoted 0015", "number 13", "in quotes", 'sku_id: "0015"')})


def test_options(lab: Lab) -> None:
    """What the options themselves say: unknown ones, wrong types, combinations, values out of range."""
    good = lab.emulator.product(0).request()
    (lab.stage("linux1") / "file").write_text("not a directory")
    absent = str(lab.directory / "absent.pem")
    cases: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "unknown option": ({**good, "destination": "/tmp"}, ("destination", "ansible-doc")),
        "unknown suboption": ({"licenses": [{**good, "file_name": "a.xml"}]}, ("file_name", "licenses", "filename")),
        "wrong type": ({**good, "max_concurrency": "many"}, ("max_concurrency", " int")),
        "wrong bool": ({**good, "prune": "perhaps"}, ("prune", "perhaps")),
        "wrong choice": ({**good, "format": "pem"}, ("format", "xml", "base64")),
        "wrong service": ({**good, "service": "store"}, ("service", "store_for_business")),
        "no license": ({}, ("licenses", "product_id")),
        "half an id": ({"product_id": good["product_id"]}, ("content_id is missing", "store_licensing finds it")),
        "half an item": ({"licenses": [{"product_id": good["product_id"]}]}, ("content_id is missing", "item 1")),
        "missing suboption": ({"licenses": [{"content_id": good["content_id"]}]}, ("product_id", "licenses")),
        "two forms": ({**good, "licenses": [good]}, ("mutually exclusive", "licenses", "product_id")),
        "no concurrency": ({**good, "max_concurrency": 0}, ("max_concurrency is 0", "from 1 to 1000")),
        "no time": ({**good, "timeout": 0}, ("timeout is 0", "more than 0")),
        "negative deadline": ({**good, "deadline": -1}, ("deadline is -1", "more than 0")),
        "negative retries": ({**good, "max_retries": -1}, ("max_retries is -1", "from 0 to 1000")),
        "unknown cloud": ({**good, "cloud": "moon"}, ("cloud", "moon", "public", "usgov")),
        "http service": ({**good, "base_url": "http://localhost:1"}, ("base_url", "only go over https", "https URL")),
        "http authority": (
            {**good, "authority": "http://localhost:1"},
            ("authority", "only go over https", "https URL"),
        ),
        "version in URL": ({**good, "base_url": lab.emulator.store + "/V1"}, ("base_url", "without the version path")),
        "no URL": ({**good, "base_url": "https://"}, ("base_url is not a URL", "https://host.example")),
        "no CA file": ({**good, "ca_path": absent}, (absent, "cannot be read", "PEM")),
        "no directory": ({**good, "dest": "{{ stage }}/none"}, ("/none", "does not exist", "Create it first")),
        "a file": ({**good, "dest": "{{ stage }}/file"}, ("/file", "dest is not a directory", "Set dest")),
        "a file, own license": (
            {"licenses": [{**good, "license_blob": "x"}], "dest": "{{ stage }}/file"},
            ("/file", "dest is not a directory"),
        ),
    }
    run = _all(lab, cases)
    unknown = run.error("linux1", "unknown option")
    assert "unsupported option destination" in unknown


@pytest.mark.once
def test_credentials(lab: Lab) -> None:
    """Missing, contradictory and unusable credentials: the options and variables that would do are named."""
    emulator = lab.emulator
    good = emulator.product(0).request()
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra}
    ids = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id}
    secret = {"client_secret": emulator.client_secret}
    broken = lab.directory / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    empty = lab.directory / "empty.jwt"
    empty.write_text("\n")
    absent = str(lab.directory / "absent.pem")
    encrypted = emulator.encrypted_certificate_path
    password = "client_certificate_password (environment AZURE_CLIENT_CERTIFICATE_PASSWORD)"
    cases: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "none": (
            ids,
            (
                *("no credential is set", "client_secret (environment AZURE_CLIENT_SECRET or AZURE_SECRET)"),
                *("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "MSDEVICES_REFRESH_TOKEN"),
                *("MSDEVICES_ACCESS_TOKEN", "managed_identity"),
            ),
        ),
        "no ids": (
            secret,
            ("tenant_id and client_id are not set", "AZURE_TENANT_ID or AZURE_TENANT", "AZURE_CLIENT_ID"),
        ),
        "no tenant": ({**ids, **secret, "tenant_id": ""}, ("tenant_id is not set", "AZURE_TENANT_ID or AZURE_TENANT")),
        "method without credential": (
            {**ids, "auth_method": "certificate"},
            ("client_certificate_path is not set", "AZURE_CLIENT_CERTIFICATE_PATH"),
        ),
        "several": (
            {**ids, **secret, "client_certificate_path": emulator.certificate_path},
            ("several credentials are set", "client_secret", "client_certificate_path", "Set auth_method"),
        ),
        "absent certificate": (
            {**ids, "client_certificate_path": absent},
            (absent, "cannot be read", "Check client_certificate_path"),
        ),
        "broken certificate": ({**ids, "client_certificate_path": str(broken)}, (str(broken), "no private key", "PFX")),
        "locked certificate": (
            {**ids, "client_certificate_path": encrypted},
            (encrypted, "encrypted and no password is set", f"Set {password}"),
        ),
        "wrong password": (
            {**ids, "client_certificate_path": encrypted, "client_certificate_password": "wrong password"},
            (encrypted, "does not open with the password", f"Check {password}"),
        ),
        "wrong password of PFX": (
            {**ids, "client_certificate_path": emulator.pfx_path, "client_certificate_password": "wrong password"},
            (emulator.pfx_path, "PFX", password),
        ),
        "absent federated token": (
            {**ids, "federated_token_file": absent},
            (absent, "cannot be read", "federated_token_file"),
        ),
        "empty federated token": ({**ids, "federated_token_file": str(empty)}, (str(empty), "is empty")),
        "line break in secret": (
            {**ids, "client_secret": f"{emulator.client_secret}\n"},
            ("client_secret", "line break", "AZURE_CLIENT_SECRET"),
        ),
        "tenant with a path": (
            {**ids, **secret, "tenant_id": "a/b"},
            ("tenant_id", "neither a GUID nor a domain name"),
        ),
    }
    with_ids = {name: ({**good, **options}, texts) for name, (options, texts) in cases.items()}
    run = _all(lab, with_ids)
    assert emulator.client_secret not in run.output + lab.log


@pytest.mark.once
def test_unknown_cloud_in_the_environment(lab: Lab) -> None:
    run = lab.run([lab.task(**lab.emulator.product(0).request())], environment={"AZURE_CLOUD_ENVIRONMENT": "AzureMoon"})
    _refused(run, {"stage": ("AZURE_CLOUD_ENVIRONMENT", "AzureMoon", "AzureUSGovernment")})


@pytest.mark.once
def test_a_failing_host_does_not_stop_others(new_lab: NewLab) -> None:
    lab = new_lab(linux=3, windows=["win1"])
    lab.stage("linux2").rmdir()
    run = lab.run([lab.task(licenses=lab.emulator.licenses(2)), {"name": "next", "ansible.builtin.debug": {}}])
    assert run.status == 2
    assert "does not exist" in run.error("linux2", "stage")
    assert ("linux2", "next") not in run.results
    for host in ("linux1", "linux3", "win1"):
        assert run.ok(host, "stage")["changed"] is True
        assert len(lab.files(host)) == 2
        run.ok(host, "next")
