# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Runs another module or action as a part of an action, resolved as the task executor does it; tells kinds of hosts."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase


def run_nested(
    action: ActionBase,
    name: str,
    arguments: dict[str, t.Any],
    task_vars: dict[str, t.Any],
    check_mode: bool | None = None,
) -> dict[str, t.Any]:
    """Run the plugin of this full name on the task's host and return its result, failed or not.

    It runs in the task's check mode unless `check_mode` says otherwise, and never returns a difference: what is
    transferred must not show. Warnings of the plugin are in the result up to ansible-core 2.18 only; later, Ansible
    shows them to the user.
    """
    task = action._task.copy()
    task.check_mode = action._task.check_mode if check_mode is None else check_mode
    task.action = name
    task.args = arguments
    task.diff = False
    task.async_val = 0
    loader = action._shared_loader_obj.action_loader
    handler = loader.get(
        name if loader.has_plugin(name) else "ansible.legacy.normal",
        task=task,
        connection=action._connection,
        play_context=action._play_context,
        loader=action._loader,
        templar=action._templar,
        shared_loader_obj=action._shared_loader_obj,
    )
    result: dict[str, t.Any] = handler.run(task_vars=task_vars)
    return result


def is_windows(action: ActionBase) -> bool:
    """Return whether the task's connection leads to a Windows host."""
    return bool(getattr(action._connection._shell, "_IS_WINDOWS", False))
