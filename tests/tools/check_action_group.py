# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check that modules are in the action groups of meta/runtime.yml that their documentation names.

`module_defaults` for a group reach the listed modules alone. Every module that takes the options for signing in is in
`all`, at most in one other group, and documents that by the fragment `_attributes.actiongroup_GROUP`. An action plugin
without a module of its name would be unreachable for users.
"""

from __future__ import annotations

import re
import sys

import yaml
from results import ROOT


def main() -> int:
    """Print each difference; the exit status is 0 when there is none."""
    groups: dict[str, list[str]] = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))[
        "action_groups"
    ]
    documents = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "plugins/modules").glob("*.py")}
    modules = set(documents)
    actions = {path.stem for path in (ROOT / "plugins/action").glob("*.py")}
    signing_in = {name for name, text in documents.items() if "provisioning._auth\n" in text}
    faults = [f"{name}: signs in, but is not in the group all" for name in sorted(signing_in - set(groups["all"]))]
    for group, names in groups.items():
        faults += [f"{name}: in the group {group}, but not a module" for name in sorted(set(names) - modules)]
        if names != sorted(names):
            faults.append(f"{group}: not in alphabetical order")
    for name, text in sorted(documents.items()):
        others = [group for group, names in groups.items() if name in names and group != "all"]
        wanted = others or [group for group, names in groups.items() if name in names]
        documented = re.findall(r"provisioning\._attributes\.actiongroup_(\w+)", text)
        if documented != wanted:
            faults.append(f"{name}: documents the groups {documented}, and is in {wanted}")
    faults += [f"{name}: an action plugin without a module of its name" for name in sorted(actions - modules)]
    for fault in faults:
        print(fault)
    print(f"{len(modules)} modules, {len(actions)} action plugins")
    return 1 if faults or not modules else 0


if __name__ == "__main__":
    sys.exit(main())
