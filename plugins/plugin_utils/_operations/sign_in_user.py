# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Signs a user in and keeps the refresh token for runs that nobody watches."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import settings_from
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.device_code import DeviceCode
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.methods import sign_in_by


def sign_in_user(options: Mapping[str, t.Any], show: Callable[[Mapping[str, t.Any]], None]) -> dict[str, t.Any]:
    """Return the values that user_sign_in returns. `show` gets the address and the code.

    Raises any ProvisioningError.
    """
    asked = {**options, "auth_method": "device_code", "deadline": options["wait"] + options["timeout"]}
    settings = settings_from(asked, options["service"])
    result = sign_in_by(DeviceCode(settings, show, options["wait"]))
    claims = result.get("id_token_claims") or {}
    found = {"changed": bool(settings.refresh_token_file), "user": str(claims.get("preferred_username") or "")}
    if options["return_refresh_token"]:
        found["refresh_token"] = str(result.get("refresh_token") or "")
    return found
