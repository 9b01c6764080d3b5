# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real image: what is in it, and every part of the collection at work in it."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from typing import Any

import pytest
import yaml
from emulator import partner_products
from emulator.client import Emulator
from image_builder import PYTHON
from packaging.version import Version
from results import ROOT

from .job import PRIVATE_DATA, PROJECT, Controller, Job, in_container

PREFIX = "msdevices.provisioning."
STAGE = f"{PREFIX}stage_offline_licenses"
# They are not for jobs: they need the API of a controller, which is nothing that the collection provides.
# A job has nobody to type a code into a browser.
NOT_FOR_JOBS = {f"{PREFIX}configure_controller", f"{PREFIX}sign_in"}
PLACES = {"authority": "{{ emulator.entra }}", "ca_path": "{{ emulator.ca_path }}"}
STORE = {**PLACES, "base_url": "{{ emulator.store }}"}
PARTNER = {**PLACES, "base_url": "{{ emulator.partner }}"}
STAGING = {
    "offline_licenses_hosts": "all",
    "offline_licenses_list": "{{ licenses }}",
    "offline_licenses_dest": "{{ work }}/stage",
}
#: The playbooks of the collection, and what they are told.
PLAYBOOKS = {
    STAGE: {**STAGING, **{f"offline_licenses_{name}": value for name, value in STORE.items()}},
    f"{PREFIX}partner_offer_report": {
        "partner_offer_report_hosts": "build_hosts",
        "partner_offer_report_country": "US",
        "partner_offer_report_dest": "{{ work }}/offers.html",
        "partner_offer_report_options": PARTNER,
    },
    f"{PREFIX}build_image_apps": {
        "store_apps_hosts": "all",
        "store_apps_list": ["{{ licenses[0].product_id }}"],
        "store_apps_dest": "{{ work }}/apps",
        # The image has no wimtools: WIM files lie on build hosts.
        "store_apps_steps": ["packages"],
        "store_apps_delivery_base_url": "{{ emulator.delivery }}",
        "store_apps_catalog_base_url": "{{ emulator.catalog }}",
        "store_apps_download_hosts": ["localhost"],
        "store_apps_ca_path": "{{ emulator.ca_path }}",
    },
    f"{PREFIX}check_access": {"check_access_options": {"store_for_business": STORE, "partner_center": PARTNER}},
}
OFFERS = 2
LICENSES = 4


@pytest.fixture(scope="module")
def controller(image: str, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Controller:
    """A controller with the credential that it calls Microsoft Azure Resource Manager."""
    credentials = {
        "AZURE_TENANT": emulator.tenant_id,
        "AZURE_CLIENT_ID": emulator.client_id,
        "AZURE_SECRET": emulator.client_secret,
        "AZURE_CLOUD_ENVIRONMENT": "AzureCloud",
    }
    return Controller(image, tmp_path_factory.mktemp("controller"), emulator, credentials)


@pytest.fixture(scope="module")
def variables(emulator: Emulator) -> dict[str, Any]:
    """What the playbooks of the project have to know."""
    return {
        "licenses": emulator.licenses(LICENSES),
        "offer_ids": emulator.offer_ids(OFFERS),
        "partner_product": partner_products.product_id(4),
        "prices_token": emulator.access_tokens["prices"],
        "emulator": {
            "entra": emulator.entra,
            "store": emulator.store,
            "catalog": emulator.catalog,
            "delivery": emulator.delivery,
            "partner": emulator.partner_public,
            "prices": emulator.prices,
            "ca_path": f"{PRIVATE_DATA}/ca.pem",
        },
    }


@pytest.fixture(scope="module")
def smoke(controller: Controller, variables: dict[str, Any]) -> Job:
    """The job that uses everything."""
    return controller.run({"smoke.yml": {}, **PLAYBOOKS}, variables)


def test_contents(image: str) -> None:
    """The collections, the libraries and the programs are there, and they get along; nothing of the build is."""
    collections = json.loads(in_container(image, "ansible-galaxy", "collection", "list", "--format", "json"))
    found = {name: entry["version"] for tree in collections.values() for name, entry in tree.items()}
    assert found[PREFIX[:-1]] == yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    assert Version(found["ansible.windows"]) >= Version("1.14.0")

    freeze = in_container(image, "sh", "-c", f"{PYTHON} -m pip check >&2 && {PYTHON} -m pip freeze")
    versions = dict(line.split("==") for line in freeze.splitlines() if "==" in line)
    assert {"requests", "msal", "pypsrp", "pywinrm", "ansible-runner"} <= versions.keys()
    assert Version("2.16") <= Version(versions["ansible-core"]) < Version("2.22")

    look = "command -v ssh && command -v sshpass && command -v ansible-playbook && id -u && test ! -e /output"
    assert in_container(image, "sh", "-c", look).split() == [
        "/usr/bin/ssh",
        "/usr/bin/sshpass",
        "/usr/local/bin/ansible-playbook",
        "1000",
    ]


def test_everything_was_used(smoke: Job) -> None:
    """The job used each module, lookup, role and playbook of the collection: what is new needs a place in it."""
    playbook = (PROJECT / "smoke.yml").read_text(encoding="utf-8")
    assert content("plugins/modules", ".py") == {name for name in smoke.actions if name.startswith(PREFIX)}
    assert content("plugins/lookup", ".py") == set(re.findall(r"lookup\('(msdevices[^']+)'", playbook))
    assert content("roles", "") == smoke.roles
    assert content("playbooks", ".yml") - NOT_FOR_JOBS == PLAYBOOKS.keys()
    for name in PLAYBOOKS:
        source = ROOT / "playbooks" / f"{name.removeprefix(PREFIX)}.yml"
        assert {play["name"] for play in yaml.safe_load(source.read_text(encoding="utf-8"))} <= smoke.plays


def test_results(smoke: Job, variables: dict[str, Any], emulator: Emulator, controller: Controller) -> None:
    """Each returned what the services have."""
    wanted = variables["licenses"]
    product = smoke.result("Look up a product")["products"][0]
    assert wanted[0]["content_id"] in product["content_ids"]
    fetched = smoke.result("Get a license")["licenses"][0]
    assert (fetched["state"], fetched["content_id"]) == ("fetched", wanted[0]["content_id"])
    assert wanted[0]["content_id"] in fetched["document"]
    offers = {offer["id"]: offer for offer in emulator.offers()}
    assert smoke.result("Get offers")["offers"] == [offers[name] for name in variables["offer_ids"]]
    assert smoke.result("Get categories")["categories"]
    assert smoke.result("Walk to the service")["passed"] is True
    assert smoke.result("Find packages")["apps"][0]["files"]
    assert [item["id"] for item in smoke.result("Get a product")["products"]] == [variables["partner_product"]]
    assert (controller.work / "prices.csv").stat().st_size > 1000
    assert list((controller.work / "apps" / wanted[0]["product_id"]).glob("*.msixbundle"))
    facts = smoke.result("Look a license, an offer and a product up")["ansible_facts"]
    assert facts["product"]["id"] == variables["partner_product"]
    assert facts["offer"] == offers[variables["offer_ids"][0]]
    assert wanted[1]["content_id"] in facts["license_document"]

    templates, stage = controller.work / "templates", controller.work / "stage"
    assert wanted[2]["content_id"] in (templates / "add_licenses.xml").read_text(encoding="utf-8")
    assert (templates / "customizations.xml").exists()
    files = {path.name: path.read_text(encoding="utf-8") for path in stage.glob("*_License1.xml")}
    assert len(files) == LICENSES
    assert files.keys() == {"{product_id}_{sku_id}_{content_id}_License1.xml".format(**ids) for ids in wanted}
    assert all(name.split("_")[2] in text for name, text in files.items())
    # The same license, by the module and on the host.
    assert fetched["document"] in files.values()
    assert base64.b64decode(fetched["license_blob"]).decode() == fetched["document"]
    assert all(name in (controller.work / "offers.html").read_text(encoding="utf-8") for name in offers)
    assert smoke.recap["failures"] == {}


def test_requests(smoke: Job, variables: dict[str, Any]) -> None:
    """However many plugins want it, each thing is asked for once in the job."""
    licenses = Counter(item["path"] for item in smoke.requests if "/OfflineLicense/" in item["path"])
    assert len(licenses) == LICENSES
    assert set(licenses.values()) == {1}
    offers = [item["path"] for item in smoke.requests if item["path"].rsplit("/", 1)[-1] in variables["offer_ids"]]
    assert len(offers) == OFFERS
    # One for each of the three services, which all that ask it share; and one for each of the three walks, which really
    # ask.
    assert len([item for item in smoke.requests if "/oauth2/v2.0/token" in item["path"]]) == 3 + 3
    assert {item["status"] for item in smoke.requests} == {200}


def test_the_next_job(smoke: Job, controller: Controller, variables: dict[str, Any]) -> None:
    """The staging job, in a new container with new private data: no change and no request."""
    job = controller.run({STAGE: STAGING}, variables)
    assert job.actions >= {f"{PREFIX}ms_offline_license"}
    assert job.recap["ok"]["build1"] > 0
    assert job.recap["changed"] == {}
    assert job.recap["failures"] == {}
    assert job.requests == []


def content(folder: str, suffix: str) -> set[str]:
    """The full names of what a folder of the collection holds."""
    entries = [path for path in (ROOT / folder).iterdir() if path.suffix == suffix and path.name[0] not in "._"]
    assert entries
    return {PREFIX + path.name.removesuffix(suffix) for path in entries}
