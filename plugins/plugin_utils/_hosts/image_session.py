# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Mounts an image of a file, and never leaves it mounted: saved whole, or discarded."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError, ServicingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism import Dism, DismError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows_host import (
    HostFile,
    WindowsHost,
    windows_path,
)

_FOREIGN = (0xC1420113, 0xC1420114, 0xC1420127)
_MARKER = ".msdevices"
"""Suffix of the file beside the mount folder that says that what is mounted there is ours to discard."""


class ImageSession:
    """One image of an image file on the host. Methods raise ServicingError."""

    def __init__(self, host: WindowsHost, dism: Dism, params: Mapping[str, t.Any]) -> None:
        """Read the options. Raises OptionError."""
        self._host = host
        self._dism = dism
        self.image_file = windows_path("image_file", params["image_file"])
        self._params = params
        if not params.get("mount_dir"):
            raise OptionError(
                f"Could not service {self.image_file}",
                "mount_dir is missing, which a Windows host needs",
                "Name an empty directory on a disk with NTFS and some GB of space",
            )
        self._mount_dir = windows_path("mount_dir", params["mount_dir"])
        self._check_integrity = bool(params.get("check_integrity"))
        self._mounted = False
        self.index = 0
        self.warnings: list[str] = []
        self.saved = False

    @property
    def root(self) -> str:
        """Where the image is mounted."""
        return self._mount_dir

    @property
    def cache_key(self) -> str:
        """What names the image in the host's record."""
        return f"{self.image_file}|{self.index}"

    def find(self) -> HostFile:
        """Return the image file, with what changes when it is written."""
        found = self._host.stat_file(self.image_file)
        if found is None:
            raise ServicingError(
                f"Could not service {self.image_file}", "there is no such file on the host", "Check image_file"
            )
        return found

    def look_up(self) -> str:
        """Find the image's index, and return its architecture (empty when DISM does not tell)."""
        name = self._params.get("image_name")
        self.index = self._params.get("index") or 0
        if name:
            images = self._dism.image_info(self.image_file, None)
            found = [image for image in images if image.name == name]
            if len(found) != 1:
                names = ", ".join(printable(image.name, 60) for image in images)
                raise ServicingError(
                    f"Could not find the image {printable(name, 60)!r} in {self.image_file}",
                    f"{len(found) or 'none'} of its images has this name; it holds: {names}",
                    "Correct image_name, or give the index",
                )
            self.index = found[0].index
        info = self._dism.image_info(self.image_file, self.index)
        return next((image.architecture for image in info if image.index == self.index), "")

    @contextmanager
    def mounted(self, read_only: bool) -> Iterator[str]:
        """Mount the image for a with block. It is discarded at the end, unless commit was called."""
        self._prepare_directory()
        self._host.touch(self._mount_dir + _MARKER)
        try:
            self._mount(read_only)
            try:
                yield self._mount_dir
            except AnsibleConnectionFailure:
                # Nothing can be done; the marker lets the next run discard it.
                raise
            except Exception:
                self._discard_after_failure()
                raise
            self._discard()
        finally:
            if not self._mounted:
                self._host.remove(self._mount_dir + _MARKER)

    def _mount(self, read_only: bool) -> None:
        try:
            # Until DISM has answered, the image may be mounted.
            self._mounted = True
            self._dism.mount(self.image_file, self.index, self._mount_dir, read_only, self._check_integrity)
        except DismError as exc:
            if exc.code in _FOREIGN:
                # What is in the way is not ours to discard.
                self._mounted = False
            else:
                self._discard_after_failure()
            raise

    def commit(self) -> None:
        """Save the image and unmount it."""
        self._dism.unmount(self._mount_dir, commit=True, check_integrity=self._check_integrity)
        self._mounted = False
        self.saved = True

    def _discard(self) -> None:
        if self._mounted:
            self._dism.unmount(self._mount_dir, commit=False)
            self._mounted = False

    def _discard_after_failure(self) -> None:
        """Discard the image if it is mounted. A failure to do that is a warning, since the first failure says more."""
        try:
            if any(_same(mount.directory, self._mount_dir) for mount in self._dism.mounts()):
                self._discard()
            self._mounted = False
        except ServicingError as exc:
            self.warnings.append(f"The image is still mounted in {self._mount_dir}; the next run discards it. {exc}")

    def _prepare_directory(self) -> None:
        """Have an empty mount folder: create it, and discard what an interrupted run of ours left there."""
        if self._host.make_directory(self._mount_dir):
            return
        if not self._host.stat(self._mount_dir + _MARKER).get("exists"):
            return
        for mount in self._dism.mounts():
            if _same(mount.directory, self._mount_dir):
                self.warnings.append(
                    f"An earlier run left {printable(mount.image_file)} mounted in {self._mount_dir}; it is discarded."
                )
                self._dism.unmount(self._mount_dir, commit=False)


def _same(one: str, other: str) -> bool:
    return one.rstrip("\\").lower() == other.rstrip("\\").lower()
