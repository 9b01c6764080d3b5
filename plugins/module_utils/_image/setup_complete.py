# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""SetupComplete.cmd, which Windows Setup runs once: our marked block in it, beside what is the user's own."""

from __future__ import annotations

import re

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ImageError

NAME = "SetupComplete.cmd"
MAX_BYTES = 1024 * 1024
_BEGIN = b"@rem BEGIN msdevices.provisioning: provision Store apps. Changes in this block are lost."
_END = b"@rem END msdevices.provisioning"
BLOCK = b'%s\r\n@call "%%~dp0msdevices\\provision.cmd" setup_complete\r\n%s\r\n' % (_BEGIN, _END)
_MARK = re.compile(rb"^@?rem (BEGIN|END) msdevices\.provisioning\b.*$", re.IGNORECASE | re.MULTILINE)
_WHOLE = re.compile(
    rb"^@?rem BEGIN msdevices\.provisioning\b.*?^@?rem END msdevices\.provisioning\b[^\n]*(?:\n|\Z)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)


def with_block(data: bytes | None, place: str) -> bytes:
    """Return the bytes of the file with our block; `data` is the file as it is, `None` when there is none.

    A block that is there is replaced where it stands. A new one comes first: the user's statements may end the script
    early, or restart. Every other byte stays as it is. Raises ImageError, which names `place`, for a file that cannot
    be changed so.
    """
    data = data or b""
    start, end = _find(data, place)
    return data[:start] + BLOCK + data[end:]


def without_block(data: bytes, place: str) -> bytes:
    """Return the bytes of the file without our block, to the byte what it was before. Raises ImageError."""
    start, end = _find(data, place)
    return data[:start] + data[end:]


def _find(data: bytes, place: str) -> tuple[int, int]:
    """Return where our block begins and ends; twice 0 when there is none."""
    attempted = f"Could not change {place}"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in data:
        raise ImageError(
            attempted, "it is UTF-16 text, which cmd.exe does not run", "Save it as ANSI or UTF-8 text without BOM"
        )
    marks = _MARK.findall(data)
    if not marks:
        return 0, 0
    whole = _WHOLE.search(data)
    if [mark.upper() for mark in marks] != [b"BEGIN", b"END"] or whole is None:
        raise ImageError(
            attempted,
            "the lines that mark the block of msdevices.provisioning in it are damaged",
            "Remove the block and its marks from it, then run again",
        )
    return whole.start(), whole.end()
