# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules of ``ansible.windows`` that the hosts know, by full name."""

from __future__ import annotations

from . import basics, win_command, win_copy, win_file, win_find, win_get_url, win_stat
from .base import Context, Implementation, Interrupted, failed

__all__ = ["IMPLEMENTED", "Context", "Implementation", "Interrupted", "failed", "full_name"]

# Names under which ansible-core asks Windows hosts for these modules.
_CORE_NAMES = {"copy": "win_copy", "file": "win_file", "ping": "win_ping", "stat": "win_stat"}

IMPLEMENTED: dict[str, Implementation] = {
    f"ansible.windows.{implementation.name}": implementation
    for implementation in (
        basics.PING,
        basics.SETUP,
        basics.SLURP,
        basics.TEMPFILE,
        win_command.COMMAND,
        win_copy.COPY,
        win_file.FILE,
        win_find.FIND,
        win_get_url.GET_URL,
        win_stat.STAT,
    )
}


def full_name(name: str) -> str:
    """The module of ``ansible.windows`` that Ansible means on a Windows host, also for ``ansible.legacy.stat``."""
    collection, _dot, short = name.rpartition(".")
    if collection in ("", "ansible.builtin", "ansible.legacy"):
        return f"ansible.windows.{_CORE_NAMES.get(short, short)}"
    return name
