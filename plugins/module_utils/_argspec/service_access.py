# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The options of service_access_info."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import option, shared_options
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.services import ACCESS_SERVICES
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_package import DOWNLOAD_HOSTS


def access_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule."""
    return {
        "argument_spec": {
            **shared_options(),
            "service": {"type": "str", "required": True, "choices": list(ACCESS_SERVICES)},
            "product_id": {"type": "str", "default": "9WZDNCRFJ3PS"},
            "catalog_base_url": option("catalog_base_url"),
            "download_hosts": {"type": "list", "elements": "str", "default": list(DOWNLOAD_HOSTS)},
            "country": option("country", default="US"),
        },
        "supports_check_mode": True,
    }
