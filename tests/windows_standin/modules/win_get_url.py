# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module win_get_url, as its source in ansible.windows has it."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from typing import Any

from .base import Context, ModuleFailed, module


@module("win_get_url", modern=True)
def GET_URL(context: Context) -> dict[str, Any]:
    """Downloads to a temporary file, compares the checksum, and only then copies it to its place."""
    arguments, files = context.arguments, context.files
    path = context.path("dest")
    algorithm, wanted = arguments["checksum_algorithm"], (arguments.get("checksum") or "").strip().lower()
    result: dict[str, Any] = {"elapsed": 0.0, "url": arguments["url"], "dest": str(path)}
    there = context.checksum(path, algorithm) if files.is_file(path) else ""
    if there and wanted == there and not arguments["force"]:
        return {**result, "checksum_dest": there, "size": files.stat(path).st_size}
    if path.parent is None or not files.is_dir(path.parent):
        raise ModuleFailed(
            f"The path '{path.parent}' does not exist for destination '{path}', or is not visible to the current user."
        )
    try:
        with urllib.request.urlopen(arguments["url"], timeout=30) as response:
            data, status = response.read(), response.status
    except urllib.error.HTTPError as error:
        message = f"The remote server returned an error: ({error.code}) {error.reason}."
        text = f"Error downloading '{arguments['url']}' to '{path}': {message}"
        return {**result, "failed": True, "status_code": error.code, "msg": text}
    except OSError as error:
        raise ModuleFailed(f"Error downloading '{arguments['url']}' to '{path}': {error}") from error
    found = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
    if wanted and found != wanted:
        raise ModuleFailed(f"The checksum for {arguments['url']} did not match '{wanted}', it was '{found}'")
    if not context.check_mode:
        files.write(path, data)
    facts = {"checksum_src": found, "checksum_dest": found, "size": len(data), "status_code": status}
    return {**result, **facts, "changed": found != there}
