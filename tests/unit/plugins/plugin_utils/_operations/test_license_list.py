# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Licenses as people type them, in the answer to a survey for example."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from unit.support import CONTENT_ID, PRODUCT_ID

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import shared_options
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.offline_license import specification
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import requests_from
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.masking import shown_arguments
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_list import license_items

OTHER_PRODUCT = "9NBLGGH4NNS1"
OTHER_CONTENT = "0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77"
FULL = {"product_id": PRODUCT_ID, "sku_id": "0015", "content_id": CONTENT_ID}
SHORT = {"product_id": OTHER_PRODUCT, "content_id": OTHER_CONTENT}
TERMS = (f"{PRODUCT_ID}/0015/{CONTENT_ID}", f"{OTHER_PRODUCT}/{OTHER_CONTENT}")


def _refusal(value: Any) -> str:
    with pytest.raises(OptionError) as caught:
        license_items(value)
    assert "nothing was requested or written" in str(caught.value)
    return caught.value.cause


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(TERMS),
        "\r\n".join(TERMS) + "\r\n",
        f"\n  {TERMS[0]}  \n\n# the other\n{TERMS[1]}",
        f"{TERMS[0]}  # Calculator\n#{TERMS[0]}\n{TERMS[1]},",
        ", ".join(TERMS),
        f"- {TERMS[0]}\n- {TERMS[1]}  # the other\n",
        json.dumps([FULL, SHORT]),
        json.dumps([FULL, SHORT], indent=2),
        json.dumps(list(TERMS)),
        yaml.safe_dump([FULL, SHORT]),
        f"---\n- product_id: {PRODUCT_ID}\n  sku_id: 0015\n  content_id: {CONTENT_ID}\n- {TERMS[1]}\n",
    ],
)
def test_texts(text: str) -> None:
    assert license_items(text) == [FULL, SHORT]


def test_lists() -> None:
    """The answer to a question of multiple selection is a list of texts."""
    assert license_items(list(TERMS)) == [FULL, SHORT]
    assert license_items([FULL, TERMS[1], json.dumps(FULL)]) == [FULL, SHORT, FULL]
    assert license_items(FULL) == license_items(json.dumps(FULL)) == [FULL]


@pytest.mark.parametrize("value", [None, [], [FULL, SHORT], [{}], [7], 7, [None]])
def test_what_is_no_text_is_left_to_the_specification(value: Any) -> None:
    assert license_items(value) == value


def test_terms_without_content_id() -> None:
    assert license_items(f"{PRODUCT_ID}\n{OTHER_PRODUCT}/0015") == [
        {"product_id": PRODUCT_ID},
        {"product_id": OTHER_PRODUCT, "sku_id": "0015"},
    ]


def test_number_that_yaml_would_read_differently() -> None:
    """Without quotes, 0015 would be the number 13, and a content id such as 12345678e5 a float."""
    (item,) = license_items(f"- product_id: {PRODUCT_ID}\n  sku_id: 0015\n  content_id: {CONTENT_ID}")
    (request,) = requests_from([item])
    assert request.key.sku_id == "0015"


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("", "empty text"),
        (" \r\n # nothing yet\n", "empty text"),
        ("[", "neither licenses line by line nor YAML (line 1, column 2)"),
        (f"{TERMS[0]}\nlicenses for the lab, all of them", "no list of licenses (line 2)"),
        (f"- &a {TERMS[0]}\n- *a", "neither licenses line by line nor YAML (line 2, column 3)"),
        ("- product_id: [x]\n", "product_id of item 1 is a list or a dictionary"),
        ([FULL, {"product_id": {"x": []}}], "product_id of item 2 is a list or a dictionary"),
        ([f"{TERMS[0]}/{CONTENT_ID}"], "item 1 has 4 parts"),
        ([FULL, "a/b/c/d/e"], "item 2 has 5 parts"),
    ],
)
def test_refusals(value: Any, cause: str) -> None:
    assert cause in _refusal(value)


@pytest.mark.parametrize("text", ["[" * 2000, "- " * 2000, "{a: " * 2000])
def test_a_deep_text_is_refused(text: str) -> None:
    assert _refusal(text)


def test_a_text_that_stands_for_gigabytes_costs_nothing() -> None:
    levels = ["&a0 [x,x,x,x,x,x,x,x,x,x]"]
    levels += [f"&a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert _refusal(f"- product_id: [{', '.join(levels)}]\n  content_id: {CONTENT_ID}\n")
    nested: list[Any] = []
    for _level in range(60):
        nested = [nested] * 10
    assert _refusal([{"product_id": nested}])


def test_licenses_as_the_module_returns_them() -> None:
    facts = {"state": "fetched", "error": None, "path": "/x", "package_family_name": "x", "license_blob": None}
    assert license_items([{**FULL, **facts}, {**SHORT, "sku_id": None, **facts, "license_blob": "eA=="}]) == [
        FULL,
        {**SHORT, "license_blob": "eA=="},
    ]


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found: Any = license_items(text)
        message = ""
    except OptionError as exc:
        found, message = [], str(exc)
    assert len(message) < 400
    assert isinstance(found, list)
    assert not any(isinstance(item, str) for item in found)


def test_no_text_is_shown() -> None:
    """It may hold a license."""
    spec = {**shared_options(), **specification()["argument_spec"]}
    shown = shown_arguments({"licenses": "license_blob: c2VjcmV0"}, spec)
    assert "c2VjcmV0" not in str(shown)
    assert shown_arguments({"licenses": None}, spec) == {"licenses": None}
