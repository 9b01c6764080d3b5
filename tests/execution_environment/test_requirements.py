# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-builder makes of the collection and of the definition, before any image is built."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml
from image_builder import DEFINITION, tool
from packaging.requirements import Requirement

OWN = "from collection msdevices.provisioning"


def requirements(found: list[str]) -> dict[str, str]:
    """What this collection asks for, by its name, without the comment that tells whose wish it is."""
    wishes = [line.partition("#")[0].strip() for line in found if line.endswith(OWN)]
    return {re.split(r"[\s<>=!~\[]", wish)[0]: wish for wish in wishes}


def test_introspection(installed: Path) -> None:
    """The installed collection names the libraries of the controller, with bounds, and the programs."""
    answer = subprocess.run(
        [tool("ansible-builder"), "introspect", str(installed)], check=True, capture_output=True, text=True
    ).stdout
    # ansible-builder logs to where it answers.
    found: dict[str, Any] = yaml.safe_load(answer[answer.index("---\n") :])
    python = requirements(found["python"])
    assert python.keys() == {"requests", "msal"}
    assert all(str(Requirement(wish).specifier).startswith(">=") for wish in python.values())
    assert requirements(found["system"]) == {
        "openssh-client": "openssh-client [platform:dpkg]",
        "openssh-clients": "openssh-clients [platform:rpm]",
        # For Linux build hosts; an image leaves the profile out.
        "wimtools": "wimtools [hosts platform:dpkg]",
        "wimlib-utils": "wimlib-utils [hosts platform:rpm]",
    }


def test_context_for_users(tmp_path: Path) -> None:
    """The definition as it is gives a context for an image with this collection, from a public base image."""
    context = tmp_path / "context"
    subprocess.run(
        [tool("ansible-builder"), "create", "--file", str(DEFINITION), "--context", str(context)],
        check=True,
        timeout=60,
    )
    steps = (context / "Containerfile").read_text(encoding="utf-8").splitlines()
    defaults = dict(re.findall(r'^ARG (\w+)="(.*)"$', "\n".join(steps), re.MULTILINE))
    assert re.fullmatch(r"[a-z.]+/[a-z0-9/-]+:[a-z0-9.-]+", defaults["EE_BASE_IMAGE"])
    assert "FROM $EE_BASE_IMAGE AS base" in steps
    assert defaults["PYCMD"].endswith(defaults["PYPKG"])
    core, runner = (Requirement(word) for word in defaults["ANSIBLE_INSTALL_REFS"].split())
    assert (core.name, runner.name) == ("ansible-core", "ansible-runner")
    # Every supported ansible-core, and no later one.
    assert {str(bound) for bound in core.specifier} == {">=2.16.0", "<2.22"}
    assert len(runner.specifier) == 2

    build = context / "_build"
    galaxy = yaml.safe_load((build / "requirements.yml").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in galaxy["collections"]] == ["msdevices.provisioning", "ansible.windows"]
    assert set((build / "requirements.txt").read_text(encoding="utf-8").split()) == {"pypsrp>=0.8.0", "pywinrm>=0.4.3"}
    assert (build / "bindep.txt").read_text(encoding="utf-8").split() == ["sshpass"]
    assert 'ENTRYPOINT ["/opt/builder/bin/entrypoint", "dumb-init"]' in steps
    assert "USER 1000" in steps


def test_agreement_with_the_collection() -> None:
    """The definition asks for the version that the collection has, and for as much of what it depends on."""
    root = DEFINITION.parent
    galaxy = yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8"))
    definition = yaml.safe_load(DEFINITION.read_text(encoding="utf-8"))
    wanted = {entry["name"]: entry["version"] for entry in definition["dependencies"]["galaxy"]["collections"]}
    name = f"{galaxy['namespace']}.{galaxy['name']}"
    assert Requirement(f"collection{wanted.pop(name)}").specifier.contains(galaxy["version"])
    assert wanted == galaxy["dependencies"]
    runtime = yaml.safe_load((root / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] in definition["dependencies"]["ansible_core"]["package_pip"]
