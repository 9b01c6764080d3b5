# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`module_defaults` and `omit` mean for the modules of the collection what ansible-core says that they mean."""

from __future__ import annotations

from typing import Any

from .harness import MODULE, Lab
from .partner import CATEGORIES, OFFERS
from .products import INFO, store_licensing, wanted

GROUP = "group/msdevices.provisioning."


@store_licensing
def test_groups_reach_their_modules(lab: Lab) -> None:
    emulator = lab.emulator
    product = emulator.product(0)
    defaults = {
        f"{GROUP}all": {"ca_path": emulator.ca_path, "authority": emulator.entra, "base_url": "https://unused.example"},
        f"{GROUP}store": {
            "ca_path": emulator.ca_path,
            "authority": emulator.entra,
            "base_url": "{{ catalog }}",
            "max_concurrency": 2,
        },
        f"{GROUP}partner_center": {
            "ca_path": emulator.ca_path,
            "authority": emulator.entra,
            "base_url": emulator.partner_public,
            "country": "US",
        },
        MODULE: {"service": "store_licensing", "base_url": lab.service.base_url, "catalog_base_url": emulator.catalog},
    }
    run = lab.run(
        [
            lab.task("stage", licenses=[wanted(product)]),
            {"name": "info", INFO: {"product_id": product.product_id}},
            {"name": "offers", OFFERS: {"offer_id": emulator.offer_ids(1)}},
            {"name": "categories", CATEGORIES: {}},
        ],
        module_defaults=defaults,
        vars={"catalog": emulator.catalog},
    )
    assert run.status == 0, run.output
    assert run.ok("linux1", "stage")["invocation"]["module_args"]["max_concurrency"] == 2
    assert [found["product_id"] for found in run.ok("linux1", "info")["products"]] == [product.product_id]
    assert len(run.ok("linux1", "offers")["offers"]) == 1
    assert run.ok("linux1", "categories")["categories"]


def test_levels_replace_each_other_and_omit_unsets(lab: Lab) -> None:
    """The secret of one tenant never signs in at another one; an option that a module lacks is refused, and named."""
    here = {"ca_path": lab.emulator.ca_path, "authority": lab.emulator.entra, "base_url": lab.emulator.partner_public}
    one = {**here, "tenant_id": "one.example", "client_id": "of one", "client_secret": "secret of one", "country": "US"}
    asked: dict[str, Any] = {"offer_id": lab.emulator.offer_ids(1), "country": "US"}
    run = lab.run(
        [
            {
                "name": "another tenant",
                "module_defaults": {f"{GROUP}partner_center": {**here, "tenant_id": "two.example"}},
                OFFERS: asked,
                "ignore_errors": True,
            },
            {"name": "omitted", OFFERS: {**asked, "client_secret": "{{ omit }}"}, "ignore_errors": True},
            {
                "name": "foreign",
                "module_defaults": {f"{GROUP}partner_center": {**here, "tenat_id": "x"}},
                OFFERS: asked,
                "ignore_errors": True,
            },
        ],
        module_defaults={f"{GROUP}partner_center": one},
        environment=dict.fromkeys(lab.environment),
    )
    for name in ("another tenant", "omitted"):
        assert "no credential is set" in run.error("linux1", name)
    arguments = run.result("linux1", "another tenant")["invocation"]["module_args"]
    assert (arguments["tenant_id"], arguments["client_id"]) == ("two.example", None)
    assert "unsupported option tenat_id (did you mean tenant_id?)" in run.error("linux1", "foreign")
    assert f"See ansible-doc {OFFERS}" in run.error("linux1", "foreign")
    assert run.requests == []
