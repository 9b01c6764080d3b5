# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proxy, name, TCP and TLS, each by itself: real sockets, real certificates."""

from __future__ import annotations

import dataclasses
import datetime
import inspect
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis import network
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis.network import (
    StepFailed,
    Target,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    settings_from,
)

URL = "https://service.example/path"
PAST = datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc)


def settings(**options: Any) -> Settings:
    """Settings that give up soon."""
    return settings_from({"access_token": "x", "timeout": 2.0, **options}, "partner_center", {})


def failure(step: Callable[[], object]) -> tuple[str, str]:
    """Why a step fails, and what to do about it."""
    with pytest.raises(StepFailed) as caught:
        step()
    assert str(caught.value).isprintable()
    return str(caught.value), caught.value.remedy


@contextmanager
def answering(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """A port at which each connection is handed to a function."""

    def serve() -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(5)
                answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Wakes accept up.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@contextmanager
def tls(tmp_path: Path, *names: str, **certificate: Any) -> Iterator[tuple[int, Settings]]:
    """A TLS server with a certificate for these names, and settings that trust its CA."""
    authority = trustme.CA(organization_name="Contoso", organization_unit_name="Test")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names, **certificate).configure_cert(context)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    with answering(answer) as port:
        yield port, settings(ca_path=str(tmp_path / "ca.pem"))


def _without_key_identifier(directory: Path) -> tuple[Path, Path, Path]:
    """A CA, a certificate that does not name its CA's key, as some proxies make them, and that certificate's key."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _each in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Inspecting proxy", "Service")]
    now = datetime.datetime.now(datetime.timezone.utc)

    def builder(number: int) -> x509.CertificateBuilder:
        return x509.CertificateBuilder(
            names[0], names[number], keys[number].public_key(), x509.random_serial_number(),
            now - datetime.timedelta(days=1), now + datetime.timedelta(days=1),
        ).add_extension(x509.BasicConstraints(ca=not number, path_length=None), critical=True)  # fmt: skip

    usage = dict.fromkeys(inspect.signature(x509.KeyUsage).parameters, False)
    authority = (
        builder(0)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[0].public_key()), critical=False)
        .add_extension(x509.KeyUsage(**{**usage, "key_cert_sign": True}), critical=True)
        .sign(keys[0], hashes.SHA256())
    )
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    leaf = (
        builder(1).add_extension(x509.SubjectAlternativeName([address]), critical=False).sign(keys[0], hashes.SHA256())
    )
    found = (directory / "ca.pem", directory / "leaf.pem", directory / "leaf.key")
    found[0].write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    found[1].write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    pkcs8, open_key = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    found[2].write_bytes(keys[1].private_bytes(serialization.Encoding.PEM, pkcs8, open_key))
    return found


class TestProxy:
    @pytest.mark.parametrize(
        ("value", "shown", "hop"),
        [
            ("http://proxy.example:8080", "http://proxy.example:8080", ("proxy.example", 8080)),
            ("http://proxy.example", "http://proxy.example:80", ("proxy.example", 80)),
            ("https://proxy.example", "https://proxy.example:443", ("proxy.example", 443)),
            ("http://user:canary@proxy.example:1/", "http://proxy.example:1", ("proxy.example", 1)),
            ("http://[::1]:3128", "http://::1:3128", ("::1", 3128)),
        ],
    )
    def test_of_the_settings(self, value: str, shown: str, hop: tuple[str, int]) -> None:
        target = network.resolve_route(URL, {"https": value})
        assert (target.proxy_shown, target.first_hop) == (shown, hop)
        assert (target.host, target.port) == ("service.example", 443)
        assert target.route == f"by the proxy {shown}"
        assert "canary" not in target.route

    def test_none(self) -> None:
        target = network.resolve_route("https://service.example:8443", {})
        assert (target.first_hop, target.route) == (("service.example", 8443), "directly, without a proxy")

    @pytest.mark.parametrize("scheme", ["https", "socks5h"])
    def test_kinds_that_only_requests_talk_to(self, scheme: str) -> None:
        target = Target("service.example", 443, "proxy.example", 1, f"{scheme}://proxy.example:1")
        with pytest.raises(network.StepSkipped, match="kind of proxy"):
            network.tls_handshake(target, settings())

    @pytest.mark.parametrize(
        ("status", "remedy"),
        [("407 Authentication Required", "user name and password into"), ("403 No\x1b", "let the controller reach")],
    )
    def test_a_refusal(self, status: str, remedy: str) -> None:
        seen: list[bytes] = []

        def refuse(connection: socket.socket) -> None:
            seen.append(connection.recv(4096))
            connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

        with answering(refuse) as port:
            target = Target("service.example", 443, "127.0.0.1", port, f"http://127.0.0.1:{port}")
            why, what = failure(lambda: network.tls_handshake(target, settings()))
            known = dataclasses.replace(target, proxy_headers=(("Proxy-Authorization", "Basic x"),))
            _why, other = failure(lambda: network.tls_handshake(known, settings()))
        assert f"the proxy http://127.0.0.1:{port} refuses service.example:443 ({status[:3]} " in why
        assert remedy in what
        # To ask for what is there already would help nobody.
        assert ("Correct the proxy's user name" in other) is status.startswith("407")
        assert seen[0].startswith(b"CONNECT service.example:443 HTTP/1.")


class TestNameAndTcp:
    def test_good(self) -> None:
        with answering(lambda connection: None) as port:
            target = Target("127.0.0.1", port)
            assert network.resolve(target, 2.0) == "127.0.0.1 is 127.0.0.1"
            assert network.connect(target, 2.0) == f"127.0.0.1:{port} accepts connections"

    @pytest.mark.parametrize("host", ["a..b", "x" * 64, "nowhere.invalid"])
    def test_no_name(self, host: str) -> None:
        why, remedy = failure(lambda: network.resolve(Target(host, 443), 2.0))
        assert f"{host} does not resolve (" in why
        assert "DNS" in remedy
        why, remedy = failure(
            lambda: network.resolve(Target("service.example", 443, host, 80, f"http://{host}:80"), 2.0)
        )
        assert f"the proxy's name {host} does not resolve" in why
        assert "HTTPS_PROXY" in remedy

    def test_no_connection(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        why, remedy = failure(lambda: network.connect(Target("127.0.0.1", port), 2.0))
        assert why == f"no connection to 127.0.0.1:{port} (Connection refused)"
        assert "firewalls" in remedy
        why, remedy = failure(lambda: network.connect(Target("a", 1, "127.0.0.1", port, "http://x"), 2.0))
        assert why == f"no connection to the proxy 127.0.0.1:{port} (Connection refused)"
        assert "firewalls" not in remedy

    def test_time_is_that_of_all_addresses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A listener whose queue is full does not answer further connections."""
        with ExitStack() as stack:
            silent = []
            for number in range(1, 5):
                listener = stack.enter_context(socket.create_server((f"127.0.0.{number}", 0), backlog=0))
                for _connection in range(3):
                    waiting = stack.enter_context(socket.socket())
                    waiting.setblocking(False)
                    waiting.connect_ex(listener.getsockname())
                silent.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", listener.getsockname()))
            monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **keywords: silent)
            started = time.monotonic()
            why, _remedy = failure(lambda: network.connect(Target("many.example", 1), 0.8))
            seconds = time.monotonic() - started
            assert "no connection to many.example:1 (no answer within 0.8 seconds)" in why
            assert 0.6 < seconds < 2.0
            with answering(lambda connection: None) as port:
                silent.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)))
                shown = network.connect(Target("many.example", 1), 0.8)
                assert "accepts connections at 127.0.0.1, but not at 127.0.0.1 (no answer within 0.16 s" in shown
                assert "127.0.0.4 (no answer within 0.16 seconds): check the route" in shown

    def test_name_servers_that_do_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        over = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **keywords: over.wait(30))
        why, remedy = failure(lambda: network.resolve(Target("service.example", 443), 0.2))
        over.set()
        assert why == "service.example does not resolve (no name server answered within 0.2 seconds)"
        assert "DNS servers" in remedy

    def test_a_proxy_that_trickles(self) -> None:
        def trickle(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Header: ")
            while connection.send(b"a"):
                time.sleep(0.1)

        with answering(trickle) as port:
            target = Target("service.example", 443, "127.0.0.1", port, f"http://127.0.0.1:{port}")
            started = time.monotonic()
            why, _remedy = failure(lambda: network.tls_handshake(target, settings(timeout=0.5)))
            assert time.monotonic() - started < 1.5
        assert "no answer within 0.5 seconds" in why


class TestTls:
    def test_tells_whose_certificate_it_is(self, tmp_path: Path) -> None:
        with tls(tmp_path, "127.0.0.1", "service.example", "third.example") as (port, trusting):
            shown = network.tls_handshake(Target("127.0.0.1", port), trusting)
        assert shown.startswith("TLSv1.3, certificate of 127.0.0.1, service.example issued by Contoso, until 3")
        assert shown.endswith(f"verified with CAs from {tmp_path / 'ca.pem'}")

    def test_a_directory_of_cas(self, tmp_path: Path) -> None:
        with tls(tmp_path, "127.0.0.1") as (port, _trusting):
            why, _remedy = failure(
                lambda: network.tls_handshake(Target("127.0.0.1", port), settings(ca_path=str(tmp_path)))
            )
        # It has to hold files named by OpenSSL's hashes; this one does not.
        assert f"CAs from {tmp_path})" in why

    def test_without_a_name_of_its_own_the_subject_counts(self, tmp_path: Path) -> None:
        with tls(tmp_path, common_name="Old service") as (port, trusting):
            why, remedy = failure(lambda: network.tls_handshake(Target("127.0.0.1", port), trusting))
        assert "the certificate of Old service issued by Contoso, until 3" in why
        assert remedy

    def test_another_name(self, tmp_path: Path) -> None:
        with tls(tmp_path, "other.example") as (port, trusting):
            why, remedy = failure(lambda: network.tls_handshake(Target("127.0.0.1", port), trusting))
        assert "the certificate of other.example issued by Contoso" in why
        assert "mismatch" in why
        assert "for another name" in remedy

    def test_expired(self, tmp_path: Path) -> None:
        with tls(tmp_path, "127.0.0.1", not_after=PAST) as (port, trusting):
            why, remedy = failure(lambda: network.tls_handshake(Target("127.0.0.1", port), trusting))
        assert "until 2020-01-02, does not verify (certificate has expired" in why
        assert "clock of the controller" in remedy

    def test_an_unknown_ca(self, tmp_path: Path) -> None:
        with tls(tmp_path, "127.0.0.1") as (port, _trusting):
            why, remedy = failure(lambda: network.tls_handshake(Target("127.0.0.1", port), settings()))
        assert "the certificate of 127.0.0.1 issued by Contoso" in why
        assert remedy.startswith("Set ca_path")

    def test_rules_that_a_certificate_breaks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its CA is known; to set ca_path, as is done already, would help nobody."""
        authority, certificate, key = _without_key_identifier(tmp_path)
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(certificate, key)
        usual = network._context

        def strict(wanted: Settings) -> ssl.SSLContext:
            # As Python 3.13 has it.
            context = usual(wanted)
            context.verify_flags |= ssl.VERIFY_X509_STRICT
            return context

        def answer(connection: socket.socket) -> None:
            with server.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)

        monkeypatch.setattr(network, "_context", strict)
        with answering(answer) as port:
            trusting = settings(ca_path=str(authority))
            why, remedy = failure(lambda: network.tls_handshake(Target("127.0.0.1", port), trusting))
        assert "Missing Authority Key Identifier" in why
        assert "RFC 5280" in remedy
        assert "ca_path" not in remedy

    def test_waived(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # As with requests, nobody looks for CAs then.
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "not there"))
        with tls(tmp_path, "other.example") as (port, _trusting):
            shown = network.tls_handshake(Target("127.0.0.1", port), settings(validate_certs=False))
        assert shown.endswith("certificate of other.example issued by Contoso, not verified (validate_certs is false)")

    @pytest.mark.parametrize("words", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28"])
    def test_no_tls(self, words: bytes) -> None:
        with answering(lambda connection: connection.sendall(words)) as port:
            why, remedy = failure(lambda: network.tls_handshake(Target("127.0.0.1", port), settings()))
        assert f"no TLS connection to 127.0.0.1:{port} (" in why
        assert "breaks TLS" in remedy

    def test_silence(self) -> None:
        with answering(lambda connection: connection.recv(100_000) and connection.recv(1)) as port:
            why, _remedy = failure(lambda: network.tls_handshake(Target("127.0.0.1", port), settings(timeout=0.3)))
        assert why == f"no TLS connection to 127.0.0.1:{port} (no answer within 0.3 seconds)"

    def test_cas_that_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "no.pem").write_text("nothing")
        why, remedy = failure(
            lambda: network.tls_handshake(Target("127.0.0.1", 1), settings(ca_path=str(tmp_path / "no.pem")))
        )
        assert why == f"no CA certificates can be read from {tmp_path / 'no.pem'}"
        assert "ca_path" in remedy
        assert "REQUESTS_CA_BUNDLE" in remedy
