# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apps into a WIM file with as many files as a real one, on a Linux host: an unchanged run, and a large change."""

from __future__ import annotations

import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t

from emulator.packages import Package, package_bytes
from harness import Figure, report

FILES = 120_000
PACKAGES = 4
PACKAGE_MIB = 50
REPEATS = int(os.environ.get("BENCH_IMAGE_REPEATS", "3"))
_MODULE = "ansible_collections.msdevices.provisioning.plugins.modules.ms_provisioned_app"
_ROOT = "/Windows/Setup/Scripts/msdevices/apps"


class Bench:
    """A WIM file, packages, and the module as it runs on a host."""

    def __init__(self, work: pathlib.Path) -> None:
        self.work = work
        self.image = work / "install.wim"
        self.packages: list[pathlib.Path] = []
        tree = work / "tree" / "Windows" / "WinSxS"
        for number in range(FILES):
            directory = tree / f"component{number // 100:04}"
            if number % 100 == 0:
                directory.mkdir(parents=True)
            (directory / f"file{number % 100:02}.dll").write_bytes(b"MZ" + number.to_bytes(4, "big"))
        subprocess.run(
            ["wimlib-imagex", "capture", work / "tree", self.image, "Windows 11 Pro", "--compress=LZX"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        shutil.rmtree(work / "tree")
        for number in range(PACKAGES):
            path = work / f"app{number}.msix"
            package = Package(f"Contoso.App{number}", "1.0.0.0", "CN=Contoso", ("x64",), ".msix")
            # A package is a ZIP file, before which may stand what cannot be compressed.
            path.write_bytes(random.Random(number).randbytes(PACKAGE_MIB * 1024 * 1024) + package_bytes(package))
            self.packages.append(path)

    def module(self, image: pathlib.Path) -> tuple[float, float, bool]:
        """Run the module; return seconds, seconds of computing, and whether it changed something."""
        arguments = self.work / "arguments.json"
        apps = [{"package": str(path), "skip_license": True} for path in self.packages]
        options = {"apps": apps, "image_file": str(image), "index": 1}
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
        environment = {**os.environ, "XDG_CACHE_HOME": str(self.work / "cache"), "PYTHONPATH": ".build/collections"}
        with open(self.work / "output", "wb") as output:
            started = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, str(arguments)], env=environment, stdout=output, stderr=output
            )
            _pid, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
        result = json.loads((self.work / "output").read_text())
        if result.get("failed"):
            raise RuntimeError(result["msg"])
        return seconds, usage.ru_utime + usage.ru_stime, result["changed"]

    def wimupdate(self, image: pathlib.Path) -> float:
        """Add the same packages by one command of wimlib."""
        commands = "".join(
            f"add --no-acls {path} {_ROOT}/{number:03}/main.msix\n" for number, path in enumerate(self.packages, 1)
        )
        started = time.perf_counter()
        subprocess.run(
            ["wimlib-imagex", "update", image, "1"],
            input=commands.encode(),
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.perf_counter() - started

    def copy(self) -> pathlib.Path:
        """A copy of the image, and no hashes that are known."""
        shutil.rmtree(self.work / "cache", ignore_errors=True)
        target = self.work / "copy.wim"
        shutil.copyfile(self.image, target)
        return target


def _measure(bench: Bench) -> t.Iterator[tuple[float, float, float, float]]:
    """Yield seconds of a change by the module, of wimupdate alone, and of an unchanged run, and what that computes."""
    for _number in range(REPEATS):
        alone = bench.wimupdate(bench.copy())
        image = bench.copy()
        changed, _computed, did = bench.module(image)
        assert did
        before = image.stat()
        unchanged, computed, did = bench.module(image)
        assert not did
        assert (before.st_size, before.st_mtime_ns) == (image.stat().st_size, image.stat().st_mtime_ns)
        yield changed, alone, unchanged, computed


def main() -> bool:
    """Measure, print and keep; return whether the targets are reached."""
    with tempfile.TemporaryDirectory(prefix="msdevices-bench-") as work:
        measured = list(_measure(Bench(pathlib.Path(work))))
    changed, alone, unchanged, computed = (min(column) for column in zip(*measured, strict=True))
    return report(
        f"WIM file with {FILES} files, {PACKAGES * PACKAGE_MIB} MiB of packages, best of {REPEATS}",
        [
            Figure("wimupdate alone", alone, "s"),
            Figure("The module, all packages new", changed, "s"),
            Figure("… as a multiple of wimupdate alone", changed / alone, "", most=1.3),
            Figure("The module, nothing to do", unchanged, "s", most=1),
            Figure("… computing, which other work on the machine hardly changes", computed, "s"),
        ],
    )
