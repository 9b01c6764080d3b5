# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role store_apps and the playbook build_image_apps: from a list of products to images with the apps."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from emulator.client import Emulator
from license_services import LicenseService

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec import (
    offline_license,
    provisioned_app,
    store_package,
)

from .conftest import NewLab
from .harness import ROOT, STAGE, Lab, Run

ROLE = "msdevices.provisioning.store_apps"
PLAYBOOK = "msdevices.provisioning.build_image_apps"
_HOSTS = ("linux1", "win1")
_DEST = r"{{ stage ~ ('\apps' if ansible_connection == 'windows_standin' else '/apps') }}"
_REPORT = {"name": "report", "ansible.builtin.debug": {"var": "store_apps_report"}}


def _image(directory: Path) -> Path:
    tree = directory / "tree"
    (tree / "Windows" / "System32").mkdir(parents=True)
    path = directory / "install.wim"
    _wimlib("capture", tree, path, "Windows 11 Pro")
    _wimlib("info", path, 1, "--image-property=WINDOWS/ARCH=9")
    return path


def _wimlib(*arguments: object) -> str:
    return subprocess.run(["wimlib-imagex", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def lab(new_lab: NewLab, emulator: Emulator) -> Lab:
    """A Linux host with an image file, and a Windows host whose running system gets the apps."""
    lab = new_lab(windows=["win1"])
    image = _image(lab.stage("linux1"))
    inventory = json.loads(lab.inventory.read_text())
    inventory["linux"]["hosts"]["linux1"] |= {"store_apps_image_file": str(image), "store_apps_index": 1}
    lab.inventory.write_text(json.dumps(inventory))
    lab.environment = LicenseService(emulator, "store_licensing").environment
    lab.defaults = {}
    return lab


def _variables(lab: Lab, products: Any, **more: Any) -> dict[str, Any]:
    emulator = lab.emulator
    service = LicenseService(emulator, "store_licensing")
    values = {
        "list": products,
        "dest": _DEST,
        "license_base_url": service.base_url,
        "delivery_base_url": emulator.delivery,
        "catalog_base_url": emulator.catalog,
        "ca_path": emulator.both_ca_path,
        "download_hosts": ["localhost"],
        "package_cache": str(lab.directory / "cache"),
        **more,
    }
    return {f"store_apps_{name}": value for name, value in values.items()}


def _run(lab: Lab, variables: dict[str, Any], *arguments: str) -> Run:
    """Run the role alone, and then a look at its report."""
    play = {**lab.play([_REPORT], module_defaults={}), "roles": [{"role": ROLE, "vars": variables}]}
    return lab.run_plays([play], *arguments)


def _report(run: Run, host: str) -> dict[str, Any]:
    return dict(run.ok(host, "report")["store_apps_report"])


def _prepared(lab: Lab) -> list[str]:
    """What is prepared in the image of the Linux host: the names of the apps' files."""
    return [
        line.rpartition("apps/")[2]
        for line in _wimlib("dir", lab.stage("linux1") / "install.wim", 1).splitlines()
        if "msdevices/apps/" in line
    ]


@pytest.mark.once
def test_build_image_apps(lab: Lab) -> None:
    """Two apps, one with a content id for arm64 beside that for x64, on both kinds of hosts; then 0 requests."""
    products = [lab.emulator.product(0), lab.emulator.product(7)]
    text = "# for all images\n" + "\n".join(f"{one.product_id}  # {one.index}" for one in products)
    variables = {**_variables(lab, text), "store_apps_hosts": "all"}
    arguments = ("-e", json.dumps(variables))
    first = lab.run_plays(PLAYBOOK, *arguments)
    assert first.status == 0, first.output
    assert first.license_requests == 2
    for host in _HOSTS:
        lines = first.ok(host, f"{ROLE} : Show the summary")["msg"]
        assert "2 apps, 2 changed, 0 unchanged, 0 failed" in lines[0]
        assert [line.split()[0] for line in lines[2:]] == [one.product_id for one in products]
        assert all("packages fetched, licenses 1 fetched, provisioning" in line for line in lines[2:])
        stats = first.ok(host, f"{ROLE} : Hand the counts on to later jobs")["ansible_stats"]["data"]
        counts = {"total": 2, "changed": 2, "unchanged": 0, "failed": 0}
        assert stats == {"store_apps_results": {host: counts}}
        provisioned = first.ok(host, f"{ROLE} : Provision the apps")["apps"]
        assert [one["license_content_id"] for one in provisioned] == [one.content_id for one in products]
    assert {one["family"] for one in lab.windows.provisioned("win1")} == {one.package_family_name for one in products}
    assert [name for name in _prepared(lab) if name.endswith("license.xml")] == ["001/license.xml", "002/license.xml"]
    checksum = (lab.stage("linux1") / "install.wim").read_bytes()

    second = lab.run_plays(PLAYBOOK, *arguments)
    assert second.status == 0, second.output
    assert (second.requests, second.connections) == ([], 0)
    assert not any(entry["result"].get("changed") for entry in second.results.values())
    assert (lab.stage("linux1") / "install.wim").read_bytes() == checksum
    for host in _HOSTS:
        # One line however many apps there are.
        (line,) = second.ok(host, f"{ROLE} : Show the summary")["msg"]
        assert "2 apps, 0 changed, 2 unchanged, 0 failed" in line
    full = lab.run_plays(PLAYBOOK, *arguments, "-e", "store_apps_summary=full", "--limit", "linux1")
    assert len(full.ok("linux1", f"{ROLE} : Show the summary")["msg"]) == 1 + 1 + 2


@pytest.mark.once
def test_partial_failure(lab: Lab) -> None:
    """What can be done is done, an image file gets all apps or none, and each reason comes once."""
    good, unlicensed = lab.emulator.product(0), lab.emulator.special("not_owned")
    missing = "9NBLGGHZZZZZ"
    shared = {"product_id": good.product_id.lower(), "architectures": ["x64", "arm64"]}
    products = [shared, {"product_id": unlicensed.product_id}, missing]
    before = (lab.stage("linux1") / "install.wim").read_bytes()
    page = lab.directory / "page.html"
    run = _run(lab, _variables(lab, products, page=str(page)))
    assert run.status == 2
    text = page.read_text(encoding="utf-8")
    assert text.count("<section>") == len(_HOSTS)
    assert text.count('<span class="badge failed">failed</span>') == 2 * len(_HOSTS)
    assert text.count("HTTP 403") == len(_HOSTS)
    assert "script" not in text
    for host in _HOSTS:
        message = run.error(host, f"{ROLE} : Fail when an app is not in place")
        assert "1 of 3 apps failed; the others are in place." in message
        assert message.count("HTTP 403") == 1, message
        assert "Could not stage 1 of 2 licenses:" in message
        assert "2 failed" in run.ok(host, f"{ROLE} : Show the summary")["msg"][0]
    message = run.error("linux1", f"{ROLE} : Fail when an app is not in place")
    assert "install.wim, since" in message
    assert (lab.stage("linux1") / "install.wim").read_bytes() == before
    assert (lab.stage("linux1") / "apps" / good.product_id).is_dir()
    assert [one["family"] for one in lab.windows.provisioned("win1")] == [good.package_family_name]

    refused = [
        ({"list": []}, "it is empty"),
        ({"list": [{"product_id": good.product_id, "version_": "1"}]}, "version_ is not known"),
        ({"list": [good.product_id], "service": "store_for_business"}, "has no content_ids"),
        ({"list": [good.product_id], "image_file": "", "image": ""}, "no image is named"),
        ({"list": [good.product_id], "dest": "apps"}, "is not an absolute path"),
    ]
    for changes, text in refused:
        run = _run(lab, _variables(lab, **{"products": [], **changes}), "--limit", "linux1")
        assert (run.status, run.requests) == (2, []), run.output
        assert text in run.output


@pytest.mark.once
def test_check_mode_and_steps(lab: Lab) -> None:
    """Check mode on empty hosts predicts all steps; single steps, with content ids of the user, do no more."""
    product = lab.emulator.product(0)
    run = _run(lab, _variables(lab, [product.product_id]), "--check", "--diff")
    assert run.status == 0, run.output
    for host in _HOSTS:
        report = _report(run, host)
        assert (report["changed"], report["failed"]) == (1, 0)
        (app,) = report["apps"]
        assert (app["packages"], app["provisioning"]) == ("fetched", "predicted")
        assert [one["state"] for one in app["licenses"]] == ["fetched"]
        assert "1 app, 1 to change" in run.ok(host, f"{ROLE} : Show the summary")["msg"][0]
    assert not (lab.stage("linux1") / "apps").exists()
    assert not lab.windows.exists("win1", rf"{STAGE}\apps")
    entry = {"product_id": product.product_id, "content_ids": [product.content_id]}
    run = _run(lab, _variables(lab, [entry], steps=["licenses"]))
    assert run.status == 0, run.output
    assert (run.catalog_requests, run.license_requests) == (0, 1)
    for host in _HOSTS:
        (app,) = _report(run, host)["apps"]
        assert (app["packages"], app["provisioning"], app["state"]) == (None, None, "changed")
    assert lab.windows.provisioned("win1") == []


def test_role_passes_every_option() -> None:
    """Each option of the modules but those that the role sets itself has a variable, which is described."""
    files = ROOT / "roles" / "store_apps"
    variables = yaml.safe_load((files / "vars" / "main.yml").read_text(encoding="utf-8"))
    described = yaml.safe_load((files / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    described = described["argument_specs"]["main"]["options"]
    attributes = {"mode", "owner", "group"}
    single = {"product_id", "sku_id", "content_id", "architecture", "language", "package_family_name"}
    sign_in = {*store_package.shared_options()} - {
        *("base_url", "ca_path", "deadline", "max_retries", "run_cache", "timeout", "validate_certs")
    }
    own = {
        "package": {"apps", "dest", "plan", "product_id", "version", *attributes, *sign_in},
        "license": {"licenses", "dest", "format", "force", *attributes, *single},
        "provisioning": {"apps", "state", *provisioned_app.apps_of({})[0]},
    }
    modules = {
        "package": store_package.specification(),
        "license": offline_license.specification(),
        "provisioning": provisioned_app.specification(),
    }
    renamed = {"package base_url": "delivery_base_url", "license base_url": "license_base_url"}
    renamed["provisioning architecture"] = "image_architecture"
    for kind, specification in modules.items():
        passed = list(variables[f"__store_apps_{kind}_option_names"])
        if kind == "provisioning":
            passed += variables["__store_apps_windows_option_names"] + variables["__store_apps_posix_option_names"]
        assert set(passed) == set(specification["argument_spec"]) - own[kind]
        names = [f"store_apps_{renamed.get(f'{kind} {one}', one)}" for one in passed]
        assert not [name for name in names if name not in described]
