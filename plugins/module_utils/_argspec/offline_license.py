# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The options of ms_offline_license, which its module and its action plugin share."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import (
    catalog_options,
    concurrency_option,
    shared_options,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.services import (
    CONTENT_ID_OPTIONAL,
    LICENSE_SERVICES,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import DEFAULT_SKU_ID
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    LicenseRequest,
    requests_from,
)

_SINGLE = ("product_id", "sku_id", "content_id", "architecture", "language", "package_family_name")


def specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule."""
    return {
        "argument_spec": {
            **shared_options(),
            "licenses": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "product_id": {"type": "str"},
                    "sku_id": {"type": "str", "default": DEFAULT_SKU_ID},
                    "content_id": {"type": "str"},
                    "filename": {"type": "str"},
                    "license_blob": {"type": "str", "no_log": True},
                    "architecture": {"type": "str"},
                    "language": {"type": "str"},
                    "package_family_name": {"type": "str"},
                    "catalog_query": {"type": "str"},
                },
            },
            "product_id": {"type": "str"},
            "sku_id": {"type": "str"},
            "content_id": {"type": "str"},
            "architecture": {"type": "str"},
            "language": {"type": "str"},
            "package_family_name": {"type": "str"},
            "service": {"type": "str", "default": LICENSE_SERVICES[0], "choices": list(LICENSE_SERVICES)},
            **catalog_options(),
            "archive": {"type": "path"},
            "dest": {"type": "path"},
            "format": {"type": "str", "default": "xml", "choices": ["xml", "base64"]},
            "force": {"type": "bool", "default": False},
            "prune": {"type": "bool", "default": False},
            "mode": {"type": "raw", "default": "0600"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "max_concurrency": concurrency_option(),
        },
        "mutually_exclusive": [["licenses", name] for name in _SINGLE],
        "required_one_of": [["licenses", "product_id"]],
        "supports_check_mode": True,
    }


def items_of(params: Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the licenses that are asked for, whether as a list or as one at top level."""
    if params.get("licenses") is not None:
        return list(params["licenses"])
    return [{name: params.get(name) for name in _SINGLE}]


def requests_of(params: Mapping[str, t.Any]) -> list[LicenseRequest]:
    """Return the licenses that are asked for as requests. Raises OptionError."""
    content_id_optional = params["service"] in CONTENT_ID_OPTIONAL
    return requests_from(items_of(params), params["format"], content_id_optional, params.get("market") or "")
