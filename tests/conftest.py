# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the collection importable by its full name, through Ansible's own collection loader."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

COLLECTIONS = pathlib.Path(__file__).resolve().parents[1] / ".build" / "collections"


def pytest_configure() -> None:
    """Install the collection loader, unless ansible-test has already done so."""
    if any(type(finder).__name__ == "_AnsibleCollectionFinder" for finder in sys.meta_path):
        return
    if not (COLLECTIONS / "ansible_collections" / "msdevices" / "provisioning").exists():
        raise pytest.UsageError("The collection is not linked into .build/collections: run `make setup` first.")
    os.environ.setdefault("ANSIBLE_COLLECTIONS_PATH", str(COLLECTIONS))

    from ansible.plugins.loader import init_plugin_loader  # reads the environment when it is imported

    init_plugin_loader()
