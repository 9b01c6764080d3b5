# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Keeps the values of secret options out of results."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible.module_utils.common.parameters import remove_values

try:
    # With ansible-core 2.22 and later: Ansible masks them in everything that it shows.
    from ansible.module_utils.secrets import register_secrets
except ImportError:
    register_secrets = None

_NOT_SHOWN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
# Masking replaces substrings everywhere in a result: shorter values would only garble it.
_SHORTEST_MASKED = 4


def secrets_in(params: Mapping[str, t.Any], spec: Mapping[str, t.Any]) -> set[str]:
    """Return the values of secret options, and register them with ansible-core where it keeps them from being shown."""
    names = [one for name, option in spec.items() if option.get("no_log") for one in (name, *option.get("aliases", ()))]
    secrets = {str(params[name]) for name in names if params.get(name)}
    secrets = {secret for secret in secrets if len(secret) >= _SHORTEST_MASKED}
    if secrets and register_secrets is not None:
        register_secrets(sorted(secrets))
    return secrets


def masked(result: dict[str, t.Any], secrets: set[str]) -> dict[str, t.Any]:
    """Return a result without the values of secrets."""
    shown: dict[str, t.Any] = remove_values(result, secrets)
    return shown


def shown_arguments(params: Mapping[str, t.Any], spec: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return options in the form in which they may be shown: without the values of secrets."""
    shown: dict[str, t.Any] = {}
    for name, value in params.items():
        option = spec.get(name, {})
        if value is not None and (option.get("no_log") or name not in spec):
            shown[name] = _NOT_SHOWN
        elif option.get("options") and isinstance(value, list):
            # Lists are long, and every value of a result costs time on its way: of items only what is set is shown.
            shown[name] = [
                shown_arguments({key: one for key, one in item.items() if one is not None}, option["options"])
                if isinstance(item, Mapping)
                else _NOT_SHOWN
                for item in value
            ]
        elif option.get("options") and value is not None:
            # A text that could not be understood may hold secrets.
            shown[name] = _NOT_SHOWN
        else:
            shown[name] = value
    return shown
