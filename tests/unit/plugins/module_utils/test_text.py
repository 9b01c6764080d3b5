# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text from elsewhere in messages."""

from __future__ import annotations

from ansible_collections.msdevices.provisioning.plugins.module_utils._text import (
    host_of,
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
