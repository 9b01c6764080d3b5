# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CDN: plain http, signed URLs that expire, ranges. Source: reference facts on packages, section 5."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .messages import Delivery, Request, Response
from .packages import Package, package_bytes, write_padded
from .settings import Settings

_PATH = "/filestreamingservice/files/"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
#: Larger files are sent from disk, in blocks.
_IN_MEMORY = 8 * 1024 * 1024
_BLOCK = 1024 * 1024


@dataclass(frozen=True)
class Stored:
    """A file that the CDN has."""

    guid: str
    package: Package
    path: Path
    sha256: bytes
    size: int


class Cdn:
    """The service behind the listener ``cdn``. It has the files whose URLs the delivery service handed out."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.url = ""
        self._directory = directory
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._files: dict[str, Stored] = {}

    def stored(self, package: Package, main: bool) -> Stored:
        """The file of a package. A main package gets the padding that the settings say."""
        padding = self.settings.package_padding if main else 0
        about = f"{package.full_name} {package.extension} {package.architectures} {package.inside} {padding}"
        guid = str(uuid.uuid5(uuid.NAMESPACE_OID, about))
        with self._lock:
            if guid not in self._files:
                self._files[guid] = self._make(guid, package, padding)
            return self._files[guid]

    def _make(self, guid: str, package: Package, padding: int) -> Stored:
        path = self._directory / guid
        if padding:
            write_padded(package, padding, str(path))
        else:
            path.write_bytes(package_bytes(package))
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
        return Stored(guid, package, path, digest.digest(), path.stat().st_size)

    def sign(self, stored: Stored, expires: float) -> str:
        """The URL of a file, good until then (epoch seconds)."""
        return f"{self.url}{_PATH}{stored.guid}?{self._query(stored.guid, int(expires))}"

    def _query(self, guid: str, expires: int) -> str:
        signature = hmac.new(self._key, f"{guid} {expires}".encode(), hashlib.sha512).digest()
        # Percent-encoded in lower case, as the service does it: whoever encodes it anew changes it.
        text = re.sub("%..", lambda found: found[0].lower(), quote(base64.b64encode(signature).decode(), safe=""))
        return f"P1={expires}&P2=404&P3=2&P4={text}"

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        stored = self._files.get(request.path[len(_PATH) :]) if request.path.startswith(_PATH) else None
        if stored is None:
            return Response(404)
        request.entry.note = stored.package.full_name
        if request.method not in ("GET", "HEAD"):
            return Response(405, headers={"Allow": "GET, HEAD"})
        expires = request.first("P1") or ""
        if not expires.isdigit() or request.query_string != self._query(stored.guid, int(expires)):
            return Response(403)
        if int(expires) <= request.now():
            return Response(403)
        return self._content(request, stored)

    def _content(self, request: Request, stored: Stored) -> Response:
        name = stored.package.full_name + stored.package.extension
        headers = {"Accept-Ranges": "bytes", "Content-Disposition": f"attachment; filename={name}"}
        status, start, end = 200, 0, stored.size
        wanted = request.headers.get("range")
        if wanted is not None and not request.effects.get("ignore_range"):
            found = _RANGE.fullmatch(wanted)
            if found is None or int(found[1]) >= stored.size:
                return Response(416, headers={"Content-Range": f"bytes */{stored.size}"})
            start = int(found[1])
            end = min(stored.size, int(found[2]) + 1) if found[2] else stored.size
            status, headers["Content-Range"] = 206, f"bytes {start}-{end - 1}/{stored.size}"
            if request.effects.get("wrong_range"):
                headers["Content-Range"] = f"bytes {start + 1}-{end - 1}/{stored.size}"
        if request.method == "HEAD":
            return Response(status, b"", headers, delivery=Delivery(stream=iter(()), stream_length=end - start))
        if end - start > _IN_MEMORY:
            stream = _blocks(stored.path, start, end)
            return Response(status, b"", headers, delivery=Delivery(stream=stream, stream_length=end - start))
        body = b"".join(_blocks(stored.path, start, end))
        if request.effects.get("wrong_bytes"):
            body = bytes(byte ^ 0x5A for byte in body)
        return Response(status, body, headers)


def _blocks(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as stream:
        stream.seek(start)
        while start < end:
            block = stream.read(min(_BLOCK, end - start))
            start += len(block)
            yield block
