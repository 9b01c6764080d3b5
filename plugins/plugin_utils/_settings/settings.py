# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""One typed settings object out of the options that every plugin shares. Everything is checked before any request."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import (
    ENVIRONMENT,
    SECRET_OPTIONS,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings import clouds as _clouds
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.proxies import (
    Proxies,
    proxies_from,
)

ENVIRON = "environ"
"""The key under which options hold the environment that they are completed from, when it is not the process's own."""

_CREDENTIALS = (
    "access_token",
    "refresh_token",
    "refresh_token_file",
    "client_secret",
    "client_certificate_path",
    "federated_token_file",
)
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_REFRESH = ("refresh_token", "refresh_token_file")
NO_SIGN_IN = "none"
"""The method of services that need no sign-in, whatever credential is at hand."""
_OF_SIGN_IN = (*_CREDENTIALS, "client_certificate_password", "tenant_id", "client_id", "audience")

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
    endpoint = cloud.services[service]
    authority = _root_url("authority", given["authority"]) if "authority" in given else cloud.authority
    if "audience" in given:
        _plain("audience", given["audience"])
    if endpoint.audience:
        method = _auth_method(given, environ)
        _check_credentials(given, method)
    else:
        method = NO_SIGN_IN
        given = {name: value for name, value in given.items() if name not in _OF_SIGN_IN}
    _check_texts(given)
    return Settings(
        service=service,
        auth_method=method,
        authority=authority,
        audience=given.get("audience", endpoint.audience).rstrip("/"),
        base_url=_base_url(given.get("base_url", endpoint.base_url)),
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


def _auth_method(given: Mapping[str, Any], environ: Mapping[str, str]) -> str:
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


def _check_credentials(given: Mapping[str, Any], method: str) -> None:
    missing = [name for name in _NEEDS[method] if name not in given]
    if method == "refresh_token" and not any(name in given for name in _REFRESH):
        missing.append("refresh_token")
    if missing:
        raise OptionError(
            f"Could not prepare the sign-in by {method}",
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
            "Set " + " and ".join(_where(name) for name in missing),
        )
    if "tenant_id" in given and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?", given["tenant_id"]):
        raise OptionError(
            "Could not prepare the sign-in",
            "tenant_id is neither a GUID nor a domain name",
            "Set tenant_id to the directory (tenant) id that the Entra admin center shows",
        )
    for name in ("client_id", *SECRET_OPTIONS):
        if name in given and name != "client_certificate_password":
            _plain(name, given[name])


def _where(name: str) -> str:
    variables = ENVIRONMENT.get(name, ())
    return f"{name} (environment {' or '.join(variables)})" if variables else name


def _source(name: str, value: Any, environ: Mapping[str, str]) -> str:
    """Return the option's name, and the environment variable that its value came from, if it came from one."""
    variable = next((variable for variable in ENVIRONMENT.get(name, ()) if environ.get(variable) == value), "")
    return f"{name} from the environment variable {variable}" if variable else name


def _plain(name: str, value: str) -> None:
    """Refuse values with line breaks or blanks at the ends: they come from files and break requests obscurely."""
    if value != value.strip() or re.search(r"[\x00-\x1f\x7f]", value):
        raise OptionError(
            "Could not use the options",
            f"{name} starts or ends with white space or holds control characters",
            f"Remove them from {_where(name)}; a value that was read from a file often ends with a line break",
        )


def _check_texts(given: Mapping[str, Any]) -> None:
    """Refuse what no path can hold, and what came from bytes that are no UTF-8."""
    for name, value in given.items():
        if isinstance(value, str) and re.search("[\0\ud800-\udfff]", value):
            raise OptionError(
                "Could not use the options",
                f"{name} holds a null character or is not text in UTF-8",
                f"Correct {_where(name)}",
            )


def _https(name: str, value: str) -> str:
    url = value.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or re.search(r"[\s\x00-\x1f\x7f\\]", url):
        raise OptionError(
            "Could not use the options", f"{name} is not a URL", f"Set {name} to a URL such as https://host.example"
        )
    if parts.scheme != "https":
        raise OptionError(
            "Could not use the options",
            f"{name} is a {parts.scheme} URL; tokens and licenses only go over https",
            f"Set {name} to an https URL",
        )
    if parts.username or parts.password:
        raise OptionError(
            "Could not use the options", f"{name} holds a user name or password", f"Remove them from {name}"
        )
    return url


def _root_url(name: str, value: str) -> str:
    # The Azure SDKs also take AZURE_AUTHORITY_HOST without a scheme.
    url = _https(name, value if "://" in value else f"https://{value}")
    if urlsplit(url).path:
        raise OptionError(
            "Could not use the options",
            f"{name} has a path",
            f"Set {name} to the root URL of the sign-in service, such as https://login.microsoftonline.com; the tenant"
            " belongs into tenant_id",
        )
    return url


def _base_url(value: str) -> str:
    url = _https("base_url", value)
    if re.search(r"/[vV]\d+(\.\d+)?$", urlsplit(url).path):
        raise OptionError(
            "Could not use the options",
            "base_url ends with a version",
            "Set base_url to the service's root URL without the version path",
        )
    return url


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
