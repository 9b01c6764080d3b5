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
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable

_ATTEMPT = "Could not use the option licenses"
_REMEDY = (
    "Write one license per line as product_id/sku_id/content_id or product_id/content_id, or a list in YAML or JSON;"
    " nothing was requested or written"
)
_TERM = re.compile(r"[^\s:,\[\]{}\"'/-][^\s:,\[\]{}\"'/]*(/[^\s:,\[\]{}\"'/]*)*")
_COMMENT = re.compile(r"(^|\s)#.*")
_SKU_ID_LENGTH = 4
# What a returned license has that says which one it is, and what it is.
_GIVEN = ("product_id", "sku_id", "content_id", "license_blob")


class _Loader(yaml.BaseLoader):
    """All scalars stay texts, so that nobody needs quotes for the SKU id 0015. Aliases are refused: with them, some
    hundred characters can stand for gigabytes."""

    def compose_node(self, parent: t.Any, index: t.Any) -> t.Any:
        """Compose a node that is no alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "an alias", self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)


def license_items(value: t.Any) -> t.Any:
    """Return the value of the option `licenses` with texts in it turned into dictionaries.

    A text is a list in YAML or JSON, or has licenses such as `9WZDNCRFJ3PS/0015/2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11`
    in its lines, with comments after `#`; the same terms may be the items of a list. A dictionary may also be a license
    as the module returns it. What is no text is returned as it is, for the specification to check. Raises OptionError.
    """
    if isinstance(value, str):
        value = _parse_text(value)
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list):
        return value
    items = [_parse_term(item, number) if isinstance(item, str) else item for number, item in enumerate(value, start=1)]
    for number, item in enumerate(items, start=1):
        _refuse_nested(item, number)
    return [_without_facts(item) for item in items]


def _refuse_nested(item: t.Any, number: int) -> None:
    """Refuse values of a license that are no scalars: to make texts of them can take any time and memory."""
    for name, value in item.items() if isinstance(item, Mapping) else ():
        if isinstance(value, (Mapping, list, tuple, set)):
            cause = f"{printable(str(name), 60)} of item {number} is a list or a dictionary, not a text"
            raise OptionError(_ATTEMPT, cause, _REMEDY)


def _without_facts(item: t.Any) -> t.Any:
    """Return what the module returned for a license as what it takes for one."""
    if isinstance(item, Mapping) and {"state", "error", "product_id"} <= item.keys():
        return {name: item[name] for name in _GIVEN if item.get(name)}
    # Older cores refuse a value that is null where there is a default.
    return {name: one for name, one in item.items() if one is not None} if isinstance(item, Mapping) else item


def _parse_text(text: str) -> list[t.Any]:
    lines = [_COMMENT.sub("", line).strip() for line in text.splitlines()]
    if not any(lines):
        # An answer that was forgotten must not prune everything.
        raise OptionError(_ATTEMPT, "it is an empty text", _REMEDY)
    terms = [term.strip() for line in lines for term in line.split(",") if term.strip()]
    if terms and all(_TERM.fullmatch(term) for term in terms):
        return list(terms)
    try:
        found = yaml.load(text, Loader=_Loader)
    except RecursionError:
        raise OptionError(_ATTEMPT, "the text is nested deeper than any list of licenses", _REMEDY) from None
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise OptionError(_ATTEMPT, f"the text is neither licenses line by line nor YAML{where}", _REMEDY) from None
    if isinstance(found, dict):
        return [found]
    if not isinstance(found, list):
        wrong = next(number for number, line in enumerate(lines, start=1) if line and not _is_terms(line))
        raise OptionError(_ATTEMPT, f"the text is no list of licenses (line {wrong})", _REMEDY)
    return found


def _is_terms(line: str) -> bool:
    return all(_TERM.fullmatch(term.strip()) for term in line.split(",") if term.strip())


def _parse_term(term: str, number: int) -> t.Any:
    """Return what a term names; whether the ids are good is checked where all ids are."""
    if term.lstrip().startswith("{"):
        return _parse_text(term)[0]
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
