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
import multiprocessing.process
import os
import signal
import threading
import time
import types

from ansible import constants as C
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.utils.path import cleanup_tmp_file

_START = multiprocessing.process.BaseProcess.start.__code__
# Seconds. To start a worker takes some milliseconds; a worker that is told to end does nothing else.
_UNTIL_STARTED = 0.02
_UNTIL_ENDED = 2.0
_PAUSE = 0.05


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
        # Nothing is raised: Python drops exceptions in some places, with a traceback, and the run would go on.
        if os.getpid() == main:
            if _starts_a_worker(frame):
                # Nobody knows the worker yet. The signal comes again.
                timer = threading.Timer(_UNTIL_STARTED, os.kill, (main, signum))
                timer.daemon = True
                timer.start()
                return
            _end_workers()
            cleanup_tmp_file(C.DEFAULT_LOCAL_TMP)
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)

    signal.signal(signal.SIGTERM, end)


def _starts_a_worker(frame: types.FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code is _START:
            return True
        frame = frame.f_back
    return False


def _end_workers() -> None:
    """End them before the directory goes that they use."""
    workers = multiprocessing.active_children()
    end = time.monotonic() + _UNTIL_ENDED
    while workers and time.monotonic() < end:
        for worker in workers:
            # Again and again: Python drops a signal that comes before a new process has begun.
            worker.terminate()
        workers[0].join(_PAUSE)
        workers = [worker for worker in workers if worker.is_alive()]
    for worker in workers:
        worker.kill()
