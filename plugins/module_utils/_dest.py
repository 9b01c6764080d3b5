# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Whether a path can be a directory on a managed host, by how it is written and by the kind of host."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable

_POSIX = re.compile(r"/")
# A drive with a directory, or a share. Device paths, which begin with \\.\ or \\?\, are none.
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\/.?][^\\/]*\\[^\\/]")


def dest_problem(dest: t.Any, windows: bool) -> str:
    """Return why the path cannot be used on this kind of host, as a clause, or an empty text."""
    if not isinstance(dest, str):
        return "is not a text"
    if not dest:
        return "is empty"
    if dest != dest.strip() or re.search(r"[\x00-\x1f\x7f]", dest):
        return (
            "starts or ends with white space, or holds control characters (in double quotes, YAML takes \\t and \\n for"
            " a tab and a line break; write paths without quotes or in single ones)"
        )
    if windows and not _WINDOWS.match(dest):
        return "is not an absolute path of a Windows host, such as C:\\Images or \\\\server\\share\\images"
    if not windows and not _POSIX.match(dest):
        kind = "a path of Windows, and the host is none" if _WINDOWS.match(dest) else "not an absolute path"
        return f"is {kind}; one on this host begins with /"
    return ""


def check_dest(option: str, dest: t.Any, windows: bool) -> None:
    """Raise OptionError unless the path is an absolute one for this kind of host."""
    problem = dest_problem(dest, windows)
    if problem:
        raise OptionError(
            "Could not use the options",
            f"{option} {printable(str(dest), 120) if dest else ''} {problem}".replace("  ", " "),
            f"Set {option} to an absolute path on the managed host",
        )
