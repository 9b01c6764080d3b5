# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import codecs
from encodings.aliases import aliases

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st
from unit.support import (
    CONTENT_ID,
    FAMILY_NAME,
    INSTANCE_ID,
    ISSUED,
    LICENSE_ID,
    NAMESPACE,
    PRODUCT_ID,
    REQUESTOR_ID,
    License,
)

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import LicenseDocumentError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license import document

XML = License().xml
FACTS = {
    "content_id": CONTENT_ID,
    "product_id": PRODUCT_ID,
    "license_id": LICENSE_ID,
    "license_instance_id": INSTANCE_ID,
    "requestor_id": REQUESTOR_ID,
    "package_family_name": FAMILY_NAME,
    "issued_date": ISSUED,
}


def facts(parsed: document.LicenseDocument) -> dict[str, str]:
    return {name: getattr(parsed, name) for name in FACTS}


def refusal(data: bytes) -> str:
    """Why bytes are refused."""
    with pytest.raises(LicenseDocumentError) as caught:
        document.parse(data)
    assert caught.value.attempted == "Could not read the license document"
    return caught.value.cause


class TestParse:
    def test_finds_every_fact_of_the_usual_shape(self) -> None:
        assert facts(document.parse(XML)) == FACTS

    def test_reads_what_the_store_signs(self, emu) -> None:
        """A document of the emulator, whose structure is that of real ones, by way of its REST answer."""
        product = emu.product(7)
        answer = requests.post(
            emu.store + product.license_path(1),
            headers={"Authorization": "Bearer " + emu.access_tokens["store"], "Content-Length": "0"},
            verify=emu.ca_path,
            timeout=10,
        ).json()
        parsed = document.from_blob(answer["licenseBlob"])
        assert (parsed.product_id, parsed.content_id) == (product.product_id, product.content_ids[1])
        assert parsed.license_instance_id == answer["licenseInstanceId"]
        assert parsed.requestor_id == answer["requestorId"]
        assert parsed.package_family_name == product.package_family_name.lower()
        assert parsed.data == base64.b64decode(answer["licenseBlob"])

    @pytest.mark.parametrize("version", ["1", "5", "42"])
    def test_takes_other_versions(self, version: str) -> None:
        assert facts(document.parse(License(version=version).xml)) == FACTS

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda text: "\ufeff" + text, id="byte-order mark"),
            pytest.param(lambda text: '<?xml version="1.0" encoding="utf-8"?>' + text, id="declaration"),
            pytest.param(lambda text: "\ufeff" + '<?xml version="1.0"?>\r\n' + text, id="mark and declaration"),
            pytest.param(lambda text: text + "\r\n", id="newline at the end"),
            pytest.param(lambda text: "<!-- a comment -->" + text, id="comment"),
            pytest.param(lambda text: text.replace("><", ">\n  <"), id="indented"),
            pytest.param(lambda text: text.replace(PRODUCT_ID, f"\n  {PRODUCT_ID}\n  "), id="blanks around a value"),
            pytest.param(lambda text: text.replace(PRODUCT_ID, f"<![CDATA[{PRODUCT_ID}]]>"), id="CDATA"),
            pytest.param(lambda text: text.replace(PRODUCT_ID, "&#57;" + PRODUCT_ID[1:]), id="character reference"),
            pytest.param(lambda text: text.replace("ProductID>", "productId>"), id="other case of a name"),
            pytest.param(lambda text: text.replace(f' xmlns="{NAMESPACE}"', ""), id="no namespace"),
            pytest.param(
                lambda text: text.replace(f"<ProductID>{PRODUCT_ID}</ProductID>", "").replace(
                    "<Binding ", f'<Binding ProductID="{PRODUCT_ID}" '
                ),
                id="attribute in the place of an element",
            ),
            pytest.param(
                lambda text: text.replace("<SPLicenseBlock>", "<New><Deep/></New><SPLicenseBlock>"), id="more"
            ),
        ],
    )
    def test_takes_other_ways_to_write_the_same(self, change) -> None:
        data = change(XML.decode()).encode()
        assert data != XML
        parsed = document.parse(data)
        assert facts(parsed) == FACTS
        assert parsed.data == data

    def test_takes_prefixed_names(self) -> None:
        data = (
            f'<ls:License xmlns:ls="{NAMESPACE}" ls:ContentID="{CONTENT_ID}" ls:LicenseID="{LICENSE_ID}"><ls:Binding>'
            f"<ls:ProductID>{PRODUCT_ID}</ls:ProductID></ls:Binding></ls:License>"
        ).encode()
        parsed = document.parse(data)
        assert (parsed.content_id, parsed.product_id, parsed.license_id) == (CONTENT_ID, PRODUCT_ID, LICENSE_ID)
        assert parsed.license_instance_id == parsed.issued_date == ""

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
    def test_takes_utf_16(self, encoding: str) -> None:
        text = '<?xml version="1.0" encoding="utf-16"?>' + XML.decode()
        marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
        data = marks.get(encoding, b"") + text.encode(encoding)
        assert facts(document.parse(data)) == FACTS

    def test_takes_a_declared_single_byte_encoding(self) -> None:
        text = '<?xml version="1.0" encoding="windows-1252"?>' + XML.decode().replace(FAMILY_NAME, "café_1")
        assert document.parse(text.encode("cp1252")).package_family_name == "café_1"


class TestRefusals:
    @pytest.mark.parametrize(
        "declaration",
        [
            "<!DOCTYPE License>",
            '<!DOCTYPE License SYSTEM "file:///etc/passwd">',
            '<!DOCTYPE License [<!ENTITY a "b">]>',
            '<!DOCTYPE License [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE License [<!ENTITY % p SYSTEM "http://localhost:9/"> %p;]>',
        ],
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_a_doctype(self, declaration: str, encoding: str) -> None:
        assert "DOCTYPE" in refusal((declaration + XML.decode()).encode(encoding))

    def test_entities_are_not_expanded(self) -> None:
        levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
        bomb = f'<!DOCTYPE License [<!ENTITY e0 "x">{levels}]>' + XML.decode().replace(FAMILY_NAME, "&e11;")
        assert "DOCTYPE" in refusal(bomb.encode())

    def test_an_entity_without_a_doctype(self) -> None:
        assert "no well-formed XML" in refusal(XML.replace(FAMILY_NAME.encode(), b"&unknown;"))

    def test_elements_nested_too_deep(self) -> None:
        deep = b"<a>" * 100_000 + b"</a>" * 100_000
        assert "nested" in refusal(XML.replace(b"</License>", deep + b"</License>"))

    def test_another_root_element(self) -> None:
        assert refusal(b"<Lease>" + XML + b"</Lease>") == "its root element is lease, not License"

    def test_a_root_element_whose_name_is_shown_harmlessly(self) -> None:
        name = "é" + "x" * 500
        cause = refusal(f"<{name}/>".encode())
        assert cause.isascii()
        assert len(cause) < 150

    @pytest.mark.parametrize("value", [b"", b"  "])
    def test_no_content_id(self, value: bytes) -> None:
        assert refusal(XML.replace(CONTENT_ID.encode(), value)) == "it has no ContentID"
        assert refusal(XML.replace(b' ContentID="' + CONTENT_ID.encode() + b'"', b"")) == "it has no ContentID"

    def test_no_product_id(self) -> None:
        element = b"<ProductID>" + PRODUCT_ID.encode() + b"</ProductID>"
        assert refusal(XML.replace(element, b"")) == "it has no ProductID"
        assert refusal(XML.replace(element, b"<ProductID/>")) == "it has no ProductID"

    def test_a_product_id_in_another_place_does_not_count(self) -> None:
        element = b"<ProductID>" + PRODUCT_ID.encode() + b"</ProductID>"
        moved = XML.replace(element, b"").replace(b"</License>", b"<Other>" + element + b"</Other></License>")
        assert refusal(moved) == "it has no ProductID"

    @pytest.mark.parametrize(
        "extra",
        [
            b"<Binding><ProductID>9WZDNCRFHVFW</ProductID></Binding>",
            b"<Binding ProductID='9WZDNCRFHVFW'/>",
            b"<Binding><ProductID/></Binding>",
        ],
    )
    def test_two_product_ids(self, extra: bytes) -> None:
        assert "more than one productid" in refusal(XML.replace(b"</License>", extra + b"</License>"))
        assert "more than one productid" in refusal(XML.replace(b"<Binding ", extra + b"<Binding ", 1))

    def test_a_fact_without_end(self) -> None:
        assert "longer" in refusal(XML.replace(FAMILY_NAME.encode(), b"a" * 100_000))

    @pytest.mark.parametrize(
        "data", [b"", b" ", b"\0", b"{}", b"\x89PNG\r\n", b"PK\x03\x04", b"<License", XML[: len(XML) // 2], XML + XML]
    )
    def test_garbage(self, data: bytes) -> None:
        assert "no well-formed XML" in refusal(data)

    def test_more_bytes_than_any_license_has(self) -> None:
        padded = XML.replace(b"</License>", b" " * (document.MAX_BYTES - len(XML)) + b"</License>")
        assert len(padded) == document.MAX_BYTES
        assert facts(document.parse(padded)) == FACTS
        assert "larger than" in refusal(padded + b" ")

    @pytest.mark.parametrize("name", sorted({*aliases.values(), "klingon", "undefined", "utf-7", "x" * 300, "a.b/c"}))
    def test_an_unknown_or_strange_encoding_is_no_traceback(self, name: str) -> None:
        data = f'<?xml version="1.0" encoding="{name}"?>'.encode() + XML
        try:
            parsed = document.parse(data)
        except LicenseDocumentError:
            return
        assert facts(parsed) == FACTS

    @pytest.mark.parametrize("encoding", ["klingon", "unicode_escape", "hz", "utf-7"])
    def test_an_encoding_that_licenses_do_not_have_is_named(self, encoding: str) -> None:
        data = f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + XML
        assert refusal(data) == f"its text encoding, {encoding}, is none that licenses have"

    def test_another_namespace(self) -> None:
        data = XML.replace(NAMESPACE.encode(), b"urn:next:version")
        assert refusal(data) == "its root element is in another namespace than that of licenses"

    def test_xml_as_text_is_taken_to_the_byte(self) -> None:
        assert document.from_text("\ufeff\n" + XML.decode()).data == XML
        assert document.from_text(base64.b64encode(XML).decode()).data == XML
        # What was read from a file in UTF-16 is text by now, and written as UTF-8.
        declared = document.from_text('<?xml version="1.0" encoding="utf-16"?>' + XML.decode())
        assert document.parse(declared.data).content_id == document.parse(XML).content_id

    @given(st.binary(max_size=2000))
    def test_any_bytes(self, data: bytes) -> None:
        with pytest.raises(LicenseDocumentError):
            document.parse(data)

    @given(st.integers(0, len(XML) - 1), st.binary(max_size=12), st.integers(0, 12))
    @example(0, b"\xff\xfe", 0)
    @example(0, b"\x00", 1)
    def test_any_damage(self, position: int, replacement: bytes, removed: int) -> None:
        """A damaged license is refused, or it is still a license with its own bytes."""
        data = XML[:position] + replacement + XML[position + removed :]
        try:
            parsed = document.parse(data)
        except LicenseDocumentError:
            return
        assert parsed.data == data
        assert parsed.content_id
        assert parsed.product_id


class TestBlob:
    def test_is_one_line_of_base64(self) -> None:
        parsed = document.parse(XML)
        assert parsed.blob == base64.b64encode(XML).decode()
        assert document.from_blob(parsed.blob) == parsed

    @pytest.mark.parametrize("separator", ["\n", "\r\n", " ", "\t\n"])
    def test_may_be_wrapped(self, separator: str) -> None:
        blob = License().blob
        wrapped = separator.join(blob[start : start + 76] for start in range(0, len(blob), 76)) + separator
        assert document.from_blob(wrapped).data == XML

    @pytest.mark.parametrize(
        ("blob", "cause"),
        [
            ("", "the license blob is empty"),
            (" \r\n\t", "the license blob is empty"),
            ("this is %% no base64 !", "the license blob is not base64 text"),
            ("QUJ", "the license blob is not base64 text"),
            ("A", "the license blob is not base64 text"),
            ("ÄÖÜ=", "the license blob is not base64 text"),
            ("\ud800", "the license blob is not base64 text"),
            (XML.decode(), "the license blob is not base64 text"),
            (base64.b64encode(b"\xff" * 3000).decode().replace("/", "_"), "the license blob is not base64 text"),
            ("A" * (document.MAX_BYTES * 2 + 1), "the license blob is larger than any license"),
        ],
    )
    def test_refusals(self, blob: str, cause: str) -> None:
        with pytest.raises(LicenseDocumentError) as caught:
            document.from_blob(blob)
        assert caught.value.cause == cause

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        with pytest.raises(LicenseDocumentError):
            document.from_blob(text)


class TestFiles:
    @pytest.mark.parametrize("data", [XML, b"\xef\xbb\xbf" + XML + b"\r\n", XML.replace(b"><", b">\r\n\t<")])
    def test_both_formats_keep_every_byte(self, data: bytes) -> None:
        parsed = document.parse(data)
        assert parsed.file_bytes("xml") == data
        assert base64.b64decode(parsed.file_bytes("base64"), validate=True) == data
        assert b"\n" not in parsed.file_bytes("base64")
        for form in ("xml", "base64"):
            assert document.from_file_bytes(parsed.file_bytes(form), form) == parsed

    def test_one_format_is_not_the_other(self) -> None:
        parsed = document.parse(XML)
        with pytest.raises(LicenseDocumentError):
            document.from_file_bytes(parsed.file_bytes("base64"), "xml")
        with pytest.raises(LicenseDocumentError):
            document.from_file_bytes(parsed.file_bytes("xml"), "base64")

    @given(st.binary(max_size=500), st.sampled_from(["xml", "base64"]))
    def test_any_bytes(self, data: bytes, form: str) -> None:
        with pytest.raises(LicenseDocumentError):
            document.from_file_bytes(data, form)

    def test_checksum(self) -> None:
        assert document.sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


class TestCheck:
    @pytest.mark.parametrize(
        ("product_id", "content_id"),
        [
            (PRODUCT_ID, CONTENT_ID),
            (PRODUCT_ID.lower(), CONTENT_ID.upper()),
            (PRODUCT_ID, "{" + CONTENT_ID + "}"),
        ],
    )
    def test_the_license_that_was_asked_for(self, product_id: str, content_id: str) -> None:
        document.check(document.parse(XML), product_id, content_id)

    def test_another_product(self) -> None:
        with pytest.raises(LicenseDocumentError, match=f"license of product {PRODUCT_ID}, not of 9WZDNCRFHVFW"):
            document.check(document.parse(XML), "9WZDNCRFHVFW", CONTENT_ID)

    def test_another_content_id(self) -> None:
        other = "0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77"
        with pytest.raises(LicenseDocumentError, match=f"license of content id {CONTENT_ID}, not of {other}"):
            document.check(document.parse(XML), PRODUCT_ID, other)

    def test_what_is_no_id_is_not_shown(self) -> None:
        """A server could put the token there that it was sent."""
        hostile = document.parse(XML.replace(CONTENT_ID.encode(), b"canary-token-1234"))
        with pytest.raises(LicenseDocumentError) as caught:
            document.check(hostile, PRODUCT_ID, CONTENT_ID)
        assert "canary" not in str(caught.value)

    def test_what_the_document_says_is_shown_harmlessly(self) -> None:
        hostile = document.parse(XML.replace(CONTENT_ID.encode(), "\u202e{{ x }}\u2028".encode() + b"y" * 300))
        with pytest.raises(LicenseDocumentError) as caught:
            document.check(hostile, PRODUCT_ID, CONTENT_ID)
        assert str(caught.value).isascii()
        assert len(str(caught.value)) < 300


class TestSameLicense:
    def test_is_decided_by_the_instance(self) -> None:
        one = document.parse(XML)
        assert one.same_license(document.parse(XML + b"\n"))
        assert one.same_license(document.parse(XML.replace(INSTANCE_ID.encode(), INSTANCE_ID.upper().encode())))
        other = License(instance_id="11111111-1c68-4dd1-93a4-0a1c6f6c3f02")
        assert not one.same_license(document.parse(other.xml))

    def test_is_decided_by_the_bytes_where_there_is_no_instance(self) -> None:
        bare = XML.replace(b"LicenseInstanceID", b"Other")
        assert document.parse(bare).same_license(document.parse(bare))
        assert not document.parse(bare).same_license(document.parse(bare + b"\n"))
        assert not document.parse(bare).same_license(document.parse(XML))
