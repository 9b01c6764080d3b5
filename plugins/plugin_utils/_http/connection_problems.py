# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Translates exceptions of requests and urllib3 into a cause and a remedy."""

from __future__ import annotations

import ssl
import typing as t

try:
    from requests import exceptions as errors
    from urllib3 import exceptions as lower_errors
except ImportError:
    # HttpSession says so.
    pass

from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import NameResolutionTimeout


def _causes(problem: BaseException | None) -> list[BaseException]:
    """All exceptions that a requests exception wraps, however it wraps them."""
    found: list[BaseException] = []
    waiting: list[t.Any] = [problem]
    while waiting and len(found) < 32:
        item = waiting.pop()
        if not isinstance(item, BaseException) or item in found:
            continue
        found.append(item)
        waiting += [getattr(item, "reason", None), item.__cause__, item.__context__, *item.args]
    return found


def _certificate_problem(problem: BaseException | None) -> str:
    """Return why a certificate does not verify, or an empty text when that is not the problem."""
    for cause in _causes(problem):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return printable(cause.verify_message or "no reason given")
        if type(cause).__name__ == "CertificateError":
            # Of urllib3 1.26, which compares names by itself.
            return printable(str(cause))
    return ""


def is_transient(problem: Exception) -> bool:
    """Return whether another try may help: not for a certificate that does not verify, or a URL that cannot be."""
    if _certificate_problem(problem):
        return False
    lower = (lower_errors.ProtocolError, lower_errors.TimeoutError, lower_errors.SSLError)
    return isinstance(problem, (errors.ConnectionError, errors.Timeout, errors.ChunkedEncodingError, *lower))


def is_unreachable(problem: BaseException | None) -> bool:
    """Return whether there was no connection that could be used; other requests to the host would not get one."""
    if _certificate_problem(problem) or isinstance(problem, errors.ProxyError):
        return True
    kinds = (lower_errors.NewConnectionError, lower_errors.ConnectTimeoutError)
    return any(isinstance(cause, kinds) for cause in _causes(problem))


def connection_cause(problem: Exception | None) -> str:
    """Return a clause that says what went wrong."""
    causes = _causes(problem)
    if _certificate_problem(problem):
        return f"the server's certificate does not verify ({_certificate_problem(problem)})"
    if isinstance(problem, errors.ProxyError):
        return "the proxy could not be reached or refused the connection"
    if isinstance(problem, errors.ConnectTimeout):
        return "the connection was not established in time"
    if any(isinstance(cause, NameResolutionTimeout) for cause in causes):
        return "no name server answered in time"
    if any(type(cause).__name__ in ("NameResolutionError", "gaierror") for cause in causes):
        return "the host name does not resolve"
    late = (errors.ReadTimeout, lower_errors.ReadTimeoutError)
    if any(isinstance(cause, late) for cause in causes):
        return "the server did not answer in time"
    library = (errors.RequestException, lower_errors.HTTPError)
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, library):
            return f"the connection failed ({printable(cause.strerror)})"
    if isinstance(problem, (errors.SSLError, lower_errors.SSLError)):
        return "no secure connection could be made"
    if isinstance(problem, (errors.ChunkedEncodingError, lower_errors.ProtocolError)):
        return "the connection broke off within the response"
    if isinstance(problem, errors.ContentDecodingError):
        return "the response's compression is broken"
    if isinstance(problem, errors.ConnectionError):
        return "the connection broke off"
    return f"the request could not be made ({type(problem).__name__})"


def connection_remedy(problem: Exception | None) -> str:
    """Return what to do about it."""
    if _certificate_problem(problem):
        return "Set ca_path to the CA that signed the certificate, of the server or of a proxy that inspects TLS"
    if isinstance(problem, errors.ProxyError):
        return "Check the environment variables HTTPS_PROXY and NO_PROXY of the controller, or of the task"
    return "Check that the controller reaches the host (name resolution, firewall, proxy), then run again"
