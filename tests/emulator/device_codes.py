# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The device code flow: an application shows a code, a user signs in elsewhere. Source: RFC 8628, docs on Entra."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass

from .settings import Settings

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
#: Letters and digits that people do not confuse.
_ALPHABET = "BCDFGHJKLMNPQRSTVWXYZ23456789"


@dataclass
class DeviceCode:
    """One sign-in that waits for its user. Times are epoch seconds."""

    device_code: str
    user_code: str
    client_id: str
    scope: str
    expires: float
    polls: int = 0


class DeviceCodes:
    """The codes that are out. The user signs in after so many polls as the settings say."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._codes: dict[str, DeviceCode] = {}

    def create(self, client_id: str, scope: str, now: float) -> DeviceCode:
        """A new code for an application."""
        user_code = "".join(secrets.choice(_ALPHABET) for _unused in range(9))
        code = DeviceCode(
            f"DAQ{secrets.token_urlsafe(64)}", user_code, client_id, scope, now + self._settings.device_code_lifetime
        )
        with self._lock:
            self._codes[code.device_code] = code
        return code

    def poll(self, device_code: str, client_id: str, now: float) -> DeviceCode | str:
        """The code once its user has signed in, or the OAuth error that says why there is no token."""
        with self._lock:
            code = self._codes.get(device_code)
            if code is None or code.client_id != client_id:
                return "bad_verification_code"
            if now >= code.expires:
                return "expired_token"
            code.polls += 1
            wanted = self._settings.device_code_polls
            if wanted is None or code.polls <= wanted:
                return "authorization_pending"
            del self._codes[device_code]
            return "authorization_declined" if self._settings.device_code_declined else code
