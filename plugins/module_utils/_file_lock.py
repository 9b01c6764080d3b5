# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Exclusive locks on open files, with a time-out, which the system's call lacks."""

from __future__ import annotations

import fcntl
import time

_MAX_PAUSE = 0.05


def lock_file(descriptor: int, seconds: float) -> bool:
    """Lock an open file against other processes and threads; return whether that worked within so many seconds.

    The lock ends when the descriptor is closed, also by the end of the process. Raises OSError where the file system
    has no locks.
    """
    end = time.monotonic() + seconds
    pause = 0.002
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(pause)
            pause = min(pause * 2, _MAX_PAUSE)
