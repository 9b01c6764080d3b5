# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module win_stat."""

from __future__ import annotations

from typing import Any

from .base import Context, module
from .facts import check_share, describe


@module("win_stat", modern=True)
def STAT(context: Context) -> dict[str, Any]:
    """``{"exists": false}`` for what is not there; the size of a directory is that of all files in it."""
    arguments = context.arguments
    files = context.files
    path = context.path("path")
    if not files.exists(path):
        return {"stat": {"exists": False}}
    stat = describe(context, path, offset=0.0)
    if files.is_dir(path):
        check_share(context, path)
        if arguments["get_size"]:
            found = [below for below in files.walk(path) if files.is_file(below)]
            context.cost["walked"] += len(found)
            stat["size"] = sum(files.stat(below).st_size for below in found)
        return {"stat": stat}
    stat["extension"] = path.extension
    if arguments["get_checksum"]:
        stat["checksum"] = context.checksum(path, arguments["checksum_algorithm"])
    if arguments["get_size"]:
        stat["size"] = files.stat(path).st_size
    return {"stat": stat}
