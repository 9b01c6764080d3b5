# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking up offers: many of them for one host, and one of them for many hosts, beside what a user would do instead."""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
import typing as t

from emulator.client import Emulator
from harness import Figure, Run, median, report, run_play
from licenses import trivial_tasks

LATENCY_MS = 100
# The default.
CONCURRENCIES = (16,)
REPEATS = 3
COUNT = int(os.environ.get("BENCH_OFFERS", "300"))
HOSTS = 50
FORKS = 10
OFFERS = "msdevices.provisioning.partner_offer_info"
# What an ordinary module does before it can ask for anything.
ORDINARY_MODULE = '''#!/usr/bin/python
"""A module that has what it takes to look up offers, and looks up none."""
from ansible.module_utils.basic import AnsibleModule
import msal
import requests


def main():
    module = AnsibleModule(argument_spec={"offer_id": {"type": "str"}})
    module.exit_json(changed=False, libraries=[msal.__version__, requests.__version__])


if __name__ == "__main__":
    main()
'''


def shared_options(emulator: Emulator) -> dict[str, t.Any]:
    """The options of every task of the collection."""
    return {
        "tenant_id": emulator.tenant_id,
        "client_id": emulator.client_id,
        "client_secret": emulator.client_secret,
        "authority": emulator.entra,
        "base_url": emulator.partner_public,
        "ca_path": emulator.ca_path,
        "country": "US",
    }


def collection_tasks(emulator: Emulator, ids: list[str], concurrency: int) -> list[dict[str, t.Any]]:
    """What a user writes with the collection; the last task says what was found."""
    options = {**shared_options(emulator), "offer_id": ids, "max_concurrency": concurrency}
    return [
        {"name": "Look up the offers", OFFERS: options, "register": "found"},
        _kept("{{ found.offers | map(attribute='id') | list }}"),
    ]


def plain_tasks(emulator: Emulator, ids: list[str]) -> list[dict[str, t.Any]]:
    """What a user writes without it: sign in, and ask in a loop. The byte-order mark keeps uri from parsing bodies."""
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
                    "scope": f"{emulator.partner_audience}/.default",
                },
                "ca_path": emulator.ca_path,
                "return_content": True,
            },
            "register": "signed_in",
        },
        {
            "name": "Ask for each offer",
            "ansible.builtin.uri": {
                "url": emulator.partner_public + "/v1/offers/{{ item | urlencode }}?country=US",
                "headers": {
                    "Authorization": "Bearer {{ signed_in.json.access_token }}",
                    "Accept": "application/json",
                    "X-Locale": "en-US",
                },
                "ca_path": emulator.ca_path,
                "return_content": True,
            },
            "loop": ids,
            "register": "answers",
        },
        _kept(
            "{{ answers.results | map(attribute='content') | map('regex_replace', '^\\ufeff', '') | map('from_json')"
            " | map(attribute='id') | list }}"
        ),
    ]


def _kept(expression: str) -> dict[str, t.Any]:
    """A task that writes the ids that were found, so that the bench can see that they are all there."""
    return {
        "name": "Keep the ids",
        "ansible.builtin.copy": {
            "content": f"{{{{ ({expression[3:-3]}) | to_json }}}}",
            "dest": "{{ ids }}",
            "mode": "0600",
        },
    }


class Bench:
    """Measures with one emulator."""

    def __init__(self, emulator: Emulator, work: pathlib.Path) -> None:
        self._emulator = emulator
        self._work = work
        library = work / "library"
        library.mkdir()
        (library / "ordinary_offer_info.py").write_text(ORDINARY_MODULE)

    def _find(self, tasks: list[dict[str, t.Any]], expected: list[str]) -> Run:
        """Run tasks that find offers, and see that they were found."""
        found = self._work / "ids.json"
        found.unlink(missing_ok=True)
        run = run_play(self._work, {"builder": {"ids": str(found)}}, tasks)
        if json.loads(found.read_text()) != expected:
            raise RuntimeError(f"not the {len(expected)} offers that were asked for")
        return run

    def many_offers(self) -> list[Figure]:
        """Measure many offers on one host."""
        self._emulator.latency(LATENCY_MS)
        ids = self._emulator.offer_ids(COUNT)
        host: dict[str, t.Any] = {"builder": {"ids": str(self._work / "ids.json")}}
        trivial: list[Run] = []
        ours: dict[int, list[Run]] = {concurrency: [] for concurrency in CONCURRENCIES}
        for _repeat in range(REPEATS):
            # The floor writes the ids, too.
            trivial.append(run_play(self._work, host, [*trivial_tasks(), _kept(f"{{{{ {json.dumps(ids)} }}}}")]))
            for concurrency, runs in ours.items():
                runs.append(self._find(collection_tasks(self._emulator, ids, concurrency), ids))
        plain = self._find(plain_tasks(self._emulator, ids), ids)
        name = f"{COUNT} offers by id"
        figures = [
            Figure(f"{name}: uri in a loop", plain.seconds, "s"),
            Figure(f"{name}: trivial play", median(trivial), "s"),
        ]
        for concurrency, runs in ours.items():
            least = 30 if concurrency == CONCURRENCIES[0] else None
            floor = median(trivial) + COUNT / concurrency * LATENCY_MS / 1000
            which = f"{name}, {concurrency} at a time"
            figures += [
                Figure(f"{which}: the collection", median(runs), "s"),
                Figure(f"{which}: floor (trivial play + waiting)", floor, "s"),
                Figure(f"{which}: loop / collection", plain.seconds / median(runs), "times", least=least),
                Figure(f"{which}: collection / floor", median(runs) / floor, "times", most=1.5),
            ]
        return figures

    def many_hosts(self) -> list[Figure]:
        """Measure one offer on many hosts, of which all but the first find it in the run cache."""
        self._emulator.latency(0)
        hosts: dict[str, t.Any] = {f"builder{number}": {} for number in range(HOSTS)}
        (offer_id,) = self._emulator.offer_ids(1)
        options = {**shared_options(self._emulator), "offer_id": [offer_id]}
        own = [{"name": "Look up the offer", OFFERS: options, "register": "found", "failed_when": "not found.offers"}]
        other = [{"name": "Import the libraries", "ordinary_offer_info": {"offer_id": offer_id}}]
        ours, ordinary = [], []
        for _repeat in range(REPEATS):
            before = self._emulator.count("partner_public")
            ours.append(run_play(self._work, hosts, own, FORKS))
            asked = self._emulator.count("partner_public") - before
            if asked != 1:
                raise RuntimeError(f"{asked} requests were made, not 1")
            ordinary.append(run_play(self._work, hosts, other, FORKS))
        name = f"{HOSTS} hosts at {FORKS} forks, one offer"
        return [
            Figure(f"{name}: the collection", median(ours), "s"),
            Figure(f"{name}: a module that only imports requests and msal", median(ordinary), "s"),
            Figure(f"{name}: collection / module", median(ours) / median(ordinary), "times", most=0.25),
        ]


def main() -> bool:
    """Measure, print and keep; tell whether the targets are reached."""
    with tempfile.TemporaryDirectory(prefix="msdevices-bench-") as work, Emulator.start() as emulator:
        bench = Bench(emulator, pathlib.Path(work))
        figures = bench.many_hosts()
        print(f"measured {HOSTS} hosts", flush=True)
        figures += bench.many_offers()
        print(f"measured {COUNT} offers", flush=True)
    return report(f"Offers, {LATENCY_MS} ms latency", figures)
