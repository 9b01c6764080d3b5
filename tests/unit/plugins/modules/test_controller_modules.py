# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules whose work is done by the action plugin of the same name, run by themselves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[4]
MODULES = sorted(
    path.stem
    for path in (ROOT / "plugins" / "modules").glob("*.py")
    if "fail_without_action_plugin" in path.read_text(encoding="utf-8")
)


def run(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """The result of a module that Python runs from its file."""
    process = subprocess.run(
        [sys.executable, "-m", f"ansible_collections.msdevices.provisioning.plugins.modules.{name}"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": options}),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / ".build" / "collections")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    result: dict[str, Any] = json.loads(process.stdout)
    return result


def test_there_are_some() -> None:
    assert "partner_offer_info" in MODULES


@pytest.mark.parametrize("name", MODULES)
def test_validates_its_options(name: str) -> None:
    result = run(name, {"no_such_option": 1})
    assert result["failed"]
    assert re.search("no_such_option|missing required arguments|is required", result["msg"]), result["msg"]


def test_says_who_does_the_work() -> None:
    result = run("partner_offer_info", {"country": "US"})
    assert result["failed"]
    assert "runs by its action plugin" in result["msg"]
