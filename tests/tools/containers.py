# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the suites with containers share: the image that all are made from, and what podman has to be told here."""

from __future__ import annotations

import pathlib
import re

from results import BUILD, ROOT

BASE_IMAGE = "localhost/msdevices-stage"
"""A minimal Debian (or Ubuntu) with Python."""
_CAP_SYS_RESOURCE = 24


def base_image_command() -> list[str]:
    """The command that makes BASE_IMAGE, unless there is one. It needs root, podman and debootstrap."""
    return ["sh", str(ROOT / "tests/tools/build_image.sh"), BASE_IMAGE, str(BUILD / "image")]


def run_options() -> list[str]:
    """The options of `podman run` without which a container does not start inside another container.

    Without the capability SYS_RESOURCE a container cannot have the limits that podman asks for by default, and crun
    gives up.
    """
    status = pathlib.Path("/proc/self/status").read_text(encoding="ascii")
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    if effective is None or int(effective.group(1), 16) >> _CAP_SYS_RESOURCE & 1:
        return []
    return ["--runtime", "runc", "--ulimit", "nofile=1024:4096", "--ulimit", "nproc=1024:1024"]
