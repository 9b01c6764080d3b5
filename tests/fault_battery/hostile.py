# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Strategies for values that mean harm, and the loop that tries them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError

from .record import Record
from .report import EXAMPLES

_SHARE_OF_QUICK = 0.05
_SEED = int(os.environ.get("MSDEVICES_TEST_SEED", "1"))

_PARTS = (
    *("..", ".", "/", "\\", "//", "%2e%2e", "%2F", "%5c", "%252e", "%00", "\x00", "?", "#", "@", ":", ";", "&", "="),
    *(" ", "\n", "\r\n", "\t", "\x7f", "\u202e", "\u2028", "\ud800", "\uff0e\uff0e\uff0f", "ß", "ﬀ", "İ", "é", "😀"),
    *("a", "A", "0", "v1", "V1", "offers", "https:", "stranger", "$HOME", "`", "{{", "}}", "'", '"', "<", "*", "|"),
    *("~", "[", "]", "{", "-", "_", "\u200b", "CON", "NUL.xml", "con.", ".xml", ".ms_offline_license.", "x.json"),
)
texts = st.one_of(st.lists(st.sampled_from(_PARTS), max_size=5).map("".join), st.text(max_size=16))
"""Texts that want to be a path, a URL, a template, a command or the end of a line."""

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**63, 10**400, 1e400, -1e400, float("nan"), 1e308, "", "0", "-1", "x" * 5000]),
    st.floats(),
    texts,
)
values = st.recursive(
    scalars,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(texts, below, max_size=3)),
    max_leaves=5,
)
"""Everything that JSON can hold."""

_DEEP = st.sampled_from([50, 900, 5_000, 100_000]).flatmap(
    lambda depth: st.sampled_from([(b"[", b"]"), (b'{"a":', b"}")]).map(
        lambda ends: ends[0] * depth + b"1" + ends[1] * depth
    )
)
documents = st.one_of(
    st.binary(max_size=60),
    values.map(lambda value: json.dumps(value).encode()),
    values.map(lambda value: json.dumps(value).encode("utf-16")),
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf{}", b"null", b"<html>", b"{", b'{"a": 1}{', b"[" * 50]),
    _DEEP,
)
"""Bodies, as bytes."""


def json_bytes(value: Any) -> bytes:
    """A value as JSON; what Python writes beyond the standard (NaN, Infinity) is hostile, too."""
    return json.dumps(value).encode()


def near(shape: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of this shape, in which fields are missing, of another type, or hostile."""
    fields = {}
    for name, good in shape.items():
        inner = near(good) if isinstance(good, dict) else st.just(good)
        if isinstance(good, int):
            inner = st.one_of(inner, st.sampled_from([0, -1, 10**400, 1e400, float("nan"), "1", "x", None]))
        if isinstance(good, list) and good and isinstance(good[0], dict):
            inner = st.lists(near(good[0]), max_size=3)
        fields[name] = st.one_of(inner, inner, inner, values)
    return st.fixed_dictionaries({}, optional=fields)


class Explorer:
    """Runs properties, and counts the examples."""

    def __init__(self, request: pytest.FixtureRequest, record: Record, secret: str = "") -> None:
        self._share = _SHARE_OF_QUICK if request.config.getoption("markexpr") == "quick" else 1.0
        self._record = record
        self._secret = secret

    def run(self, examples: int, body: Callable[..., None], /, **strategies: Any) -> None:
        """Try so many examples, less in the quick slice. A declared error, which has to be fit to be shown, is no harm.

        The examples are the same each time; the environment variable MSDEVICES_TEST_SEED chooses others.
        """
        count = 0

        def attempt(**drawn: Any) -> None:
            nonlocal count
            count += 1
            try:
                body(**drawn)
            except ProvisioningError as exc:
                check_message(exc, self._secret)

        attempt.__name__ = body.__name__
        prepared = hypothesis.settings(
            max_examples=max(20, int(examples * self._share)),
            deadline=None,
            database=None,
            print_blob=True,
            # A machine that is busy is not a slow strategy.
            suppress_health_check=[hypothesis.HealthCheck.too_slow],
        )(hypothesis.given(**strategies)(attempt))
        print(f"seed {_SEED}")
        hypothesis.seed(_SEED)(prepared)()
        self._record.figure(EXAMPLES, count)


def check_message(error: ProvisioningError, secret: str = "") -> None:
    """One message: what was attempted and why it failed, bounded, without control characters and without a secret."""
    text = str(error)
    assert error.attempted
    assert error.cause
    assert len(text) < 4000, text[:200]
    assert "Traceback" not in text
    assert not secret or secret not in text
    assert not [char for char in text if ord(char) < 32 or ord(char) == 127], repr(text)
