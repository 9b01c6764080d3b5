# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The Python libraries that the controller needs, and managed hosts do not have."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import MissingLibraryError

MINIMUM_VERSIONS = {"requests": "2.28.0", "msal": "1.35.0"}
"""As requirements.txt has them."""


def missing_library(name: str) -> MissingLibraryError:
    """Return the error for a Python library that the controller lacks."""
    return MissingLibraryError(
        "Could not make a request",
        f"the Python library {name} is not installed for {sys.executable}, which runs Ansible on the controller",
        f"Run {sys.executable} -m pip install {name}, or add it to the execution environment",
    )


def library_problems(versions: Mapping[str, str]) -> list[str]:
    """Return a clause for each library that is missing (its version is empty) or too old."""
    return [
        f"{name} {versions[name]} is older than {minimum}" if versions.get(name) else f"{name} is not installed"
        for name, minimum in MINIMUM_VERSIONS.items()
        if _number(versions.get(name, "")) < _number(minimum)
    ]


def _number(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in re.findall("[0-9]+", version)[:3]]
    # 2.28 is 2.28.0, and nothing is before all.
    return (*parts, 0, 0, 0)[:3]
