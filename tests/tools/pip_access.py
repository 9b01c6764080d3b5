# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let pip in a container find packages as pip on this machine does: same index, same mirrors, same authorities."""

from __future__ import annotations

import ast
import configparser
import pathlib
import subprocess
import sys
import urllib.parse

# What says where pip puts things, not where it finds them.
_UNUSED = {"cache-dir", "config-file", "prefix", "require-virtualenv", "root", "target", "user"}
_ENVIRONMENT = ":env:"
_MOUNTED = "/mnt/pip"


def volumes(directory: pathlib.Path) -> list[str]:
    """Mounts (values of podman's option --volume): a configuration of pip, and the local files that it names.

    The configuration is written into `directory`. It holds what files and environment variables set on this machine.
    The files lie elsewhere than here, where they are in nobody's way.
    """
    parser = configparser.RawConfigParser()
    mounted: dict[pathlib.Path, str] = {}
    settings = _settings()
    # Environment variables come last and win, as they do for pip.
    for section, name in sorted(settings, key=lambda key: key[0] == _ENVIRONMENT):
        target = "global" if section == _ENVIRONMENT else section
        if not parser.has_section(target):
            parser.add_section(target)
        words = [_relocated(word, name.endswith("index-url"), mounted) for word in settings[section, name].split()]
        parser.set(target, name, "\n".join(words))
    directory.mkdir(parents=True, exist_ok=True)
    configuration = directory / "pip.conf"
    with open(configuration, "w", encoding="utf-8") as file:
        parser.write(file)
    return [f"{configuration}:/etc/pip.conf:ro", *(f"{path}:{place}:ro" for path, place in mounted.items())]


def _settings() -> dict[tuple[str, str], str]:
    """The settings of pip in force, by section and name."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    settings = {}
    for line in listing.splitlines():
        key, separator, value = line.partition("=")
        section, _dot, name = key.rpartition(".")
        if separator and name not in _UNUSED:
            # It lists values in Python's notation.
            settings[section, name] = str(ast.literal_eval(value))
    return settings


def _relocated(word: str, index: bool, mounted: dict[pathlib.Path, str]) -> str:
    """A path or URL as it is in the container, noted in `mounted` if it is local; anything else as it is."""
    url = urllib.parse.urlsplit(word)
    path = pathlib.Path(urllib.parse.unquote(url.path) if url.scheme == "file" else word)
    if not path.is_absolute() or not path.exists():
        return word
    # An index refers to files outside itself, customarily beside it.
    source = path.parent if index else path
    place = mounted.setdefault(source, f"{_MOUNTED}/{len(mounted)}")
    moved = place + str(path)[len(str(source)) :]
    return urllib.parse.urlunsplit(url._replace(path=urllib.parse.quote(moved))) if url.scheme == "file" else moved
