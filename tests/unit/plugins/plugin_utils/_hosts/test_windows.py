# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What leaves the controller for a Windows host, and what stays on it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts import windows

LARGE = 9 * 1024 * 1024


class Sent:
    """Takes what is sent to a host, and looks at it on its way."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.transfers: list[tuple[str, dict[str, int]]] = []
        self.modes: set[int] = set()
        self.broken = False
        self._top = top
        monkeypatch.setattr(windows.C, "DEFAULT_LOCAL_TMP", str(top))
        monkeypatch.setattr(windows, "run_nested", self.run)

    def run(self, _action: Any, name: str, arguments: dict[str, Any], *_others: Any, **_more: Any) -> dict[str, Any]:
        if not name.endswith("win_copy"):
            return {"examined": 1, "files": []}
        source = Path(arguments["src"])
        files = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
        self.transfers.append(
            (arguments["dest"], {os.path.relpath(path, source.parent): path.stat().st_size for path in files})
        )
        self.modes |= {stat.S_IMODE(path.stat().st_mode) for path in self._top.iterdir() if path.is_dir()}
        self.modes |= {stat.S_IMODE(path.stat().st_mode) for path in files if not path.is_symlink()}
        if self.broken:
            raise ConnectionError("gone")
        return {"changed": True}


@pytest.fixture
def directory() -> windows.WindowsDirectory:
    """A directory of a host."""
    return windows.WindowsDirectory(SimpleNamespace(_task=SimpleNamespace(check_mode=False)), r"C:\apps", {})  # type: ignore[arg-type]


def test_small_files_go_together_and_large_ones_as_they_are(
    directory: windows.WindowsDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package of hundreds of megabytes is neither packed nor copied on its way."""
    top, package = tmp_path / "tmp", tmp_path / "cache"
    top.mkdir()
    with open(package, "wb") as stream:
        stream.truncate(LARGE)
    sent = Sent(top, monkeypatch)
    contents = {"app/a.xml": b"a", "app/b.msix": package, "app/Dependencies/c.appx": b"cc"}
    assert directory.replace(contents) == {}
    assert sent.transfers == [
        ("C:\\apps\\app\\", {"b.msix": LARGE}),
        (r"C:\apps", {"files/app/a.xml": 1, "files/app/Dependencies/c.appx": 2}),
    ]
    assert sent.modes == {0o700, 0o600}
    assert list(top.iterdir()) == []


def test_nothing_stays_behind_when_the_connection_breaks(
    directory: windows.WindowsDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Sent(tmp_path, monkeypatch)
    sent.broken = True
    with pytest.raises(ConnectionError):
        directory.replace({"a.xml": b"a"})
    assert sent.modes == {0o700, 0o600}
    assert list(tmp_path.iterdir()) == []


def test_names_are_looked_at_once(directory: windows.WindowsDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a wildcard or a name found, or did not find, needs no further module execution."""
    calls = []

    def run(_action: Any, name: str, arguments: dict[str, Any], *_others: Any, **_more: Any) -> dict[str, Any]:
        calls.append(arguments)
        files = [{"path": r"C:\apps\P_0015_a_License1.xml", "checksum": "0" * 64, "size": 1}]
        return {"examined": 9, "files": files if arguments["file_type"] == "file" else []}

    monkeypatch.setattr(windows, "run_nested", run)
    for _time in range(2):
        assert set(directory.list(["p_0015_*_License1.xml", "absent"])) == {"P_0015_a_License1.xml"}
        assert set(directory.list(["P_0015_A_License1.xml", "P_0015_b_License1.xml"])) == {"P_0015_A_License1.xml"}
    assert len(calls) == 2
    assert calls[0]["patterns"] == [r"^(?:p_0015_.*_License1\.xml|absent)$"]
