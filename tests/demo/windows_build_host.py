# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Windows build host in the demonstration: from a product id to an image file in which the app is provisioned.

The host, its DISM and the image file are simulated.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import typing as t

from emulator.client import Emulator
from windows_standin.harness import WindowsHosts

HOST = "windows-builder"
IMAGE = r"C:\images\install.wim"
_COLLECTION = "msdevices.provisioning"


def _play(emulator: Emulator) -> list[dict[str, t.Any]]:
    product = emulator.product(0)
    folder = rf"C:\stage\{product.product_id}"
    packages = {
        "product_id": product.product_id,
        "dest": r"C:\stage",
        "base_url": emulator.delivery,
        "catalog_base_url": emulator.catalog,
        "ca_path": emulator.both_ca_path,
        "download_hosts": ["localhost"],
    }
    licenses = {
        **product.request(),
        "dest": folder,
        "tenant_id": emulator.tenant_id,
        "client_id": emulator.client_id,
        "authority": emulator.entra,
        "base_url": emulator.store,
        "ca_path": emulator.ca_path,
    }
    provisioning = {"package": folder, "image_file": IMAGE, "index": 1, "mount_dir": r"C:\mount"}
    tasks = [
        {"name": "Stage the packages", f"{_COLLECTION}.ms_store_package": packages},
        {"name": "Stage the license", f"{_COLLECTION}.ms_offline_license": licenses},
        {"name": "Provision the app in the image file", f"{_COLLECTION}.ms_provisioned_app": provisioning},
    ]
    return [{"hosts": "all", "gather_facts": False, "tasks": tasks}]


def demonstrate(work: pathlib.Path, emulator: Emulator) -> bool:
    """Run the play twice; return whether the second run changed nothing, and the app is in the image."""
    emulator.reset()
    windows = WindowsHosts(work / "windows", [HOST])
    windows.mkdir(HOST, r"C:\stage")
    windows.image_file(HOST, IMAGE, {"name": "Windows 11 Pro"})
    (work / "windows" / "inventory").write_text("\n".join(windows.inventory_lines) + "\n")
    (work / "windows" / "play.json").write_text(json.dumps(_play(emulator)))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "MSDEVICES_"))}
    environment = {**clean, **windows.env, "AZURE_CLIENT_SECRET": emulator.client_secret}
    images = []
    for run in ("first", "second"):
        print(f"\n--- {run} run", flush=True)
        windows.forget()
        subprocess.run(
            ["ansible-playbook", "-i", "inventory", "play.json"], cwd=work / "windows", env=environment, check=True
        )
        for call in windows.dism_calls(HOST):
            print(f"DISM: {call['status']}  {' '.join(call['arguments'])}")
        images.append(windows.read(HOST, IMAGE))
    steps = [call["step"] for call in windows.dism_calls(HOST)]
    (index,) = windows.indexes(HOST, IMAGE)
    print(f"\nIn the image: {', '.join(app['full_name'] for app in index['apps'])}")
    return images[0] == images[1] and len(index["apps"]) == 1 and not {"add", "commit"} & set(steps)
