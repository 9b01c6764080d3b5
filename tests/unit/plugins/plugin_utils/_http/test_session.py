# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trustme
from emulator.client import Emulator

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ProvisioningError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http import retry
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import json_object
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import Request
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.retry import pause_before_retry
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.session import (
    HttpSession,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import Deadline
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

pytestmark = pytest.mark.usefixtures("quick_retries")
MEBIBYTE = 1024 * 1024
RETRIED = (408, 429, 500, 502, 503, 504)
TOKEN = "canary-token-of-the-bearer"


@dataclass
class Client:
    """Sends requests to the emulator's Store and measures how long they take."""

    emu: Emulator
    make_settings: Callable[..., Settings]
    seconds: float = 0.0

    @property
    def path(self) -> str:
        return self.emu.product(0).license_path()

    @property
    def url(self) -> str:
        return self.emu.store + self.path

    def fault(self, action: str, **values: Any) -> None:
        self.emu.fault(listener="store", action=action, **values)

    def send(self, url: str | None = None, bearer: str | None = None, **values: Any) -> Response:
        """Get a license, or send what the arguments of HttpSession.send say, with options by their names."""
        names = {"headers", "params", "data", "max_bytes", "method"}
        given = {name: values.pop(name) for name in names & set(values)}
        if isinstance(values.get("deadline"), Deadline):
            given["deadline"] = values.pop("deadline")
        session = HttpSession(self.make_settings(**values))
        token = self.emu.access_tokens["store"] if bearer is None else bearer
        start = time.monotonic()
        try:
            deadline = given.pop("deadline", None)
            return session.send(Request(given.pop("method", "POST"), url or self.url, bearer=token, **given), deadline)
        finally:
            self.seconds = time.monotonic() - start
            session.close()

    def unavailable(self, **values: Any) -> UnavailableError:
        with pytest.raises(UnavailableError) as caught:
            self.send(**values)
        return checked(caught.value)

    def unusable(self, **values: Any) -> ServiceError:
        with pytest.raises(ServiceError) as caught:
            self.send(**values)
        return checked(caught.value)

    @property
    def tries(self) -> int:
        return self.emu.count("store")

    @property
    def waits(self) -> list[float]:
        """Seconds between the end of each try and the start of the next, by the server's clock."""
        log = self.emu.requests("store")
        return [later["time"] - earlier["finished"] for earlier, later in pairwise(log)]


def checked(error: Any) -> Any:
    """An error with no token in it, that names method and URL without query, and says what to do."""
    text = str(error)
    assert "POST https://localhost:" in text
    assert "eyJ" not in text
    assert TOKEN not in text
    assert error.remedy
    return error


@pytest.fixture
def client(emu: Emulator, make_settings: Callable[..., Settings]) -> Client:
    return Client(emu, make_settings)


class TestAnswer:
    def test_holds_what_the_server_sent(self, client: Client) -> None:
        answer = client.send()
        assert (answer.status, answer.reason) == (200, "OK")
        assert json.loads(answer.body)["contentId"] == client.emu.product(0).content_id
        assert answer.headers["ms-requestid"] == answer.headers["MS-RequestId"]
        assert answer.request == f"POST {client.url}"
        assert (answer.gave_up, answer.deadline_exceeded) == ("", False)

    def test_its_representation_has_no_token(self, client: Client) -> None:
        answer = client.send(bearer=TOKEN)
        assert answer.status == 401
        assert answer.bearer == TOKEN
        assert TOKEN not in repr(answer)

    def test_the_query_is_sent_but_not_shown(self, client: Client) -> None:
        answer = client.send(params={"canary": "a b/ü"})
        assert client.emu.requests("store")[0]["query"] == "canary=a+b%2F%C3%BC"
        assert "canary" not in answer.request

    def test_a_byte_order_mark_is_no_problem(self, client: Client) -> None:
        client.fault("bom")
        answer = client.send()
        assert answer.body.startswith(b"\xef\xbb\xbf{")
        assert json_object(answer, "Could not try")["contentId"] == client.emu.product(0).content_id

    def test_compressed_bodies_are_unpacked(self, client: Client) -> None:
        with RawServer(lambda stream: respond(stream, gzip.compress(b'{"a": 1}'), "Content-Encoding: gzip")) as server:
            assert client.send(server.url, bearer="", ca_path=server.ca_path).body == b'{"a": 1}'

    def test_the_client_says_who_it_is(self, client: Client) -> None:
        client.send()
        assert client.emu.requests("store")[0]["headers"]["user-agent"] == "ansible-msdevices.provisioning"


class TestRetries:
    @pytest.mark.parametrize("status", RETRIED)
    def test_help_against_passing_trouble(self, status: int, client: Client) -> None:
        client.fault("status", status=status, times=2)
        assert client.send().status == 200
        assert client.tries == 3

    @pytest.mark.parametrize("status", RETRIED)
    def test_end_after_so_many(self, status: int, client: Client) -> None:
        client.fault("status", status=status, body={"code": "Busy"})
        answer = client.send(max_retries=3)
        assert client.tries == 4
        assert answer.status == status
        assert answer.gave_up == "3 retries did not help"
        assert not answer.deadline_exceeded
        assert json.loads(answer.body) == {"code": "Busy"}

    def test_can_be_switched_off(self, client: Client) -> None:
        client.fault("status", status=503)
        assert client.send(max_retries=0).status == 503
        assert client.tries == 1

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 411, 422, 501, 505])
    def test_are_not_made_for_answers_that_stay_the_same(self, status: int, client: Client) -> None:
        client.fault("status", status=status)
        answer = client.send()
        assert answer.status == status
        assert answer.gave_up == ""
        assert client.tries == 1

    @pytest.mark.parametrize(
        "fault",
        [
            {"action": "reset"},
            {"action": "reset_in_body"},
            {"action": "close_in_body"},
            {"action": "close_in_body", "after_bytes": 0},
        ],
        ids=str,
    )
    def test_help_against_broken_connections(self, fault: dict[str, Any], client: Client) -> None:
        client.fault(**fault, times=2)
        assert json.loads(client.send().body)["contentId"] == client.emu.product(0).content_id
        assert client.tries == 3

    @pytest.mark.parametrize("action", ["reset", "reset_in_body", "close_in_body"])
    def test_broken_connections_for_good(self, action: str, client: Client) -> None:
        client.fault(action)
        error = client.unavailable(max_retries=2)
        assert client.tries == 3
        assert error.cause.startswith(("the connection ", "the server closed", "the body "))
        assert error.cause.endswith("(3 tries)")
        assert not error.deadline_exceeded

    @pytest.mark.parametrize("action", ["stall_headers", "stall_body"])
    def test_help_against_stalls(self, action: str, client: Client) -> None:
        client.fault(action, times=1)
        assert client.send(timeout=0.4).status == 200
        assert client.tries == 2
        assert client.seconds < 3

    def test_nobody_listens(self, client: Client) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"https://localhost:{unused.getsockname()[1]}/V1/x?secret=1"
            error = client.unavailable(url=url, max_retries=1)
        assert error.attempted == f"Could not send POST {url.partition('?')[0]}"
        assert error.cause == "the connection failed (Connection refused) (2 tries)"
        assert "firewall" in error.remedy

    def test_a_host_that_does_not_exist(self, client: Client) -> None:
        with pytest.raises(UnavailableError, match="the host name does not resolve") as caught:
            client.send("https://no-such-host.invalid/V1/x", max_retries=0)
        assert "name resolution" in caught.value.remedy

    def test_wait_not_all_equally_long(self) -> None:
        """Controllers that met the same trouble do not come back at the same moment."""
        for headers in ({}, {"Retry-After": "10"}):
            response = Response(503, "", headers, b"", "GET https://host.example/")
            waits = {pause_before_retry(3, response) for _controller in range(20)}
            assert len(waits) > 10
            assert min(waits) >= (10 if headers else retry.BACKOFF_SECONDS * 8)

    def test_wait_longer_each_time(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(retry, "BACKOFF_SECONDS", 0.1)
        client.fault("status", status=500)
        client.send(max_retries=3)
        low, high = (0.1, 0.2, 0.4), (0.15, 0.3, 0.6)
        for wait, least, most in zip(client.waits, low, high, strict=True):
            assert least * 0.95 <= wait <= most + 0.4


class TestLength:
    @pytest.mark.parametrize("value", ["\xb2", "many", "9" * 5000])
    def test_that_is_no_number_does_not_matter_or_is_a_broken_answer(self, value: str, client: Client) -> None:
        client.fault("headers", headers={"Content-Length": value, "Connection": "close"})
        with contextlib.suppress(UnavailableError):
            assert client.send(timeout=2, deadline=3, max_retries=0).status == 200


class TestRetryAfter:
    def test_in_seconds_is_honored(self, client: Client) -> None:
        client.fault("status", status=429, retry_after=1, times=1)
        assert client.send().status == 200
        (wait,) = client.waits
        assert 1.0 <= wait < 2.0

    def test_as_a_date_is_honored(self, client: Client) -> None:
        client.fault("status", status=503, retry_after_date=2, times=1)
        earliest = int(time.time()) + 2
        assert client.send().status == 200
        _first, second = client.emu.requests("store")
        # Dates have whole seconds.
        assert second["time"] >= earliest
        assert client.waits[0] < 3.0

    @pytest.mark.parametrize(
        "value", ["", "soon", "-5", "1.5.2", formatdate(0, usegmt=True), "Fri, 31 Dec 99999 23:59:59 GMT", "\xe9", "0"]
    )
    def test_that_makes_no_sense_does_not_matter(self, value: str, client: Client) -> None:
        client.fault("status", status=429, headers={"Retry-After": value}, times=1)
        assert client.send().status == 200
        assert client.waits[0] < 1.0

    @pytest.mark.parametrize(
        "value", ["3600", "9" * 400, formatdate(time.time() + 86400, usegmt=True)], ids=["hour", "endless", "date"]
    )
    def test_beyond_the_deadline_ends_the_tries_at_once(self, value: str, client: Client) -> None:
        client.fault("status", status=429, headers={"Retry-After": value})
        answer = client.send()
        assert client.tries == 1
        assert client.seconds < 2
        assert answer.status == 429
        assert answer.deadline_exceeded
        assert answer.gave_up.startswith("it asks to wait ")
        assert answer.gave_up.endswith(" seconds, and the deadline of 30 seconds is nearer")


class TestDeadline:
    def test_ends_the_retries(self, client: Client) -> None:
        client.fault("status", status=500)
        answer = client.send(deadline=0.6, max_retries=1000)
        assert client.seconds < 1.5
        assert answer.deadline_exceeded
        assert answer.gave_up == "it did not recover within the deadline of 0.6 seconds"
        assert client.tries > 2

    @pytest.mark.parametrize("action", ["stall_headers", "stall_body"])
    def test_cuts_a_request_short(self, action: str, client: Client) -> None:
        client.fault(action)
        error = client.unavailable(deadline=0.5, timeout=30.0)
        assert client.seconds < 1.5
        assert client.tries == 1
        assert error.cause == "the server did not answer in time"
        assert error.deadline_exceeded

    def test_is_shared_by_calls_that_belong_together(self, client: Client) -> None:
        deadline = Deadline(0.3)
        time.sleep(0.35)
        assert deadline.remaining() == 0.0
        client.fault("stall_headers")
        assert client.unavailable(deadline=deadline).deadline_exceeded
        assert client.seconds < 0.3

    def test_holds_for_a_body_that_trickles(self, client: Client) -> None:
        client.fault("drip", seconds=0.2, bytes=100)
        client.unavailable(timeout=0.5, deadline=1.0)
        assert client.seconds < 2

    def test_holds_for_headers_that_trickle(self, client: Client) -> None:
        def trickle(stream: ssl.SSLSocket) -> None:
            for byte in b"HTTP/1.1 200 OK\r\nX-Header: " + b"a" * 40:
                stream.sendall(bytes([byte]))
                time.sleep(0.1)

        with RawServer(trickle) as server:
            client.unavailable(url=server.url, ca_path=server.ca_path, timeout=0.5, deadline=1.0)
            assert client.seconds < 2

    def test_time_out_of_one_request(self, client: Client) -> None:
        client.fault("stall_headers")
        error = client.unavailable(timeout=0.3, max_retries=1)
        assert client.tries == 2
        assert error.cause == "the server did not answer in time (2 tries)"
        assert not error.deadline_exceeded


class TestSize:
    @pytest.fixture
    def peak(self) -> Iterator[Callable[[], float]]:
        """The most memory that was in use at once, in MiB."""
        tracemalloc.start()
        yield lambda: tracemalloc.get_traced_memory()[1] / MEBIBYTE
        tracemalloc.stop()

    @pytest.mark.parametrize(
        "fault",
        [
            {"action": "oversized"},
            {"action": "oversized", "chunked": True},
            {"action": "oversized", "size": None},
            {"action": "gzip_bomb"},
        ],
        ids=str,
    )
    def test_of_a_body_is_bounded(self, fault: dict[str, Any], client: Client, peak: Callable[[], float]) -> None:
        client.fault(**fault)
        error = client.unusable(max_bytes=MEBIBYTE)
        assert error.cause == "it is larger than 1024 KiB"
        assert error.status == 200
        assert client.tries == 1
        assert peak() < 8

    @pytest.mark.parametrize("coding", ["gzip, gzip", "br", "deflate", "gzip\r\nContent-Encoding: gzip"])
    def test_one_content_coding_is_read(self, coding: str, client: Client, peak: Callable[[], float]) -> None:
        """Some releases of urllib3 would decode any number, each without a bound."""
        pack = zlib.compressobj(1, wbits=31)
        zeros = b"".join(pack.compress(bytes(MEBIBYTE)) for _mebibyte in range(256)) + pack.flush()
        body = gzip.compress(zeros)
        with RawServer(lambda stream: respond(stream, body, f"Content-Encoding: {coding}")) as server:
            error = client.unusable(url=server.url, ca_path=server.ca_path)
            assert b"\r\nAccept-Encoding: gzip\r\n" in server.received
        assert "content coding" in error.cause
        assert error.status == 200
        assert peak() < 16

    def test_several_gzip_members_are_one_body(self, client: Client) -> None:
        body = gzip.compress(b'{"a":') + gzip.compress(b" 1}")
        with RawServer(lambda stream: respond(stream, body, "Content-Encoding: gzip")) as server:
            assert client.send(server.url, bearer="", ca_path=server.ca_path).body == b'{"a": 1}'
        with RawServer(lambda stream: respond(stream, body[:-9], "Content-Encoding: gzip")) as server:
            error = client.unavailable(url=server.url, ca_path=server.ca_path, max_retries=0)
        assert error.cause == "the response's compression is broken"

    def test_of_an_error_is_bounded_too_but_the_status_counts(self, client: Client) -> None:
        client.fault("status", status=400, body={"code": "Bad", "message": "x" * 500_000})
        answer = client.send(max_bytes=1024)
        assert answer.status == 400
        assert len(answer.body) < 128 * 1024

    def test_that_just_fits(self, client: Client) -> None:
        client.fault("status", status=200, body="x" * 5000)
        assert len(client.send(max_bytes=5000).body) == 5000
        assert client.unusable(max_bytes=4999).cause == "it is larger than 4 KiB"

    def test_broken_compression(self, client: Client) -> None:
        client.fault("headers", headers={"Content-Encoding": "gzip"})
        assert client.unavailable().cause == "the response's compression is broken"
        assert client.tries == 1


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("target", ["stranger", "stranger_http"])
    def test_are_refused(self, status: int, target: str, client: Client) -> None:
        client.fault("redirect", status=status, to=target)
        error = client.unusable()
        host = getattr(client.emu, target).partition("//")[2]
        assert f"answered HTTP {status}, a redirect to {host}, which is not followed" in error.cause
        assert error.status == status
        assert client.tries == 1
        assert client.emu.count("stranger") == client.emu.count("stranger_http") == 0
        assert client.emu.stats().get("stranger", {}).get("connections", 0) == 0

    def test_on_the_same_host_are_refused_too(self, client: Client) -> None:
        client.fault("redirect", to="/V1/elsewhere", keep_path=False)
        assert "a redirect to another path" in client.unusable().cause
        assert client.tries == 1

    @pytest.mark.parametrize("status", [300, 304, 399])
    def test_other_statuses_of_the_kind_are_no_answers(self, status: int, client: Client) -> None:
        client.fault("status", status=status)
        assert client.unusable().status == status

    @pytest.mark.parametrize("location", ["http://[::1", "https://[", "//", "\xff", "https://a b/"])
    def test_to_nowhere(self, location: str, client: Client) -> None:
        client.fault("status", status=302, headers={"Location": location})
        assert client.unusable().status == 302

    def test_the_target_is_shown_harmlessly(self, client: Client) -> None:
        client.fault("status", status=302, headers={"Location": "https://user:canary@" + "a" * 1000 + "/?canary"})
        error = client.unusable()
        assert "canary" not in str(error)
        assert len(error.cause) < 600

    def test_their_bodies_are_not_waited_for(self, client: Client) -> None:
        client.fault("drip", seconds=0.2, bytes=100)
        client.fault("status", status=302, headers={"Location": client.emu.stranger}, body="x" * 3000)
        with pytest.raises(ProvisioningError):
            client.send(timeout=0.5, deadline=1.0, max_retries=0)
        assert client.seconds < 2

    def test_their_bodies_are_bounded(self, client: Client) -> None:
        sent = 0

        def endless(stream: ssl.SSLSocket) -> None:
            nonlocal sent
            stream.sendall(b"HTTP/1.1 302 Found\r\nLocation: https://host.example/\r\n\r\n")
            while sent < 64 * MEBIBYTE:
                sent += stream.send(b"x" * 65536)

        with RawServer(endless) as server:
            assert client.unusable(url=server.url, ca_path=server.ca_path, timeout=10.0).status == 302
        assert sent < 32 * MEBIBYTE


class TestWhatIsSent:
    def test_a_post_without_a_body_has_its_length(self, client: Client) -> None:
        client.send()
        (request,) = client.emu.requests("store")
        assert (request["method"], request["body_length"]) == ("POST", 0)
        assert request["headers"]["content-length"] == "0"

    def test_no_cookie_is_kept(self, client: Client) -> None:
        client.fault("headers", headers={"Set-Cookie": "session=canary; Path=/; Secure"})
        session = HttpSession(client.make_settings())
        for _try in range(2):
            answer = session.send(Request("POST", client.url, bearer=client.emu.access_tokens["store"]))
            assert answer.headers["Set-Cookie"]
        session.close()
        assert not [entry for entry in client.emu.requests("store") if "cookie" in entry["headers"]]

    def test_no_entry_of_a_netrc_file_replaces_the_token(
        self, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine localhost login me password canary\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        assert client.send().status == 200
        assert client.send(bearer="").status == 401
        first, second = client.emu.requests("store")
        assert first["headers"]["authorization"].startswith("Bearer ")
        assert "authorization" not in second["headers"]

    def test_plain_http_is_refused_before_anything_is_sent(self, client: Client) -> None:
        with pytest.raises(ServiceError, match="only https is used, and this is not"):
            client.send(client.emu.stranger_http + "/x")
        with pytest.raises(ServiceError, match="only https is used"):
            client.send("file:///etc/passwd")
        assert client.emu.count("stranger_http") == 0


class TestTrust:
    def test_another_authority_is_not_trusted_and_not_asked_again(self, client: Client) -> None:
        error = client.unavailable(ca_path=client.emu.other_ca_path)
        assert "certificate does not verify" in error.cause
        assert "Set ca_path to the CA" in error.remedy
        stats = client.emu.stats()["store"]
        assert stats["requests"] == 0
        assert stats["failed_handshakes"] == 1

    def test_the_name_has_to_fit(self, client: Client) -> None:
        with RawServer(lambda stream: respond(stream, b"{}"), name="other.example") as server:
            with pytest.raises(UnavailableError, match="certificate does not verify"):
                client.send(server.url, bearer=TOKEN, ca_path=server.ca_path)
            assert server.received == b""

    @pytest.mark.parametrize("name", ["127.0.0.1", "other.example"])
    def test_an_address_in_place_of_a_name(self, name: str, client: Client) -> None:
        """Releases of urllib3 differ in who compares them."""
        with RawServer(lambda stream: respond(stream, b"{}"), name=name) as server:
            url = server.url.replace("localhost", "127.0.0.1")
            if name == "127.0.0.1":
                assert client.send(url, ca_path=server.ca_path).status == 200
            else:
                with pytest.raises(UnavailableError, match="certificate does not verify"):
                    client.send(url, bearer=TOKEN, ca_path=server.ca_path)
                assert server.received == b""

    def test_cas_of_the_settings(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """The environment is read by the settings alone."""
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.setenv(name, client.emu.other_ca_path)
        assert client.send().status == 200
        assert "certificate does not verify" in client.unavailable(ca_path="").cause
        assert client.send(ca_path="", environ={"REQUESTS_CA_BUNDLE": client.emu.ca_path}).status == 200

    def test_verification_can_be_switched_off(self, client: Client, recwarn: pytest.WarningsRecorder) -> None:
        assert client.send(ca_path="", validate_certs=False).status == 200
        assert not recwarn.list

    def test_a_proxy_that_is_not_there(self, client: Client) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            environ = {"HTTPS_PROXY": f"http://user:canary@127.0.0.1:{unused.getsockname()[1]}"}
            error = client.unavailable(max_retries=1, environ=environ)
            assert error.cause.startswith("the proxy could not be reached or refused the connection")
            assert "HTTPS_PROXY" in error.remedy
            assert "canary" not in str(error)
            assert client.send(environ={**environ, "NO_PROXY": "localhost"}).status == 200


class TestThreads:
    def test_may_share_a_session(self, client: Client) -> None:
        session = HttpSession(client.make_settings(), connections=4)
        bodies: dict[int, bytes] = {}

        def get(number: int) -> None:
            url = client.emu.store + client.emu.product(number).license_path()
            bodies[number] = session.send(Request("POST", url, bearer=client.emu.access_tokens["store"])).body

        threads = [threading.Thread(target=get, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        session.close()
        for number in range(12):
            assert json.loads(bodies[number])["contentId"] == client.emu.product(number).content_id

    def test_connections_are_used_again(self, client: Client) -> None:
        session = HttpSession(client.make_settings())
        for _try in range(5):
            session.send(Request("POST", client.url, bearer=client.emu.access_tokens["store"]))
        session.close()
        assert client.emu.stats()["store"]["connections"] == 1


def respond(stream: ssl.SSLSocket, body: bytes, *headers: str) -> None:
    """Send a good answer."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    stream.sendall("\r\n".join(lines).encode() + body)


class RawServer:
    """An HTTPS server, with an authority of its own, that answers each connection as told, for what HTTP servers
    would not do."""

    def __init__(self, answer: Callable[[ssl.SSLSocket], None], name: str = "localhost") -> None:
        self._answer = answer
        authority = trustme.CA()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(self._context)
        self._authority = authority
        self._stack = contextlib.ExitStack()
        self.received = b""
        self.url = self.ca_path = ""

    def __enter__(self) -> RawServer:
        self.ca_path = str(self._stack.enter_context(self._authority.cert_pem.tempfile()))
        self._listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        # Wakes accept up.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._stack.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            # The client may go at any moment.
            with connection, contextlib.suppress(OSError):
                self._exchange(connection)

    def _exchange(self, connection: socket.socket) -> None:
        with self._context.wrap_socket(connection, server_side=True) as stream:
            request = b""
            while b"\r\n\r\n" not in request:
                data = stream.recv(65536)
                if not data:
                    return
                request += data
                self.received += data
            self._answer(stream)
