# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the result of every task to a file, for tests."""

from __future__ import annotations

DOCUMENTATION = r"""
name: task_results
type: notification
short_description: Results of tasks as lines of JSON
description:
  - Appends one JSON object per result to the file that E(MSDEVICES_TEST_RESULTS) names. What C(no_log) hides stays
    hidden.
author: The msdevices.provisioning maintainers
version_added: 1.0.0
"""

import json
import os
import time
from typing import Any

from ansible.parsing.ajson import AnsibleJSONEncoder
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Keys of a line: host, task, state (ok, failed, unreachable, skipped), seconds, result."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "task_results"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._started: dict[tuple[str, str], float] = {}

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._started[host.get_name(), task._uuid] = time.monotonic()

    def _write(self, state: str, outcome: Any) -> None:
        result = {"censored": True} if outcome._result.get("_ansible_no_log") else outcome._result
        line = {
            "host": outcome._host.get_name(),
            "task": outcome._task.get_name(),
            "state": state,
            "seconds": time.monotonic() - self._started[outcome._host.get_name(), outcome._task._uuid],
            "result": {name: value for name, value in result.items() if not name.startswith("_ansible")},
        }
        with open(os.environ["MSDEVICES_TEST_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line, cls=AnsibleJSONEncoder) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write("failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write("unreachable", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._write("skipped", result)
