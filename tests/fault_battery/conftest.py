# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One emulator for each process, and a record of what was tried and what came of it."""

from __future__ import annotations

import base64
import json
import pathlib
import ssl
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest
from emulator import catalog
from emulator.client import Emulator
from integration_playbooks.conftest import emulator, running_emulator, tmp_path

from . import report
from .record import KEY, Record

__all__ = ["emulator", "running_emulator", "tmp_path"]


class Documents(dict[str, bytes]):
    """The good licenses by content id, as the emulator hands them out: asked for when they are wanted first."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self._emulator = emulator
        self._context = ssl.create_default_context(cafile=emulator.ca_path)

    def __missing__(self, content_id: str) -> bytes:
        product = catalog.find_content(content_id)
        if product is None:
            raise KeyError(content_id)
        request = urllib.request.Request(
            self._emulator.store + product.license_path(product.content_ids.index(content_id)),
            method="POST",
            headers={"Authorization": f"Bearer {self._emulator.access_tokens['store']}", "Content-Length": "0"},
        )
        with urllib.request.urlopen(request, context=self._context, timeout=30) as response:
            self[content_id] = base64.b64decode(json.load(response)["licenseBlob"])
        return self[content_id]


@pytest.fixture(scope="session")
def documents(running_emulator: Emulator) -> Mapping[str, bytes]:
    """The good licenses of all products."""
    return Documents(running_emulator)


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Keeps what was tried and what came of it."""
    return Record(request.node)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the table and the figures."""
    notes = _notes(terminalreporter)
    if notes:
        terminalreporter.section("faults")
        for line in report.lines(notes):
            terminalreporter.line(line)
        for name in report.missing(notes) if _complete(terminalreporter.config) else ():
            terminalreporter.line(f"not tried: {name}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a complete run that has left out a row or a caller of the table."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    # The processes of a distributed run have no terminal.
    if terminal is not None and _complete(session.config) and not exitstatus and report.missing(_notes(terminal)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _complete(config: pytest.Config) -> bool:
    """Whether the session runs the whole battery."""
    options = config.option
    whole = [pathlib.Path(argument).resolve() == pathlib.Path(__file__).parent for argument in config.args]
    return not (options.keyword or options.markexpr or options.collectonly or options.lf) and whole == [True]


def _notes(terminal: pytest.TerminalReporter) -> list[dict[str, Any]]:
    reports = [item for items in terminal.stats.values() for item in items if getattr(item, "when", None) == "call"]
    return [value for item in reports for name, value in item.user_properties if name == KEY]
