# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Lets SIGTERM end a run in order.

Without it, ansible-playbook ends at once: its temporary directory stays behind, with what is on its way to hosts, and
with some versions of ansible-core its workers wait forever for somebody to take their results.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import types

from ansible.executor.task_queue_manager import TaskQueueManager


def end_cleanly() -> None:
    """Install a handler in the run's main process, in place of none or of the one with which ansible-core ends at once.

    Somebody else's handler stays.
    """
    if multiprocessing.parent_process() is not None or threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)
    if before is not signal.SIG_DFL and not isinstance(getattr(before, "__self__", None), TaskQueueManager):
        return
    main = os.getpid()

    def end(signum: int, frame: types.FrameType | None) -> None:
        signal.signal(signum, signal.SIG_DFL)
        if os.getpid() == main:
            # Ansible's own cleaning up runs on the way out.
            raise SystemExit(128 + signum)
        os.kill(os.getpid(), signum)

    signal.signal(signal.SIGTERM, end)
