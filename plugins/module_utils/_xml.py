# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""XML that may be hostile, as a list of elements. A DOCTYPE is refused, so nothing can be expanded; all is bounded."""

from __future__ import annotations

from dataclasses import dataclass
from xml.parsers import expat

from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable

_MAX_DEPTH = 64
_MAX_ELEMENTS = 100_000
_MAX_TEXT = 8192


class XmlError(Exception):
    """XML is not what it has to be; the text says why, in a part of a sentence."""


@dataclass
class Element:
    """An element with its attributes and the text directly in it."""

    path: tuple[str, ...]
    """Local names from the root on, in lower case."""
    attributes: dict[str, str]
    """By local name in lower case."""
    text: str = ""


def read_elements(data: bytes, root: str) -> list[Element]:
    """Return the elements of an XML document, in its order.

    Raises XmlError unless it is well-formed, without DOCTYPE, and its root has this local name (any case).
    """
    reader = _Reader()
    try:
        reader.read(data)
    except expat.ExpatError as exc:
        reason = expat.errors.messages.get(exc.code, "malformed")
        raise XmlError(f"it is no well-formed XML ({reason}, line {exc.lineno})") from None
    except (LookupError, ValueError):
        # An XML declaration may name an encoding that does not exist.
        raise XmlError("its text encoding is unknown") from None
    found = reader.elements[0].path[0]
    if found != root.lower():
        raise XmlError(f"its root element is {printable(found, 60)}, not {root}")
    return reader.elements


class _Reader:
    """Collects the elements while expat walks through the document."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, data: bytes) -> None:
        self._parser.Parse(data, True)

    def _doctype(self, *declaration: object) -> None:
        raise XmlError("it has a DOCTYPE, which is refused")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _MAX_DEPTH or len(self.elements) >= _MAX_ELEMENTS:
            raise XmlError("it has more elements, or deeper ones, than are read")
        local = {}
        for attribute, value in attributes.items():
            if len(value) > _MAX_TEXT:
                raise XmlError("it has a value that is longer than is read")
            local[attribute.rpartition(" ")[2].lower()] = value
        above = self._open[-1].path if self._open else ()
        element = Element((*above, name.rpartition(" ")[2].lower()), local)
        self.elements.append(element)
        self._open.append(element)

    def _characters(self, text: str) -> None:
        element = self._open[-1]
        if len(element.text) + len(text) <= _MAX_TEXT:
            element.text += text

    def _end(self, name: str) -> None:
        self._open.pop()
