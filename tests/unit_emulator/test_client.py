# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, attaching to, configuring and ending an emulator; its speed."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from emulator import catalog
from emulator.client import Emulator, EmulatorError

EMULATOR = Path(__file__).resolve().parent.parent / "emulator"


def test_endpoints_hold_all_a_client_needs(emu: Emulator) -> None:
    written = json.loads((Path(emu.state_dir) / "endpoints.json").read_text(encoding="utf-8"))
    assert written == emu.endpoints
    for name, value in written.items():
        if name.endswith(("_path", "_file")):
            assert Path(value).is_file(), name
    for name in ("entra", "entra_usgov", "entra_china", "entra_germany", "store", "catalog", "licensing", "control"):
        assert written[name].startswith("https://localhost:")
    assert written["msi"].startswith("http://localhost:")
    assert Path(emu.state_dir, "endpoints.json").stat().st_mode & 0o077 == 0
    assert Path(emu.certificate_path).stat().st_mode & 0o077 == 0


def test_unknown_attribute(emu: Emulator) -> None:
    with pytest.raises(AttributeError):
        _unused = emu.nonsense


def test_attach(emu: Emulator) -> None:
    other = Emulator.attach(emu.state_dir)
    other.fault(action="status", status=503)
    other.stop()
    assert len(emu.faults()) == 1


def test_settings(emu: Emulator) -> None:
    assert emu.settings(token_lifetime=60)["token_lifetime"] == 60
    with pytest.raises(EmulatorError, match="unknown setting"):
        emu.settings(nonsense=1)
    emu.reset()
    assert emu.settings()["token_lifetime"] == 3599


def test_wrong_calls_are_refused(emu: Emulator) -> None:
    with pytest.raises(EmulatorError, match="no listener"):
        emu.latency(1, "nonsense")
    with pytest.raises(EmulatorError):
        emu.token(nonsense=1)
    with pytest.raises(EmulatorError, match="no cloud"):
        emu.new_refresh_token(cloud="nonsense")


def test_products(emu: Emulator) -> None:
    licenses = emu.licenses(3, 10)
    assert [entry["product_id"] for entry in licenses] == [catalog.product(index).product_id for index in (10, 11, 12)]
    assert set(licenses[0]) == {"product_id", "sku_id", "content_id"}
    assert catalog.find(licenses[0]["product_id"].lower()) == catalog.product(10)
    with pytest.raises(KeyError):
        emu.special("nonsense")


def test_ctl(emu: Emulator) -> None:
    def run(*arguments: str) -> object:
        command = [sys.executable, str(EMULATOR / "ctl.py"), emu.state_dir, *arguments]
        return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=20).stdout)

    assert run("products", "2") == emu.licenses(2)
    assert run("packages", "1") == emu.product_packages(1)
    run("fault", '{"action": "status", "status": 503}')
    assert [rule["action"] for rule in emu.faults()] == ["status"]


def start(directory: Path, *options: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, str(EMULATOR), "--state-dir", str(directory), *options])
    deadline = time.monotonic() + 20
    while not (directory / "endpoints.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return process


def test_sigterm_ends_it_at_once_and_licenses_survive_a_restart(tmp_path: Path) -> None:
    bodies = []
    for _round in range(2):
        (tmp_path / "endpoints.json").unlink(missing_ok=True)
        process = start(tmp_path)
        emulator = Emulator.attach(tmp_path)
        answer = requests.post(
            emulator.store + emulator.product(0).license_path(),
            headers={"Authorization": "Bearer " + emulator.access_tokens["store"]},
            verify=emulator.ca_path,
            timeout=10,
        )
        bodies.append(answer.json())
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert time.monotonic() - begin < 3
    assert bodies[0] == bodies[1]


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process = start(tmp_path, "--parent-pid", str(parent.pid))
    assert process.poll() is None
    # Killed and not waited for, it is a zombie, which counts as gone.
    os.kill(parent.pid, signal.SIGKILL)
    assert process.wait(5) == 0
    parent.wait()


def test_start_failure_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="did not start"):
        Emulator.start(python="/bin/false", state_dir=tmp_path)


def test_throughput_with_latency(emu: Emulator, http: requests.Session) -> None:
    """300 requests at 100 ms and 32 at once take about a second; the bound only tells threads from a queue."""
    adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=32)
    http.mount("https://", adapter)
    emu.latency(100)

    def ask(index: int) -> int:
        return http.post(emu.store + emu.product(index).license_path(), timeout=30).status_code

    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(300)))
    seconds = time.monotonic() - begin
    print(f"{300 / seconds:.0f} requests a second")
    assert answers == [200] * 300
    assert emu.stats()["store"]["connections"] <= 32
    assert seconds < 20
