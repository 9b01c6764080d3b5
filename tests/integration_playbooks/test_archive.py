# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Licenses that are kept on the controller: filled by what is fetched, and used before any service is asked."""

from __future__ import annotations

import base64
import stat

import pytest

from .conftest import NewLab, Served
from .harness import default_name

pytestmark = pytest.mark.once


def test_new_hosts_without_service_and_credential(new_lab: NewLab, served: Served) -> None:
    """One run fills the archive; another one, of other hosts, needs neither a request nor a credential."""
    lab = new_lab(linux=2, windows=["win1"])
    wanted = lab.emulator.licenses(3)
    documents = {default_name(ids): served(ids) for ids in wanted}
    archive = lab.directory / "archive"
    first = lab.run([lab.task("first", licenses=wanted, archive=str(archive))], "--limit", "linux1")
    assert {item["state"] for item in first.ok("linux1", "first")["licenses"]} == {"fetched"}
    assert {path.name: path.read_bytes() for path in archive.iterdir()} == documents
    assert {stat.S_IMODE(path.stat().st_mode) for path in archive.iterdir()} == {0o600}
    assert stat.S_IMODE(archive.stat().st_mode) == 0o700

    lab.defaults = {"archive": str(archive)}
    tasks = [lab.task("check", licenses=wanted) | {"check_mode": True}, lab.task("later", licenses=wanted)]
    later = lab.run([*tasks, lab.task("again", licenses=wanted)], "--limit", "linux2,win1")
    assert later.requests == []
    for host in ("linux2", "win1"):
        for task in ("check", "later"):
            assert [item["state"] for item in later.ok(host, task)["licenses"]] == ["archived"] * 3
        assert not later.ok(host, "again")["changed"]
        assert lab.files(host) == documents


def test_files_of_other_names(new_lab: NewLab, served: Served) -> None:
    """What people have is found by what is in it; what is no license, or another one, is left alone."""
    lab = new_lab(linux=1)
    wanted = lab.emulator.licenses(3)
    archive = lab.directory / "archive"
    (archive / "old").mkdir(parents=True)
    (archive / "old" / "calculator.xml").write_bytes(served(wanted[0]))
    (archive / "news.txt").write_bytes(base64.encodebytes(served(wanted[1])))
    (archive / "notes.txt").write_text("no license", encoding="utf-8")
    # Its name says that it is the third one.
    (archive / default_name(wanted[2])).write_bytes(served(wanted[0]))
    run = lab.run([lab.task("staged", licenses=wanted, archive=str(archive))])
    assert [item["state"] for item in run.ok("linux1", "staged")["licenses"]] == ["archived", "archived", "fetched"]
    assert run.license_requests == 1
    assert (archive / default_name(wanted[2])).read_bytes() == served(wanted[2])
    forced = lab.run([lab.task("forced", licenses=wanted, archive=str(archive), force=True)])
    assert forced.license_requests == 3


def test_archive_that_cannot_be_used(new_lab: NewLab) -> None:
    """One clear error, and nothing is requested."""
    lab = new_lab(linux=1)
    file = lab.directory / "a file"
    file.write_text("", encoding="utf-8")
    run = lab.run([lab.task("staged", licenses=lab.emulator.licenses(1), archive=str(file))])
    text = run.error("linux1", "staged")
    assert f"Could not read the archive {file} (" in text or f"Could not read the archive {file}:" in text
    assert "Set archive to a directory" in text
    assert run.requests == []
