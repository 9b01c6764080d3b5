# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The directory of setup scripts in an image of a WIM file, by the command line of wimlib.

Measured with wimlib 1.13.6: a list of commands is done as a whole or not at all; a killed update leaves the old content
intact; an update that changes nothing still writes all metadata anew, so nothing is written without need.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ImageError, PackageError
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.scripts_tree import (
    SCRIPTS,
    Entry,
    Source,
    directory_locked,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.wim_header import ImageFacts, WimHeader
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import Moniker, parse_full_name
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable

TOOL = "wimlib-imagex"
INSTALL_HINT = (
    "Install it on the host: the package wimtools on Debian, Ubuntu and SUSE, wimlib-utils on Fedora and EPEL, wimlib"
    " on Arch and Homebrew"
)
_ROOT = "/" + "/".join(SCRIPTS)
_NO_SUCH_PATH = 49
_MAX_READ = 8 * 1024 * 1024
_DIRECTORY = 0x10
_REPARSE_POINT = 0x400
_STATUSES = {
    18: "there is no such image in it",
    63: "a file that is to be added cannot be read",
    71: "it is read-only, or a part of a split one",
}


class WimScripts:
    """The scripts of one image; see ScriptsTree."""

    def __init__(self, run_command: t.Callable[..., t.Any], tool: str, header: WimHeader, facts: ImageFacts) -> None:
        """Take `run_command` of AnsibleModule, the path of wimlib-imagex, the file's header and the image
        in it."""
        self._run_command = run_command
        self._tool = tool
        self._path = header.path
        self.facts = facts
        self.place = f"{header.path} (image {facts.index}, {printable(facts.name, 60)})"
        self.parts: tuple[str, ...] = SCRIPTS
        # Metadata of the image and the table of contents are written anew. Measured: 80 bytes for each file.
        self.overhead = 3 * header.blob_table_size + 1024 * 1024
        self._lock: int | None = None
        self._read: dict[str, bytes] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the directory of the file, so that nothing new has to lie beside it."""
        directory = os.path.dirname(os.path.realpath(self._path))
        with directory_locked(directory, f"Could not work on {self.place}") as self._lock:
            try:
                yield
            finally:
                self._lock = None

    def look(self, soon: Sequence[str] = ()) -> dict[str, Entry] | None:
        """Return what is in it, in one call. What is to be read soon is read at the same time, by another one."""
        with ThreadPoolExecutor(1) as executor:
            reading = executor.submit(self._extracted, soon, "--nullglob") if soon else None
            output = self._list(_ROOT, "--detailed")
            try:
                self._read = reading.result() if reading is not None else {}
            except ImageError:
                self._read = {}
        if output is None:
            return None
        entries: dict[str, Entry] = {}
        for name, fields in _records(output):
            spelled = name[len(_ROOT) + 1 :]
            relative = spelled.lower()
            if not relative:
                continue
            attributes = int(fields.get("Attributes", "0"), 16)
            if attributes & _REPARSE_POINT:
                # A link: never what was put there, and nothing to be followed on this host.
                entries[relative] = Entry(-1, "none", spelled)
            elif attributes & _DIRECTORY:
                entries[relative] = Entry(0, "", spelled)
            else:
                size = int(fields.get("Uncompressed size", "0").partition(" ")[0])
                sha1 = fields.get("Hash", "")[2:].lower()
                # An empty file has no stream, and a hash of zeros.
                entries[relative] = Entry(size, sha1 if size else _SHA1_OF_NOTHING, spelled)
        return entries

    def read(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the bytes of small files, in one call at most."""
        if all(name in self._read for name in names):
            return {name: self._read[name] for name in names}
        return self._extracted(names, "--no-globs")

    def _extracted(self, names: Sequence[str], option: str) -> dict[str, bytes]:
        """Return the beginnings of files, by a copy of them that wimlib makes."""
        found = {}
        with self._directory("read") as directory:
            paths = [f"{_ROOT}/{name}" for name in names]
            options = ["--dest-dir", directory, "--no-acls", "--no-attributes", option]
            self._run("read", "extract", [str(self.facts.index), *paths, *options])
            lying = {name.lower(): name for name in os.listdir(directory)}
            for name in names:
                copy = lying.get(os.path.basename(name).lower())
                # A link in the image is one here.
                if copy is not None and not os.path.islink(os.path.join(directory, copy)):
                    with open(os.path.join(directory, copy), "rb") as file:
                        found[name] = file.read(_MAX_READ)
        return found

    def frameworks(self) -> list[Moniker]:
        """Return the packages that have a directory below WindowsApps."""
        found = []
        root = "/Program Files/WindowsApps"
        for line in (self._list(root) or "").splitlines():
            name = line[len(root) + 1 :]
            if name and "/" not in name:
                try:
                    found.append(parse_full_name(name))
                except PackageError:
                    continue
        return found

    def missing_parent(self) -> str:
        """Return the topmost directory that does not exist, where the directory of scripts does not."""
        for depth in range(1, len(SCRIPTS)):
            above = "/" + "/".join(SCRIPTS[:-depth])
            # Without what lies in it, which may be all of Windows.
            if self._list(above, "--detailed", "--one-file-only") is not None:
                return f"{above}/{SCRIPTS[-depth]}"
        return f"/{SCRIPTS[0]}"

    def is_empty_but(self, parent: str, name: str) -> bool:
        """Return whether a directory holds nothing but the entry of this name."""
        lines = (self._list(parent) or "").splitlines()
        allowed = f"{parent}/{name}".lower()
        return all(f"{line.lower()}/".startswith((f"{allowed}/",)) for line in lines if line.lower() != parent.lower())

    def free_bytes(self) -> int:
        """Return how much can be written to its file system."""
        return shutil.disk_usage(os.path.dirname(os.path.realpath(self._path))).free

    def write(self, added: Mapping[str, Source], removed: Sequence[str]) -> None:
        """Do everything in one call, as a whole or not at all."""
        commands = []
        with self._directory("change") as directory:
            for number, (name, source) in enumerate(added.items()):
                # Names of our own: those of users may hold what the list of commands cannot quote.
                link = f"{number:05}"
                if source.path:
                    os.symlink(os.path.realpath(source.path), os.path.join(directory, link))
                else:
                    with open(os.path.join(directory, link), "wb") as file:
                        file.write(source.data)
                commands.append(f"add --no-acls --dereference {link} {_quoted(name)}")
            commands = [f"delete --force --recursive {_quoted(name)}" for name in removed] + commands
            text = "".join(f"{command}\n" for command in commands).encode("ascii")
            self._run("change", "update", [str(self.facts.index)], stdin=text, directory=directory)

    @contextmanager
    def _directory(self, verb: str) -> Iterator[str]:
        """Make a temporary directory; errors of the host's files become ImageError."""
        try:
            with tempfile.TemporaryDirectory(prefix="msdevices-") as directory:
                yield directory
        except OSError as exc:
            raise ImageError(
                f"Could not {verb} {self.place}",
                f"{exc.filename or tempfile.gettempdir()}: {exc.strerror or exc}",
                "Check the directory for temporary files of the host",
            ) from None

    def _list(self, path: str, *options: str) -> str | None:
        """Return what `wimdir` prints of a path, `None` when there is no such path."""
        output = self._run("list", "dir", [str(self.facts.index), f"--path={path}", *options], allowed=_NO_SUCH_PATH)
        return None if output is None else output.decode("utf-8", "replace")

    def _run(
        self,
        verb: str,
        command: str,
        arguments: Sequence[str],
        stdin: bytes = b"",
        directory: str | None = None,
        allowed: int | None = None,
    ) -> bytes | None:
        """Run a command on the file; return its output, `None` when its status is `allowed`. Raises ImageError."""
        command_line = [self._tool, command, os.path.abspath(self._path), *arguments]
        try:
            status, output, problems = self._run_command(
                command_line,
                data=stdin,
                binary_data=True,
                cwd=directory,
                environ_update={"WIMLIB_IMAGEX_IGNORE_CASE": "1", "LC_ALL": "C.UTF-8"},
                encoding=None,
                handle_exceptions=False,
                # Should this process be killed, the lock lasts as long as the command does.
                pass_fds=() if self._lock is None else (self._lock,),
            )
        except OSError as exc:
            raise ImageError(
                f"Could not {verb} {self.place}", f"{self._tool} cannot be run: {exc.strerror}", INSTALL_HINT
            ) from None
        if status == 0:
            return bytes(output)
        if status == allowed:
            return None
        raise self._failure(verb, status, problems.decode("utf-8", "replace"))

    def _failure(self, verb: str, status: int, stderr: str) -> ImageError:
        message = printable(" ".join(line for line in stderr.splitlines() if "[WARNING]" not in line)[-600:], 600)
        cause = _STATUSES.get(status, "wimlib-imagex failed")
        remedy = "Check the file with wimverify"
        if "already" in message and "lock" in message:
            cause, remedy = "another program is writing to it", "Run again when it has ended"
        elif "No space left" in message:
            cause, remedy = "its file system is full", "Free space there, then run again"
        elif status < 0:
            cause, remedy = f"wimlib-imagex was ended by signal {-status}", "Run again"
        return ImageError(f"Could not {verb} {self.place}", f"{cause} (status {status}: {message})", remedy)


_SHA1_OF_NOTHING = "da39a3ee5e6b4b0d3255bfef95601890afd80709"


def _quoted(name: str) -> str:
    """Return a path in the image as the list of commands takes it; names that begin with a slash are whole ones."""
    return f'"{name}"' if name.startswith("/") else f'"{_ROOT}/{name}"'


def _records(output: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield path and fields of each file of a detailed list; of several streams those of the unnamed one."""
    name = ""
    fields: dict[str, str] = {}
    for line in output.splitlines():
        label, separator, value = line.partition("=")
        if not separator:
            continue
        label, value = label.strip(), value.strip()
        if label == "Full Path":
            if name:
                yield name, fields
            name, fields = value[1:-1], {}
        else:
            # The unnamed stream comes first.
            fields.setdefault(label, value)
    if name:
        yield name, fields


def find_tool(get_bin_path: t.Callable[[str], str | None], path: str) -> str:
    """Return the path of wimlib-imagex. Raises ImageError, which says how to install it."""
    tool = get_bin_path(TOOL)
    if tool:
        return tool
    raise ImageError(
        f"Could not work on {path}", f"the program {TOOL} of wimlib is not installed on this host", INSTALL_HINT
    )
