# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The change that makes of an image what a task wants: files to add, and files and directories to remove."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._image import setup_complete
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.prepared import (
    FOLDER,
    RECORD,
    SETUP_COMPLETE,
    ImageState,
    WantedApps,
    file_name,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.record import Record, dump_record
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.scripts_tree import Source
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.setup_script import (
    SCRIPT_NAME,
    script_for,
)

_SCRIPT = f"{FOLDER}/{SCRIPT_NAME}"
_APPS = f"{FOLDER}/apps"
_SLOT = re.compile(rf"{_APPS}/[0-9]{{3,6}}")
_IN_SLOT = re.compile(rf"{_APPS}/[0-9]{{3,6}}/[a-z0-9._-]+")


@dataclass(frozen=True)
class Change:
    """What is to be written, in order."""

    added: Mapping[str, Source]
    """By the name in the directory of scripts."""
    removed: tuple[str, ...]
    """Names; one that begins with a slash counts from the root of the image. Done before anything is added."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be written."""
        return not self.added and not self.removed

    @property
    def added_bytes(self) -> int:
        """How many bytes the added files have."""
        return sum(source.size for source in self.added.values())


def plan_change(state: ImageState, wanted: WantedApps, params: Mapping[str, t.Any]) -> Change:
    """Compare the image with what is wanted. Raises ImageError for a SetupComplete.cmd that cannot be changed."""
    place = f"{setup_complete.NAME} in {state.tree.place}"
    hooked = bool(wanted.apps) and params["hook"] == "setup_complete"
    before = state.setup_complete
    after = setup_complete.with_block(before, place) if hooked else _unhooked(state, place)
    record = Record(
        wanted.apps,
        created_setup_complete=hooked and (before is None or _was_created(state)),
        created_directory=state.record.created_directory
        or (state.tree.missing_parent() if state.entries is None else ""),
    )
    generated: dict[str, Source] = {}
    if wanted.apps:
        generated[_SCRIPT] = Source.of_bytes(script_for(wanted.apps, params["on_error"], params["cleanup"]))
        generated[RECORD] = Source.of_bytes(dump_record(record))
    if after is not None:
        generated[SETUP_COMPLETE] = Source.of_bytes(after)
    kept = {file_name(app, file) for app in wanted.apps for file in app.files} | set(generated)
    removed = _removed(state, kept)
    # Files first, the hook last: what a killed run leaves of plain files is never run half.
    sources = {**wanted.sources, **generated}
    added = {
        _spelled(state, name): source
        for name, source in sources.items()
        if _is_below(name, removed)
        or not state.has(name, source.size, source.sha1)
        or (params["force"] and name in wanted.sources)
    }
    if not wanted.apps and not added:
        removed = _with_directories(state, record, removed)
    return Change(added, tuple(removed))


def _was_created(state: ImageState) -> bool:
    return state.record.created_setup_complete


def _unhooked(state: ImageState, place: str) -> bytes | None:
    """Return SetupComplete.cmd without our block, `None` when it is not to exist."""
    if state.setup_complete is None:
        return None
    if b"msdevices.provisioning" not in state.setup_complete.lower():
        return state.setup_complete
    rest = setup_complete.without_block(state.setup_complete, place)
    return None if not rest and _was_created(state) else rest


def _spelled(state: ImageState, name: str) -> str:
    """Return a name as it is spelled in the image, or as Windows spells it."""
    entry = (state.entries or {}).get(name)
    if entry is not None:
        return entry.spelled
    return setup_complete.NAME if name == SETUP_COMPLETE else name


def _is_below(name: str, removed: t.Iterable[str]) -> bool:
    return any(name == one or name.startswith(f"{one}/") for one in removed)


def _removed(state: ImageState, kept: t.Collection[str]) -> list[str]:
    """Return what of ours is not to be there any more; what is not ours stays."""
    entries = state.entries or {}
    removed: list[str] = []
    if SETUP_COMPLETE in entries and SETUP_COMPLETE not in kept:
        removed.append(SETUP_COMPLETE)
    if _SCRIPT in entries and _SCRIPT not in kept:
        removed.append(_SCRIPT)
    for name, entry in entries.items():
        if _SLOT.fullmatch(name) and not any(_is_below(other, [name]) for other in kept):
            removed.append(name)
        elif name in kept:
            # A file cannot be put where a directory is.
            removed += [name] if entry.is_directory else []
        elif _IN_SLOT.fullmatch(name):
            # Such as the marker of a first boot, when the image was captured after one.
            removed.append(name)
    if RECORD in entries and RECORD not in kept:
        removed.append(RECORD)
    for directory in (_APPS, FOLDER):
        below = [other for other in entries if other.startswith(f"{directory}/")]
        ours = all(_is_below(other, removed) for other in below)
        if directory in entries and ours and not any(_is_below(other, [directory]) for other in kept):
            removed = [*(one for one in removed if not _is_below(one, [directory])), directory]
    return removed


def _with_directories(state: ImageState, record: Record, removed: list[str]) -> list[str]:
    """Add the directories above that were made for ours, where nothing else is in them."""
    parts = state.tree.parts
    created = tuple(record.created_directory.strip("/").split("/"))
    others = [name for name in state.entries or {} if not _is_below(name, removed)]
    if others or not removed or not record.created_directory or created != parts[: len(created)]:
        return removed
    depth = len(parts)
    while depth > len(created) and state.tree.is_empty_but("/" + "/".join(parts[: depth - 1]), parts[depth - 1]):
        depth -= 1
    return ["/" + "/".join(parts[:depth])]
