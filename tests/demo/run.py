# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show the collection at work: five licenses onto two hosts by the role, and again, against the emulator.

The two hosts are directories of this machine with a connection, a temporary directory and a stage of their own each.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import typing as t

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from emulator.client import Emulator

LICENSES = 5
HOSTS = ("builder-1", "builder-2")
PLAYBOOK = "msdevices.provisioning.stage_offline_licenses"


def say(text: str) -> None:
    """Print a headline."""
    print(f"\n=== {text}", flush=True)


def inventory(work: pathlib.Path) -> dict[str, t.Any]:
    """Describe the hosts."""
    hosts = {}
    for name in HOSTS:
        (work / name).mkdir()
        hosts[name] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_remote_tmp": str(work / name / "tmp"),
            "offline_licenses_dest": str(work / name / "licenses"),
        }
    return {"all": {"hosts": hosts}}


def variables(emulator: Emulator) -> dict[str, t.Any]:
    """Say what to stage, and where the services are; the secret comes from the environment."""
    return {
        "offline_licenses_list": emulator.licenses(LICENSES),
        "offline_licenses_tenant_id": emulator.tenant_id,
        "offline_licenses_client_id": emulator.client_id,
        "offline_licenses_authority": emulator.entra,
        "offline_licenses_base_url": emulator.store,
        "offline_licenses_ca_path": emulator.ca_path,
    }


def play(work: pathlib.Path, emulator: Emulator) -> None:
    """Run the collection's playbook."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "MSDEVICES_"))}
    environment["AZURE_CLIENT_SECRET"] = emulator.client_secret
    command = ["ansible-playbook", "-i", "inventory.json", "-e", "@variables.json", PLAYBOOK]
    print("$ " + " ".join(command), flush=True)
    subprocess.run(command, cwd=work, env=environment, check=True)


def files(work: pathlib.Path) -> dict[str, tuple[int, int]]:
    """Return what lies on the hosts: path to size and time of change (nanoseconds)."""
    found = {}
    for name in HOSTS:
        for path in sorted((work / name / "licenses").iterdir()):
            found[str(path.relative_to(work))] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


def main() -> int:
    """Run the demonstration; the exit status is 0 when all went as it promises."""
    with tempfile.TemporaryDirectory(prefix="msdevices-demo-") as directory, Emulator.start() as emulator:
        work = pathlib.Path(directory)
        (work / "inventory.json").write_text(json.dumps(inventory(work)))
        (work / "variables.json").write_text(json.dumps(variables(emulator)))

        say(f"First run: {LICENSES} licenses onto {len(HOSTS)} hosts")
        play(work, emulator)
        first = files(work)
        licenses, tokens = emulator.count("store"), emulator.token_requests()
        say("What arrived where")
        for path, (size, _changed) in first.items():
            print(f"{size:>6} bytes  {path}")
        print(f"\nRequests: {tokens} for a token, {licenses} for licenses, for {len(HOSTS)} hosts together.")

        emulator.reset()
        say("Second run: everything is there already")
        play(work, emulator)
        again = emulator.count()
        untouched = files(work) == first
        print(f"\nRequests: {again}. Files {'untouched' if untouched else 'CHANGED'}.")

        good = (licenses, tokens, again, untouched) == (LICENSES, 1, 0, True)
        good = good and len(first) == len(HOSTS) * (LICENSES + 1)
        say("The demonstration went as promised" if good else "The demonstration did NOT go as promised")
        return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
