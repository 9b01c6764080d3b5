# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The directory of setup scripts as plain files: in Setup's distribution folder, or in an image that was applied."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ImageError, PackageError
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.scripts_tree import (
    SCRIPTS,
    Entry,
    Source,
    directory_locked,
    file_hashes,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.wim_header import ImageFacts
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import Moniker, parse_full_name
from ansible_collections.msdevices.provisioning.plugins.module_utils._xml import XmlError, read_elements

DISTRIBUTION_WINDOWS = ("sources", "$OEM$", "$$")
"""What Setup copies to %WINDIR%, below the distribution folder."""
_TEMPORARY_PREFIX = ".msdevices."
_MAX_ANSWER_FILE = 4 * 1024 * 1024
_HINT = "Check the path, its permissions, and become"


class DirectoryScripts:
    """The scripts in a directory; see ScriptsTree."""

    def __init__(self, root: str, windows: Sequence[str], facts: ImageFacts) -> None:
        """Take the directory that exists, and what leads in it to the Windows directory."""
        self._root = root
        self.parts = (*windows, *SCRIPTS[1:])
        self.overhead = 0
        self.facts = facts
        self.place = root

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the root."""
        attempted = f"Could not work on {self.place}"
        if not os.path.isdir(self._root):
            raise ImageError(attempted, "it is not a directory", "Set the option to a directory that exists")
        with directory_locked(self._root, attempted):
            yield

    def look(self, soon: Sequence[str] = ()) -> dict[str, Entry] | None:
        """Return what is in it. Files are read whole, for their hashes."""
        base, missing = self._base()
        if missing:
            return None
        entries: dict[str, Entry] = {}
        with self._errors("read"):
            for directory, directories, files in os.walk(base, onerror=_raise):
                for name in directories:
                    spelled = os.path.relpath(os.path.join(directory, name), base)
                    entries[spelled.lower()] = Entry(0, "", spelled)
                for name in files:
                    path = os.path.join(directory, name)
                    if name.startswith(_TEMPORARY_PREFIX):
                        continue
                    spelled = os.path.relpath(path, base)
                    found = os.lstat(path)
                    # A link, or a device, is never what was put there.
                    entries[spelled.lower()] = (
                        Entry(found.st_size, file_hashes(path, ["sha1"])[0], spelled)
                        if stat.S_ISREG(found.st_mode)
                        else Entry(-1, "none", spelled)
                    )
        return entries

    def read(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the bytes of small files."""
        found = {}
        for name in names:
            with self._errors("read"):
                descriptor = os.open(self._path(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                with os.fdopen(descriptor, "rb") as file:
                    found[name] = file.read()
        return found

    def frameworks(self) -> list[Moniker]:
        """Return the packages that have a directory below WindowsApps, for an image that was applied."""
        found = []
        path, missing = _resolve(self._root, ("Program Files", "WindowsApps"))
        with suppress(OSError):
            for name in [] if missing else os.listdir(path):
                with suppress(PackageError):
                    found.append(parse_full_name(name))
        return found

    def missing_parent(self) -> str:
        """Return the topmost directory that does not exist."""
        _base, missing = self._base()
        return "/" + "/".join(self.parts[: len(self.parts) - missing + 1]) if missing else ""

    def is_empty_but(self, parent: str, name: str) -> bool:
        """Return whether a directory holds nothing but the entry of this name."""
        path, missing = _resolve(self._root, parent.strip("/").split("/"))
        with self._errors("read"):
            return bool(missing) or all(found.lower() == name.lower() for found in os.listdir(path))

    def free_bytes(self) -> int:
        """Return how much can be written to its file system."""
        return shutil.disk_usage(self._root).free

    def write(self, added: Mapping[str, Source], removed: Sequence[str]) -> None:
        """Remove, then add file by file, each at once: a run that was killed is completed by the next one."""
        with self._errors("change"):
            self._remove_leftovers()
            for name in removed:
                path = self._path(name)
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path)
                else:
                    with suppress(FileNotFoundError):
                        os.unlink(path)
            for name, source in added.items():
                path = self._path(name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                self._add(source, path)

    def _remove_leftovers(self) -> None:
        """Remove what runs that were killed have left."""
        for directory, _directories, files in os.walk(self._base()[0]):
            for name in files:
                if name.startswith(_TEMPORARY_PREFIX):
                    os.unlink(os.path.join(directory, name))

    def _add(self, source: Source, path: str) -> None:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        descriptor, temporary = tempfile.mkstemp(prefix=_TEMPORARY_PREFIX, dir=os.path.dirname(path))
        try:
            with os.fdopen(descriptor, "wb") as file:
                if source.path:
                    with open(source.path, "rb") as original:
                        shutil.copyfileobj(original, file, 1024 * 1024)
                else:
                    file.write(source.data)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _base(self) -> tuple[str, int]:
        """Return the directory of scripts, and how many directories on the way to it are missing."""
        path, missing = _resolve(self._root, self.parts)
        below = path[len(self._root) :].strip("/").split("/")
        for depth in range(1, len(below) + 1):
            link = os.path.join(self._root, *below[:depth])
            if os.path.islink(link):
                raise ImageError(
                    f"Could not work on {self.place}", f"{link} is a symbolic link, which is not followed", _HINT
                )
        return path, missing

    def _path(self, name: str) -> str:
        if name.startswith("/"):
            return _resolve(self._root, name.strip("/").split("/"))[0]
        return _resolve(self._base()[0], name.split("/"))[0]

    @contextmanager
    def _errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            at = f"{exc.filename}: " if exc.filename else ""
            raise ImageError(f"Could not {verb} {self.place}", f"{at}{exc.strerror or exc}", _HINT) from None


def _raise(error: OSError) -> None:
    raise error


def _resolve(root: str, parts: Sequence[str]) -> tuple[str, int]:
    """Return a path below a directory, with the spelling of what exists, and how many of its parts do not."""
    path = root
    for number, part in enumerate(parts):
        try:
            found = {name.lower(): name for name in os.listdir(path)}
        except OSError:
            found = {}
        if part.lower() not in found:
            return os.path.join(path, *parts[number:]), len(parts) - number
        path = os.path.join(path, found[part.lower()])
    return path, 0


def distribution_problem(root: str) -> str:
    """Return why Setup would not copy what lies in a distribution folder; empty when it would."""
    path, missing = _resolve(root, ("autounattend.xml",))
    if missing:
        return f"{root} has no autounattend.xml"
    try:
        with open(path, "rb") as file:
            elements = read_elements(file.read(_MAX_ANSWER_FILE), "unattend")
    except (OSError, XmlError) as exc:
        return f"{path} cannot be read ({exc})"
    for element in elements:
        if element.path[-1] == "useconfigurationset" and element.text.strip().lower() == "true":
            return ""
    return f"{path} does not set UseConfigurationSet to true"
