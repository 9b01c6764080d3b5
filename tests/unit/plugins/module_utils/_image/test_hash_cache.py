# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large files are read once, and again as soon as they are others."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ansible_collections.msdevices.provisioning.plugins.module_utils._image import hash_cache
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.hash_cache import HashCache


@pytest.fixture
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _expected(data: bytes) -> list[str]:
    return [hashlib.sha1(data).hexdigest(), hashlib.sha256(data).hexdigest()]


def test_files_are_read_once(cache_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_cache, "_SETTLED_SECONDS", -1)
    path = tmp_path / "package"
    first, second = os.urandom(2**20), os.urandom(2**20)
    path.write_bytes(first)
    cache = HashCache()
    assert cache.hashes(str(path)) == _expected(first)
    cache.save()
    reads: list[str] = []
    whole = hash_cache.file_hashes
    monkeypatch.setattr(hash_cache, "file_hashes", lambda path, names: reads.append(path) or whole(path, names))
    assert HashCache().hashes(str(path)) == _expected(first)
    assert reads == []
    # The same size and time of writing, as tools leave them that keep times.
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.write_bytes(second)
    os.utime(path, ns=times)
    assert HashCache().hashes(str(path)) == _expected(second)
    assert reads == [str(path)]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"version": 2}', b'{"version": 1, "files": {"%s": ["x"]}}'])
def test_a_damaged_cache_is_forgotten(cache_home: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "package"
    path.write_bytes(b"x" * 2**20)
    (cache_home / "msdevices").mkdir(parents=True)
    kept = cache_home / "msdevices" / "package-hashes.json"
    kept.write_bytes(content.replace(b"%s", str(path).encode()))
    cache = HashCache()
    assert cache.hashes(str(path)) == _expected(path.read_bytes())
    # What was written just now may still change without a trace.
    before = kept.read_bytes()
    cache.save()
    assert kept.read_bytes() == before


def test_no_place_for_a_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hash_cache, "_SETTLED_SECONDS", -1)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    path = tmp_path / "package"
    path.write_bytes(b"x" * 2**20)
    cache = HashCache()
    assert cache.hashes(str(path)) == _expected(path.read_bytes())
    cache.save()
