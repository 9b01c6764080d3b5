# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The full name of a package (its moniker) and its version."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import PackageError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable

ARCHITECTURES = ("neutral", "x86", "x64", "arm", "arm64", "x86a64")
_NAME = re.compile(r"[A-Za-z0-9.-]{1,255}")
_RESOURCE_ID = re.compile(r"~|[A-Za-z0-9.-]{0,255}")
_PUBLISHER_ID = re.compile(r"[A-Za-z0-9]{13}")
_PART = re.compile(r"[0-9]{1,5}")


class Version(t.NamedTuple):
    """A package's version. Versions compare as four integers, each of 16 bits."""

    major: int
    minor: int
    build: int
    revision: int

    def __str__(self) -> str:
        return ".".join(str(part) for part in self)


def parse_version(text: str) -> Version:
    """Return the version that `a.b.c.d` writes. Raises PackageError for anything else."""
    parts = text.strip().split(".")
    if len(parts) == 4 and all(_PART.fullmatch(part) and int(part) < 65536 for part in parts):
        return Version(*(int(part) for part in parts))
    raise PackageError(
        "Could not read a version", f"{printable(text, 40)!r} is not four numbers below 65536 with dots between them"
    )


@dataclass(frozen=True)
class Moniker:
    """A package full name: `<name>_<version>_<architecture>_<resource id>_<publisher id>`."""

    name: str
    """The name of the package's identity."""
    version: Version
    """Of a bundle the bundle's own, which is not comparable with that of the packages in it."""
    architecture: str
    """One of ARCHITECTURES; `neutral` for a bundle."""
    resource_id: str
    """`~` for a bundle, mostly empty for a package."""
    publisher_id: str

    def __str__(self) -> str:
        return f"{self.name}_{self.version}_{self.architecture}_{self.resource_id}_{self.publisher_id}"

    @property
    def is_bundle(self) -> bool:
        """Whether it is the name of a bundle."""
        return self.resource_id == "~"

    @property
    def family_name(self) -> str:
        """The package family name, `<name>_<publisher id>`."""
        return f"{self.name}_{self.publisher_id}"


def parse_full_name(text: str) -> Moniker:
    """Take a package full name apart. Raises PackageError when the text is none.

    Neither names nor publisher ids hold an underscore, so it is split from both ends.
    """
    attempted = f"Could not read the package full name {printable(text, 100)!r}"
    fields = text.strip().split("_", 3)
    if len(fields) < 4 or "_" not in fields[3]:
        raise PackageError(attempted, "it has not the form Name_Version_Architecture_ResourceId_PublisherId")
    name, version, architecture, rest = fields
    resource_id, _separator, publisher = rest.rpartition("_")
    if not _NAME.fullmatch(name):
        raise PackageError(attempted, "the name in it is not made of letters, digits, dots and hyphens")
    if architecture.lower() not in ARCHITECTURES:
        raise PackageError(attempted, f"its architecture is none of {', '.join(ARCHITECTURES)}")
    if not _RESOURCE_ID.fullmatch(resource_id):
        raise PackageError(attempted, "its resource id is not made of letters, digits, dots and hyphens")
    if not _PUBLISHER_ID.fullmatch(publisher):
        raise PackageError(attempted, "its publisher id is not made of 13 letters and digits")
    try:
        return Moniker(name, parse_version(version), architecture.lower(), resource_id, publisher)
    except PackageError as exc:
        raise PackageError(attempted, exc.cause) from None
