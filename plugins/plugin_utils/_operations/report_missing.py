# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Says which of the things that a task named do not exist, as its option `on_missing` wants it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import NotFoundError


def report_missing(
    missing: Mapping[str, str],
    on_missing: str,
    words: tuple[str, str, str],
    remedy: str,
    warn: Callable[[str], None],
) -> None:
    """Raise NotFoundError for all missing ids, warn of them, or do nothing (`error`, `warn`, `ignore`).

    `missing` has the ids and why each is missing; of several, the first reason stands for all. `words` are what each
    is (`offer`), where (`in US`), and who does not know it (`Partner Center`).
    """
    thing, where, service = words
    if not missing or on_missing == "ignore":
        return
    several = len(missing) > 1
    why = f"{'of the first: ' if several else ''}{next(iter(missing.values()))}"
    error = NotFoundError(
        f"Could not get {len(missing)} {thing}{'s' if several else ''} {where}",
        f"{service} does not know {', '.join(missing)}; {why}",
        f"{remedy}, or set on_missing to warn or ignore",
    )
    if on_missing == "error":
        raise error
    warn(str(error))
