# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Which sign-in the options ask for, and whether they have what it needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import (
    ENVIRONMENT,
    SECRET_OPTIONS,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.texts import check_plain, where

_CREDENTIALS = (
    "access_token",
    "refresh_token",
    "refresh_token_file",
    "client_secret",
    "client_certificate_path",
    "federated_token_file",
)
_REFRESH = ("refresh_token", "refresh_token_file")
NO_SIGN_IN = "none"
"""The method of services that need no sign-in, whatever credential is at hand."""
OF_SIGN_IN = (*_CREDENTIALS, "client_certificate_password", "tenant_id", "client_id", "audience")

# auth_method to the options that it needs.
_NEEDS = {
    "access_token": ("access_token",),
    "refresh_token": ("tenant_id", "client_id"),
    "client_secret": ("tenant_id", "client_id", "client_secret"),
    "certificate": ("tenant_id", "client_id", "client_certificate_path"),
    "federated_token": ("tenant_id", "client_id", "federated_token_file"),
    "managed_identity": (),
    # Of user_sign_in alone.
    "device_code": ("tenant_id", "client_id"),
}
_METHOD_OF = {
    "access_token": "access_token",
    "client_secret": "client_secret",
    "client_certificate_path": "certificate",
    "federated_token_file": "federated_token",
}


def choose_method(given: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """Decide on the sign-in method by what is set, never by asking a metadata service."""
    asked = str(given.get("auth_method", "auto"))
    if asked != "auto":
        if asked not in _NEEDS:
            raise OptionError(
                "Could not choose how to sign in",
                f"auth_method '{asked}' is unknown",
                f"Set it to auto or one of {', '.join(_NEEDS)}",
            )
        return asked
    found = [name for name in _CREDENTIALS if name in given]
    if not found:
        raise OptionError(
            "Could not choose how to sign in",
            "no credential is set",
            "Set one of client_secret (environment AZURE_CLIENT_SECRET or AZURE_SECRET), client_certificate_path"
            " (AZURE_CLIENT_CERTIFICATE_PATH) or federated_token_file (AZURE_FEDERATED_TOKEN_FILE), each with tenant_id"
            " (AZURE_TENANT_ID or AZURE_TENANT) and client_id (AZURE_CLIENT_ID); or refresh_token"
            " (MSDEVICES_REFRESH_TOKEN) or refresh_token_file (MSDEVICES_REFRESH_TOKEN_FILE), or access_token"
            " (MSDEVICES_ACCESS_TOKEN); or auth_method=managed_identity",
        )
    # An application with a secret of its own needs both to exchange a refresh token.
    others = [name for name in found if name not in _REFRESH]
    if len(others) < len(found) and len(others) <= 1 and "access_token" not in found:
        return "refresh_token"
    if len(found) > 1:
        raise OptionError(
            "Could not choose how to sign in",
            f"several credentials are set ({', '.join(_source(name, given[name], environ) for name in found)})",
            "Set auth_method to the one that is meant, or unset the others",
        )
    return _METHOD_OF.get(found[0], found[0])


def check_credentials(given: Mapping[str, Any], method: str) -> None:
    missing = [name for name in _NEEDS[method] if name not in given]
    if method == "refresh_token" and not any(name in given for name in _REFRESH):
        missing.append("refresh_token")
    if missing:
        raise OptionError(
            f"Could not prepare the sign-in by {method}",
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
            "Set " + " and ".join(where(name) for name in missing),
        )
    if "tenant_id" in given and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?", given["tenant_id"]):
        raise OptionError(
            "Could not prepare the sign-in",
            "tenant_id is neither a GUID nor a domain name",
            "Set tenant_id to the directory (tenant) id that the Entra admin center shows",
        )
    for name in ("client_id", *SECRET_OPTIONS):
        if name in given and name != "client_certificate_password":
            check_plain(name, given[name])


def _source(name: str, value: Any, environ: Mapping[str, str]) -> str:
    """Return the option's name, and the environment variable that its value came from, if it came from one."""
    variable = next((variable for variable in ENVIRONMENT.get(name, ()) if environ.get(variable) == value), "")
    return f"{name} from the environment variable {variable}" if variable else name
