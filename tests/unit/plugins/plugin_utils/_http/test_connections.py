# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks that drop what is sent: addresses, name servers, and proxies that do not answer, or trickle."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from emulator.client import Emulator

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import UnavailableError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import Request
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.session import HttpSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

pytestmark = pytest.mark.usefixtures("quick_retries")
MakeSettings = Callable[..., Settings]


@pytest.fixture
def drop(emu: Emulator) -> Iterator[Callable[[str], None]]:
    """Makes an address drop connections to the port of the Store: its queue is full, and nobody takes from it."""
    port = urlsplit(emu.store).port
    with contextlib.ExitStack() as stack:

        def fill(address: str) -> None:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            stack.enter_context(socket.create_server((address, port), family=family, backlog=0))
            for _waiting in range(4):
                client = stack.enter_context(socket.socket(family))
                client.setblocking(False)
                client.connect_ex((address, port))

        yield fill


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let localhost have these addresses, in this order."""
    real = socket.getaddrinfo

    def look_up(host: str, *others: Any, **more: Any) -> list[Any]:
        if host != "localhost":
            return real(host, *others, **more)
        return [entry for address in addresses for entry in real(address, *others, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def send(emu: Emulator, settings: Settings) -> tuple[Response | UnavailableError, float]:
    """Get a license; return the response or the error, and how many seconds it took."""
    session = HttpSession(settings)
    start = time.monotonic()
    outcome: Response | UnavailableError
    try:
        outcome = session.send(Request("POST", emu.store + emu.product(0).license_path(), bearer="x"))
    except UnavailableError as exc:
        outcome = exc
    session.close()
    return outcome, time.monotonic() - start


@pytest.mark.parametrize(
    "dead", [["127.0.0.2"], ["::1"], [f"127.0.0.{number}" for number in range(2, 8)]], ids=["IPv4", "IPv6", "six"]
)
@pytest.mark.parametrize("timeout", [1.0, 20.0])
def test_dead_addresses_before_a_good_one_cost_a_quarter_of_the_timeout(
    dead: list[str],
    timeout: float,
    emu: Emulator,
    make_settings: MakeSettings,
    drop: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for address in dead:
        drop(address)
    names(monkeypatch, *dead, "127.0.0.1")
    response, seconds = send(emu, make_settings(timeout=timeout, max_retries=0))
    assert isinstance(response, Response), response
    assert response.status == 401
    assert seconds < min(timeout / 4, 0.25 * len(dead)) + 0.3
    assert emu.count("store") == 1


def test_a_refusing_address_costs_nothing(
    emu: Emulator, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, "127.0.0.9", "127.0.0.1")
    response, seconds = send(emu, make_settings(max_retries=0))
    assert isinstance(response, Response)
    assert seconds < 0.24


def test_when_all_addresses_are_dead_the_deadline_holds(
    emu: Emulator, make_settings: MakeSettings, drop: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = [f"127.0.0.{number}" for number in range(2, 8)]
    for address in dead:
        drop(address)
    with monkeypatch.context() as patch:
        names(patch, *dead)
        error, seconds = send(emu, make_settings(timeout=0.6, deadline=1.0))
    assert isinstance(error, UnavailableError)
    assert error.cause.startswith("the connection was not established in time")
    assert seconds < 1.5


def test_name_servers_that_do_not_answer(
    emu: Emulator, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: over.wait(30))
        error, seconds = send(emu, make_settings(timeout=0.4, deadline=1.0))
    over.set()
    assert isinstance(error, UnavailableError)
    assert error.cause.startswith("no name server answered in time")
    assert "name resolution" in error.remedy
    assert seconds < 1.5


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nX-Header: "], ids=["silent", "trickling"])
def test_a_proxy_that_never_ends_its_response(
    first: bytes, emu: Emulator, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = proxy.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65536)
                    connection.sendall(first)
                    while not over.wait(0.1) and connection.send(b"a" if first else b"") >= 0:
                        pass

    with socket.create_server(("127.0.0.1", 0)) as proxy:
        threading.Thread(target=serve, daemon=True).start()
        environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.getsockname()[1]}"}
        error, seconds = send(emu, make_settings(timeout=0.5, deadline=1.0, environ=environ))
        over.set()
        proxy.shutdown(socket.SHUT_RDWR)
    assert isinstance(error, UnavailableError)
    assert seconds < 1.6


def test_closing_a_session_ends_the_wait_for_the_next_try(emu: Emulator, make_settings: MakeSettings) -> None:
    emu.fault(listener="store", action="status", status=503, retry_after=20)
    session = HttpSession(make_settings())
    ended = threading.Event()

    def ask() -> None:
        session.send(Request("POST", emu.store + emu.product(0).license_path()))
        ended.set()

    threading.Thread(target=ask, daemon=True).start()
    while not emu.count("store"):
        time.sleep(0.01)
    session.close()
    assert ended.wait(2)
    assert emu.count("store") == 1
