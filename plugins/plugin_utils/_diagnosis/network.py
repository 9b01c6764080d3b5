# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The lower steps of a diagnosis: proxy, name resolution, TCP and TLS, each by itself."""

from __future__ import annotations

import http.client
import os
import ssl
import time
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

try:
    import requests
except ImportError:
    requests = None  # type: ignore[assignment]

from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http import total_timeout
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.libraries import missing_library
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

_MAX_ADDRESS_SECONDS = 5.0
# X509_V_ERR_… of OpenSSL.
_EXPIRED = (9, 10)
_OTHER_NAME = (62, 64)
_UNKNOWN_CA = (2, 18, 19, 20, 21)
_PROXY_REMEDY = (
    "Correct the environment variable HTTPS_PROXY of the controller or of the task, or name the host in NO_PROXY"
)


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

    @property
    def route(self) -> str:
        """How the host is reached."""
        return f"by the proxy {self.proxy_shown}" if self.proxy_host else "directly, without a proxy"


class StepFailed(Exception):
    """A step failed; the text says why, `remedy` what to do, and `gone` whether the host itself may be gone."""

    def __init__(self, why: str, remedy: str, gone: bool = False) -> None:
        super().__init__(why)
        self.remedy = remedy
        self.gone = gone


class StepSkipped(Exception):
    """A step cannot be checked by itself; the text says why. The next one can."""


def resolve_route(url: str, proxies: Mapping[str, str]) -> Target:
    """Return how a URL is reached; `proxies` has the URL of its proxy by its scheme, if there is one.

    Raises StepFailed or MissingLibraryError.
    """
    if requests is None:
        raise missing_library("requests")
    parts = urlsplit(url)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        # The form in which names are resolved; a name without it cannot be reached at all.
        host = (parts.hostname or "").encode("idna").decode()
    except UnicodeError:
        raise StepFailed(
            f"{printable(parts.hostname or '', 100)} is no host name", "Correct base_url, or authority"
        ) from None
    proxy = proxies.get(parts.scheme)
    if not proxy:
        return Target(host, port)
    hop = urlsplit(proxy)
    proxy_port = hop.port or (443 if hop.scheme == "https" else 80)
    headers = requests.adapters.HTTPAdapter().proxy_headers(proxy)
    shown = f"{hop.scheme}://{hop.hostname}:{proxy_port}"
    return Target(host, port, hop.hostname or "", proxy_port, shown, tuple(headers.items()))


def resolve(target: Target, seconds: float) -> str:
    """Resolve the name of the first hop; return its addresses as text. Raises StepFailed."""
    host, port = target.first_hop
    try:
        found = total_timeout.resolve(host, port, seconds)
    except (OSError, UnicodeError) as exc:
        reason = getattr(exc, "strerror", None) or "it is no host name"
        if isinstance(exc, total_timeout.NameResolutionTimeout):
            reason = f"no name server answered within {seconds:g} seconds"
        if target.proxy_host:
            raise StepFailed(f"the proxy's name {host} does not resolve ({reason})", _PROXY_REMEDY) from None
        raise StepFailed(
            f"{host} does not resolve ({reason})",
            "Check the name, and the DNS servers of the controller; where only a proxy leads out, set the environment"
            " variable HTTPS_PROXY",
            gone=True,
        ) from None
    return f"{host} is {', '.join(dict.fromkeys(_address(entry) for entry in found))}"


def connect(target: Target, seconds: float) -> str:
    """Connect to each address of the first hop, all within so many seconds; name those that do not answer.

    Raises StepFailed when none does.
    """
    host, port = target.first_hop
    good, dead = [], []
    problem: OSError = OSError("it has no address")
    try:
        found = total_timeout.resolve(host, port, seconds)
    except OSError as exc:
        found, problem = [], exc
    for address in found:
        share = min(seconds / len(found), _MAX_ADDRESS_SECONDS)
        try:
            total_timeout.connect([address], share).close()
            good.append(_address(address))
        except OSError as exc:
            problem = exc
            dead.append(f"{_address(address)} ({_reason(exc, share)})")
    if good:
        shown = f"{host}:{port} accepts connections"
        if not dead:
            return shown
        return f"{shown} at {', '.join(good)}, but not at {', '.join(dead)}: check the route to what does not answer"
    reason = _reason(problem, seconds)
    if target.proxy_host:
        raise StepFailed(f"no connection to the proxy {host}:{port} ({reason})", _PROXY_REMEDY)
    raise StepFailed(
        f"no connection to {host}:{port} ({reason})",
        "Check the firewalls between the controller and this host; where only a proxy leads out, set the"
        " environment variable HTTPS_PROXY",
        gone=True,
    )


def _address(found: total_timeout.Address) -> str:
    return str(found[4][0])


def tls_handshake(target: Target, settings: Settings, extra_ca_file: str = "") -> str:
    """Make a TLS connection to the host, by the proxy if there is one; tell whose certificate it shows.

    `extra_ca_file` is trusted beside the CAs of the settings.

    Raises StepFailed, and StepSkipped for kinds of proxies to which only requests can talk.
    """
    if target.proxy_host and not target.proxy_shown.startswith("http://"):
        raise StepSkipped("this kind of proxy is only used by the requests of the next steps")
    context = _context(settings)
    if extra_ca_file and settings.validate_certs:
        context.load_verify_locations(cafile=extra_ca_file)
    try:
        version, subject, issuer, until = _certificate(target, settings.timeout, context)
    except ssl.SSLCertVerificationError as exc:
        raise _not_verified(target, settings, exc) from None
    if context.verify_mode == ssl.CERT_NONE:
        return f"{version}, certificate of {subject} issued by {issuer}, not verified (validate_certs is false)"
    return (
        f"{version}, certificate of {subject} issued by {issuer}, until {until}, verified with CAs from"
        f" {_bundle(settings)}"
    )


def _certificate(target: Target, timeout: float, context: ssl.SSLContext) -> tuple[str, str, str, str]:
    """Return the TLS version, and the certificate's subject, issuer and end.

    Raises StepFailed, and SSLCertVerificationError where the context verifies.
    """
    connection = _Connection(target, timeout, context)
    try:
        with total_timeout.bounded(time.monotonic() + timeout):
            connection.connect()
        tls = t.cast(ssl.SSLSocket, connection.sock)
        return (tls.version() or "", *_facts(tls.getpeercert(binary_form=True)))
    except ssl.SSLCertVerificationError:
        raise
    except (OSError, http.client.HTTPException) as exc:
        if str(exc).startswith("Tunnel connection failed: "):
            raise _proxy_refused(target, str(exc)) from None
        raise StepFailed(
            f"no TLS connection to {target.host}:{target.port} ({_reason(exc, timeout)})",
            "Check whether a proxy or firewall breaks TLS or keeps the host from answering, and that a TLS service"
            " is at this port",
            gone=True,
        ) from None
    finally:
        connection.close()


def _proxy_refused(target: Target, response: str) -> StepFailed:
    """Return the failure for a response such as `Tunnel connection failed: 407 Authentication Required`."""
    answer = printable(response.partition(": ")[2], 100)
    remedy = f"Ask who runs the proxy to let the controller reach {target.host}:{target.port}, or set NO_PROXY"
    if answer.startswith("407") and target.proxy_headers:
        remedy = (
            "Correct the proxy's user name and password in the environment variable HTTPS_PROXY (a character such as @"
            " in them is written as %40), or ask for a proxy that takes Basic authentication"
        )
    elif answer.startswith("407"):
        remedy = "Put the proxy's user name and password into the environment variable HTTPS_PROXY of the controller"
    why = f"the proxy {target.proxy_shown} refuses {target.host}:{target.port} ({answer})"
    # 502 and the like: it is the proxy that does not reach the host.
    return StepFailed(why, remedy, gone=answer.startswith("5"))


def _not_verified(target: Target, settings: Settings, problem: ssl.SSLCertVerificationError) -> StepFailed:
    """Return the failure for a certificate that does not verify. Nothing is sent while it is read."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        _version, subject, issuer, until = _certificate(target, settings.timeout, context)
        whose = f"the certificate of {subject} issued by {issuer}, until {until},"
    except (StepFailed, OSError):
        whose = "the certificate"
    if problem.verify_code in _EXPIRED:
        remedy = "Check the clock of the controller; if it is right, the certificate has to be renewed"
    elif problem.verify_code in _OTHER_NAME:
        remedy = "Check the URL: the certificate is for another name, or something answers in the host's place"
    elif problem.verify_code in _UNKNOWN_CA:
        remedy = "Set ca_path to the CA that signed it, of the server or of a proxy that inspects TLS"
    else:
        remedy = (
            "Ask who runs the server, or the proxy that inspects TLS, for a certificate and a CA that keep the rules"
            " (RFC 5280); Python before 3.13 does not check all of them"
        )
    reason = printable(problem.verify_message or "no reason given")
    why = f"{whose} does not verify ({reason}; CAs from {_bundle(settings)})"
    return StepFailed(why, remedy, gone=problem.verify_code in (*_EXPIRED, *_OTHER_NAME))


class _Connection(http.client.HTTPConnection):
    """A TLS connection to a host: directly, or through a proxy, with CONNECT in the clear before."""

    def __init__(self, target: Target, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(*target.first_hop, timeout=timeout)
        self._target = target
        self._seconds = timeout
        self._tls = context
        if target.proxy_host:
            self.set_tunnel(target.host, target.port, headers=dict(target.proxy_headers))

    def connect(self) -> None:
        """Connect as the requests of the collection do."""
        self.sock = total_timeout.connect(total_timeout.resolve(self.host, self.port, self._seconds), self._seconds)
        if self._target.proxy_host:
            self._tunnel()  # type: ignore[attr-defined]
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._target.host)


def _reason(problem: Exception, timeout: float) -> str:
    if isinstance(problem, TimeoutError):
        return f"no answer within {timeout:g} seconds"
    return printable(str(getattr(problem, "strerror", None) or problem or type(problem).__name__), 120)


def _bundle(settings: Settings) -> str:
    """Where requests takes its CAs from."""
    return settings.ca_path or str(requests.certs.where())  # type: ignore[attr-defined]


def _context(settings: Settings) -> ssl.SSLContext:
    """Return the context that requests would make: its library decides how strict it is."""
    from urllib3.util.ssl_ import create_urllib3_context

    context: ssl.SSLContext = create_urllib3_context()
    context.check_hostname = settings.validate_certs
    context.verify_mode = ssl.CERT_REQUIRED if settings.validate_certs else ssl.CERT_NONE
    if not settings.validate_certs:
        return context
    path = _bundle(settings)
    try:
        if os.path.isdir(path):
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError):
        raise StepFailed(
            f"no CA certificates can be read from {path}",
            "Correct ca_path, or the environment variable REQUESTS_CA_BUNDLE of the controller",
        ) from None
    return context


def _facts(certificate: bytes | None) -> tuple[str, str, str]:
    """Subject, issuer and end of a certificate; of one that is not verified, the ssl module itself tells nothing."""
    try:
        from cryptography import x509

        read = x509.load_der_x509_certificate(certificate or b"")
        # Older versions of the library only have the second.
        until = getattr(read, "not_valid_after_utc", None) or read.not_valid_after
        return _host_names(read) or _name(read.subject), _name(read.issuer), f"{until:%Y-%m-%d}"
    except Exception:
        # The library has errors of many kinds for certificates that are odd; the handshake has judged them.
        return "an unknown subject", "an unknown CA", "an unknown day"


def _host_names(certificate: t.Any) -> str:
    """The first of the names that a certificate is for, or an empty text."""
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return printable(", ".join(str(name.value) for name in list(names)[:2]), 120)


def _name(name: t.Any) -> str:
    """The common name, else the organization, of a certificate's subject or issuer."""
    found = {attribute.oid.dotted_string: str(attribute.value) for attribute in name}
    return printable(found.get("2.5.4.3") or found.get("2.5.4.10") or "nobody", 80)
