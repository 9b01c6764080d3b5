# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One emulator for all unit tests, put back to its initial state before each, and an environment without surprises."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from emulator.client import Emulator
from license_services import SERVICES, LicenseService

if TYPE_CHECKING:
    from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

# A busy machine is no failure; what was found once is tried first the next time.
hypothesis.settings.register_profile(
    "unit",
    deadline=None,
    database=hypothesis.database.DirectoryBasedExampleDatabase(
        Path(__file__).resolve().parents[2] / ".build" / "hypothesis"
    ),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("unit")

_PREFIXES = ("AZURE_", "MSDEVICES_", "IDENTITY_", "MSI_", "REQUESTS_", "CURL_", "SSL_CERT_")
_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC", "REGION_NAME")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of the user's environment decides on a test."""
    for name in list(os.environ):
        if name.upper().startswith(_PREFIXES) or name.upper() in _NAMES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp()))


@pytest.fixture(scope="session")
def running() -> Iterator[Emulator]:
    """The emulator of the session."""
    with Emulator.start() as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Iterator[Emulator]:
    """The emulator, without traces of the tests before."""
    running.reset()
    running.latency(0)
    yield running
    # Ends stalls, so that no answer of this test is under way in the next one.
    running.reset()


@pytest.fixture
def service(request: pytest.FixtureRequest, emu: Emulator) -> LicenseService:
    """The license service that is asked: Store for Business, unless the test is marked with both_services."""
    return LicenseService(emu, getattr(request, "param", SERVICES[0]))


@pytest.fixture
def options(service: LicenseService) -> dict[str, Any]:
    """The options with which the service is asked, signed in by client secret (Store licensing: and refresh token)."""
    return {
        **service.sign_in,
        "authority": service.emulator.entra,
        "base_url": service.base_url,
        "ca_path": service.emulator.ca_path,
        "timeout": 10.0,
        "deadline": 30.0,
    }


@pytest.fixture
def make_settings(options: dict[str, Any], service: LicenseService) -> Callable[..., Settings]:
    """Make settings for the service, with changed options, and an environment (empty by default)."""
    # Only here: the collection can be imported once all conftest files are.
    from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import settings_from

    def make(environ: dict[str, str] | None = None, **changes: Any) -> Settings:
        return settings_from({**options, **changes}, service.name, environ or {})

    return make


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries come at once, unless the server says when."""
    from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http import retry as _transport

    monkeypatch.setattr(_transport, "BACKOFF_SECONDS", 0.01)
