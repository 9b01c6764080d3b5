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


def test_aliases_and_warnings(lab: Lab) -> None:
    """The validator's warnings reach the user; missing verification has one warning, and nothing of urllib3's."""
    emulator = lab.emulator
    own = {"tenant": emulator.tenant_id, "secret": emulator.client_secret, "cloud_environment": "AzureCloud"}
    place = {"authority": emulator.entra, "base_url": emulator.partner_public, "validate_certs": False}
    run = lab.run(
        [
            {
                "name": "offers",
                OFFERS: {"offer_ids": emulator.offer_ids(2), "client_id": emulator.client_id, **own, **place},
            },
            {"name": "both", CATEGORIES: {"tenant_id": "other.example", **own, **place}},
            {"name": "lookup", "ansible.builtin.debug": {"msg": "{{ query(lookup_name, id, **place).0.id }}"}},
        ],
        environment={
            **dict.fromkeys(lab.environment),
            "AZURE_CLIENT_ID": emulator.client_id,
            "MSDEVICES_COUNTRY": "US",
            "AZURE_TENANT_ID": emulator.tenant_id,
            "AZURE_CLIENT_SECRET": emulator.client_secret,
        },
        module_defaults={},
        vars={"place": place, "id": emulator.offer_ids(1)[0], "lookup_name": "msdevices.provisioning.partner_offer"},
    )
    assert run.status == 0, run.output
    assert len(run.ok("linux1", "offers")["offers"]) == 2
    assert [text[:24] for text in run.ok("linux1", "offers")["warnings"]] == ["validate_certs is false:"]
    assert "Both option tenant_id and its alias tenant are set." in run.ok("linux1", "both")["warnings"]
    assert run.ok("linux1", "lookup")["msg"] == emulator.offer_ids(1)[0]
    assert emulator.client_secret not in run.output
    assert run.output.count("validate_certs is false") == 1
    for text in ("Unverified", "errantly", "InsecureRequestWarning"):
        assert text not in run.output


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
