# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staging licenses on one host: the collection, the playbook that a user would write without it, and the floor."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
import typing as t

from emulator.client import Emulator
from harness import Figure, Run, median, report, run_play

LATENCY_MS = 100
CONCURRENCY = 8
REPEATS = 3
# The numbers of licenses; the first is the one with a target.
SIZES = tuple(int(size) for size in os.environ.get("BENCH_SIZES", "200 10 100 1000").split())


def collection_tasks(emulator: Emulator, count: int) -> list[dict[str, t.Any]]:
    """What a user writes with the collection."""
    return [
        {
            "name": "Stage the licenses",
            "msdevices.provisioning.ms_offline_license": {
                "licenses": emulator.licenses(count),
                "dest": "{{ stage }}",
                "tenant_id": emulator.tenant_id,
                "client_id": emulator.client_id,
                "client_secret": emulator.client_secret,
                "authority": emulator.entra,
                "base_url": emulator.store,
                "ca_path": emulator.ca_path,
                "max_concurrency": CONCURRENCY,
            },
        }
    ]


def plain_tasks(emulator: Emulator, count: int) -> list[dict[str, t.Any]]:
    """What a user writes without it: sign in, ask in a loop, write in a loop."""
    return [
        {
            "name": "Sign in",
            "ansible.builtin.uri": {
                "url": f"{emulator.entra}/{emulator.tenant_id}/oauth2/v2.0/token",
                "method": "POST",
                "body_format": "form-urlencoded",
                "body": {
                    "grant_type": "client_credentials",
                    "client_id": emulator.client_id,
                    "client_secret": emulator.client_secret,
                    "scope": "https://onestore.microsoft.com/.default",
                },
                "ca_path": emulator.ca_path,
                "return_content": True,
            },
            "register": "signed_in",
        },
        {
            "name": "Ask for each license",
            "ansible.builtin.uri": {
                "url": emulator.store
                + "/V1/Products/{{ item.product_id }}/{{ item.sku_id }}/OfflineLicense/{{ item.content_id }}",
                "method": "POST",
                "headers": {"Authorization": "Bearer {{ signed_in.json.access_token }}"},
                "ca_path": emulator.ca_path,
                "return_content": True,
            },
            "loop": emulator.licenses(count),
            "loop_control": {"label": "{{ item.product_id }}"},
            "register": "answers",
        },
        {
            "name": "Write each license",
            "ansible.builtin.copy": {
                "content": "{{ item.json.licenseBlob | b64decode }}",
                "dest": "{{ stage }}/{{ item.item.product_id }}_{{ item.item.content_id }}_License1.xml",
                "mode": "0600",
            },
            "loop": "{{ answers.results }}",
            "loop_control": {"label": "{{ item.item.product_id }}"},
        },
    ]


def trivial_tasks() -> list[dict[str, t.Any]]:
    """One task that does nothing on the host."""
    return [{"name": "Reach the host", "ansible.builtin.ping": {}}]


class Bench:
    """Measures with one emulator and one host."""

    def __init__(self, emulator: Emulator, work: pathlib.Path) -> None:
        self._emulator = emulator
        self._work = work

    def _run(self, tasks: list[dict[str, t.Any]], expected: int, fresh: bool = True) -> Run:
        stage = self._work / "stage"
        if fresh:
            shutil.rmtree(stage, ignore_errors=True)
            stage.mkdir()
        run = run_play(self._work, {"builder": {"stage": str(stage)}}, tasks)
        found = len(list(stage.glob("*_License1.xml")))
        if found != expected:
            raise RuntimeError(f"{found} licenses were staged, not {expected}")
        return run

    def size(self, count: int) -> list[Figure]:
        """Measure all ways with this number of licenses."""
        ours, again, trivial = [], [], []
        for _repeat in range(REPEATS):
            trivial.append(self._run(trivial_tasks(), 0))
            ours.append(self._run(collection_tasks(self._emulator, count), count))
            again.append(self._run(collection_tasks(self._emulator, count), count, fresh=False))
        plain = self._run(plain_tasks(self._emulator, count), count)
        floor = median(trivial) + count / CONCURRENCY * LATENCY_MS / 1000
        aimed = count == SIZES[0]
        name = f"{count} licenses"
        return [
            Figure(f"{name}: the collection", median(ours), "s"),
            Figure(f"{name}: the collection, second run", median(again), "s"),
            Figure(f"{name}: uri and copy in loops", plain.seconds, "s"),
            Figure(f"{name}: floor (trivial play {median(trivial):.2f} s + waiting)", floor, "s"),
            Figure(f"{name}: loops / collection", plain.seconds / median(ours), "times", least=20 if aimed else None),
            Figure(f"{name}: collection / floor", median(ours) / floor, "times", most=1.5 if aimed else None),
            Figure(
                f"{name}: peak memory of a controller process",
                max(run.peak_mib for run in ours),
                "MiB",
                most=200 if count == 1000 else None,
            ),
        ]


def main() -> bool:
    """Measure, print and keep; tell whether the targets are reached."""
    figures = []
    with (
        tempfile.TemporaryDirectory(prefix="msdevices-bench-") as work,
        Emulator.start(latency_ms=LATENCY_MS) as emulator,
    ):
        bench = Bench(emulator, pathlib.Path(work))
        for count in SIZES:
            figures += bench.size(count)
            print(f"measured {count} licenses", flush=True)
    return report(f"Licenses, {LATENCY_MS} ms latency, {CONCURRENCY} at a time, one host", figures)
