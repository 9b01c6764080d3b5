# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose Python adds facts with names of this collection decides nothing: no request, no secret, no file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .harness import Lab

ROLES = tuple(f"msdevices.provisioning.{name}" for name in ("offline_licenses", "license_templates", "store_apps"))
# Runs what Ansible sends, as Python does, and adds facts to what modules return.
_INTERPRETER = """#!{python}
import json, subprocess, sys
run = subprocess.run([{python!r}, *sys.argv[1:]], stdin=sys.stdin, capture_output=True, text=True)
output = run.stdout
try:
    result = json.loads(output[output.index("{{"):])
    result.setdefault("ansible_facts", {{}}).update(json.loads({facts!r}))
    output = json.dumps(result)
except ValueError:
    pass
print(output)
sys.stderr.write(run.stderr)
"""


@pytest.mark.smoke
def test_facts_with_names_of_the_collection(lab: Lab, tmp_path: Path) -> None:
    """The host would have the controller sign in at another server, with its secret, without verifying it."""
    emulator = lab.emulator
    token_file = tmp_path / "authorized_keys"
    chosen = {
        "authority": emulator.entra,
        "base_url": emulator.store,
        "validate_certs": False,
        "refresh_token_file": str(token_file),
    }
    prefixes = "offline_licenses", "store_apps", "msdevices"
    facts = {f"{prefix}_{name}": value for name, value in chosen.items() for prefix in prefixes}
    facts |= {"license_templates_authority": emulator.entra, "ansible_facts": {}, "__offline_licenses_options": {}}
    python = tmp_path / "python"
    python.write_text(_INTERPRETER.format(python=sys.executable, facts=json.dumps(facts)), encoding="utf-8")
    python.chmod(0o755)
    license_ids = emulator.product(0).request()
    term = f"{license_ids['product_id']}/{license_ids['content_id']}"
    variables = {
        "offline_licenses_dest": "{{ stage }}",
        "offline_licenses_list": [license_ids],
        "license_templates_dest": "{{ stage }}",
        "license_templates_list": [term],
        "store_apps_dest": "{{ stage }}",
        "store_apps_list": [license_ids["product_id"]],
    }
    tasks: list[dict[str, Any]] = [
        {"name": "facts come", "ansible.builtin.stat": {"path": "/"}},
        lab.task("module", licenses=[license_ids]),
        {
            "name": "lookup",
            "ansible.builtin.debug": {
                "msg": f"{{{{ lookup('msdevices.provisioning.ms_offline_license', '{term}') }}}}"
            },
        },
        *({"name": role, "ansible.builtin.include_role": {"name": role}} for role in ROLES),
    ]
    play = lab.play([], vars={"ansible_python_interpreter": str(python), **variables}, module_defaults={})
    messages = {}
    for task in tasks[1:]:
        # A role's own first module brings the facts, too.
        before = [] if task["name"] in ROLES else tasks[:1]
        run = lab.run_plays([{**play, "tasks": [*before, task]}], "-vvv")
        assert run.status == 2, run.output
        messages[task["name"]] = [str(item["result"].get("msg")) for item in run.sequence if item["state"] == "failed"]
        assert run.requests == []
        assert run.connections == 0
        assert emulator.client_secret not in run.output
        assert lab.files("linux1") == {}
        assert not token_file.exists()
    for name, found in messages.items():
        assert len(found) == 1, name
        assert "the host returned facts with names of variables of this collection" in found[0], name
        assert "inject_facts_as_vars = false" in found[0]
