# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide on execution environments names playbooks, images, variables and options that there are."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[3]
GUIDE = ROOT / "docs" / "docsite" / "rst" / "guide_execution_environment.rst"
_READ = {name for names in ENVIRONMENT.values() for name in names}


def command(program: str) -> list[str]:
    """The arguments of the one command of a program in the guide."""
    lines = GUIDE.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    (words,) = (shlex.split(line) for line in lines if line.strip().startswith(f"{program} "))
    return words[len(program.split()) :]


def navigator() -> argparse.ArgumentParser:
    """The options of ansible-navigator (``ansible-navigator run --help``) that the guide may use."""
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    parser.add_argument("playbook")
    parser.add_argument("-m", "--mode", choices=["stdout", "interactive"])
    parser.add_argument("--eei", "--execution-environment-image")
    parser.add_argument("--pp", "--pull-policy", choices=["always", "missing", "never", "tag"])
    parser.add_argument("--penv", "--pass-environment-variable", action="append")
    return parser


def test_navigator() -> None:
    """It runs the same playbook in the image that was pushed, with the same variables as podman does."""
    given = navigator().parse_args(command("ansible-navigator run"))
    assert (given.mode, given.pp) == ("stdout", "missing")
    assert given.eei == command("podman push")[-1]
    by_podman = command("podman run")
    assert given.playbook == by_podman[-1]
    assert given.penv == [by_podman[at + 1] for at, word in enumerate(by_podman) if word == "--env"]
    assert set(given.penv) <= _READ
    namespace, collection, name = given.playbook.split(".")
    assert (namespace, collection) == ("msdevices", "provisioning")
    assert (ROOT / "playbooks" / f"{name}.yml").exists()
