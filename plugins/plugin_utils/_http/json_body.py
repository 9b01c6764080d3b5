# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Reads JSON objects from the bodies of responses."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ServiceError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response

# Offers have about eight levels.
_MAX_DEPTH = 64
_PROXY_REMEDY = "Check base_url, and whether a proxy or a sign-in page answers in the service's place"


def lower_keys(value: t.Any) -> dict[str, t.Any]:
    """Return a JSON object with its keys in lower case (services are not strict about case), or an empty one."""
    return {str(key).lower(): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def json_object(response: Response, attempted: str) -> dict[str, t.Any]:
    """Parse a body as a JSON object. A byte-order mark before it is no problem.

    Raises ServiceError, which never holds the body, when the body is empty, no JSON, or JSON of another type.
    """
    value = _json(response, attempted)
    if not isinstance(value, dict):
        raise _unusable(response, attempted, "with JSON that is not an object")
    return value


def json_list(response: Response, attempted: str) -> list[t.Any]:
    """Parse a body as a JSON list. Raises ServiceError as json_object does."""
    value = _json(response, attempted)
    if not isinstance(value, list):
        raise _unusable(response, attempted, "with JSON that is not a list")
    return value


def _json(response: Response, attempted: str) -> t.Any:
    if not response.body.strip():
        raise _unusable(response, attempted, "with an empty body")
    try:
        value = parse_json(response.body)
    except (ValueError, RecursionError):
        page = response.body.lstrip()[:1] == b"<"
        raise _unusable(response, attempted, "with a page instead of JSON" if page else "with broken JSON") from None
    if _too_deep(value):
        raise _unusable(response, attempted, "with JSON that is nested deeper than any response")
    return value


def is_from_service(response: Response, attempted: str) -> bool:
    """Return whether a response has a body, whatever it says; an empty one could be of any server.

    Raises ServiceError for a body that is no JSON object, such as the page of a proxy.
    """
    if not response.body.strip():
        return False
    json_object(response, attempted)
    return True


def parse_json(text: str | bytes) -> t.Any:
    """Parse JSON strictly: NaN and Infinity are none. Raises ValueError or RecursionError."""
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> t.NoReturn:
    raise ValueError(f"{name} is not JSON")


def _too_deep(value: t.Any) -> bool:
    """Return whether passing a value on could fail: to the run cache, to another process, to a template."""
    level = [value]
    for _depth in range(_MAX_DEPTH):
        level = [item for item in level if isinstance(item, (dict, list))]
        level = [below for item in level for below in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return False
    return True


def _unusable(response: Response, attempted: str, how: str) -> ServiceError:
    cause = f"{response.request} answered HTTP {response.status} {how}"
    return ServiceError(attempted, cause, _PROXY_REMEDY, status=response.status)
