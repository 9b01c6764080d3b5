# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.package_cache import PackageCache, bytes_of

SIZE = 1000


def content(number: int) -> tuple[str, bytes]:
    data = bytes([number]) * SIZE
    return hashlib.sha256(data).hexdigest(), data


def writer(data: bytes, journal: Path) -> Callable[[str], None]:
    """What fetches: it takes a moment, and notes that it was called."""

    def fetch(path: str) -> None:
        with open(journal, "a", encoding="ascii") as stream:
            stream.write("x")
        time.sleep(0.2)
        Path(path).write_bytes(data)

    return fetch


def take(directory: Path, number: int, journal: Path, limit: int = 10 * SIZE) -> bytes:
    sha256, data = content(number)
    cache = PackageCache(str(directory), limit)
    with cache.file(sha256, SIZE, writer(data, journal), lambda: cache.is_whole(sha256)) as path:
        return Path(path).read_bytes()


def test_one_of_many_processes_fetches(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=take, args=(tmp_path / "cache", 1, journal)) for _number in range(5)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(20)
    assert [process.exitcode for process in processes] == [0] * 5
    assert journal.read_text() == "x"


MANY = 16


def take_many(directory: Path, numbers: list[int], journal: Path, start: Any) -> None:
    """Want files at once, as another process does at the same moment, and keep each until all are there."""
    cache = PackageCache(str(directory), 100 * SIZE)
    all_there = threading.Barrier(MANY)

    def want(number: int) -> None:
        sha256, data = content(number)
        with cache.file(sha256, SIZE, writer(data, journal), lambda: True):
            all_there.wait(10)

    threads = [threading.Thread(target=want, args=(number,)) for number in numbers]
    start.wait(10)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if all_there.broken:
        os._exit(1)


def test_processes_that_want_the_same_files(tmp_path: Path) -> None:
    """Neither waits for what the other one keeps."""
    journal = tmp_path / "journal"
    context = multiprocessing.get_context("fork")
    start = context.Barrier(2)
    orders = (list(range(MANY)), list(reversed(range(MANY))))
    processes = [context.Process(target=take_many, args=(tmp_path, order, journal, start)) for order in orders]
    for process in processes:
        process.start()
    for process in processes:
        process.join(20)
    assert [process.exitcode for process in processes] == [0, 0]
    assert journal.read_text() == "x" * MANY


def test_least_recently_used_goes_first_and_never_what_is_in_use(tmp_path: Path) -> None:
    directory, journal = tmp_path / "cache", tmp_path / "journal"
    for number in (1, 2, 3):
        take(directory, number, journal)
        os.utime(directory / content(number)[0], (number, number))
    (directory / "foreign").write_bytes(b"x" * 50 * SIZE)
    cache = PackageCache(str(directory), 3 * SIZE)
    sha256 = content(1)[0]
    with cache.file(sha256, SIZE, None, lambda: True):
        os.utime(directory / sha256, (1, 1))
        take(directory, 4, journal, limit=3 * SIZE)
        kept = {number for number in (1, 2, 3, 4) if (directory / content(number)[0]).exists()}
        assert kept == {1, 3, 4}
        # One that is larger than all there may be is kept as long as it is used.
        take(directory, 5, journal, limit=SIZE)
        assert {number for number in (1, 3, 4, 5) if (directory / content(number)[0]).exists()} == {1, 5}
    assert (directory / "foreign").exists()
    assert not list(directory.glob("*.part"))


def test_what_cannot_be_used(tmp_path: Path) -> None:
    cache = PackageCache(str(tmp_path / "cache"), SIZE)
    with pytest.raises(ProvisioningError, match="is not there"), cache.file("0" * 64, 1, None, lambda: True):
        pass
    (tmp_path / "file").write_text("")
    blocked = PackageCache(str(tmp_path / "file"), SIZE)
    with pytest.raises(ProvisioningError, match="package_cache"), blocked.file("0" * 64, 1, None, lambda: True):
        pass


@pytest.mark.parametrize(("text", "size"), [("20G", 20 * 1024**3), ("100 MB", 100 * 1024**2), ("7", 7), (5, 5)])
def test_sizes(text: str | int, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "-1", "1.5G", "much", "1PB"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        bytes_of(text)
