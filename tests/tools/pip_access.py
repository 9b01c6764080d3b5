# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let pip elsewhere find packages as pip here does: same index, same mirrors, same certificate authorities."""

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


def configuration() -> configparser.RawConfigParser:
    """What holds for pip here about finding packages, whether files or environment variables say it.

    There is always a section `global`.
    """
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    parser = configparser.RawConfigParser()
    parser.add_section("global")
    # Lines such as global.timeout='60'. Those of the environment begin with :env:. and count for more than the files.
    for line in sorted(listing.splitlines(), key=lambda line: line.startswith(_ENVIRONMENT)):
        key, separator, value = line.partition("=")
        section, _dot, name = key.replace(_ENVIRONMENT, "global").partition(".")
        if not separator or name in _UNUSED:
            continue
        if not parser.has_section(section):
            parser.add_section(section)
        # The value is shown in Python's notation. Several stand on lines of their own.
        parser.set(section, name, "\n".join(str(ast.literal_eval(value)).split()))
    return parser


def volumes(directory: pathlib.Path) -> list[str]:
    """Mounts (values of podman's option --volume): a configuration of pip, and the local files that it names.

    The configuration is written into `directory`. In the container the files lie elsewhere than here, where they are in
    nobody's way.
    """
    parser = configuration()
    mounted: dict[pathlib.Path, str] = {}
    for section in parser.sections():
        for name, value in parser.items(section):
            words = [_relocated(word, name.endswith("index-url"), mounted) for word in value.split()]
            parser.set(section, name, "\n".join(words))
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "pip.conf"
    with open(path, "w", encoding="utf-8") as file:
        parser.write(file)
    return [f"{path}:/etc/pip.conf:ro", *(f"{source}:{place}:ro" for source, place in mounted.items())]


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
