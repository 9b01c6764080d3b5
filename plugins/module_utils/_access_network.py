# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The lower steps of a check of access: proxy, name resolution, TCP and TLS, each by itself."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit

from ansible_collections.msdevices.provisioning.plugins.module_utils._settings import Settings
from ansible_collections.msdevices.provisioning.plugins.module_utils._transport import load_requests, printable


@dataclass(frozen=True)
class Target:
    """A host as the controller reaches it: directly, or by a proxy."""

    host: str
    port: int
    proxy_host: str = ""
    proxy_port: int = 0
    proxy_shown: str = ""
    proxy_headers: tuple[tuple[str, str], ...] = ()

    @property
    def first_hop(self) -> tuple[str, int]:
        """Where the connection goes first."""
        return (self.proxy_host, self.proxy_port) if self.proxy_host else (self.host, self.port)


class NetworkProblem(Exception):
    """A step failed; the text says why, C(remedy) what to do."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.remedy = remedy


def target_of(url: str) -> Target:
    """Find out by which way requests reaches a URL, from the environment (HTTPS_PROXY, NO_PROXY)."""
    requests = load_requests()
    parts = urlsplit(url)
    port = parts.port or 443
    host = parts.hostname or ""
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url, no_proxy=None))
    if not proxy:
        return Target(host, port)
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        way = urlsplit(proxy)
        shown = f"{way.scheme}://{way.hostname}:{way.port or 80}"
        headers = requests.adapters.HTTPAdapter().proxy_headers(proxy)
        return Target(host, port, way.hostname or "", way.port or 80, shown, tuple(headers.items()))
    except ValueError:
        raise NetworkProblem("the proxy's address is no URL", "Correct the environment variable HTTPS_PROXY") from None


def resolve(target: Target) -> str:
    """Resolve the name of the first hop; return its addresses as text. Raises NetworkProblem."""
    host, port = target.first_hop
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        reason = getattr(exc, "strerror", None) or "it is no host name"
        raise NetworkProblem(
            f"{host} does not resolve ({reason})", "Check the name, and the DNS servers of the controller"
        ) from None
    return f"{host} is {', '.join(dict.fromkeys(str(entry[4][0]) for entry in found))}"


def connect(target: Target, timeout: float) -> str:
    """Connect to the first hop. Raises NetworkProblem."""
    host, port = target.first_hop
    try:
        socket.create_connection((host, port), timeout=timeout).close()
    except OSError as exc:
        raise NetworkProblem(
            f"no connection to {host}:{port} ({exc.strerror or 'it took too long'})",
            "Check firewall and proxy settings between the controller and this host",
        ) from None
    return f"{host}:{port} accepts connections"


def shake_hands(target: Target, settings: Settings) -> str:
    """Make a TLS connection to the host, by the proxy if there is one; tell whose certificate it shows.

    Raises NetworkProblem.
    """
    context = _context(settings)
    connection: t.Any
    if target.proxy_host:
        connection = _Tunnel(target, settings.timeout, context)
    else:
        connection = http.client.HTTPSConnection(*target.first_hop, timeout=settings.timeout, context=context)
    try:
        connection.connect()
        certificate = connection.sock.getpeercert()
        version = connection.sock.version()
    except ssl.SSLCertVerificationError as exc:
        raise NetworkProblem(
            f"the certificate does not verify ({printable(exc.verify_message or 'no reason given')}; CAs from"
            f" {_bundle(settings)})",
            "Set ca_path to the CA that signed it, of the server or of a proxy that inspects TLS",
        ) from None
    except (OSError, http.client.HTTPException) as exc:
        reason = getattr(exc, "strerror", None) or type(exc).__name__
        raise NetworkProblem(
            f"no TLS connection to {target.host}:{target.port} ({printable(str(reason))})",
            "Check whether a proxy or firewall breaks TLS, or refuses the host",
        ) from None
    finally:
        connection.close()
    if not certificate:
        return f"{version}, the certificate was not verified (validate_certs is false)"
    return (
        f"{version}, certificate of {_name(certificate.get('subject'))} issued by {_name(certificate.get('issuer'))},"
        f" until {certificate.get('notAfter')}, verified with {_bundle(settings)}"
    )


class _Tunnel(http.client.HTTPConnection):
    """A TLS connection through a proxy: CONNECT in the clear, then TLS with the host."""

    def __init__(self, target: Target, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(*target.first_hop, timeout=timeout)
        self._target = target
        self._tls = context
        self.set_tunnel(target.host, target.port, headers=dict(target.proxy_headers))

    def connect(self) -> None:
        super().connect()
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._target.host)


def _bundle(settings: Settings) -> str:
    """Where requests takes its CAs from, in its own order."""
    environment = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return settings.ca_path or environment or str(load_requests().certs.where())


def _context(settings: Settings) -> ssl.SSLContext:
    path = _bundle(settings)
    try:
        if os.path.isdir(path):
            context = ssl.create_default_context(capath=path)
        else:
            context = ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError):
        raise NetworkProblem(
            f"no CA certificates can be read from {path}", "Correct ca_path or REQUESTS_CA_BUNDLE"
        ) from None
    if not settings.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _name(pairs: t.Any) -> str:
    """The common name, else the organization, of a certificate's subject or issuer."""
    names = {key: value for pair in pairs or () for key, value in pair}
    return printable(names.get("commonName") or names.get("organizationName") or "nobody", 80)
