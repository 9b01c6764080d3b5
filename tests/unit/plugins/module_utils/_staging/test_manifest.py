# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.support import (
    CONTENT_ID,
    FAMILY_NAME,
    INSTANCE_ID,
    ISSUED,
    LICENSE_ID,
    PRODUCT_ID,
    REQUESTOR_ID,
    License,
    licenses,
)

from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import (
    parse,
    sha256,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    LicenseRequest,
    filename_problem,
    requests_from,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging import licenses as staged
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging import report
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import (
    LICENSE,
    Manifest,
    dump_manifest,
    load_manifest,
)

GUID = re.compile(r"[0-9A-Fa-f-]{36}(-[A-Za-z0-9-]+)?")
FACTS = {
    "product_id": PRODUCT_ID,
    "sku_id": "0015",
    "content_id": CONTENT_ID,
    "license_id": LICENSE_ID,
    "license_instance_id": INSTANCE_ID,
    "requestor_id": REQUESTOR_ID,
    "package_family_name": FAMILY_NAME,
    "issued_date": ISSUED,
}


def request_of(license_: License) -> LicenseRequest:
    return requests_from([license_.item()])[0]


def entry_of(license_: License, form: str = "xml") -> dict[str, Any]:
    return staged.entry_of(request_of(license_), parse(license_.xml), form)


def load(content: Any) -> tuple[Manifest, str]:
    data = content if isinstance(content, (bytes, type(None))) else json.dumps(content).encode()
    return load_manifest(data, {LICENSE: staged.is_license_entry})


def manifest_of(**changes: Any) -> dict[str, Any]:
    """The content of a good manifest with one file; changes replace values of that file's entry."""
    entry = {"sha256": "0" * 64, "size": 1, **FACTS, **changes}
    return {"version": 1, "files": {"a.xml": {name: value for name, value in entry.items() if value is not ...}}}


class TestManifest:
    def test_none_is_empty_and_no_problem(self) -> None:
        assert load(None) == (Manifest(), "")

    def test_comes_back_as_it_was(self) -> None:
        files = {item.name: entry_of(item) for item in licenses(20)}
        catalog_queries = {f"{item.product_id}/0015": [item.content_id, CONTENT_ID] for item in licenses(20)}
        manifest = Manifest(files, catalog_queries)
        data = dump_manifest(manifest)
        assert load(data) == (manifest, "")
        turned = Manifest(dict(reversed(files.items())), dict(reversed(catalog_queries.items())))
        assert dump_manifest(turned) == data
        assert data.endswith(b"}\n")

    def test_what_others_wrote_is_kept(self) -> None:
        """Entries of other kinds, keys of a newer minor version: everything comes back as it was."""
        content = manifest_of(noted="by a newer version")
        content["files"]["Dependencies/a.appx"] = {"kind": "package", "sha256": None, "of": [{"any": "shape"}]}
        content.update(version=1.7, more={"of": "it"})
        manifest, problem = load(content)
        assert not problem
        assert list(manifest.of_kind(LICENSE)) == ["a.xml"]
        assert json.loads(dump_manifest(manifest)) == content

    def test_holds_no_license(self) -> None:
        data = dump_manifest(Manifest({License().name: entry_of(License())}))
        assert b"SPLicenseBlock" not in data
        assert License().blob.encode()[:40] not in data

    @pytest.mark.parametrize("version", [0, 2, 99, 2.1, "x" * 1000, None, [1], True])
    def test_of_another_version_is_not_used(self, version: Any) -> None:
        manifest, problem = load({**manifest_of(), "version": version})
        assert manifest == Manifest()
        assert problem.startswith("the manifest has version ")
        assert problem.endswith(", and 1 is known")
        assert len(problem) < 100

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\0\0\0\0",
            b"garbage",
            b"\xff\xfe",
            b"null",
            b"[]",
            b"{}",
            b'"text"',
            b"1",
            b'{"version": 1}',
            b'{"version": 1, "files": []}',
            b'{"version": 1, "files": {"a.xml": []}}',
            b'{"version": 1, "files": {"a.xml": {}}}',
            b"[" * 200_000,
            json.dumps(manifest_of()).encode()[:-2],
            json.dumps(manifest_of(sha256=...)).encode(),
            json.dumps(manifest_of(issued_date=...)).encode(),
            json.dumps(manifest_of(size="many")).encode(),
            json.dumps(manifest_of(size=None)).encode(),
            json.dumps(manifest_of(sha256="a")).encode(),
            json.dumps({**manifest_of(), "catalog_queries": []}).encode(),
            json.dumps({**manifest_of(), "catalog_queries": None}).encode(),
            json.dumps({**manifest_of(), "catalog_queries": {"a/0015": None}}).encode(),
            json.dumps({**manifest_of(), "catalog_queries": {"a/0015": 1}}).encode(),
        ],
    )
    def test_that_is_damaged_is_not_used(self, data: bytes) -> None:
        assert load(data) == (Manifest(), "the manifest is damaged")

    @pytest.mark.parametrize("name", ["../a.xml", "/etc/passwd", "a/b", "..", "", "C:\\a", ".ms_offline_license.json"])
    def test_with_a_name_that_leads_elsewhere_is_not_used(self, name: str) -> None:
        content = manifest_of()
        content["files"][name] = content["files"]["a.xml"]
        manifest, problem = load(content)
        assert manifest == Manifest()
        assert problem.startswith("the manifest was not written by this collection: filename")

    @pytest.mark.parametrize("content_id", ["../x", "", None, "..", f"{CONTENT_ID}/../x", f"{CONTENT_ID}\n", "a" * 36])
    def test_that_selects_what_is_no_content_id_is_not_used(self, content_id: str | None) -> None:
        """A content id that the manifest remembers becomes part of a file name and of a request."""
        content = {**manifest_of(), "catalog_queries": {"a/0015": [CONTENT_ID, content_id]}}
        manifest, problem = load(content)
        assert manifest == Manifest()
        assert problem == "the manifest was not written by this collection: it selects what is no content id"

    @given(st.binary(max_size=300))
    def test_of_any_bytes(self, data: bytes) -> None:
        manifest, problem = load(data)
        assert manifest == Manifest()
        assert problem

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
            lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=10), below, max_size=4),
            max_leaves=8,
        ),
        st.sampled_from([*FACTS, "sha256", "size", "a.xml", "files", "version", "catalog_queries", "a/0015"]),
        st.text(max_size=12),
    )
    def test_of_any_content(self, value: Any, place: str, name: str) -> None:
        """Whatever stands in the place of a value or a name: nothing is raised, and only plain names come out."""
        content = manifest_of(**({place: value} if place in FACTS or place in ("sha256", "size") else {}))
        if place in ("files", "version", "catalog_queries"):
            content[place] = value
        elif place == "a/0015":
            content["catalog_queries"] = {name: value, "b/0015": [CONTENT_ID]}
        elif place == "a.xml":
            content["files"] = {name: content["files"]["a.xml"], "b.xml": value}
        manifest, problem = load(content)
        assert not (problem and manifest != Manifest())
        assert all(filename_problem(found) == "" for found in manifest.files)
        assert all(GUID.fullmatch(found) for content_ids in manifest.catalog_queries.values() for found in content_ids)
        assert load(dump_manifest(manifest)) == (manifest, "")


class TestSelections:
    """What the manifest remembers of content ids that were found."""

    OTHER = "0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77"
    SELECTION = f"{PRODUCT_ID.lower()}/0015"

    def unresolved(self, **changes: Any) -> LicenseRequest:
        return requests_from([{"product_id": PRODUCT_ID, **changes}], content_id_optional=True)[0]

    def known(self, *content_ids: str) -> Manifest:
        return Manifest(catalog_queries={self.SELECTION: list(content_ids)})

    def test_stand_in_place_of_what_was_asked(self) -> None:
        given = request_of(License())
        expanded = staged.expand(self.known(CONTENT_ID, self.OTHER), [self.unresolved(), given], "base64")
        assert [one.key.content_id for one in expanded] == [CONTENT_ID, self.OTHER, CONTENT_ID]
        assert [one.filename[-4:] for one in expanded] == [".bin", ".bin", ".xml"]
        assert expanded[2] is given

    def test_of_another_question_do_not_count(self) -> None:
        for request in (self.unresolved(architecture="x64"), self.unresolved(sku_id="0010")):
            assert staged.expand(self.known(CONTENT_ID), [request], "xml") == [request]
        request = self.unresolved()
        assert staged.expand(self.known(), [request], "xml") == [request]
        assert staged.expand(Manifest(), [request], "xml") == [request]

    def test_of_several_licenses_do_not_share_a_name(self) -> None:
        named = self.unresolved(filename="a.xml")
        assert staged.expand(self.known(CONTENT_ID, self.OTHER), [named], "xml") == [named]
        (alone,) = staged.expand(self.known(CONTENT_ID), [named], "xml")
        assert (alone.key.content_id, alone.filename) == (CONTENT_ID, "a.xml")

    def test_are_remembered(self) -> None:
        manifest = self.known(CONTENT_ID)
        manifest.catalog_queries["other"] = [self.OTHER]
        resolved = [self.unresolved().resolved(one, "xml") for one in (self.OTHER.upper(), CONTENT_ID, self.OTHER)]
        staged.record_queries(manifest, [*resolved, request_of(License())], forget_others=False)
        assert manifest.catalog_queries == {self.SELECTION: [self.OTHER, CONTENT_ID], "other": [self.OTHER]}

    def test_are_forgotten_when_only_what_is_asked_for_counts(self) -> None:
        manifest = self.known(CONTENT_ID)
        manifest.catalog_queries["other"] = [self.OTHER]
        staged.record_queries(manifest, [self.unresolved().resolved(CONTENT_ID, "xml")], forget_others=True)
        assert manifest.catalog_queries == {self.SELECTION: [CONTENT_ID]}
        staged.record_queries(manifest, [request_of(License())], forget_others=True)
        assert manifest.catalog_queries == {}

    def test_of_what_could_not_be_found_stay(self) -> None:
        manifest = self.known(CONTENT_ID)
        for only in (False, True):
            staged.record_queries(manifest, [self.unresolved()], forget_others=only)
            assert manifest.catalog_queries == {self.SELECTION: [CONTENT_ID]}

    def test_are_left_out_of_a_manifest_that_has_none(self) -> None:
        assert b"catalog_queries" not in dump_manifest(Manifest({License().name: entry_of(License())}))


class TestJudge:
    """Files that the manifest does not know are judged by their bytes."""

    @pytest.mark.parametrize("form", ["xml", "base64"])
    def test_a_good_file_counts(self, form: str) -> None:
        data = parse(License().xml).file_bytes(form)
        assert staged.judge(request_of(License()), data, form) == (entry_of(License(), form), "")

    def test_wrapped_base64_is_adopted_with_the_checksum_of_its_bytes(self) -> None:
        data = License().blob.encode()[:80] + b"\r\n" + License().blob.encode()[80:]
        entry, _reason = staged.judge(request_of(License()), data, "base64")
        assert entry is not None
        assert (entry["sha256"], entry["size"]) == (sha256(data), len(data))

    @pytest.mark.parametrize("data", [b"", b"garbage", License().xml[:-5], License().blob.encode()])
    def test_no_license(self, data: bytes) -> None:
        assert staged.judge(request_of(License()), data, "xml") == (None, "invalid")

    def test_another_license(self) -> None:
        for other in (License(product_id="9WZDNCRFHVFW"), License(content_id="0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77")):
            assert staged.judge(request_of(License()), other.xml, "xml") == (None, "other_license")


class TestResults:
    def test_every_key_is_there(self) -> None:
        entry = entry_of(License())
        result = report.build_result(request_of(License()), "fetched", "/srv/a.xml", entry, "absent")
        assert result == {
            "index": 0,
            "catalog_query": None,
            **FACTS,
            "path": "/srv/a.xml",
            "sha256": entry["sha256"],
            "size": entry["size"],
            "state": "fetched",
            "reason": "absent",
            "error": None,
        }

    def test_what_is_not_known_is_none(self) -> None:
        result = report.build_result(request_of(License()), "failed", None, None, error="why")
        ids = ("index", "product_id", "sku_id", "content_id", "state", "error")
        assert {name for name, value in result.items() if value is None} == set(result) - set(ids)

    def test_of_a_request_without_a_content_id(self) -> None:
        request = requests_from([{"product_id": "9WZDNCRFHVFW"}, {"product_id": PRODUCT_ID}], content_id_optional=True)[
            1
        ]
        result = report.build_result(request, "failed", None, None, "unresolved", "why")
        assert (result["index"], result["catalog_query"]) == (1, f"{PRODUCT_ID.lower()}/0015")
        assert result["content_id"] is None
        assert report.summary_of([result], 2) == (
            f"1 of 2 licenses failed; the others are in place.\n{PRODUCT_ID}/0015: why"
        )

    def test_the_difference_shows_ids_and_dates_only(self) -> None:
        other = License(instance_id="11111111-1c68-4dd1-93a4-0a1c6f6c3f02")
        diff = report.build_diff("/srv/a.xml", entry_of(License()), entry_of(other))
        assert diff["before"] != diff["after"]
        for name in FACTS:
            assert f"{name}: " in diff["after"]
        assert INSTANCE_ID in diff["before"]
        assert ISSUED in diff["before"]
        assert "License>" not in str(diff)
        assert report.build_diff("/srv/a.xml", None, entry_of(License()))["before"] == ""
