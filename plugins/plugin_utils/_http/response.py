# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What a server sent in response to a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Response:
    """A response: `headers` are case-insensitive, `body` is decoded from its transfer and content codings."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    request: str
    """Method and URL without query, for messages."""
    bearer: str = field(default="", repr=False)
    """The token that was sent, so that it can be kept out of messages."""
    gave_up: str = ""
    """Why no more tries were made, as a clause, when the status is one that is retried."""
    deadline_exceeded: bool = False
    """Whether that was for want of time."""
