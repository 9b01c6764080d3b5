# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One emulator for all tests, reset for each; labs; and figures that are shown at the end."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import ssl
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from emulator.client import Emulator
from license_services import SERVICES, LicenseService

from .harness import Lab

_FIGURE = "figure"

# What a shell starts in the background has SIGINT ignored, and programs that tests interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Figure = Callable[[str], None]
Served = Callable[[Mapping[str, str]], bytes]
NewLab = Callable[..., Lab]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory with a short path, since the paths of sockets have a limit: pytest's own is longer than that when
    tests run in several processes."""
    directory = Path(tempfile.mkdtemp(prefix="lab"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    """The emulator of this session."""
    with Emulator.start() as started:
        yield started


@pytest.fixture
def emulator(running_emulator: Emulator) -> Emulator:
    """The emulator, as new."""
    running_emulator.reset()
    running_emulator.latency(0)
    return running_emulator


@pytest.fixture
def service(request: pytest.FixtureRequest, emulator: Emulator) -> LicenseService:
    """The license service of a lab: Store for Business, unless the test is marked with both_services."""
    return LicenseService(emulator, getattr(request, "param", SERVICES[0]))


@pytest.fixture
def lab(tmp_path: Path, service: LicenseService) -> Lab:
    """A lab with one Linux host, ``linux1``."""
    return Lab(tmp_path, service.emulator, service=service)


@pytest.fixture
def new_lab(tmp_path: Path, service: LicenseService) -> NewLab:
    """Makes labs with other hosts; each needs a name of its own."""

    def make(name: str = "lab", **hosts: object) -> Lab:
        return Lab(tmp_path / name, service.emulator, service=service, **hosts)  # type: ignore[arg-type]

    return make


@pytest.fixture
def served(emulator: Emulator) -> Served:
    """Asks the emulator itself for a license document, as it hands it out now."""
    context = ssl.create_default_context(cafile=emulator.ca_path)

    def document(license_ids: Mapping[str, str]) -> bytes:
        path = "/V1/Products/{product_id}/{sku_id}/OfflineLicense/{content_id}".format(**license_ids)
        request = urllib.request.Request(
            emulator.store + path,
            method="POST",
            headers={"Authorization": f"Bearer {emulator.access_tokens['store']}", "Content-Length": "0"},
        )
        with urllib.request.urlopen(request, context=context, timeout=30) as response:
            return base64.b64decode(json.load(response)["licenseBlob"])

    return document


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Keeps a line that is shown at the end of the session, also of tests in other processes."""

    def keep(line: str) -> None:
        request.node.user_properties.append((_FIGURE, line))
        print(f"figure: {line}")

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    figures = [
        value
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == _FIGURE
    ]
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.line(f"figure: {line}")
