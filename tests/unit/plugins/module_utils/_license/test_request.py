# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ntpath
import posixpath
from pathlib import PureWindowsPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.support import CONTENT_ID, PRODUCT_ID, License, licenses

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license import request as requests

ITEM = License().item()


def problems(*items: dict[str, Any]) -> str:
    """Why items are refused."""
    with pytest.raises(OptionError) as caught:
        requests.requests_from(items)
    assert caught.value.attempted == "Could not use the option licenses"
    assert caught.value.remedy == "Correct the items; nothing was requested or written"
    return caught.value.cause


class TestIds:
    def test_good_ones_become_requests_in_their_order(self) -> None:
        wanted = licenses(5)
        made = requests.requests_from([item.item() for item in wanted])
        assert [(r.key.product_id, r.key.sku_id, r.key.content_id) for r in made] == [
            (item.product_id, "0015", item.content_id) for item in wanted
        ]
        assert [r.filename for r in made] == [item.name for item in wanted]
        assert all(r.document is None and r.problem == "" for r in made)

    @pytest.mark.parametrize("sku_id", [None, ""])
    def test_the_sku_of_offline_licenses_is_the_default(self, sku_id: str | None) -> None:
        assert requests.requests_from([{**ITEM, "sku_id": sku_id}])[0].key.sku_id == "0015"
        assert requests.requests_from([{n: v for n, v in ITEM.items() if n != "sku_id"}])[0].key.sku_id == "0015"

    def test_blanks_around_ids_do_not_matter(self) -> None:
        key = requests.requests_from([{name: f" {value}\n" for name, value in ITEM.items()}])[0].key
        assert key == requests.LicenseKey(PRODUCT_ID, "0015", CONTENT_ID)

    @pytest.mark.parametrize("content_id", [CONTENT_ID.upper(), CONTENT_ID + "-X86-Arm"])
    def test_content_ids_of_every_kind(self, content_id: str) -> None:
        assert requests.requests_from([{**ITEM, "content_id": content_id}])[0].key.content_id == content_id

    @pytest.mark.parametrize(
        ("changes", "cause"),
        [
            ({"product_id": None}, "product_id is missing"),
            ({"product_id": " "}, "product_id is missing"),
            ({"product_id": "9WZDNCRFJ3P"}, "product_id is not a Store id"),
            ({"product_id": "9WZDNCRFJ3PSS"}, "product_id is not a Store id"),
            ({"product_id": "9WZDNCRF/3PS"}, "product_id is not a Store id"),
            ({"product_id": "9WZDNCRF..PS"}, "product_id is not a Store id"),
            ({"product_id": "9WZDNCRFJ3É9"}, "product_id is not a Store id"),
            ({"product_id": "\uff19WZDNCRFJ3PS"}, "product_id is not a Store id"),
            ({"product_id": "9WZDN\nRFJ3PS"}, "product_id is not a Store id"),
            ({"product_id": 123456789012.0}, "product_id is not a Store id"),
            ({"sku_id": "00 5"}, "sku_id is not a SKU id"),
            ({"sku_id": "00155"}, "sku_id is not a SKU id"),
            ({"sku_id": "../."}, "sku_id is not a SKU id"),
            ({"sku_id": "\u0660\u0660\u0661\u0665"}, "sku_id is not a SKU id"),
            ({"content_id": None}, "content_id is missing"),
            ({"content_id": ""}, "content_id is missing"),
            ({"content_id": "2f9a4b1e"}, "content_id is not a GUID"),
            ({"content_id": CONTENT_ID[:-1]}, "content_id is not a GUID"),
            ({"content_id": CONTENT_ID + "/.."}, "content_id is not a GUID"),
            ({"content_id": CONTENT_ID + "-"}, "content_id is not a GUID"),
            ({"content_id": CONTENT_ID + "-" + "a" * 41}, "content_id is not a GUID"),
            ({"content_id": CONTENT_ID.replace("a", "g")}, "content_id is not a GUID"),
            ({"content_id": "{" + CONTENT_ID}, "content_id is not a GUID"),
        ],
    )
    def test_malformed_ones_are_named(self, changes: dict[str, Any], cause: str) -> None:
        text = problems(License("9WZDNCRFHVFW").item(), {**ITEM, **changes})
        assert text.startswith("item 2 (")
        assert cause in text

    @pytest.mark.parametrize(("number", "meant"), [(13, "0015"), (15, "0015"), (8, "0010"), (511, "0777"), (0, "0000")])
    def test_a_sku_id_that_yaml_made_a_number(self, number: int, meant: str) -> None:
        text = problems({**ITEM, "sku_id": number})
        assert f"sku_id is the number {number}; YAML reads an unquoted 0015 as the number 13" in text
        assert f'sku_id: "{meant}"' in text
        # Ansible turns numbers into text before they get here.
        assert problems({**ITEM, "sku_id": str(number)}) == text

    def test_all_problems_at_once_but_no_endless_list(self) -> None:
        text = problems(*({**ITEM, "product_id": f"bad {number}"} for number in range(25)))
        assert text.count("product_id is not a Store id") == 10
        assert text.endswith("; and 15 more")


class TestClashes:
    def test_the_same_license_twice_is_fine(self) -> None:
        upper = {**ITEM, "product_id": PRODUCT_ID.lower(), "content_id": CONTENT_ID.upper()}
        made = requests.requests_from([ITEM, ITEM, {**upper, "filename": License().name.upper()}])
        assert made[0].key.same(made[2].key)
        assert made[0].key.normalized == made[2].key.normalized

    def test_one_license_with_two_names(self) -> None:
        text = problems({**ITEM, "filename": "a.xml"}, {**ITEM, "filename": "b.xml"})
        key = f"{PRODUCT_ID}/0015/{CONTENT_ID}"
        assert text == f"{key} is asked for twice with different file names, a.xml and b.xml"

    @pytest.mark.parametrize("name", ["a.xml", "A.XML"])
    def test_two_licenses_with_one_name(self, name: str) -> None:
        """Not even in another case, which Windows does not tell apart."""
        one, two = licenses(2)
        text = problems(one.item(filename="a.xml"), two.item(filename=name))
        assert one.product_id in text
        assert two.product_id in text
        assert text.endswith(f"have the same file name, {name}")


class TestFileNames:
    def test_default(self) -> None:
        for form, ending in (("xml", "_License1.xml"), ("base64", ".bin")):
            made = requests.requests_from([ITEM], form)[0]
            assert made.filename == f"{PRODUCT_ID}_0015_{CONTENT_ID}{ending}"
            assert requests.filename_problem(made.filename) == ""

    @pytest.mark.parametrize(
        "name", ["news_License1.xml", "a", "écran 写真.xml", "com10.xml", "console.xml", "nulled", "-x"]
    )
    def test_good_ones(self, name: str) -> None:
        assert requests.requests_from([{**ITEM, "filename": name}])[0].filename == name

    @pytest.mark.parametrize(
        "name",
        [
            "/etc/passwd",
            "a/b.xml",
            "a\\b.xml",
            "../a.xml",
            "..",
            ".",
            "a..xml",
            "C:a.xml",
            "a.xml:stream",
            "a*.xml",
            "a?.xml",
            'a".xml',
            "<a>",
            "a|b",
            "a\nb",
            "a\0b",
            "a\x7fb",
        ],
    )
    def test_no_plain_names(self, name: str) -> None:
        assert "is not a plain name" in problems({**ITEM, "filename": name})

    @pytest.mark.parametrize(
        "name",
        [" a.xml", "a.xml ", "a.xml.", "\u00a0a", "con", "NUL", "nul.xml", "Com1.tar.gz", "lpt9", "com¹", "AUX.x"],
    )
    def test_names_that_windows_refuses(self, name: str) -> None:
        assert "cannot be used on Windows hosts" in problems({**ITEM, "filename": name})

    @pytest.mark.parametrize("name", ["con .xml", "nul  .x.y", "CONIN$", "conout$", "CONIN$.xml"])
    def test_device_names_in_disguise(self, name: str) -> None:
        """Windows strips blanks before the first period, and the console has two more names."""
        assert "cannot be used on Windows hosts" in problems({**ITEM, "filename": name})

    @pytest.mark.parametrize("name", [requests.MANIFEST_NAME, requests.TEMPORARY_PREFIX + "abc.tmp"])
    def test_names_that_staging_itself_uses(self, name: str) -> None:
        assert "is reserved for the manifest" in problems({**ITEM, "filename": name})

    def test_the_name_of_the_manifest_in_another_case(self) -> None:
        """To Windows it is the manifest."""
        assert requests.filename_problem(requests.MANIFEST_NAME.upper()) != ""

    def test_length(self) -> None:
        assert requests.filename_problem("é" * 100) == ""
        assert requests.filename_problem("é" * 100 + "x") == "filename is longer than 200 bytes"

    def test_no_text(self) -> None:
        assert requests.filename_problem("a\ud800.xml") == "filename is not text"
        assert requests.filename_problem("") == "filename is empty"

    @given(st.one_of(st.text(max_size=40), st.text("./\\:abCON1 $\n~", max_size=8)))
    def test_none_that_is_accepted_leads_anywhere_else(self, name: str) -> None:
        if requests.filename_problem(name):
            return
        for path, directory in ((posixpath, "/srv/stage"), (ntpath, "C:\\stage")):
            joined = path.join(directory, name)
            assert path.dirname(joined) == directory
            assert path.basename(joined) == name
            assert path.normpath(joined) == joined
            assert path.splitdrive(name)[0] == ""
        assert PureWindowsPath("C:\\stage", name).parts == ("C:\\", "stage", name)
        assert name.isprintable() or not any(ord(char) < 32 for char in name)
        assert len(name.encode()) <= requests.MAX_FILENAME


class TestBroughtLicenses:
    def test_a_good_one_is_parsed(self) -> None:
        one = License()
        made = requests.requests_from([one.brought()])[0]
        assert made.document is not None
        assert made.document.data == one.xml
        assert made.problem == ""

    @pytest.mark.parametrize("ids", [{}, {"content_id": "{" + CONTENT_ID.upper() + "}"}, {"product_id": PRODUCT_ID}])
    def test_the_ids_are_in_it(self, ids: dict[str, str]) -> None:
        for text in (License().blob, License().xml.decode()):
            (made,) = requests.requests_from([{"license_blob": text, **ids}], content_id_optional=True)
            assert made.key.same(requests.LicenseKey(PRODUCT_ID, "0015", CONTENT_ID))
            assert made.document is not None
            assert made.document.data == License().xml
        assert "license blob is not base64 text" in problems({"license_blob": "%%%", **ids})

    @pytest.mark.parametrize(
        ("blob", "cause"),
        [
            ("", "the license blob is empty"),
            ("%%%", "the license blob is not base64 text"),
            ("QUJD", "it is no well-formed XML"),
            (License(content_id="0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77").blob, "it is the license of content id 0c2f"),
            (License(product_id="9WZDNCRFHVFW").blob, "it is the license of product 9WZDNCRFHVFW, not of"),
        ],
    )
    def test_a_bad_one_concerns_its_item_only(self, blob: str, cause: str) -> None:
        one, two = licenses(2)
        made = requests.requests_from([one.brought(), {**ITEM, "license_blob": blob}, two.brought()])
        assert [r.document is not None for r in made] == [True, False, True]
        assert made[1].problem.startswith(f"Could not use the license_blob of {PRODUCT_ID}/0015/{CONTENT_ID}: ")
        assert cause in made[1].problem
        assert made[0].problem == made[2].problem == ""


class TestByProduct:
    """Requests without a content id, which is found by the product."""

    def make(self, *items: dict[str, Any], **keywords: Any) -> list[requests.LicenseRequest]:
        return requests.requests_from(items, content_id_optional=True, **keywords)

    def problems(self, *items: dict[str, Any]) -> str:
        with pytest.raises(OptionError) as caught:
            self.make(*items)
        return caught.value.cause

    @pytest.mark.parametrize("content_id", [{}, {"content_id": None}, {"content_id": " "}], ids=str)
    def test_are_not_resolved_yet(self, content_id: dict[str, Any]) -> None:
        (made,) = self.make({"product_id": PRODUCT_ID, **content_id})
        assert made.unresolved
        assert (made.filename, made.index) == ("", 0)
        assert str(made.key) == f"{PRODUCT_ID}/0015"
        with pytest.raises(OptionError, match="content_id is missing"):
            requests.requests_from([{"product_id": PRODUCT_ID}])

    def test_beside_others_keep_their_places(self) -> None:
        made = self.make({"product_id": PRODUCT_ID}, licenses(1)[0].item(), {"product_id": "9WZDNCRFHVFW"})
        assert [one.index for one in made] == [0, 1, 2]
        assert [one.unresolved for one in made] == [True, False, True]
        assert [bool(one.catalog_query) for one in made] == [True, False, True]

    def test_resolved_ones_are_complete(self) -> None:
        (made,) = self.make({"product_id": PRODUCT_ID, "architecture": "x64"})
        for form, ending in (("xml", "_License1.xml"), ("base64", ".bin")):
            one = made.resolved(CONTENT_ID, form)
            assert not one.unresolved
            assert one.filename == f"{PRODUCT_ID}_0015_{CONTENT_ID}{ending}"
            assert (one.index, one.catalog_query, one.packages) == (made.index, made.catalog_query, made.packages)
        (named,) = self.make({"product_id": PRODUCT_ID, "filename": "a.xml"})
        assert named.resolved(CONTENT_ID, "xml").filename == "a.xml"

    def test_a_query_is_the_same_text_for_the_same_packages(self) -> None:
        filters = {"architecture": "X64", "language": "de-DE", "package_family_name": "A_b"}
        one, two, three, four, five = self.make(
            {"product_id": PRODUCT_ID, **filters},
            {"product_id": PRODUCT_ID.lower(), **{name: value.lower() for name, value in filters.items()}},
            {"product_id": PRODUCT_ID},
            {"product_id": PRODUCT_ID, "sku_id": "0010"},
            {"product_id": PRODUCT_ID, "architecture": "arm64"},
        )
        assert one.catalog_query == two.catalog_query
        low = PRODUCT_ID.lower()
        assert one.catalog_query == f"{low}/0015?architecture=x64&language=de-de&package_family_name=a_b"
        assert three.catalog_query == f"{low}/0015"
        assert len({one.catalog_query for one in (one, three, four, five)}) == 4

    def test_another_market_is_another_question(self) -> None:
        item = {"product_id": PRODUCT_ID}
        found = {market: self.make(item, market=market)[0].catalog_query for market in ("", "US", "us", "DE", "de")}
        assert found[""] == found["US"] == found["us"] == f"{PRODUCT_ID.lower()}/0015"
        assert found["DE"] == found["de"] == f"{PRODUCT_ID.lower()}/0015?market=de"

    def test_the_host_takes_the_query_that_it_is_given(self) -> None:
        (told,) = self.make({"product_id": PRODUCT_ID, "catalog_query": "9x/0015?market=de"})
        assert told.catalog_query == "9x/0015?market=de"

    @pytest.mark.parametrize(
        ("changes", "cause"),
        [
            ({"product_id": ""}, "product_id is missing"),
            ({"product_id": "../x"}, "product_id is not a Store id"),
            ({"sku_id": "13"}, "sku_id is the number 13"),
            ({"content_id": "../x"}, "content_id is not a GUID"),
            ({"filename": "../x"}, "is not a plain name"),
        ],
    )
    def test_malformed_ones_are_named(self, changes: dict[str, Any], cause: str) -> None:
        assert cause in self.problems({"product_id": PRODUCT_ID, **changes})

    def test_two_products_with_one_name(self) -> None:
        for other in ({"product_id": "9WZDNCRFHVFW"}, {"product_id": PRODUCT_ID, "architecture": "x64"}, ITEM):
            text = self.problems({"product_id": PRODUCT_ID, "filename": "a.xml"}, {**other, "filename": "A.xml"})
            assert text.endswith("have the same file name, A.xml")

    def test_one_product_with_two_names(self) -> None:
        text = self.problems({"product_id": PRODUCT_ID}, {"product_id": PRODUCT_ID, "filename": "a.xml"})
        assert text == f"{PRODUCT_ID}/0015 is asked for twice with different file names, the default and a.xml"

    def test_the_same_product_twice_is_fine(self) -> None:
        item = {"product_id": PRODUCT_ID, "filename": "a.xml"}
        assert len(self.make(item, item, {"product_id": "9WZDNCRFHVFW"}, {"product_id": "9WZDNCRFHVFW"})) == 4

    def test_a_license_that_two_queries_find_may_have_two_names(self) -> None:
        """As the host is asked for it in the end."""
        made = self.make({**ITEM, "catalog_query": "one", "filename": "a.xml"}, {**ITEM, "filename": "b.xml"})
        assert [one.filename for one in made] == ["a.xml", "b.xml"]


class TestTerms:
    @pytest.mark.parametrize(
        "term", [f"{PRODUCT_ID}/0015/{CONTENT_ID}", f"{PRODUCT_ID}/{CONTENT_ID}", f" {PRODUCT_ID} / {CONTENT_ID} "]
    )
    def test_good_ones(self, term: str) -> None:
        for by_product in (False, True):
            (made,) = requests.requests_from_terms([term], by_product)
            assert made.key == requests.LicenseKey(PRODUCT_ID, "0015", CONTENT_ID)
            assert not made.unresolved
            assert made.catalog_query == ""

    def test_keep_their_order(self) -> None:
        terms = [f"{item.product_id}/0015/{item.content_id}" for item in licenses(5)]
        made = requests.requests_from_terms(terms)
        assert [str(one.key) for one in made] == terms
        assert [one.index for one in made] == list(range(5))

    @pytest.mark.parametrize(
        ("term", "cause"),
        [
            ("", "a part of it is empty"),
            (PRODUCT_ID, "content_id is missing"),
            (f"a/b/c/{CONTENT_ID}", "it has 4 parts"),
            (f"{PRODUCT_ID}/13/{CONTENT_ID}", "sku_id is the number 13"),
            (f"{PRODUCT_ID}/", "a part of it is empty"),
            (f"/{CONTENT_ID}", "a part of it is empty"),
            (f"{CONTENT_ID}/{PRODUCT_ID}", "product_id is not a Store id"),
        ],
    )
    def test_bad_ones_are_shown_with_the_right_form(self, term: str, cause: str) -> None:
        with pytest.raises(OptionError) as caught:
            requests.requests_from_terms([f"{PRODUCT_ID}/{CONTENT_ID}", term])
        assert caught.value.cause.startswith(f"{term!r} is not a license: {cause}")
        assert "product_id/sku_id/content_id" in caught.value.remedy
        assert "to find the content id" not in caught.value.remedy

    @pytest.mark.parametrize(
        ("term", "sku_id"),
        [(PRODUCT_ID, "0015"), (f"{PRODUCT_ID}/0010", "0010"), (f" {PRODUCT_ID} / 0010 ", "0010")],
    )
    def test_without_a_content_id(self, term: str, sku_id: str) -> None:
        packages = requests.PackageFilter(architecture="x64")
        (made,) = requests.requests_from_terms([term], True, packages)
        assert made.unresolved
        assert made.key == requests.LicenseKey(PRODUCT_ID, sku_id, "")
        assert (made.packages, made.catalog_query) == (packages, f"{PRODUCT_ID.lower()}/{sku_id}?architecture=x64")

    @pytest.mark.parametrize(
        ("term", "cause"),
        [
            ("", "a part of it is empty"),
            ("9WZDN", "product_id is not a Store id"),
            (f"{PRODUCT_ID}/", "a part of it is empty"),
            (f"{PRODUCT_ID}/0015/", "a part of it is empty"),
            (f"{PRODUCT_ID}/13", "content_id is not a GUID"),
            (f"{PRODUCT_ID}/0013x", "content_id is not a GUID"),
            (f"{PRODUCT_ID}/../x", "sku_id is not a SKU id"),
            (f"{PRODUCT_ID}/0015/{CONTENT_ID}/x", "it has 4 parts"),
        ],
    )
    def test_bad_ones_of_a_service_that_finds_by_product(self, term: str, cause: str) -> None:
        """Of a term that ends with a separator, a template has become nothing."""
        with pytest.raises(OptionError) as caught:
            requests.requests_from_terms([term], content_id_optional=True)
        assert caught.value.cause.startswith(f"{term!r} is not a license: {cause}")
        assert caught.value.remedy.endswith("or as product_id or product_id/sku_id to find the content id")
