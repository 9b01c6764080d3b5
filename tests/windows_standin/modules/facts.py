# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts about a file that win_find and win_stat return."""

from __future__ import annotations

from typing import Any

from ..paths import WindowsPath
from .base import OWNER, Context, ModuleFailed

# The hosts live an hour east of Greenwich: win_find counts local time since the epoch, win_stat UTC.
UTC_OFFSET = 3600.0


def describe(context: Context, path: WindowsPath, *, offset: float) -> dict[str, Any]:
    """What both modules say about an existing file or directory.

    :param offset: seconds that are added to all times.
    """
    link = context.files.link(path)
    is_link = link is not None and link["target"] is not None
    status = context.files.stat(path)
    marks = context.files.marks(path)
    is_dir = context.files.is_dir(path)
    return {
        "attributes": context.files.attributes(path),
        "creationtime": status.st_ctime + offset,
        "exists": True,
        "filename": path.name or str(path),
        "hlnk_targets": [],
        "isarchive": not is_dir,
        "isdir": is_dir,
        "ishidden": "Hidden" in marks,
        "isjunction": False,
        "islnk": is_link,
        "isreadonly": "ReadOnly" in marks,
        "isreg": not is_dir and not is_link,
        "isshared": False,
        "lastaccesstime": status.st_atime + offset,
        "lastwritetime": status.st_mtime + offset,
        "nlink": 1,
        "owner": OWNER,
        "path": str(path),
    }


def check_share(context: Context, path: WindowsPath) -> None:
    """Ask WMI for the shares of a directory, as both modules do for each one that they describe.

    A standard user is refused. Before ansible.windows 3.6.0 nothing catches that (its issue 809, pull request 883).
    """
    if not context.standard_user:
        return
    if context.version < (3, 6, 0):
        raise ModuleFailed("Unhandled exception while executing module: Access denied ")
    context.warnings.append(f"Failed to check share info for '{path}': Access denied ")
