# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Lists of licenses in the forms in which people can type them, such as the answer to a survey of an automation
controller, which can be a text or a list of texts but never a list of dictionaries."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

import yaml

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError

_ATTEMPT = "Could not use the option licenses"
_REMEDY = (
    "Write one license per line as product_id/sku_id/content_id or product_id/content_id, or a list in YAML or JSON;"
    " nothing was requested or written"
)
_TERM = re.compile(r"[^\s:,\[\]{}\"'/-][^\s:,\[\]{}\"'/]*(/[^\s:,\[\]{}\"'/]*)*")
_SKU_ID_LENGTH = 4


def license_items(value: t.Any) -> t.Any:
    """Return the value of the option C(licenses) with texts in it turned into dictionaries.

    A text is a list in YAML or JSON, or has a license in each line, such as
    C(9WZDNCRFJ3PS/0015/2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11); the same terms may be the items of a list. What is no
    text is returned as it is, for the specification to check. Raises OptionError.
    """
    if isinstance(value, str):
        value = _from_text(value)
    if isinstance(value, Mapping):
        return [value]
    if not isinstance(value, list):
        return value
    return [_from_term(item, number) if isinstance(item, str) else item for number, item in enumerate(value, start=1)]


def _from_text(text: str) -> list[t.Any]:
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        # An answer that was forgotten must not prune everything.
        raise OptionError(_ATTEMPT, "it is an empty text", _REMEDY)
    if all(_TERM.fullmatch(line) for line in lines):
        return list(lines)
    try:
        # All scalars stay texts, so that nobody needs quotes for the SKU id 0015.
        found = yaml.load(text, Loader=yaml.BaseLoader)
    except RecursionError:
        raise OptionError(_ATTEMPT, "the text is nested deeper than any list of licenses", _REMEDY) from None
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise OptionError(_ATTEMPT, f"the text is neither licenses line by line nor YAML{where}", _REMEDY) from None
    if isinstance(found, dict):
        return [found]
    if not isinstance(found, list):
        raise OptionError(_ATTEMPT, "the text is no list of licenses", _REMEDY)
    return found


def _from_term(term: str, number: int) -> t.Any:
    """Return what a term names; whether the ids are good is checked where all ids are."""
    if term.lstrip().startswith("{"):
        return _from_text(term)[0]
    parts = [part.strip() for part in term.split("/")]
    if len(parts) == 1:
        names: tuple[str, ...] = ("product_id",)
    elif len(parts) == 2:
        names = ("product_id", "sku_id" if len(parts[1]) == _SKU_ID_LENGTH else "content_id")
    elif len(parts) == 3:
        names = ("product_id", "sku_id", "content_id")
    else:
        raise OptionError(_ATTEMPT, f"item {number} has {len(parts)} parts", _REMEDY)
    return dict(zip(names, parts, strict=True))
