# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The options that every module and action plugin shares, as argument specifications.

The documentation of the same options stands in plugins/doc_fragments/.
"""

from __future__ import annotations

import os
import typing as t

from ansible.module_utils.basic import AnsibleFallbackNotFound, AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import (
    ENVIRONMENT,
    SECRET_OPTIONS,
    first_set,
)

MAX_CONCURRENCY = 16
"""How many requests are made at the same time, by default."""
CLOUDS = ("public", "usgov", "china", "germany")
# As the collection azure.azcollection names them.
_ALIASES = {
    "tenant_id": "tenant",
    "client_secret": "secret",
    "client_certificate_path": "x509_certificate_path",
    "federated_token_file": "oidc_token_file_path",
    "cloud": "cloud_environment",
}
_CLOUD_ENVIRONMENTS = ("AzureCloud", "AzureUSGovernment", "AzureChinaCloud", "AzureGermanCloud")


def _from_environment(*names: str) -> str:
    """Return the first variable that is set and not empty, as AnsibleModule wants it of a fallback."""
    value = first_set(names, os.environ)
    if value is None:
        raise AnsibleFallbackNotFound
    return value


def option(name: str, **spec: t.Any) -> dict[str, t.Any]:
    """Return the specification of an option that several plugins have, with its aliases and environment variables."""
    spec.setdefault("type", "str")
    if name in _ALIASES:
        spec["aliases"] = [_ALIASES[name]]
    if name in SECRET_OPTIONS:
        spec["no_log"] = True
    if name in ENVIRONMENT:
        spec["fallback"] = (_from_environment, list(ENVIRONMENT[name]))
    return spec


def auth_options() -> dict[str, dict[str, t.Any]]:
    """The options that say how to sign in."""
    return {
        "tenant_id": option("tenant_id"),
        "client_id": option("client_id"),
        "client_secret": option("client_secret"),
        "client_certificate_path": option("client_certificate_path", type="path"),
        "client_certificate_password": option("client_certificate_password"),
        "federated_token_file": option("federated_token_file", type="path", no_log=False),
        "refresh_token": option("refresh_token"),
        "refresh_token_file": option("refresh_token_file", type="path", no_log=False),
        "access_token": option("access_token"),
        "auth_method": option(
            "auth_method",
            default="auto",
            choices=[
                "auto",
                "client_secret",
                "certificate",
                "federated_token",
                "managed_identity",
                "refresh_token",
                "access_token",
            ],
        ),
        "cloud": option("cloud", choices=[*CLOUDS, *_CLOUD_ENVIRONMENTS]),
        "authority": option("authority"),
        "audience": option("audience"),
    }


def service_options() -> dict[str, dict[str, t.Any]]:
    """The options that say where a service is and how patient to be."""
    return {
        "base_url": option("base_url"),
        "validate_certs": option("validate_certs", type="bool", default=True),
        "ca_path": option("ca_path", type="path"),
        "timeout": option("timeout", type="float", default=30.0),
        "deadline": option("deadline", type="float", default=120.0),
        "max_retries": option("max_retries", type="int", default=4),
        "run_cache": option("run_cache", type="bool", default=True),
    }


def catalog_options() -> dict[str, dict[str, t.Any]]:
    """The options that say where the Store's catalog is, beside another service."""
    return {
        "catalog_base_url": option("catalog_base_url"),
        "catalog_audience": option("catalog_audience"),
        "catalog_access_token": option("catalog_access_token", no_log=True),
        "market": option("market", default="US"),
    }


def catalog_token_option() -> dict[str, t.Any]:
    """The option `access_token` of what asks the catalog alone, whose ready token has a variable of its own."""
    names = [*ENVIRONMENT["catalog_access_token"], *ENVIRONMENT["access_token"]]
    return {**option("access_token"), "fallback": (_from_environment, names)}


def market_options() -> dict[str, dict[str, t.Any]]:
    """The options that say where offers and products of Partner Center are sold."""
    return {"country": option("country", required=True), "locale": option("locale", default="en-US")}


def concurrency_option() -> dict[str, t.Any]:
    """The option `max_concurrency`."""
    return {"type": "int", "default": MAX_CONCURRENCY}


def shared_options() -> dict[str, dict[str, t.Any]]:
    """All options that every plugin shares."""
    return {**auth_options(), **service_options()}


def fail_without_action_plugin(module: AnsibleModule) -> t.NoReturn:
    """End a module whose work is done by the action plugin of the same name, in the controller's process."""
    module.fail_json(
        msg="This module runs by its action plugin, on the controller. Run it by a task or by the command ansible, not"
        " by itself."
    )
    raise AssertionError("fail_json ends the process")
