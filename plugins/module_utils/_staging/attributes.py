# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Mode, owner and group of staged files, set by descriptor: standard library and AnsibleModule only."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import StagingError


@dataclass(frozen=True)
class Attributes:
    """Mode, owner and group that files are to have; `None` leaves them."""

    mode: int | str | None = None
    """As for ansible.builtin.file: a number, octal text, or symbolic text."""
    uid: int | None = None
    gid: int | None = None

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> Attributes:
        """Read them from a module's options. Raises StagingError."""
        mode = params.get("mode")
        try:
            mode = int(mode, 8) if isinstance(mode, str) and mode.strip().isdigit() else mode
            if mode is not None:
                cls(mode).mode_of(os.stat("/"))
        except (ValueError, TypeError):
            raise StagingError(
                f"Could not use the option mode, {params['mode']!r}", "it is no mode", 'Set it to "0640" or "u=rw,g=r"'
            ) from None
        uid = _id_of("owner", params.get("owner"), lambda name: pwd.getpwnam(name).pw_uid)
        return cls(mode, uid, _id_of("group", params.get("group"), lambda name: grp.getgrnam(name).gr_gid))

    def mode_of(self, status: os.stat_result) -> int:
        """Return the mode that a file of this status is to have."""
        if isinstance(self.mode, str):
            return int(AnsibleModule._symbolic_mode_to_octal(status, self.mode))
        mode = stat.S_IMODE(status.st_mode) if self.mode is None else self.mode
        if mode != stat.S_IMODE(mode):
            raise ValueError(mode)
        return mode

    def differ(self, status: os.stat_result) -> bool:
        """Return whether a file of this status has others."""
        return self.mode_of(status) != stat.S_IMODE(status.st_mode) or self._foreign(status)

    def _foreign(self, status: os.stat_result) -> bool:
        return self.uid not in (None, status.st_uid) or self.gid not in (None, status.st_gid)

    def apply(self, descriptor: int) -> None:
        """Give them to an open file or directory. Raises OSError."""
        status = os.fstat(descriptor)
        if self._foreign(status):
            os.fchown(descriptor, -1 if self.uid is None else self.uid, -1 if self.gid is None else self.gid)
        # After the owner, since a change of owner clears bits of the mode.
        mode = self.mode_of(status)
        if stat.S_ISDIR(status.st_mode):
            mode |= (mode & 0o444) >> 2
        os.fchmod(descriptor, mode)


def _id_of(option: str, value: t.Any, look_up: t.Callable[[str], int]) -> int | None:
    if value is None:
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return look_up(str(value))
    except KeyError:
        raise StagingError(
            f"Could not use the option {option}", f"the host has no {option} {value}", "Create it, or correct the name"
        ) from None
