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
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging import manifest as staged

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


def record_of(license_: License, form: str = "xml") -> staged.Record:
    return staged.Record.of(request_of(license_), parse(license_.xml), form)


def manifest_of(**changes: Any) -> dict[str, Any]:
    """The content of a good manifest with one file; changes replace values of that file's entry."""
    entry = {"sha256": "0" * 64, "size": 1, **FACTS, **changes}
    return {"version": 1, "files": {"a.xml": {name: value for name, value in entry.items() if value is not ...}}}


class TestRecord:
    def test_holds_checksum_size_and_facts(self) -> None:
        for form in ("xml", "base64"):
            data = License().xml if form == "xml" else License().blob.encode()
            record = record_of(License(), form)
            assert (record.sha256, record.size, record.facts) == (sha256(data), len(data), FACTS)

    def test_knows_its_request(self) -> None:
        record = record_of(License())
        assert record.is_of(request_of(License(content_id=CONTENT_ID.upper())))
        assert not record.is_of(request_of(License(sku_id="0016")))
        assert not record.is_of(request_of(License(product_id="9WZDNCRFHVFW")))
        assert not record.is_of(request_of(License(content_id="0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77")))

    def test_knows_its_license(self) -> None:
        record = record_of(License())
        assert record.same_license(parse(License().xml + b"\n"), "xml")
        assert not record.same_license(parse(License(instance_id="11111111-1c68-4dd1-93a4-0a1c6f6c3f02").xml), "xml")
        bare = parse(License().xml.replace(b"LicenseInstanceID", b"Other"))
        assert staged.Record.of(request_of(License()), bare, "base64").same_license(bare, "base64")
        assert not staged.Record.of(request_of(License()), bare, "base64").same_license(bare, "xml")


class TestManifest:
    def test_none_is_empty_and_no_problem(self) -> None:
        assert staged.load_manifest(None) == (staged.Manifest(), "")

    def test_comes_back_as_it_was(self) -> None:
        files = {item.name: record_of(item) for item in licenses(20)}
        selections = {f"{item.product_id}/0015": [item.content_id, CONTENT_ID] for item in licenses(20)}
        manifest = staged.Manifest(files, selections)
        data = staged.dump_manifest(manifest)
        assert staged.load_manifest(data) == (manifest, "")
        turned = staged.Manifest(dict(reversed(files.items())), dict(reversed(selections.items())))
        assert staged.dump_manifest(turned) == data
        assert data.endswith(b"}\n")

    def test_holds_no_license(self) -> None:
        data = staged.dump_manifest(staged.Manifest({License().name: record_of(License())}))
        assert b"SPLicenseBlock" not in data
        assert License().blob.encode()[:40] not in data

    @pytest.mark.parametrize("version", [0, 2, 99, "1", "x" * 1000, None, [1]])
    def test_of_another_version_is_not_used(self, version: Any) -> None:
        manifest, problem = staged.load_manifest(json.dumps({**manifest_of(), "version": version}).encode())
        assert manifest == staged.Manifest()
        assert problem.startswith("the manifest has version ")
        assert problem.endswith(", and only version 1 is known")
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
            json.dumps(manifest_of(size=float("nan"))).encode(),
            json.dumps(manifest_of(size=float("inf"))).encode(),
            json.dumps({**manifest_of(), "selections": []}).encode(),
            json.dumps({**manifest_of(), "selections": None}).encode(),
            json.dumps({**manifest_of(), "selections": {"a/0015": None}}).encode(),
            json.dumps({**manifest_of(), "selections": {"a/0015": 1}}).encode(),
            json.dumps({**manifest_of(), "selections": {"a/0015": [[CONTENT_ID]]}}).encode(),
        ],
    )
    def test_that_is_damaged_is_not_used(self, data: bytes) -> None:
        assert staged.load_manifest(data) == (staged.Manifest(), "the manifest is damaged")

    @pytest.mark.parametrize("name", ["../a.xml", "/etc/passwd", "a/b", "..", "", "C:\\a", ".ms_offline_license.json"])
    def test_with_a_name_that_leads_elsewhere_is_not_used(self, name: str) -> None:
        content = manifest_of()
        content["files"][name] = content["files"]["a.xml"]
        manifest, problem = staged.load_manifest(json.dumps(content).encode())
        assert manifest == staged.Manifest()
        assert problem.startswith("the manifest is not one that was written here: filename")

    @pytest.mark.parametrize("content_id", ["../x", "", None, "..", f"{CONTENT_ID}/../x", f"{CONTENT_ID}\n", "a" * 36])
    def test_that_selects_what_is_no_content_id_is_not_used(self, content_id: str | None) -> None:
        """A content id that the manifest remembers becomes part of a file name and of a request."""
        content = {**manifest_of(), "selections": {"a/0015": [CONTENT_ID, content_id]}}
        manifest, problem = staged.load_manifest(json.dumps(content).encode())
        assert manifest == staged.Manifest()
        assert problem == "the manifest is not one that was written here: it selects what is no content id"

    @given(st.binary(max_size=300))
    def test_of_any_bytes(self, data: bytes) -> None:
        manifest, problem = staged.load_manifest(data)
        assert manifest == staged.Manifest()
        assert problem

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
            lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=10), below, max_size=4),
            max_leaves=8,
        ),
        st.sampled_from([*FACTS, "sha256", "size", "a.xml", "files", "version", "selections", "a/0015"]),
        st.text(max_size=12),
    )
    def test_of_any_content(self, value: Any, place: str, name: str) -> None:
        """Whatever stands in the place of a value or a name: nothing is raised, and only plain names come out."""
        content = manifest_of(**({place: value} if place in FACTS or place in ("sha256", "size") else {}))
        if place in ("files", "version", "selections"):
            content[place] = value
        elif place == "a/0015":
            content["selections"] = {name: value, "b/0015": [CONTENT_ID]}
        elif place == "a.xml":
            content["files"] = {name: content["files"]["a.xml"], "b.xml": value}
        manifest, problem = staged.load_manifest(json.dumps(content).encode())
        assert not (problem and manifest != staged.Manifest())
        assert all(filename_problem(found) == "" for found in manifest.files)
        assert all(GUID.fullmatch(found) for content_ids in manifest.selections.values() for found in content_ids)
        assert staged.load_manifest(staged.dump_manifest(manifest)) == (manifest, "")


class TestSelections:
    """What the manifest remembers of content ids that were found."""

    OTHER = "0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77"
    SELECTION = f"{PRODUCT_ID.lower()}/0015"

    def unresolved(self, **changes: Any) -> LicenseRequest:
        return requests_from([{"product_id": PRODUCT_ID, **changes}], by_product=True)[0]

    def known(self, *content_ids: str) -> staged.Manifest:
        return staged.Manifest(selections={self.SELECTION: list(content_ids)})

    def test_stand_in_place_of_what_was_asked(self) -> None:
        given = request_of(License())
        expanded = self.known(CONTENT_ID, self.OTHER).expand([self.unresolved(), given], "base64")
        assert [one.key.content_id for one in expanded] == [CONTENT_ID, self.OTHER, CONTENT_ID]
        assert [one.filename[-4:] for one in expanded] == [".bin", ".bin", ".xml"]
        assert expanded[2] is given

    def test_of_another_question_do_not_count(self) -> None:
        for request in (self.unresolved(architecture="x64"), self.unresolved(sku_id="0010")):
            assert self.known(CONTENT_ID).expand([request], "xml") == [request]
        request = self.unresolved()
        assert self.known().expand([request], "xml") == [request]
        assert staged.Manifest().expand([request], "xml") == [request]

    def test_of_several_licenses_do_not_share_a_name(self) -> None:
        named = self.unresolved(filename="a.xml")
        assert self.known(CONTENT_ID, self.OTHER).expand([named], "xml") == [named]
        (alone,) = self.known(CONTENT_ID).expand([named], "xml")
        assert (alone.key.content_id, alone.filename) == (CONTENT_ID, "a.xml")

    def test_are_remembered(self) -> None:
        manifest = self.known(CONTENT_ID)
        manifest.selections["other"] = [self.OTHER]
        resolved = [self.unresolved().resolved(one, "xml") for one in (self.OTHER.upper(), CONTENT_ID, self.OTHER)]
        manifest.remember_selections([*resolved, request_of(License())], only=False)
        assert manifest.selections == {self.SELECTION: [self.OTHER, CONTENT_ID], "other": [self.OTHER]}

    def test_are_forgotten_when_only_what_is_asked_for_counts(self) -> None:
        manifest = self.known(CONTENT_ID)
        manifest.selections["other"] = [self.OTHER]
        manifest.remember_selections([self.unresolved().resolved(CONTENT_ID, "xml")], only=True)
        assert manifest.selections == {self.SELECTION: [CONTENT_ID]}
        manifest.remember_selections([request_of(License())], only=True)
        assert manifest.selections == {}

    def test_of_what_could_not_be_found_stay(self) -> None:
        manifest = self.known(CONTENT_ID)
        for only in (False, True):
            manifest.remember_selections([self.unresolved()], only=only)
            assert manifest.selections == {self.SELECTION: [CONTENT_ID]}

    def test_are_left_out_of_a_manifest_that_has_none(self) -> None:
        assert b"selections" not in staged.dump_manifest(staged.Manifest({License().name: record_of(License())}))


class TestJudge:
    @pytest.mark.parametrize("form", ["xml", "base64"])
    @pytest.mark.parametrize("remembered", [True, False])
    def test_a_good_file_counts_with_and_without_manifest(self, form: str, remembered: bool) -> None:
        record = record_of(License(), form)
        data = parse(License().xml).file_bytes(form)
        verdict = staged.judge(request_of(License()), data, record if remembered else None, form)
        assert verdict == staged.Verdict(record)

    def test_wrapped_base64_is_adopted_with_the_checksum_of_its_bytes(self) -> None:
        data = License().blob.encode()[:80] + b"\r\n" + License().blob.encode()[80:]
        verdict = staged.judge(request_of(License()), data, None, "base64")
        assert verdict.record is not None
        assert (verdict.record.sha256, verdict.record.size) == (sha256(data), len(data))

    @pytest.mark.parametrize("data", [b"", b"garbage", License().xml[:-5], License().blob.encode()])
    def test_no_license(self, data: bytes) -> None:
        assert staged.judge(request_of(License()), data, None, "xml") == staged.Verdict(None, "invalid")

    def test_another_license(self) -> None:
        for other in (License(product_id="9WZDNCRFHVFW"), License(content_id="0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77")):
            verdict = staged.judge(request_of(License()), other.xml, record_of(other), "xml")
            assert verdict == staged.Verdict(None, "other_license")

    def test_not_what_was_staged(self) -> None:
        data = License(instance_id="11111111-1c68-4dd1-93a4-0a1c6f6c3f02").xml
        assert staged.judge(request_of(License()), data, record_of(License()), "xml") == staged.Verdict(None, "altered")
        assert staged.judge(request_of(License()), data + b" ", None, "xml").record is not None

    def test_what_the_manifest_says_of_another_license_does_not_matter(self) -> None:
        other = record_of(License(sku_id="0016"))
        changed = staged.Record("0" * 64, other.size, other.facts)
        assert staged.judge(request_of(License()), License().xml, changed, "xml").record == record_of(License())


class TestResults:
    def test_every_key_is_there(self) -> None:
        record = record_of(License())
        result = staged.result_of(request_of(License()), staged.FETCHED, "/srv/a.xml", record, "absent")
        assert result == {
            "request": 0,
            "selection": None,
            **FACTS,
            "path": "/srv/a.xml",
            "sha256": record.sha256,
            "size": record.size,
            "state": "fetched",
            "reason": "absent",
            "error": None,
        }

    def test_what_is_not_known_is_none(self) -> None:
        result = staged.result_of(request_of(License()), staged.FAILED, None, None, error="why")
        ids = ("request", "product_id", "sku_id", "content_id", "state", "error")
        assert {name for name, value in result.items() if value is None} == set(result) - set(ids)

    def test_of_a_request_without_a_content_id(self) -> None:
        request = requests_from([{"product_id": "9WZDNCRFHVFW"}, {"product_id": PRODUCT_ID}], by_product=True)[1]
        result = staged.result_of(request, staged.FAILED, None, None, "unresolved", "why")
        assert (result["request"], result["selection"]) == (1, f"{PRODUCT_ID.lower()}/0015")
        assert result["content_id"] is None
        assert staged.summary_of([result], 2) == (
            f"1 of 2 licenses failed; the others are in place. [{PRODUCT_ID}/0015] why"
        )

    def test_the_difference_shows_ids_and_dates_only(self) -> None:
        other = License(instance_id="11111111-1c68-4dd1-93a4-0a1c6f6c3f02")
        diff = staged.diff_of("/srv/a.xml", record_of(License()), record_of(other))
        assert diff["before"] != diff["after"]
        for name in FACTS:
            assert f"{name}: " in diff["after"]
        assert INSTANCE_ID in diff["before"]
        assert ISSUED in diff["before"]
        assert "License>" not in str(diff)
        assert staged.diff_of("/srv/a.xml", None, record_of(License()))["before"] == ""

    def test_the_summary_names_each_failure(self) -> None:
        failures = [
            staged.result_of(request_of(item), staged.FAILED, None, None, error=f"Error {number}.")
            for number, item in enumerate(licenses(2))
        ]
        text = staged.summary_of(failures, 7)
        assert text.startswith("2 of 7 licenses failed; the others are in place. ")
        for number, item in enumerate(licenses(2)):
            assert f"[{item.product_id}/0015/{item.content_id}] Error {number}." in text
