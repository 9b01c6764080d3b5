# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""A request, as each try sends it."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._text import shown_url

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Request:
    """What to send. Repeating it has to do no harm: failed tries are repeated."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    data: t.Any = field(default=None, repr=False)
    """Text, bytes, or form fields by name."""
    bearer: str = field(default="", repr=False)
    """The access token; none is sent if empty."""
    max_bytes: int = 32 * MEBIBYTE
    """Limit of the decoded body."""

    @property
    def shown(self) -> str:
        """Method and URL without query, for messages."""
        return f"{self.method} {shown_url(self.url)}"
