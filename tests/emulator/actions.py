# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fault rules can do, in one table. Sizes are bytes, times are seconds unless a name says otherwise."""

from __future__ import annotations

import functools
import gzip
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Protocol

from .catalog import BEHAVIORS, CATALOG_BEHAVIORS, LICENSING_BEHAVIORS, PACKAGE_BEHAVIORS
from .entra_errors import ERRORS
from .messages import BOM, HTML, JSON, Delivery, Request, Response
from .partner import BEHAVIORS as PARTNER_BEHAVIORS
from .partner_faults import MFA_REQUIRED
from .partner_prices import BEHAVIORS as PRICE_BEHAVIORS

GIB = 1024**3
_BLOCK = b"A" * 65536
#: How answers begin that are not those of the Store for Business.
_STARTS = {
    "licensing": b'{"license":{"keys":[{"value":"',
    "catalog": b'{"Product":{"ProductId":"',
    "delivery": b'{"ContentId":{"Namespace":"',
    "cdn": b"PK",
    "entra": b'{"token_type":"Bearer","access_token":"',
}


class World(Protocol):
    """What actions may use of the emulator."""

    urls: dict[str, str]

    def wait(self, seconds: float) -> None:
        """Pause; a reset ends the pause early."""

    def revoke_tokens(self) -> None:
        """Refuse every access token issued so far."""


Arguments = dict[str, Any]


@dataclass(frozen=True)
class Action:
    """One kind of fault.

    ``kind`` says when ``run`` is called: ``effect`` before the application (which it influences), ``answer`` instead
    of the application, ``change`` on the application's response. ``defaults`` are its arguments.
    """

    kind: str
    run: Callable[..., Any]
    defaults: Arguments


def _effect(name: str) -> Callable[[Request, Arguments, World], None]:
    """An action that tells the application something: the argument ``value`` under this name."""

    def run(request: Request, arguments: Arguments, world: World) -> None:
        request.effects[name] = arguments["value"]

    return run


def _latency(request: Request, arguments: Arguments, world: World) -> None:
    world.wait(arguments["ms"] / 1000)


def _revoke(request: Request, arguments: Arguments, world: World) -> None:
    world.revoke_tokens()


def _status(request: Request, arguments: Arguments, world: World) -> Response:
    body, headers = arguments["body"], dict(arguments["headers"])
    content_type = arguments["content_type"]
    if body is None:
        content = b""
    elif isinstance(body, str):
        content = body.encode("utf-8")
        content_type = content_type or (HTML if body.lstrip().startswith("<") else "text/plain; charset=utf-8")
    else:
        content = json.dumps(body).encode("utf-8")
        content_type = content_type or JSON
    if content_type:
        headers.setdefault("Content-Type", content_type)
    if arguments["bom"]:
        content = BOM + content
    if arguments["retry_after"] is not None:
        headers["Retry-After"] = str(arguments["retry_after"])
    if arguments["retry_after_date"] is not None:
        headers["Retry-After"] = formatdate(request.now() + arguments["retry_after_date"], usegmt=True)
    return Response(arguments["status"], content, headers, arguments["reason"])


def _html(request: Request, arguments: Arguments, world: World) -> Response:
    page = (
        "<!DOCTYPE html><html><head><title>Web filter</title></head><body><h1>Blocked</h1>"
        "<p>Your organization&#39;s proxy did not let this request pass.</p></body></html>"
    )
    return Response.text(page, arguments["status"])


def _gateway_throttle(request: Request, arguments: Arguments, world: World) -> Response:
    seconds = arguments["seconds"]
    message = f"The limit of calls is exceeded. A retry may succeed in {seconds} seconds."
    return Response.of({"statusCode": 429, "message": message}, 429, headers={"Retry-After": str(seconds)})


def _mfa_required(request: Request, arguments: Arguments, world: World) -> Response:
    return MFA_REQUIRED.response()


def _redirect(request: Request, arguments: Arguments, world: World) -> Response:
    """``to`` is a listener's name or a URL; the path of the request is kept unless told otherwise."""
    target = str(world.urls.get(arguments["to"], arguments["to"]))
    if arguments["keep_path"]:
        target += request.path + (f"?{request.query_string}" if request.query_string else "")
    return Response(arguments["status"], headers={"Location": target})


def _not_an_object(request: Request, arguments: Arguments, world: World) -> Response:
    return Response.of(arguments["value"])


def _oversized(request: Request, arguments: Arguments, world: World) -> Response:
    """A body that begins like an answer and does not end before ``size``; ``size`` none: never."""
    size, start = arguments["size"], _STARTS.get(request.listener, b'{"licenseBlob":"')
    announced = None if arguments["chunked"] or size is None else size
    return Response(
        200, headers={"Content-Type": JSON}, delivery=Delivery(stream=_filler(start, size), stream_length=announced)
    )


def _filler(start: bytes, size: int | None) -> Iterator[bytes]:
    sent = len(start)
    yield start
    while size is None or sent < size:
        block = _BLOCK if size is None else _BLOCK[: size - sent]
        sent += len(block)
        yield block


def _gzip_bomb(request: Request, arguments: Arguments, world: World) -> Response:
    """A small body that unpacks to ``size`` bytes when it is unpacked ``layers`` times."""
    coding = ", ".join(["gzip"] * arguments["layers"])
    body = _bomb(arguments["size"], arguments["layers"])
    return Response(200, body, {"Content-Type": JSON, "Content-Encoding": coding})


@functools.lru_cache(maxsize=4)
def _bomb(size: int, layers: int) -> bytes:
    """One compressed member, repeated, and packed again. To make it takes longer than some callers wait."""
    packed = io.BytesIO()
    member_size = 16 * 1024 * 1024
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0) as member:
        for _block in range(member_size // len(_BLOCK)):
            member.write(b" " * len(_BLOCK))
    body = packed.getvalue() * max(1, size // member_size)
    for _layer in range(layers - 1):
        body = gzip.compress(body, mtime=0)
    return body


def _reset(request: Request, arguments: Arguments, world: World) -> Response:
    return Response(delivery=Delivery(reset_before=True))


def _change_delivery(make: Callable[[Arguments], Delivery]) -> Callable[[Request, Response, Arguments], None]:
    def run(request: Request, response: Response, arguments: Arguments) -> None:
        response.delivery = make(arguments)

    return run


def _truncate(request: Request, response: Response, arguments: Arguments) -> None:
    """Cut the body; the length that is announced fits, so only the JSON is broken."""
    response.body = response.body[: int(len(response.body) * arguments["keep"])]


def _content_type(request: Request, response: Response, arguments: Arguments) -> None:
    response.headers["Content-Type"] = arguments["value"]


def _headers(request: Request, response: Response, arguments: Arguments) -> None:
    for name, value in arguments["headers"].items():
        response.headers = {key: old for key, old in response.headers.items() if key.lower() != name.lower()}
        if value is not None:
            response.headers[name] = value


def _prefix_bom(request: Request, arguments: Arguments, world: World) -> None:
    request.effects["bom"] = bool(arguments["on"])


_STATUS: Arguments = {
    "status": 500,
    "reason": None,
    "headers": {},
    "body": None,
    "content_type": None,
    "bom": False,
    "retry_after": None,
    "retry_after_date": None,
}

ACTIONS: dict[str, Action] = {
    # Before the application.
    "latency": Action("effect", _latency, {"ms": 100}),
    "clock_skew": Action("effect", _effect("clock_skew"), {"value": 600}),
    "bom": Action("effect", _prefix_bom, {"on": True}),
    "revoke_tokens": Action("effect", _revoke, {}),
    "token_lifetime": Action("effect", _effect("token_lifetime"), {"value": 60}),
    "expired_token": Action("effect", _effect("expired_token"), {"value": 60}),
    "wrong_tenant_token": Action("effect", _effect("wrong_tenant_token"), {"value": True}),
    "wrong_audience_token": Action("effect", _effect("wrong_audience_token"), {"value": "https://graph.microsoft.com"}),
    "refresh_single_use": Action("effect", _effect("refresh_single_use"), {"value": True}),
    "discovery_issuer": Action(
        "effect",
        _effect("issuer"),
        {"value": "https://login.stranger.example/00000000-0000-0000-0000-000000000000/v2.0"},
    ),
    "discovery_token_endpoint": Action("effect", _effect("token_endpoint"), {"value": "stranger"}),
    "entra_error": Action("effect", _effect("entra_error"), {"value": 7000215}),
    "license_behavior": Action("effect", _effect("license_behavior"), {"value": "wrong_license"}),
    "catalog_behavior": Action("effect", _effect("catalog_behavior"), {"value": "catalog_unknown"}),
    "partner_behavior": Action("effect", _effect("partner_behavior"), {"value": "unknown"}),
    "delivery_behavior": Action("effect", _effect("delivery_behavior"), {"value": "other_name"}),
    "url_lifetime": Action("effect", _effect("url_lifetime"), {"value": 0}),
    "ignore_range": Action("effect", _effect("ignore_range"), {"value": True}),
    "wrong_range": Action("effect", _effect("wrong_range"), {"value": True}),
    "wrong_bytes": Action("effect", _effect("wrong_bytes"), {"value": True}),
    "price_behavior": Action("effect", _effect("price_behavior"), {"value": "no_access"}),
    # Instead of the application.
    "status": Action("answer", _status, _STATUS),
    "unauthorized": Action("answer", _status, {**_STATUS, "status": 401, "headers": {"WWW-Authenticate": "Bearer"}}),
    "html": Action("answer", _html, {"status": 200}),
    "not_an_object": Action("answer", _not_an_object, {"value": ["no", "object"]}),
    "redirect": Action("answer", _redirect, {"to": "stranger", "status": 302, "keep_path": True}),
    "reset": Action("answer", _reset, {}),
    "oversized": Action("answer", _oversized, {"size": 3 * GIB, "chunked": False}),
    "gzip_bomb": Action("answer", _gzip_bomb, {"size": 3 * GIB, "layers": 1}),
    "gateway_throttle": Action("answer", _gateway_throttle, {"seconds": 57}),
    "mfa_required": Action("answer", _mfa_required, {}),
    # On the application's response.
    "reset_in_body": Action(
        "change", _change_delivery(lambda a: Delivery(stop_after=a["after_bytes"])), {"after_bytes": 100}
    ),
    "close_in_body": Action(
        "change",
        _change_delivery(lambda a: Delivery(stop_after=a["after_bytes"], stop_with="close")),
        {"after_bytes": 100},
    ),
    "reset_after": Action("change", _change_delivery(lambda a: Delivery(stop_after=sys.maxsize)), {}),
    "stall_headers": Action(
        "change", _change_delivery(lambda a: Delivery(stall_headers=a["seconds"])), {"seconds": 60}
    ),
    "stall_body": Action("change", _change_delivery(lambda a: Delivery(stall_body=a["seconds"])), {"seconds": 60}),
    "drip": Action(
        "change",
        _change_delivery(lambda a: Delivery(drip_interval=a["seconds"], drip_size=a["bytes"])),
        {"seconds": 0.5, "bytes": 16},
    ),
    "truncate": Action("change", _truncate, {"keep": 0.5}),
    "content_type": Action("change", _content_type, {"value": "text/plain"}),
    "headers": Action("change", _headers, {"headers": {}}),
}

#: What the argument ``value`` of an action may be, where not everything makes sense.
_VALUES: dict[str, Mapping[Any, Any]] = {
    "entra_error": ERRORS,
    "license_behavior": {**BEHAVIORS, **LICENSING_BEHAVIORS},
    "catalog_behavior": CATALOG_BEHAVIORS,
    "partner_behavior": PARTNER_BEHAVIORS,
    "delivery_behavior": PACKAGE_BEHAVIORS,
    "price_behavior": PRICE_BEHAVIORS,
}


def check_arguments(name: str, arguments: Arguments) -> Arguments:
    """The arguments of an action, completed with its defaults.

    Raises ValueError for an unknown action, argument, AADSTS code or behavior.
    """
    action = ACTIONS.get(name)
    if action is None:
        raise ValueError(f"unknown action {name!r}; there are {', '.join(sorted(ACTIONS))}")
    unknown = set(arguments) - set(action.defaults)
    if unknown:
        raise ValueError(
            f"action {name} has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(action.defaults)) or 'none'}"
        )
    complete = {**action.defaults, **arguments}
    if name in _VALUES and complete["value"] not in _VALUES[name]:
        kind = "AADSTS code" if name == "entra_error" else "behavior"
        raise ValueError(f"unknown {kind} {complete['value']!r}; there are {', '.join(map(str, _VALUES[name]))}")
    return complete
