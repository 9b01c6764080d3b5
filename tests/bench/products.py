# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking up SKUs with their availabilities, for one host and for many, and keeping a large price sheet."""

from __future__ import annotations

import os
import pathlib
import tempfile
import typing as t

from emulator import partner_products
from emulator.client import Emulator
from harness import Figure, Run, median, report, run_play
from licenses import trivial_tasks
from offers import FORKS, HOSTS, LATENCY_MS, REPEATS, shared_options

PRODUCTS = "msdevices.provisioning.partner_product_info"
SHEET = "msdevices.provisioning.partner_price_sheet"
COUNT = int(os.environ.get("BENCH_SKUS", "300"))
CONCURRENCY = 16
SHEET_MIB = 42


def sku_ids(count: int) -> list[str]:
    """The ids of SKUs of license-based services."""
    skus = [sku for one in partner_products.products().values() for sku in one.skus if sku.license is not None]
    return [f"{sku.product_id}:{sku.id}" for sku in skus[:count]]


def plain_tasks(emulator: Emulator, ids: list[str]) -> list[dict[str, t.Any]]:
    """What a user writes without the collection: a loop for the SKUs, and one for their availabilities."""
    root = f"{emulator.partner_public}/v1/products/{{{{ item | split(':') | first }}}}/skus/{{{{ item[-4:] }}}}"
    asked = {
        "headers": {
            "Authorization": f"Bearer {emulator.access_tokens['partner_public']}",
            "Accept": "application/json",
            "X-Locale": "en-US",
        },
        "ca_path": emulator.ca_path,
        "return_content": True,
    }
    return [
        {"name": name, "ansible.builtin.uri": {"url": f"{root}{path}?country=US", **asked}, "loop": ids}
        for name, path in (("Ask for each SKU", ""), ("Ask for its availabilities", "/availabilities"))
    ]


class Bench:
    """Measures with one emulator."""

    def __init__(self, emulator: Emulator, work: pathlib.Path) -> None:
        self._emulator = emulator
        self._work = work

    def many_skus(self) -> list[Figure]:
        """Measure many SKUs with their availabilities on one host."""
        self._emulator.latency(LATENCY_MS)
        ids = sku_ids(COUNT)
        options = {**shared_options(self._emulator), "catalog_id": ids, "include_availabilities": True}
        tasks = [
            {
                "name": "Look up the SKUs",
                PRODUCTS: {**options, "max_concurrency": CONCURRENCY},
                "register": "found",
                "failed_when": f"found.availabilities | length != {COUNT}",
            }
        ]
        host: dict[str, t.Any] = {"builder": {}}
        trivial: list[Run] = []
        ours: list[Run] = []
        for _repeat in range(REPEATS):
            trivial.append(run_play(self._work, host, trivial_tasks()))
            ours.append(run_play(self._work, host, tasks))
        # A request for each SKU, and one for its availabilities.
        floor = median(trivial) + 2 * COUNT / CONCURRENCY * LATENCY_MS / 1000
        name = f"{COUNT} SKUs with availabilities, {CONCURRENCY} at a time"
        figures = [
            Figure(f"{name}: the collection", median(ours), "s"),
            Figure(f"{name}: floor (trivial play + waiting)", floor, "s"),
            Figure(f"{name}: collection / floor", median(ours) / floor, "times", most=1.3),
        ]
        print(*(figure.line() for figure in figures), sep="\n", flush=True)
        plain = run_play(self._work, host, plain_tasks(self._emulator, ids))
        return [
            *figures,
            Figure(f"{name}: uri in loops", plain.seconds, "s"),
            Figure(f"{name}: loops / collection", plain.seconds / median(ours), "times", least=30),
        ]

    def many_hosts(self) -> list[Figure]:
        """Count the requests for five products on many hosts, and of a template with 50 lookups."""
        self._emulator.latency(0)
        hosts: dict[str, t.Any] = {f"builder{number}": {} for number in range(HOSTS)}
        ids = [partner_products.product_id(number) for number in range(5)]
        before = self._emulator.count("partner_public")
        options = {**shared_options(self._emulator), "catalog_id": ids}
        run = run_play(self._work, hosts, [{"name": "Look up products", PRODUCTS: options}], FORKS)
        by_task = self._emulator.count("partner_public") - before
        arguments = ", ".join(f"{name}={value!r}" for name, value in shared_options(self._emulator).items())
        lines = [
            f"{{{{ lookup('msdevices.provisioning.partner_product', '{ids[number % 5]}', {arguments}).title }}}}"
            for number in range(50)
        ]
        text = {
            "name": "Write",
            "ansible.builtin.copy": {"content": "\n".join(lines), "dest": str(self._work / "text")},
        }
        before = self._emulator.count("partner_public")
        template = run_play(self._work, {"builder": {}}, [text])
        by_lookup = self._emulator.count("partner_public") - before
        return [
            Figure(f"{HOSTS} hosts at {FORKS} forks, 5 products: the collection", run.seconds, "s"),
            Figure(f"{HOSTS} hosts, 5 products: requests", by_task, "", least=5, most=5),
            Figure("template with 50 lookups of 5 products: the collection", template.seconds, "s"),
            Figure("template with 50 lookups of 5 products: requests", by_lookup, "", least=5, most=5),
        ]

    def large_sheet(self) -> list[Figure]:
        """Measure the memory of a run that keeps a large price sheet, and see that the next run changes nothing."""
        self._emulator.settings(price_sheet_mebibytes=SHEET_MIB)
        options = {
            "base_url": self._emulator.prices,
            "ca_path": self._emulator.ca_path,
            "access_token": self._emulator.access_tokens["prices"],
            "auth_method": "access_token",
            "market": "US",
            "dest": str(self._work / "prices.csv"),
        }
        task = {"name": "Keep", SHEET: options, "register": "kept", "failed_when": "kept.changed != expected"}
        runs = [run_play(self._work, {"builder": {"expected": expected}}, [task]) for expected in (True, False)]
        size = (self._work / "prices.csv").stat().st_size / 1024**2
        return [
            Figure("price sheet: size", size, "MiB", least=SHEET_MIB),
            Figure("price sheet: largest process of the first run", runs[0].peak_mib, "MiB", most=120),
            Figure(
                "price sheet: largest process of the second run, which changes nothing",
                runs[1].peak_mib,
                "MiB",
                most=120,
            ),
            Figure("price sheet: first run", runs[0].seconds, "s"),
            Figure("price sheet: second run", runs[1].seconds, "s"),
        ]


def main() -> bool:
    """Measure, print and keep; return whether the targets are reached."""
    with tempfile.TemporaryDirectory(prefix="msdevices-bench-") as work, Emulator.start() as emulator:
        bench = Bench(emulator, pathlib.Path(work))
        figures = bench.large_sheet()
        figures += bench.many_hosts()
        print(*(figure.line() for figure in figures), sep="\n", flush=True)
        figures += bench.many_skus()
    return report(f"Products, {LATENCY_MS} ms latency", figures)
