# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the tables of codes in the guides from the tables in the code, or check that they are up to date.

Usage: code_tables.py [--check]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping

from results import BUILD, ROOT

sys.path.insert(0, str(BUILD / "collections"))

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts import dism_codes
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center import (
    catalog_meanings,
    meanings,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in import entra_errors

GUIDES = ROOT / "docs" / "docsite" / "rst"

Rows = Iterable[tuple[str, ...]]


def by_text(table: Mapping[str, str]) -> Rows:
    """Rows of codes and text; codes that mean the same share a row."""
    codes: dict[str, list[str]] = {}
    for code, text in table.items():
        codes.setdefault(text, []).append(code)
    for text, same in codes.items():
        yield ", ".join(same), text


def entra() -> Rows:
    """The AADSTS codes with what to do."""
    return by_text(entra_errors.REMEDIES)


def partner_center() -> Rows:
    """The codes of Partner Center with their meaning and what to do."""
    return by_text(
        {
            f"{status} {code}": f"{meaning[:1].upper()}{meaning[1:]}. {remedy}"
            for (status, code), (meaning, remedy) in meanings.MEANINGS.items()
        }
    )


def partner_catalog() -> Rows:
    """The same of the catalog, beside those of Partner Center."""
    return by_text(
        {
            f"{status} {code}": f"{meaning[:1].upper()}{meaning[1:]}. {remedy}"
            for (status, code), (meaning, remedy) in catalog_meanings.MEANINGS.items()
        }
    )


def dism() -> Rows:
    """The codes of DISM with their meaning and what to do."""
    retries = {"busy": "Run again, within bounds", "once": "Run again once", "remount": "Remounted by the module"}
    for entry in dism_codes.TABLE:
        texts = [entry.meaning, *([retries[entry.retry]] if entry.retry else []), entry.remedy]
        yield entry.shown, ". ".join(f"{text[:1].upper()}{text[1:]}" for text in texts).replace("\\", "\\\\")


TABLES: dict[str, tuple[str, tuple[str, ...], Callable[[], Rows]]] = {
    "entra": ("guide_troubleshooting.rst", ("Code", "What to do"), entra),
    "dism": ("guide_provisioning.rst", ("Code", "Meaning, and what to do"), dism),
    "partner-center": ("guide_troubleshooting.rst", ("HTTP status, code", "Meaning, and what to do"), partner_center),
    "partner-catalog": ("guide_partner_center.rst", ("HTTP status, code", "Meaning, and what to do"), partner_catalog),
}


def table(head: tuple[str, ...], rows: Rows) -> str:
    """A table in reStructuredText."""
    lines = [".. csv-table::", f"   :header: {_row(head)}", "   :widths: 25 75", ""]
    return "\n".join((*lines, *(f"   {_row(row)}" for row in rows)))


def _row(cells: tuple[str, ...]) -> str:
    return ", ".join(f'"{cell}"' for cell in cells)


def filled(text: str, name: str, content: str) -> str:
    """The text of a guide with the table between its two marks."""
    start, end = f".. generated: {name}\n", f".. end of generated: {name}\n"
    before, rest = text.split(start)
    return f"{before}{start}\n{content}\n\n{end}{rest.split(end)[1]}"


def main() -> int:
    """Write the tables; with `--check`, the exit status says whether they are up to date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for name, (guide, head, rows) in TABLES.items():
        path = GUIDES / guide
        now = path.read_text(encoding="utf-8")
        new = filled(now, name, table(head, rows()))
        if new != now:
            stale.append(name)
            if not check:
                path.write_text(new, encoding="utf-8")
    if stale and check:
        print(f"run tests/tools/code_tables.py: {', '.join(stale)}", file=sys.stderr)
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
