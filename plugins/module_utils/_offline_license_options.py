# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The options of ms_offline_license, which its module and its action plugin share."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec import shared_options
from ansible_collections.msdevices.provisioning.plugins.module_utils._license_requests import DEFAULT_SKU_ID


def specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule."""
    return {
        "argument_spec": {
            **shared_options(),
            "licenses": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "product_id": {"type": "str", "required": True},
                    "sku_id": {"type": "str", "default": DEFAULT_SKU_ID},
                    "content_id": {"type": "str", "required": True},
                    "filename": {"type": "str"},
                    "license_blob": {"type": "str", "no_log": True},
                },
            },
            "product_id": {"type": "str"},
            "sku_id": {"type": "str"},
            "content_id": {"type": "str"},
            "service": {"type": "str", "default": "store_for_business", "choices": ["store_for_business"]},
            "dest": {"type": "path"},
            "format": {"type": "str", "default": "xml", "choices": ["xml", "base64"]},
            "force": {"type": "bool", "default": False},
            "prune": {"type": "bool", "default": False},
            "mode": {"type": "raw", "default": "0600"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "max_concurrency": {"type": "int", "default": 8},
        },
        "mutually_exclusive": [["licenses", "product_id"], ["licenses", "sku_id"], ["licenses", "content_id"]],
        "required_one_of": [["licenses", "product_id"]],
        "required_together": [["product_id", "content_id"]],
        "supports_check_mode": True,
    }


def items_of(params: Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the licenses that are asked for, whether as a list or as one at top level."""
    if params.get("licenses") is not None:
        return list(params["licenses"])
    return [{name: params.get(name) for name in ("product_id", "sku_id", "content_id")}]
