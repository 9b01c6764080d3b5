# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of staging do not show of downloads: proxies, and hosts that are refused."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError, ServiceError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.download import Downloader, Wanted
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import settings_from

CONTENT = bytes(range(256)) * 20
QUERY = "P1=1790000000&P2=404&P3=2&P4=abc%2fdef%3d%3d"
URL = f"http://tlu.dl.delivery.mp.microsoft.com/filestreamingservice/files/7a7a7a7a?{QUERY}"


class _Proxy(BaseHTTPRequestHandler):
    """Answers in the place of the CDN, and notes what it was asked."""

    asked: list[tuple[str, Any, Any]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Proxy-Authorization"], self.headers["Host"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of the library
        pass


@pytest.fixture
def proxy() -> Iterator[ThreadingHTTPServer]:
    _Proxy.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def downloader(environ: dict[str, str], hosts: tuple[str, ...] = ("delivery.mp.microsoft.com",)) -> Downloader:
    settings = settings_from({"timeout": 2.0, "max_retries": 0, "deadline": 5.0}, "store_delivery", environ)
    return Downloader(settings, hosts)


def test_by_a_proxy(proxy: ThreadingHTTPServer, tmp_path: Path) -> None:
    """The proxy gets the whole URL, byte for byte, and its own password; the name is not resolved here."""
    wanted = Wanted("a package", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    environ = {"HTTP_PROXY": f"http://user:p%40ss@127.0.0.1:{proxy.server_address[1]}"}
    downloader(environ).fetch(wanted, str(tmp_path / "file"), lambda anew: URL)
    assert (tmp_path / "file").read_bytes() == CONTENT
    credentials = "Basic " + base64.b64encode(b"user:p@ss").decode()
    assert _Proxy.asked == [(URL, credentials, "tlu.dl.delivery.mp.microsoft.com")]
    with pytest.raises(ProvisioningError, match="is a socks5 proxy"):
        downloader({"HTTP_PROXY": "socks5://127.0.0.1:1"}).fetch(wanted, str(tmp_path / "other"), lambda anew: URL)


@pytest.mark.parametrize(
    "url",
    [
        "http://delivery.mp.microsoft.com.evil.example/x",
        "http://evildelivery.mp.microsoft.com/x",
        "http://user@tlu.dl.delivery.mp.microsoft.com/x",
        "ftp://tlu.dl.delivery.mp.microsoft.com/x",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "http://[::1/x",
        "",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ServiceError, match="packages are not taken"):
        downloader({}).check_url(url)


def test_urls_of_the_service() -> None:
    for url in (URL, "https://DL.delivery.mp.microsoft.com/x", "http://delivery.mp.microsoft.com:80/x"):
        downloader({}).check_url(url)
