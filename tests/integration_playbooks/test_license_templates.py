# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role license_templates: what it writes is parsed back, and ids and licenses are compared with the license document."""

from __future__ import annotations

import base64
import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from .conftest import Figure, NewLab, Served
from .harness import MANIFEST, Lab, Run

ROLE = "msdevices.provisioning.license_templates"
PACKAGE = "{urn:schemas-Microsoft-com:Windows-ICD-Package-Config.v1.0}"
SETTINGS = "{urn:schemas-microsoft-com:windows-provisioning}"
SYNCML = "{SYNCML:SYNCML1.2}"
METINF = "{syncml:metinf}"
LICENSE = "{urn:schemas-microsoft-com:windows:store:licensing:ls}"
#: Everything that XML treats as special, and what templates do.
HOSTILE = """<a href="x">'&amp;]]>&{{ 7 * 7 }}{% raw %}<!--é 写真 -->"""


def term(ids: Mapping[str, str]) -> str:
    """A license as a term of the lookup."""
    return "{product_id}/{sku_id}/{content_id}".format(**ids)


def run_role(lab: Lab, *arguments: str, before: list[dict[str, Any]] | None = None, **variables: Any) -> Run:
    """Run the role on all hosts of the lab, after other tasks."""
    lookup = {"msdevices_base_url": lab.emulator.store, "msdevices_ca_path": lab.emulator.ca_path}
    prefixed = {f"license_templates_{name}": value for name, value in variables.items()}
    prefixed.setdefault("license_templates_dest", "{{ stage }}")
    role = {"name": "role", "ansible.builtin.include_role": {"name": ROLE}, "vars": prefixed}
    return lab.run([*(before or []), role], *arguments, vars=lookup)


def facts(document: bytes) -> dict[str, str]:
    """What a license document says of itself."""
    root = ET.fromstring(document)
    assert root.tag == f"{LICENSE}License"
    return {
        "license_id": root.attrib["LicenseID"],
        "content_id": root.attrib["ContentID"],
        "product_id": root.findtext(f"{LICENSE}Binding/{LICENSE}ProductID") or "",
        "package_family_name": root.findtext(f"{LICENSE}Binding/{LICENSE}PFM") or "",
    }


def installs(customizations: bytes) -> ET.Element:
    """The element UniversalAppInstall of an answer file, and nothing beside it."""
    root = ET.fromstring(customizations)
    assert root.tag == "WindowsCustomizations"
    assert [child.tag for child in root] == [f"{PACKAGE}PackageConfig", f"{SETTINGS}Settings"]
    common = root.findall(f"{SETTINGS}Settings/{SETTINGS}Customizations/{SETTINGS}Common")
    assert len(common) == 1
    assert [child.tag for child in common[0]] == [f"{SETTINGS}UniversalAppInstall"]
    return common[0][0]


def license_installs(customizations: bytes) -> dict[str, str]:
    """LicenseProductId to file name."""
    found = {}
    for element in installs(customizations).findall(f"{SETTINGS}DeviceContextAppLicense/{SETTINGS}LicenseInstall"):
        assert element.attrib == {name: element.attrib["LicenseProductId"] for name in ("LicenseProductId", "Name")}
        found[element.attrib["LicenseProductId"]] = element.text or ""
    return found


def commands(syncml: bytes, root: str = "./Vendor/MSFT") -> dict[str, bytes]:
    """The name of the CSP's node to the license that is added there."""
    document = ET.fromstring(syncml)
    assert document.tag == f"{SYNCML}SyncML"
    body = document.findall(f"{SYNCML}SyncBody")
    assert len(body) == 1
    assert [child.tag for child in body[0]][-1] == f"{SYNCML}Final"
    found = {}
    for number, command in enumerate(body[0][:-1], 1):
        assert command.tag == f"{SYNCML}Exec"
        assert command.findtext(f"{SYNCML}CmdID") == str(number)
        item = command.findall(f"{SYNCML}Item")
        assert len(item) == 1
        location = item[0].findtext(f"{SYNCML}Target/{SYNCML}LocURI") or ""
        match = re.fullmatch(
            re.escape(root) + "/EnterpriseModernAppManagement/AppLicenses/StoreLicenses/([^/]+)/AddLicense", location
        )
        assert match, location
        assert item[0].findtext(f"{SYNCML}Meta/{METINF}Format") == "xml"
        data = item[0].find(f"{SYNCML}Data")
        assert data is not None
        assert not (data.text or "").strip()
        assert len(data) == 1
        assert data[0].tag.rpartition("}")[2] == "License"
        assert set(data[0].attrib) == {"Content"}
        found[match.group(1)] = base64.b64decode(data[0].attrib["Content"], validate=True)
    return found


def test_terms(lab: Lab, served: Served, figure: Figure) -> None:
    """Ids and licenses of both files agree with the documents; the two ids that are easily confused do differ."""
    wanted = lab.emulator.licenses(4)
    documents = [served(ids) for ids in wanted]
    # Both forms of a term.
    terms = [term(wanted[0]), "{product_id}/{content_id}".format(**wanted[1]), *map(term, wanted[2:])]
    apps = [
        {
            "product_id": wanted[0]["product_id"],
            "application_file": r"packages\Contoso.App.appxbundle",
            "dependency_files": [r"packages\x64\Microsoft.VCLibs.appx", r"packages/x86/Microsoft.NET.Native.appx"],
            "deployment_options": "Force target application shutdown",
        },
        {"package_family_name": "Fabrikam.App_8wekyb3d8bbwe", "application_file": "Fabrikam.msixbundle"},
        {"product_id": wanted[1]["product_id"].lower(), "application_file": "other.appx"},
    ]
    run = run_role(lab, licenses=terms, apps=apps, package_name="Kiosk", package_version="1.4", package_rank=7)
    assert run.status == 0, run.output
    assert (run.token_requests, run.license_requests) == (1, len(wanted))

    files = lab.files("linux1")
    names = {facts(document)["license_id"]: name for document in documents for name in files if files[name] == document}
    assert len(names) == len(wanted)
    assert all(name.endswith(".ms-windows-store-license") for name in names.values())
    assert files.keys() == {*names.values(), "customizations.xml", "add_licenses.xml"}
    assert license_installs(files["customizations.xml"]) == names
    assert commands(files["add_licenses.xml"]) == {facts(document)["content_id"]: document for document in documents}
    for ids, document in zip(wanted, documents, strict=True):
        said = facts(document)
        assert said["content_id"] == ids["content_id"]
        assert said["product_id"] == ids["product_id"]
        assert said["license_id"] != said["content_id"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in lab.stage("linux1").iterdir())

    config = ET.fromstring(files["customizations.xml"])[0]
    values = {child.tag.removeprefix(PACKAGE): child.text for child in config}
    identity = values.pop("ID") or ""
    assert identity == "{" + str(uuid.UUID(identity)) + "}"
    assert values == {"Name": "Kiosk", "Version": "1.4", "OwnerType": "ITAdmin", "Rank": "7"}
    found = installs(files["customizations.xml"]).findall(f"{SETTINGS}DeviceContextApp/{SETTINGS}Application")
    assert [app.attrib for app in found] == [
        {"PackageFamilyName": name, "Name": name}
        for name in (
            facts(documents[0])["package_family_name"],
            "Fabrikam.App_8wekyb3d8bbwe",
            facts(documents[1])["package_family_name"],
        )
    ]
    assert [app.findtext(f"{SETTINGS}ApplicationFile") for app in found] == [app["application_file"] for app in apps]
    dependencies = found[0].findall(f"{SETTINGS}DependencyAppxFiles/{SETTINGS}Dependency")
    assert [(entry.attrib["Name"], entry.text) for entry in dependencies] == [
        ("Microsoft.VCLibs.appx", r"packages\x64\Microsoft.VCLibs.appx"),
        ("Microsoft.NET.Native.appx", "packages/x86/Microsoft.NET.Native.appx"),
    ]
    assert [app.findtext(f"{SETTINGS}DeploymentOptions") for app in found] == [
        apps[0]["deployment_options"],
        None,
        None,
    ]
    assert [[child.tag.removeprefix(SETTINGS) for child in app] for app in found[1:]] == [["ApplicationFile"]] * 2

    again = run_role(lab, licenses=terms, apps=apps, package_name="Kiosk", package_version="1.4", package_rank=7)
    assert again.status == 0, again.output
    assert "changed=0" in again.stdout
    assert lab.files("linux1") == files
    figure(
        f"license_templates with {len(wanted)} terms: {run.token_requests} token request, {run.license_requests} license requests"
    )


def test_licenses_at_hand(lab: Lab, served: Served) -> None:
    """What the module returned, what a lookup returned, and terms, in one list and in its order."""
    wanted = lab.emulator.licenses(5)
    lab.defaults = {**lab.defaults, "licenses": wanted[:2]}
    fetch = {"name": "fetch", "msdevices.provisioning.ms_offline_license": {}, "register": "fetched"}
    looked_up = "{{ lookup('msdevices.provisioning.ms_offline_license', '%s', format='base64') }}" % term(wanted[3])
    run = run_role(
        lab,
        before=[fetch],
        licenses="{{ fetched.licenses + others }}",
        outputs=["syncml"],
        syncml_file="user.xml",
        syncml_scope="user",
    )
    assert run.status != 0
    assert "others" in run.output
    others = [term(wanted[2]), {**wanted[3], "license_blob": looked_up}, {**wanted[4], "sku_id": None}]
    run = run_role(
        lab,
        "-e",
        f"@{_variables(lab, others=others)}",
        before=[fetch],
        licenses="{{ fetched.licenses + others }}",
        outputs=["syncml"],
        syncml_file="user.xml",
        syncml_scope="user",
    )
    assert run.status == 0, run.output
    assert lab.files("linux1").keys() == {"user.xml"}
    added = commands(lab.files("linux1")["user.xml"], "./User/Vendor/MSFT")
    assert list(added.items()) == [(ids["content_id"], served(ids)) for ids in wanted]
    assert run.license_requests == len(wanted)


def _variables(lab: Lab, **values: Any) -> Path:
    import json

    path = lab.directory / "variables.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def test_hostile_values(lab: Lab) -> None:
    """Names and paths arrive as they were given, whatever characters they have."""
    ids = lab.emulator.product(0).request()
    values = {
        "package_name": HOSTILE,
        "apps": [
            {
                "package_family_name": HOSTILE + " family",
                "application_file": "a\\" + HOSTILE,
                "dependency_files": ["b\\c " + HOSTILE, "\"'&<>"],
            }
        ],
    }
    # Given as data, so that nothing in them is a template.
    path = _variables(lab, hostile={"__ansible_unsafe": ""})
    text = __import__("json").dumps(values)
    path.with_suffix(".yml").write_text(
        "hostile: " + re.sub(r'"((?:[^"\\]|\\.)*)"(?!:)', lambda match: f"!unsafe {match.group(0)}", text),
        encoding="utf-8",
    )
    run = run_role(
        lab,
        "-e",
        f"@{path.with_suffix('.yml')}",
        licenses=[term(ids)],
        package_name="{{ hostile.package_name }}",
        apps="{{ hostile.apps }}",
    )
    assert run.status == 0, run.output
    document = lab.files("linux1")["customizations.xml"]
    assert ET.fromstring(document).findtext(f"{PACKAGE}PackageConfig/{PACKAGE}Name") == values["package_name"]
    app = installs(document).find(f"{SETTINGS}DeviceContextApp/{SETTINGS}Application")
    assert app is not None
    wanted = values["apps"][0]
    assert app.attrib == {"PackageFamilyName": wanted["package_family_name"], "Name": wanted["package_family_name"]}
    assert app.findtext(f"{SETTINGS}ApplicationFile") == wanted["application_file"]
    texts = [entry.text for entry in app.findall(f"{SETTINGS}DependencyAppxFiles/{SETTINGS}Dependency")]
    assert texts == wanted["dependency_files"]
