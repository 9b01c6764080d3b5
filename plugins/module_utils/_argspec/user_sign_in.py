# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The options of user_sign_in."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import (
    auth_options,
    service_options,
)

SERVICES = ("store_licensing", "store_catalog", "partner_center")
"""Those that serve users."""
_SIGN_IN = ("tenant_id", "client_id", "refresh_token_file", "cloud", "authority", "audience")
_CONNECTION = ("validate_certs", "ca_path", "timeout", "max_retries")


def user_sign_in_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule."""
    auth, service = auth_options(), service_options()
    return {
        "argument_spec": {
            **{name: auth[name] for name in _SIGN_IN},
            **{name: service[name] for name in _CONNECTION},
            "service": {"type": "str", "default": "store_licensing", "choices": list(SERVICES)},
            "wait": {"type": "int", "default": 900},
            "return_refresh_token": {"type": "bool", "default": False, "no_log": False},
        },
        "required_one_of": [["refresh_token_file", "return_refresh_token"]],
        "supports_check_mode": True,
    }
