# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role license_templates writes is parsed back; ids and licenses are compared with the license documents."""

from __future__ import annotations

import base64
import json
import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from .conftest import Figure, NewLab, Served
from .harness import Lab, Run
from .lookups import store, term

ROLE = "msdevices.provisioning.license_templates"
PACKAGE = "{urn:schemas-Microsoft-com:Windows-ICD-Package-Config.v1.0}"
SETTINGS = "{urn:schemas-microsoft-com:windows-provisioning}"
SYNCML = "{SYNCML:SYNCML1.2}"
METINF = "{syncml:metinf}"
LICENSE = "{urn:schemas-microsoft-com:windows:store:licensing:ls}"
#: Everything that XML treats as special, and what templates do.
HOSTILE = """<a href="x">'&amp;]]>&{{ 7 * 7 }}{% raw %}<!--é 写真 -->"""


def role(**variables: Any) -> dict[str, Any]:
    """A task that runs the role with variables, named without their prefix."""
    prefixed = {f"license_templates_{name}": value for name, value in {"dest": "{{ stage }}", **variables}.items()}
    return {"name": "role", "ansible.builtin.include_role": {"name": ROLE}, "vars": prefixed}


def run_role(lab: Lab, *arguments: str, before: list[dict[str, Any]] | None = None, **variables: Any) -> Run:
    """Run the role on all hosts of the lab, after other tasks."""
    return lab.run([*(before or []), role(**variables)], *arguments, vars=store(lab.emulator))


def failures(lab: Lab, cases: Mapping[str, dict[str, Any]], **variables: Any) -> tuple[dict[str, str], Run]:
    """Run the role once for each case in one play, and return by name what the task says that fails."""
    tasks = []
    for name, values in cases.items():
        tell = {"name": name, "ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg }}"}}
        tasks.append({"block": [role(**values)], "rescue": [tell]})
    run = lab.run(tasks, vars={**store(lab.emulator), **variables})
    assert run.status == 0, run.output
    return {name: run.ok("linux1", name)["msg"] for name in cases}, run


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
        assert element.attrib == dict.fromkeys(("LicenseProductId", "Name"), element.attrib["LicenseProductId"])
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


@pytest.mark.once
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
    run = run_role(lab, list=terms, apps=apps, package_name="Kiosk", package_version="1.4", package_rank=7)
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

    again = run_role(lab, list=terms, apps=apps, package_name="Kiosk", package_version="1.4", package_rank=7)
    assert again.status == 0, again.output
    assert "changed=0" in again.stdout
    assert lab.files("linux1") == files
    figure(
        f"license_templates with {len(wanted)} terms: {run.token_requests} token request,"
        f" {run.license_requests} license requests"
    )


@pytest.mark.smoke
def test_licenses_at_hand(lab: Lab, served: Served) -> None:
    """What the module returned, what a lookup returned, and terms, in one list and in its order."""
    wanted = lab.emulator.licenses(5)
    fetch = {**lab.task("fetch", licenses=wanted[:2], dest=None), "register": "fetched"}
    looked_up = f"{{{{ lookup('msdevices.provisioning.ms_offline_license', '{term(wanted[3])}', format='base64') }}}}"
    others = [term(wanted[2]), {**wanted[3], "license_blob": looked_up}, {**wanted[4], "sku_id": None}]
    run = run_role(
        lab,
        before=[fetch, {"name": "others", "ansible.builtin.set_fact": {"others": others}, "no_log": True}],
        list="{{ fetched.licenses + others }}",
        outputs=["syncml"],
        syncml_file="user.xml",
        syncml_scope="user",
    )
    assert run.status == 0, run.output
    assert lab.files("linux1").keys() == {"user.xml"}
    added = commands(lab.files("linux1")["user.xml"], "./User/Vendor/MSFT")
    assert list(added.items()) == [(ids["content_id"], served(ids)) for ids in wanted]
    assert (run.token_requests, run.license_requests) == (1, len(wanted))


@pytest.mark.once
def test_licenses_at_hand_need_no_sign_in(lab: Lab, served: Served) -> None:
    wanted = [{**ids, "license_blob": base64.b64encode(served(ids)).decode()} for ids in lab.emulator.licenses(2)]
    lab.environment = {}
    run = run_role(lab, list=wanted)
    assert run.status == 0, run.output
    assert (run.requests, run.connections) == ([], 0)
    assert len(license_installs(lab.files("linux1")["customizations.xml"])) == 2
    assert len(commands(lab.files("linux1")["add_licenses.xml"])) == 2


@pytest.mark.once
def test_other_service(lab: Lab, served: Served) -> None:
    """Licenses come from the service that is named."""
    emulator = lab.emulator
    wanted = emulator.licenses(2)
    lab.environment = {"MSDEVICES_ACCESS_TOKEN": emulator.access_tokens["licensing"]}
    place = {"base_url": emulator.licensing, "ca_path": emulator.ca_path}
    task = role(list="\n".join(map(term, wanted)), service="store_licensing", **place)
    run = lab.run([task], module_defaults={})
    assert run.status == 0, run.output
    assert {item["listener"] for item in run.requests} == {"licensing"}
    assert commands(lab.files("linux1")["add_licenses.xml"]) == {ids["content_id"]: served(ids) for ids in wanted}


@pytest.mark.once
def test_hostile_values(lab: Lab) -> None:
    """Names and paths arrive as they were given, whatever characters they have."""
    app = {
        "package_family_name": f"{HOSTILE} family",
        "application_file": f"a\\{HOSTILE}",
        "dependency_files": [f"b\\c {HOSTILE}", "\"'&<>", " both ends "],
    }
    path = lab.directory / "hostile.yml"
    path.write_text(yaml.dump({"hostile": _unsafe({"name": HOSTILE, "app": app})}), encoding="utf-8")
    run = run_role(
        lab,
        "-e",
        f"@{path}",
        list=[term(lab.emulator.product(0).request())],
        package_name="{{ hostile.name }}",
        apps=["{{ hostile.app }}"],
    )
    assert run.status == 0, run.output
    document = lab.files("linux1")["customizations.xml"]
    assert ET.fromstring(document).findtext(f"{PACKAGE}PackageConfig/{PACKAGE}Name") == HOSTILE
    found = installs(document).find(f"{SETTINGS}DeviceContextApp/{SETTINGS}Application")
    assert found is not None
    assert found.attrib == dict.fromkeys(("PackageFamilyName", "Name"), app["package_family_name"])
    assert found.findtext(f"{SETTINGS}ApplicationFile") == app["application_file"]
    dependencies = found.findall(f"{SETTINGS}DependencyAppxFiles/{SETTINGS}Dependency")
    assert [entry.text for entry in dependencies] == app["dependency_files"]


class _Unsafe(str):
    """A text in which nothing is a template."""


yaml.add_representer(_Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))


def _unsafe(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unsafe(entry) for key, entry in value.items()}
    return [_unsafe(entry) for entry in value] if isinstance(value, list) else _Unsafe(value)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "control character": ({"package_name": "a\x07b"}, "a\\u0007b"),
    "line break": ({"apps": [{"package_family_name": "a", "application_file": "b\nc"}]}, "b\\nc"),
    "no character": ({"apps": [{"package_family_name": "a\uffff", "application_file": "b"}]}, "a\\uffff"),
    "way out": ({"syncml_file": "../add.xml"}, "../add.xml"),
    "way out on Windows": ({"customizations_file": "c\\add.xml"}, r"c\\add.xml"),
    "package id": ({"package_id": "{12345678}"}, "must be a GUID"),
    "version": ({"package_version": "one"}, "numbers such as 1.0"),
    "rank": ({"package_rank": 100}, "0 to 99"),
    "no license": ({"list": []}, "license_templates_list is empty"),
    "unknown output": ({"outputs": ["image"]}, "value of license_templates_outputs must be one or more of"),
    "no application": ({"apps": [{"package_family_name": "a"}]}, "missing required arguments: application_file"),
}


@pytest.mark.once
def test_bad_values(lab: Lab) -> None:
    """What cannot be written is refused before any request, and said."""
    good = {"list": [term(lab.emulator.product(0).request())]}
    said, run = failures(lab, {name: {**good, **variables} for name, (variables, _text) in BAD.items()})
    for name, (_variables, text) in BAD.items():
        assert text in said[name], said[name]
    assert run.requests == []
    assert lab.files("linux1") == {}


@pytest.mark.once
def test_bad_licenses(lab: Lab) -> None:
    """Terms, ids and licenses that cannot be used, and an app without a name, fail before anything is written."""
    good, other = lab.emulator.licenses(2)
    looked_up = f"{{{{ lookup('msdevices.provisioning.ms_offline_license', '{term(other)}', format='base64') }}}}"
    nameless = "Could not name the apps with product_id"
    bad: dict[str, tuple[dict[str, Any], str]] = {
        "term": ({"list": [term(good), "9WZDNCRFJ3PS"]}, "content_id is missing"),
        "blob": ({"list": [{**good, "license_blob": "bm8="}]}, "no well-formed XML"),
        "other license": ({"list": [{**good, "license_blob": looked_up}]}, "it is the license of content id"),
        "not owned": ({"list": [term(lab.emulator.special("not_owned").request())]}, "not owned"),
        "app of another product": (
            {"list": [term(good)], "apps": [{"product_id": other["product_id"], "application_file": "a.appx"}]},
            f"{nameless} {other['product_id'].lower()}",
        ),
        "app of no product": ({"list": [term(good)], "apps": [{"application_file": "a.appx"}]}, nameless),
    }
    said, run = failures(lab, {name: variables for name, (variables, _text) in bad.items()})
    for name, (_variables, text) in bad.items():
        assert text in said[name], said[name]
    assert "Traceback" not in run.output
    assert lab.files("linux1") == {}


@pytest.mark.once
def test_check_mode(lab: Lab) -> None:
    """Nothing is written, whether or not the directory exists, and changes are predicted."""
    wanted = [term(ids) for ids in lab.emulator.licenses(2)]
    new = str(lab.stage("linux1") / "new")
    for dest in (new, "{{ stage }}"):
        run = run_role(lab, "--check", "--diff", list=wanted, dest=dest)
        assert run.status == 0, run.output
        assert "changed=0" not in run.stdout
        assert lab.files("linux1") == {}
    run_role(lab, list=wanted, dest=new)
    run = run_role(lab, "--check", "--diff", list=wanted, dest=new)
    assert "changed=0" in run.stdout, run.output


@pytest.mark.once
def test_windows_hosts(new_lab: NewLab, served: Served) -> None:
    """The same files on Linux and Windows hosts, but for the ends of lines of what is no license."""
    lab = new_lab(linux=1, windows=["win1"])
    wanted = lab.emulator.licenses(3)
    apps = [
        {"product_id": ids["product_id"], "application_file": f"{number}.appx"} for number, ids in enumerate(wanted)
    ]
    run = run_role(lab, list=[term(ids) for ids in wanted], apps=apps)
    assert run.status == 0, run.output
    assert (run.token_requests, run.license_requests) == (1, 3)
    linux, windows = lab.files("linux1"), lab.files("win1")
    assert {name: data.replace(b"\r\n", b"\n") for name, data in windows.items()} == linux
    assert commands(windows["add_licenses.xml"]) == {ids["content_id"]: served(ids) for ids in wanted}
    assert {name: windows[name] for name in license_installs(windows["customizations.xml"]).values()} == {
        name: served(ids)
        for ids, name in zip(wanted, license_installs(linux["customizations.xml"]).values(), strict=True)
    }
    again = run_role(lab, list=[term(ids) for ids in wanted], apps=apps)
    assert again.status == 0, again.output
    assert len(re.findall("changed=0", again.stdout)) == 2


@pytest.mark.once
def test_nothing_shows(new_lab: NewLab, served: Served) -> None:
    """No license is shown at any verbosity, or as a difference."""
    lab = new_lab(linux=1, windows=["win1"])
    ids = lab.emulator.product(0).request()
    document = served(ids)
    run = run_role(lab, "-vvvvvv", "--diff", list=[term(ids)])
    assert run.status == 0, run.output
    # What callbacks get is what automation controllers keep.
    shown = run.output + lab.log + json.dumps(run.sequence)
    assert len(run.stdout) > 5_000
    block = document[document.index(b"<SPLicenseBlock>") + 16 :][:64].decode()
    assert block not in shown
    for offset in range(3):
        assert base64.b64encode(document[300 + offset : 360 + offset]).decode()[4:-4] not in shown
    assert lab.emulator.client_secret not in shown
