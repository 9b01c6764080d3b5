# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Defaults of the action group reach the modules that have the option, and a mistake among them is found."""

from __future__ import annotations

from emulator.client import Emulator

from .harness import Lab, default_name
from .partner import CATEGORIES, OFFERS
from .products import INFO, store_licensing, wanted

GROUP = "group/msdevices.provisioning.all"


def _everywhere(emulator: Emulator) -> dict[str, str]:
    return {"ca_path": emulator.ca_path, "authority": emulator.entra}


@store_licensing
def test_an_option_that_other_modules_lack(lab: Lab) -> None:
    emulator = lab.emulator
    product = emulator.product(0)
    # dest, country and format are options of some modules each; the templates are those of a play.
    defaults = {
        **_everywhere(emulator),
        "service": "{{ chosen }}",
        "dest": "{{ stage }}",
        "country": "US",
        "max_concurrency": 2,
        "catalog_base_url": emulator.catalog,
    }
    run = lab.run(
        [
            lab.task("stage", dest=None, licenses=[wanted(product)], base_url=lab.service.base_url),
            {"name": "info", INFO: {"product_id": product.product_id, "base_url": emulator.catalog}},
            {"name": "offers", OFFERS: {"offer_id": emulator.offer_ids(1), "base_url": emulator.partner_public}},
            {"name": "categories", CATEGORIES: {"base_url": emulator.partner_public}},
        ],
        "-vvv",
        module_defaults={GROUP: defaults},
        vars={"chosen": "store_licensing"},
    )
    assert run.status == 0, run.output
    assert default_name(product.request()) in lab.files("linux1")
    assert [found["product_id"] for found in run.ok("linux1", "info")["products"]] == [product.product_id]
    assert len(run.ok("linux1", "offers")["offers"]) == 1
    assert run.ok("linux1", "categories")["categories"]
    shown = run.ok("linux1", "categories")["invocation"]["module_args"]
    assert shown["country"] == "US"
    assert not {"service", "dest", "max_concurrency"} & shown.keys()
    assert f"{OFFERS} has no option service: the default of its group is left out" in run.stdout


def test_what_is_still_refused(lab: Lab) -> None:
    emulator = lab.emulator
    offers = {"offer_id": emulator.offer_ids(1), "country": "US", "base_url": emulator.partner_public}
    cases = {
        "misspelt in the group": ({GROUP: {"tenat_id": "x", **_everywhere(emulator)}}, offers, "tenat_id"),
        "written in the task": ({GROUP: _everywhere(emulator)}, {**offers, "service": "store_licensing"}, "service"),
        "another in the task": (
            {GROUP: {"service": "store_licensing", **_everywhere(emulator)}},
            {**offers, "service": "store_for_business"},
            "service",
        ),
        "of the module itself": ({GROUP: _everywhere(emulator), OFFERS: {"dest": "/x"}}, offers, "dest"),
    }
    run = lab.run(
        [
            {"name": name, OFFERS: options, "module_defaults": defaults, "ignore_errors": True}
            for name, (defaults, options, _wrong) in cases.items()
        ],
        module_defaults={},
    )
    for name, (_defaults, _options, wrong) in cases.items():
        message = run.error("linux1", name)
        assert "unsupported" in message
        assert wrong in message
        assert f"See ansible-doc {OFFERS}" in message
    assert run.requests == []
