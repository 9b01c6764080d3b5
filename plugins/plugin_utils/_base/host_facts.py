# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Keeps facts of managed hosts from setting options.

Ansible makes variables of the facts that a host returns, and they win over the inventory (`INJECT_FACTS_AS_VARS`). A
host that somebody else controls could so choose where the controller signs in, and which of its files it reads and
writes. Facts, and nothing else, stand in `ansible_facts` too, which a host cannot replace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable

PREFIXES = (
    "automation_controller_",
    "build_image_apps_",
    "check_access_",
    "license_templates_",
    "msdevices_",
    "offline_licenses_",
    "partner_",
    "sign_in_",
    "store_apps_",
)
"""What names of variables of this collection begin with: those of lookups, roles and playbooks, those to come too."""
_SHOWN_NAMES = 5


def names_of_ours(facts: Iterable[Any]) -> list[str]:
    """Return the names that are names of variables of this collection; those inside roles begin with underscores."""
    return sorted(name for name in facts if isinstance(name, str) and name.lstrip("_").startswith(PREFIXES))


def refuse_facts_of_ours(variables: Mapping[str, Any]) -> None:
    """Raise OptionError when a fact in the variables of a task or lookup has a name of this collection."""
    found = names_of_ours(variables.get("ansible_facts") or ())
    if found:
        more = f" and {len(found) - _SHOWN_NAMES} more" if len(found) > _SHOWN_NAMES else ""
        raise OptionError(
            "Could not use the options",
            f"the host returned facts with names of variables of this collection"
            f" ({', '.join(printable(name, 60) for name in found[:_SHOWN_NAMES])}{more}), which would win over the"
            " inventory",
            "Find out what returns them: nothing honest on a host does, but set_fact with cacheable does. To have no"
            " facts as variables at all, set inject_facts_as_vars = false in ansible.cfg",
        )
