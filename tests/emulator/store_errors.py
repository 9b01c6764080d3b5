# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Error bodies of the Store's services. Their shape is documented nowhere, so there are several."""

from __future__ import annotations

from typing import Any

from .messages import Response


class StoreError(Exception):
    """The service refuses. ``body`` is an object (sent as JSON), a text, or none (an empty body)."""

    def __init__(
        self, status: int, body: Any, authenticate: str | None = None, content_type: str | None = None
    ) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.body = body
        self.authenticate = authenticate
        self.content_type = content_type


def error_response(error: StoreError) -> Response:
    """The response that says it."""
    if error.body is None:
        response = Response(error.status)
    elif isinstance(error.body, str):
        html = error.body.startswith("<")
        response = Response.text(
            error.body, error.status, error.content_type or ("text/html" if html else "text/plain; charset=utf-8")
        )
    else:
        response = Response.of(error.body, error.status)
    if error.authenticate:
        response.headers["WWW-Authenticate"] = f'Bearer error="invalid_token", error_description="{error.authenticate}"'
    return response


def camel(code: Any, message: str, **data: Any) -> dict[str, Any]:
    """The plain style: code, message and, where there is any, data."""
    return {"code": code, "message": message, **({"data": data} if data else {})}


def invalid(parameter: str, reason: str, details: str) -> StoreError:
    """400: an invalid or missing parameter, with the three facts the documentation promises."""
    return StoreError(
        400,
        camel("BadRequest", "A parameter is not valid.", parameterName=parameter, reason=reason, details=details),
    )


def conflict(behavior: str, reason: str) -> StoreError:
    """409 with a reason, in the style that the last part of the behavior names."""
    return styled(409, "Conflict", "The request conflicts with the state of the product.", reason, behavior)


def styled(status: int, code: str, message: str, reason: str, behavior: str) -> StoreError:
    """A refusal in the style that the last part of the behavior names; any other name means the plain style."""
    bodies: dict[str, Any] = {
        "pascal": {"Code": status, "Message": message, "Data": [f"Reason: {reason}"], "Details": None},
        "nested": {"error": {"code": code, "message": message, "innerError": {"reason": reason}}},
        "text": f"{reason}\r\n",
        "html": f"<html><head><title>{status}</title></head><body><h1>{code}</h1><p>{reason}</p></body></html>",
        "empty": None,
    }
    return StoreError(status, bodies.get(behavior.rpartition("_")[2], camel(code, message, reason=reason)))
