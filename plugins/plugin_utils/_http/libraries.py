# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The Python libraries that the controller needs, and managed hosts do not have."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import MissingLibraryError

LEAST_VERSIONS = {"requests": "2.28.0", "msal": "1.35.0"}
"""As requirements.txt has them."""


def load_requests() -> t.Any:
    """Import requests (late, since managed hosts do not have it). Raises MissingLibraryError."""
    try:
        import requests
    except ImportError as exc:
        raise missing_library("requests") from exc
    return requests


def missing_library(name: str) -> MissingLibraryError:
    """The error for a Python library that the controller lacks."""
    return MissingLibraryError(
        "Could not make a request",
        f"the Python library {name} is not installed on the controller",
        f"Install it for the Python that runs Ansible (pip install {name}), or add it to the execution environment",
    )


def library_problems(versions: Mapping[str, str]) -> list[str]:
    """Say of each library that is missing (its version is empty) or too old that it is."""
    return [
        f"{name} {versions[name]} is older than {least}" if versions.get(name) else f"{name} is not installed"
        for name, least in LEAST_VERSIONS.items()
        if _number(versions.get(name, "")) < _number(least)
    ]


def _number(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in re.findall("[0-9]+", version)[:3]]
    # 2.28 is 2.28.0, and nothing is before all.
    return (*parts, 0, 0, 0)[:3]
