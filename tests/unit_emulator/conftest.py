# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One emulator for all tests here, put back to its initial state before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from emulator.client import Emulator


@pytest.fixture(scope="session")
def running() -> Iterator[Emulator]:
    """The emulator of the session."""
    with Emulator.start() as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    """The emulator, without traces of the tests before."""
    running.reset()
    running.latency(0)
    return running


@pytest.fixture
def http(emu: Emulator) -> Iterator[requests.Session]:
    """A session that trusts the emulator and sends the ready token of the Store."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = emu.ca_path
        session.headers["Authorization"] = "Bearer " + emu.access_tokens["store"]
        yield session
