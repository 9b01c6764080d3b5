# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies on a Linux host afterwards, and what the task returns: formats, names, permissions, options of a task."""

from __future__ import annotations

import base64
import hashlib
import stat
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from license_services import both_services

from .conftest import NewLab, Served
from .harness import MANIFEST, MODULE, Lab, default_name

_NAMESPACE = "{urn:schemas-microsoft-com:windows:store:licensing:ls}"


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _facts(document: bytes) -> dict[str, Any]:
    """What a license says of itself, read independently of the collection."""
    root = ElementTree.fromstring(document)

    def text(path: str) -> str | None:
        return root.findtext("/".join(_NAMESPACE + part for part in path.split("/")))

    return {
        "license_id": root.get("LicenseID"),
        "license_instance_id": text("Binding/LicenseInstanceID"),
        "requestor_id": text("Binding/RequestorID"),
        "package_family_name": text("Binding/PFM"),
        "issued_date": text("LicenseInfo/IssuedDate"),
    }


@pytest.mark.smoke
@both_services
def test_formats_and_options(lab: Lab, served: Served) -> None:
    """Bulk, single, both formats byte-exact, names, permissions, a loop, and answers that only look unusual."""
    one, two, three, four, five = lab.emulator.licenses(5)
    unusual = [lab.emulator.special(name).request() for name in ("upper_case_ids", "pascal_case", "wrapped_blob")]
    top = lab.stage("linux1")
    for name in ("single", "named", "loop", "unusual"):
        (top / name).mkdir()
    run = lab.run(
        [
            lab.task("bulk", licenses=[one, two]),
            lab.task("single", **three, format="base64", dest="{{ stage }}/single"),
            lab.task(
                "named",
                licenses=[{**four, "filename": "Médiathèque News.xml"}],
                dest="{{ stage }}/named",
                mode="u=rw,g=r",
            ),
            {
                **lab.task(
                    "loop",
                    product_id="{{ item.product_id }}",
                    content_id="{{ item.content_id }}",
                    dest="{{ stage }}/loop",
                    mode="0644",
                ),
                "loop": [four, five],
                "become": False,
            },
            lab.task("unusual", licenses=unusual, dest="{{ stage }}/unusual"),
        ]
    )
    assert run.status == 0, run.output
    documents = {entry["content_id"]: served(entry) for entry in (one, two, three, four, five)}

    for wanted, entry in zip((one, two), run.ok("linux1", "bulk")["licenses"], strict=True):
        path = top / default_name(wanted)
        document = documents[wanted["content_id"]]
        assert path.read_bytes() == document
        assert _mode(path) == 0o600
        assert entry == {
            "index": [one, two].index(wanted),
            "catalog_query": None,
            **wanted,
            **_facts(document),
            "path": str(path),
            "sha256": hashlib.sha256(document).hexdigest(),
            "size": len(document),
            "state": "fetched",
            "reason": "absent",
            "error": None,
        }
    assert run.ok("linux1", "bulk")["pruned"] == []
    assert _mode(top / MANIFEST) == 0o600

    single = top / "single" / default_name(three, "base64")
    text = base64.b64encode(documents[three["content_id"]])
    assert single.read_bytes() == text
    assert run.ok("linux1", "single")["licenses"][0]["sha256"] == hashlib.sha256(text).hexdigest()

    named = top / "named" / "Médiathèque News.xml"
    assert named.read_bytes() == documents[four["content_id"]]
    assert _mode(named) == 0o640

    for wanted, entry in zip((four, five), run.ok("linux1", "loop")["results"], strict=True):
        path = top / "loop" / default_name(wanted)
        assert path.read_bytes() == documents[wanted["content_id"]]
        assert _mode(path) == 0o644
        assert [result["path"] for result in entry["licenses"]] == [str(path)]

    assert [entry["state"] for entry in run.ok("linux1", "unusual")["licenses"]] == ["fetched"] * 3
    # Five products and three unusual ones: what the loop asked for again came from the run cache.
    assert (run.token_requests, run.license_requests) == (1, 8)


@pytest.mark.once
def test_delegation(new_lab: NewLab, served: Served) -> None:
    """A delegated task stages on the host that it is delegated to, in parts with module_defaults of the module."""
    lab = new_lab(linux=2)
    wanted = lab.emulator.product(0).request()
    task = {
        **lab.task("delegated", **wanted, dest="{{ hostvars['linux2'].stage }}"),
        "delegate_to": "linux2",
        "when": "inventory_hostname == 'linux1'",
    }
    run = lab.run([task], module_defaults={MODULE: {**lab.defaults, "mode": "0604"}})
    assert run.ok("linux1", "delegated")["changed"] is True
    assert lab.files("linux1") == {}
    assert lab.files("linux2") == {default_name(wanted): served(wanted)}
    assert _mode(lab.stage("linux2") / default_name(wanted)) == 0o604
    assert (run.modules("linux1"), run.modules("linux2")) == (0, 2)


@pytest.mark.once
def test_force(lab: Lab, served: Served) -> None:
    """The same instance is no change, a newer one is; without force nothing is asked for."""
    one, two = lab.emulator.licenses(2)
    old = served(one)
    assert lab.run([lab.task(licenses=[one, two])]).status == 0
    name = lab.stage("linux1") / default_name(one)
    written = name.stat().st_mtime_ns

    same = lab.run([lab.task(licenses=[one, two], force=True)])
    assert same.license_requests == 2
    assert same.ok("linux1", "stage")["changed"] is False
    assert [entry["state"] for entry in same.ok("linux1", "stage")["licenses"]] == ["unchanged"] * 2
    assert name.stat().st_mtime_ns == written

    lab.emulator.reissue(one["product_id"], one["content_id"])
    new = served(one)
    assert new != old
    assert lab.run([lab.task(licenses=[one, two])]).requests == []
    assert name.read_bytes() == old
    predicted = lab.run([lab.task(licenses=[one, two], force=True)], "--check")
    assert predicted.ok("linux1", "stage")["changed"] is True
    assert predicted.requests == []
    assert name.read_bytes() == old

    renewed = lab.run([lab.task(licenses=[one, two], force=True)]).ok("linux1", "stage")
    assert renewed["changed"] is True
    assert [(entry["state"], entry["reason"]) for entry in renewed["licenses"]] == [
        ("fetched", "replaced"),
        ("unchanged", None),
    ]
    assert name.read_bytes() == new


@pytest.mark.once
def test_spoilt_files_are_replaced(lab: Lab, served: Served) -> None:
    """Each file that is not what was staged is fetched again, and only those; the reason is named."""
    wanted = lab.emulator.licenses(7)
    task = lab.task(licenses=wanted)
    assert lab.run([task]).status == 0
    stage = lab.stage("linux1")
    paths = [stage / default_name(entry) for entry in wanted]
    good = [path.read_bytes() for path in paths]
    elsewhere = lab.directory / "elsewhere"
    elsewhere.write_bytes(good[4])

    paths[0].unlink()
    paths[1].write_bytes(good[1].replace(b"<LeaseRequired>false", b"<LeaseRequired>true"))
    paths[2].write_bytes(good[2][: len(good[2]) // 2])
    paths[3].write_bytes(good[0])
    paths[4].unlink()
    paths[4].symlink_to(elsewhere)
    paths[5].write_bytes(b"")
    run = lab.run([task])
    result = run.ok("linux1", "stage")
    assert [entry["reason"] for entry in result["licenses"]] == [
        "absent",
        *["altered"] * 5,
        None,
    ]
    assert [path.read_bytes() for path in paths] == good
    assert elsewhere.read_bytes() == good[4]
    assert not paths[4].is_symlink()
    assert run.license_requests == 6

    # What is no file at all is left alone and fails, by itself.
    paths[0].unlink()
    paths[1].unlink()
    paths[1].mkdir()
    run = lab.run([task])
    result = run.failed("linux1", "stage")
    assert [entry["state"] for entry in result["licenses"]] == ["fetched", "failed", *["unchanged"] * 5]
    assert result["licenses"][1]["reason"] == "blocked"
    assert str(paths[1]) in result["msg"]
    assert "Remove it" in result["msg"]
    assert result["changed"] is True
    assert paths[0].read_bytes() == good[0]
    assert run.license_requests == 1


@pytest.mark.once
def test_adoption(lab: Lab) -> None:
    """Valid licenses without a manifest, or with a damaged one, are adopted: no request, no change of the files."""
    wanted = lab.emulator.licenses(3)
    task = lab.task(licenses=wanted)
    assert lab.run([task]).status == 0
    manifest = lab.stage("linux1") / MANIFEST
    content = manifest.read_bytes()
    for spoil in (manifest.unlink, lambda: manifest.write_bytes(b'{"version": 99}')):
        spoil()
        run = lab.run([task])
        assert run.ok("linux1", "stage")["changed"] is False
        assert run.requests == []
        assert manifest.read_bytes() == content


@pytest.mark.once
def test_own_licenses(lab: Lab, served: Served) -> None:
    """License blobs are staged and returned without any request and without any credential; bad ones fail alone."""
    one, two, three = lab.emulator.licenses(3)
    documents = [served(entry) for entry in (one, two, three)]
    blobs = [base64.b64encode(document).decode() for document in documents]
    lab.environment = {}
    task = lab.task("stage", licenses=[{**one, "license_blob": blobs[0]}, {**two, "license_blob": blobs[1]}])
    run = lab.run(
        [
            task,
            lab.task("return", licenses=[{**three, "license_blob": blobs[2]}], dest=None),
            {
                **lab.task("bad", licenses=[{**three, "license_blob": blobs[2]}, {**one, "license_blob": blobs[1]}]),
                "ignore_errors": True,
            },
            # Staged already, so that no credential is missed.
            lab.task("staged", licenses=[one, two, three]),
        ],
        module_defaults={},
    )
    assert (run.requests, run.connections) == ([], 0)
    assert run.ok("linux1", "stage")["changed"] is True
    assert lab.files("linux1") == {
        default_name(entry): document for entry, document in zip((one, two, three), documents, strict=True)
    }
    returned = run.ok("linux1", "return")
    assert returned["changed"] is False
    assert returned["licenses"][0]["license_blob"] == blobs[2]
    assert returned["licenses"][0]["state"] == "unchanged"
    bad = run.failed("linux1", "bad")
    assert [entry["state"] for entry in bad["licenses"]] == ["fetched", "failed"]
    assert one["content_id"] in bad["licenses"][1]["error"]
    assert two["content_id"] in bad["licenses"][1]["error"]
    assert run.ok("linux1", "staged")["changed"] is False


@both_services
def test_returned_licenses(lab: Lab, served: Served) -> None:
    """Without dest the licenses are returned for other tasks; verbose output does not show them."""
    one, two = lab.emulator.licenses(2)
    run = lab.run(
        [
            {**lab.task("get", licenses=[one, two], dest=None), "register": "got"},
            {
                "name": "use",
                "ansible.builtin.copy": {
                    "content": "{{ got.licenses[1].license_blob | b64decode }}",
                    "dest": "{{ stage }}/own.xml",
                    "mode": "0600",
                },
                "no_log": True,
            },
        ],
        "-vvvv",
    )
    assert run.status == 0, run.output
    for wanted, entry in zip((one, two), run.ok("linux1", "get")["licenses"], strict=True):
        document = served(wanted)
        assert entry["document"].encode() == document
        assert base64.b64decode(entry["license_blob"]) == document
        assert (entry["path"], entry["state"], entry["size"]) == (None, "fetched", len(document))
        assert entry["license_blob"][:200] not in run.output + lab.log
        assert "<License " not in run.output + lab.log
    assert lab.files("linux1") == {"own.xml": served(two)}
    assert run.modules("linux1", "ms_offline_license") == 0
