# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths to handlers: fixed segments match in any casing, as the services take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from .messages import Request

#: What the handlers of a router return: a Response for services, anything that JSON can say for the control interface.
Result = TypeVar("Result")


class NoRoute(Exception):
    """No operation has this path (``allowed`` empty) or none has this method on it."""

    def __init__(self, allowed: list[str]) -> None:
        super().__init__("no such operation")
        self.allowed = allowed


class Router(Generic[Result]):
    """A table of (method, path template, handler); ``{name}`` stands for one non-empty segment."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, list[str], Callable[..., Result]]] = []

    def add(self, method: str, template: str, handler: Callable[..., Result]) -> None:
        """Route a method and template to ``handler(request, **parameters)``."""
        self._routes.append((method, template.split("/")[1:], handler))

    def find(self, request: Request) -> tuple[Callable[..., Result], dict[str, str]]:
        """The handler of a request and its decoded path parameters.

        Raises NoRoute.
        """
        allowed = []
        for method, template, handler in self._routes:
            parameters = _match(template, request.segments)
            if parameters is None:
                continue
            if method == request.method:
                return handler, parameters
            allowed.append(method)
        raise NoRoute(sorted(set(allowed)))


def _match(template: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    parameters = {}
    for expected, actual in zip(template, segments, strict=True):
        if expected.startswith("{"):
            if not actual:
                return None
            parameters[expected[1:-1]] = actual
        elif expected.lower() != actual.lower():
            return None
    return parameters
