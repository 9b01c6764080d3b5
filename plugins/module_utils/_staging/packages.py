# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What staging of packages adds to the Stager: an app is a folder with main packages, and dependencies below.

Runs on POSIX hosts, and for Windows hosts on the controller. What goes in and out is JSON.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.stager import Stager

if t.TYPE_CHECKING:
    from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.directory import Directory, FoundFile

    Json = dict[str, t.Any]

KIND = "package"
"""The kind of entries in the manifest."""
FETCHED = "fetched"
UNCHANGED = "unchanged"
FAILED = "failed"
FACTS = ("product_id", "role", "name", "version", "architectures")
"""What the manifest says of a package beside its size and SHA-256. `role` is `main` or `dependency`."""
_PATTERNS = ("*.msix", "*.msixbundle", "*.appx", "*.appxbundle")
_FOLDERS = ("", "Dependencies/")
_CHUNK = 1024 * 1024


class PackageStaging:
    """Looks at the apps in a directory, or places files there; an object is for one of both."""

    def __init__(self, directory: Directory, check_mode: bool, sources_are_own: bool) -> None:
        """Take the directory, whether nothing is to be written, and whether sources are files that were transferred
        for this purpose: they are checked and moved, not just read."""
        self._directory = directory
        self._check_mode = check_mode
        self._sources_are_own = sources_are_own
        self._stager = Stager(directory, KIND, _is_entry, check_mode)
        self._uses: dict[str, int] = {}
        self._before: dict[str, Json | None] = {}
        self._repaired = False

    def look(self, selections: Mapping[str, str]) -> Json:
        """Return what is there of some apps: for each whether it is whole and what `place` was told of it, and all
        files with their checksums. `selections` has the wishes by product id. `others` says whether there are other
        apps. Raises StagingError."""
        self._stager.look([])
        entries = self._stager.manifest.of_kind(KIND)
        names: list[str] = []
        for product_id in selections:
            known = [name for name, entry in entries.items() if entry["product_id"] == product_id]
            # Without a manifest that knows it, what lies there may be what is wanted.
            names += known or [f"{product_id}/{folder}{pattern}" for folder in _FOLDERS for pattern in _PATTERNS]
        self._stager.look_again(names)
        return {
            "apps": {product_id: self._app(product_id, wish) for product_id, wish in selections.items()},
            "files": {name: one.sha256 for name, one in self._stager.found.items() if _is_good(one) and "/" in name},
            "warnings": [*self._stager.warnings, *self._directory.warnings],
            "others": any(entry["product_id"] not in selections for entry in entries.values()),
        }

    def place(self, apps: Sequence[Json], prune: bool) -> Json:
        """Bring apps into place: their files, nothing else that an earlier run staged for them, and with `prune`
        nothing that it staged for other apps.

        An app is a dict of `product_id`, `record` (kept in the manifest), `error` (why nothing is to be done about it,
        or empty), and `files`: dicts of `filename`, `sha256`, `size`, FACTS, and `source`, a path or nothing. Raises
        StagingError when the directory cannot be used.
        """
        wanted = {f"{app['product_id']}/{file['filename']}": file for app in apps for file in app["files"]}
        self._stager.look(wanted)
        self._before = {name: self._stager.recorded(name) for name in wanted}
        for file in wanted.values():
            self._uses[file.get("source") or ""] = self._uses.get(file.get("source") or "", 0) + 1
        states: dict[str, str] = {}
        errors: dict[str, str] = {}
        for app in apps:
            self._place_app(app, states, errors)
        # Where an app failed, what it has had under another id may still be wanted.
        self._prune(apps, wanted, bool(errors), prune and not any(app.get("error") for app in apps))
        error = self._stager.commit()
        for name, problem in self._stager.problems.items():
            states[name] = FAILED
            errors[name] = f"Could not place {self._directory.path(name)}: {problem.cause}. {problem.remedy}."
        return {
            "changed": FETCHED in states.values() or bool(self._stager.pruned) or self._repaired,
            "files": {
                name: {"path": self._directory.path(name), "state": state, "error": errors.get(name)}
                for name, state in states.items()
            },
            "pruned": [self._directory.path(name) for name in self._stager.pruned],
            "diff": self._diff(wanted, states),
            "warnings": [*self._stager.warnings, *self._directory.warnings],
            "error": str(error) if error is not None else "",
        }

    def _app(self, product_id: str, selection: str) -> Json:
        entries = {
            name: entry
            for name, entry in self._stager.manifest.of_kind(KIND).items()
            if entry["product_id"] == product_id
        }
        record = next((entry["app"] for entry in entries.values() if "app" in entry), None)
        record = record if isinstance(record, dict) else {}
        listed = record.get("filenames")
        names = [f"{product_id}/{one}" for one in listed] if isinstance(listed, list) else []
        whole = (
            bool(names)
            and all(name in entries for name in names)
            and record.get("selection") == selection
            and all(self._is_staged(name, entries[name]) for name in names)
        )
        return {
            "record": record,
            "whole": whole,
            "repair": any(self._stager.found[name].attributes_differ for name in names) if whole else False,
            "files": [
                {"path": self._directory.path(name), "filename": name.partition("/")[2], **entries[name]}
                for name in names
                if name in entries
            ],
        }

    def _is_staged(self, name: str, entry: Json) -> bool:
        found = self._stager.found.get(name)
        return found is not None and _is_good(found) and found.sha256 == entry["sha256"]

    def _place_app(self, app: Json, states: dict[str, str], errors: dict[str, str]) -> None:
        if app.get("error"):
            return
        filenames = [file["filename"] for file in app["files"]]
        for file in app["files"]:
            name = f"{app['product_id']}/{file['filename']}"
            entry = {key: file[key] for key in ("sha256", "size", *FACTS)}
            if file["role"] == "main":
                entry["app"] = {**app["record"], "filenames": filenames}
            found = self._stager.found.get(name)
            if found is not None and _is_good(found) and found.sha256 == file["sha256"]:
                states[name] = FETCHED if file.get("fetched") else UNCHANGED
                self._repaired |= self._stager.keep(name, entry)
                continue
            states[name] = FETCHED
            problem = ""
            if found is not None and found.blocked is not None:
                problem = f"it {found.blocked.cause}. {found.blocked.remedy}"
            elif not self._check_mode:
                problem = self._source_problem(file)
            if problem:
                states[name] = FAILED
                errors[name] = f"Could not place {self._directory.path(name)}: {problem}."
            else:
                self._stager.put(name, b"" if self._check_mode else self._source(file), entry)

    def _source_problem(self, file: Json) -> str:
        """Return why a source cannot be placed. Nothing gets its final name before this."""
        if not file.get("source"):
            return "it did not get to the host"
        if not self._sources_are_own:
            return ""
        digest, size = hashlib.sha256(), 0
        try:
            with open(os.open(file["source"], os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0) as stream:
                for chunk in iter(lambda: stream.read(_CHUNK), b""):
                    digest.update(chunk)
                    size += len(chunk)
        except OSError as exc:
            return f"what was transferred cannot be read ({exc.strerror})"
        if size != file["size"] or digest.hexdigest() != file["sha256"]:
            return f"it was damaged on its way: its SHA-256 is {digest.hexdigest()}, not {file['sha256']}. Run again"
        return ""

    def _source(self, file: Json) -> pathlib.Path:
        """Return a path that may be moved: all but the last use of a source get a copy."""
        source = str(file["source"])
        self._uses[source] -= 1
        if not self._sources_are_own or not self._uses[source]:
            return pathlib.Path(source)
        copy = f"{source}.{self._uses[source]}"
        descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(source, "rb") as stream, open(descriptor, "wb") as target:
            for chunk in iter(lambda: stream.read(_CHUNK), b""):
                target.write(chunk)
        return pathlib.Path(copy)

    def _prune(self, apps: Sequence[Json], wanted: Mapping[str, Json], failed: bool, prune: bool) -> None:
        """Remove what belongs to an older state of these apps and, if told so, to other apps."""
        if failed:
            return
        done = {app["product_id"] for app in apps if not app.get("error")}
        named = {app["product_id"] for app in apps}
        entries = self._stager.manifest.of_kind(KIND)
        kept = {
            name
            for name, entry in entries.items()
            if entry["product_id"] not in done and (entry["product_id"] in named or not prune)
        }
        self._stager.prune({*wanted, *kept})

    def _diff(self, wanted: Mapping[str, Json], states: Mapping[str, str]) -> list[dict[str, str]]:
        """Return the difference: what is staged, with versions and sizes."""
        shown = []
        for name, state in states.items():
            if state == FETCHED:
                before = self._before.get(name)
                shown.append(self._change(name, before, wanted[name]))
        return [*shown, *(self._change(name, entry, None) for name, entry in self._stager.pruned.items())]

    def _change(self, name: str, before: Json | None, after: Json | None) -> dict[str, str]:
        path = self._directory.path(name)
        return {"before_header": path, "after_header": path, "before": _shown(before), "after": _shown(after)}


def _shown(entry: Json | None) -> str:
    if entry is None:
        return ""
    size = f"{entry['size']} bytes ({entry['size'] / 1000000:.1f} MB)"
    return f"name: {entry['name']}\nversion: {entry['version']}\nsize: {size}\nsha256: {entry['sha256']}\n"


def _is_good(found: FoundFile) -> bool:
    return bool(found.sha256) and found.blocked is None and not found.distrusted


def _is_entry(entry: Json) -> bool:
    texts = ("product_id", "role", "name", "version")
    app = entry.get("app", {"selection": ""})
    return (
        all(isinstance(entry.get(name), str) for name in texts)
        and isinstance(entry.get("architectures"), list)
        and isinstance(app, dict)
        and isinstance(app.get("selection"), str)
    )
