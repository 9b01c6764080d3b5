# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Reads the facts in error bodies of every shape that was seen.

Source: reference facts on Partner Center (faults) and Store for Business (errors).
"""

from __future__ import annotations

import html
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._text import mask, printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import lower_keys, parse_json
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response


def _paths(*names: str) -> tuple[str, ...]:
    """Return where a fact may be, in lower case: at the top, or below what some services put details into."""
    places = ("", "data.", "details.", "innererror.")
    return tuple(f"{wrapper}{place}{name}" for wrapper in ("", "error.") for place in places for name in names)


# Tried in this order; the first text that is there counts.
_CODE = _paths("code", "errorcode")
_MESSAGE = _paths("description", "message", "error_description")
_REASON = _paths("reason")
_TEXTS = ("data", "details", "error.data", "error.details")
_PARAMETER = _paths("parametername", "parameter")


@dataclass(frozen=True)
class ErrorDetails:
    """What an error response says, each field as text and empty where it says nothing."""

    status: int
    reason_phrase: str = ""
    code: str = ""
    message: str = ""
    reason: str = ""
    parameter: str = ""
    request_id: str = ""
    correlation_id: str = ""
    page: bool = False
    """Whether a page (HTML) came, which says nothing that the service would."""

    def text(self, request: str) -> str:
        """Put the facts into one clause that ends an error's cause."""
        facts = [f"HTTP {self.status}"]
        if self.code:
            facts.append(f"code {self.code}")
        if self.request_id:
            facts.append(f"request id {self.request_id}")
        if self.correlation_id:
            facts.append(f"correlation id {self.correlation_id}")
        said = "; ".join(part for part in (self.message, self.reason, self.parameter) if part)
        return f"{request} answered {', '.join(facts)}" + (f", saying: {said}" if said else "")


def parse_fault(response: Response, secrets: tuple[str, ...] = ()) -> ErrorDetails:
    """Read an error response, whatever its body is. Secrets that it repeats are masked, after all decoding."""

    def clean(value: t.Any) -> str:
        return printable(mask(_plain_text(value), secrets)).rstrip(".")

    def first(paths: tuple[str, ...]) -> str:
        return next((text for text in map(clean, _find(facts, paths)) if text), "")

    facts = _flatten(response.body)
    texts = [first(_REASON), *map(clean, _find(facts, _TEXTS))]
    parameter = first(_PARAMETER)
    headers = response.headers
    return ErrorDetails(
        status=response.status,
        reason_phrase=clean(response.reason),
        code=first(_CODE),
        message=first(_MESSAGE),
        reason=printable("; ".join(text for text in texts if text)),
        parameter=f"parameter {parameter}" if parameter else "",
        # Some responses have an id twice in one header.
        request_id=clean(headers.get("MS-RequestId")).partition(",")[0],
        correlation_id=clean(headers.get("MS-CorrelationId") or headers.get("MS-CV")).partition(",")[0],
        page=response.body.lstrip()[:1] == b"<",
    )


def _flatten(document: str | bytes) -> dict[str, list[t.Any]]:
    """Return the scalars of a JSON object by path, in lower case; members of a list have the path of their list."""
    found: dict[str, list[t.Any]] = {}

    def add(path: str, value: t.Any) -> None:
        if isinstance(value, Mapping):
            for name, below in lower_keys(value).items():
                add(f"{path}.{name}" if path else name, below)
        elif isinstance(value, list):
            for item in value:
                add(path, item)
        else:
            found.setdefault(path, []).append(value)

    try:
        content = parse_json(document)
        add("", content if isinstance(content, Mapping) else {})
    except (ValueError, RecursionError):
        return {}
    return found


def _find(facts: Mapping[str, list[t.Any]], paths: tuple[str, ...]) -> list[t.Any]:
    return [value for path in paths for value in facts.get(path, [])]


def _plain_text(value: t.Any) -> str:
    """Read descriptions that hold HTML entities, or a JSON document of which only code and message are for people."""
    text = "" if value is None else str(value)
    plain = html.unescape(text)
    if plain.lstrip()[:1] != "{":
        return plain
    # Entities within the document may stand for its quotation marks, or for those in its texts.
    facts = _flatten(text) or _flatten(plain)
    code, message = (next((str(one) for one in _find(facts, paths) if one), "") for paths in (_CODE, _MESSAGE))
    parts = [f"code {code}" if code else "", html.unescape(message)]
    return ", ".join(part for part in parts if part) or "a message that cannot be read"
