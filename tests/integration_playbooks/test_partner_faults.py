# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plugins for products, promotions, inventory and prices, when connections and services fail for a while, or for
good."""

from __future__ import annotations

from typing import Any

import pytest
from emulator import partner_products

from .harness import Lab
from .partner import asking_partner_center, lookup_vars, show

pytestmark = pytest.mark.once

#: What goes wrong: the rule of the emulator, and what a message says besides when it does not pass.
FAULTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "throttled": (
        {"action": "status", "status": 429, "retry_after": 1},
        ("HTTP 429", "retries did not help", "Run again later"),
    ),
    "overloaded": ({"action": "status", "status": 503}, ("HTTP 503", "retries did not help", "Run again later")),
    "reset": ({"action": "reset"}, ("Connection reset by peer", "Check that the controller reaches the host")),
    "cut": ({"action": "close_in_body"}, ("the connection broke off within the response", "then run again")),
}
VIEWS = ("updatedlicensebased", "azure_reservations", "marketplace", "software")


def _task(kind: str, name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, f"msdevices.provisioning.partner_{kind}": options}


def _prices(lab: Lab, view: str, **options: Any) -> dict[str, Any]:
    token = {"access_token": lab.emulator.access_tokens["prices"], "auth_method": "access_token"}
    where = {"base_url": lab.emulator.prices, "dest": "{{ stage }}/" + view}
    return _task("price_sheet", f"prices {view}", market="US", view=view, **where, **token, **options)


def _product_ids(start: int) -> list[str]:
    return [partner_products.product_id(number) for number in range(start, start + len(FAULTS))]


def _lookup(*ids: str, **options: Any) -> str:
    arguments = [repr(text) for text in ("msdevices.provisioning.partner_product", *ids)]
    return f"query({', '.join([*arguments, *(f'{name}={value!r}' for name, value in options.items())])})"


def test_what_passes_is_tried_again(lab: Lab) -> None:
    """Each call meets one of the faults, once."""
    asking_partner_center(lab)
    by_id, looked_up, with_skus = (_product_ids(start) for start in (0, 10, 20))
    promotions = [one["id"] for one in partner_products.promotions()]
    for number, (rule, _texts) in enumerate(FAULTS.values()):
        paths = [f"/products/{by_id[number]}$", f"/products/{looked_up[number]}$", f"/{with_skus[number]}/skus$"]
        for path in (*paths, promotions[number].partition(":")[0], f"'{VIEWS[number]}'"):
            lab.emulator.fault(rule, times=1, path_regex=path)
        # One path for all items: a rule spares the second tries of those before.
        lab.emulator.fault(rule, times=1, after=number, path_regex="checkInventory")
    items = [{"country": "US", "items": [text]} for text in (partner_products.AZURE_PLAN, partner_products.RESERVATION)]
    items += [{**options, "context": {"customerId": "any"}} for options in items]
    run = lab.run(
        [
            _task("product_info", "by id", country="US", catalog_id=by_id),
            _task("product_info", "with SKUs", country="US", catalog_id=with_skus, include_skus=True),
            show("lookup", f"{_lookup(*looked_up)} | map(attribute='id') | list"),
            _task("promotion_info", "promotions", country="US", promotion_id=promotions),
            *(_prices(lab, view) for view in VIEWS),
            *(_task("inventory_info", f"inventory {number}", **options) for number, options in enumerate(items)),
        ],
        vars=lookup_vars(lab),
    )
    assert run.status == 0, run.output
    assert [item["id"] for item in run.ok("linux1", "by id")["products"]] == by_id
    assert [len(run.ok("linux1", "with SKUs")["skus"][own]) for own in with_skus] == [1, 2, 3, 3]
    assert run.ok("linux1", "lookup")["msg"] == looked_up
    assert [one["id"] for one in run.ok("linux1", "promotions")["promotions"]] == promotions
    assert sorted(lab.files("linux1")) == sorted(VIEWS)
    assert all(run.ok("linux1", f"inventory {number}")["inventory"] for number in range(len(items)))

    rules = lab.emulator.faults()
    assert [rule["applied"] for rule in rules] == [1] * len(rules)
    # One more try for each, and one request for each product whose SKUs were listed.
    asked = [item for item in run.requests if item["listener"] in ("partner_public", "prices")]
    assert len(asked) == 2 * len(rules) + len(with_skus)
    for rule in rules:
        (met,) = (item for item in asked if rule["id"] in item["faults"])
        again = next(item for item in asked if item["id"] > met["id"] and item["path"] == met["path"])
        if rule.get("status") == 429:
            assert again["time"] - met["time"] >= 1


def test_what_stays_fails_by_name(lab: Lab) -> None:
    """What was attempted, what came, and what to do; nothing is written."""
    asking_partner_center(lab)
    faults = {**FAULTS, "broken": ({"action": "truncate"}, ("with broken JSON", "Check base_url"))}
    last = {"max_retries": 1, "run_cache": False}
    tasks: list[dict[str, Any]] = []
    expected: dict[str, tuple[str, ...]] = {}
    for number, (name, (rule, texts)) in enumerate(faults.items()):
        own = partner_products.product_id(number)
        lab.emulator.fault(rule, path_regex=f"/products/{own}$")
        tasks += [
            _task("product_info", name, country="US", catalog_id=own, on_missing="ignore", **last),
            show(f"lookup {name}", _lookup(own, on_missing="ignore", **last)),
        ]
        expected |= {name: (own, *texts), f"lookup {name}": (own, *texts)}
        if name in FAULTS:
            lab.emulator.fault(rule, path_regex=f"'{VIEWS[number]}'")
            tasks += [_prices(lab, VIEWS[number], **last)]
            expected[f"prices {VIEWS[number]}"] = (VIEWS[number], *texts)
    lab.emulator.fault(FAULTS["throttled"][0], path_regex="checkInventory")
    tasks += [_task("inventory_info", "inventory", country="US", items=[partner_products.RESERVATION], **last)]
    expected["inventory"] = ("Could not check the inventory in US", *FAULTS["throttled"][1])
    run = lab.run([{**one, "ignore_errors": True} for one in tasks], vars=lookup_vars(lab))
    wrong = []
    for name, texts in expected.items():
        message = run.error("linux1", name)
        wrong += [f"{name}: {text!r} is not in {message!r}" for text in texts if text not in message]
        # Who can make fewer requests at once is told so.
        assert ("max_concurrency" in message) == (name in ("throttled", "lookup throttled")), message
    assert not wrong, "\n".join(wrong)
    assert "Traceback" not in run.output
    assert lab.files("linux1") == {}
