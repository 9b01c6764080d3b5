# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The options of ms_store_inventory_info."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import shared_options


def inventory_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule."""
    return {
        "argument_spec": {
            **shared_options(),
            "license_type": {"type": "str", "default": "offline", "choices": ["offline", "online", "all"]},
            "include_titles": {"type": "bool", "default": True},
            "language": {"type": "str", "default": "en-us"},
            "max_concurrency": {"type": "int", "default": 16},
        },
        "supports_check_mode": True,
    }
