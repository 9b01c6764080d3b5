# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""When to repeat a request, and how long to wait before."""

from __future__ import annotations

import random

try:
    from urllib3.exceptions import HTTPError
    from urllib3.util.retry import Retry
except ImportError:
    # HttpSession says so.
    pass

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import Deadline

RETRIED_STATUSES = frozenset((408, 429, 500, 502, 503, 504))
BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 30.0
_MAX_RETRY_AFTER = 10**9


def pause_before_retry(attempt: int, response: Response | None) -> float:
    """Return the seconds to wait after try `attempt` (the first is 0), which had this response or none.

    Retry-After is honored where the server sends it, else the wait doubles each time. Both have jitter, so that many
    controllers do not come back at once.
    """
    asked = retry_after(response) if response is not None else None
    if asked:
        return asked * random.uniform(1.0, 1.05)
    return min(BACKOFF_SECONDS * 2.0**attempt, MAX_BACKOFF_SECONDS) * random.uniform(1.0, 1.5)


def retry_after(response: Response) -> float | None:
    """Return the seconds of the header Retry-After (a number or a date), or `None` without a usable one."""
    try:
        # Older releases of urllib3 return numbers that are too large to calculate with.
        return float(min(Retry().parse_retry_after(response.headers["Retry-After"]), _MAX_RETRY_AFTER))
    except (KeyError, HTTPError, ValueError, OverflowError):
        return None


def describe_give_up(response: Response, deadline: Deadline, max_retries: int, exhausted: bool) -> str:
    """Return a clause that says why a response with a status that is retried was the last one."""
    asked = retry_after(response)
    if exhausted:
        return f"{max_retries} retries did not help"
    if asked and asked >= deadline.remaining():
        return f"it asks to wait {asked:.0f} seconds, and the deadline of {deadline.seconds:g} seconds is nearer"
    return f"it did not recover within the deadline of {deadline.seconds:g} seconds"
