# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Proxies and CAs that the environment of a task names, for requests, which only reads that of the process.

Without such variables in the task, requests finds its own, as everywhere; here are no proxies then.
"""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Mapping
from urllib.request import getproxies_environment

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import (
    environ,
    of_task,
)

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
"""In lower case; each also has a form in upper case."""
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# What decides on NO_PROXY sets a variable of the process for a moment.
_lock = threading.Lock()


def proxies_of_task() -> dict[str, str] | None:
    """Return proxies by scheme, and under C(no) the hosts that go without; or C(None) when the task names nothing."""
    # The form in lower case comes last, and wins as it does in the process.
    own = {name.lower(): value for name, value in sorted(of_task().items()) if name.lower() in VARIABLES}
    if not own:
        return None
    return {**getproxies_environment(), **{name[: -len("_proxy")]: value for name, value in own.items()}}


def bundle_in_force() -> tuple[str, str]:
    """Return the variable that names the CAs, and its value: two empty texts when there is none."""
    found = environ()
    return next(((name, found[name]) for name in _BUNDLES if found.get(name)), ("", ""))


def task_has_its_way() -> bool:
    """Tell whether the environment of the task names CAs or proxies, so that requests cannot find all by itself."""
    return any(name in _BUNDLES or name.lower() in VARIABLES for name in of_task())


def proxies_for(requests: t.Any, url: str, proxies: Mapping[str, str]) -> dict[str, str]:
    """Return those of proxies_of_task that a URL goes by, for requests."""
    with _lock:
        around = requests.utils.should_bypass_proxies(url, no_proxy=proxies.get("no", ""))
    return {} if around else {scheme: proxy for scheme, proxy in proxies.items() if scheme != "no" and proxy}
