# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What the layers ask of a cache, so that they need not know where it lives."""

from __future__ import annotations

import typing as t

Entry = dict[str, t.Any]


class Cache(t.Protocol):
    """Remembers JSON objects by key. An implementation makes sure that only one asker creates an entry at a time."""

    def find(self, key: str) -> Entry | None:
        """Return the entry of the key if there is one."""

    def get_or_create(
        self, key: str, create: t.Callable[[], Entry], usable: t.Callable[[Entry], bool] | None = None
    ) -> Entry:
        """Return the entry of the key if there is one and it is usable, else what create returns, and keep that.

        An exception of create is passed on, and nothing is kept.
        """


class NoCache:
    """Remembers nothing: every request is made."""

    def find(self, key: str) -> Entry | None:
        """Return nothing."""
        return None

    def get_or_create(
        self, key: str, create: t.Callable[[], Entry], usable: t.Callable[[Entry], bool] | None = None
    ) -> Entry:
        """Return what create returns."""
        return create()


class MemoryCache:
    """Keeps entries as long as it exists itself, for one thread."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def find(self, key: str) -> Entry | None:
        """See Cache."""
        return self._entries.get(key)

    def get_or_create(
        self, key: str, create: t.Callable[[], Entry], usable: t.Callable[[Entry], bool] | None = None
    ) -> Entry:
        """See Cache."""
        entry = self._entries.get(key)
        if entry is None or (usable is not None and not usable(entry)):
            entry = self._entries[key] = create()
        return entry
