# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The family name of a package, which its name and its publisher make up."""

from __future__ import annotations

import hashlib

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def publisher_id(publisher: str) -> str:
    """Return the 13 characters that stand for a publisher in package names.

    `publisher` is the text of the manifest's Identity, such as `CN=Contoso, O=Contoso, C=US`, to the letter. The id is
    the first 64 bits of the SHA-256 of its UTF-16LE form and a zero bit, in base 32. Measured on
    known publishers.
    """
    digest = hashlib.sha256(publisher.encode("utf-16-le", "surrogatepass")).digest()
    bits = int.from_bytes(digest[:8], "big") << 1
    return "".join(_ALPHABET[bits >> shift & 31] for shift in range(60, -1, -5))


def family_name(name: str, publisher: str) -> str:
    """Return the package family name, `<name>_<publisher id>`, of an identity's name and publisher text."""
    return f"{name}_{publisher_id(publisher)}"


def same_family(one: str, other: str) -> bool:
    """Compare two package family names. Licenses have them in lower case."""
    return one.lower() == other.lower()
