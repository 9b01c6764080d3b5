# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives of collections, as a Galaxy server would hand them out: of this one, and of those in the package ansible."""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import shutil
import subprocess
import sys

import yaml
from results import ROOT
from source_tree import copy_sources


def build_own(work: pathlib.Path) -> pathlib.Path:
    """Build the archive of this collection below the directory `work`; return its path."""
    return _build(copy_sources(work / "msdevices.provisioning"), work)


def build_packaged(name: str, work: pathlib.Path) -> pathlib.Path:
    """Build the archive of a collection such as C(ansible.windows) that the package ansible brings; return its path."""
    packaged = importlib.metadata.distribution("ansible").locate_file("ansible_collections")
    source = pathlib.Path(str(packaged)).joinpath(*name.split("."))
    tree = work / name
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(source, tree, ignore=shutil.ignore_patterns("__pycache__", "FILES.json", "MANIFEST.json"))
    # What a collection was built from is not in it; but what it was said to be is.
    manifest = json.loads((source / "MANIFEST.json").read_text(encoding="utf-8"))
    information = {key: value for key, value in manifest["collection_info"].items() if value}
    (tree / "galaxy.yml").write_text(yaml.safe_dump(information), encoding="utf-8")
    return _build(tree, work)


def install(archives: list[pathlib.Path], directory: pathlib.Path) -> pathlib.Path:
    """Install collections from their archives into a directory of collections; return it."""
    _galaxy("install", "--force", "--no-deps", "-p", str(directory), *map(str, archives))
    return directory


def _build(tree: pathlib.Path, work: pathlib.Path) -> pathlib.Path:
    information = yaml.safe_load((tree / "galaxy.yml").read_text(encoding="utf-8"))
    _galaxy("build", "--force", "--output-path", str(work), str(tree))
    return work / "{namespace}-{name}-{version}.tar.gz".format(**information)


def _galaxy(*arguments: str) -> None:
    tool = pathlib.Path(sys.executable).with_name("ansible-galaxy")
    subprocess.run([str(tool), "collection", *arguments], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
