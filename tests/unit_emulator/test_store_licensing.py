# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Store licensing service: who may ask, how, and what it answers."""

from __future__ import annotations

import base64
import json
import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from emulator import catalog
from emulator.client import Emulator
from emulator.clouds import CATALOG_AUDIENCE, LICENSING_AUDIENCE, STORE_AUDIENCE
from emulator.license_xml import NAMESPACE
from emulator.tokens import DIRECTORY_ROLES

NS = {"l": NAMESPACE}


@pytest.fixture
def client(emu: Emulator) -> Iterator[requests.Session]:
    """A session with all that the service asks for."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = emu.ca_path
        session.headers["Authorization"] = "Bearer " + emu.access_tokens["licensing"]
        session.headers["From"] = "emulator-tests"
        yield session


def ask(emu: Emulator, client: requests.Session, product: catalog.Product, which: int = 0) -> requests.Response:
    return client.post(emu.licensing + catalog.LICENSING_PATH, json=product.licensing_body(which), timeout=10)


def post(emu: Emulator, client: requests.Session, body: Any, **headers: str | None) -> requests.Response:
    """Post bytes with the headers given beside those that are needed; none removes one."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    # A value of none removes a header of the session.
    values: Any = {"Content-Type": "application/json", **names}
    return client.post(emu.licensing + catalog.LICENSING_PATH, data=body, headers=values, timeout=10)


def value(answer: requests.Response) -> bytes:
    (key,) = answer.json()["license"]["keys"]
    return base64.b64decode(key["value"], validate=True)


def test_license(emu: Emulator, client: requests.Session) -> None:
    product = emu.product(3)
    answer = ask(emu, client, product)
    assert answer.status_code == 200
    assert set(answer.json()) == {"license"}
    root = ET.fromstring(value(answer))
    assert root.get("ContentID") == product.content_id
    assert root.findtext("l:Binding/l:ProductID", namespaces=NS) == product.product_id
    assert all(answer.headers[name] for name in ("MS-CV", "MS-RequestId", "MS-CorrelationId"))


@pytest.mark.parametrize("which", [0, 1])
def test_both_services_hand_out_the_same_licenses(
    emu: Emulator, client: requests.Session, http: requests.Session, which: int
) -> None:
    product = emu.product(17)

    def both() -> tuple[bytes, bytes]:
        old = http.post(emu.store + product.license_path(which), timeout=10).json()["licenseBlob"]
        return base64.b64decode(old), value(ask(emu, client, product, which))

    first = both()
    assert first[0] == first[1]
    emu.reissue(product.product_id, product.content_ids[which])
    second = both()
    assert second[0] == second[1] != first[0]


def test_content_id_in_any_casing(emu: Emulator, client: requests.Session) -> None:
    content_id = emu.product(2).content_id
    answers = [post(emu, client, json.dumps({"contentId": text})).content for text in (content_id, content_id.upper())]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ("application/json; charset=utf-16", 400),
        ("text/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
        (None, 415),
    ],
)
def test_content_type(emu: Emulator, client: requests.Session, content_type: str | None, status: int) -> None:
    body = json.dumps(emu.product(0).licensing_body()).encode()
    assert post(emu, client, body, Content_Type=content_type).status_code == status


@pytest.mark.parametrize("name", [None, ""])
def test_the_client_must_name_itself(emu: Emulator, client: requests.Session, name: str | None) -> None:
    answer = post(emu, client, json.dumps(emu.product(0).licensing_body()), From=name)
    assert (answer.status_code, answer.json()["data"]["parameterName"]) == (400, "From")


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ("", "body"),
        ("null", "body"),
        ("[]", "body"),
        ('["contentId"]', "body"),
        ("{}", "body"),
        ('"{content}"', "body"),
        ('{"contentId": "{content}"', "body"),
        ('\ufeff{"contentId": "{content}"}', "body"),
        ('{"contentId": "{content}", "productId": "9WZDN0000000"}', "body"),
        ('{"contentId": "{content}", "contentId": "{content}"}', "body"),
        ('[{"contentId": "{content}"}]', "body"),
        ('{"ContentID": "{content}"}', "contentId"),
        ('{"contentId": ["{content}"]}', "contentId"),
        ('{"contentId": null}', "contentId"),
        ('{"contentId": ""}', "contentId"),
        ('{"contentId": "no guid"}', "contentId"),
        ('{"contentId": "{content}\\n"}', "contentId"),
    ],
)
def test_body_is_one_content_id(emu: Emulator, client: requests.Session, body: str, parameter: str) -> None:
    text = body.replace("{content}", emu.product(0).content_id)
    answer = post(emu, client, text.encode())
    assert (answer.status_code, answer.json()["data"]["parameterName"]) == (400, parameter)


def test_wrong_method_and_unknown_path(emu: Emulator, client: requests.Session) -> None:
    answer = client.get(emu.licensing + catalog.LICENSING_PATH, timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    for path in ("/", "/v8.0/licenses/offlineContent", "/v9.0/licenses", emu.product(0).license_path()):
        assert client.post(emu.licensing + path, json={}, timeout=10).status_code == 404


def with_token(emu: Emulator, client: requests.Session, token: str) -> requests.Response:
    client.headers["Authorization"] = f"Bearer {token}"
    return ask(emu, client, emu.product(0))


@pytest.mark.parametrize("audience", [STORE_AUDIENCE, CATALOG_AUDIENCE])
def test_tokens_for_other_services(emu: Emulator, client: requests.Session, audience: str) -> None:
    assert with_token(emu, client, emu.token(audience=audience, user=True)).status_code == 401
    assert emu.requests("licensing")[-1]["note"] == "token refused: audience"


def test_refused_tokens(emu: Emulator, client: requests.Session) -> None:
    good: dict[str, Any] = {"audience": LICENSING_AUDIENCE, "user": True}
    assert with_token(emu, client, emu.token(**good)).status_code == 200
    for changes in ({"lifetime": -10}, {"cloud": "usgov"}, {"tenant_id": emu.other_tenant_id}):
        assert with_token(emu, client, emu.token(**good, **changes)).status_code == 401
    assert with_token(emu, client, "").status_code == 401


@pytest.mark.parametrize("role", [*DIRECTORY_ROLES, None])
def test_roles(emu: Emulator, client: requests.Session, role: str | None) -> None:
    answer = with_token(emu, client, emu.token(audience=LICENSING_AUDIENCE, user=True, role=role))
    if role in (None, "Global Reader"):
        assert (answer.status_code, answer.json()["code"]) == (403, "RoleRequired")
    else:
        assert answer.status_code == 200


def test_application_sign_in(emu: Emulator, client: requests.Session) -> None:
    token = emu.token(audience=LICENSING_AUDIENCE)
    answer = with_token(emu, client, token)
    assert (answer.status_code, answer.json()["code"]) == (403, "UserRequired")
    emu.settings(licensing_accepts_apps=True)
    assert with_token(emu, client, token).status_code == 200
    inactive = emu.token(audience=LICENSING_AUDIENCE, client_id=emu.inactive_client_id)
    assert with_token(emu, client, inactive).status_code == 403


@pytest.mark.parametrize(
    ("behavior", "status", "text"),
    [
        ("not_owned", 403, "OrganizationNotAllowed"),
        ("not_owned_pascal", 403, '"Reason: organization"'),
        ("not_owned_nested", 403, "innerError"),
        ("not_owned_text", 403, "organization"),
        ("not_owned_html", 403, "<html>"),
        ("not_owned_empty", 403, ""),
        ("not_offline", 403, "OfflineLicenseNotAllowed"),
        ("not_offline_pascal", 403, '"Reason: publisher"'),
        ("not_offline_text", 403, "publisher"),
        ("unknown", 404, "ContentNotFound"),
        ("gone", 410, "ContentNotFound"),
        ("empty", 200, ""),
        ("empty_object", 200, "{}"),
    ],
)
def test_refusals(emu: Emulator, client: requests.Session, behavior: str, status: int, text: str) -> None:
    answer = ask(emu, client, emu.special(behavior))
    assert answer.status_code == status
    assert text in answer.text
    assert bool(answer.content) == bool(text)


def test_unknown_and_online_content(emu: Emulator, client: requests.Session) -> None:
    answer = post(emu, client, json.dumps({"contentId": str(uuid.uuid4())}))
    assert (answer.status_code, answer.json()["code"]) == (404, "ContentNotFound")
    answer = post(emu, client, json.dumps({"contentId": emu.product(0).online_content_id}))
    assert (answer.status_code, answer.json()["code"]) == (403, "OfflineLicenseNotAllowed")


@pytest.mark.parametrize(
    ("behavior", "license_value"),
    [
        ("null_license", None),
        ("no_keys", {}),
        ("null_keys", {"keys": None}),
        ("empty_keys", {"keys": []}),
        ("null_key", {"keys": [None]}),
        ("no_value", {"keys": [{}]}),
        ("value_is_number", {"keys": [{"value": 15}]}),
        ("empty_blob", {"keys": [{"value": ""}]}),
        ("null_blob", {"keys": [{"value": None}]}),
    ],
)
def test_odd_answers(emu: Emulator, client: requests.Session, behavior: str, license_value: Any) -> None:
    answer = ask(emu, client, emu.special(behavior))
    assert (answer.status_code, answer.json()) == (200, {"license": license_value})


def test_answers_of_the_wrong_type(emu: Emulator, client: requests.Session) -> None:
    assert isinstance(ask(emu, client, emu.special("license_is_text")).json()["license"], str)
    assert set(ask(emu, client, emu.special("keys_are_no_list")).json()["license"]["keys"]) == {"value"}


def test_two_keys(emu: Emulator, client: requests.Session) -> None:
    for behavior, place in (("two_keys", 0), ("two_keys_reversed", 1)):
        product = emu.special(behavior)
        keys = ask(emu, client, product).json()["license"]["keys"]
        found = [ET.fromstring(base64.b64decode(key["value"])).get("ContentID") for key in keys]
        assert len(found) == 2
        assert [content_id == product.content_id for content_id in found].index(True) == place


def test_odd_documents(emu: Emulator, client: requests.Session) -> None:
    for behavior in ("not_xml", "truncated_xml"):
        with pytest.raises(ET.ParseError):
            ET.fromstring(value(ask(emu, client, emu.special(behavior))))
    with pytest.raises(ValueError, match="base64"):
        value(ask(emu, client, emu.special("not_base64")))
    for behavior in ("wrong_license", "wrong_content"):
        product = emu.special(behavior)
        assert ET.fromstring(value(ask(emu, client, product))).get("ContentID") != product.content_id
    assert value(ask(emu, client, emu.special("doctype"))).startswith(b"<!DOCTYPE")
    (key,) = ask(emu, client, emu.special("wrapped_blob")).json()["license"]["keys"]
    assert "\r\n" in key["value"]
    (key,) = ask(emu, client, emu.special("pascal_case")).json()["License"]["Keys"]
    assert base64.b64decode(key["Value"]).startswith(b"<License ")


def test_the_store_answers_the_further_specials_well(emu: Emulator, http: requests.Session) -> None:
    for behavior in (*catalog.LICENSING_BEHAVIORS, *catalog.CATALOG_BEHAVIORS):
        answer = http.post(emu.store + emu.special(behavior).license_path(), timeout=10)
        assert base64.b64decode(answer.json()["licenseBlob"]).startswith(b"<License ")


@pytest.mark.parametrize("behavior", ["catalog_unknown", "by_architecture", "by_family", "upper_case_content"])
def test_licenses_of_awkward_catalog_entries(emu: Emulator, client: requests.Session, behavior: str) -> None:
    product = emu.special(behavior)
    families = set()
    for which, content_id in enumerate(product.content_ids):
        root = ET.fromstring(value(ask(emu, client, product, which)))
        assert root.get("ContentID") == content_id
        assert root.findtext("l:Binding/l:PFM", namespaces=NS) == product.family(content_id).lower()
        families.add(product.family(content_id))
    assert len(families) == (2 if behavior == "by_family" else 1)


def test_behaviors_by_rule(emu: Emulator, client: requests.Session) -> None:
    emu.fault(listener="licensing", action="license_behavior", value="empty_keys", times=1)
    assert ask(emu, client, emu.product(0)).json() == {"license": {"keys": []}}
    assert ask(emu, client, emu.product(0)).json()["license"]["keys"]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(emu: Emulator, client: requests.Session, status: int) -> None:
    emu.fault(listener="licensing", action="status", status=status, retry_after=3, times=1)
    answer = ask(emu, client, emu.product(0))
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "3")
    assert ask(emu, client, emu.product(0)).status_code == 200


def test_rules_and_log_know_the_content_id(emu: Emulator, client: requests.Session) -> None:
    """All requests have the same path; per path means per content id here."""
    one, other = emu.product(0), emu.product(1)
    emu.fault(listener="licensing", action="status", status=500, path_regex=f"{one.content_id}$", times=1)
    emu.fault(listener="licensing", action="status", status=503, times=1, per_path=True)
    assert [ask(emu, client, product).status_code for product in (one, other, one, other, one)] == [
        500,
        503,
        503,
        200,
        200,
    ]
    assert emu.count("licensing", path_contains=one.content_id.upper()) == 3
    assert {entry["path"] for entry in emu.requests("licensing")} == {catalog.LICENSING_PATH}
    emu.clear_faults()
    assert post(emu, client, b"[1]").status_code == 400
    assert emu.requests("licensing")[-1]["subject"] == catalog.LICENSING_PATH


def test_byte_order_mark_is_optional(emu: Emulator, client: requests.Session) -> None:
    assert ask(emu, client, emu.product(0)).content.startswith(b"{")
    emu.settings(licensing_bom=True)
    assert ask(emu, client, emu.product(0)).content.startswith(b"\xef\xbb\xbf{")


def test_log_shows_no_secret(emu: Emulator, client: requests.Session) -> None:
    ask(emu, client, emu.product(0))
    (entry,) = emu.requests("licensing")
    assert re.fullmatch("Bearer sha256:[0-9a-f]{16}", entry["headers"]["authorization"])
    assert emu.access_tokens["licensing"] not in json.dumps(entry)
