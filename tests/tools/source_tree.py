# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A copy of the sources: what git tracks, and what it would track, without what it ignores."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

from results import ROOT


def source_files() -> list[pathlib.PurePath]:
    """The files of the working tree that git tracks or would track, relative to its root, sorted."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    names = sorted(set(listing.split("\0")) - {""})
    return [pathlib.PurePath(name) for name in names if (ROOT / name).is_file()]


def copy_sources(directory: pathlib.Path, keep: tuple[str, ...] = ()) -> pathlib.Path:
    """Make `directory` a copy of the sources and nothing else, except for the entries named in `keep`; return it."""
    directory.mkdir(parents=True, exist_ok=True)
    for entry in directory.iterdir():
        if entry.name in keep:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    for name in source_files():
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    return directory
