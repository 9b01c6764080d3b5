# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of a POSIX host that other users can reach: what they can lead the superuser to. Needs the superuser."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from unit.support import licenses

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import StagingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import requests_from
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.attributes import Attributes
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.licenses import LicenseStager
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.posix import PosixDirectory
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.report import FACTS, StagingReport

USER = 1500
ONE, TWO = licenses(2)
LOCK = ".ms_offline_license.lock"


@pytest.fixture
def top() -> Iterator[Path]:
    """A directory that other users can enter."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@contextmanager
def other_user() -> Iterator[None]:
    """Be another user for a while."""
    os.seteuid(USER)
    try:
        yield
    finally:
        os.seteuid(0)


def directory_of(path: Path, mode: int = 0o755, owner: int = 0) -> Path:
    path.mkdir()
    path.chmod(mode)
    os.chown(path, owner, owner)
    return path


def stage(dest: Path, *items: dict[str, Any], prune: bool = False, between: Any = None, **params: Any) -> StagingReport:
    """Stage licenses; `between` happens after files were judged and before anything is changed."""
    directory = PosixDirectory(str(dest), Attributes.of({"mode": "0600", **params}))
    if between is not None:
        replace = directory.replace
        directory.replace = lambda contents: (between(), replace(contents))[1]  # type: ignore[method-assign]
    return LicenseStager(directory, "xml", prune, check_mode=False).stage(requests_from(list(items)))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_link_of_another_user_at_dest_or_above_is_refused(top: Path) -> None:
    precious = directory_of(top / "precious", 0o700)
    (precious / "stage").mkdir()
    home = directory_of(top / "home", owner=USER)
    with other_user():
        (home / "licenses").symlink_to(precious)
    for dest in (home / "licenses", home / "licenses" / "stage"):
        with pytest.raises(StagingError, match=f"'licenses' in that path is a symbolic link of another user, {USER}"):
            stage(dest, ONE.brought())
    assert [path.name for path in precious.rglob("*")] == ["stage"]
    os.lchown(home / "licenses", 0, 0)
    assert stage(home / "licenses" / "stage", ONE.brought()).changed


@pytest.mark.parametrize("swap", [Path.symlink_to, Path.hardlink_to])
def test_a_file_that_is_swapped_after_it_was_judged_leads_nowhere(
    top: Path, swap: Callable[[Path, Path], None]
) -> None:
    """Neither mode nor owner of the target change, nor what it holds."""
    secret = top / "secret"
    secret.write_bytes(b"root's")
    secret.chmod(0o600)
    dest = directory_of(top / "dest", owner=USER)
    stage(dest, ONE.brought(), owner=str(USER))

    def swapped() -> None:
        (dest / ONE.name).unlink()
        swap(dest / ONE.name, secret)

    report = stage(dest, ONE.item(), between=swapped, mode="0644", owner=str(USER))
    assert [result["state"] for result in report.licenses] == ["failed"]
    assert "Could not stage" in report.licenses[0]["error"]
    assert (mode_of(secret), secret.stat().st_uid, secret.read_bytes()) == (0o600, 0, b"root's")


def test_what_others_plant_in_a_shared_directory_does_not_count(top: Path) -> None:
    """Neither a license nor a manifest that would have files of root pruned."""
    dest = directory_of(top / "dest", 0o1777)
    conf = dest / "root.conf"
    conf.write_bytes(b"root's")
    facts = dict.fromkeys(FACTS, "")
    entry = {**TWO.item(), **facts, "sha256": hashlib.sha256(b"root's").hexdigest(), "size": 6, "format": "xml"}
    with other_user():
        (dest / ".ms_offline_license.json").write_text(json.dumps({"version": 1, "files": {"root.conf": entry}}))
        (dest / ONE.name).write_bytes(ONE.xml)
    report = stage(dest, ONE.item(), prune=True)
    assert [(result["state"], result["reason"]) for result in report.licenses] == [("failed", "altered")]
    report = stage(dest, ONE.brought(), prune=True)
    assert (report.licenses[0]["state"], report.pruned) == ("fetched", [])
    assert conf.read_bytes() == b"root's"
    assert (dest / ONE.name).stat().st_uid == 0
    # The manifest was written anew in the first run; the directory stays what it is.
    assert any(f"Other users can write to {dest}" in text for text in report.warnings)
    assert stage(dest, ONE.item(), prune=True).licenses[0]["state"] == "unchanged"


def test_who_can_write_to_dest_is_named(top: Path) -> None:
    private = directory_of(top / "private", 0o750)
    of_user = directory_of(top / "of user", owner=USER)
    assert stage(private, ONE.brought()).warnings == []
    assert f"Its owner, {USER}, can write to {of_user}" in stage(of_user, ONE.brought()).warnings[0]
    assert stage(of_user, ONE.brought(), owner=str(USER)).warnings == []


def test_other_users_cannot_hold_the_lock(top: Path) -> None:
    dest = directory_of(top / "dest", 0o1777)
    with other_user():
        planted = os.open(dest / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        readable = os.open(dest, os.O_RDONLY)
    for descriptor in (planted, readable):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    start = time.monotonic()
    directory = PosixDirectory(str(dest), Attributes())
    with directory.lock():
        assert mode_of(dest / LOCK) == 0o600
        assert (dest / LOCK).stat().st_uid == 0
        with other_user(), pytest.raises(PermissionError):
            os.open(dest / LOCK, os.O_RDONLY)
    assert time.monotonic() - start < 5
    assert not (dest / LOCK).exists()
    os.close(planted)
    os.close(readable)


def test_a_forgotten_become_is_called_what_it_is(top: Path) -> None:
    """Files of the superuser are neither damaged nor in the way."""
    dest = directory_of(top / "dest", 0o755, owner=USER)
    stage(dest, ONE.brought())
    before = (dest / ".ms_offline_license.json").read_bytes()
    with other_user():
        report = stage(dest, ONE.item(), TWO.brought())
    errors = [result["error"] for result in report.licenses]
    assert f"{dest}/{ONE.name} cannot be read: Permission denied. Set become, or run as the user who" in errors[0]
    assert report.warnings == []
    assert (dest / ".ms_offline_license.json").read_bytes() == before
    assert (dest / TWO.name).read_bytes() == TWO.xml


def test_an_owner_that_cannot_be_given_is_explained(top: Path) -> None:
    dest = directory_of(top / "dest", owner=USER)
    with other_user():
        report = stage(dest, ONE.brought(), owner="0")
    assert report.licenses[0]["error"].endswith(
        "owner and group could not be set: Operation not permitted. Only root may give files to another user: set"
        " become, or leave out owner and group."
    )
    assert list(dest.iterdir()) == []


def test_mode_and_owner_hold_for_the_manifest_too(top: Path) -> None:
    dest = directory_of(top / "dest")
    stage(dest, ONE.brought(), mode="0644")
    report = stage(dest, ONE.item(), mode="u=rw,g=,o=", owner=str(USER))
    assert report.changed
    for path in dest.iterdir():
        assert (mode_of(path), path.stat().st_uid) == (0o600, USER)
    assert not stage(dest, ONE.item(), mode="u=rw,g=,o=", owner=str(USER)).changed


def test_large_files_are_moved_into_folders(top: Path) -> None:
    """What packages need: a file from the same file system or another one, in a folder that does not exist yet."""
    dest = directory_of(top / "dest")
    directory = PosixDirectory(str(dest), Attributes(mode=0o640))
    near, far = top / "near", Path(tempfile.mkdtemp(dir="/dev/shm")) / "far"
    for path in (near, far):
        path.write_bytes(b"x" * 3_000_000)
    inode = near.stat().st_ino
    assert directory.replace({"app/near": near, "app/Dependencies/far": far}) == {}
    found = directory.list(["app/near", "app/Dependencies/far", "app/none", "none/none"])
    assert {name: one.size for name, one in found.items()} == {"app/near": 3_000_000, "app/Dependencies/far": 3_000_000}
    assert (dest / "app" / "near").stat().st_ino == inode
    assert (mode_of(dest / "app"), mode_of(dest / "app" / "near")) == (0o750, 0o640)
    shutil.rmtree(far.parent)
    # A link in place of a folder is not followed.
    (dest / "app" / "Dependencies" / "far").unlink()
    (dest / "app" / "Dependencies").rmdir()
    (dest / "app" / "Dependencies").symlink_to(top)
    assert directory.replace({"app/Dependencies/x": b"x"})["app/Dependencies/x"].cause
    assert not (top / "x").exists()
