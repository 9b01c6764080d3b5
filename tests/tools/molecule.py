# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the molecule scenarios action by action and count each action that passed.

The actions are those of `molecule test`, in its order. They run as separate commands, so that each has an exit status
of its own. Whatever fails, the instances are destroyed in the end.
"""

from __future__ import annotations

import os
import pathlib
import sys

from containers import BASE_IMAGE, base_image_command
from results import ROOT, Counts, Step, run_step, write_counts

ACTIONS = ("syntax", "create", "prepare", "converge", "idempotence", "verify")


def scenarios() -> list[str]:
    """The names of the scenarios, sorted."""
    return sorted(path.parent.name for path in ROOT.glob("extensions/molecule/*/molecule.yml"))


def run_scenario(name: str, environment: dict[str, str]) -> Counts:
    """Run the actions of one scenario up to the first that fails; clean up before and after."""

    def passes(action: str) -> bool:
        return run_step(
            Step(
                name=f"{name}: {action}",
                command=[sys.executable, "-m", "molecule", action, "--scenario-name", name],
                environment=environment,
            )
        )

    counts = Counts()
    if not passes("destroy"):
        return Counts(failed=1)
    try:
        for action in ACTIONS:
            if not passes(action):
                counts.failed += 1
                break
            counts.passed += 1
    finally:
        counts += Counts(passed=1) if passes("destroy") else Counts(failed=1)
    return counts


def main() -> int:
    """Run the scenarios; the exit status is 0 when every action passed."""
    environment = dict(os.environ)
    environment["MSDEVICES_IMAGE"] = BASE_IMAGE
    environment["PATH"] = os.pathsep.join([str(pathlib.Path(sys.executable).parent), environment["PATH"]])
    counts = Counts()
    if run_step(Step(name="image", command=base_image_command())):
        counts.passed += 1
        for name in scenarios():
            counts += run_scenario(name, environment)
    else:
        counts.failed += 1
    print(f"\n{counts.passed} passed, {counts.failed} failed")
    write_counts("molecule", counts)
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
