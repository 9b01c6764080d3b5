# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Environment variables that set options: those of the Azure SDKs first, then those that the automation controller's
built-in Azure credential sets. Source: reference facts on sign-in. No name starts with ANSIBLE_, which automation
controllers reserve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ENVIRONMENT = {
    "tenant_id": ("AZURE_TENANT_ID", "AZURE_TENANT"),
    "client_id": ("AZURE_CLIENT_ID",),
    "client_secret": ("AZURE_CLIENT_SECRET", "AZURE_SECRET"),
    "client_certificate_path": ("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_X509_CERTIFICATE_PATH"),
    "client_certificate_password": ("AZURE_CLIENT_CERTIFICATE_PASSWORD",),
    "federated_token_file": ("AZURE_FEDERATED_TOKEN_FILE",),
    "refresh_token": ("MSDEVICES_REFRESH_TOKEN",),
    "refresh_token_file": ("MSDEVICES_REFRESH_TOKEN_FILE",),
    "access_token": ("MSDEVICES_ACCESS_TOKEN",),
    "catalog_access_token": ("MSDEVICES_CATALOG_ACCESS_TOKEN",),
    "authority": ("AZURE_AUTHORITY_HOST",),
    "country": ("MSDEVICES_COUNTRY",),
    "locale": ("MSDEVICES_LOCALE",),
}
SECRET_OPTIONS = ("client_secret", "client_certificate_password", "refresh_token", "access_token")
"""Those of the shared options that are secrets. Defined here because this file is also sent to managed hosts."""


def first_set(names: Iterable[str], environ: Mapping[str, str]) -> str | None:
    """Return the value of the first variable that is set and not empty, if there is one."""
    return next((environ[name] for name in names if environ.get(name)), None)


def fill_unset(
    arguments: Mapping[str, Any], spec: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str]
) -> dict[str, Any]:
    """Return the arguments of a task, with what the variables of the specification's fallbacks have for unset ones."""
    filled = dict(arguments)
    for name, option in spec.items():
        if all(arguments.get(one) is None for one in (name, *option.get("aliases", ()))) and "fallback" in option:
            value = first_set(option["fallback"][1], environ)
            if value is not None:
                filled[name] = value
    return filled
