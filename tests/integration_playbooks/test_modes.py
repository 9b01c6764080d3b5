# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode, diff mode and pruning on Linux hosts."""

from __future__ import annotations

import json

import pytest

from .conftest import Served
from .harness import MANIFEST, Lab, default_name


def test_check_and_diff_mode(lab: Lab, served: Served) -> None:
    """The prediction makes no request and writes nothing; differences show ids and dates, never a license."""
    wanted = lab.emulator.licenses(3)
    task = lab.task(licenses=wanted)
    into_nothing = lab.task("into nothing", licenses=wanted, dest="{{ stage }}/none")

    predicted = lab.run([task, into_nothing], "--check", "--diff")
    assert predicted.status == 0, predicted.output
    assert (predicted.requests, predicted.connections) == ([], 0)
    assert list(lab.stage("linux1").iterdir()) == []
    for name in ("stage", "into nothing"):
        result = predicted.ok("linux1", name)
        assert result["changed"] is True
        assert [(entry["state"], entry["reason"]) for entry in result["licenses"]] == [("fetched", "absent")] * 3
        assert [(entry["sha256"], entry["error"]) for entry in result["licenses"]] == [(None, None)] * 3
        for entry, difference in zip(wanted, result["diff"], strict=True):
            assert entry["content_id"] in difference["after"]
            assert difference["before"] == ""

    done = lab.run([task], "--diff")
    result = done.ok("linux1", "stage")
    for entry, difference in zip(result["licenses"], result["diff"], strict=True):
        assert difference["before_header"] == difference["after_header"] == entry["path"]
        for shown in ("content_id", "product_id", "license_instance_id", "issued_date", "sha256"):
            assert entry[shown] in difference["after"]
            assert entry[shown] in done.stdout
    assert "SPLicenseBlock" not in json.dumps(result) + done.output

    document = served(wanted[0])
    lab.emulator.reissue()
    (lab.stage("linux1") / default_name(wanted[2])).unlink()
    before = lab.files("linux1")
    manifest = (lab.stage("linux1") / MANIFEST).read_bytes()
    predicted = lab.run([task], "--check", "--diff")
    assert [entry["state"] for entry in predicted.ok("linux1", "stage")["licenses"]] == [
        *("unchanged", "unchanged", "fetched")
    ]
    assert predicted.requests == []
    assert lab.files("linux1") == before
    assert (lab.stage("linux1") / MANIFEST).read_bytes() == manifest

    forced = lab.run([lab.task(licenses=wanted[:1], force=True)], "--diff").ok("linux1", "stage")
    (difference,) = forced["diff"]
    assert difference["before"] != difference["after"]
    assert forced["licenses"][0]["license_instance_id"] in difference["after"]
    assert forced["licenses"][0]["issued_date"] not in difference["before"]
    assert document != served(wanted[0])

    unchanged = lab.run([lab.task(licenses=wanted[:1])], "--check", "--diff")
    assert unchanged.ok("linux1", "stage")["changed"] is False
    assert "diff" not in unchanged.ok("linux1", "stage")


@pytest.mark.once
def test_check_mode_of_other_outcomes(lab: Lab, served: Served) -> None:
    """In check mode, too: a file where the directory should be fails, licenses without dest are fetched."""
    wanted = lab.emulator.product(0).request()
    (lab.stage("linux1") / "file").write_text("not a directory")
    run = lab.run(
        [
            {**lab.task("a file", **wanted, dest="{{ stage }}/file"), "ignore_errors": True},
            lab.task("return", **wanted, dest=None),
            lab.task("never", **wanted) | {"check_mode": False},
        ],
        "--check",
    )
    assert "is not a directory" in run.error("linux1", "a file")
    assert run.ok("linux1", "return")["licenses"][0]["document"].encode() == served(wanted)
    assert run.ok("linux1", "never")["changed"] is True
    assert lab.files("linux1")[default_name(wanted)] == served(wanted)


@pytest.mark.once
def test_prune(lab: Lab) -> None:
    """Removed is what was staged by an earlier run and is as it was; nothing else, and nothing when a license fails."""
    one, two, three, four = lab.emulator.licenses(4)
    stage = lab.stage("linux1")
    assert lab.run([lab.task(licenses=[one, two, three])]).status == 0
    (stage / "foreign.xml").write_text("not ours")
    path_two, path_three = (stage / default_name(entry) for entry in (two, three))
    path_three.write_bytes(path_three.read_bytes() + b"\n")
    everything = lab.files("linux1")

    refused = lab.emulator.special("not_owned").request()
    failed = lab.run([lab.task(licenses=[one, refused], prune=True)]).failed("linux1", "stage")
    assert (failed["pruned"], failed["changed"]) == ([], False)
    assert lab.files("linux1") == everything

    assert lab.run([lab.task(licenses=[one])]).ok("linux1", "stage")["pruned"] == []
    predicted = lab.run([lab.task(licenses=[one], prune=True)], "--check").ok("linux1", "stage")
    assert (predicted["pruned"], predicted["changed"]) == ([str(path_two)], True)
    assert lab.files("linux1") == everything

    run = lab.run([lab.task(licenses=[one], prune=True)], "--diff")
    result = run.ok("linux1", "stage")
    assert result["pruned"] == [str(path_two)]
    assert result["changed"] is True
    assert [difference["before_header"] for difference in result["diff"]] == [str(path_two)]
    assert [difference["after"] for difference in result["diff"]] == [""]
    assert any(str(path_three) in warning for warning in result["warnings"])
    assert set(lab.files("linux1")) == {default_name(one), "foreign.xml", path_three.name}
    assert run.requests == []
    assert run.modules("linux1") == 1

    again = lab.run([lab.task(licenses=[one], prune=True)])
    assert again.ok("linux1", "stage")["changed"] is False
    assert "warnings" not in again.ok("linux1", "stage")

    # A new name and a new license: what is old goes when what is new is there.
    renamed = lab.run([lab.task(licenses=[{**one, "filename": "one.xml"}, four], prune=True)])
    assert renamed.ok("linux1", "stage")["pruned"] == [str(stage / default_name(one))]
    assert set(lab.files("linux1")) == {"one.xml", default_name(four), "foreign.xml", path_three.name}
