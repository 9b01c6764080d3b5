# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the guide on execution environments."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from ansible_builder.cli import parse_args
from emulator.client import Emulator
from image_builder import DEFINITION, tool
from integration_playbooks.guides import blocks
from packaging.requirements import Requirement

from .job import in_container

GUIDE = "guide_execution_environment"
AUTHORITY = "/srv/ca.pem"


def commands(program: str) -> list[list[str]]:
    """The words of each command of a program in the guide."""
    text = "\n".join(block.text for block in blocks(GUIDE) if block.language == "shell").replace("\\\n", " ")
    found = [words for words in map(shlex.split, text.splitlines()) if words[: len(program.split())] == program.split()]
    assert found
    return found


def create(definition: Path, directory: Path) -> Path:
    """Let ansible-builder make the context of a definition in a directory."""
    command = [tool("ansible-builder"), "create", "--file", str(definition), "--context", str(directory)]
    subprocess.run(command, check=True, timeout=60)
    return directory


def test_building(tmp_path: Path) -> None:
    """ansible-builder understands each command, and the definition has each argument that is replaced."""
    arguments = re.findall(
        r"^ARG (\w+)=", (create(DEFINITION, tmp_path) / "Containerfile").read_text("utf-8"), re.MULTILINE
    )
    builds = [parse_args(words[1:]) for words in commands("ansible-builder")]
    assert [build.action for build in builds] == ["build"] * 2
    (pushed,) = (words[-1] for words in commands("podman push"))
    assert [build.tag for build in builds] == [[pushed]] * 2
    assert not builds[0].build_args
    assert builds[1].build_args.keys() == {"EE_BASE_IMAGE", "PYCMD", "PYPKG", "PKGMGR"} <= set(arguments)
    (wish,) = (Requirement(words[-1]) for words in commands("pip install"))
    assert wish.specifier.contains(version(wish.name))


def test_own_definition(tmp_path: Path) -> None:
    """What is added to a definition brings the collection into it."""
    (addition,) = (block.document for block in blocks(GUIDE) if block.language == "yaml")
    definition: dict[str, Any] = {"version": 3, "images": {"base_image": {"name": "registry.example.com/base:9"}}}
    path = tmp_path / "execution-environment.yml"
    path.write_text(yaml.safe_dump({**definition, **addition}), encoding="utf-8")
    requirements = (create(path, tmp_path / "context") / "_build" / "requirements.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(requirements) == {"collections": [{"name": "msdevices.provisioning"}]}


def test_trying(image: str, emulator: Emulator) -> None:
    """The command that tries the image shows that the services can be reached; here, those of the emulator."""
    (words,) = commands("podman run")
    (pushed,) = (words[-1] for words in commands("podman push"))
    place = words.index(pushed)
    places = {"authority": emulator.entra, "ca_path": AUTHORITY}
    options = {
        "store_for_business": {**places, "base_url": emulator.store},
        "partner_center": {**places, "base_url": emulator.partner_public},
    }
    before = emulator.token_requests()
    output = in_container(
        image,
        *words[place + 1 :],
        f"--extra-vars={json.dumps({'check_access_options': options})}",
        volumes={Path(emulator.ca_path): AUTHORITY},
        more=words[2:place],
        environment=emulator.environment(),
    )
    assert output.count("nothing failed") == len(options)
    assert emulator.token_requests() == before + len(options)
