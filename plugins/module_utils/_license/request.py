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
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import (
    LicenseDocument,
    same_id,
)

PACKAGE_FILTERS = ("architecture", "language", "package_family_name")
DEFAULT_SKU_ID = "0015"
"""The SKU id of offline licenses."""
DEFAULT_MARKET = "US"
"""The country for which the catalog is asked for content ids."""
MANIFEST_NAME = ".ms_offline_license.json"
TEMPORARY_PREFIX = ".ms_offline_license."
MAX_FILENAME = 200

_GUID = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
_ATTEMPT = "Could not use the option licenses"
# Names that Windows keeps for devices, whatever follows their first period.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class LicenseKey:
    """Which license: a product, its SKU, and the content id."""

    product_id: str
    sku_id: str
    content_id: str

    def __str__(self) -> str:
        return "/".join(part for part in (self.product_id, self.sku_id, self.content_id) if part)

    def same(self, other: LicenseKey) -> bool:
        """Tell whether both name the same license; ids are compared without regard to case."""
        return all(
            same_id(one, two)
            for one, two in (
                (self.product_id, other.product_id),
                (self.sku_id, other.sku_id),
                (self.content_id, other.content_id),
            )
        )

    @property
    def folded(self) -> tuple[str, str, str]:
        """The ids in the form in which they can be compared and looked up."""
        return (self.product_id.lower(), self.sku_id.lower(), self.content_id.lower())


@dataclass(frozen=True)
class PackageFilter:
    """Which packages of a product are meant, where the content id is found by the product; empty texts mean any."""

    architecture: str = ""
    language: str = ""
    package_family_name: str = ""


@dataclass(frozen=True)
class LicenseRequest:
    """One license that a task asks for, the name of its file, and its bytes if the user brought them."""

    key: LicenseKey
    filename: str
    document: LicenseDocument | None = None
    problem: str = ""
    """Why the license that the user brought cannot be used; that request fails, the others do not."""
    packages: PackageFilter = PackageFilter()
    selection: str = ""
    """How the content id was found, or has to be, when it is not the user who gave it."""
    number: int = 0
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
    items: Sequence[Mapping[str, t.Any]], license_format: str = "xml", by_product: bool = False, market: str = ""
) -> list[LicenseRequest]:
    """Turn the items of the option C(licenses) into requests, in their order.

    C(by_product) tells that content ids may be left out, to be found by the product, for a C(market). Raises
    OptionError, which names each item that is wrong and why.
    """
    requests: list[LicenseRequest] = []
    problems: list[str] = []
    for number, item in enumerate(items):
        key = LicenseKey(_text(item, "product_id"), _text(item, "sku_id") or DEFAULT_SKU_ID, _text(item, "content_id"))
        selection = _text(item, "selection")
        packages = PackageFilter(*(_text(item, name) for name in PACKAGE_FILTERS))
        problem = key_problem(key, by_product)
        filename = _text(item, "filename")
        document = None
        if not problem and not key.content_id:
            # The controller knows for which market it asks, the host does not.
            selection = selection or selection_of(key, packages, market)
            problem = "license_blob takes a content_id" if item.get("license_blob") is not None else ""
        elif not problem:
            filename = filename or default_filename(key, license_format)
        if not problem and filename:
            problem = filename_problem(filename)
        if problem:
            problems.append(f"item {number + 1} ({key}): {problem}")
            continue
        blob_problem = ""
        if item.get("license_blob") is not None:
            try:
                document = _license_document.from_blob(str(item["license_blob"]))
                _license_document.check(document, key.product_id, key.content_id)
            except LicenseDocumentError as exc:
                document = None
                blob_problem = f"Could not use the license_blob of {key}: {exc.cause}"
        requests.append(LicenseRequest(key, filename, document, blob_problem, packages, selection, number))
    problems += _clashes(requests)
    if problems:
        more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise OptionError(
            _ATTEMPT, "; ".join(problems[:10]) + more, "Correct the items; nothing was requested or written"
        )
    return requests


def requests_from_terms(
    terms: Sequence[str], by_product: bool = False, packages: PackageFilter | None = None
) -> list[LicenseRequest]:
    """Turn terms of the lookup into requests. Raises OptionError, which shows the right form."""
    packages = packages or PackageFilter()
    requests = []
    for number, term in enumerate(terms):
        parts = [part.strip() for part in term.split("/")]
        key = LicenseKey(parts[0], DEFAULT_SKU_ID, "")
        # One that ends with a separator is a template of which nothing came, not a term without a content id.
        product_alone = by_product and (len(parts) == 1 or (len(parts) == 2 and len(parts[1]) == len(DEFAULT_SKU_ID)))
        problem = ""
        if len(parts) == 3:
            key = LicenseKey(*parts)
        elif len(parts) == 2:
            key = replace(key, **({"sku_id": parts[1]} if product_alone else {"content_id": parts[1]}))
        elif not product_alone:
            problem = "it has not two or three parts"
        problem = problem or key_problem(key, product_alone)
        if problem:
            forms = "product_id/sku_id/content_id or product_id/content_id"
            raise OptionError(
                "Could not use the terms",
                f"{term[:120]!r} is not a license: {problem}",
                f"Write each term as {forms}, such as 9WZDNCRFJ3PS/0015/2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11"
                + (", or as product_id or product_id/sku_id to find the content id" if by_product else ""),
            )
        selection = "" if key.content_id else selection_of(key, packages)
        requests.append(LicenseRequest(key, "", packages=packages, selection=selection, number=number))
    return requests


def default_filename(key: LicenseKey, license_format: str) -> str:
    """Return the name that a license file has when the user gives none."""
    stem = f"{key.product_id}_{key.sku_id}_{key.content_id}"
    return f"{stem}.bin" if license_format == "base64" else f"{stem}_License1.xml"


def selection_of(key: LicenseKey, packages: PackageFilter, market: str = "") -> str:
    """Return how a content id is found, as text that is the same for the same question."""
    filters = [f"{name}={value.lower()}" for name, value in zip(PACKAGE_FILTERS, astuple(packages)) if value]
    if market.upper() not in ("", DEFAULT_MARKET):
        filters.append(f"market={market.lower()}")
    return f"{key.product_id.lower()}/{key.sku_id.lower()}" + ("?" + "&".join(filters) if filters else "")


def key_problem(key: LicenseKey, by_product: bool = False) -> str:
    """Say what is wrong with the ids, or return an empty text. Source: reference facts on Store for Business.

    C(by_product) tells that the content id may be left out.
    """
    problem = product_problem(key.product_id)
    if problem:
        return problem
    if re.fullmatch(r"[0-9]{1,3}", key.sku_id):
        return (
            f"sku_id is the number {key.sku_id}; YAML reads an unquoted 0015 as the number 13, so write it in quotes:"
            f' sku_id: "{int(key.sku_id):04o}"'
        )
    if not re.fullmatch(r"[A-Za-z0-9]{4}", key.sku_id):
        return 'sku_id is not a SKU id, which has 4 letters and digits, such as "0015"'
    if not key.content_id and by_product:
        return ""
    if not key.content_id:
        return "content_id is missing (only the service store_licensing finds it by the product)"
    if not re.fullmatch(rf"{_GUID}(-[A-Za-z0-9-]{{1,40}})?", key.content_id):
        return "content_id is not a GUID, such as 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11"
    return ""


def product_problem(product_id: str) -> str:
    """Say what is wrong with a product id, or return an empty text."""
    if not product_id:
        return "product_id is missing"
    if not re.fullmatch(r"[A-Za-z0-9]{12}", product_id):
        return "product_id is not a Store id, which has 12 letters and digits, such as 9WZDNCRFJ3PS"
    return ""


def filename_problem(filename: str) -> str:
    """Say why a text cannot be the name of a license file on Linux and Windows alike, or return an empty text."""
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
        # Without a content id, the same license is what the same selection finds.
        name = names.setdefault((request.key.folded, request.selection), request.filename)
        if name.lower() != request.filename.lower():
            problems.append(
                f"{request.key} is asked for twice with different file names, {name or 'the default'} and"
                f" {request.filename or 'the default'}"
            )
        if not request.filename:
            continue
        other = named.setdefault(request.filename.lower(), request)
        if not other.key.same(request.key) or (other.unresolved and other.selection != request.selection):
            problems.append(f"{other.key} and {request.key} have the same file name, {request.filename}")
    return problems
