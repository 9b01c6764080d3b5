# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the execution environment where neither a container registry nor a Galaxy server can be reached.

The definition is the one at the root of the repository. Its base image gives way to one made by debootstrap, with the
Python and the package manager that it has, all by build arguments that users have, too; and collections come from
archives. Everything else is as users get it.
"""

from __future__ import annotations

import pathlib
import shlex
import shutil
import subprocess
import sys

import pip_access
import yaml
from containers import BASE_IMAGE, base_image_command
from results import ROOT

DEFINITION = ROOT / "execution-environment.yml"
IMAGE = "localhost/msdevices-execution-environment"
PYTHON = "/usr/local/bin/python3"
PYTHON_PACKAGE = "python3-venv"
PACKAGE_MANAGER = "/usr/bin/apt-get"
_PREPARED_BASE = "localhost/msdevices-execution-environment-base"
# Base images for execution environments have a package manager that knows its packages, and a Python of their own,
# to which pip may add. Of Ubuntu, debootstrap knows the main component alone, and sshpass is in another one.
_PREPARATION = f"""\
FROM {BASE_IMAGE}
RUN printf '%s;\\n' 'APT::Install-Recommends "0"' 'Acquire::GzipIndexes "1"' 'Dir::Cache::pkgcache ""' \\
        'Dir::Cache::srcpkgcache ""' >/etc/apt/apt.conf.d/90-small && \\
    if grep -qx ID=ubuntu /etc/os-release; then sed -i 's/ main$/ main universe/' /etc/apt/sources.list; fi && \\
    apt-get update -qq && \\
    python3 -m venv --without-pip {pathlib.PurePath(PYTHON).parents[1]}
"""
# No process of these containers needs limits or namespaces of its own; so no runtime is needed that sets them up, which
# inside another container may not be allowed. Without layers, nothing remains of a build but its image.
_BUILD_OPTIONS = ["--isolation", "chroot", "--network", "host", "--layers=false"]


def tool(name: str) -> str:
    """The path of a command of this virtual environment."""
    return str(pathlib.Path(sys.executable).with_name(name))


def offline_definition(directory: pathlib.Path, archives: list[pathlib.Path]) -> pathlib.Path:
    """Write the definition with collections from these archives into the directory; return its path."""
    definition = yaml.safe_load(DEFINITION.read_text(encoding="utf-8"))
    definition["dependencies"]["galaxy"] = {
        "collections": [{"name": f"archives/{archive.name}", "type": "file"} for archive in archives]
    }
    definition["additional_build_files"] = [{"src": str(archive), "dest": "archives"} for archive in archives]
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / DEFINITION.name
    path.write_text(yaml.safe_dump(definition, sort_keys=False), encoding="utf-8")
    return path


def build_image(definition: pathlib.Path, context: pathlib.Path) -> str:
    """Build the image by ansible-builder and podman, showing what they say; return its name.

    The directory `context` is made anew.
    """
    shutil.rmtree(context, ignore_errors=True)
    _run(base_image_command())
    _run(["podman", "build", *_BUILD_OPTIONS, "--tag", _PREPARED_BASE, "-"], _PREPARATION)
    options = [*_BUILD_OPTIONS]
    for volume in pip_access.volumes(context.with_name("pip")):
        options += ["--volume", volume]
    arguments = {
        "EE_BASE_IMAGE": _PREPARED_BASE,
        "PYCMD": PYTHON,
        "PYPKG": PYTHON_PACKAGE,
        "PKGMGR": PACKAGE_MANAGER,
    }
    command = [tool("ansible-builder"), "build", "--file", str(definition), "--context", str(context), "-v3"]
    command += ["--container-runtime", "podman", "--tag", IMAGE, "--extra-build-cli-args", shlex.join(options)]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    _run(command)
    return IMAGE


def remove_images() -> None:
    """Remove the images of this module, of this run and of runs that were interrupted; the base stays."""
    _run(["podman", "rmi", "--force", "--ignore", IMAGE, _PREPARED_BASE])


def _run(command: list[str], stdin: str = "") -> None:
    subprocess.run(command, cwd=ROOT, check=True, input=stdin, text=True)
