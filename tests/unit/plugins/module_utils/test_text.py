# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text from elsewhere in messages."""

from __future__ import annotations

import base64
import html
from urllib.parse import quote, quote_plus

import pytest

from ansible_collections.msdevices.provisioning.plugins.module_utils._text import (
    MASK,
    host_of,
    mask,
    printable,
    shown_url,
)


def test_printable() -> None:
    assert printable("a\r\nb\x1b[31m\u2028c\0d  e") == "a b [31m c d e"
    assert len(printable("x" * 1000)) == 300


def test_shown_url() -> None:
    assert shown_url("https://me:canary@host:1/a/b?c=d#e") == "https://host:1/a/b"


def test_host_of() -> None:
    assert host_of("https://me:canary@host.example:8443/a?b#c") == "host.example:8443"
    assert host_of("https://host.example/") == "host.example"
    # What is no URL, and what only has a path.
    assert (host_of("https://[::1"), host_of("/elsewhere")) == ("", "")


SECRET = "Ab~1/2+3&\"<ü> 'x"


@pytest.mark.parametrize(
    "coded",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
        quote_plus(SECRET),
        html.escape(SECRET),
        html.escape(SECRET).replace("&quot;", "&#x22;"),
        html.escape(quote(SECRET)),
        quote(html.escape(SECRET)),
        quote(quote(SECRET, safe=""), safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        base64.b64encode(b"id:" + SECRET.encode() + b" and more").decode(),
        base64.b64encode(b"id::" + SECRET.encode()).decode(),
    ],
)
def test_mask(coded: str) -> None:
    masked = mask(f"before {coded} after", ["", SECRET])
    assert MASK in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert "1/2" not in masked
    assert "1%2" not in masked
    assert base64.b64encode(SECRET.encode())[4:-4].decode() not in masked


def test_mask_leaves_the_rest_as_it_is() -> None:
    assert mask("a%20b &amp; c+d", [SECRET]) == "a%20b &amp; c+d"
    assert mask("short and shorter", ["shorter", "short"]) == f"{MASK} and {MASK}"
