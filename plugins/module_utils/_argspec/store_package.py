# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The options of ms_store_package, and the requests that they make up."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import shared_options
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError

ARCHITECTURES = ("x86", "x64", "arm", "arm64")
PLATFORMS = ("desktop", "iot", "holographic", "team")
DOWNLOAD_HOSTS = ("delivery.mp.microsoft.com",)
_APP = ("product_id", "architectures", "languages", "version")
_PRODUCT_ID = re.compile("[0-9A-Z]{12}")
_VERSION = re.compile(r"[0-9]{1,5}(\.[0-9]{1,5}){1,3}")


@dataclass(frozen=True)
class PackageRequest:
    """The packages of one app that are wanted."""

    number: int
    """The position in the option `apps`."""
    product_id: str
    """In upper case."""
    architectures: tuple[str, ...] = ("x64",)
    languages: tuple[str, ...] = ()
    version: str = ""
    os_version: str = ""
    """Four numbers with periods between, or empty for any."""
    platform: str = "desktop"
    dependencies: bool = True
    dependency_architectures: tuple[str, ...] = ("x86",)
    """Further architectures of dependencies, where there are some."""
    market: str = "US"
    problem: str = ""
    """Why it cannot be had whatever the services say, as a text, or empty."""

    @property
    def selection(self) -> str:
        """What decides on the choice of packages, as a text that is the same for the same wishes."""
        wishes = {name: value for name, value in asdict(self).items() if name not in ("number", "problem")}
        return json.dumps(wishes, sort_keys=True)


def specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule."""
    architectures: dict[str, t.Any] = {"type": "list", "elements": "str", "choices": list(ARCHITECTURES)}
    app: dict[str, dict[str, t.Any]] = {
        "product_id": {"type": "str", "required": True},
        "architectures": architectures,
        "languages": {"type": "list", "elements": "str"},
        "version": {"type": "str"},
    }
    return {
        "argument_spec": {
            # The options for signing in are not used: they come from defaults that modules of a group share.
            **shared_options(),
            "catalog_base_url": {"type": "str"},
            "download_hosts": {"type": "list", "elements": "str", "default": list(DOWNLOAD_HOSTS)},
            "apps": {"type": "list", "elements": "dict", "options": app},
            **{name: {**option, "required": False} for name, option in app.items()},
            "dest": {"type": "path"},
            "os_version": {"type": "str"},
            "platform": {"type": "str", "default": "desktop", "choices": list(PLATFORMS)},
            "dependencies": {"type": "bool", "default": True},
            "dependency_architectures": architectures,
            "market": {"type": "str", "default": "US"},
            "state": {"type": "str", "default": "present", "choices": ["present", "latest"]},
            "download_on": {"type": "str", "default": "controller", "choices": ["controller", "host"]},
            "package_cache": {"type": "str"},
            "package_cache_size": {"type": "str", "default": "20G"},
            "offline": {"type": "bool", "default": False},
            "prune": {"type": "bool", "default": False},
            "mode": {"type": "raw", "default": "0644"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "max_concurrency": {"type": "int", "default": 16},
            "plan": {"type": "dict"},
        },
        "mutually_exclusive": [["apps", "product_id"], ["apps", "version"]],
        "required_one_of": [["apps", "product_id"]],
        "supports_check_mode": True,
    }


def requests_of(params: Mapping[str, t.Any]) -> list[PackageRequest]:
    """Return the packages that are wanted, one request for each app. Raises OptionError."""
    apps = params.get("apps")
    if apps is None:
        apps = [{name: params.get(name) for name in _APP}]
    requests = [_request(number, app, params) for number, app in enumerate(apps)]
    ids = [request.product_id for request in requests]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise OptionError(
            "Could not use the options",
            f"apps lists {', '.join(twice)} more than once",
            "List each product once, with all its architectures and languages",
        )
    return requests


def _request(number: int, app: Mapping[str, t.Any], params: Mapping[str, t.Any]) -> PackageRequest:
    architectures = tuple(dict.fromkeys(app.get("architectures") or params.get("architectures") or ("x64",)))
    extra = params.get("dependency_architectures")
    if extra is None:
        # Windows runs x86 code on x64, and bundles install parts of theirs that are x86.
        extra = ("x86",) if "x64" in architectures else ()
    product_id = str(app["product_id"]).strip().upper()
    return PackageRequest(
        number=number,
        product_id=product_id,
        architectures=architectures,
        languages=tuple(app.get("languages") or params.get("languages") or ()),
        version=_version("version", app.get("version")),
        os_version=_version("os_version", params.get("os_version")),
        platform=str(params.get("platform") or "desktop"),
        dependencies=bool(params.get("dependencies", True)),
        dependency_architectures=tuple(dict.fromkeys(one for one in extra if one not in architectures)),
        market=_market(params.get("market")),
        problem=_problem(product_id),
    )


def _problem(product_id: str) -> str:
    if not _PRODUCT_ID.fullmatch(product_id):
        return (
            f"Could not look up the product {product_id[:40]!r}: a product id has 12 letters and digits, such as"
            " 9WZDNCRFJ3PS. Check product_id."
        )
    if product_id.startswith("XP"):
        return (
            f"Could not get packages of {product_id}: it is an unpackaged program (its id begins with XP), which has an"
            " installer of its own, no package and no offline license. Install it by its installer."
        )
    return ""


def _version(name: str, value: t.Any) -> str:
    text = str(value or "").strip()
    if not text:
        return ""
    if not _VERSION.fullmatch(text) or any(int(part) > 65535 for part in text.split(".")):
        raise OptionError(
            "Could not use the options",
            f"{name} is {text[:40]!r}, not a version of numbers up to 65535 with periods between",
            f"Set {name} to a version such as 10.0.26100.0, in quotes",
        )
    parts = [str(int(part)) for part in text.split(".")]
    return ".".join([*parts, *["0"] * (4 - len(parts))])


def _market(value: t.Any) -> str:
    text = str(value or "US").strip().upper()
    if not re.fullmatch("[A-Z]{2}", text):
        raise OptionError(
            "Could not use the options",
            f"market is {text[:40]!r}, not a two-letter code of a country",
            "Set market to a code such as US or DE",
        )
    return text
