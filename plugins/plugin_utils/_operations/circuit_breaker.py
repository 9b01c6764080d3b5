# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Decides when further requests to a service would fail like the ones before."""

from __future__ import annotations

import threading

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    MissingLibraryError,
    OptionError,
    ProvisioningError,
    ServiceError,
    SignInError,
    UnavailableError,
)

# So many failures in a row without a response mean that the service is down, not that some items are unlucky.
_MAX_FAILURES = 8
_SKIPPED = "an earlier request failed for a reason that affects every item"


class CircuitBreaker:
    """Open means: make no further request. May be used by several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._responses = 0
        self._failures = 0
        self._reason: ProvisioningError | None = None

    @property
    def responses(self) -> int:
        """How many items the service has responded to, be it by a refusal."""
        return self._responses

    def refusal(self) -> ProvisioningError | None:
        """Return the error for an item that is not requested, or `None` while requests make sense.

        A reason that says nothing of a single item is the error itself, so that messages can say it once for all.
        """
        reason = self._reason
        if reason is None or _is_general(reason):
            return reason
        return UnavailableError("Skipped", f"{_SKIPPED} ({reason.cause})", reason.remedy)

    def open(self, reason: ProvisioningError) -> None:
        """Stop all further requests; the first reason stays."""
        with self._lock:
            self._reason = self._reason or reason

    def record(self, outcome: object, responses_before: int) -> None:
        """Take the outcome of an item, an error or anything else, and `responses` from before its request."""
        with self._lock:
            error = outcome if isinstance(outcome, ProvisioningError) else None
            if error is not None and _affects_all(error) and not self._responses:
                self._reason = self._reason or error
            elif not isinstance(error, UnavailableError):
                self._responses += 1
                self._failures = 0
            else:
                self._failures += 1
                silent = error.deadline_exceeded and self._responses == responses_before
                if error.unreachable or silent or self._failures >= _MAX_FAILURES:
                    self._reason = self._reason or error


def _affects_all(error: ProvisioningError) -> bool:
    """Return whether other items would meet the same, unless one got a response: nobody is let in, or the token is
    refused, a fresh one too."""
    if isinstance(error, ServiceError):
        return error.status == 401
    return isinstance(error, (SignInError, OptionError, MissingLibraryError))


def _is_general(error: ProvisioningError) -> bool:
    unreachable = isinstance(error, UnavailableError) and error.unreachable
    return unreachable or isinstance(error, (SignInError, MissingLibraryError))
