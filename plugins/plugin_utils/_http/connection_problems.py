# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What went wrong where a request got no answer, told from the exceptions of requests and of what lies below it.

The functions take the library, which managed hosts do not have, and an exception of it.
"""

from __future__ import annotations

import ssl
import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable


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


def _distrust(problem: BaseException | None) -> str:
    """Say why a certificate does not verify, or return an empty text when that is not the problem."""
    for cause in _causes(problem):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return printable(cause.verify_message or "no reason given")
        if type(cause).__name__ == "CertificateError":
            # Of urllib3 1.26, which compares names by itself.
            return printable(str(cause))
    return ""


def worth_a_retry(requests: t.Any, problem: Exception) -> bool:
    """Connection errors and time-outs are; a certificate that does not verify, or a URL that cannot be, is not."""
    errors = requests.exceptions
    if _distrust(problem):
        return False
    return isinstance(problem, (errors.ConnectionError, errors.Timeout, errors.ChunkedEncodingError))


def connection_cause(requests: t.Any, problem: Exception | None) -> str:
    """Say in a clause what went wrong."""
    errors = requests.exceptions
    causes = _causes(problem)
    if _distrust(problem):
        return f"the server's certificate does not verify ({_distrust(problem)})"
    if isinstance(problem, errors.ProxyError):
        return "the proxy could not be reached or refused the connection"
    if isinstance(problem, errors.ConnectTimeout):
        return "the connection was not established in time"
    if any(type(cause).__name__ in ("NameResolutionError", "gaierror") for cause in causes):
        return "the host name does not resolve"
    if isinstance(problem, errors.ReadTimeout) or any(type(cause).__name__ == "ReadTimeoutError" for cause in causes):
        return "the server did not answer in time"
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, errors.RequestException):
            return f"the connection failed ({printable(cause.strerror)})"
    if isinstance(problem, errors.SSLError):
        return "no secure connection could be made"
    if isinstance(problem, errors.ChunkedEncodingError):
        return "the connection broke off within the answer"
    if isinstance(problem, errors.ContentDecodingError):
        return "the answer's compression is broken"
    if isinstance(problem, errors.ConnectionError):
        return "the connection broke off"
    return f"the request could not be made ({type(problem).__name__})"


def connection_remedy(requests: t.Any, problem: Exception | None) -> str:
    """Say what to do about it."""
    if _distrust(problem):
        return "Set ca_path to the CA that signed the certificate, of the server or of a proxy that inspects TLS"
    if isinstance(problem, requests.exceptions.ProxyError):
        return "Check the environment variables HTTPS_PROXY and NO_PROXY of the controller, or of the task"
    return "Check that the controller reaches the host (name resolution, firewall, proxy), then run again"
