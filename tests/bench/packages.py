# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages: a large one against curl, many apps against the floor, many hosts, and runs that are killed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import typing as t
import urllib.request

from emulator.client import Emulator
from harness import Figure, Run, median, report, run_play

MEBIBYTE = 1024 * 1024
LARGE_MIB = int(os.environ.get("BENCH_PACKAGE_MIB", "1024"))
LATENCY_MS = 100
CONCURRENCY = 16
APPS = 20
HOSTS = 50
KILLS = 20
KILLED_MIB = 100
REPEATS = 3


def tasks(
    emulator: Emulator, products: t.Sequence[int], cache: pathlib.Path, **options: t.Any
) -> list[dict[str, t.Any]]:
    """What a user writes."""
    return [
        {
            "name": "Stage the packages",
            "msdevices.provisioning.ms_store_package": {
                "apps": [{"product_id": emulator.product(index).product_id} for index in products],
                "dest": "{{ stage }}",
                "base_url": emulator.delivery,
                "catalog_base_url": emulator.catalog,
                "download_hosts": ["localhost"],
                "ca_path": emulator.both_ca_path,
                "package_cache": str(cache),
                **options,
            },
        }
    ]


class Bench:
    """Measures with one emulator, in one directory."""

    def __init__(self, emulator: Emulator, work: pathlib.Path) -> None:
        self.emulator = emulator
        self.work = work
        self.cache = work / "cache"

    def clean(self) -> None:
        """Forget what was downloaded and staged."""
        for path in (self.cache, self.work / "hosts"):
            shutil.rmtree(path, ignore_errors=True)
        self.emulator.reset()

    def run(self, products: t.Sequence[int], hosts: int = 1, **options: t.Any) -> Run:
        """Stage products on hosts."""
        return self.play(tasks(self.emulator, products, self.cache, **options), hosts)

    def play(self, play: list[dict[str, t.Any]], hosts: int = 1) -> Run:
        """Run tasks on hosts, each with a directory of its own."""
        variables = {f"host{number}": {"stage": str(self.work / "hosts" / str(number))} for number in range(hosts)}
        for host in variables.values():
            pathlib.Path(host["stage"]).mkdir(parents=True, exist_ok=True)
        return run_play(self.work, variables, play, forks=10 if hosts > 1 else 5)

    def main_file(self, index: int) -> dict[str, t.Any]:
        """The main package of a product, as the delivery service lists it."""
        release = self.emulator.release(index)
        url = f"{self.emulator.delivery}/api/v2/contents/storeapps/namespaces/default/names/{release.category}"
        url += f"/versions/{release.version}/files?action=GenerateDownloadInfo"
        context = ssl.create_default_context(cafile=self.emulator.delivery_ca_path)
        with urllib.request.urlopen(urllib.request.Request(url, method="POST"), context=context) as answer:
            return dict(json.load(answer)[0])


def large(bench: Bench) -> list[Figure]:
    """One large package: the run against curl and sha256sum from the same server."""
    bench.emulator.settings(package_padding=LARGE_MIB * MEBIBYTE)
    options = {"dependencies": False}
    bench.main_file(0)
    ours, theirs, trivial = [], [], []
    target = bench.work / "curl"
    for _repeat in range(REPEATS):
        bench.clean()
        bench.emulator.settings(package_padding=LARGE_MIB * MEBIBYTE)
        entry = bench.main_file(0)
        started = time.perf_counter()
        subprocess.run(["curl", "-sS", "-o", str(target), entry["Url"]], check=True)
        subprocess.run(["sha256sum", str(target)], check=True, stdout=subprocess.DEVNULL)
        theirs.append(time.perf_counter() - started)
        target.unlink()
        trivial.append(bench.play([{"name": "Reach the host", "ansible.builtin.ping": {}}]))
        ours.append(bench.run([0], **options))
    curl, floor = sorted(theirs)[len(theirs) // 2], median(trivial)
    name = f"{LARGE_MIB} MiB"
    return [
        Figure(f"{name}: curl and sha256sum", curl, "s"),
        Figure(f"{name}: trivial play", floor, "s"),
        Figure(f"{name}: the collection, download to staged", median(ours), "s"),
        Figure(
            f"{name}: collection / (trivial play + curl and sha256sum)",
            median(ours) / (floor + curl),
            "times",
            most=1.25,
        ),
        Figure(f"{name}: peak memory of a controller process", max(run.peak_mib for run in ours), "MiB", most=160),
    ]


def many(bench: Bench) -> list[Figure]:
    """Twenty apps with four dependencies each."""
    products = list(range(2, 3 * APPS, 3))
    ours, trivial = [], []
    requests = transfers = 0
    for _repeat in range(REPEATS):
        bench.clean()
        trivial.append(bench.play([{"name": "Reach the host", "ansible.builtin.ping": {}}]))
        before = bench.emulator.count()
        ours.append(bench.run(products))
        requests = bench.emulator.count() - before
        transfers = bench.emulator.count("cdn")
    names = [item["note"] for item in bench.emulator.requests("cdn")]
    floor = median(trivial) + requests / CONCURRENCY * LATENCY_MS / 1000
    return [
        Figure(f"{APPS} apps: requests", requests, ""),
        Figure(f"{APPS} apps: files that were downloaded twice", transfers - len(set(names)), "", most=0),
        Figure(f"{APPS} apps: floor (trivial play {median(trivial):.2f} s + waiting)", floor, "s"),
        Figure(f"{APPS} apps: the collection", median(ours), "s"),
        Figure(f"{APPS} apps: collection / floor", median(ours) / floor, "times", most=1.3),
    ]


def hosts(bench: Bench) -> list[Figure]:
    """Fifty hosts: one download of each file; a run that changes nothing against stat."""
    bench.clean()
    first = bench.run([2], HOSTS)
    downloads = bench.emulator.count("cdn")
    files = len({item["note"] for item in bench.emulator.requests("cdn")})
    selects = bench.emulator.count("delivery", path_contains="latest")
    bench.emulator.reset()
    again, stat = [], []
    look = [{"name": "Look", "ansible.builtin.stat": {"path": "{{ stage }}/.ms_offline_license.json"}}]
    for _repeat in range(REPEATS):
        stat.append(bench.play(look, HOSTS))
        again.append(bench.run([2], HOSTS))
    present = bench.emulator.count()
    bench.run([2], HOSTS, state="latest")
    return [
        Figure(f"{HOSTS} hosts: first run", first.seconds, "s"),
        Figure(f"{HOSTS} hosts: downloads of {files} files", downloads, "", most=files),
        Figure(f"{HOSTS} hosts: requests for the newest version", selects, "", most=1),
        Figure(f"{HOSTS} hosts: requests of unchanged runs (present)", present, "", most=0),
        Figure(f"{HOSTS} hosts: requests of an unchanged run (latest)", bench.emulator.count(), "", most=1),
        Figure(f"{HOSTS} hosts: unchanged run", median(again), "s"),
        Figure(f"{HOSTS} hosts: unchanged run / stat", median(again) / median(stat), "times", most=1.25),
    ]


def kills(bench: Bench) -> list[Figure]:
    """Runs that are killed at random moments: nothing wrong under a final name, little fetched twice."""
    bench.clean()
    bench.emulator.settings(package_padding=KILLED_MIB * MEBIBYTE)
    entry = bench.main_file(0)
    started = time.perf_counter()
    bench.run([0], dependencies=False)
    whole = time.perf_counter() - started
    play = tasks(bench.emulator, [0], bench.cache, dependencies=False)
    bench.clean()
    bench.emulator.settings(package_padding=KILLED_MIB * MEBIBYTE)
    moments = random.Random(20)
    wrong, worst = 0, 0
    for _kill in range(KILLS):
        if bench.cache.exists() and not list(bench.cache.glob("*.part")):
            shutil.rmtree(bench.cache)
        parts = {path: path.stat().st_size for path in bench.cache.glob("*.part")}
        seen = max((item["id"] for item in bench.emulator.requests()), default=0)
        _kill_play(bench, play, moments.uniform(0.3, 1.0) * whole)
        for size in parts.values():
            ranges = [item["headers"].get("range", "bytes=0-") for item in bench.emulator.requests("cdn", after=seen)]
            starts = [int(one.partition("=")[2].partition("-")[0]) for one in ranges]
            worst = max([worst, *(size - start for start in starts)])
        for path in (bench.work / "hosts").rglob("*.*x*"):
            if path.is_file() and path.suffix.startswith((".msix", ".appx")):
                wrong += hashlib.sha256(path.read_bytes()).hexdigest() != _hex(entry)
    bench.run([0], dependencies=False)
    return [
        Figure(f"{KILLS} kills: files under a final name that are wrong", wrong, "", most=0),
        Figure(f"{KILLS} kills: bytes of {KILLED_MIB} MiB fetched twice, at most", worst / MEBIBYTE, "MiB", most=1),
    ]


def _hex(entry: dict[str, t.Any]) -> str:
    return base64.b64decode(entry["Hashes"]["SHA256"]).hex()


def _kill_play(bench: Bench, play: list[dict[str, t.Any]], seconds: float) -> None:
    """Start a play, and kill all of its processes after some time."""
    stage = bench.work / "hosts" / "0"
    stage.mkdir(parents=True, exist_ok=True)
    (bench.work / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": play}]))
    inventory = {"all": {"hosts": {"host0": {"ansible_connection": "local", "stage": str(stage)}}}}
    (bench.work / "inventory.json").write_text(json.dumps(inventory))
    command = ["ansible-playbook", "-i", "inventory.json", "play.json"]
    with open(bench.work / "output", "wb") as output:
        process = subprocess.Popen(command, cwd=bench.work, stdout=output, stderr=output, start_new_session=True)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def main() -> bool:
    """Measure, print and keep; return whether the targets are reached."""
    reached = []
    with tempfile.TemporaryDirectory(prefix="msdevices-bench-") as work:
        with Emulator.start() as emulator:
            bench = Bench(emulator, pathlib.Path(work))
            reached.append(report("A large package, one host", large(bench)))
            reached.append(report("Packages, killed runs", kills(bench)))
        with Emulator.start(latency_ms=LATENCY_MS) as emulator:
            bench = Bench(emulator, pathlib.Path(work))
            reached.append(report(f"Packages, {LATENCY_MS} ms latency, one host", many(bench)))
            reached.append(report(f"Packages, {LATENCY_MS} ms latency, {HOSTS} hosts", hosts(bench)))
    return all(reached)
