# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from ansible import constants as C
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from emulator.client import Emulator
from license_services import LicenseService, both_services
from unit.support import FORK

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ProvisioningError,
    ServiceError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache import run_cache as _run_cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import (
    RunCache,
    run_cache_of,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_licenses import fetch_licenses
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    settings_from,
)

CANARY = "canary-token"


class Forks:
    """Runs functions in forks of this process, all at once, and counts what they create."""

    def __init__(self, directory: Path) -> None:
        self._log = directory / "created"
        self._results = directory / "results"
        self._results.mkdir()
        self._go = FORK.Event()
        self.processes: list[BaseProcess] = []

    def create(self, key: str, value: Any = None, seconds: float = 0.05, error: ProvisioningError | None = None) -> Any:
        """A function that creates an entry, slowly, and remembers that it did."""

        def make() -> dict[str, Any]:
            # One line, which is written at once even by several processes.
            with open(self._log, "a", encoding="utf-8") as stream:
                stream.write(f"{key} {os.getpid()}\n")
            time.sleep(seconds)
            if error is not None:
                raise error
            return {"value": value if value is not None else key, "pid": os.getpid()}

        return make

    def created(self, key: str) -> int:
        """How often an entry was created."""
        if not self._log.exists():
            return 0
        return sum(line.split()[0] == key for line in self._log.read_text().splitlines())

    def start(self, work: Callable[[], Any]) -> BaseProcess:
        """Start a fork, which waits for release; what the function returns, or raises, can be had from results."""

        def run() -> None:
            self._go.wait(30)
            try:
                result = work()
            except ProvisioningError as error:
                result = {"error": type(error).__name__, "text": str(error)}
            path = self._results / str(os.getpid())
            path.write_text(json.dumps(result))
            os._exit(0)

        process = FORK.Process(target=run)
        process.start()
        self.processes.append(process)
        return process

    def release(self) -> None:
        """Let all forks go."""
        self._go.set()

    def results(self) -> list[Any]:
        """Let all forks go, wait for them, and return what they returned, or kind and text of their errors."""
        self.release()
        for process in self.processes:
            process.join(30)
        assert [process.exitcode for process in self.processes] == [0] * len(self.processes)
        return [json.loads((self._results / str(process.pid)).read_text()) for process in self.processes]


@pytest.fixture
def forks(tmp_path: Path) -> Iterator[Forks]:
    made = Forks(tmp_path)
    yield made
    for process in made.processes:
        if process.is_alive():
            process.kill()
            process.join()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "cache"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def cache(directory: Path) -> RunCache:
    return RunCache(str(directory), 20.0)


def never() -> dict[str, Any]:
    raise AssertionError("the entry is there")


class TestEntries:
    def test_are_kept(self, cache: RunCache, directory: Path) -> None:
        assert cache.find("key") is None
        assert cache.get_or_create("key", lambda: {"a": "é", "b": [1]}) == {"a": "é", "b": [1]}
        assert cache.get_or_create("key", never) == {"a": "é", "b": [1]}
        assert cache.find("key") == {"a": "é", "b": [1]}
        assert RunCache(str(directory), 1.0).get_or_create("key", never) == {"a": "é", "b": [1]}

    def test_of_different_keys_are_apart(self, cache: RunCache) -> None:
        for key in ("a", "A", "a ", "../a", "a\0b", "x" * 5000, ""):
            assert cache.get_or_create(key, lambda key=key: {"key": key}) == {"key": key}
        assert cache.find("A") == {"key": "A"}

    def test_that_are_not_usable_are_replaced(self, cache: RunCache) -> None:
        cache.get_or_create("key", lambda: {"n": 1})
        assert cache.get_or_create("key", lambda: {"n": 2}, lambda entry: entry["n"] > 1) == {"n": 2}
        assert cache.get_or_create("key", never, lambda entry: entry["n"] > 1) == {"n": 2}

    def test_that_were_just_created_are_taken_as_they_are(self, cache: RunCache) -> None:
        assert cache.get_or_create("key", lambda: {"n": 1}, lambda _entry: False) == {"n": 1}

    @pytest.mark.parametrize("content", [b"", b"\0", b"garbage", b"[]", b"null", b'{"a": 1}', b"\xff" * 100])
    def test_that_are_damaged_are_created_anew(self, content: bytes, cache: RunCache, directory: Path) -> None:
        cache.get_or_create("key", lambda: {"n": 1})
        for path in directory.iterdir():
            path.write_bytes(content)
        assert cache.find("key") is None
        assert cache.get_or_create("key", lambda: {"n": 2}) == {"n": 2}
        assert cache.get_or_create("key", never) == {"n": 2}

    def test_cannot_be_put_in_the_place_of_another(self, cache: RunCache, directory: Path) -> None:
        cache.get_or_create("one", lambda: {"n": 1})
        (one,) = [path for path in directory.iterdir() if not path.suffix]
        cache.get_or_create("two", lambda: {"n": 2})
        (two,) = [path for path in directory.iterdir() if not path.suffix and path != one]
        two.write_bytes(one.read_bytes())
        assert cache.find("one") == {"n": 1}
        assert cache.find("two") is None


class TestFiles:
    def test_are_for_their_owner_alone(self, cache: RunCache, directory: Path) -> None:
        old = os.umask(0)
        try:
            cache.get_or_create("key", lambda: {"a": 1})
            with pytest.raises(SignInError):
                cache.get_or_create("other", Forks.create(Forks(directory), "x", error=SignInError("a", "b")))
        finally:
            os.umask(old)
        files = [path for path in directory.iterdir() if len(path.stem) == 64]
        assert {path.suffix for path in files} == {"", ".lock", ".failed"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}

    def test_hold_nothing_that_can_be_read(self, cache: RunCache, directory: Path) -> None:
        cache.get_or_create(f"key of {CANARY}", lambda: {"access_token": CANARY})
        for path in directory.iterdir():
            assert CANARY.encode() not in path.read_bytes()
            assert CANARY not in path.name

    def test_leave_no_temporary_ones(self, cache: RunCache, directory: Path) -> None:
        for number in range(5):
            cache.get_or_create("key", lambda number=number: {"n": number}, lambda _entry: False)
        assert len(list(directory.iterdir())) == 2


class TestProcesses:
    def test_that_want_the_same_create_it_once(self, cache: RunCache, forks: Forks) -> None:
        names = ["a", "b", "c"]

        def work() -> list[Any]:
            order = names if os.getpid() % 2 else names[::-1]
            found = {name: cache.get_or_create(name, forks.create(name)) for name in order}
            return [found[name] for name in names]

        for _try in range(10):
            forks.start(work)
        results = forks.results()
        assert [forks.created(name) for name in names] == [1, 1, 1]
        assert all(result == results[0] for result in results)

    def test_share_a_failure_when_they_waited_for_it(self, cache: RunCache, forks: Forks) -> None:
        error = ServiceError("Could not try", "why", "what to do", status=409)
        for _try in range(8):
            forks.start(lambda: cache.get_or_create("key", forks.create("key", seconds=0.6, error=error)))
        assert forks.results() == [{"error": "ServiceError", "text": str(error)}] * 8
        assert forks.created("key") == 1

    def test_try_again_when_they_come_later(self, cache: RunCache, forks: Forks) -> None:
        for _try in range(2):
            with pytest.raises(ServiceError):
                cache.get_or_create("key", forks.create("key", seconds=0, error=ServiceError("a", "b")))
        assert cache.get_or_create("key", forks.create("key", seconds=0))["value"] == "key"
        assert forks.created("key") == 3

    def test_other_exceptions_concern_one_process(self, cache: RunCache) -> None:
        def broken() -> dict[str, Any]:
            raise RuntimeError("not of this collection")

        with pytest.raises(RuntimeError):
            cache.get_or_create("key", broken)
        assert cache.get_or_create("key", lambda: {"n": 1}) == {"n": 1}

    def test_a_killed_holder_does_not_block_the_others(self, cache: RunCache, forks: Forks) -> None:
        holder = FORK.Process(target=lambda: cache.get_or_create("key", forks.create("key", "old", seconds=60)))
        holder.start()
        wait_until(lambda: forks.created("key") == 1)
        forks.start(lambda: cache.get_or_create("key", forks.create("key", "new")))
        forks.release()
        time.sleep(0.2)
        assert forks.created("key") == 1
        assert holder.pid is not None
        os.kill(holder.pid, signal.SIGKILL)
        holder.join()
        assert forks.results()[0]["value"] == "new"

    def test_wait_no_longer_than_a_call_can_take(self, directory: Path, forks: Forks) -> None:
        cache = RunCache(str(directory), 0.3)
        holder = FORK.Process(target=lambda: cache.get_or_create("key", forks.create("key", seconds=60)))
        holder.start()
        wait_until(lambda: forks.created("key") == 1)
        start = time.monotonic()
        assert cache.get_or_create("key", forks.create("key", "mine", seconds=0))["value"] == "mine"
        assert 0.25 < time.monotonic() - start < 3
        holder.kill()
        holder.join()

    def test_that_want_different_things_do_not_wait(self, cache: RunCache, forks: Forks) -> None:
        start = time.monotonic()
        for name in ("a", "b", "c", "d"):
            forks.start(lambda name=name: cache.get_or_create(name, forks.create(name, seconds=1.0)))
        forks.results()
        assert time.monotonic() - start < 3

    def test_threads_of_one_process_are_kept_apart_too(self, cache: RunCache, forks: Forks) -> None:
        threads = [
            threading.Thread(target=cache.get_or_create, args=("key", forks.create("key", seconds=0.1)))
            for _try in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert forks.created("key") == 1


class TestDirectoryThatCannotBeUsed:
    def test_that_is_gone(self, tmp_path: Path, forks: Forks) -> None:
        cache = RunCache(str(tmp_path / "gone"), 5.0)
        for _try in range(2):
            assert cache.get_or_create("key", forks.create("key", seconds=0))["value"] == "key"
        assert cache.find("key") is None
        with pytest.raises(ServiceError, match="Could not try: why"):
            cache.get_or_create("key", forks.create("key", error=ServiceError("Could not try", "why")))
        assert forks.created("key") == 3

    def test_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert RunCache(str(tmp_path / "file"), 5.0).get_or_create("key", lambda: {"n": 1}) == {"n": 1}

    def test_that_is_full(self, cache: RunCache, directory: Path, forks: Forks) -> None:
        def work() -> Any:
            # No file may grow: as on a full disk, also for root.
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
            found = [cache.get_or_create("key", lambda n=n: {"n": n})["n"] for n in range(3)]
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
            return found

        forks.start(work)
        assert forks.results() == [[0, 1, 2]]
        assert {path.suffix for path in directory.iterdir()} == {".lock"}


class TestOfThisRun:
    OPTIONS = ({"access_token": "x"}, "store_for_business", {})

    def test_lies_in_the_private_directory_of_the_run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))
        for _try in range(2):
            run_cache_of(settings_from(*self.OPTIONS)).get_or_create("key", lambda: {"n": 1})
        (directory,) = tmp_path.iterdir()
        assert directory.name == "msdevices.provisioning"
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert run_cache_of(settings_from(*self.OPTIONS)).get_or_create("key", never) == {"n": 1}

    def test_can_be_switched_off(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))
        options, *others = self.OPTIONS
        cache = run_cache_of(settings_from({**options, "run_cache": False}, *others))
        assert isinstance(cache, NoCache)
        assert [cache.get_or_create("key", lambda n=n: {"n": n}) for n in range(2)] == [{"n": 0}, {"n": 1}]
        assert list(tmp_path.iterdir()) == []

    def test_is_done_without_where_there_is_no_room(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path / "file"))
        assert isinstance(run_cache_of(settings_from(*self.OPTIONS)), NoCache)

    def test_waits_longer_than_the_longest_call(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))
        cache = run_cache_of(settings_from({"access_token": "x", "deadline": 50.0}, "store_for_business", {}))
        assert isinstance(cache, RunCache)
        assert cache._patience >= 100.0

    def test_is_worth_nothing_to_another_process_that_did_not_fork(self, cache: RunCache, directory: Path) -> None:
        """Another key, as a process draws it when it starts."""
        cache.get_or_create("key", lambda: {"n": 1})
        (path,) = [path for path in directory.iterdir() if not path.suffix]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_run_cache, "_cipher", lambda: AESGCM(os.urandom(32)))
            assert cache.find("key") is None
        assert path.exists()
        assert cache.find("key") == {"n": 1}


class TestAgainstTheService:
    @both_services
    def test_ten_processes_that_want_the_same_licenses(
        self,
        emu: Emulator,
        service: LicenseService,
        make_settings: Callable[..., Settings],
        cache: RunCache,
        forks: Forks,
    ) -> None:
        """One token request, and each license once, however many hosts want it."""
        emu = service.emulator
        emu.latency(20)
        keys = [LicenseKey(**item) for item in emu.licenses(20)]
        settings = make_settings()

        def work() -> list[str]:
            return [str(getattr(outcome, "blob", outcome)) for outcome in fetch_licenses(settings, cache, keys, 4)]

        for _try in range(10):
            forks.start(work)
        results = forks.results()
        assert all(result == results[0] for result in results)
        assert all(len(blob) > 1000 for blob in results[0])
        assert emu.token_requests() == 1
        assert service.count() == 20

    def test_ten_processes_with_a_refused_sign_in(
        self, emu: Emulator, make_settings: Callable[..., Settings], cache: RunCache, forks: Forks
    ) -> None:
        emu.latency(500, "entra")
        keys = [LicenseKey(**item) for item in emu.licenses(5)]
        settings = make_settings(client_secret=CANARY)
        for _try in range(10):
            forks.start(lambda: bool(fetch_licenses(settings, cache, keys, 4)))
        results = forks.results()
        assert all(result["error"] == "SignInError" for result in results)
        assert all("AADSTS7000215" in result["text"] for result in results)
        assert emu.token_requests() == 1


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
