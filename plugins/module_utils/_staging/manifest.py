# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The manifest: what earlier runs staged in a directory.

It is a JSON object with `version`, `files` (name to entry) and `catalog_queries` (how content ids were found). An
entry has a `kind`, `sha256`, `size`, and what its kind adds. Kinds, keys and minor versions that are not known here are
kept as they are, so that licenses, packages, and newer and older versions of this collection can share a directory.
"""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import (
    DEFAULT_SKU_ID,
    LicenseKey,
    key_problem,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import filename_problem
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable

if t.TYPE_CHECKING:
    Entry = dict[str, t.Any]
    EntryCheck = Callable[[Entry], bool]

VERSION = 1
MAX_BYTES = 16 * 1024 * 1024
"""An entry has about 700 bytes."""
MAX_CONTENT_IDS = 100
"""So many licenses one product may need; a manifest or a host that names more is not believed."""
LICENSE = "license"
"""The kind of entries that name none."""
_FOREIGN = "the manifest was not written by this collection"


@dataclass
class Manifest:
    """What is remembered of a directory."""

    files: dict[str, Entry] = field(default_factory=dict)
    """File name to entry, of all kinds."""
    catalog_queries: dict[str, list[str]] = field(default_factory=dict)
    """How content ids were found (LicenseRequest.catalog_query) to all that were: the next run makes no request."""
    others: dict[str, t.Any] = field(default_factory=lambda: {"version": VERSION})
    """All other keys."""

    def of_kind(self, kind: str) -> dict[str, Entry]:
        """Return the entries of a kind by file name."""
        return {name: entry for name, entry in self.files.items() if kind_of(entry) == kind}


def kind_of(entry: Entry) -> str:
    """Return the kind of an entry."""
    return str(entry.get("kind", LICENSE))


def load_manifest(data: bytes | None, checks: Mapping[str, EntryCheck]) -> tuple[Manifest, str]:
    """Read the manifest's bytes (`None` when there is none); return it, and why it is not used, if so.

    `checks` has a function for each kind that the caller uses, which returns whether an entry has all that it needs.
    A manifest that cannot be trusted counts as empty: valid files are then adopted, and nothing is pruned.
    """
    if data is None:
        return Manifest(), ""
    try:
        content = json.loads(data)
        version = content["version"]
        if not re.fullmatch(rf"{VERSION}(\.[0-9]{{1,9}})?", str(version)):
            return Manifest(), f"the manifest has version {printable(str(version), 20)}, and {VERSION} is known"
        files = dict(content["files"].items())
        catalog_queries = dict(content.get("catalog_queries", {}).items())
        problem = next(filter(None, map(_entry_problem(checks), files.items())), "") or _query_problem(catalog_queries)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return Manifest(), "the manifest is damaged"
    if problem:
        return Manifest(), problem
    others = {name: value for name, value in content.items() if name not in ("files", "catalog_queries")}
    return Manifest(files, catalog_queries, others), ""


def _entry_problem(checks: Mapping[str, EntryCheck]) -> Callable[[tuple[str, Entry]], str]:
    def problem(item: tuple[str, t.Any]) -> str:
        name, entry = item
        if not isinstance(entry, dict):
            raise TypeError(name)
        check = checks.get(kind_of(entry))
        if check is None:
            return ""
        for part in name.split("/") if kind_of(entry) != LICENSE else [name]:
            if filename_problem(part):
                return f"{_FOREIGN}: {filename_problem(part)}"
        size, checksum = entry["size"], entry["sha256"]
        sound = isinstance(size, int) and isinstance(checksum, str) and len(checksum) == 64
        return "" if sound and check(entry) else "the manifest is damaged"

    return problem


def _query_problem(catalog_queries: Mapping[str, t.Any]) -> str:
    """Return why what the manifest selects is not used: its content ids become file names and parts of requests."""
    for content_ids in catalog_queries.values():
        if not isinstance(content_ids, list):
            return "the manifest is damaged"
        if len(content_ids) > MAX_CONTENT_IDS:
            return f"{_FOREIGN}: it selects more than {MAX_CONTENT_IDS} content ids for one product"
        for content_id in content_ids:
            if not isinstance(content_id, str) or key_problem(LicenseKey("0" * 12, DEFAULT_SKU_ID, content_id)):
                return f"{_FOREIGN}: it selects what is no content id"
    return ""


def dump_manifest(manifest: Manifest) -> bytes:
    """Return the manifest's bytes, the same for the same content."""
    content = {**manifest.others, "files": manifest.files}
    if manifest.catalog_queries:
        content["catalog_queries"] = manifest.catalog_queries
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode("utf-8")
