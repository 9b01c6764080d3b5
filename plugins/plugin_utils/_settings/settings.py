# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""One typed settings object out of the options that every plugin shares. Everything is checked before any request."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import SECRET_OPTIONS
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings import clouds as _clouds
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.credentials import (
    NO_SIGN_IN,
    OF_SIGN_IN,
    check_credentials,
    choose_method,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.proxies import (
    Proxies,
    proxies_from,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.texts import (
    base_url,
    check_plain,
    check_texts,
    root_url,
)

ENVIRON = "environ"
"""The key under which options hold the environment that they are completed from, when it is not the process's own."""

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# What decides for how long and how often is asked, not what is answered.
_PATIENCE = ("timeout", "deadline", "max_retries", "run_cache")


@dataclass(frozen=True)
class Settings:
    """How to sign in, where the service is, and how patient to be. Built by settings_from."""

    service: str
    auth_method: str
    authority: str
    audience: str
    base_url: str
    sign_in_hosts: tuple[str, ...]
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    client_certificate_path: str = ""
    client_certificate_password: str = field(default="", repr=False)
    federated_token_file: str = ""
    refresh_token: str = field(default="", repr=False)
    refresh_token_file: str = ""
    access_token: str = field(default="", repr=False)
    validate_certs: bool = True
    ca_path: str = ""
    timeout: float = 30.0
    """Seconds that one request may take."""
    deadline: float = 120.0
    """Seconds that all tries of one call may take together."""
    max_retries: int = 4
    run_cache: bool = True
    proxies: Proxies = field(default_factory=Proxies)
    fingerprint: str = field(init=False, repr=False, compare=False)
    """A checksum of everything that decides who asks whom: the run cache's keys contain it, so that a wrong secret
    never finds what the right one fetched. Made once, since the certificate is read for it."""

    def __post_init__(self) -> None:
        parts = {
            one.name: getattr(self, one.name) for one in fields(self) if one.name not in (*_PATIENCE, "fingerprint")
        }
        parts["certificate"] = _file_checksum(self.client_certificate_path)
        text = json.dumps(parts, sort_keys=True, default=vars)
        object.__setattr__(self, "fingerprint", hashlib.sha256(text.encode("utf-8")).hexdigest())

    def proxies_for(self, url: str) -> dict[str, str]:
        """Return the proxy for a URL, as requests takes it: by the URL's scheme, or nothing."""
        return self.proxies.for_url(url)


def settings_from(
    options: Mapping[str, Any], service: str, environ: Mapping[str, str] | None = None, prefix: str = ""
) -> Settings:
    """Turn the shared options into settings for a service (a name in _clouds).

    Options that are missing, `None` or empty count as not set. With a prefix such as `catalog_`, the options that begin
    with it say where the service is, and with which ready token; those without it are for another service. The
    environment has the cloud, proxies and CAs that no option sets: that of the options (see ENVIRON), or of the
    process. Raises OptionError, which names the option.
    """
    if prefix:
        own = {name: options.get(prefix + name) for name in ("base_url", "audience", "access_token")}
        # A ready token is for this service alone, whatever signs in to the other one.
        ready = {"auth_method": "access_token"} if own["access_token"] else {}
        options = {**options, **own, **ready}
    environ = options.get(ENVIRON, os.environ) if environ is None else environ
    given = {name: value for name, value in options.items() if value is not None and value != "" and name != ENVIRON}
    cloud = _clouds.CLOUDS[_clouds.cloud_name(given.get("cloud"), environ.get("AZURE_CLOUD_ENVIRONMENT"))]
    endpoint = cloud.services.get(service) or _unnamed_endpoint(given)
    authority = root_url("authority", given["authority"]) if "authority" in given else cloud.authority
    if "audience" in given:
        check_plain("audience", given["audience"])
    if endpoint.audience:
        method = choose_method(given, environ)
        check_credentials(given, method)
    else:
        method = NO_SIGN_IN
        given = {name: value for name, value in given.items() if name not in OF_SIGN_IN}
    check_texts(given)
    return Settings(
        service=service,
        auth_method=method,
        authority=authority,
        audience=given.get("audience", endpoint.audience).rstrip("/"),
        base_url=base_url(given.get("base_url", endpoint.base_url)),
        sign_in_hosts=_sign_in_hosts(authority),
        validate_certs=given.get("validate_certs", True),
        ca_path=_ca_path(given, environ),
        timeout=_positive("timeout", given.get("timeout", 30.0)),
        deadline=_positive("deadline", given.get("deadline", 120.0)),
        max_retries=_at_least("max_retries", given.get("max_retries", 4), 0),
        run_cache=given.get("run_cache", True),
        proxies=proxies_from(environ),
        **{
            name: str(given.get(name, ""))
            for name in (
                "tenant_id",
                "client_id",
                "client_certificate_path",
                "federated_token_file",
                "refresh_token_file",
                *SECRET_OPTIONS,
            )
        },
    )


def _sign_in_hosts(authority: str) -> tuple[str, ...]:
    """The hosts that may get credentials: the authority's own (with its port unless it is 443), and its cloud's."""
    host = urlsplit(authority).netloc.lower()
    host = host[: -len(":443")] if host.endswith(":443") else host
    aliases = [cloud.sign_in_hosts for cloud in _clouds.CLOUDS.values() if host in cloud.sign_in_hosts]
    return (host, *(alias for hosts in aliases for alias in hosts))


def check_max_concurrency(value: int) -> int:
    """Return the number of requests that may be under way at once, or raise OptionError."""
    return _at_least("max_concurrency", value, 1)


def _ca_path(given: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """Return what the option says, else what the environment says, or nothing: then requests has its own CAs."""
    path = os.path.expanduser(str(given.get("ca_path", "")))
    if path:
        if not os.access(path, os.R_OK):
            raise _no_ca(f"ca_path {path} cannot be read on the controller", "ca_path")
        return path
    name = next((name for name in _BUNDLES if environ.get(name)), "")
    # Without verification, nobody looks for it.
    if not name or not given.get("validate_certs", True):
        return ""
    if not os.access(environ[name], os.R_OK):
        cause = f"the environment variable {name} leads to {environ[name]}, which cannot be read on the controller"
        raise _no_ca(cause, f"ca_path, or {name},")
    return environ[name]


def _no_ca(cause: str, names: str) -> OptionError:
    remedy = f"Set {names} to a file with CA certificates in PEM form, or to a directory of such files"
    return OptionError("Could not use the options", cause, remedy)


def _positive(name: str, value: float) -> float:
    # The upper bound (a day) also refuses infinity; the comparison refuses NaN.
    if not 0 < float(value) <= 86400:
        raise OptionError("Could not use the options", f"{name} is {value}", f"Set {name} to seconds, more than 0")
    return float(value)


def _at_least(name: str, value: int, least: int) -> int:
    if not least <= value <= 1000:
        raise OptionError(
            "Could not use the options", f"{name} is {value}", f"Set {name} to a number from {least} to 1000"
        )
    return value


def _file_checksum(path: str) -> str:
    if not path:
        return ""
    try:
        with open(os.path.expanduser(path), "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        # The sign-in says what is wrong with the file.
        return ""


def _unnamed_endpoint(given: Mapping[str, Any]) -> _clouds.Endpoint:
    """Return the endpoint that the options name, where none is known for the cloud. Raises OptionError."""
    if "base_url" not in given or "audience" not in given:
        raise OptionError(
            "Could not use the options",
            "no host of this service is known for the cloud",
            "Set base_url and audience, or use the cloud public or usgov",
        )
    return _clouds.Endpoint(str(given["base_url"]), str(given["audience"]))
