# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The licenses that a task asks for: options to typed requests, all checked before anything is done.

Runs on managed hosts as well as on the controller: standard library only.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    OptionError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license import document as _license_document
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import (
    ANY_PACKAGE,
    DEFAULT_SKU_ID,
    PACKAGE_FILTERS,
    LicenseKey,
    PackageFilter,
    key_problem,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.terms import FORMS, parse_term
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import bare_guid

DEFAULT_MARKET = "US"
"""The country for which the catalog is asked for content ids."""
MANIFEST_NAME = ".ms_offline_license.json"
TEMPORARY_PREFIX = ".ms_offline_license."
MAX_FILENAME = 200

_ATTEMPT = "Could not use the option licenses"
_BLOB_REMEDY = "Give the license as its XML, or as base64 text of it (the filter b64encode)"
# Names that Windows keeps for devices, whatever follows their first period.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class LicenseRequest:
    """One license that a task asks for, the name of its file, and its bytes if the user brought them."""

    key: LicenseKey
    filename: str
    document: LicenseDocument | None = None
    problem: str = ""
    """Why the license that the user brought cannot be used; that request fails, the others do not."""
    packages: PackageFilter = ANY_PACKAGE
    catalog_query: str = ""
    """Catalog query that yields the content id; empty if the user gave the id."""
    index: int = 0
    """The position of what the user asked for; several licenses may come of one product."""

    @property
    def unresolved(self) -> bool:
        """Whether the content id still has to be found."""
        return not self.key.content_id

    def resolved(self, content_id: str, license_format: str) -> LicenseRequest:
        """Return the request for one of the content ids that were found."""
        key = replace(self.key, content_id=content_id)
        return replace(self, key=key, filename=self.filename or default_filename(key, license_format))


def requests_from(
    items: Sequence[Mapping[str, t.Any]],
    license_format: str = "xml",
    content_id_optional: bool = False,
    market: str = "",
) -> list[LicenseRequest]:
    """Turn the items of the option `licenses` into requests, in their order.

    Where content ids are optional, those that are left out are found by the product, for a market. Raises OptionError,
    which names each item that is wrong and why.
    """
    requests: list[LicenseRequest] = []
    problems: list[str] = []
    for number, item in enumerate(items):
        try:
            requests.append(_request(number, item, license_format, content_id_optional, market))
        except ValueError as exc:
            ids = (_text(item, "product_id"), _text(item, "sku_id") or DEFAULT_SKU_ID, _text(item, "content_id"))
            problems.append(f"item {number + 1} ({'/'.join(filter(None, ids))}): {exc}")
    problems += _clashes(requests)
    if problems:
        more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise OptionError(
            _ATTEMPT, "; ".join(problems[:10]) + more, "Correct the items; nothing was requested or written"
        )
    return requests


def _request(
    number: int, item: Mapping[str, t.Any], license_format: str, content_id_optional: bool, market: str
) -> LicenseRequest:
    """Turn one item into a request. Raises ValueError with what is wrong with it."""
    document, problem = _brought(item)
    key = LicenseKey(
        _text(item, "product_id") or (document.product_id.upper() if document else ""),
        _text(item, "sku_id") or DEFAULT_SKU_ID,
        bare_guid(_text(item, "content_id")) or (bare_guid(document.content_id) if document else ""),
    )
    packages = PackageFilter.of(item)
    wrong = key_problem(key, content_id_optional and item.get("license_blob") is None)
    if problem and wrong:
        # Without ids, the request would not say which license it is of.
        raise ValueError(problem)
    if wrong:
        raise ValueError(wrong)
    filename = _text(item, "filename")
    query = _text(item, "catalog_query")
    if key.content_id:
        filename = filename or default_filename(key, license_format)
    else:
        # The controller knows for which market it looks the product up, the host does not.
        query = query or catalog_query(key, packages, market)
    wrong = filename_problem(filename) if filename else ""
    if wrong:
        raise ValueError(wrong)
    if document is not None:
        try:
            _license_document.check(document, key.product_id, key.content_id)
        except LicenseDocumentError as exc:
            document, problem = None, exc.cause
    if problem:
        problem = f"Could not use the license_blob of {key}: {problem}. {_BLOB_REMEDY}"
    return LicenseRequest(key, filename, document, problem, packages, query, number)


def _brought(item: Mapping[str, t.Any]) -> tuple[LicenseDocument | None, str]:
    """Return the license that the user brought, and why it cannot be used, if so."""
    if item.get("license_blob") is None:
        return None, ""
    try:
        return _license_document.from_text(str(item["license_blob"])), ""
    except LicenseDocumentError as exc:
        return None, exc.cause


def requests_from_terms(
    terms: Sequence[str], content_id_optional: bool = False, packages: PackageFilter = ANY_PACKAGE
) -> list[LicenseRequest]:
    """Turn terms of the lookup into requests. Raises OptionError, which shows the right form."""
    requests = []
    for number, term in enumerate(terms):
        try:
            ids = {"sku_id": DEFAULT_SKU_ID, "content_id": "", **parse_term(term)}
            key = LicenseKey(ids["product_id"], ids["sku_id"], bare_guid(ids["content_id"]))
            problem = key_problem(key, content_id_optional)
        except ValueError as exc:
            problem = str(exc)
        if problem:
            raise OptionError(
                "Could not use the terms",
                f"{term[:120]!r} is not a license: {problem}",
                f"Write each term as {FORMS}, such as 9WZDNCRFJ3PS/0015/2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11"
                + (", or as product_id or product_id/sku_id to find the content id" if content_id_optional else ""),
            )
        query = "" if key.content_id else catalog_query(key, packages)
        requests.append(LicenseRequest(key, "", packages=packages, catalog_query=query, index=number))
    return requests


def default_filename(key: LicenseKey, license_format: str) -> str:
    """Return the name that a license file has when the user gives none."""
    stem = f"{key.product_id}_{key.sku_id}_{key.content_id}"
    return f"{stem}.bin" if license_format == "base64" else f"{stem}_License1.xml"


def catalog_query(key: LicenseKey, packages: PackageFilter, market: str = "") -> str:
    """Return how a content id is found, as text that is the same for the same query."""
    filters = [f"{name}={value.lower()}" for name, value in zip(PACKAGE_FILTERS, astuple(packages)) if value]
    if market.upper() not in ("", DEFAULT_MARKET):
        filters.append(f"market={market.lower()}")
    return f"{key.product_id.lower()}/{key.sku_id.lower()}" + ("?" + "&".join(filters) if filters else "")


def filename_problem(filename: str) -> str:
    """Return why a text cannot be the name of a license file on Linux and Windows alike, or an empty text."""
    if not filename:
        return "filename is empty"
    if re.search(r'[/\\:*?"<>|\x00-\x1f\x7f]', filename) or filename in (".", "..") or ".." in filename:
        return (
            f"filename {filename[:60]!r} is not a plain name: separators, '..' and the characters :*?\"<>| are refused"
        )
    if filename.lower().startswith(TEMPORARY_PREFIX):
        return f"filename {filename[:60]!r} is reserved for the manifest"
    if len(filename.encode("utf-8", "surrogatepass")) > MAX_FILENAME:
        return f"filename is longer than {MAX_FILENAME} bytes"
    if filename != filename.strip() or filename.endswith(".") or _DEVICES.fullmatch(filename):
        return f"filename {filename[:60]!r} cannot be used on Windows hosts"
    try:
        filename.encode("utf-8")
    except UnicodeEncodeError:
        return "filename is not text"
    return ""


def _text(item: Mapping[str, t.Any], name: str) -> str:
    value = item.get(name)
    return "" if value is None else str(value).strip() if name != "filename" else str(value)


def _clashes(requests: Sequence[LicenseRequest]) -> list[str]:
    """Find licenses under two names and names for two licenses; Windows does not tell upper from lower case."""
    problems = []
    names: dict[t.Any, str] = {}
    named: dict[str, LicenseRequest] = {}
    for request in requests:
        # Without a content id, the same license is what the same query finds.
        name = names.setdefault((request.key.normalized, request.catalog_query), request.filename)
        if name.lower() != request.filename.lower():
            problems.append(
                f"{request.key} is asked for twice with different file names, {name or 'the default'} and"
                f" {request.filename or 'the default'}"
            )
        if not request.filename:
            continue
        other = named.setdefault(request.filename.lower(), request)
        if not other.key.same(request.key) or (other.unresolved and other.catalog_query != request.catalog_query):
            problems.append(f"{other.key} and {request.key} have the same file name, {request.filename}")
    return problems
