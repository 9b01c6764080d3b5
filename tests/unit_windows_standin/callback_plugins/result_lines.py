# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the result of every task to a file, for tests."""

from __future__ import annotations

DOCUMENTATION = r"""
name: result_lines
type: notification
short_description: Results of tasks as lines of JSON
description:
  - Appends one JSON object per result to the file that E(RESULT_LINES_FILE) names.
author: The msdevices.provisioning maintainers
version_added: 1.0.0
"""

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Keys of a line: host, task, state (ok, failed, unreachable, skipped), result."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "result_lines"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, state: str, outcome: Any) -> None:
        line = {
            "host": outcome._host.get_name(),
            "task": outcome._task.get_name(),
            "state": state,
            "result": json.loads(self._dump_results(outcome._result, keep_invocation=True)),
        }
        with open(os.environ["RESULT_LINES_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write("failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write("unreachable", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._write("skipped", result)
