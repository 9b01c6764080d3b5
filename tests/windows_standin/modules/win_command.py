# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module win_command: programs of the simulated host."""

from __future__ import annotations

import codecs
from typing import Any

from .base import Context, ModuleFailed, module

# What a console of a western European system writes and reads.
_CONSOLE_ENCODING = "cp850"


def split_command_line(text: str) -> list[str]:
    """Split a command line by the rules of C, as CommandLineToArgvW does behind the program's name."""
    arguments: list[str] = []
    current, quoted, there, slashes = "", False, False, 0
    for char in text:
        if char == "\\":
            slashes += 1
            continue
        if char == '"':
            current += "\\" * (slashes // 2)
            if slashes % 2:
                current += '"'
            else:
                quoted = not quoted
            there, slashes = True, 0
            continue
        current += "\\" * slashes
        there = there or bool(slashes)
        slashes = 0
        if char in " \t" and not quoted:
            if there or current:
                arguments.append(current)
            current, there = "", False
        else:
            current += char
    current += "\\" * slashes
    return [*arguments, current] if there or current else arguments


def escape(argument: str) -> str:
    """Quote an argument as the real module quotes those of `argv`."""
    if argument and not any(char in ' \t\n"' for char in argument):
        return argument
    result, slashes = "", 0
    for char in argument:
        if char == '"':
            result += "\\" * slashes + '\\"'
            slashes = 0
            continue
        slashes = slashes + 1 if char == "\\" else 0
        result += char
    return f'"{result}{chr(92) * slashes}"'


@module("win_command", modern=True, hidden=("_raw_params",))
def COMMAND(context: Context) -> dict[str, Any]:
    """Skips in check mode; fails on any status but 0, with status, standard output and standard error."""
    if context.check_mode:
        return {
            "skipped": True,
            "msg": "remote module (ansible.windows.win_command) does not support check mode",
        }
    arguments = context.arguments
    given = [name for name in ("_raw_params", "argv", "cmd") if arguments.get(name)]
    if len(given) != 1:
        raise ModuleFailed("one of the following is required: _raw_params, argv, cmd")
    value = arguments[given[0]]
    line = " ".join(escape(one) for one in value) if given[0] == "argv" else str(value).strip()
    outcome = context.run_program(split_command_line(line))
    if outcome is None:
        return {
            "failed": True,
            "rc": 2,
            "cmd": line,
            "msg": f"Failed to run: '{line}': The system cannot find the file specified",
        }
    status, stdout, stderr = outcome
    encoding = arguments.get("output_encoding_override") or _CONSOLE_ENCODING
    result: dict[str, Any] = {
        "changed": True,
        "cmd": line,
        # Processes exit with 32 bits without a sign.
        "rc": status & 0xFFFFFFFF,
        "stdout": codecs.decode(stdout, encoding, "replace").removeprefix("\ufeff"),
        "stderr": stderr,
    }
    if status:
        result.update(failed=True, msg="non-zero return code")
    return result
