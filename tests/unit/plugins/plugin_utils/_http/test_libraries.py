# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The libraries that the controller needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.libraries import (
    MINIMUM_VERSIONS,
    library_problems,
)

REQUIREMENTS = Path(__file__).resolve().parents[5] / "requirements.txt"


def test_versions_are_those_of_the_requirements() -> None:
    declared = re.findall(r"^([a-z]+)>=([0-9.]+)$", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(declared) == MINIMUM_VERSIONS


@pytest.mark.parametrize(
    ("versions", "problems"),
    [
        ({"requests": "2.28.0", "msal": "1.35.0"}, []),
        ({"requests": "2.100.1", "msal": "2.0.0rc1"}, []),
        ({"requests": "2.28", "msal": "1.35"}, []),
        (
            {"requests": "2.9.9", "msal": "1.4"},
            ["requests 2.9.9 is older than 2.28.0", "msal 1.4 is older than 1.35.0"],
        ),
        ({"requests": "2.32.0", "msal": ""}, ["msal is not installed"]),
        ({}, ["requests is not installed", "msal is not installed"]),
    ],
)
def test_problems(versions: dict[str, str], problems: list[str]) -> None:
    assert library_problems(versions) == problems
