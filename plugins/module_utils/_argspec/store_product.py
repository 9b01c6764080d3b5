# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The options of ms_store_product_info."""

from __future__ import annotations

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import (
    catalog_token_option,
    concurrency_option,
    shared_options,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import PACKAGE_FILTERS

ON_MISSING = ("error", "warn", "ignore")


def product_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule."""
    return {
        "argument_spec": {
            **shared_options(),
            "access_token": catalog_token_option(),
            "product_id": {"type": "list", "elements": "str", "required": True, "aliases": ["product_ids"]},
            "view": {"type": "str", "default": "organization", "choices": ["organization", "consumer"]},
            "on_missing": {"type": "str", "default": "error", "choices": list(ON_MISSING)},
            "market": {"type": "str", "default": "US"},
            "languages": {"type": "list", "elements": "str", "default": ["en-US"]},
            "sku_id": {"type": "str"},
            **{name: {"type": "str"} for name in PACKAGE_FILTERS},
            "max_concurrency": concurrency_option(),
        },
        "supports_check_mode": True,
    }
