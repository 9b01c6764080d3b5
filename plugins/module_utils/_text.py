# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Text that came from elsewhere, in a form in which it may stand in a message."""

from __future__ import annotations

from urllib.parse import urlsplit


def shown_url(url: str) -> str:
    """Return a URL without query, user and fragment, for messages."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def host_of(url: str) -> str:
    """Return the host of a URL that a server sent, fit for a message, or an empty text."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return printable(f"{parts.hostname}{port}", 100) if parts.hostname else ""
    except ValueError:
        return ""


def printable(text: str, limit: int = 300) -> str:
    """Make text from a server fit for a message: one line, no control characters, bounded."""
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
