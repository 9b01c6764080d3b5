# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control interface: JSON over the listener ``control``, never faulted, never logged."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .catalog import OWNED, SPECIALS, product, special
from .messages import Request, Response
from .routing import NoRoute, Router

if TYPE_CHECKING:
    from .server import Emulator


class Control:
    """What tests tell and ask the emulator."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._router: Router[Any] = Router()
        for method, template, handler in (
            ("GET", "/endpoints", lambda request: emulator.endpoints),
            ("GET", "/requests", self._requests),
            ("GET", "/stats", lambda request: emulator.log.stats()),
            ("POST", "/reset", lambda request: emulator.reset()),
            ("GET", "/faults", lambda request: emulator.faults.describe()),
            ("POST", "/faults", lambda request: {"id": emulator.faults.add(_object(request))}),
            ("DELETE", "/faults", lambda request: emulator.faults.remove()),
            ("DELETE", "/faults/{number}", lambda request, number: emulator.faults.remove(int(number))),
            ("POST", "/latency", self._latency),
            ("GET", "/settings", lambda request: emulator.settings.as_dict()),
            ("POST", "/settings", lambda request: emulator.settings.update(_object(request))),
            ("POST", "/reissue", lambda request: emulator.licenses.reissue(**_object(request))),
            ("POST", "/revoke", lambda request: emulator.revoke_tokens()),
            ("POST", "/tokens", lambda request: {"token": emulator.make_token(**_object(request))}),
            ("POST", "/refresh-tokens", lambda request: {"token": emulator.make_refresh_token(**_object(request))}),
            ("GET", "/products", self._products),
            ("GET", "/specials", self._specials),
        ):
            self._router.add(method, template, handler)

    def __call__(self, request: Request) -> Response:
        """Answer a request; what is wrong with it is said with status 400."""
        try:
            handler, parameters = self._router.find(request)
            return Response.of(handler(request, **parameters))
        except NoRoute as error:
            return Response.of({"error": str(error), "allowed": error.allowed}, 405 if error.allowed else 404)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            return Response.of({"error": f"{type(error).__name__}: {error}"}, 400)

    def _requests(self, request: Request) -> Any:
        entries = self._emulator.log.entries(
            request.first("listener"),
            request.first("path_contains"),
            request.first("method"),
            int(request.first("after") or 0),
        )
        if request.first("count"):
            return {"count": len(entries)}
        return [entry.as_dict() for entry in entries]

    def _latency(self, request: Request) -> None:
        values = _object(request)
        self._emulator.set_latency(float(values["ms"]), values.get("listener"))

    def _products(self, request: Request) -> Any:
        start, count = int(request.first("start") or 0), int(request.first("count") or 10)
        return [asdict(product(index)) for index in range(start, min(OWNED, start + count))]

    def _specials(self, request: Request) -> Any:
        return {name: {**asdict(special(name)), "meaning": meaning} for name, meaning in SPECIALS.items()}


def _object(request: Request) -> dict[str, Any]:
    value = json.loads(request.body or b"{}")
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")
    return value
