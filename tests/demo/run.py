# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show the collection at work: five licenses onto two hosts by the role, and again, from each license service.

The services are the emulator's. The two hosts are directories of this machine with a connection, a temporary directory
and a stage of their own each. Then an app is provisioned in an image file, on a simulated Windows build host.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import typing as t
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from demo.windows_build_host import demonstrate as demonstrate_windows
from emulator.client import Emulator

LICENSES = 5
HOSTS = ("builder-1", "builder-2")
PLAYBOOK = "msdevices.provisioning.stage_offline_licenses"
Files = dict[str, tuple[bytes, int]]


@dataclass(frozen=True)
class Service:
    """A license service, and what a user says to get licenses from it."""

    name: str
    listener: str
    """The emulator's name for it."""
    variables: dict[str, t.Any]
    credential: dict[str, str]
    """By environment variable."""
    requests: tuple[int, int, int]
    """How many requests the first run has to make: for tokens, to the catalog, and for licenses."""


@dataclass(frozen=True)
class Outcome:
    """What two runs did: the requests of both, as in Service, and the files with their content and time of change."""

    first: tuple[int, int, int]
    second: tuple[int, int, int]
    files: Files
    untouched: bool

    def as_promised(self, service: Service) -> bool:
        """Tell whether it is what the demonstration promises."""
        arrived = len(self.files) == len(HOSTS) * (LICENSES + 1)
        return arrived and self.untouched and (self.first, self.second) == (service.requests, (0, 0, 0))


def say(text: str) -> None:
    """Print a headline."""
    print(f"\n=== {text}", flush=True)


def services(emulator: Emulator) -> list[Service]:
    """Return both services: an application asks the one by content ids, a user the other by products."""
    licenses = emulator.licenses(LICENSES)
    common = {
        "offline_licenses_tenant_id": emulator.tenant_id,
        "offline_licenses_authority": emulator.entra,
        "offline_licenses_ca_path": emulator.ca_path,
    }
    return [
        Service(
            "store_for_business",
            "store",
            {
                **common,
                "offline_licenses_service": "store_for_business",
                "offline_licenses_list": licenses,
                "offline_licenses_client_id": emulator.client_id,
                "offline_licenses_base_url": emulator.store,
            },
            {"AZURE_CLIENT_SECRET": emulator.client_secret},
            (1, 0, LICENSES),
        ),
        Service(
            "store_licensing",
            "licensing",
            {
                **common,
                "offline_licenses_service": "store_licensing",
                "offline_licenses_list": [{"product_id": item["product_id"]} for item in licenses],
                "offline_licenses_client_id": emulator.public_client_id,
                "offline_licenses_base_url": emulator.licensing,
                "offline_licenses_catalog_base_url": emulator.catalog,
            },
            {"MSDEVICES_REFRESH_TOKEN": emulator.public_refresh_token},
            # A token for each of the two services that are asked.
            (2, LICENSES, LICENSES),
        ),
    ]


def inventory(work: pathlib.Path) -> dict[str, t.Any]:
    """Describe the hosts."""
    hosts = {}
    for name in HOSTS:
        (work / name).mkdir()
        hosts[name] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_remote_tmp": str(work / name / "tmp"),
            "offline_licenses_dest": f"{work / name}/{{{{ offline_licenses_service }}}}",
        }
    return {"image_builders": {"hosts": hosts}}


def play(work: pathlib.Path, service: Service) -> None:
    """Run the collection's playbook."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "MSDEVICES_"))}
    environment.update(service.credential)
    command = ["ansible-playbook", "-i", "inventory.json", "-e", f"@{service.name}.json", PLAYBOOK]
    print("$ " + " ".join(command), flush=True)
    subprocess.run(command, cwd=work, env=environment, check=True)


def files(work: pathlib.Path, service: Service) -> Files:
    """Return what a service's licenses are on the hosts: path to content and time of change (nanoseconds)."""
    found = {}
    for name in HOSTS:
        for path in sorted((work / name / service.name).iterdir()):
            found[str(path.relative_to(work))] = (path.read_bytes(), path.stat().st_mtime_ns)
    return found


def requests(emulator: Emulator, service: Service) -> tuple[int, int, int]:
    """Count the requests since the last reset: for tokens, to the catalog, for licenses."""
    return emulator.token_requests(), emulator.count("catalog"), emulator.count(service.listener)


def demonstrate(work: pathlib.Path, emulator: Emulator, service: Service) -> Outcome:
    """Stage from one service, twice."""
    emulator.reset()
    (work / f"{service.name}.json").write_text(json.dumps(service.variables))
    say(f"{service.name}, first run: {LICENSES} licenses onto {len(HOSTS)} hosts")
    play(work, service)
    first, arrived = requests(emulator, service), files(work, service)
    emulator.reset()
    say(f"{service.name}, second run: everything is there already")
    play(work, service)
    return Outcome(first, requests(emulator, service), arrived, files(work, service) == arrived)


def licenses_of(outcome: Outcome) -> dict[str, bytes]:
    """The license files by name; on all hosts they are the same."""
    return {path.rpartition("/")[2]: data for path, (data, _changed) in outcome.files.items() if path.endswith(".xml")}


def compare(all_services: list[Service], outcomes: list[Outcome]) -> bool:
    """Show what arrived and the requests of both side by side; return whether both handed out the same licenses."""
    same = licenses_of(outcomes[0]) == licenses_of(outcomes[1])
    say("What arrived where")
    for outcome in outcomes:
        for path, (data, _changed) in outcome.files.items():
            print(f"{len(data):>6} bytes  {path}")
    print(f"\nThe licenses of both services are {'the same, to the byte' if same else 'NOT the same'}.")

    say(f"Both services side by side, for {len(HOSTS)} hosts together")
    rows: list[tuple[str, ...]] = [("", *(service.name for service in all_services))]
    rows.append(("asked for by", "content id", "product alone"))
    rows.append(("signed in as", "an application", "a user"))
    for run in ("first", "second"):
        for number, what in enumerate(("for a token", "to the catalog", "for licenses")):
            rows.append((f"{run} run, requests {what}", *(str(getattr(one, run)[number]) for one in outcomes)))
    rows.append(("second run, files", *("untouched" if outcome.untouched else "CHANGED" for outcome in outcomes)))
    for row in rows:
        print(f"{row[0]:<36}{row[1]:<22}{row[2]}")
    return same


def main() -> int:
    """Run the demonstration; the exit status is 0 when all went as it promises."""
    with tempfile.TemporaryDirectory(prefix="msdevices-demo-") as directory, Emulator.start() as emulator:
        work = pathlib.Path(directory)
        (work / "inventory.json").write_text(json.dumps(inventory(work)))
        both = services(emulator)
        outcomes = [demonstrate(work, emulator, service) for service in both]
        same = compare(both, outcomes)
        say("A Windows build host. The host, its DISM and the image file are simulated")
        provisioned = demonstrate_windows(work, emulator)
        good = (
            provisioned and same and all(one.as_promised(service) for service, one in zip(both, outcomes, strict=True))
        )
        say("The demonstration went as promised" if good else "The demonstration did NOT go as promised")
        return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
