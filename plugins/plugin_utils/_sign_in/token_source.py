# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The bearer token for a service: kept as long as it can be used, and replaced when a service rejects it."""

from __future__ import annotations

import threading
import time
import typing as t

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import (
    Cache,
    Entry,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

# A token is not used in the last five minutes of its life, as MSAL has it, or the last tenth of a shorter one.
_MAX_RESERVE_SECONDS = 300.0
_RESERVE = 0.1


class TokenSource:
    """Gives the token from the run cache, else from a sign-in. May be used by several threads at once."""

    def __init__(self, settings: Settings, cache: Cache) -> None:
        self._settings = settings
        self._cache = cache
        self._key = f"token {settings.fingerprint}"
        self._stopped = False
        self._lock = threading.Lock()
        # Kept here too, so that without a run cache one sign-in serves all calls of a task.
        self._kept: Entry = {}

    def token(self) -> str:
        """Return a token that is not near its end.

        Raises SignInError, UnavailableError, OptionError or MissingLibraryError.
        """
        if self._settings.auth_method == "access_token":
            return self._settings.access_token
        with self._lock:
            if not _is_fresh(self._kept):
                self._kept = self._cache.get_or_create(self._key, self._create, _is_fresh)
            return str(self._kept["access_token"])

    def replace_rejected(self, rejected: str) -> str | None:
        """Return another token than the one that a service rejected, or `None` when there can be no other.

        Of several callers whose token was rejected, one signs in again.
        """
        if self._settings.auth_method == "access_token":
            return None

        def is_other(entry: Entry) -> bool:
            return _is_fresh(entry) and entry["access_token"] != rejected

        with self._lock:
            if not is_other(self._kept):
                if self._stopped:
                    return None
                self._kept = self._cache.get_or_create(self._key, self._create, is_other)
            token = str(self._kept["access_token"])
        return token if token != rejected else None

    def stop_renewing(self) -> None:
        """Remember that a new token was rejected, too, so that signing in again would not help."""
        self._stopped = True

    def resume_renewing(self) -> None:
        """Remember that the service accepted a token."""
        self._stopped = False

    def _create(self) -> Entry:
        # Late: most processes find a token in the run cache, and MSAL takes long to import.
        from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.methods import sign_in

        result = sign_in(self._settings)
        lifetime = _seconds(result.get("expires_in"))
        # All processes of a run share the monotonic clock, and nobody sets it.
        usable = lifetime - min(_MAX_RESERVE_SECONDS, lifetime * _RESERVE)
        return {"access_token": result["access_token"], "usable_until": time.monotonic() + usable}


def _is_fresh(entry: Entry) -> bool:
    return bool(entry.get("access_token")) and entry.get("usable_until", 0.0) > time.monotonic()


def _seconds(value: t.Any) -> float:
    try:
        return min(max(float(value), 0.0), 1e9)
    except (TypeError, ValueError, OverflowError):
        return 0.0
