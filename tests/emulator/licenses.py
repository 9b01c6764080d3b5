# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The licenses that both license services hand out: which instance is the current one, and how they are spoilt."""

from __future__ import annotations

import base64
import re
import threading
import uuid
from typing import Any

from . import license_xml
from .catalog import BEHAVIORS, OWNED, Product, product

_GUID = rb"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_BOMB = (
    '<!DOCTYPE License [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">'
    '<!ENTITY e SYSTEM "file:///etc/passwd">]>'
)
_BLOBS: dict[str, Any] = {"not_base64": "this is %% no base64 !", "empty_blob": "", "null_blob": None}
if not set(_BLOBS) <= set(BEHAVIORS):
    raise RuntimeError("a blob belongs to no behavior")


class Licenses:
    """One license for each product and content id, whichever service is asked for it."""

    def __init__(self, writer: license_xml.LicenseWriter) -> None:
        self._writer = writer
        self._lock = threading.Lock()
        self._issues: dict[tuple[str, str], int] = {}
        self._all_issues = 0

    def reissue(self, product_id: str | None = None, content_id: str | None = None) -> None:
        """Let the services hand out a new instance of one license, or of all."""
        with self._lock:
            if product_id is None or content_id is None:
                self._all_issues += 1
            else:
                key = (product_id.upper(), content_id.lower())
                self._issues[key] = self._issues.get(key, 0) + 1

    def reset(self) -> None:
        """Hand out the first instances again."""
        with self._lock:
            self._issues.clear()
            self._all_issues = 0

    def document(self, entry: Product, content_id: str) -> bytes:
        """The license document as it is handed out now."""
        return self._writer.license(entry, content_id, self._issue(entry, content_id))

    def instance_id(self, entry: Product, content_id: str) -> str:
        """The license instance id of that document."""
        return license_xml.instance_id(entry, content_id, self._issue(entry, content_id))

    def blob(self, entry: Product, content_id: str, behavior: str = "") -> Any:
        """The license as services send it: base64, or what the behavior says instead."""
        if behavior in _BLOBS:
            return _BLOBS[behavior]
        document = _spoil(self.document(entry, content_id), behavior)
        if behavior in ("wrong_license", "wrong_content"):
            document = self._other(entry, content_id, behavior)
        text = base64.b64encode(document).decode("ascii")
        if behavior == "wrapped_blob":
            return "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76))
        return text

    def other_content(self, entry: Product, content_id: str) -> bytes:
        """A license of the same product for a content id that nobody asked for."""
        return self._writer.license(entry, str(uuid.uuid5(uuid.NAMESPACE_OID, "other " + content_id)))

    def _other(self, entry: Product, content_id: str, behavior: str) -> bytes:
        """The document that is handed out instead of the one asked for."""
        if behavior == "wrong_license":
            stranger = product((entry.index + 1) % OWNED)
            return self.document(stranger, stranger.content_id)
        return self.other_content(entry, content_id)

    def _issue(self, entry: Product, content_id: str) -> int:
        with self._lock:
            return self._all_issues + self._issues.get((entry.product_id, content_id.lower()), 0)


def _spoil(document: bytes, behavior: str) -> bytes:
    """The document, spoilt as the behavior says."""
    if behavior == "not_xml":
        return b"PK\x03\x04" + bytes(range(256))
    if behavior == "not_a_license":
        return b'<Lease xmlns="urn:example:other"><Holder>nobody</Holder></Lease>'
    if behavior == "truncated_xml":
        return document[: len(document) // 2]
    if behavior == "doctype":
        return _BOMB.encode() + document.replace(b"<PFM>", b"<PFM>&d;", 1)
    if behavior == "utf16":
        text = '<?xml version="1.0" encoding="utf-16"?>' + _BOMB + document.decode("utf-8")
        return text.replace("<PFM>", "<PFM>&d;", 1).encode("utf-16")
    if behavior == "upper_case_ids":
        return re.sub(_GUID, lambda match: match.group().upper(), document)
    return document
