# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What a WIM file says of itself: its header and its XML, which are never compressed."""

from __future__ import annotations

import struct
import typing as t
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ImageError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.module_utils._xml import Element, XmlError, read_elements

_MAGIC = b"MSWIM\x00\x00\x00"
# Magic, header size, version, flags, chunk size, GUID, part number, total parts, images; then resources of 24 bytes.
_HEADER = struct.Struct("<8sIIII16sHHI")
_RESOURCE = struct.Struct("<QQQ")
_XML_RESOURCE = _HEADER.size + _RESOURCE.size
_SOLID_VERSION = 0xE00
_READ_ONLY = 0x4
_MAX_XML = 16 * 1024 * 1024
_ARCHITECTURES = {"0": "x86", "5": "arm", "9": "x64", "12": "arm64"}


@dataclass(frozen=True)
class ImageFacts:
    """What is known of a Windows image before it runs."""

    index: int
    """In the WIM file, from 1; 0 for an image that lies in a directory."""
    name: str
    architecture: str
    """`x64`, `x86`, `arm64` or `arm`; empty when it is not known."""
    version: tuple[int, int, int]
    """Of Windows, such as (10, 0, 26100); zeros when it is not known."""


@dataclass(frozen=True)
class WimHeader:
    """What the header of a WIM file and its XML say."""

    path: str
    is_solid: bool
    """Whether it is in the format of ESD files, many of which cannot be serviced."""
    parts: int
    """Of how many files it is one."""
    is_read_only: bool
    blob_table_size: int
    """In bytes, 50 for each different content in it."""
    images: tuple[ImageFacts, ...]

    def select(self, index: int | None, name: str | None) -> ImageFacts:
        """Return the image of this index or name; names are compared to the letter. Raises ImageError."""
        found = [image for image in self.images if (image.index == index if name is None else image.name == name)]
        if len(found) == 1:
            return found[0]
        wanted = f"no image has the index {index}" if name is None else f"no image has the name {printable(name, 60)!r}"
        if found:
            wanted = f"{len(found)} images have the name {printable(name or '', 60)!r}"
        listed = ", ".join(f"{image.index} ({printable(image.name, 60)})" for image in self.images[:20])
        raise ImageError(f"Could not use the image file {self.path}", wanted, f"It holds: {listed or 'no image'}")


def read_header(path: str) -> WimHeader:
    """Read header and XML of a WIM file. Raises ImageError when it is none."""
    attempted = f"Could not read the image file {path}"
    try:
        with open(path, "rb") as file:
            data = file.read(208)
            if len(data) < 208 or data[:8] != _MAGIC:
                raise ImageError(attempted, "it is no WIM file", "Set image_file to a WIM file, such as install.wim")
            _magic, _size, version, flags, _chunk, _guid, _part, parts, _count = _HEADER.unpack_from(data)
            blob_table_size = _RESOURCE.unpack_from(data, _HEADER.size)[2]
            size, offset, _original = _RESOURCE.unpack_from(data, _XML_RESOURCE)
            size &= (1 << 56) - 1
            if size > _MAX_XML:
                raise ImageError(attempted, "its XML is larger than in any WIM file", "Fetch it again")
            file.seek(offset)
            xml = file.read(size)
    except (OSError, OverflowError) as exc:
        cause = getattr(exc, "strerror", None) or "it is damaged"
        raise ImageError(attempted, cause, "Check image_file, its permissions, and become") from None
    try:
        images = _images(read_elements(xml, "WIM")) if xml else ()
    except XmlError as exc:
        raise ImageError(attempted, f"its XML cannot be used, for {exc}", "Fetch it again") from None
    return WimHeader(path, version == _SOLID_VERSION, parts, bool(flags & _READ_ONLY), blob_table_size, images)


def _images(elements: t.Iterable[Element]) -> tuple[ImageFacts, ...]:
    found: list[dict[str, str]] = []
    for element in elements:
        if element.path == ("wim", "image"):
            found.append({"index": element.attributes.get("index", "")})
        elif len(element.path) > 2 and found:
            found[-1].setdefault("/".join(element.path[2:]), element.text.strip())
    return tuple(
        ImageFacts(
            index=_number(facts["index"]),
            name=facts.get("name", ""),
            architecture=_ARCHITECTURES.get(facts.get("windows/arch", ""), ""),
            version=(
                _number(facts.get("windows/version/major")),
                _number(facts.get("windows/version/minor")),
                _number(facts.get("windows/version/build")),
            ),
        )
        for facts in found
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0
