# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Runs service_access_info with validated options: what its module and its action plugin have in common."""

from __future__ import annotations

import os
import platform
import typing as t
from collections.abc import Mapping
from importlib import metadata

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import (
    ENVIRONMENT,
    first_set,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis.steps import (
    FAIL,
    AccessCheck,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import ENVIRON


def check_access(options: Mapping[str, t.Any], core_version: str) -> dict[str, t.Any]:
    """Return the values that service_access_info returns. What fails is in them; nothing is raised."""
    here = versions(core_version)
    found = AccessCheck(_with_catalog_token(options), options["service"], here).run()
    found["versions"] = here
    return {"changed": False, **found, "report": report_of(found)}


def _with_catalog_token(options: Mapping[str, t.Any]) -> Mapping[str, t.Any]:
    """Take the catalog's ready token from its own variable, as ms_store_product_info does, unless one was given."""
    general, own = (
        first_set(ENVIRONMENT[name], options.get(ENVIRON, os.environ))
        for name in ("access_token", "catalog_access_token")
    )
    if options["service"] != "store_catalog" or not own or options.get("access_token") not in (None, "", general):
        return options
    return {**options, "access_token": own}


def report_of(found: Mapping[str, t.Any]) -> list[str]:
    """Return the steps as lines for people."""
    steps = found["steps"]
    lines = [f"{found['service']} at {found['base_url'] or 'no address, since the options cannot work'}"]
    for step in steps:
        lines.append(f"{step['status']:<8}{step['step']:<19}{step['detail']}")
        if step["remedy"]:
            lines.append(f"{'':<8}{'what to do':<19}{step['remedy']}")
    failed = [step["step"] for step in steps if step["status"] == FAIL]
    lines.append(f"failed: {', '.join(failed)}" if failed else "nothing failed")
    return lines


def versions(core: str) -> dict[str, str]:
    """Return the versions that matter, by name; an empty text where a library is missing."""
    found = {"python": platform.python_version(), "ansible-core": core}
    for name in ("requests", "msal", "urllib3", "cryptography"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    return found
