# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Downloads of large files to disk: checked by size and SHA-256, resumed by Range, without a credential.

The CDN of the Store hands out plain http. It signs the query of a URL byte for byte, and requests as well as urllib3
would encode it anew (`%2f` as `%2F`), so http.client sends it. Source: reference facts on packages, section 5.
"""

from __future__ import annotations

import base64
import http.client
import os
import re
import socket
import ssl
import threading
import time
import typing as t
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

with suppress(ImportError):  # HttpSession says so.
    import requests

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ProvisioningError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import host_of, printable, shown_url
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.part_file import PartFile
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.retry import (
    RETRIED_STATUSES,
    pause_before_retry,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.strict_session import USER_AGENT
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import (
    NameResolutionTimeout,
    connect,
    resolve,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

_READ = 256 * 1024
# A connection that brings less than this in the time of one request is taken for a stalled one.
_LEAST_BYTES_PER_SECOND = 1024
# What a try has to bring so that the tries after it count anew.
_PROGRESS = 1024 * 1024
_FRESH_URLS = 3
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_REMEDY = "Check that the controller reaches the host (name resolution, firewall, proxy), then run again"


@dataclass(frozen=True)
class Wanted:
    """A file to download."""

    name: str
    """For messages."""
    size: int
    sha256: str
    """In lower case, as hexadecimal digits."""


class _Refused(Exception):
    """The URL has expired or is damaged."""


class _Broken(Exception):
    """A try ended early; the text says why, as a clause. The response is there when it had a status to retry."""

    def __init__(self, cause: str, response: Response | None = None) -> None:
        super().__init__(cause)
        self.response = response


class Downloader:
    """Downloads files from some hosts. May be used by several threads at once."""

    def __init__(self, settings: Settings, hosts: Sequence[str]) -> None:
        """Take the settings, and the hosts or domains from which files may come."""
        self._settings = settings
        self._hosts = [host.lower().strip(".") for host in hosts]
        self._closed = threading.Event()

    def close(self) -> None:
        """Let downloads of other threads end. What they have is kept for the next run."""
        self._closed.set()

    def check_url(self, url: str) -> None:
        """Refuse a URL that is not one of the service's. Raises ServiceError."""
        try:
            parts = urlsplit(url)
            host, usable = (parts.hostname or "").lower(), parts.port != 0
        except ValueError:
            host, usable = "", False
        allowed = any(host == one or host.endswith(f".{one}") for one in self._hosts)
        if usable and parts.scheme in ("http", "https") and allowed and not parts.username:
            return
        raise ServiceError(
            "Could not download a package",
            f"the delivery service names the host {printable(host, 100) or 'of no URL'}, from which packages are not"
            " taken",
            "Add the host to download_hosts if it is one of the service, or of a cache in front of it",
        )

    def size_of(self, url: str) -> int:
        """Return the size of a file in bytes, by a HEAD request. Raises ServiceError and UnavailableError."""
        self.check_url(url)
        attempted, shown = "Could not reach the CDN", f"HEAD {shown_url(url)}"
        try:
            with self._request(url, 0, "HEAD") as response:
                length = response.headers.get("Content-Length", "")
                if response.status == 200 and re.fullmatch("[0-9]{1,18}", length):
                    return int(length)
                raise ServiceError(attempted, f"{shown} answered HTTP {response.status}", _REMEDY, response.status)
        except _Broken as exc:
            raise UnavailableError(attempted, f"{shown}: {exc}", _REMEDY) from None

    def fetch(
        self,
        wanted: Wanted,
        path: str,
        get_url: Callable[[bool], str],
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Complete the partial file at `path`, or start it, until it has the size and the SHA-256.

        `get_url` returns the URL, a new one when it is called with true. `progress` is called with the number of bytes
        that are there. Raises UnavailableError (the partial file stays, and the next call resumes it), or ServiceError
        (a wrong hash; the partial file is removed). Raises OSError of the disk.
        """
        attempted = f"Could not download {wanted.name}"
        for again in (True, False):
            with PartFile(path, wanted.size) as part:
                url = self._fill(attempted, wanted, part, get_url, progress)
                digest = part.sha256()
                if digest == wanted.sha256:
                    return
                part.restart()
            if not again:
                os.unlink(path)
        raise ServiceError(
            attempted,
            f"its SHA-256 is {digest}, and the delivery service says {wanted.sha256} (from {host_of(url)}). Nothing of"
            " it was used",
            "Check whether a proxy or a cache on the way changes downloads, then run again",
        )

    def _fill(
        self,
        attempted: str,
        wanted: Wanted,
        part: PartFile,
        get_url: Callable[[bool], str],
        progress: Callable[[int], None] | None,
    ) -> str:
        """Make tries until the file has its size; return the last URL."""
        url, attempt, refusals, ranges = get_url(False), 0, 0, True
        while part.position < wanted.size:
            self.check_url(url)
            before = part.position
            try:
                problem = self._problem_of_try(url, wanted, part, ranges, progress)
            except _Refused:
                refusals += 1
                if refusals > _FRESH_URLS:
                    raise self._forbidden(attempted, url) from None
                url = get_url(True)
                continue
            if problem is None:
                continue
            if part.position == before and part.position:
                # It may be the range that the server does not like.
                ranges = attempt == 0
            attempt = 0 if part.position - before >= _PROGRESS else attempt + 1
            pause = pause_before_retry(attempt, problem.response)
            if attempt > self._settings.max_retries or pause > self._settings.deadline or self._closed.wait(pause):
                tries = f" ({attempt} tries)" if attempt > 1 else ""
                cause = (
                    f"{problem}{tries}; {part.position} of {wanted.size} bytes of it are there (from {host_of(url)})"
                )
                raise UnavailableError(attempted, cause, _REMEDY)
        return url

    def _forbidden(self, attempted: str, url: str) -> ServiceError:
        return ServiceError(
            attempted,
            f"GET {shown_url(url)} answered HTTP 403, also for new URLs of the delivery service",
            "Check the clock of the controller, and whether a proxy changes the query of URLs",
            status=403,
        )

    def _problem_of_try(
        self, url: str, wanted: Wanted, part: PartFile, ranges: bool, progress: Callable[[int], None] | None
    ) -> _Broken | None:
        """Make a try; return why it broke, if it did. Raises _Refused."""
        try:
            self._try(url, wanted, part, ranges, progress)
        except _Broken as exc:
            return exc
        return None

    def _try(
        self, url: str, wanted: Wanted, part: PartFile, ranges: bool, progress: Callable[[int], None] | None
    ) -> None:
        """Make one request, and append what it brings. Raises _Refused, _Broken, ServiceError or OSError."""
        if not ranges:
            part.restart()
        with self._request(url, part.position) as response:
            self._check(url, wanted, part, response)
            left = wanted.size - part.position
            window_end, window_bytes = time.monotonic() + self._settings.timeout, 0
            while left:
                with _network():
                    # What has arrived, not a full buffer: a transfer that trickles has to be noticed.
                    data = response.read1(min(_READ, left))
                if not data:
                    raise _Broken("the server ended the transfer early")
                part.append(data)
                left -= len(data)
                window_bytes += len(data)
                if progress is not None:
                    progress(part.position)
                if self._closed.is_set():
                    raise _Broken("the run ends")
                if time.monotonic() > window_end:
                    if window_bytes < _LEAST_BYTES_PER_SECOND * self._settings.timeout:
                        raise _Broken("the transfer has become too slow")
                    window_end, window_bytes = time.monotonic() + self._settings.timeout, 0

    def _check(self, url: str, wanted: Wanted, part: PartFile, response: http.client.HTTPResponse) -> None:
        """Check status and headers before a byte is used."""
        status = response.status
        shown = f"GET {shown_url(url)}"
        if status == 403:
            raise _Refused
        if status in RETRIED_STATUSES:
            raise _Broken(f"{shown} answered HTTP {status}", Response(status, "", dict(response.headers), b"", shown))
        if 300 <= status < 400:
            target = host_of(response.headers.get("Location", "")) or "another path"
            raise ServiceError(
                f"Could not download {wanted.name}",
                f"{shown} answered HTTP {status}, a redirect to {target}, which is not followed",
                "Check whether a proxy or a sign-in page answers in the place of the CDN",
                status=status,
            )
        if status == 416:
            part.restart()
            raise _Broken(f"{shown} answered HTTP 416")
        if status not in (200, 206):
            remedy = "Run again later; if it persists, check whether a proxy answers in the place of the CDN"
            raise ServiceError(
                f"Could not download {wanted.name}", f"{shown} answered HTTP {status}", remedy, status=status
            )
        if status == 200:
            # Also in response to a range: the file from its start.
            part.restart()
        else:
            found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
            if found is None or int(found[1]) != part.position or found[3] not in ("*", str(wanted.size)):
                part.restart()
                raise _Broken(f"{shown} answered with another range than the requested one")
        length = response.headers.get("Content-Length", "")
        if status == 200 and re.fullmatch("[0-9]{1,18}", length) and int(length) > wanted.size:
            raise ServiceError(
                f"Could not download {wanted.name}",
                f"{shown} is {length} bytes long, and the delivery service says {wanted.size}",
                "Check whether a proxy answers in the place of the CDN",
            )

    @contextmanager
    def _request(self, url: str, start: int, method: str = "GET") -> Iterator[http.client.HTTPResponse]:
        """Send the request for what follows `start`, and give the response."""
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
        if start:
            headers["Range"] = f"bytes={start}-"
        connection, target = self._connection(url, target or "/", headers)
        try:
            with _network():
                connection.request(method, target, headers=headers)
                response = connection.getresponse()
            yield response
        finally:
            connection.close()

    def _connection(self, url: str, target: str, headers: dict[str, str]) -> tuple[_Connection, str]:
        """Return the connection for a URL, by a proxy if need be, and what to request on it."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        host, port = str(parts.hostname), parts.port or (443 if secure else 80)
        headers["Host"] = parts.netloc
        proxy = _proxy_for(url, self._settings)
        context = self._context() if secure else None
        timeout = self._settings.timeout
        if proxy is None:
            return _Connection(host, port, timeout, context, host), target
        credentials = ""
        if proxy.username:
            pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            credentials = "Basic " + base64.b64encode(pair.encode("utf-8")).decode("ascii")
        connection = _Connection(str(proxy.hostname), proxy.port or 80, timeout, context, host)
        if secure:
            connection.set_tunnel(host, port, {"Proxy-Authorization": credentials} if credentials else {})
            return connection, target
        if credentials:
            headers["Proxy-Authorization"] = credentials
        return connection, f"http://{parts.netloc}{target}"

    def _context(self) -> ssl.SSLContext:
        path = self._settings.ca_path or requests.utils.DEFAULT_CA_BUNDLE_PATH
        if os.path.isdir(path):
            context = ssl.create_default_context(capath=path)
        else:
            context = ssl.create_default_context(cafile=path)
        if not self._settings.validate_certs:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class _Connection(http.client.HTTPConnection):
    """Connects to all addresses of a host within one time-out."""

    def __init__(self, host: str, port: int, timeout: float, context: ssl.SSLContext | None, server: str) -> None:
        super().__init__(host, port, timeout=timeout)
        self._tls = context
        self._server = server

    def connect(self) -> None:
        seconds = float(self.timeout or 0)
        self.sock = connect(resolve(self.host, self.port, seconds), seconds)
        self.sock.settimeout(seconds)
        if self._tls is None:
            return
        if getattr(self, "_tunnel_host", None):
            self._tunnel()  # type: ignore[attr-defined]
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._server)


def _proxy_for(url: str, settings: Settings) -> t.Any:
    """Return the proxy for a URL, split, or `None`."""
    proxy = requests.utils.select_proxy(url, settings.proxies_for(url))
    if not proxy:
        return None
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme != "http":
        raise ProvisioningError(
            f"Could not download from {host_of(url)}",
            f"the proxy for it is a {printable(parts.scheme, 20)} proxy, by which packages are not downloaded",
            "Set HTTP_PROXY to a proxy with an http URL, or add the host to NO_PROXY",
        )
    return parts


@contextmanager
def _network() -> Iterator[None]:
    """Turn what goes wrong on the network into _Broken; what goes wrong on the disk stays an OSError."""
    try:
        yield
    except ssl.SSLCertVerificationError as exc:
        raise _Broken(f"the server's certificate does not verify ({printable(exc.verify_message)})") from None
    except NameResolutionTimeout:
        raise _Broken("no name server answered in time") from None
    except socket.gaierror:
        raise _Broken("the host name does not resolve") from None
    except TimeoutError:
        raise _Broken("the server did not answer in time") from None
    except OSError as exc:
        raise _Broken(f"the connection failed ({printable(exc.strerror or type(exc).__name__)})") from None
    except (http.client.HTTPException, ValueError):
        raise _Broken("the connection broke off within the response") from None
