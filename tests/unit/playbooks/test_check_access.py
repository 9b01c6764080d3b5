# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook check_access names the options that it passes on twice; both have to be those of its module."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import SECRET_OPTIONS
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.service_access import access_specification
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.services import ACCESS_SERVICES

PLAYBOOK = Path(__file__).resolve().parents[3] / "playbooks" / "check_access.yml"
MODULE = "msdevices.provisioning.service_access_info"
# A walk neither reads nor writes the run cache, and makes one request at a time.
WITHOUT_EFFECT = {"run_cache"}


def test_options_are_those_of_the_module() -> None:
    (play,) = yaml.safe_load(PLAYBOOK.read_text(encoding="utf-8"))
    (task,) = (task for task in play["tasks"] if MODULE in task)
    options = set(access_specification()["argument_spec"]) - {*SECRET_OPTIONS, *WITHOUT_EFFECT}
    assert set(task[MODULE]) == options
    assert set(play["vars"]["check_access_known_options"]) == options - {"service"}
    assert all(f"'{service}'" in play["vars"]["check_access_services"] for service in ACCESS_SERVICES)
