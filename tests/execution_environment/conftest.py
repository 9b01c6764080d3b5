# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archives of the collections, the image that is built of them, and an emulator: each made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import artifacts
import image_builder
import pytest
from emulator.client import Emulator
from results import BUILD

from .job import remove_container

WORK = BUILD / "execution_environment"


@pytest.fixture(scope="session")
def archives() -> list[Path]:
    """The archive of this collection, built from the sources, and that of the one it depends on."""
    WORK.mkdir(parents=True, exist_ok=True)
    return [artifacts.build_own(WORK), artifacts.build_packaged("ansible.windows", WORK)]


@pytest.fixture(scope="session")
def installed(archives: list[Path]) -> Path:
    """A directory of collections with both, as users get them."""
    return artifacts.install(archives, WORK / "collections")


@pytest.fixture(scope="session")
def definition(archives: list[Path]) -> Path:
    """The definition of the execution environment, with collections from the archives."""
    return image_builder.offline_definition(WORK, archives)


@pytest.fixture(scope="session")
def image(definition: Path) -> Iterator[str]:
    """The image, built by ansible-builder."""
    remove_container()
    image_builder.remove_images()
    try:
        yield image_builder.build_image(definition, WORK / "context")
    finally:
        image_builder.remove_images()


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """An emulator."""
    with Emulator.start() as started:
        yield started
