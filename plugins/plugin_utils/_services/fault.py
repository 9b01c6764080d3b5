# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Reads the facts in error bodies of every shape that was seen.

Source: reference facts on Partner Center (faults) and Store for Business (errors).
"""

from __future__ import annotations

import html
import json
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.json_body import lower_keys
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response


@dataclass(frozen=True)
class Fault:
    """What an error answer says, each field as text and empty where it says nothing."""

    status: int
    reason_phrase: str = ""
    code: str = ""
    message: str = ""
    reason: str = ""
    parameter: str = ""
    request_id: str = ""
    correlation_id: str = ""

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


def fault_of(answer: Response, secrets: tuple[str, ...] = ()) -> Fault:
    """Read an error answer, whatever its body is. Secrets that it repeats are taken out."""

    def clean(value: t.Any) -> str:
        if value is None or isinstance(value, (dict, list)):
            return ""
        text = str(value)
        for secret in secrets:
            if secret:
                text = text.replace(secret, "********")
        return printable(_plain_text(text)).rstrip(".")

    try:
        body = lower_keys(json.loads(answer.body))
    except (ValueError, RecursionError):
        body = {}
    # Some services wrap the facts: {"error": {...}}, or put reason and parameter into data or details.
    if isinstance(body.get("error"), Mapping):
        body = {**body, **lower_keys(body["error"])}
    inner: dict[str, t.Any] = {}
    for key in ("data", "details", "innererror"):
        value = body.get(key)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                inner.update(lower_keys(item))
    inner.update(body)

    def first(*names: str) -> str:
        return next((text for text in (clean(inner.get(name)) for name in names) if text), "")

    details = first("reason")
    for key in ("data", "details"):
        value = inner.get(key)
        texts = [clean(item) for item in (value if isinstance(value, list) else [value])]
        details = "; ".join([part for part in [details, *texts] if part])
    parameter = first("parametername", "parameter")
    return Fault(
        status=answer.status,
        reason_phrase=clean(answer.reason),
        code=first("code", "errorcode"),
        message=first("description", "message", "error_description"),
        reason=printable(details),
        parameter=f"parameter {parameter}" if parameter else "",
        request_id=clean(answer.headers.get("MS-RequestId")),
        correlation_id=clean(answer.headers.get("MS-CorrelationId") or answer.headers.get("MS-CV")),
    )


def _plain_text(text: str) -> str:
    """Read descriptions that hold HTML entities, or a JSON document of which only code and message are for people."""
    plain = html.unescape(text)
    if plain.lstrip()[:1] != "{":
        return plain
    inner: dict[str, t.Any] = {}
    # Entities within the document may stand for its quotation marks, or for those in its texts.
    for document in (plain, text):
        try:
            inner = lower_keys(json.loads(document))
        except (ValueError, RecursionError):
            continue
    if isinstance(inner.get("error"), Mapping):
        inner = {**inner, **lower_keys(inner["error"])}

    def first(*names: str) -> str:
        values = (inner.get(name) for name in names)
        return next((str(value) for value in values if value and not isinstance(value, (dict, list))), "")

    code, message = first("code", "errorcode"), first("description", "message", "error_description")
    parts = [f"code {code}" if code else "", html.unescape(message)]
    return ", ".join(part for part in parts if part) or "a message that cannot be read"
