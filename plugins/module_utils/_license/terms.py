# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Terms: licenses written as `product_id/sku_id/content_id`, as people type them into lists and lookups."""

from __future__ import annotations

_SKU_ID_LENGTH = 4
FORMS = "product_id/sku_id/content_id or product_id/content_id"
"""The forms of a complete term, for messages."""


def parse_term(term: str) -> dict[str, str]:
    """Return the ids that a term has, by name: `product_id`, and `sku_id` and `content_id` where it has them.

    Of two parts, the second is a SKU id when it has four characters. The ids themselves are not checked. Raises
    ValueError, with a clause, for a text that is no term. An empty part comes from an empty template variable.
    """
    parts = [part.strip() for part in term.split("/")]
    if not all(parts):
        raise ValueError("a part of it is empty")
    names: tuple[str, ...]
    if len(parts) == 1:
        names = ("product_id",)
    elif len(parts) == 2:
        names = ("product_id", "sku_id" if len(parts[1]) == _SKU_ID_LENGTH else "content_id")
    elif len(parts) == 3:
        names = ("product_id", "sku_id", "content_id")
    else:
        raise ValueError(f"it has {len(parts)} parts")
    return dict(zip(names, parts))
