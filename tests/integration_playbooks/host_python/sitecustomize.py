# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets the Python of played hosts keep the bytecode of modules: it sees the same archives a thousand times.

Half of the time of most modules goes into compiling what Ansible sends along. Python reads this file when it starts.
"""

import _imp
import marshal
import os
import sys
import zipimport
from contextlib import suppress
from typing import Any

_DIRECTORY = os.environ.get("MSDEVICES_TEST_BYTECODE", "")
_compile = zipimport._compile_source  # type: ignore[attr-defined]


def _compile_source(path: str, source: bytes) -> Any:
    """Stand in for the function of zipimport: the same code for the same source, wherever the archive lies."""
    name = (
        f"{os.path.basename(path)}.{_imp.source_hash(0, source).hex()}.{sys.implementation.cache_tag}.{sys.hexversion}"
    )
    file = os.path.join(_DIRECTORY, name)
    with suppress(OSError, EOFError, ValueError, TypeError):
        with open(file, "rb") as stream:
            code = marshal.load(stream)
        _imp._fix_co_filename(code, path)  # type: ignore[attr-defined]
        return code
    code = _compile(path, source)
    with suppress(OSError):
        temporary = f"{file}.{os.getpid()}"
        with open(temporary, "wb") as stream:
            marshal.dump(code, stream)
        os.replace(temporary, file)
    return code


if _DIRECTORY:
    zipimport._compile_source = _compile_source  # type: ignore[attr-defined]
