# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the guides run as they are written, and their tables say what the sources say."""

from __future__ import annotations

import base64
import grp
import hashlib
import json
import os
import pwd
import re
import subprocess
import sys
from pathlib import Path

import msal
import pytest
import yaml
from emulator import partner_products

from ansible_collections.msdevices.provisioning.plugins.doc_fragments import _auth as auth
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import ENVIRONMENT
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.clouds import (
    CLOUDS,
    cloud_name,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.certificate import load_certificate
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.entra_errors import remedy_for

from .conftest import NewLab, Served
from .guides import DIRECTORY, Reader, literals, readme_blocks, table, text_of
from .harness import ROOT, Lab, default_name
from .partner import UNKNOWN, ids_of
from .test_provisioned_app_posix import make_image

pytestmark = pytest.mark.once

# What a test cannot do in seconds is said in the text of a guide, not shown as an example.


def test_each_guide_with_examples_has_a_test() -> None:
    """A test that runs the examples of a guide names it."""
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    guides = [path.stem for path in DIRECTORY.glob("*.rst")]
    assert guides
    assert not [name for name in guides if "code-block::" in text_of(name) and f'"{name}' not in tests]


def test_frequent_messages_are_those_of_the_code() -> None:
    """The messages that "guide_troubleshooting" explains stand in the code."""
    text = (
        text_of("guide_troubleshooting").partition("The ten most frequent messages")[2].partition("Codes of Entra")[0]
    )
    messages = re.findall(r"^``(.+?)``$", text, re.MULTILINE)
    assert len(messages) == 10
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "plugins").rglob("*.py"))
    # Permission denied is the operating system's.
    own = [re.split(r"[(…]", message)[0].strip() for message in messages if message != "Permission denied"]
    assert [message for message in own if message not in sources] == []


def test_lookups(new_lab: NewLab, served: Served) -> None:
    """On several hosts."""
    lab = new_lab(linux=2)
    emulator = lab.emulator
    reader = Reader(lab, "guide_lookups")
    assert len(reader.blocks) >= 4
    values = {"tenant": emulator.tenant_id, "app": emulator.client_id, "app_secret": emulator.client_secret}
    run, tasks = reader.run_tasks(vars={**values, "stage_dir": "{{ stage }}"})
    assert run.status == 0, run.output
    assert not [key for key, entry in run.results.items() if entry["state"] != "ok"]
    assert {task for _host, task in run.results} == {task["name"] for task in tasks}
    documents = [served(ids) for ids in reader.ids]
    blobs = {f"{ids['product_id']}.bin": base64.b64encode(served(ids)) for ids in reader.ids}
    for host in lab.linux:
        assert lab.files(host) == {"license.xml": documents[0], "fetched.xml": documents[0], **blobs}
    assert run.license_requests == 2


def _published(lab: Lab) -> dict[str, str]:
    """Let git find the sources, as they are, where they will be published; return the environment for that."""
    sources = lab.directory / "published"
    tools = str(ROOT / "tests" / "tools")
    script = f"import sys, pathlib; sys.path.insert(0, {tools!r}); import source_tree as tree;"
    script += f"tree.copy_sources(pathlib.Path({str(sources)!r}))"
    subprocess.run([sys.executable, "-c", script], check=True)
    git = ["git", "-C", str(sources), "-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]
    for command in (["init", "--quiet"], ["add", "--force", "."], ["commit", "--quiet", "--message", "sources"]):
        subprocess.run([*git, *command], check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{sources}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/msdevices/msdevices.provisioning",
    }


def test_first_license_of_the_emulator(new_lab: NewLab, served: Served) -> None:
    """The part for those who have no access: with an emulator of their own."""
    lab = new_lab()
    reader = Reader(lab, "guide_first_license")
    reader.save_files()
    clone, start, run = reader.shell()[:3]
    checkout = lab.directory / "msdevices.provisioning"
    session = reader.run_shell([clone], **_published(lab))
    assert session.status == 0, session.output
    # What make sets up before it runs the demonstration: an environment (here, that of the tests), and a link.
    (checkout / ".build" / "collections" / "ansible_collections" / "msdevices").mkdir(parents=True)
    (checkout / ".build" / "collections" / "ansible_collections" / "msdevices" / "provisioning").symlink_to(checkout)
    (checkout / ".build" / "demo").symlink_to(sys.prefix)

    lab.environment = {}
    again = [start, run, run]
    session = reader.run_shell(again)
    assert session.status == 0, session.output
    name = default_name(lab.emulator.product(0).request())
    assert session.output.count(name) == 2
    assert name in text_of("guide_first_license")
    assert session.output.count("changed=2") == session.output.count("changed=0") == 1
    # The emulator that played along was another one: the shell's own.
    assert lab.emulator.count() == 0
    document = (lab.directory / "licenses" / name).read_bytes()
    assert b"SPLicenseBlock" in document
    assert len(document) == len(served(lab.emulator.product(0).request()))


def _save_host_vars(lab: Lab, **linux: str) -> None:
    """Let the hosts of an inventory beside be those of the lab."""
    groups = json.loads(lab.inventory.read_text(encoding="utf-8"))
    (lab.directory / "host_vars").mkdir()
    for group, variables in (("linux", linux), ("windows", {})):
        for name, values in groups[group]["hosts"].items():
            path = lab.directory / "host_vars" / f"{name}.json"
            path.write_text(json.dumps({**values, **variables}), encoding="utf-8")


def test_first_license(new_lab: NewLab, served: Served) -> None:
    """The part for those who have access, with either service."""
    lab = new_lab(linux=["builder-1"])
    emulator = lab.emulator
    directory = lab.directory / "srv"
    values = {"/srv/image": str(directory), "the-first-refresh-token": emulator.public_refresh_token}
    reader = Reader(lab, "guide_first_license", values)
    assert reader.save_files() == ["first.yml", "inventory.yml", "licenses.yml", "successor.yml"]
    _save_host_vars(lab)
    directory.mkdir()
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra}
    sign_in, first, second, successor = reader.shell()[3:]
    session = reader.run_shell([sign_in, first, second, successor])
    assert session.status == 0, session.output

    def requests(number: int) -> list[str]:
        return [item["listener"] for item in session.requests(number) if "/discovery/" not in item["path"]]

    assert requests(1).count("store") == 1
    assert requests(2) == []
    assert requests(3).count("catalog") == 1
    assert requests(3).count("licensing") == 1
    staged = {path.name: path.read_bytes() for path in (directory / "licenses").glob("*.xml")}
    assert staged == {default_name(ids): served(ids) for ids in reader.ids}
    token = (lab.home / "tokens" / "refresh-token").read_text(encoding="utf-8").strip()
    assert token
    assert token != emulator.public_refresh_token


# By what each example of the guide on signing in gets its token, as the emulator verified it; some get none.
_GRANTS = {
    "Sign in with a client secret": "client_credentials/client_secret",
    "Sign in with a certificate": "client_credentials/certificate",
    "Sign in with a certificate in a file that has a password": "client_credentials/certificate",
    "Sign in with a federated token": "client_credentials/federated_token",
    "Sign in with the identity of the machine": "managed_identity",
    "Sign in with a user-assigned identity": "managed_identity",
    "Sign in as a user, by a public application": "refresh_token/none",
    "Sign in as a user, by a confidential application": "refresh_token/certificate",
    "Come with a ready token": None,
    "Find content ids with one token, and get licenses with another": None,
    "Look up the offers in the cloud for US Government": "client_credentials/client_secret",
}


def test_sign_in(new_lab: NewLab) -> None:
    lab = new_lab()
    emulator = lab.emulator
    kept = lab.directory / "refresh-token"
    files = {
        "/etc/images/app.pem": emulator.certificate_path,
        "/etc/images/app.pfx": emulator.pfx_path,
        "/var/run/secrets/tokens/azure": emulator.federated_token_file,
        "/var/lib/images/refresh-token": str(kept),
    }
    reader = Reader(lab, "guide_sign_in", files)
    lab.environment = {
        "AZURE_AUTHORITY_HOST": emulator.entra,
        "IDENTITY_ENDPOINT": emulator.identity_endpoint,
        "IDENTITY_HEADER": emulator.identity_header,
    }
    secrets = {
        "vaulted_secret": emulator.client_secret,
        "vaulted_password": emulator.certificate_password,
        "first_refresh_token": emulator.public_refresh_token,
        "refresh_token_of_the_web_application": emulator.refresh_token,
        "ready_token": emulator.access_tokens["store"],
        "ready_licensing_token": emulator.access_tokens["licensing"],
        "ready_catalog_token": emulator.access_tokens["catalog"],
    }
    run, tasks = reader.run_tasks(vars=secrets)
    assert run.status == 0, run.output
    assert [task["name"] for task in tasks] == list(_GRANTS)
    for task in tasks:
        result = run.ok("linux1", task["name"])
        assert result.get("passed", True) is True, result
    notes = [item["note"] for item in run.requests if item["note"] and "discovery" not in item["note"]]
    assert notes == [grant for grant in _GRANTS.values() if grant]
    assert kept.read_text(encoding="utf-8").strip() != emulator.public_refresh_token
    assert len(run.ok("linux1", list(_GRANTS)[-1])["offers"]) > 1
    assert not [secret for secret in secrets.values() if secret in run.output + lab.log]

    assert reader.save_files() == ["check.yml"]
    certificate, check = reader.shell()
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra}
    session = reader.run_shell([certificate, check])
    assert session.status == 0, session.output
    assert "service_call" in session.output
    key, own = load_certificate(str(lab.directory / "app.pem"), "")
    assert "PRIVATE KEY" in key
    assert own in (lab.directory / "certificate.pem").read_text(encoding="utf-8")
    assert (lab.directory / "app.pem").stat().st_mode & 0o077 == 0


def test_sign_in_tables() -> None:
    """What the guide says of names and addresses is what the plugins use."""
    guide = "guide_sign_in"
    variables = {literals(row[0])[0]: tuple(literals(row[1])) for row in table(guide, "Environment variables")}
    assert variables == ENVIRONMENT
    addresses = {tuple(literals(cell)[0] for cell in row) for row in table(guide, "Addresses by cloud")}
    assert addresses == {
        (name, cloud.authority, cloud.services["partner_center"].base_url) for name, cloud in CLOUDS.items()
    }
    assert all(one.base_url == one.audience for one in (cloud.services["partner_center"] for cloud in CLOUDS.values()))
    methods = [literals(row[0])[0] for row in table(guide, "Which service admits which method")]
    options = yaml.safe_load(auth.ModuleDocFragment.DOCUMENTATION)["options"]
    assert methods == [name for name in options["auth_method"]["choices"] if name != "auto"]
    text = text_of(guide)
    assert {cloud_name(None, name) for name in re.findall(r"``(Azure\w+)``", text)} == CLOUDS.keys()
    # Each has a section of its own.
    assert all(f"\n{name}\n{'-' * len(name)}\n" in text for name in methods)
    for service in ("store_for_business", "store_licensing", "store_catalog"):
        assert f"``{CLOUDS['public'].services[service].audience}``" in text
    methods_of_msal = re.findall(r"``(\w+_device_flow)``", text)
    assert len(methods_of_msal) == 2
    assert all(callable(getattr(msal.PublicClientApplication, name)) for name in methods_of_msal)
    codes = re.findall(r"AADSTS\d+", text)
    assert codes
    assert not [code for code in codes if remedy_for(code) == remedy_for("AADSTS1")]


def test_partner_center(new_lab: NewLab) -> None:
    """The tasks, and the report that is written by a command."""
    lab = new_lab()
    emulator = lab.emulator
    reports, token = lab.directory / "reports", lab.directory / "refresh-token"
    reports.mkdir()
    token.write_text(emulator.refresh_token, encoding="utf-8")
    token.chmod(0o600)
    sku = partner_products.products()[partner_products.product_id(4)].skus[2]
    replace = {"CFQ7TTC0LH18:0001": f"{sku.product_id}:{sku.id}", "/srv/reports": str(reports)}
    reader = Reader(lab, "guide_partner_center", replace)
    old_list = emulator.offer_ids(5, start=2)
    variables = {"old_list": [*old_list, UNKNOWN], "token_file": str(token), "price_dir": "{{ stage }}"}
    run, tasks = reader.run_tasks(vars=variables)
    assert run.status == 0, run.output
    order, find, show, keep = (run.ok("linux1", task["name"]) for task in tasks)
    availability = partner_products.availability_id(sku, "commercial", 0, "US", 0)
    assert order["msg"] == f"{sku.product_id}:{sku.id}:{availability}"
    assert (ids_of(find), find["not_found"]) == (old_list, [UNKNOWN])
    assert list(show["msg"]) == old_list
    assert any(show["msg"].values())
    prices = lab.files("linux1")["licenses.csv"]
    assert (len(prices), keep["sha256"]) == (keep["size"], hashlib.sha256(prices).hexdigest())
    assert b",UnitPrice," in prices.splitlines()[0]

    options = {"base_url": emulator.partner_public, "ca_path": emulator.ca_path}
    (lab.directory / "group_vars").mkdir()
    variables = {"partner_offer_report_options": options}
    (lab.directory / "group_vars" / "all.json").write_text(json.dumps(variables), encoding="utf-8")
    session = reader.run_shell(reader.shell())
    assert session.status == 0, session.output
    assert sorted(path.name for path in reports.iterdir()) == ["offers-us.csv", "offers-us.html", "offers-us.json"]
    report = json.loads((reports / "offers-us.json").read_text(encoding="utf-8"))
    assert report["offers"] == emulator.offers()
    assert any(report["successors"].values())


def test_build_hosts(new_lab: NewLab, served: Served) -> None:
    """Windows and Linux hosts in the inventory of the guide; only what a connection leads to is played."""
    guide = "guide_build_hosts"
    lab = new_lab(linux=["builder-linux"], windows=["builder-winrm", "builder-psrp", "builder-ssh"])
    emulator = lab.emulator
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    directory = lab.directory / "srv"
    directory.mkdir()
    reader = Reader(lab, guide, {"/srv/image": str(directory)})
    wanted = reader.ids
    documents = {default_name(ids): served(ids) for ids in wanted}

    reader.save_files()
    _save_host_vars(lab, offline_licenses_owner=user, offline_licenses_group=group, ansible_become_user=user)
    session = reader.run_shell(reader.shell())
    assert session.status == 0, session.output
    paths = [item["path"] for item in session.requests(0)]
    assert sum("/OfflineLicense/" in path for path in paths) == len(wanted) == 2
    assert sum("/oauth2/v2.0/token" in path for path in paths) == 1
    for host in lab.windows.names:
        tree = lab.windows.tree(host, r"C:\Images\licenses")
        assert {path.rpartition("\\")[2]: data for path, data in tree.items() if path.endswith(".xml")} == documents
        # The command for DISM names a file that is there.
        (dism,) = [block.text for block in reader.blocks if block.language == "powershell"]
        assert reader.replaced(dism).partition("/LicensePath:")[2].strip() in tree
    staged = directory / "licenses"
    assert {path.name: path.read_bytes() for path in staged.glob("*.xml")} == documents
    assert {path.stat().st_mode & 0o777 for path in staged.glob("*.xml")} == {0o640}
    assert staged.stat().st_mode & 0o777 == 0o750

    archive = lab.directory / "license.bin"
    archive.write_bytes(base64.b64encode(served(wanted[0])))
    names = {"configuration_manager_dir": "bin", "templates_dir": "templates", "archive_stage_dir": "archive"}
    for name in names.values():
        (lab.stage("builder-linux") / name).mkdir()
    variables = {name: "{{ stage }}/" + value for name, value in names.items()}
    lab.environment = emulator.environment()
    run, tasks = reader.run_tasks(hosts="builder-linux", vars={**variables, "archive_file": str(archive)})
    assert run.status == 0, run.output
    assert len(tasks) == 3
    # The one for the templates, after the one for Configuration Manager, and the one from the archive cost nothing.
    assert run.license_requests == 1
    name = default_name(wanted[0])
    found = _files_below(lab.stage("builder-linux"))
    assert found[f"bin/{default_name(wanted[0], 'base64')}"] == base64.b64encode(documents[name])
    assert found[f"archive/{name}"] == documents[name]
    assert b"AddLicense" in found["templates/add_licenses.xml"]
    assert b"UniversalAppInstall" in found["templates/customizations.xml"]


def _files_below(top: Path) -> dict[str, bytes]:
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def test_readme(new_lab: NewLab, served: Served) -> None:
    lab = new_lab()
    emulator = lab.emulator
    directory = lab.directory / "srv"
    directory.mkdir()
    token = lab.directory / "refresh-token"
    files = {"/srv/image": str(directory), "/etc/images/refresh-token": str(token)}
    reader = Reader(lab, readme_blocks(), files)
    groups = lab.directory / "groups.json"
    groups.write_text(json.dumps({"image_builders": {"children": {"linux": {}}}}), encoding="utf-8")
    variables = {
        "tenant": emulator.tenant_id,
        "app": emulator.client_id,
        "stage_dir": "{{ stage }}",
        "apps_dir": str(lab.directory / "apps"),
        "install_wim": str(lab.directory / "install.wim"),
        "msdevices_ca_path": emulator.ca_path,
    }
    # The first sign-in by the file is not shown; it brings the token.
    token.write_text(emulator.refresh_token, encoding="utf-8")
    token.chmod(0o600)
    (lab.directory / "apps").mkdir()
    make_image(lab.directory)
    run, tasks = reader.run_tasks("-i", str(groups), vars=variables)
    assert run.status == 0, run.output
    assert len(tasks) >= 4
    for task in tasks:
        assert run.ok("linux1", task["name"])
    (ids,) = reader.ids
    document = served(ids)
    assert lab.files("linux1") == {default_name(ids): document}
    (app,) = run.ok("linux1", "Provision the app in the image")["apps"]
    assert (app["state"], app["package_family_name"]) == ("prepared", emulator.product(1).package_family_name)
    assert (directory / "licenses" / default_name(ids)).read_bytes() == document
    assert len(run.ok("linux1", "Look up two offers")["offers"]) == 2
    assert run.ok("linux1", "Show a template")["msg"]
