# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ServiceError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import json_object
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import (
    ErrorDetails,
    parse_fault,
)

CANARY = "canary-token-of-the-bearer"


def answer(body: Any, status: int = 200, **headers: str) -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, "Reason", named, data, "POST https://host.example/V1/x")


class TestJsonObject:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_reads_an_object(self, encoding: str) -> None:
        assert json_object(answer('{"a": "é"}'.encode(encoding)), "Could not try") == {"a": "é"}

    @pytest.mark.parametrize(
        ("body", "how"),
        [
            (b"", "with an empty body"),
            (b" \r\n", "with an empty body"),
            (b"<html>Canary</html>", "with a page instead of JSON"),
            (b"\n <!DOCTYPE html>", "with a page instead of JSON"),
            (b'{"a": ', "with broken JSON"),
            (b"\xff\xfe\xfd", "with broken JSON"),
            (b"[" * 100_000, "with broken JSON"),
            (b"[1]", "with JSON that is not an object"),
            (b"null", "with JSON that is not an object"),
            (b'"Canary"', "with JSON that is not an object"),
            (b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}", "with JSON that is nested deeper than any response"),
            (b'{"a":' * 900 + b"1" + b"}" * 900, "with JSON that is nested deeper than any response"),
        ],
    )
    def test_refuses_everything_else_without_showing_it(self, body: bytes, how: str) -> None:
        with pytest.raises(ServiceError) as caught:
            json_object(answer(body), "Could not try")
        assert caught.value.cause == f"POST https://host.example/V1/x answered HTTP 200 {how}"
        assert caught.value.attempted == "Could not try"
        assert caught.value.status == 200
        assert "Canary" not in str(caught.value)
        assert "base_url" in caught.value.remedy


class TestFault:
    @pytest.mark.parametrize(
        "body",
        [
            {"code": 2007, "description": "Not so.", "data": ["why", "where"]},
            {"Code": "2007", "Description": "Not so.", "Data": ["why", "where"]},
            {"code": "2007", "message": "Not so.", "details": ["why", "where"]},
            {"error": {"code": "2007", "message": "Not so.", "data": ["why", "where"]}},
            {"errorCode": "2007", "message": "Not so", "reason": "why; where"},
            {"code": "2007", "message": "Not so.", "data": {"reason": "why; where"}},
            {"code": "2007", "message": "Not so.", "details": [{"reason": "why; where"}]},
            {"code": "2007", "message": "Not&#32;so.", "data": "why; where"},
        ],
        ids=str,
    )
    def test_finds_the_same_facts_in_every_shape(self, body: dict[str, Any]) -> None:
        fault = parse_fault(answer(body, 400))
        assert (fault.status, fault.code, fault.message, fault.reason) == (400, "2007", "Not so", "why; where")

    @pytest.mark.parametrize(
        ("description", "shown"),
        [
            ('{"Error":{"Code":"2007","Message":"It&#39;s &quot;not&quot; valid."}}', 'code 2007, It\'s "not" valid'),
            ('{"error":{"code":2007,"message":"No."}}', "code 2007, No"),
            ('{"code":"2007","description":"No."}', "code 2007, No"),
            ('{"Message":"No."}', "No"),
            ('{"Code":"2007"}', "code 2007"),
            ('{"Error":"No."}', "a message that cannot be read"),
            ('{"Error":{"Message":{"lang":"en"}}}', "a message that cannot be read"),
            ('{"Error":{"Message":', "a message that cannot be read"),
        ],
    )
    def test_reads_a_document_within_a_description(self, description: str, shown: str) -> None:
        assert parse_fault(answer({"code": 2007, "description": description}, 400)).message == shown

    def test_finds_parameter_and_ids(self) -> None:
        body = {"code": "BadRequest", "message": "No.", "data": {"parameterName": "skuId", "reason": "invalid"}}
        fault = parse_fault(answer(body, 400, MS_RequestId="r-1", MS_CorrelationId="c-1"))
        assert fault.text("POST https://x/y") == (
            "POST https://x/y answered HTTP 400, code BadRequest, request id r-1, correlation id c-1, saying: No;"
            " invalid; parameter skuId"
        )

    def test_without_facts_there_is_still_the_status(self) -> None:
        assert parse_fault(answer(b"", 503)).text("GET https://x") == "GET https://x answered HTTP 503"

    @pytest.mark.parametrize("body", [b"plain", b"<html>", b"[1, 2]", b"null", b"7", b"\xff", b"{", b"[" * 50_000])
    def test_bodies_that_say_nothing_that_can_be_read(self, body: bytes) -> None:
        assert parse_fault(answer(body, 409)) == ErrorDetails(409, "Reason", page=body == b"<html>")

    @pytest.mark.parametrize("name", ["code", "message", "description", "reason", "data", "parameterName"])
    def test_a_repeated_secret_does_not_show(self, name: str) -> None:
        bodies = [{name: f"about {CANARY} and"}, {"error": {name: CANARY}}, {"data": [{name: CANARY}, CANARY]}]
        # Decoding must not bring it back.
        coded = CANARY.replace("c", "&#99;")
        bodies += [{name: coded}, {name: CANARY.replace("a", "%61")}, {name: f'{{"code": 1, "message": "{coded}"}}'}]
        bodies += [{name: "x" * filler + CANARY} for filler in range(270, 300, 4)]
        for body in bodies:
            fault = parse_fault(answer(body, 400, MS_RequestId=CANARY, MS_CV=CANARY), (CANARY, ""))
            assert "canary" not in fault.text("POST x")
            assert "canary" not in repr(fault)

    def test_text_is_shown_harmlessly(self) -> None:
        body = {"code": "a\nb", "message": "x\x1b[31m\r\ny" + "z" * 1000, "reason": "\u202e&lt;b&gt;"}
        text = parse_fault(answer(body, 400, MS_RequestId="r\x07" + "1" * 5000)).text("POST x")
        assert text.isprintable()
        assert len(text) < 1500

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda below: (
                st.lists(below, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["code", "Message", "data", "details", "error", "reason", "parameterName", "description"]
                    ),
                    below,
                    max_size=5,
                )
            ),
            max_leaves=12,
        ),
        st.sampled_from([400, 404, 409, 500]),
    )
    def test_any_json(self, body: Any, status: int) -> None:
        fault = parse_fault(answer(body, status))
        assert fault.status == status
        assert fault.text("POST x").isprintable()

    @given(st.binary(max_size=100))
    def test_any_bytes(self, body: bytes) -> None:
        assert parse_fault(answer(body, 400)).status == 400
