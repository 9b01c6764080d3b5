# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import multiprocessing
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from emulator.client import Emulator
from unit.support import FORK

from ansible_collections.msdevices.provisioning.plugins.module_utils._cache import NoCache
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError, SignInError
from ansible_collections.msdevices.provisioning.plugins.module_utils._refresh_token_file import RefreshTokenFile
from ansible_collections.msdevices.provisioning.plugins.module_utils._settings import Settings
from ansible_collections.msdevices.provisioning.plugins.module_utils._sign_in import TokenSource

pytestmark = pytest.mark.usefixtures("quick_retries")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "refresh-token"


def token_of(settings: Settings) -> str:
    return TokenSource(settings, NoCache()).token()


class TestFile:
    def test_keeps_a_token_for_its_owner_alone(self, path: Path) -> None:
        keeper = RefreshTokenFile(str(path))
        with keeper.locked(1.0):
            assert keeper.read() == ""
            keeper.replace("one")
            assert keeper.read() == "one"
        with keeper.locked(1.0):
            keeper.replace("two")
        assert path.read_text() == "two\n"
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
        assert {file.name for file in path.parent.iterdir()} == {path.name, path.name + ".lock"}

    def test_is_found_in_the_home_directory(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(path.parent))
        path.write_text(" token \n")
        assert RefreshTokenFile(f"~/{path.name}").read() == "token"

    @pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"one\ntwo", b"a\x1bb"])
    def test_with_something_else_is_refused_without_showing_it(self, content: bytes, path: Path) -> None:
        path.write_bytes(b"canary" + content)
        with pytest.raises(OptionError) as caught:
            RefreshTokenFile(str(path)).read()
        assert caught.value.attempted == f"Could not read the refresh token file {path}"
        assert "canary" not in str(caught.value)

    def test_that_is_a_directory(self, path: Path) -> None:
        path.mkdir()
        with pytest.raises(OptionError, match="Is a directory"):
            RefreshTokenFile(str(path)).read()
        keeper = RefreshTokenFile(str(path))
        with pytest.raises(OptionError, match="Could not keep the new refresh token"), keeper.locked(1.0):
            keeper.replace("token")
        assert {file.name for file in path.parent.iterdir()} == {path.name, path.name + ".lock"}

    def test_in_a_directory_that_is_not_there(self, path: Path) -> None:
        with (
            pytest.raises(OptionError, match="No such file or directory"),
            RefreshTokenFile(str(path / "below")).locked(1.0),
        ):
            pytest.fail("there is no lock")

    def test_that_is_a_link_stays_one(self, path: Path) -> None:
        link = path.with_name("link")
        link.symlink_to(path.name)
        keeper = RefreshTokenFile(str(link))
        with keeper.locked(1.0):
            keeper.replace("token")
        assert link.is_symlink()
        assert path.read_text() == "token\n"

    def test_stays_as_it_is_when_nothing_replaces_it(self, path: Path) -> None:
        path.write_text("token")
        with RefreshTokenFile(str(path)).locked(1.0):
            pass
        assert path.read_text() == "token"
        assert {file.name for file in path.parent.iterdir()} == {path.name, path.name + ".lock"}

    def test_is_locked_by_one_at_a_time(self, path: Path) -> None:
        with RefreshTokenFile(str(path)).locked(1.0):
            start = time.monotonic()
            with pytest.raises(OptionError, match="another run has held it"), RefreshTokenFile(str(path)).locked(0.2):
                pytest.fail("there are two locks")
            assert 0.15 < time.monotonic() - start < 2
        with RefreshTokenFile(str(path)).locked(0.0):
            pass


class TestSignIn:
    def test_the_new_token_is_kept_and_used_by_the_next_run(
        self, emu: Emulator, make_settings: Callable[..., Settings], path: Path
    ) -> None:
        emu.settings(refresh_token_uses=1)
        settings = make_settings(refresh_token=emu.refresh_token, refresh_token_file=str(path))
        kept = []
        for _ in range(3):
            token_of(settings)
            kept.append(path.read_text())
        assert len(set(kept)) == 3
        assert emu.refresh_token + "\n" not in kept
        assert emu.token_requests() == 3

    def test_the_file_alone_will_do(self, emu: Emulator, make_settings: Callable[..., Settings], path: Path) -> None:
        path.write_text(emu.refresh_token)
        token_of(make_settings(refresh_token_file=str(path)))
        assert path.read_text().strip() not in ("", emu.refresh_token)

    def test_a_kept_token_that_is_refused_gives_way_to_the_option(
        self, emu: Emulator, make_settings: Callable[..., Settings], path: Path
    ) -> None:
        path.write_text(emu.expired_refresh_token)
        token_of(make_settings(refresh_token=emu.refresh_token, refresh_token_file=str(path)))
        assert emu.token_requests() == 2
        assert path.read_text().strip() != emu.expired_refresh_token

    def test_a_kept_token_stays_when_all_are_refused(
        self, emu: Emulator, make_settings: Callable[..., Settings], path: Path
    ) -> None:
        path.write_text(emu.expired_refresh_token)
        with pytest.raises(SignInError, match="AADSTS700082"):
            token_of(make_settings(refresh_token_file=str(path)))
        assert path.read_text() == emu.expired_refresh_token

    def test_no_token_at_all(self, emu: Emulator, make_settings: Callable[..., Settings], path: Path) -> None:
        with pytest.raises(OptionError, match="does not exist or is empty, and refresh_token is not set"):
            token_of(make_settings(refresh_token_file=str(path)))
        assert emu.token_requests() == 0

    def test_a_file_that_cannot_be_written_is_found_before_the_token_is_spent(
        self, emu: Emulator, make_settings: Callable[..., Settings], path: Path
    ) -> None:
        settings = make_settings(refresh_token=emu.refresh_token, refresh_token_file=str(path / "below" / "token"))
        with pytest.raises(OptionError, match="Could not lock"):
            token_of(settings)
        assert emu.token_requests() == 0

    def test_a_kept_token_that_is_repeated_does_not_show(
        self, emu: Emulator, make_settings: Callable[..., Settings], path: Path
    ) -> None:
        path.write_text("canary-refresh-token")
        body = {"error": "invalid_grant", "error_description": "AADSTS70000: canary-refresh-token is no good."}
        emu.fault(listener="entra", action="status", status=400, body=body, path_regex="/token")
        with pytest.raises(SignInError, match="AADSTS70000") as caught:
            token_of(make_settings(refresh_token_file=str(path)))
        assert "canary" not in str(caught.value)

    def test_parallel_runs_do_not_spend_the_same_token(
        self, emu: Emulator, make_settings: Callable[..., Settings], path: Path
    ) -> None:
        emu.settings(refresh_token_uses=1)
        path.write_text(emu.refresh_token)
        settings = make_settings(refresh_token_file=str(path))
        runs: list[multiprocessing.process.BaseProcess] = [
            FORK.Process(target=lambda: os._exit(not token_of(settings))) for _ in range(5)
        ]
        for run in runs:
            run.start()
        for run in runs:
            run.join(30)
        assert [run.exitcode for run in runs] == [0] * 5
        assert emu.token_requests() == 5
