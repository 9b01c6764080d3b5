# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of the newest refresh token: rotated, private, never half written, never lost to a parallel run."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from emulator.client import Emulator
from unit.plugins.partner.support import MemoryCache, Partner, ids_of

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
    ServiceError,
    SignInError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in import (
    refresh_token_file as _refresh_token_file,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.refresh_token_file import RefreshTokenFile

pytestmark = pytest.mark.usefixtures("quick_retries")
AZURE = "MS-AZR-0145P"
FORK = multiprocessing.get_context("fork")
PROCESSES = 8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the token is kept, in a directory of its own."""
    directory = tmp_path / "tokens"
    directory.mkdir(mode=0o700)
    return directory / "refresh_token"


@pytest.fixture
def public_path() -> Iterator[Path]:
    """The same where every user may go; pytest's own directories are private."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        yield Path(directory, "refresh_token")


@pytest.fixture
def spendable(emu: Emulator) -> Iterator[Emulator]:
    """An emulator whose refresh tokens can be exchanged once."""
    emu.settings(refresh_token_uses=1)
    yield emu
    emu.settings(refresh_token_uses=None)


def find(partner: Partner, path: Path, token: str | None, **changes: Any) -> list[str]:
    """Find an offer in a new run, signed in as a user."""
    partner.cache = MemoryCache()
    options = partner.signed_in(refresh_token=token, refresh_token_file=str(path), **changes)
    return ids_of(partner.find(AZURE, **options).offers)


def beside(path: Path) -> set[str]:
    return {entry.name for entry in path.parent.iterdir()}


class TestRotation:
    def test_the_new_token_is_kept_and_used_next_time(self, spendable: Emulator, partner: Partner, path: Path) -> None:
        kept = []
        for _run in range(4):
            assert find(partner, path, spendable.refresh_token) == [AZURE]
            kept.append(path.read_text())
        assert len({*kept, spendable.refresh_token}) == 5
        assert spendable.token_requests() == 4
        assert all(entry["status"] == 200 for entry in spendable.requests("entra"))

    def test_without_the_option_once_the_file_is_there(self, spendable: Emulator, partner: Partner, path: Path) -> None:
        path.write_text(spendable.new_refresh_token() + "\n")
        for _run in range(2):
            assert find(partner, path, None) == [AZURE]

    def test_one_exchange_for_a_run(self, spendable: Emulator, partner: Partner, path: Path) -> None:
        find(partner, path, spendable.refresh_token)
        kept = path.read_text()
        options = partner.signed_in(refresh_token=spendable.refresh_token, refresh_token_file=str(path))
        partner.find(*spendable.offer_ids(20), **options)
        assert spendable.token_requests() == 1
        assert path.read_text() == kept

    def test_a_refused_access_token_is_replaced_with_the_kept_one(
        self, spendable: Emulator, partner: Partner, path: Path
    ) -> None:
        partner.fault("unauthorized", times=1)
        assert find(partner, path, spendable.refresh_token) == [AZURE]
        assert spendable.token_requests() == 2

    def test_when_no_new_token_comes_back_the_old_one_is_kept(
        self, emu: Emulator, partner: Partner, path: Path
    ) -> None:
        answer = {"token_type": "Bearer", "expires_in": 3599, "access_token": emu.access_tokens["partner_public"]}
        emu.fault(listener="entra", action="status", status=200, body=answer, path_regex="token$")
        assert find(partner, path, emu.refresh_token) == [AZURE]
        assert path.read_text().strip() == emu.refresh_token


class TestFile:
    def test_is_readable_by_its_owner_alone(self, emu: Emulator, partner: Partner, path: Path) -> None:
        before = os.umask(0)
        try:
            find(partner, path, emu.refresh_token)
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert beside(path) == {"refresh_token", "refresh_token.lock"}
        assert stat.S_IMODE(path.with_suffix(".lock").stat().st_mode) == 0o600

    def test_that_was_readable_by_others_is_not_any_more(self, emu: Emulator, partner: Partner, path: Path) -> None:
        path.write_text(emu.refresh_token)
        path.chmod(0o644)
        find(partner, path, None)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_is_replaced_and_not_written_to(self, emu: Emulator, partner: Partner, path: Path) -> None:
        find(partner, path, emu.refresh_token)
        old = path.read_text()
        reader = path.open()
        find(partner, path, None)
        # Whoever had the old file open still reads all of it.
        assert reader.read() == old
        reader.close()
        assert path.read_text() != old

    def test_a_reader_always_sees_a_whole_token(self, emu: Emulator, partner: Partner, path: Path) -> None:
        find(partner, path, emu.refresh_token)
        seen: set[str] = set()
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.001):
                seen.add(path.read_text())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            for _run in range(5):
                find(partner, path, None)
        finally:
            done.set()
            watcher.join()
        lengths = {len(text) for text in seen}
        assert len(lengths) == 1
        assert all(text.endswith("\n") and text.isprintable() is False for text in seen)

    def test_a_link_stays_a_link(self, emu: Emulator, partner: Partner, path: Path) -> None:
        target = path.with_name("target")
        path.symlink_to(target)
        find(partner, path, emu.refresh_token)
        first = target.read_text()
        find(partner, path, None)
        assert path.is_symlink()
        assert target.read_text() != first
        assert stat.S_IMODE(target.stat().st_mode) == 0o600

    def test_in_the_home_directory(
        self, emu: Emulator, partner: Partner, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(path.parent))
        find(partner, Path("~/refresh_token"), emu.refresh_token)
        assert path.exists()

    def test_a_name_without_a_directory(
        self, emu: Emulator, partner: Partner, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(path.parent)
        find(partner, Path(path.name), emu.refresh_token)
        assert path.exists()

    def test_nothing_is_left_behind_by_a_failure(self, emu: Emulator, partner: Partner, path: Path) -> None:
        emu.fault(listener="entra", action="status", status=503)
        with pytest.raises(ProvisioningError):
            find(partner, path, emu.refresh_token, max_retries=0)
        assert beside(path) == {"refresh_token.lock"}

    def test_no_secret_is_in_an_error(self, emu: Emulator, partner: Partner, path: Path) -> None:
        path.write_text("0.A-canary-of-the-file")
        text = str(partner.error(SignInError, lambda: find(partner, path, "0.A-canary-of-the-option")))
        assert "AADSTS70000" in text
        assert "canary" not in text


class TestFallback:
    def test_to_the_option_when_the_files_token_is_refused(
        self, spendable: Emulator, partner: Partner, path: Path
    ) -> None:
        path.write_text(spendable.new_refresh_token(lifetime=-3600))
        assert find(partner, path, spendable.refresh_token) == [AZURE]
        assert [entry["status"] for entry in spendable.requests("entra", "/token")] == [400, 200]
        # The new token has taken the place of the refused one.
        assert find(partner, path, None) == [AZURE]

    def test_to_the_option_when_the_file_is_empty(self, emu: Emulator, partner: Partner, path: Path) -> None:
        path.write_text("\n")
        assert find(partner, path, emu.refresh_token) == [AZURE]

    def test_not_when_both_are_the_same(self, emu: Emulator, partner: Partner, path: Path) -> None:
        path.write_text(emu.expired_refresh_token)
        partner.error(SignInError, lambda: find(partner, path, emu.expired_refresh_token))
        assert emu.token_requests() == 1

    def test_both_refused(self, emu: Emulator, partner: Partner, path: Path) -> None:
        old = emu.new_refresh_token(lifetime=-3600)
        path.write_text(old)
        text = str(partner.error(SignInError, lambda: find(partner, path, emu.expired_refresh_token)))
        assert "AADSTS700082" in text
        assert path.read_text() == old
        assert partner.requests == []

    def test_not_when_the_sign_in_service_is_down(self, emu: Emulator, partner: Partner, path: Path) -> None:
        """A token that was not refused is kept for the next time, and the option's is not spent."""
        kept = emu.new_refresh_token()
        path.write_text(kept)
        emu.fault(listener="entra", action="status", status=503, path_regex="token$")
        with pytest.raises(ProvisioningError, match="503"):
            find(partner, path, emu.refresh_token, max_retries=1)
        assert emu.token_requests() == 2
        assert path.read_text() == kept

    def test_neither_file_nor_option(self, emu: Emulator, partner: Partner, path: Path) -> None:
        text = str(partner.error(OptionError, lambda: find(partner, path, None)))
        assert "refresh_token" in text
        assert "MSDEVICES_REFRESH_TOKEN" in text
        assert emu.requests() == []


class TestRefusedBeforeAnyRequest:
    @pytest.mark.parametrize("place", ["absent/token", "file/token", "/proc/self/token", "/dev/null/x"])
    def test_a_directory_that_is_none(self, place: str, emu: Emulator, partner: Partner, path: Path) -> None:
        path.with_name("file").write_text("")
        target = Path(path.parent, place)
        text = str(partner.error(OptionError, lambda: find(partner, target, emu.refresh_token)))
        assert "refresh_token_file" in text
        assert str(target.name) in text
        assert emu.requests() == []

    def test_a_directory_that_cannot_be_written(self, emu: Emulator, public_path: Path) -> None:
        lock = public_path.with_suffix(".lock")
        lock.write_text("")
        lock.chmod(0o666)
        public_path.write_text("0.A-not-shown")
        public_path.chmod(0o666)
        public_path.parent.chmod(0o555)
        message = as_plain_user(emu, public_path)
        assert "Could not keep the new refresh token" in message
        assert "Permission denied" in message
        assert "0.A" not in message
        assert emu.requests() == []

    @pytest.mark.parametrize("mode", [0o755, 0o770, 0o1777])
    def test_a_new_file_in_a_directory_that_is_not_private(
        self, mode: int, emu: Emulator, partner: Partner, path: Path
    ) -> None:
        """Whoever chose the path by mistake, or by malice, gets nothing written among files of something else."""
        path.parent.chmod(mode)
        text = str(partner.error(OptionError, lambda: find(partner, path, emu.refresh_token)))
        assert f"{path.parent} is not private" in text
        assert "refresh_token_file" in text
        assert list(path.parent.iterdir()) == []
        assert emu.requests() == []
        path.touch(mode=0o600)
        assert find(partner, path, emu.refresh_token) == [AZURE]

    def test_a_full_disk(self, emu: Emulator, partner: Partner, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(_refresh_token_file.os, "fsync", full)
        text = str(partner.error(OptionError, lambda: find(partner, path, emu.refresh_token)))
        assert "No space left" in text
        assert emu.requests() == []
        assert beside(path) == {"refresh_token.lock"}

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"two\nlines", "something else than a token"),
            (b"\xff\xfe\x00token", "no text"),
            (b"a\x00b", "something else than a token"),
            (b"ssh-ed25519 AAAA somebody", "something else than a token"),
            (None, "Is a directory"),
        ],
    )
    def test_a_file_of_something_else(
        self, content: bytes | None, says: str, emu: Emulator, partner: Partner, path: Path
    ) -> None:
        path.mkdir() if content is None else path.write_bytes(content)
        text = str(partner.error(OptionError, lambda: find(partner, path, emu.refresh_token)))
        assert says in text
        assert "refresh_token_file" in text
        assert emu.requests() == []

    def test_a_lock_that_is_held_for_too_long(self, emu: Emulator, partner: Partner, path: Path) -> None:
        with open(path.with_suffix(".lock"), "w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            start = time.monotonic()
            text = str(partner.error(OptionError, lambda: find(partner, path, emu.refresh_token, deadline=0.5)))
        assert "another run has held it for too long" in text
        assert 0.5 <= time.monotonic() - start < 5
        assert emu.requests() == []


class TestParallelRuns:
    def test_never_lose_the_token(self, spendable: Emulator, path: Path) -> None:
        """A run that exchanged what another has spent already would be refused."""
        spendable.latency(30, "entra")
        results = FORK.SimpleQueue()
        processes = [FORK.Process(target=_run, args=(spendable, str(path), results)) for number in range(PROCESSES)]
        for process in processes:
            process.start()
        outcomes = [results.get() for _process in processes]
        for process in processes:
            process.join(60)
        assert outcomes == ["found"] * PROCESSES
        log = [entry for entry in spendable.requests("entra") if entry["method"] == "POST"]
        assert [entry["status"] for entry in log] == [200] * PROCESSES
        # One after the other, each with what the one before got.
        assert all(later["time"] >= earlier["finished"] for earlier, later in pairwise(log))
        # And the last one is good for the next run.
        assert find(Partner(spendable), path, None) == [AZURE]
        assert beside(path) == {"refresh_token", "refresh_token.lock"}

    def test_go_on_when_one_is_killed(self, spendable: Emulator, path: Path) -> None:
        partner = Partner(spendable)
        find(partner, path, spendable.refresh_token)
        stall = spendable.fault(listener="entra", action="stall_headers", path_regex="openid-configuration", times=1)
        results = FORK.SimpleQueue()
        process = FORK.Process(target=_run, args=(spendable, str(path), results))
        process.start()
        while not spendable.faults()[0]["applied"]:
            time.sleep(0.02)
        process.kill()
        process.join(10)
        spendable.clear_faults(stall)
        # The kernel has taken its lock away.
        assert find(partner, path, None, deadline=10) == [AZURE]


def test_the_lock_is_given_back(path: Path) -> None:
    keeper = RefreshTokenFile(str(path))
    for number in range(3):
        with keeper.locked(0.1):
            keeper.replace(f"token{number}")
            assert keeper.read() == f"token{number}"
    with pytest.raises(ZeroDivisionError), keeper.locked(0.1):
        raise ZeroDivisionError
    with keeper.locked(0.1):
        assert keeper.read() == "token2"


@pytest.mark.parametrize("length", [1, 100, 2000, 40_000])
def test_tokens_of_every_length(length: int, path: Path) -> None:
    keeper = RefreshTokenFile(str(path))
    token = "x" * length
    with keeper.locked(1):
        keeper.replace(token)
        assert keeper.read() == token
    assert path.read_bytes() == token.encode() + b"\n"


@pytest.mark.parametrize("error", [ServiceError, UnavailableError])
def test_the_token_is_kept_when_the_service_then_refuses(
    error: type[ProvisioningError], spendable: Emulator, partner: Partner, path: Path
) -> None:
    status = 403 if error is ServiceError else 500
    rule = partner.fault("status", status=status, body={"code": 1, "description": "No."})
    partner.error(error, lambda: find(partner, path, spendable.refresh_token, max_retries=0))
    spendable.clear_faults(rule)
    assert find(partner, path, None) == [AZURE]


def _run(emu: Emulator, path: str, results: Any) -> None:
    """A run of its own, in a process of its own."""
    try:
        found = find(Partner(emu), Path(path), emu.refresh_token)
        results.put("found" if found == [AZURE] else str(found))
    except BaseException as error:
        results.put(repr(error))
    os._exit(0)


@pytest.mark.parametrize("token", ["import os; os.system('x')", "ssh-ed25519 AAAA", "a\nb"])
def test_only_a_token_is_kept(token: str, emu: Emulator, partner: Partner, path: Path) -> None:
    emu.fault(
        listener="entra", action="status", status=200, path_regex="token$",
        body={"access_token": "x", "token_type": "Bearer", "expires_in": 3600, "refresh_token": token},
    )  # fmt: skip
    text = str(partner.error(SignInError, lambda: find(partner, path, emu.refresh_token)))
    assert "something else than a token" in text
    assert not path.exists()


def as_plain_user(emu: Emulator, path: Path) -> str:
    """The message of a sign-in as somebody who is not root, whom no permission stops."""
    results = FORK.SimpleQueue()

    def run() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        try:
            # Without the emulator's CA, which root alone may read: no request is made anyway.
            find(Partner(emu), path, emu.refresh_token, ca_path=None)
            results.put("found")
        except OptionError as error:
            results.put(str(error))
        except BaseException as error:
            results.put(repr(error))
        os._exit(0)

    process = FORK.Process(target=run)
    process.start()
    process.join(60)
    return str(results.get()) if not results.empty() else f"ended with {process.exitcode}"
