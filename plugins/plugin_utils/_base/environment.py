# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The environment of a task: what of it is for requests, and what is for the managed host."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import ENVIRONMENT
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings import proxies

# Variables of a task that are for requests, and may hold secrets: hosts make none.
_FOR_REQUESTS = {name.upper() for names in (*ENVIRONMENT.values(), proxies.VARIABLES) for name in names}


def merged(of_task: Mapping[str, t.Any]) -> dict[str, str]:
    """Return the variables of the process with those of a task over them; a proxy in any casing."""
    own = {str(name): str(value) for name, value in of_task.items()}
    replaced = {name.lower() for name in own if name.lower() in proxies.VARIABLES}
    return {**{name: value for name, value in os.environ.items() if name.lower() not in replaced}, **own}


def for_host(of_task: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the variables of a task that go to the managed host: without credentials and proxies of requests."""
    return {name: value for name, value in of_task.items() if name.upper() not in _FOR_REQUESTS}
