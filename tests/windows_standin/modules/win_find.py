# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module win_find."""

from __future__ import annotations

import contextlib
import fnmatch
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..filesystem import HOME, WindowsFailure
from ..paths import WindowsPath
from .base import Context, ModuleFailed, module
from .facts import UTC_OFFSET, check_share, describe

_AGE_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZE_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_AGE_STAMPS = {"mtime": "st_mtime", "ctime": "st_ctime", "atime": "st_atime"}

Test = Callable[[WindowsPath], bool]


def _quantity(text: str | None, units: dict[str, int], what: str) -> int | None:
    if text is None:
        return None
    match = re.fullmatch(rf"(-?\d+)([{''.join(units)}])?", text, re.IGNORECASE)
    if match is None:
        raise ModuleFailed(f"Invalid {what} pattern specified")
    default = next(iter(units))
    return int(match.group(1)) * units[(match.group(2) or default).lower()]


def _tests(context: Context) -> Iterator[Test]:
    """What a file or directory must fulfill."""
    arguments, files = context.arguments, context.files
    kind = arguments["file_type"]
    if kind != "any":
        yield lambda path: files.is_dir(path) == (kind == "directory")
    if not arguments["hidden"]:
        yield lambda path: "Hidden" not in files.marks(path)
    age = _quantity(arguments.get("age"), _AGE_UNITS, "age")
    if age is not None:
        stamp = _AGE_STAMPS[arguments["age_stamp"]]
        limit = time.time() - abs(age)
        yield lambda path: (getattr(files.stat(path), stamp) <= limit) == (age >= 0)
    size = _quantity(arguments.get("size"), _SIZE_UNITS, "size")
    if size is not None:
        yield lambda path: files.stat(path).st_size >= size if size >= 0 else files.stat(path).st_size <= -size
    patterns = arguments.get("patterns")
    if patterns is not None:
        if arguments["use_regex"]:
            flags = 0 if arguments.get("case_sensitive") else re.IGNORECASE
            regexes = [re.compile(pattern, flags) for pattern in patterns]
            yield lambda path: any(regex.search(path.name) for regex in regexes)
        else:
            globs = [re.compile(fnmatch.translate(pattern), re.IGNORECASE) for pattern in patterns]
            yield lambda path: any(regex.match(path.name) for regex in globs)


class _Search:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._tests = list(_tests(context))
        self._seen: set[str] = set()
        self.examined = 0
        self.found: list[WindowsPath] = []

    def search(self, top: WindowsPath, depth: int) -> None:
        """Look through a directory; below it as well when the task says so."""
        files = self._context.files
        if not files.exists(top):
            self._context.warnings.append(f"Argument path '{top}' does not exist or is not accessible, skipping")
            return
        if not files.is_dir(top):
            self._context.warnings.append(f"Argument path '{top}' is a file not a directory, skipping")
            return
        for child in files.children(top):
            if files.is_dir(child) and self._context.arguments["recurse"] and depth != 1:
                self.search(child, depth - 1)
            if child.key in self._seen:
                continue
            self._seen.add(child.key)
            self.examined += 1
            self._context.cost["listed"] += 1
            if all(test(child) for test in self._tests):
                self.found.append(child)


@module("win_find", modern=True)
def FIND(context: Context) -> dict[str, Any]:
    """A path that does not exist is a warning, not a failure, but a drive that does not exist fails.

    Paths do not expand environment variables. They are resolved by PowerShell, to which ~ is the home directory.
    """
    search = _Search(context)
    for text in context.arguments["paths"]:
        path = context.files.parse(re.sub(r"^~(?=[\\/]|$)", lambda match: HOME, text))
        if path.anchor.endswith(":") and not context.files.exists(WindowsPath(path.anchor, ())):
            drive = path.anchor[0]
            raise ModuleFailed(
                "Unhandled exception while executing module: Cannot find drive. A drive with the name"
                f" '{drive}' does not exist."
            )
        search.search(path, context.arguments.get("depth") or 0)
    files = []
    for path in sorted(search.found, key=lambda found: found.key):
        fact = describe(context, path, offset=UTC_OFFSET)
        link = context.files.link(path)
        if link is not None and link["tag"] is not None:
            # LinkUtil knows two tags and throws for all others; nothing catches that. Filters come before.
            raise ModuleFailed(f'Unhandled exception while executing module: "Invalid Reparse Tag: {link["tag"]}"')
        fact.update(checksum=None, extension=None, lnk_source=None, lnk_target=None, sharename=None, size=None)
        if fact["isdir"]:
            check_share(context, path)
        else:
            fact["extension"] = path.extension
            fact["size"] = context.files.stat(path).st_size
            if context.arguments["get_checksum"]:
                # A file that cannot be opened has no checksum, and fails nothing.
                with contextlib.suppress(WindowsFailure):
                    fact["checksum"] = context.checksum(path, context.arguments["checksum_algorithm"])
        files.append(fact)
    return {"examined": search.examined, "matched": len(files), "files": files}
