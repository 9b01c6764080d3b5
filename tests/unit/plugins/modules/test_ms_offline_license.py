# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from unit.support import (
    CONTENT_ID,
    FAMILY_NAME,
    INSTANCE_ID,
    ISSUED,
    LICENSE_ID,
    PRODUCT_ID,
    REQUESTOR_ID,
    License,
    licenses,
)

ONE = License()
NEWER = License(instance_id="11111111-1c68-4dd1-93a4-0a1c6f6c3f02")
OTHER = License(product_id="9WZDNCRFHVFW", content_id="0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestFirstRun:
    def test_stages_what_it_is_given(self, host) -> None:
        run = host.run(ONE.brought(), OTHER.brought(filename="other.xml"))
        assert not run.failed
        assert run.result["changed"] is True
        assert run.states == ["fetched", "fetched"]
        assert run.reasons == ["absent", "absent"]
        assert host.names == {ONE.name, "other.xml"}
        assert host.path(ONE.name).read_bytes() == ONE.xml
        assert host.path("other.xml").read_bytes() == OTHER.xml
        assert run.result["pruned"] == []
        assert run.warnings == []

    def test_returns_every_fact(self, host) -> None:
        (item,) = host.run(ONE.brought()).result["licenses"]
        assert item == {
            "index": 0,
            "catalog_query": None,
            "product_id": PRODUCT_ID,
            "sku_id": "0015",
            "content_id": CONTENT_ID,
            "license_id": LICENSE_ID,
            "license_instance_id": INSTANCE_ID,
            "requestor_id": REQUESTOR_ID,
            "package_family_name": FAMILY_NAME,
            "issued_date": ISSUED,
            "path": str(host.path(ONE.name)),
            "sha256": hashlib.sha256(ONE.xml).hexdigest(),
            "size": len(ONE.xml),
            "state": "fetched",
            "reason": "absent",
            "error": None,
        }

    def test_reports_on_what_it_is_not_given(self, host) -> None:
        run = host.run(ONE.item(), OTHER.brought())
        assert run.failed
        assert run.states == ["failed", "fetched"]
        assert run.reasons == ["absent", "absent"]
        assert run.result["changed"] is True
        assert f"{host.path(ONE.name)} is not there." in run.result["licenses"][0]["error"]
        start = f"1 of 2 licenses failed; the others are in place.\nCould not stage {PRODUCT_ID}/0015/2f9a"
        assert run.result["msg"].startswith(start)
        assert host.names == {OTHER.name}

    def test_keeps_every_byte(self, host) -> None:
        data = b"\xef\xbb\xbf<?xml version='1.0'?>\r\n" + ONE.xml.replace(b"><", b">\n\t<") + b"\r\n\r\n"
        host.run(ONE.item(license_blob=base64.b64encode(data).decode()))
        assert host.path(ONE.name).read_bytes() == data

    def test_stages_base64(self, host) -> None:
        run = host.run(ONE.brought(), format="base64")
        (item,) = run.result["licenses"]
        path = host.path(f"{PRODUCT_ID}_0015_{CONTENT_ID}.bin")
        assert item["path"] == str(path)
        assert path.read_text() == ONE.blob
        assert (item["sha256"], item["size"]) == (hashlib.sha256(ONE.blob.encode()).hexdigest(), len(ONE.blob))
        assert host.run(ONE.item(), format="base64").states == ["unchanged"]

    def test_asks_for_one_license_at_top_level(self, host) -> None:
        run = host.run(licenses=None, product_id=PRODUCT_ID, content_id=CONTENT_ID)
        assert run.reasons == ["absent"]
        host.run(ONE.brought())
        assert host.run(licenses=None, product_id=PRODUCT_ID, content_id=CONTENT_ID).states == ["unchanged"]

    def test_of_many(self, host) -> None:
        many = licenses(300)
        assert host.run(*(item.brought() for item in many)).states == ["fetched"] * 300
        assert host.names == {item.name for item in many}
        again = host.run(*(item.item() for item in many))
        assert again.states == ["unchanged"] * 300
        assert again.result["changed"] is False

    def test_of_nothing_leaves_nothing(self, host) -> None:
        run = host.run()
        assert (run.failed, run.result["changed"], run.result["licenses"]) == (False, False, [])
        assert list(host.dest.iterdir()) == []

    def test_through_a_link_to_the_directory(self, host, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(host.dest)
        assert host.run(ONE.brought(), dest=str(tmp_path / "link")).states == ["fetched"]
        assert host.names == {ONE.name}


class TestSecondRun:
    @pytest.mark.parametrize("item", [ONE.item(), ONE.brought()])
    def test_changes_nothing(self, item: dict[str, Any], host) -> None:
        first = host.run(ONE.brought()).result["licenses"][0]
        before = host.snapshot()
        run = host.run(item)
        assert not run.failed
        assert run.result["changed"] is False
        assert run.result["licenses"] == [{**first, "state": "unchanged", "reason": None}]
        assert host.snapshot() == before

    def test_with_another_copy_of_the_same_instance_changes_nothing(self, host) -> None:
        host.run(ONE.brought())
        before = host.snapshot()
        copy = base64.b64encode(ONE.xml + b"\n").decode()
        assert host.run(ONE.item(license_blob=copy)).states == ["unchanged"]
        assert host.snapshot() == before

    def test_with_another_instance_replaces_it(self, host) -> None:
        host.run(ONE.brought())
        run = host.run(NEWER.brought())
        assert (run.states, run.reasons, run.result["changed"]) == (["fetched"], ["replaced"], True)
        assert host.path(ONE.name).read_bytes() == NEWER.xml
        assert host.run(NEWER.item()).states == ["unchanged"]

    def test_with_another_format_replaces_it(self, host) -> None:
        host.run(ONE.brought(filename="license"))
        run = host.run(ONE.brought(filename="license"), format="base64")
        assert (run.states, run.reasons) == (["fetched"], ["invalid"])
        assert host.path("license").read_text() == ONE.blob

    def test_with_a_bad_license_keeps_the_good_file(self, host) -> None:
        host.run(ONE.brought())
        before = host.snapshot()
        for blob in (OTHER.blob, "%%%", "", base64.b64encode(ONE.xml[:-5]).decode()):
            run = host.run(ONE.item(license_blob=blob))
            assert run.failed
            assert run.states == ["failed"]
            assert f"license_blob of {PRODUCT_ID}/0015/{CONTENT_ID}" in run.result["licenses"][0]["error"]
            assert host.snapshot() == before


class TestWhatLiesThere:
    """Each kind of file in a license's place: what it counts as, and whether it is put right."""

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (ONE.xml[:-1], "invalid"),
            (b"", "invalid"),
            (b"\0" * 5_000_000, "invalid"),
            (OTHER.xml, "other_license"),
        ],
    )
    @pytest.mark.parametrize("recorded", [True, False])
    def test_a_file_that_is_not_the_license(self, content: bytes, reason: str, recorded: bool, host) -> None:
        """What is recorded is compared with its checksum; what is not is read."""
        host.run(OTHER.brought(), *([ONE.brought()] if recorded else []))
        reason = "altered" if recorded else reason
        host.path(ONE.name).write_bytes(content)
        run = host.run(ONE.item(), OTHER.item())
        assert run.failed
        assert (run.states, run.reasons) == (["failed", "unchanged"], [reason, None])
        assert host.path(ONE.name).read_bytes() == content
        run = host.run(ONE.brought(), OTHER.item())
        assert (run.states, run.reasons) == (["fetched", "unchanged"], [reason, None])
        assert host.path(ONE.name).read_bytes() == ONE.xml

    def test_a_file_that_is_gone(self, host) -> None:
        host.run(ONE.brought())
        host.path(ONE.name).unlink()
        assert host.run(ONE.item()).reasons == ["absent"]
        assert host.run(ONE.brought()).states == ["fetched"]

    @pytest.mark.parametrize("content", [b"victim", ONE.xml])
    @pytest.mark.parametrize("relative", [True, False])
    def test_a_link(self, content: bytes, relative: bool, host, tmp_path: Path) -> None:
        """It is replaced; where it leads to is not touched, not even when a good license lies there."""
        victim = tmp_path / "victim"
        victim.write_bytes(content)
        victim.chmod(0o644)
        before = victim.stat()
        host.path(ONE.name).symlink_to("../victim" if relative else victim)
        assert host.run(ONE.item()).reasons == ["altered"]
        assert host.path(ONE.name).is_symlink()
        run = host.run(ONE.brought())
        assert (run.states, run.reasons) == (["fetched"], ["altered"])
        assert not host.path(ONE.name).is_symlink()
        assert host.path(ONE.name).read_bytes() == ONE.xml
        assert mode_of(host.path(ONE.name)) == 0o600
        assert victim.read_bytes() == content
        assert (victim.stat().st_mode, victim.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)

    def test_a_link_that_leads_nowhere(self, host) -> None:
        host.path(ONE.name).symlink_to("/nonexistent/file")
        assert host.run(ONE.brought()).states == ["fetched"]
        assert host.path(ONE.name).read_bytes() == ONE.xml

    def test_a_second_name_of_another_file(self, host, tmp_path: Path) -> None:
        victim = tmp_path / "victim"
        victim.write_bytes(b"victim")
        os.link(victim, host.path(ONE.name))
        assert host.run(ONE.brought()).states == ["fetched"]
        assert victim.read_bytes() == b"victim"

    @pytest.mark.parametrize("kind", ["directory", "pipe", "socket"])
    def test_no_file_at_all(self, kind: str, host, monkeypatch: pytest.MonkeyPatch) -> None:
        path = host.path(ONE.name)
        if kind == "directory":
            path.mkdir()
            (path / "content").touch()
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            # The path may be longer than the name of a socket.
            monkeypatch.chdir(host.dest)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(ONE.name)
        for item in (ONE.item(), ONE.brought()):
            run = host.run(item, OTHER.brought())
            assert run.failed
            assert run.states[0] == "failed"
            assert run.reasons[0] == "blocked"
            error = run.result["licenses"][0]["error"]
            assert error.endswith("is not a file that can be read. Remove it, or set another filename.")
        assert path.exists()
        assert host.path(OTHER.name).read_bytes() == OTHER.xml

    def test_a_file_that_was_staged_by_other_means_is_adopted(self, host) -> None:
        host.path(ONE.name).write_bytes(ONE.xml)
        host.path(ONE.name).chmod(0o600)
        run = host.run(ONE.item())
        assert (run.states, run.result["changed"]) == (["unchanged"], False)
        assert ONE.name in json.loads(host.manifest.read_text())["files"]
        # From now on it is known.
        host.path(ONE.name).write_bytes(NEWER.xml)
        assert host.run(ONE.item()).reasons == ["altered"]

    def test_base64_text_on_several_lines_is_adopted(self, host) -> None:
        host.path("license.bin").write_text("\r\n".join((ONE.blob[:64], ONE.blob[64:], "")))
        assert host.run(ONE.item(filename="license.bin"), format="base64").states == ["unchanged"]
        assert host.run(ONE.item(filename="license.bin"), format="base64").states == ["unchanged"]

    def test_leftovers_of_a_killed_run_are_removed_and_nothing_else(self, host) -> None:
        for name in (".ms_offline_license.abc123.tmp", ".ms_offline_license.xyz.tmp"):
            host.path(name).write_bytes(ONE.xml)
        keep = {"foreign.xml", "foreign.tmp", ".ms_offline_license.txt", ".tmp"}
        for name in keep:
            host.path(name).touch()
        host.run(ONE.brought())
        assert host.names == keep | {ONE.name}


class TestManifest:
    def test_holds_ids_and_checksums_but_no_license(self, host) -> None:
        host.run(ONE.brought(), OTHER.brought())
        content = json.loads(host.manifest.read_text())
        assert content["version"] == 1
        assert set(content["files"]) == {ONE.name, OTHER.name}
        assert content["files"][ONE.name]["sha256"] == hashlib.sha256(ONE.xml).hexdigest()
        assert "SPLicenseBlock" not in host.manifest.read_text()
        assert mode_of(host.manifest) == 0o600

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"garbage",
            b"\xff\xfe\0",
            b"[]",
            b'{"version": 1}',
            b'{"version": 2, "files": {}}',
            b'{"version": 1, "files": {"../../victim": {"sha256": "", "size": 0}}}',
            b"[" * 100_000,
        ],
    )
    def test_that_is_of_no_use_is_written_anew(self, content: bytes, host) -> None:
        host.run(ONE.brought())
        host.manifest.write_bytes(content)
        run = host.run(ONE.item(), prune=True)
        assert run.states == ["unchanged"]
        assert len(run.warnings) == 1
        assert f"Ignoring {host.manifest}: " in run.warnings[0]
        assert list(json.loads(host.manifest.read_text())["files"]) == [ONE.name]
        assert host.run(ONE.item()).warnings == []

    def test_that_leads_elsewhere_makes_nothing_there_go(self, host, tmp_path: Path) -> None:
        victim = tmp_path / "victim"
        victim.write_bytes(b"victim")
        host.run(ONE.brought())
        content = json.loads(host.manifest.read_text())
        entry = {**content["files"][ONE.name], "sha256": hashlib.sha256(b"victim").hexdigest(), "size": 6}
        for name in ("../victim", str(victim), "sub/../../victim"):
            host.manifest.write_text(json.dumps({"version": 1, "files": {name: entry}}))
            run = host.run(ONE.brought(), prune=True)
            assert run.result["pruned"] == []
            assert "is not a plain name" in run.warnings[0]
            assert victim.read_bytes() == b"victim"

    def test_that_is_a_link(self, host, tmp_path: Path) -> None:
        victim = tmp_path / "victim"
        victim.write_text("victim")
        host.manifest.symlink_to(victim)
        run = host.run(ONE.brought())
        assert run.states == ["fetched"]
        assert not host.manifest.is_symlink()
        assert victim.read_text() == "victim"

    def test_that_is_a_directory(self, host) -> None:
        host.manifest.mkdir()
        run = host.run(ONE.brought())
        assert run.failed
        assert "Could not write the manifest" in run.result["msg"]
        assert "Remove it" in run.result["msg"]
        assert "Traceback" not in run.output
        assert host.path(ONE.name).read_bytes() == ONE.xml
        assert host.names == {ONE.name}

    def test_that_cannot_be_written_does_not_hide_what_failed(self, host) -> None:
        """The controller has to know what is missing, to fetch it."""
        host.manifest.mkdir()
        run = host.run(ONE.brought(), OTHER.item())
        assert run.failed
        assert (run.states, run.reasons) == (["fetched", "failed"], ["absent", "absent"])
        assert "in place" not in run.result["licenses"][1]["error"]
        assert host.path(ONE.name).read_bytes() == ONE.xml

    def test_keeps_what_is_not_asked_for_now(self, host) -> None:
        host.run(ONE.brought(), OTHER.brought())
        host.run(ONE.item())
        assert set(json.loads(host.manifest.read_text())["files"]) == {ONE.name, OTHER.name}


class TestPrune:
    def test_removes_what_was_staged_and_is_not_asked_for(self, host) -> None:
        three, four = licenses(2)
        host.run(ONE.brought(), OTHER.brought(), three.brought(), four.brought())
        host.path("foreign_License1.xml").write_bytes(ONE.xml)
        run = host.run(ONE.item(), three.item(), prune=True)
        assert run.result["changed"] is True
        assert run.result["pruned"] == sorted(str(host.path(item.name)) for item in (OTHER, four))
        assert host.names == {ONE.name, three.name, "foreign_License1.xml"}
        assert set(json.loads(host.manifest.read_text())["files"]) == {ONE.name, three.name}
        again = host.run(ONE.item(), three.item(), prune=True)
        assert (again.result["changed"], again.result["pruned"]) == (False, [])

    def test_is_not_done_unless_asked_for(self, host) -> None:
        host.run(ONE.brought(), OTHER.brought())
        assert host.run(ONE.item()).result["pruned"] == []
        assert host.names == {ONE.name, OTHER.name}

    def test_of_everything(self, host) -> None:
        host.run(ONE.brought(), OTHER.brought())
        run = host.run(prune=True)
        assert len(run.result["pruned"]) == 2
        assert host.names == set()

    def test_when_a_file_gets_another_name(self, host) -> None:
        host.run(ONE.brought(filename="old.xml"))
        run = host.run(ONE.brought(filename="new.xml"), prune=True)
        assert run.result["pruned"] == [str(host.path("old.xml"))]
        assert host.names == {"new.xml"}

    def test_is_not_done_when_something_failed(self, host) -> None:
        host.run(ONE.brought(), OTHER.brought())
        for item in (NEWER.item(filename="missing.xml"), ONE.item(license_blob="%%%")):
            run = host.run(item, prune=True)
            assert run.failed
            assert run.result["pruned"] == []
            assert host.names == {ONE.name, OTHER.name}
        assert host.run(ONE.item(), prune=True).result["pruned"] == [str(host.path(OTHER.name))]

    @pytest.mark.parametrize("kind", ["changed", "another instance", "link", "directory", "pipe"])
    def test_leaves_what_is_not_what_was_staged(self, kind: str, host, tmp_path: Path) -> None:
        host.run(ONE.brought(), OTHER.brought())
        path = host.path(OTHER.name)
        victim = tmp_path / "victim"
        victim.write_bytes(OTHER.xml)
        if kind == "changed":
            path.write_bytes(OTHER.xml + b" ")
        elif kind == "another instance":
            path.write_bytes(License(OTHER.product_id, OTHER.content_id, NEWER.instance_id).xml)
        else:
            path.unlink()
            make = {"link": lambda: path.symlink_to(victim), "directory": path.mkdir, "pipe": lambda: os.mkfifo(path)}
            make[kind]()
        run = host.run(ONE.item(), prune=True)
        assert not run.failed
        assert run.result["pruned"] == []
        assert os.path.lexists(path)
        assert victim.read_bytes() == OTHER.xml
        text = f"Not pruning {path}: it is not what was staged. It is no longer in the manifest."
        assert run.warnings == [text]
        assert host.run(ONE.item(), prune=True).warnings == []

    def test_forgets_what_is_gone_already(self, host) -> None:
        host.run(ONE.brought(), OTHER.brought())
        host.path(OTHER.name).unlink()
        run = host.run(ONE.item(), prune=True)
        assert (run.result["pruned"], run.warnings, run.result["changed"]) == ([], [], False)
        assert set(json.loads(host.manifest.read_text())["files"]) == {ONE.name}


class TestAttributes:
    def test_files_are_for_their_owner_alone(self, host) -> None:
        old = os.umask(0)
        try:
            host.run(ONE.brought())
        finally:
            os.umask(old)
        assert mode_of(host.path(ONE.name)) == mode_of(host.manifest) == 0o600

    @pytest.mark.parametrize(
        ("mode", "result"), [("0640", 0o640), (0o644, 0o644), ("u=rw,g=r,o=", 0o640), ("u+x", 0o700)]
    )
    def test_mode(self, mode: Any, result: int, host) -> None:
        host.run(ONE.brought(), mode=mode)
        assert mode_of(host.path(ONE.name)) == mode_of(host.manifest) == result
        again = host.run(ONE.item(), mode=mode)
        assert (again.states, again.result["changed"]) == (["unchanged"], False)

    def test_mode_is_put_right_without_writing_the_file(self, host) -> None:
        host.run(ONE.brought())
        inode = host.path(ONE.name).stat().st_ino
        host.path(ONE.name).chmod(0o666)
        run = host.run(ONE.item())
        assert (run.states, run.result["changed"]) == (["unchanged"], True)
        assert mode_of(host.path(ONE.name)) == 0o600
        assert host.path(ONE.name).stat().st_ino == inode
        assert host.run(ONE.item()).result["changed"] is False

    def test_a_mode_that_is_none(self, host) -> None:
        run = host.run(ONE.brought(), mode="rw-r")
        assert run.failed
        assert "mode" in run.result["msg"]
        assert host.names == set()

    def test_owner_and_group(self, host) -> None:
        """Those that everybody may set: one's own."""
        own = {"owner": str(os.geteuid()), "group": str(os.getegid())}
        run = host.run(ONE.brought(), **own)
        assert run.states == ["fetched"]
        facts = host.path(ONE.name).stat()
        assert (facts.st_uid, facts.st_gid) == (os.geteuid(), os.getegid())
        assert host.run(ONE.item(), **own).result["changed"] is False

    @pytest.mark.parametrize("name", ["owner", "group"])
    def test_nobody_of_that_name(self, name: str, host) -> None:
        run = host.run(ONE.brought(), **{name: "no-such-name"})
        assert run.failed
        assert "no-such-name" in run.output
        assert "Traceback" not in run.output
        assert host.names == set()


class TestCheckMode:
    @pytest.mark.parametrize("options", [{}, {"prune": True}, {"mode": "0644"}])
    def test_touches_nothing_and_predicts_what_happens(self, options: dict[str, Any], host) -> None:
        three, four, five = licenses(3)
        host.run(ONE.brought(), OTHER.brought(), three.brought(), five.brought())
        host.path(OTHER.name).write_bytes(b"changed")
        host.path(".ms_offline_license.left.tmp").touch()
        wanted = [ONE.item(), OTHER.brought(), three.item(), four.brought()]
        before = host.snapshot()
        predicted = host.run(*wanted, **options, check_mode=True, diff=True)
        assert host.snapshot() == before
        done = host.run(*wanted, **options, diff=True)
        assert host.snapshot() != before
        for name in ("changed", "licenses", "pruned", "diff"):
            assert predicted.result[name] == done.result[name], name
        assert predicted.states == ["unchanged", "fetched", "unchanged", "fetched"]

    def test_reports_what_it_is_not_given(self, host) -> None:
        run = host.run(ONE.item(), check_mode=True)
        assert (run.states, run.reasons, run.result["changed"]) == (["failed"], ["absent"], False)

    def test_in_an_empty_directory(self, host) -> None:
        run = host.run(ONE.brought(), check_mode=True)
        assert (run.states, run.result["changed"]) == (["fetched"], True)
        assert list(host.dest.iterdir()) == []

    def test_in_a_directory_that_a_task_before_will_make(self, host, tmp_path: Path) -> None:
        missing = tmp_path / "missing"
        run = host.run(ONE.brought(), OTHER.item(), check_mode=True, dest=str(missing))
        assert run.states == ["fetched", "failed"]
        assert run.reasons == ["absent", "absent"]
        assert run.result["changed"] is True
        assert not missing.exists()

    def test_mode_alone_is_a_change(self, host) -> None:
        host.run(ONE.brought())
        run = host.run(ONE.item(), mode="0644", check_mode=True)
        assert (run.states, run.result["changed"]) == (["unchanged"], True)
        assert mode_of(host.path(ONE.name)) == 0o600


class TestDiff:
    def test_shows_ids_and_dates_and_no_license(self, host) -> None:
        run = host.run(ONE.brought(), diff=True)
        (diff,) = run.result["diff"]
        assert diff["before"] == ""
        assert diff["before_header"] == diff["after_header"] == str(host.path(ONE.name))
        for text in (PRODUCT_ID, CONTENT_ID, INSTANCE_ID, ISSUED, hashlib.sha256(ONE.xml).hexdigest()):
            assert text in diff["after"]
        run = host.run(NEWER.brought(), diff=True)
        (diff,) = run.result["diff"]
        assert INSTANCE_ID in diff["before"]
        assert NEWER.instance_id in diff["after"]
        run = host.run(prune=True, diff=True)
        (diff,) = run.result["diff"]
        assert diff["after"] == ""
        assert NEWER.instance_id in diff["before"]

    def test_of_no_change_is_none(self, host) -> None:
        assert "diff" not in host.run(ONE.brought()).result
        assert "diff" not in host.run(ONE.item(), diff=True).result

    def test_nothing_that_is_printed_holds_a_license(self, host) -> None:
        for run in (
            host.run(ONE.brought(), diff=True),
            host.run(NEWER.brought(), diff=True),
            host.run(ONE.item(license_blob=OTHER.blob), diff=True),
            host.run(ONE.brought(), diff=True, check_mode=True),
            host.run(ONE.brought(filename="../x"), diff=True),
        ):
            assert "SPLicense" not in run.output
            for item in (ONE, NEWER, OTHER):
                assert item.blob[:40] not in run.output
                assert item.blob[200:240] not in run.output


class TestDirectoryThatCannotBeUsed:
    @pytest.mark.parametrize("check_mode", [False, True])
    @pytest.mark.parametrize("kind", ["file", "link to a file", "link to nothing", "pipe"])
    def test_no_directory(self, kind: str, check_mode: bool, host, tmp_path: Path) -> None:
        dest = tmp_path / "dest"
        (tmp_path / "file").touch()
        if kind == "file":
            dest.touch()
        elif kind == "pipe":
            os.mkfifo(dest)
        else:
            dest.symlink_to(tmp_path / ("file" if kind == "link to a file" else "nothing"))
        run = host.run(ONE.brought(), dest=str(dest), check_mode=check_mode)
        assert run.failed
        assert run.result["changed"] is False
        text = f"Could not stage licenses in {dest}: dest is not a directory. Set dest to a directory."
        assert run.result["msg"] == text

    def test_missing(self, host, tmp_path: Path) -> None:
        run = host.run(ONE.brought(), dest=str(tmp_path / "missing"))
        assert run.failed
        assert run.result["msg"].startswith(f"Could not stage licenses in {tmp_path}/missing: dest does not exist. ")
        assert "ansible.builtin.file" in run.result["msg"]
        assert not (tmp_path / "missing").exists()

    def test_not_given(self, host) -> None:
        run = host.run(ONE.brought(), dest=None)
        assert run.failed
        assert "dest is not set" in run.result["msg"]

    def test_the_home_directory_is_found(self, host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(host.dest.parent))
        assert host.run(ONE.brought(), dest="~/stage").states == ["fetched"]
        assert host.names == {ONE.name}


class TestBadItems:
    @pytest.mark.parametrize(
        ("items", "text"),
        [
            ([ONE.brought(filename="../x.xml")], "is not a plain name"),
            ([{**ONE.brought(), "sku_id": 13}], "sku_id is the number 13; YAML reads an unquoted 0015"),
            ([ONE.brought(filename="a"), OTHER.brought(filename="A")], "have the same file name"),
            ([ONE.brought(filename="a"), ONE.brought(filename="b")], "asked for twice with different file names"),
            (
                [ONE.brought(), {**OTHER.brought(), "content_id": "x"}],
                "item 2 (9WZDNCRFHVFW/0015/x): content_id is not",
            ),
        ],
    )
    def test_are_refused_before_anything_is_written(self, items: list[dict[str, Any]], text: str, host) -> None:
        run = host.run(*items)
        assert run.failed
        assert text in run.result["msg"]
        assert list(host.dest.iterdir()) == []

    def test_an_unknown_option(self, host) -> None:
        run = host.run({**ONE.brought(), "url": "x"})
        assert run.failed
        assert "url" in run.result["msg"]


class TestSeveralRunsAtOnce:
    def test_of_the_same_licenses(self, host) -> None:
        wanted = [item.brought() for item in licenses(40)]
        runs = [run.wait() for run in [host.start(*wanted) for _try in range(4)]]
        assert not any(run.failed for run in runs)
        states = [set(run.states) for run in runs]
        # One of them staged all, the others found that done.
        assert sorted(states, key=sorted) == [{"fetched"}, {"unchanged"}, {"unchanged"}, {"unchanged"}]
        assert host.names == {item.name for item in licenses(40)}
        assert len(json.loads(host.manifest.read_text())["files"]) == 40

    def test_of_different_licenses(self, host) -> None:
        many = licenses(40)
        parts = [many[start::4] for start in range(4)]
        runs = [run.wait() for run in [host.start(*(item.brought() for item in part)) for part in parts]]
        assert [run.states for run in runs] == [["fetched"] * 10] * 4
        assert host.names == {item.name for item in many}
        assert set(json.loads(host.manifest.read_text())["files"]) == host.names

    def test_a_file_is_whole_at_any_moment(self, host) -> None:
        """Whoever reads sees the old license or the new one, while one replaces the other."""
        host.run(ONE.brought())
        seen = set()
        for item in (NEWER, ONE) * 4:
            run = host.start(item.brought())
            while run.process.is_alive():
                seen.add(host.path(ONE.name).read_bytes())
            assert run.wait().states == ["fetched"]
        assert seen == {ONE.xml, NEWER.xml}

    def test_a_killed_run_leaves_whole_files_and_the_next_one_ends_its_work(self, host) -> None:
        many = licenses(400)
        old = {item.name: item.xml for item in many[::2]}
        host.run(*(item.brought() for item in many[::2]))
        renewed = [License(item.product_id, item.content_id, NEWER.instance_id) for item in many]
        new = {item.name: item.xml for item in renewed}
        run = host.start(*(item.brought() for item in renewed))
        end = time.monotonic() + 20
        while host.path(many[1].name).exists() is False and time.monotonic() < end:
            time.sleep(0.001)
        assert run.process.pid is not None
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.join()
        for path in host.dest.glob("*_License1.xml"):
            assert path.read_bytes() in (old.get(path.name), new[path.name])
        last = host.run(*(item.brought() for item in renewed))
        assert not last.failed
        assert {path.name: path.read_bytes() for path in host.dest.glob("*.xml")} == new
        assert host.names == set(new)


def test_needs_the_standard_library_only() -> None:
    """Managed hosts have neither requests nor msal nor cryptography."""
    script = """
import sys
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader()
import ansible.module_utils.basic
before = set(sys.modules)
from ansible_collections.msdevices.provisioning.plugins.modules import ms_offline_license
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new - set(sys.stdlib_module_names) - {"ansible", "ansible_collections"}))
print(sorted({"requests", "urllib3", "msal", "cryptography"} & new))
"""
    output = subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert output == "[]\n[]\n"


class TestWithoutAContentId:
    """What the host knows of licenses whose content ids the controller finds."""

    QUERY = f"{PRODUCT_ID.lower()}/0015"

    def test_reports_that_it_is_not_known(self, host) -> None:
        run = host.run({"product_id": PRODUCT_ID}, OTHER.brought(), service="store_licensing")
        assert (run.states, run.reasons) == (["failed", "fetched"], ["unresolved", "absent"])
        item = run.result["licenses"][0]
        assert (item["index"], item["catalog_query"], item["content_id"], item["path"]) == (0, self.QUERY, None, None)
        assert "its content id is not known yet" in item["error"]
        assert host.names == {OTHER.name}

    def test_is_refused_where_the_service_does_not_find_it(self, host) -> None:
        run = host.run({"product_id": PRODUCT_ID})
        assert run.failed
        assert "content_id is missing (only the service store_licensing finds it by the product)" in run.result["msg"]
        assert "licenses" not in run.result

    def test_remembers_what_it_was_told(self, host) -> None:
        second = License(content_id="0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77")
        host.run(
            ONE.brought(catalog_query=self.QUERY), second.brought(catalog_query=self.QUERY), service="store_licensing"
        )
        before = host.snapshot()
        run = host.run({"product_id": PRODUCT_ID}, service="store_licensing")
        assert not run.failed
        assert run.result["changed"] is False
        assert [item["content_id"] for item in run.result["licenses"]] == [ONE.content_id, second.content_id]
        assert [item["index"] for item in run.result["licenses"]] == [0, 0]
        assert host.snapshot() == before
        host.path(second.name).unlink()
        run = host.run({"product_id": PRODUCT_ID}, service="store_licensing")
        assert (run.states, run.reasons) == (["unchanged", "failed"], [None, "absent"])

    def test_of_what_it_was_not_told_knows_nothing(self, host) -> None:
        host.run(ONE.brought(), service="store_licensing")
        assert host.run({"product_id": PRODUCT_ID}, service="store_licensing").reasons == ["unresolved"]

    def test_forgets_what_is_pruned(self, host) -> None:
        host.run(ONE.brought(catalog_query=self.QUERY), service="store_licensing")
        run = host.run(OTHER.brought(), service="store_licensing", prune=True)
        assert run.result["pruned"] == [str(host.path(ONE.name))]
        assert "catalog_queries" not in json.loads(host.manifest.read_bytes())

    def test_a_damaged_memory_is_not_used(self, host) -> None:
        host.run(ONE.brought(catalog_query=self.QUERY), service="store_licensing")
        content = json.loads(host.manifest.read_bytes())
        content["catalog_queries"][self.QUERY] = ["../../etc/passwd"]
        host.manifest.write_text(json.dumps(content))
        run = host.run({"product_id": PRODUCT_ID}, service="store_licensing")
        assert run.reasons == ["unresolved"]
        assert any("it selects what is no content id" in text for text in run.warnings)

    def test_in_check_mode_writes_nothing(self, host) -> None:
        run = host.run({"product_id": PRODUCT_ID}, service="store_licensing", check_mode=True)
        assert run.reasons == ["unresolved"]
        assert list(host.dest.iterdir()) == []
