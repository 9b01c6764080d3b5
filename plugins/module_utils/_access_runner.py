# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Runs service_access_info with validated options: what its module and its action plugin have in common."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._access_check import (
    SERVICES,
    AccessCheck,
    versions,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec import shared_options


def access_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule."""
    return {
        "argument_spec": {
            **shared_options(),
            "service": {"type": "str", "required": True, "choices": list(SERVICES)},
            "country": {"type": "str", "default": "US"},
        },
        "supports_check_mode": True,
    }


def check_access(options: Mapping[str, t.Any], core_version: str) -> dict[str, t.Any]:
    """Return the values that service_access_info returns. Raises OptionError for options that cannot work."""
    report = AccessCheck(options, options["service"]).run()
    return {"changed": False, **report, "versions": versions(core_version)}
