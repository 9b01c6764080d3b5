# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Text that came from elsewhere, in a form in which it may stand in a message."""

from __future__ import annotations

import base64
import html
import typing as t
from urllib.parse import unquote, unquote_plus, urlsplit

MASK = "********"
# Shorter texts would be found where no secret is.
_MIN_BASE64 = 8


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


def mask(text: str, secrets: t.Iterable[str]) -> str:
    """Return text from a server without the secrets in it: in plain, percent-encoded, as HTML, or in base64.

    Text that holds a secret in a coded form is returned decoded, so mask before text is cut, and decode before masking
    what is decoded anyway (JSON within JSON).
    """
    hidden = sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True)
    for decode in _DECODERS:
        readable = decode(text)
        if any(secret in readable for secret in hidden):
            for secret in hidden:
                readable = readable.replace(secret, MASK)
            text = readable
    return text


# What is coded twice is decoded twice.
_DECODERS = (
    str,
    html.unescape,
    unquote,
    unquote_plus,
    lambda text: html.unescape(unquote_plus(text)),
    lambda text: unquote_plus(html.unescape(text)),
    lambda text: unquote_plus(unquote_plus(text)),
    lambda text: html.unescape(html.unescape(text)),
)


def _forms(secret: str) -> list[str]:
    """Return a secret as it is and in base64, wherever it begins within what was coded."""
    forms = [secret]
    data = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + data).decode("ascii")
        # The characters that depend on the secret alone.
        inner = coded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        if len(inner) >= _MIN_BASE64:
            forms += [inner, inner.replace("+", "-").replace("/", "_")]
    return forms


def bare_guid(text: str) -> str:
    """Return an id without blanks around it and without the braces that PowerShell shows around GUIDs."""
    text = text.strip()
    inner = text[1:-1].strip() if text[:1] == "{" and text[-1:] == "}" else ""
    return inner if len(inner) == 36 else text
