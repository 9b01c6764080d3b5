# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Stages files in a directory, whatever they are: looks, writes what is to be written, prunes, keeps the manifest.

What licenses and packages add is the decision: which names, what counts as staged, what is written (licenses.py).
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import StagingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import MANIFEST_NAME
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.directory import (
    Directory,
    FoundFile,
    MissingDirectoryError,
    Problem,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import (
    MAX_BYTES,
    Manifest,
    dump_manifest,
    kind_of,
    load_manifest,
)

if t.TYPE_CHECKING:
    from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.directory import Content
    from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import Entry, EntryCheck


class Stager:
    """One attempt to bring a directory into a state: `look`, then `keep`, `put` and `prune`, then `commit`.

    Nothing is written before `commit`, and nothing at all unless it is called.
    """

    def __init__(self, directory: Directory, kind: str, check_entry: EntryCheck, check_mode: bool) -> None:
        """Take the directory, the kind of entry that is the caller's own, and what validates such entries."""
        self._directory = directory
        self._kind = kind
        self._check_entry = check_entry
        self._check_mode = check_mode
        self._manifest_bytes: bytes | None = None
        self._contents: dict[str, Content] = {}
        self._before: dict[str, Entry | None] = {}
        self._obsolete: list[str] = []
        self.found: dict[str, FoundFile] = {}
        self.manifest = Manifest()
        self.warnings: list[str] = []
        self.problems: dict[str, Problem] = {}
        """What could not be written, by name. Filled by `commit`."""
        self.pruned: dict[str, Entry] = {}
        """What was removed, by name; in check mode, what would be."""

    def look(self, names: Iterable[str], checksums: bool = True) -> None:
        """Find out what lies in the places of these names, and read the manifest.

        A directory that does not exist counts as empty in check mode, since a task before may be about to create it.
        Raises StagingError.
        """
        try:
            self.found = self._directory.list([MANIFEST_NAME, *names], checksums)
        except MissingDirectoryError:
            if not self._check_mode:
                raise
            return
        there = self.found.get(MANIFEST_NAME)
        if there is None:
            return
        path = self._directory.path(MANIFEST_NAME)
        problem = there.distrusted
        if not problem and there.blocked is None and there.size > MAX_BYTES:
            problem = "is larger than any manifest"
        if not problem and there.blocked is None:
            self._manifest_bytes = self._directory.read(MANIFEST_NAME, MAX_BYTES)
            self.manifest, problem = load_manifest(self._manifest_bytes, {self._kind: self._check_entry})
        if problem:
            self.warnings.append(f"Ignoring {path}: {problem}. It is written anew.")

    def look_again(self, names: Iterable[str], checksums: bool = True) -> None:
        """Find out about more names, such as those that only the manifest knew. Raises StagingError."""
        missing = [name for name in names if name not in self.found]
        if missing:
            try:
                self.found.update(self._directory.list(missing, checksums))
            except MissingDirectoryError:
                if not self._check_mode:
                    raise

    def recorded(self, name: str) -> Entry | None:
        """Return the manifest's entry of a file if it is of the caller's kind."""
        entries = self.manifest.of_kind(self._kind)
        known = self._recorded_name(name, entries)
        return None if known is None else entries[known]

    def keep(self, name: str, entry: Entry) -> bool:
        """Take a file as staged; return whether mode, owner or group have to be put right."""
        self._record(name, entry)
        found = self.found.get(name)
        if found is not None and found.attributes_differ and name not in self._contents:
            self._contents[name] = None
            return True
        return False

    def put(self, name: str, content: Content, entry: Entry) -> None:
        """Have a file written."""
        self._before[name] = self.recorded(name)
        self._record(name, entry)
        self._contents[name] = content

    def prune(self, wanted: Iterable[str]) -> None:
        """Have files removed that an earlier run staged and that are not among the wanted ones."""
        kept = {name.lower() for name in wanted}
        entries = self.manifest.of_kind(self._kind)
        obsolete = sorted(name for name in entries if name.lower() not in kept)
        self.look_again(obsolete)
        for name in obsolete:
            found, path = self.found.get(name), self._directory.path(name)
            if found is not None and found.is_file and found.blocked is not None:
                self.warnings.append(f"Could not prune {path}: it {found.blocked.cause}. {found.blocked.remedy}.")
            elif found is not None and not found.distrusted and found.sha256 == entries[name]["sha256"]:
                self._obsolete.append(name)
                self.pruned[name] = entries[name]
            else:
                del self.manifest.files[name]
                if found is not None:
                    self.warnings.append(
                        f"Not pruning {path}: it is not what was staged. It is no longer in the manifest."
                    )

    @property
    def has_work(self) -> bool:
        """Whether `commit` would write anything."""
        return bool(self._contents or self._obsolete or self._manifest_contents())

    def commit(self) -> StagingError | None:
        """Write, prune, and record it; in check mode do nothing. `problems` has the files that could not be written.

        Returns why the manifest could not be written, if so: the files are in place then.
        """
        data = self._manifest_changed()
        problem = self._manifest_problem() if data is not None else None
        if not self._check_mode:
            # The manifest goes with the files, since each transfer to a Windows host takes two module executions.
            manifest = self._manifest_contents() if problem is None else {}
            self._replace({**self._contents, **manifest})
            problem = self.problems.pop(MANIFEST_NAME, problem)
            self._remove()
            data = self._manifest_changed()
            if problem is None and data is not None:
                # Less came about than was meant.
                problem = self._directory.replace({MANIFEST_NAME: data}).get(MANIFEST_NAME)
        if problem is None:
            return None
        cause = f"{problem.cause}; the files themselves are in place"
        return StagingError(
            f"Could not write the manifest {self._directory.path(MANIFEST_NAME)}", cause, problem.remedy
        )

    def _replace(self, contents: dict[str, Content]) -> None:
        self.problems = self._directory.replace(contents) if contents else {}
        for name in self.problems.keys() & self._before.keys():
            self.manifest.files.pop(name, None)
            before = self._before[name]
            if before is not None:
                self.manifest.files[name] = before
        manifest = contents.get(MANIFEST_NAME)
        if isinstance(manifest, bytes) and MANIFEST_NAME not in self.problems:
            self._manifest_bytes = manifest
        if self.problems:
            # Where something failed, nothing is pruned.
            self.pruned, self._obsolete = {}, []

    def _remove(self) -> None:
        problems = self._directory.remove(self._obsolete) if self._obsolete else {}
        for name in self._obsolete:
            if name in problems:
                del self.pruned[name]
                cause, remedy = problems[name]
                self.warnings.append(f"Could not prune {self._directory.path(name)}: {cause}. {remedy}.")
            else:
                del self.manifest.files[name]

    def _manifest_changed(self) -> bytes | None:
        """Return what the manifest is to be if it is something else now."""
        data = dump_manifest(self.manifest)
        if data == self._manifest_bytes or (self.manifest == Manifest() and MANIFEST_NAME not in self.found):
            return None
        return data

    def _manifest_contents(self) -> dict[str, Content]:
        """Return the manifest if it is to be written, or only to get mode, owner and group."""
        data, there = self._manifest_changed(), self.found.get(MANIFEST_NAME)
        if data is None and (there is None or not there.attributes_differ):
            return {}
        return {MANIFEST_NAME: data}

    def _manifest_problem(self) -> Problem | None:
        there = self.found.get(MANIFEST_NAME)
        return None if there is None or there.blocked is None else there.blocked

    def _record(self, name: str, entry: Entry) -> None:
        known = self._recorded_name(name, self.manifest.files)
        before = {} if known is None else self.manifest.files.pop(known)
        if known is not None and kind_of(before) == self._kind and before["sha256"] == entry["sha256"]:
            # The same file in another spelling keeps its name; keys of a newer version are kept.
            self.manifest.files[known] = {**before, **entry}
        else:
            self.manifest.files[name] = {"kind": self._kind, **entry}

    def _recorded_name(self, name: str, entries: t.Mapping[str, t.Any]) -> str | None:
        if name in entries or not self._directory.ignores_case:
            return name if name in entries else None
        return next((known for known in entries if known.lower() == name.lower()), None)
