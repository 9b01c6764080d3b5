# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Proxies, as environment variables name them: read and checked once, so that no password of one shows anywhere."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
"""In lower case; each also has a form in upper case, over which the one in lower case wins."""
_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


@dataclass(frozen=True)
class Proxies:
    """By which proxy a URL is reached."""

    by_scheme: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The proxy's URL, which may hold a password, by the scheme of the URLs that it is for, or `all`."""
    exempt: str = ""
    """Hosts that are reached without a proxy, as NO_PROXY lists them: names, domains, addresses and networks."""

    def for_url(self, url: str) -> dict[str, str]:
        """Return the proxy for a URL, as requests takes it: by the URL's scheme, or nothing."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        proxy = self.by_scheme.get(parts.scheme) or self.by_scheme.get("all")
        if not proxy or self._is_exempt(host, parts.port):
            return {}
        return {parts.scheme: proxy}

    def _is_exempt(self, host: str, port: int | None) -> bool:
        rules = [rule.strip().lower() for rule in self.exempt.split(",") if rule.strip()]
        names = (host, f"{host}:{port or 443}")
        # A name stands for its domain, as everywhere; a leading dot or asterisk says the same.
        domains = [rule.lstrip("*.") for rule in rules]
        if "*" in rules or any(name == one or name.endswith(f".{one}") for one in domains if one for name in names):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in _networks(rules))


def proxies_from(environ: Mapping[str, str]) -> Proxies:
    """Return the proxies of an environment. Raises OptionError, which names the variable and shows no value."""
    found: dict[str, str] = {}
    for variable in VARIABLES:
        names = [name for name in (variable, variable.upper()) if name in environ]
        if names and environ[names[0]]:
            value = environ[names[0]]
            found[variable[: -len("_proxy")]] = value if variable == "no_proxy" else _checked(names[0], value)
    return Proxies({name: value for name, value in found.items() if name != "no"}, found.get("no", ""))


def _checked(variable: str, value: str) -> str:
    proxy = value.strip()
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(proxy)
        user, _at, _host = parts.netloc.rpartition("@")
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0) and parts.scheme in _SCHEMES
        usable = usable and parts.path in ("", "/") and not parts.query and not parts.fragment
        usable = usable and not re.search(r"[\[\]@\\]", user) and not re.search(r"[\s\x00-\x1f\x7f]", proxy)
    except ValueError:
        usable = False
    if not usable:
        raise OptionError(
            "Could not use the proxy",
            f"the environment variable {variable} is not the URL of a proxy",
            f"Set {variable} to a URL such as http://proxy.example:3128; in a user name or password, characters such as"
            " @ : / [ are written as %40 %3A %2F %5B",
        )
    return proxy


def _networks(rules: Iterable[str]) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for rule in rules:
        with suppress(ValueError):
            yield ipaddress.ip_network(rule, strict=False)
