# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of the services of packages: each is met by one app of a run; the others are staged, and a later run heals."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

from emulator import releases
from emulator.catalog import Product
from emulator.client import Emulator
from emulator.packages import package_bytes
from integration_playbooks.harness import Lab
from integration_playbooks.packages import package_task, prepared, staged

HOST = "linux1"
#: Name to listener, fault rule, and what the message says; without a text the app survives.
FAULTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "none": ("catalog", {"action": "latency", "ms": 1}, ""),
    "catalog throttled": ("catalog", {"action": "status", "status": 429, "retry_after": 1, "times": 1}, ""),
    "catalog page": ("catalog", {"action": "html"}, "a page instead of JSON"),
    "catalog refuses": ("catalog", {"action": "status", "status": 403}, "does not show it without a sign-in"),
    "select throttled, date": ("delivery", {"action": "status", "status": 429, "retry_after_date": 1, "times": 1}, ""),
    "select throttled, zero": ("delivery", {"action": "status", "status": 429, "retry_after": 0, "times": 1}, ""),
    "select down": ("delivery", {"action": "status", "status": 503}, "HTTP 503.*2 retries did not help"),
    "select stalls": ("delivery", {"action": "stall_body", "times": 1}, ""),
    "select cut off": ("delivery", {"action": "close_in_body", "times": 1}, ""),
    "select redirects": ("delivery", {"action": "redirect"}, "a redirect to 127.0.0.1"),
    "other name": ("delivery", {"action": "delivery_behavior", "value": "other_name"}, "for another category"),
    "other kind": ("delivery", {"action": "delivery_behavior", "value": "no_update_id"}, "that is no app"),
    "endless answer": ("delivery", {"action": "oversized"}, "larger than 8192 KiB"),
    "URL expires once": ("delivery", {"action": "url_lifetime", "times": 2}, ""),
    "URLs expire": ("delivery", {"action": "url_lifetime"}, "HTTP 403, also for new URLs"),
    "CDN throttled": ("cdn", {"action": "status", "status": 429, "retry_after": 0, "times": 1}, ""),
    "CDN down": ("cdn", {"action": "status", "status": 503}, "HTTP 503"),
    "CDN stalls": ("cdn", {"action": "stall_body", "times": 1}, ""),
    "CDN trickles": ("cdn", {"action": "drip", "bytes": 16, "seconds": 0.1}, "too slow"),
    "CDN cut off": ("cdn", {"action": "reset_in_body", "after_bytes": 2000, "times": 1}, ""),
    "CDN wrong bytes": ("cdn", {"action": "wrong_bytes"}, "its SHA-256 is .* and the delivery service says"),
    "CDN zero bytes": ("cdn", {"action": "truncate", "keep": 0}, "0 of [0-9]+ bytes of it are there"),
    "CDN redirects": ("cdn", {"action": "redirect", "to": "stranger_http"}, "a redirect to"),
}


def _rule(product: Product, listener: str, rule: dict[str, Any]) -> dict[str, Any]:
    """The rule for the requests of one app."""
    (package,) = releases.release(product).packages
    about = f"{package.full_name} {package.extension} {package.architectures} {package.inside} 0"
    subject = {
        "catalog": product.product_id,
        "delivery": releases.category(product),
        "cdn": str(uuid.uuid5(uuid.NAMESPACE_OID, about)),
    }
    return {**rule, "listener": listener, "path_regex": subject[listener]}


def test_faults_of_packages(tmp_path: Path, emulator: Emulator) -> None:
    """Each app of a task meets a fault of its own; nothing is staged that was not checked."""
    lab = prepared(Lab(tmp_path, emulator))
    products = dict(zip(FAULTS, (emulator.product(index) for index in range(0, 3 * len(FAULTS), 3)), strict=True))
    apps = [{"product_id": product.product_id} for product in products.values()]
    options = {"apps": apps, "dependencies": False, "timeout": 2, "deadline": 6, "max_retries": 2}
    task = {**package_task(**options), "ignore_errors": True}
    for name, (listener, rule, _text) in FAULTS.items():
        emulator.fault(_rule(products[name], listener, rule))
    run = lab.run([task])
    good = {products[name].product_id: package_bytes(releases.release(products[name]).packages[0]) for name in FAULTS}
    there = {name.partition("/")[0]: data for name, data in staged(lab).items()}
    result = run.failed(HOST, "packages")
    assert "P4=" not in run.output
    for (name, (_listener, _rule_of, text)), app in zip(FAULTS.items(), result["apps"], strict=True):
        assert app["product_id"] == products[name].product_id
        assert app["state"] == ("failed" if text else "fetched"), (name, app)
        if text:
            assert re.search(text, app["error"]), (name, app["error"])
            assert app["error"] in result["msg"]
            assert app["product_id"] not in there, name
        else:
            assert there[app["product_id"]] == good[app["product_id"]], name
    assert not [item for item in run.requests if item["listener"].startswith("stranger")]
    emulator.clear_faults()
    again = lab.run([task]).ok(HOST, "packages")
    states = ["fetched" if text else "unchanged" for _listener, _rule_of, text in FAULTS.values()]
    assert [app["state"] for app in again["apps"]] == states
    assert {name.partition("/")[0]: data for name, data in staged(lab).items()} == good
