# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One emulator for each process, and a record of what was tried and what came of it."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.request
from collections.abc import Mapping

import pytest
from emulator.client import Emulator
from integration_playbooks.conftest import emulator, running_emulator, tmp_path

from .record import Record

__all__ = ["emulator", "running_emulator", "tmp_path"]


@pytest.fixture(scope="session")
def documents(running_emulator: Emulator) -> Mapping[str, bytes]:
    """The good licenses of the first products, by content id, as the emulator hands them out."""
    context = ssl.create_default_context(cafile=running_emulator.ca_path)
    found = {}
    for index in range(60):
        product = running_emulator.product(index)
        request = urllib.request.Request(
            running_emulator.store + product.license_path(),
            method="POST",
            headers={"Authorization": f"Bearer {running_emulator.access_tokens['store']}", "Content-Length": "0"},
        )
        with urllib.request.urlopen(request, context=context, timeout=30) as response:
            found[product.content_id] = base64.b64decode(json.load(response)["licenseBlob"])
    return found


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Keeps what was tried and what came of it."""
    return Record(request.node)
