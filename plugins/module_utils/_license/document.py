# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The license document: bytes to facts, and the check against what was asked.

Runs on managed hosts as well as on the controller: standard library only. The bytes are never re-serialized, since
the signature inside covers them. Source: reference facts on the license document.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import re
from dataclasses import asdict, dataclass
from xml.parsers import expat

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import LicenseDocumentError

# Real documents have about 2.6 KB.
MAX_BYTES = 1024 * 1024
# Longest facts in a real document (package family names) have well under 200 characters.
_MAX_FACT = 512
_MAX_DEPTH = 32

_ATTEMPT = "Could not read the license document"
NAMESPACE = "urn:schemas-microsoft-com:windows:store:licensing:ls"
# Python's parser would take all that Python knows, such as unicode_escape; Windows takes none of those.
_ENCODINGS = ("utf-8", "utf-16", "us-ascii", "iso-8859-1", "windows-1252")
_DECLARED_ENCODING = re.compile(r"""^(<\?xml[^>]*?)\s+encoding\s*=\s*("[^"]*"|'[^']*')""")

# (parent element, element or attribute) in lower case, to the field of LicenseDocument.
_FACTS = {
    ("license", "licenseid"): "license_id",
    ("license", "contentid"): "content_id",
    ("binding", "productid"): "product_id",
    ("binding", "licenseinstanceid"): "license_instance_id",
    ("binding", "requestorid"): "requestor_id",
    ("binding", "pfm"): "package_family_name",
    ("licenseinfo", "issueddate"): "issued_date",
}


@dataclass(frozen=True)
class LicenseDocument:
    """A license: its exact bytes, and the facts in its XML as text (empty where the document has none)."""

    data: bytes
    content_id: str
    product_id: str
    license_id: str = ""
    license_instance_id: str = ""
    requestor_id: str = ""
    package_family_name: str = ""
    issued_date: str = ""

    @property
    def blob(self) -> str:
        """The document in base64, on one line, as Configuration Manager and MDM want it."""
        return base64.b64encode(self.data).decode("ascii")

    @property
    def text(self) -> str:
        """The document as text."""
        encoding = "utf-16" if self.data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"
        return self.data.decode(encoding, "replace")

    def file_bytes(self, license_format: str) -> bytes:
        """Return what a file of this format (`xml` or `base64`) holds, to the byte."""
        return self.blob.encode("ascii") if license_format == "base64" else self.data

    def as_entry(self) -> dict[str, str]:
        """Return it as a JSON object, from which from_entry makes it again without parsing."""
        facts = asdict(self)
        del facts["data"]
        return {**facts, "blob": self.blob}

    @classmethod
    def from_entry(cls, entry: dict[str, str]) -> LicenseDocument:
        """Make the document that as_entry was called of. Only for entries from a place that nobody else writes to."""
        facts = {name: value for name, value in entry.items() if name != "blob"}
        return cls(data=base64.b64decode(entry["blob"]), **facts)

    def same_license(self, other: LicenseDocument) -> bool:
        """Return whether both are the same instance (version) of the license."""
        if self.license_instance_id and other.license_instance_id:
            return same_id(self.license_instance_id, other.license_instance_id)
        return self.data == other.data


def sha256(data: bytes) -> str:
    """Return the SHA-256 checksum of bytes as lower-case hexadecimal text."""
    return hashlib.sha256(data).hexdigest()


def same_id(one: str, other: str) -> bool:
    """Compare two ids as the services do: without regard to case or to braces around a GUID."""
    return one.strip().strip("{}").lower() == other.strip().strip("{}").lower()


def from_blob(blob: str) -> LicenseDocument:
    """Decode and parse the base64 text of a license. Raises LicenseDocumentError."""
    text = re.sub(r"\s+", "", blob)
    if not text:
        raise LicenseDocumentError(_ATTEMPT, "the license blob is empty")
    if len(text) > MAX_BYTES * 2:
        raise LicenseDocumentError(_ATTEMPT, "the license blob is larger than any license")
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise LicenseDocumentError(_ATTEMPT, "the license blob is not base64 text") from None
    return parse(data)


def from_text(text: str) -> LicenseDocument:
    """Parse a license given as text: its XML, or that in base64. Raises LicenseDocumentError."""
    if not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return from_blob(text)
    try:
        # A declaration in the text would name the encoding of the file that it was read from.
        return parse(_DECLARED_ENCODING.sub(r"\1", text.lstrip("\ufeff \t\r\n")).encode("utf-8"))
    except UnicodeEncodeError:
        raise LicenseDocumentError(_ATTEMPT, "it is not text") from None


def from_file_bytes(data: bytes, license_format: str) -> LicenseDocument:
    """Parse what a license file of this format holds. Raises LicenseDocumentError."""
    if license_format != "base64":
        return parse(data)
    try:
        return from_blob(data.decode("ascii"))
    except UnicodeDecodeError:
        raise LicenseDocumentError(_ATTEMPT, "the file is not base64 text") from None


def parse(data: bytes) -> LicenseDocument:
    """Parse the XML of a license. Raises LicenseDocumentError for anything that is not one license."""
    if len(data) > MAX_BYTES:
        raise LicenseDocumentError(_ATTEMPT, f"it is larger than {MAX_BYTES} bytes")
    reader = _Reader()
    try:
        reader.read(data)
    except expat.ExpatError as exc:
        reason = expat.errors.messages.get(exc.code, "malformed")
        raise LicenseDocumentError(_ATTEMPT, f"it is no well-formed XML ({reason}, line {exc.lineno})") from None
    except (LookupError, ValueError):
        # An XML declaration may name an encoding that does not exist.
        raise LicenseDocumentError(_ATTEMPT, "its text encoding is unknown") from None
    if not reader.facts.get("content_id"):
        raise LicenseDocumentError(_ATTEMPT, "it has no ContentID")
    if not reader.facts.get("product_id"):
        raise LicenseDocumentError(_ATTEMPT, "it has no ProductID")
    return LicenseDocument(data=data, **reader.facts)


def check(document: LicenseDocument, product_id: str, content_id: str) -> None:
    """Raise LicenseDocumentError unless the document is the license of this product and content id."""
    if not same_id(document.content_id, content_id):
        raise LicenseDocumentError(
            "Could not accept the license",
            f"it is the license of content id {_shown_id(document.content_id)}, not of {content_id}",
        )
    if not same_id(document.product_id, product_id):
        raise LicenseDocumentError(
            "Could not accept the license",
            f"it is the license of product {_shown_id(document.product_id)}, not of {product_id}",
        )


_ID = re.compile(r"[0-9A-Za-z]{12}|\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")


def _printable(text: str) -> str:
    """Make text from a document fit for a message."""
    return re.sub(r"[^A-Za-z0-9_.{}-]", "?", text)[:64]


def _shown_id(text: str) -> str:
    """Return an id from a document for a message; what has not the form of an id could be a token."""
    return text if _ID.fullmatch(text) else "?"


class _Reader:
    """Collects the facts while expat walks through the document; refuses a DOCTYPE, so nothing can be expanded."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self._path: list[str] = []
        self._text: list[str] | None = None
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.XmlDeclHandler = self._declaration

    def read(self, data: bytes) -> None:
        self._parser.Parse(data, True)

    def _doctype(self, *declaration: object) -> None:
        raise LicenseDocumentError(_ATTEMPT, "it has a DOCTYPE, which no license has; it is refused")

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding and encoding.lower() not in _ENCODINGS:
            raise LicenseDocumentError(
                _ATTEMPT, f"its text encoding, {_printable(encoding)}, is none that licenses have"
            )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _separator, local = name.rpartition(" ")
        local = local.lower()
        if not self._path and local != "license":
            raise LicenseDocumentError(_ATTEMPT, f"its root element is {_printable(local)}, not License")
        if not self._path and namespace not in ("", NAMESPACE):
            raise LicenseDocumentError(_ATTEMPT, "its root element is in another namespace than that of licenses")
        if len(self._path) >= _MAX_DEPTH:
            raise LicenseDocumentError(_ATTEMPT, "its elements are nested deeper than in any license")
        self._path.append(local)
        if len(self._path) <= 2:
            for attribute, value in attributes.items():
                self._keep(local, attribute.rpartition(" ")[2].lower(), value)
        self._text = [] if len(self._path) == 3 and (self._path[1], local) in _FACTS else None

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _end(self, name: str) -> None:
        local = self._path.pop()
        if self._text is not None:
            self._keep(self._path[-1], local, "".join(self._text))
            self._text = None

    def _keep(self, parent: str, name: str, value: str) -> None:
        field = _FACTS.get((parent, name))
        if field is None:
            return
        value = value.strip()
        if len(value) > _MAX_FACT:
            raise LicenseDocumentError(_ATTEMPT, f"its {name} is longer than in any license")
        if self.facts.setdefault(field, value) != value:
            raise LicenseDocumentError(_ATTEMPT, f"it has more than one {name}")
