# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done to a directory for licenses on a host, and undone: real mounts, links and pipes.

Mounting needs the rights of the superuser.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration_playbooks.harness import MANIFEST
from windows_standin.harness import WindowsHosts

VICTIM = Path("/etc/passwd")
NEIGHBOR = b"somebody else's"
"""What lies beside the directories."""
_PAGE = 4096


@dataclass
class Place:
    """A directory for licenses on a Linux host, and the names of the files that matter in it."""

    path: Path
    names: list[str]
    """Of the licenses that are asked for: the first two are staged already, the others are not."""
    old: str
    """Of one that was staged, and is no longer asked for."""
    good: Mapping[str, bytes]
    mounts: ExitStack

    @property
    def manifest(self) -> Path:
        """The manifest."""
        return self.path / MANIFEST

    def file(self, number: int) -> Path:
        """The file of a license."""
        return self.path / self.names[number]


@dataclass
class WindowsPlace:
    """The same on a Windows host."""

    hosts: WindowsHosts
    host: str
    path: str
    names: list[str]
    old: str
    good: Mapping[str, bytes]

    def at(self, name: str) -> str:
        """The path of a file."""
        return f"{self.path}\\{name}"


def _mount(place: Place, *arguments: str) -> None:
    subprocess.run(["mount", *arguments, str(place.path)], check=True)
    # A lazy end also works while something still looks into it.
    place.mounts.callback(subprocess.run, ["umount", "-l", str(place.path)], check=False)


def _fill(place: Place, free_pages: int) -> None:
    """Move the directory to a small disk of its own, with so many pages left; each file takes whole pages."""
    files = {path.name: path.read_bytes() for path in place.path.iterdir()}
    pages = sum(-(-len(data) // _PAGE) for data in files.values()) + free_pages
    _mount(place, "-t", "tmpfs", "-o", f"size={pages * _PAGE},mode=0755", "tmpfs")
    for name, data in files.items():
        (place.path / name).write_bytes(data)
        (place.path / name).chmod(0o600)


def _full(place: Place) -> None:
    _fill(place, 0)


def _full_midway(place: Place) -> None:
    _fill(place, 1)


def _full_adopting(place: Place) -> None:
    place.manifest.unlink()
    _fill(place, 0)


def _more_space(place: Place) -> None:
    subprocess.run(["mount", "-o", "remount,size=1m", str(place.path)], check=True)


def _read_only(place: Place) -> None:
    place.file(0).chmod(0o644)
    _mount(place, "--bind", str(place.path))
    subprocess.run(["mount", "-o", "remount,bind,ro", str(place.path)], check=True)


def _writable(place: Place) -> None:
    subprocess.run(["mount", "-o", "remount,bind,rw", str(place.path)], check=True)


def _truncated(place: Place) -> None:
    data = place.good[place.names[0]]
    place.file(0).write_bytes(data[: len(data) // 2])
    place.file(1).write_bytes(b"")


def _swapped(place: Place) -> None:
    first, second = place.file(0).read_bytes(), place.file(1).read_bytes()
    place.file(0).write_bytes(second)
    place.file(1).write_bytes(first)


def _linked(place: Place) -> None:
    for name in (place.names[0], place.names[2], place.old):
        (place.path / name).unlink(missing_ok=True)
        (place.path / name).symlink_to(VICTIM)
    place.file(3).symlink_to("../made-through-a-link.xml")


def _directory(place: Place) -> None:
    for number in (0, 2):
        place.file(number).unlink(missing_ok=True)
        place.file(number).mkdir()
        (place.file(number) / "content").write_text("somebody's", encoding="utf-8")


def _no_directory(place: Place) -> None:
    for number in (0, 2):
        shutil.rmtree(place.file(number))


def _pipe(place: Place) -> None:
    place.file(0).unlink()
    os.mkfifo(place.file(0))


def _no_pipe(place: Place) -> None:
    place.file(0).unlink()


def _garbage() -> bytes:
    return random.Random(1).randbytes(5000)


def _future(manifest: bytes) -> bytes:
    return json.dumps({**json.loads(manifest), "version": 2, "more": {"of": "it"}}).encode()


def _outside(manifest: bytes) -> bytes:
    """Let it name files outside, too, with their checksums: pruning by it would remove them."""
    content: dict[str, Any] = json.loads(manifest)
    some = {**next(iter(content["files"].values())), "sha256": hashlib.sha256(NEIGHBOR).hexdigest()}
    names = (
        "../neighbor.xml",
        "../../neighbor.xml",
        "..\\neighbor.xml",
        "/etc/passwd",
        "C:\\neighbor.xml",
        "a/../../b",
    )
    return json.dumps({**content, "files": {**content["files"], **dict.fromkeys(names, some)}}).encode()


def _deep() -> bytes:
    return b'{"version": 1, "files": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_001


def _manifest(change: Callable[[bytes], bytes]) -> Callable[[Place], None]:
    return lambda place: (place.manifest.write_bytes(change(place.manifest.read_bytes())), None)[1]


def _manifest_huge(place: Place) -> None:
    os.truncate(place.manifest, 65 * 1024 * 1024)


def _manifest_linked(place: Place) -> None:
    place.manifest.unlink()
    place.manifest.symlink_to(VICTIM)


def _manifest_directory(place: Place) -> None:
    place.manifest.unlink()
    place.manifest.mkdir()


def _no_manifest(place: Place) -> None:
    place.manifest.rmdir()


def _nothing(place: Any) -> None:
    """The fault is over, or comes from somewhere else."""


#: By the row's id: what is done before the run, and what before the next one.
LINUX_FAULTS: dict[str, tuple[Callable[[Place], None], Callable[[Place], None]]] = {
    "disk-full": (_full, _more_space),
    "disk-full-midway": (_full_midway, _more_space),
    "disk-full-adopting": (_full_adopting, _more_space),
    "read-only": (_read_only, _writable),
    "truncated": (_truncated, _nothing),
    "swapped": (_swapped, _nothing),
    "linked": (_linked, _nothing),
    "directory": (_directory, _no_directory),
    "pipe": (_pipe, _no_pipe),
    "manifest-garbage": (_manifest(lambda manifest: _garbage()), _nothing),
    "manifest-future": (_manifest(_future), _nothing),
    "manifest-outside": (_manifest(_outside), _nothing),
    "manifest-deep": (_manifest(lambda manifest: _deep()), _nothing),
    "manifest-huge": (_manifest_huge, _nothing),
    "manifest-linked": (_manifest_linked, _nothing),
    "manifest-directory": (_manifest_directory, _no_manifest),
    "vanish-before": (_nothing, _nothing),
    "vanish-after": (_nothing, _nothing),
}

#: The connection to a Linux host breaks at this execution of the module: the first one looks, the second one stages.
LINUX_VANISHES = {"vanish-before": (2, "before"), "vanish-after": (2, "after")}


def _windows_room(licenses: float) -> Callable[[WindowsPlace], None]:
    def limit(place: WindowsPlace) -> None:
        used = sum(len(data) for data in place.hosts.tree(place.host, place.path).values())
        size = used + int(licenses * len(place.good[place.names[2]]))
        place.hosts.limit_space(place.host, place.path, size)

    return limit


def _windows_read_only(place: WindowsPlace) -> None:
    place.hosts.deny_writing(place.host, place.path)


def _windows_truncated(place: WindowsPlace) -> None:
    data = place.good[place.names[0]]
    place.hosts.write(place.host, place.at(place.names[0]), data[: len(data) // 2])
    place.hosts.write(place.host, place.at(place.names[1]), b"")


def _windows_swapped(place: WindowsPlace) -> None:
    one, two = place.names[:2]
    place.hosts.write(place.host, place.at(one), place.good[two])
    place.hosts.write(place.host, place.at(two), place.good[one])


def _windows_directory(place: WindowsPlace) -> None:
    place.hosts.remove(place.host, place.at(place.names[0]))
    for number in (0, 2):
        place.hosts.write(place.host, place.at(place.names[number]) + "\\content", b"somebody's")


def _windows_no_directory(place: WindowsPlace) -> None:
    for number in (0, 2):
        place.hosts.remove(place.host, place.at(place.names[number]))


def _windows_manifest(change: Callable[[bytes], bytes]) -> Callable[[WindowsPlace], None]:
    def write(place: WindowsPlace) -> None:
        manifest = place.at(MANIFEST)
        place.hosts.write(place.host, manifest, change(place.hosts.read(place.host, manifest)))

    return write


def _windows_manifest_directory(place: WindowsPlace) -> None:
    place.hosts.remove(place.host, place.at(MANIFEST))
    place.hosts.mkdir(place.host, place.at(MANIFEST))


def _windows_no_manifest(place: WindowsPlace) -> None:
    place.hosts.remove(place.host, place.at(MANIFEST))


def _windows_standard_user(place: WindowsPlace) -> None:
    place.hosts.mkdir(place.host, place.at("a directory"))
    place.hosts.standard_user(place.host)


def _windows_foreign_tag(place: WindowsPlace) -> None:
    place.hosts.write(place.host, place.at("install.wim"), b"deduplicated" * 4096)
    place.hosts.link(place.host, place.at("install.wim"), None, 0x80000013)


def _windows_linked(number: int | None) -> Callable[[WindowsPlace], None]:
    def link(place: WindowsPlace) -> None:
        path = place.at(MANIFEST if number is None else place.names[number])
        place.hosts.remove(place.host, path)
        place.hosts.link(place.host, path, r"C:\neighbor.xml")

    return link


def _windows_not_linked(number: int) -> Callable[[WindowsPlace], None]:
    return lambda place: place.hosts.remove(place.host, place.at(place.names[number]))


def _windows_protected(place: WindowsPlace) -> None:
    place.hosts.write(place.host, place.at(place.names[0]), b"spoilt", read_only=True, hidden=True)
    place.hosts.write(place.host, place.at(MANIFEST), place.hosts.read(place.host, place.at(MANIFEST)), hidden=True)


WINDOWS_FAULTS: dict[str, tuple[Callable[[WindowsPlace], None], Callable[[WindowsPlace], None]]] = {
    "disk-full": (_windows_room(0.5), _nothing),
    "disk-full-midway": (_windows_room(1.5), _nothing),
    "read-only": (_windows_read_only, _nothing),
    "truncated": (_windows_truncated, _nothing),
    "swapped": (_windows_swapped, _nothing),
    "directory": (_windows_directory, _windows_no_directory),
    "manifest-garbage": (_windows_manifest(lambda manifest: _garbage()), _nothing),
    "manifest-future": (_windows_manifest(_future), _nothing),
    "manifest-outside": (_windows_manifest(_outside), _nothing),
    "manifest-deep": (_windows_manifest(lambda manifest: _deep()), _nothing),
    "manifest-huge": (_windows_manifest(lambda manifest: b"[" * (17 * 1024 * 1024)), _nothing),
    "manifest-directory": (_windows_manifest_directory, _windows_no_manifest),
    "manifest-a-link": (_windows_linked(None), _windows_no_manifest),
    "standard-user": (_windows_standard_user, _nothing),
    "reparse-point": (_windows_foreign_tag, _nothing),
    "file-a-link": (_windows_linked(0), _windows_not_linked(0)),
    "protected": (_windows_protected, _nothing),
    "locked": (lambda place: place.hosts.lock(place.host, place.at(place.names[0])), _nothing),
    "concealed": (lambda place: place.hosts.conceal(place.host, place.path), _nothing),
    "unlistable": (lambda place: place.hosts.deny_listing(place.host, place.path), _nothing),
    "vanish-before": (lambda place: place.hosts.unreachable(place.host, event="transfer"), _nothing),
    "vanish-within": (lambda place: place.hosts.interrupt_copy(place.host, 1), _nothing),
}
