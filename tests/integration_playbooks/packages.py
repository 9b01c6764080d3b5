# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs whose tasks stage packages: without any sign-in, with a package cache of their own."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from emulator.client import Emulator

from .harness import Lab, Run

MODULE = "msdevices.provisioning.ms_store_package"
MANIFEST = ".ms_offline_license.json"


def package_options(emulator: Emulator) -> dict[str, Any]:
    """The options that lead to the catalog, the delivery service and the CDN."""
    return {
        "base_url": emulator.delivery,
        "catalog_base_url": emulator.catalog,
        "ca_path": emulator.both_ca_path,
        "download_hosts": ["localhost"],
    }


def prepared(lab: Lab) -> Lab:
    """Have the tasks of a lab stage packages."""
    lab.environment = {}
    lab.defaults = {**package_options(lab.emulator), "package_cache": str(lab.directory / "cache")}
    return lab


def package_task(name: str = "packages", **options: Any) -> dict[str, Any]:
    """A task of the module, with dest unless it is given (none: without)."""
    options.setdefault("dest", "{{ stage }}")
    return {"name": name, MODULE: {key: value for key, value in options.items() if value is not None}}


def staged(lab: Lab, host: str = "linux1") -> dict[str, bytes]:
    """What lies in a Linux host's directory, by path relative to it, without the manifest."""
    root = lab.stage(host)
    found = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if name != MANIFEST}


def check_files(app: dict[str, Any]) -> None:
    """Check that the files of a result are on the host, as the result says."""
    for file in app["files"]:
        data = Path(file["path"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["size"], file["sha256"]), file


def downloads(run: Run) -> Counter[str]:
    """How often each file was requested from the CDN, by package full name."""
    return Counter(item["note"] for item in run.requests if item["listener"] == "cdn")


def counts(run: Run) -> dict[str, int]:
    """How many requests reached each service."""
    return dict(Counter(item["listener"] for item in run.requests))
