# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Checks of options that are texts and URLs. Each raises OptionError, which names the option and shows no value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import ENVIRONMENT
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError


def where(name: str) -> str:
    variables = ENVIRONMENT.get(name, ())
    return f"{name} (environment {' or '.join(variables)})" if variables else name


def check_plain(name: str, value: str) -> None:
    """Refuse values with line breaks or blanks at the ends: they come from files and break requests obscurely."""
    if value != value.strip() or re.search(r"[\x00-\x1f\x7f]", value):
        raise OptionError(
            "Could not use the options",
            f"{name} starts or ends with white space or holds control characters",
            f"Remove them from {where(name)}; a value that was read from a file often ends with a line break",
        )


def check_texts(given: Mapping[str, Any]) -> None:
    """Refuse what no path can hold, and what came from bytes that are no UTF-8."""
    for name, value in given.items():
        if isinstance(value, str) and re.search("[\0\ud800-\udfff]", value):
            raise OptionError(
                "Could not use the options",
                f"{name} holds a null character or is not text in UTF-8",
                f"Correct {where(name)}",
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


def root_url(name: str, value: str) -> str:
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


def base_url(value: str) -> str:
    url = _https("base_url", value)
    if re.search(r"/[vV]\d+(\.\d+)?$", urlsplit(url).path):
        raise OptionError(
            "Could not use the options",
            "base_url ends with a version",
            "Set base_url to the service's root URL without the version path",
        )
    return url
