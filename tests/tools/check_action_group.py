# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check that the action group `all` of meta/runtime.yml lists every module, and nothing else.

`module_defaults` for the group reaches the listed modules alone. A module documents its membership by an attribute,
and an action plugin without a module of its name would be unreachable for users.
"""

from __future__ import annotations

import sys

import yaml
from results import ROOT


def main() -> int:
    """Print each difference; the exit status is 0 when there is none."""
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))
    listed = set(runtime["action_groups"]["all"])
    modules = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")} - {"__init__"}
    actions = {path.stem for path in (ROOT / "plugins/action").glob("*.py")} - {"__init__"}
    faults = [f"{name}: a module, but not in the action group" for name in sorted(modules - listed)]
    faults += [f"{name}: in the action group, but not a module" for name in sorted(listed - modules)]
    faults += [f"{name}: an action plugin without a module of its name" for name in sorted(actions - modules)]
    for fault in faults:
        print(fault)
    print(f"{len(modules)} modules, {len(actions)} action plugins")
    return 1 if faults or not modules else 0


if __name__ == "__main__":
    sys.exit(main())
