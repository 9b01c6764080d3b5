# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the license lookup run as they are written, but for the ids, which must be the emulator's."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
import yaml
from emulator.client import Emulator

from ansible_collections.msdevices.provisioning.plugins.lookup import ms_offline_license

from .conftest import Served
from .harness import Lab
from .lookups import LICENSE, store

# Each license that the documentation names, in the order of its examples.
_DOCUMENTED = re.compile(r"(9[A-Z0-9]{11})/(?:0015/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def _tasks(emulator: Emulator) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The tasks of the examples with licenses that the emulator has, and those licenses in the order of the text."""
    text: str = ms_offline_license.EXAMPLES
    documented = list(dict.fromkeys(_DOCUMENTED.findall(text)))
    wanted = [emulator.product(index).request() for index in range(len(documented))]
    for (product_id, content_id), ids in zip(documented, wanted, strict=True):
        text = text.replace(product_id, ids["product_id"]).replace(content_id, ids["content_id"])
    return list(yaml.safe_load(text)), wanted


@pytest.mark.once
def test_examples_run(lab: Lab, served: Served) -> None:
    tasks, wanted = _tasks(lab.emulator)
    assert len(tasks) == len(re.findall(r"^- name:", ms_offline_license.EXAMPLES, re.MULTILINE)) >= 2
    assert all(LICENSE in yaml.dump(task) and task["no_log"] is True for task in tasks)
    emulator = lab.emulator
    variables = {
        **store(emulator),
        "stage_dir": "{{ stage }}",
        "tenant": emulator.tenant_id,
        "app": emulator.client_id,
        "app_secret": emulator.client_secret,
    }
    for task in tasks:
        # An example that holds its credential gets none from the environment.
        own = "client_secret" in yaml.dump(task)
        lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra} if own else emulator.environment()
        # What it set is compared on the host, since it may not show.
        compare = {
            "name": "compare",
            "ansible.builtin.copy": {
                "content": "{{ offline_licenses | default([]) | join('\n') }}",
                "dest": "{{ stage }}/fact",
                "mode": "0600",
            },
            "no_log": True,
        }
        run = lab.run([task, compare], vars=variables)
        assert run.status == 0, run.output
        assert "censored" in run.result("linux1", task["name"])
        if "ansible.builtin.set_fact" in task:
            assert lab.files("linux1")["fact"] == b"\n".join(served(ids) for ids in wanted)
    command = ET.fromstring(lab.files("linux1")["add_license.xml"])
    assert command.tag == "License"
    assert base64.b64decode(command.attrib["Content"], validate=True) == served(wanted[0])
