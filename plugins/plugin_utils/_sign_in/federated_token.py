# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Reads the file in which another issuer leaves a token for the application."""

from __future__ import annotations

import base64
import json
import os
import re

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError

_MAX_CHARACTERS = 64 * 1024


def read_federated_token(path: str) -> str:
    """Return the token in a file, read anew each time.

    Raises OptionError, also for what is no JWT: nothing else of the controller's files is sent.
    """
    attempted = f"Could not use the federated token file {path}"
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as stream:
            token = stream.read(_MAX_CHARACTERS).strip()
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "it is no text"
        raise OptionError(attempted, f"it cannot be read ({reason})", "Check federated_token_file") from None
    if not token:
        raise OptionError(attempted, "it is empty", "Check what writes the file")
    if not _is_jwt(token):
        raise OptionError(attempted, "it does not hold a token (JWT)", "Check federated_token_file; nothing was sent")
    return token


def _is_jwt(text: str) -> bool:
    """Return whether text has the three parts of a signed token, the first of which is a JSON object."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", text):
        return False
    header = text.partition(".")[0]
    try:
        return isinstance(json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))), dict)
    except (ValueError, RecursionError):
        return False
