# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lookup of what the run cache has, beside one that reads a file of the same size."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import ssl
import statistics
import tempfile
import typing as t
import urllib.request

from emulator.client import Emulator
from harness import Figure, report, run_play

CALLS = int(os.environ.get("BENCH_LOOKUPS", "2000"))
TURNS = 20
LICENSE = "msdevices.provisioning.ms_offline_license"
# Times one turn of a way, in the process that renders it.
TIMED = (
    "{%- set started = now().timestamp() -%}"
    "{%- for number in range(CALLS) -%}{%- set size = VALUE | length -%}{%- endfor -%}"
    "{%- set _ = seconds.NAME.append(now().timestamp() - started) -%}"
)


def call(name: str, *arguments: t.Any, **options: t.Any) -> str:
    """An expression that calls a lookup."""
    parts = [json.dumps(argument) for argument in (name, *arguments)]
    return f"lookup({', '.join([*parts, *(f'{key}={json.dumps(value)}' for key, value in options.items())])})"


def served(emulator: Emulator, path: str) -> bytes:
    """A license as the emulator hands it out."""
    headers = {"Authorization": f"Bearer {emulator.access_tokens['store']}", "Content-Length": "0"}
    request = urllib.request.Request(emulator.store + path, method="POST", headers=headers)
    context = ssl.create_default_context(cafile=emulator.ca_path)
    with urllib.request.urlopen(request, context=context, timeout=30) as response:
        return base64.b64decode(json.load(response)["licenseBlob"])


def template(ways: dict[str, str]) -> str:
    """A template that evaluates expressions in turns and becomes the seconds of each turn and the lengths of values."""
    keep = ", ".join(f"{name}=[]" for name in ways)
    turn = "".join(
        TIMED.replace("NAME", name).replace("VALUE", value).replace("CALLS", str(CALLS // TURNS))
        for name, value in ways.items()
    )
    lengths = ", ".join(f"{name}={value} | length" for name, value in ways.items())
    return (
        # First of all, so that what is called is loaded and has its answer before the clock starts.
        f"{{%- set lengths = dict({lengths}) -%}}{{%- set seconds = dict({keep}) -%}}"
        f"{{%- for turn in range({TURNS}) -%}}{turn}{{%- endfor -%}}"
        "{{ dict(seconds=seconds, lengths=lengths) | to_json }}"
    )


def costs(work: pathlib.Path, ways: dict[str, str], length: int, variables: dict[str, t.Any]) -> dict[str, float]:
    """Return the milliseconds of one evaluation by each way, without those of the loop.

    Raises RuntimeError when an expression has no value of this length.
    """
    content = template({"nothing": "''", **ways})
    options = {"dest": str(work / "result"), "content": content, "mode": "0600"}
    run_play(work, {"controller": {}}, [{"name": "Render", "ansible.builtin.copy": options}], **variables)
    result = json.loads((work / "result").read_text())
    if any(result["lengths"][name] != length for name in ways):
        raise RuntimeError(f"an expression has another value: {result['lengths']}")
    median = {name: statistics.median(turns) for name, turns in result["seconds"].items()}
    return {name: (median[name] - median["nothing"]) / (CALLS // TURNS) * 1000 for name in ways}


def measure(emulator: Emulator, work: pathlib.Path) -> list[Figure]:
    """Compare the ways to get the same text."""
    product = emulator.product(0)
    document = served(emulator, product.license_path())
    (work / "license.xml").write_bytes(document)
    term = "{product_id}/{sku_id}/{content_id}".format(**product.request())
    options = {
        "tenant_id": emulator.tenant_id,
        "client_id": emulator.client_id,
        "client_secret": emulator.client_secret,
        "authority": emulator.entra,
        "base_url": emulator.store,
        "ca_path": emulator.ca_path,
    }
    variables = {f"msdevices_{name}": value for name, value in options.items()}
    file = call("ansible.builtin.file", str(work / "license.xml"), rstrip=False)
    figures = []
    for name, license_call, given in (
        ("arguments", call(LICENSE, term, **options), {}),
        ("variables", call(LICENSE, term), variables),
    ):
        before = emulator.count("store", "OfflineLicense")
        cost = costs(work, {"file": file, "license": license_call}, len(document), given)
        if emulator.count("store", "OfflineLicense") != before + 1:
            raise RuntimeError("the license was not asked for once")
        figures += [
            Figure(f"a file of {len(document)} bytes", cost["file"], "ms"),
            Figure(f"a license in the run cache, options by {name}", cost["license"], "ms"),
            Figure(f"license, options by {name} / file", cost["license"] / cost["file"], "times", most=5),
        ]
    return figures


def main() -> bool:
    """Measure, print and keep; tell whether the target is reached."""
    with tempfile.TemporaryDirectory(prefix="msdevices-bench-") as work, Emulator.start() as emulator:
        figures = measure(emulator, pathlib.Path(work))
    return report(f"Lookups, {CALLS} of each in {TURNS} turns", figures)
