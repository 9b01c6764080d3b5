# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Products, SKUs and availabilities by real playbooks: what comes, how many requests it takes, and what is refused."""

from __future__ import annotations

from typing import Any

from emulator import offers, partner_products

from .harness import Lab, Run
from .partner import OFFERS, asking_partner_center, lookup_vars, partner_requests, show

PRODUCTS = "msdevices.provisioning.partner_product_info"
LOOKUP = "msdevices.provisioning.partner_product"
#: Of each kind of segments one SKU, and a trial.
P = partner_products.product_id(4)


def task(name: str, **options: Any) -> dict[str, Any]:
    """A task of partner_product_info that may fail."""
    return {"name": name, PRODUCTS: {"country": "US", **options}, "ignore_errors": True}


def paths(run: Run) -> list[str]:
    """The paths below /v1 of the requests to Partner Center, in order."""
    return [item["path"][len("/v1") :] for item in partner_requests(run)]


def test_from_ids_to_availabilities(lab: Lab) -> None:
    asking_partner_center(lab)
    lab.emulator.settings(partner_product_page_size=2)
    legacy = offers.offer(0)
    run = lab.run(
        [
            task("one of each", catalog_id=[P, f"{P.lower()}/3", P.lower()]),
            task("deep", catalog_id=[P], include_availabilities=True, segment=["commercial", "nonprofit"]),
            task("again", catalog_id=[P], include_skus=True),
            task("legacy", catalog_id=[f"{legacy['product']['id']}:{legacy['id']}"]),
            task("state", catalog_id=[f"{P}:0001"], include_availabilities=True, include_lifecycle_state=True),
        ]
    )
    one = run.ok("linux1", "one of each")
    assert [item["id"] for item in one["products"]] == [P]
    assert [item["id"] for item in one["skus"][P]] == ["0003"]
    deep = run.ok("linux1", "deep")
    assert {item["id"] for item in deep["skus"][P]} == {"0001", "0002", "0003", "000P", "0005"}
    assert [item["segment"] for item in deep["availabilities"][f"{P}:0003"]] == ["commercial", "nonprofit"]
    assert [item["segment"] for item in deep["availabilities"][f"{P}:000P"]] == ["nonprofit"]
    # Without a segment, nonprofit is left out; the page size is two, and every page came.
    assert [item["id"] for item in run.ok("linux1", "again")["skus"][P]] == ["0001", "0002", "0003", "0005"]
    sku = run.ok("linux1", "legacy")["skus"][legacy["product"]["id"]][0]
    assert sku["dynamicAttributes"]["upgradeTargetOffers"] is None
    assert run.ok("linux1", "state")["availabilities"][f"{P}:0001"][0]["lifeCycleState"] == "Active"
    # The product was requested once in the run.
    assert paths(run).count(f"/products/{P}") == 1


def test_views_segments_and_customers(lab: Lab) -> None:
    asking_partner_center(lab)
    lab.emulator.settings(partner_product_page_size=40)
    customer = lab.emulator.customer_ids["US"]
    run = lab.run(
        [
            task("market", target_view="OnlineServices"),
            task("both", target_view="OnlineServices", segment=["commercial", "nonprofit"]),
            task("plan", target_view="AzureReservations", reservation_scope="AzurePlan"),
            task("customer", target_view="MicrosoftAzure", customer_id=customer, include_skus=True),
            task("by id", catalog_id=[f"{P}:0001"], customer_id=customer, include_availabilities=True),
            task("none", target_view="SpecializedOffers"),
            task("too deep", target_view="OnlineServices", include_availabilities=True, max_requests=200),
            task("segment", target_view="Azure", segment=["government"], country="GB"),
            task("view", target_view="SoftwareSUSELinux"),
        ]
    )
    market = [item["id"] for item in run.ok("linux1", "market")["products"]]
    expected = partner_products.in_view("OnlineServices", "US", "", "")
    assert market == [product.id for product in expected]
    assert len(run.ok("linux1", "both")["products"]) == len(market)
    assert [item["id"] for item in run.ok("linux1", "plan")["products"]] == [partner_products.PLAN_RESERVATION]
    mixed = run.ok("linux1", "customer")
    assert partner_products.AZURE_PLAN not in [item["id"] for item in mixed["products"]]
    assert [item["id"] for item in mixed["skus"][partner_products.AZURE_PLAN]] == ["0001", "0002"]
    assert run.ok("linux1", "by id")["availabilities"][f"{P}:0001"][0]["country"] == "US"
    assert run.ok("linux1", "none")["products"] == []
    assert "max_requests is 200" in run.error("linux1", "too deep")
    assert "may not use that segment" in run.error("linux1", "segment")
    assert "may not use that view" in run.error("linux1", "view")
    assert all("offset" not in item["query"] and "size=" not in item["query"] for item in partner_requests(run))
    assert all("country" not in item["query"] for item in partner_requests(run) if "/customers/" in item["path"])


def test_missing_is_named_by_the_part_that_is_missing(lab: Lab) -> None:
    asking_partner_center(lab)
    availability = partner_products.availability_id(partner_products.products()[P].skus[0], "commercial", 0, "US", 0)
    ids = ["CFQ7TTC0NONE", "CFQ7TTC0NONE:0001", f"{P}:9999", f"{P}:9999:X", f"{P}:0001:{availability}"]
    lab.emulator.settings(partner_availability_generation=1)
    current = partner_products.availability_id(partner_products.products()[P].skus[0], "commercial", 0, "US", 1)
    run = lab.run([task("ignored", catalog_id=[*ids, P], on_missing="ignore"), task("error", catalog_id=ids)])
    found = run.ok("linux1", "ignored")
    assert found["not_found"] == ids
    assert found["missing"] == {
        ids[0]: ids[0], ids[1]: ids[0], ids[2]: ids[2], ids[3]: f"{P}:9999", ids[4]: ids[4]
    }  # fmt: skip
    assert [item["id"] for item in found["products"]] == [P]
    text = run.error("linux1", "error")
    assert all(one in text for one in ids)
    only = lab.run([task("reissued", catalog_id=ids[4:])]).error("linux1", "reissued")
    assert "reissued" in only
    assert current in only


#: Behavior of the service, how deep the task looks (a product, a SKU, its availabilities, the SKUs of a product), and
#: what the message says.
REFUSED = [
    ("fault_in_200", "product", "HTTP 200, code 400072"),
    ("fault_in_200", "skus", "HTTP 200, code 400072"),
    ("wrong_kind", "product", "with a SKU instead of the product"),
    ("wrong_kind", "sku", "with a product instead of the SKU"),
    ("other_item", "product", "with another product"),
    ("no_item_id", "product", "without the product in it"),
    ("foreign_items", "skus", "of another product"),
    ("list_without_items", "skus", "without a list of items"),
    ("link_elsewhere", "skus", "another host"),
    ("link_loop", "skus", "never end"),
    ("link_endless", "skus", "never end"),
    ("segment_refused", "skus", "may not use that segment"),
    ("prices_refused", "skus", "no access to prices"),
    ("no_relationship", "product", "no reseller relationship"),
    ("sandbox", "product", "not exist in the sandbox"),
    ("environment", "product", "does not exist in this cloud or sandbox"),
    ("not_in_country", "product", "not sold in that country"),
    ("not_onboarded", "product", "not onboarded to sell"),
]


def test_wrong_answers_are_refused(lab: Lab) -> None:
    asking_partner_center(lab)
    lab.emulator.settings(partner_product_page_size=1)
    tasks = []
    for number, (behavior, depth, _expected) in enumerate(REFUSED):
        # Each has a product of its own, with at least two SKUs.
        own = partner_products.product_id(5 * number + 1)
        path = f"/products/{own}" + {"sku": "/skus/0001", "skus": "/skus"}.get(depth, "")
        lab.emulator.fault(path_regex=f"{path}$", action="partner_behavior", value=behavior)
        wanted = f"{own}:0001" if depth == "sku" else own
        tasks.append(task(str(number), catalog_id=[wanted], include_skus=depth == "skus", max_retries=0))
        if depth != "skus":
            look = f"query('{LOOKUP}', '{wanted}', max_retries=0)"
            tasks.append({**show(f"lookup {number}", look), "ignore_errors": True})
    run = lab.run(tasks, vars=lookup_vars(lab))
    for number, (_behavior, depth, expected) in enumerate(REFUSED):
        assert expected in run.error("linux1", str(number))
        if depth != "skus":
            assert expected in run.error("linux1", f"lookup {number}")
    assert not [item for item in run.requests if item["listener"] == "stranger"]


def test_lookup(lab: Lab) -> None:
    asking_partner_center(lab)
    several = partner_products.product_id(1)

    def look(*terms: str, call: str = "query", **options: Any) -> str:
        return f"{call}({', '.join([*map(repr, (LOOKUP, *terms)), *(f'{k}={v!r}' for k, v in options.items())])})"

    expressions = {
        "items": look(P, f"{P}/0001", "CFQ7TTC0NONE", on_missing="ignore"),
        "availabilities": look(f"{P}:0003", want="availabilities", segment=["commercial", "nonprofit"]),
        "order": look(f"{P}:1", call="lookup", want="catalog_item_id"),
        "several": look(f"{several}:0002", want="catalog_item_id"),
        "product": look(P, want="availabilities"),
        "offer": look(offers.ids()[4]),
        "missing": look("CFQ7TTC0NONE:0001"),
    }
    tasks = [{**show(name, text), "ignore_errors": True} for name, text in expressions.items()]
    run = lab.run(tasks, vars=lookup_vars(lab))
    found = run.ok("linux1", "items")["msg"]
    assert [found[0]["id"], found[1]["productId"], found[2]] == [P, P, None]
    assert [one["segment"] for one in run.ok("linux1", "availabilities")["msg"][0]] == ["commercial", "nonprofit"]
    first = partner_products.availability_id(partner_products.products()[P].skus[0], "commercial", 0, "US", 0)
    assert run.ok("linux1", "order")["msg"] == f"{P}:0001:{first}"
    assert "several that can be bought" in run.error("linux1", "several")
    assert "(education)" in run.error("linux1", "several")
    assert "Give the term as product:sku" in run.error("linux1", "product")
    assert "partner_offer_info" in run.error("linux1", "offer")
    assert "no such product" in run.error("linux1", "missing")


def test_successors_of_offers(lab: Lab) -> None:
    asking_partner_center(lab)
    ids = [offers.AZURE_ID, *offers.ids()[2:40]]
    found = lab.run([{"name": "offers", OFFERS: {"country": "US", "offer_id": ids, "include_successors": True}}]).ok(
        "linux1", "offers"
    )
    expected: dict[str, list[str]] = {}
    skus = [sku for one in partner_products.products().values() for sku in one.skus]
    for offer in found["offers"]:
        segment = (
            "nonprofit" if "Nonprofit" in str([offer["category"], offer["reselleeQualifications"]]) else "commercial"
        )
        expected[offer["id"]] = [
            f"{sku.product_id}:{sku.id}"
            for sku in skus
            if sku.license is not None
            and partner_products.license_id(sku.license) == offer["product"]["id"]
            and segment in sku.segments
            and sku.trial == offer["isTrial"]
            and (offers.kinds()[2 * sku.license] == "addon") == offer["isAddOn"]
        ]
    expected[offers.AZURE_ID] = [f"{partner_products.AZURE_PLAN}:0001"]
    successors = {name: [one["catalog_id"] for one in items] for name, items in found["successors"].items()}
    assert successors == expected
    assert max(map(len, successors.values())) > 1
    assert found["legacy_catalog_ids"][offers.AZURE_ID] == f"{offers.offer(0)['product']['id']}:{offers.AZURE_ID}"


def test_promotions_and_inventory(lab: Lab) -> None:
    asking_partner_center(lab)
    lab.emulator.settings(partner_inventory_names="camel")
    promotions = partner_products.promotions()
    ids = [promotions[3]["id"], "X:0001:Y"]
    wanted = [
        partner_products.AZURE_PLAN,
        f"{partner_products.RESERVATION}/1",
        partner_products.SOFTWARE,
        "CFQ7TTC0NONE",
    ]
    name = "msdevices.provisioning.partner_{}_info"

    def either(kind: str, task_name: str, **options: Any) -> dict[str, Any]:
        return {"name": task_name, name.format(kind): {"country": "US", **options}, "ignore_errors": True}

    tasks = [
        either("promotion", "market"),
        either("promotion", "ids", promotion_id=ids, on_missing="warn"),
        either("promotion", "education", segment="education"),
        either("inventory", "inventory", items=wanted),
        either("inventory", "again", items=wanted),
        either("inventory", "free", items=wanted[1:2], context={"azureSubscriptionId": "any"}),
        either("inventory", "too long", items=["A:0001:B"]),
    ]
    run = lab.run(tasks)
    assert [one["id"] for one in run.ok("linux1", "market")["promotions"]] == [one["id"] for one in promotions[:3]]
    assert run.ok("linux1", "ids")["promotions"] == [promotions[3]]
    assert run.ok("linux1", "ids")["not_found"] == ids[1:]
    assert "a parameter is invalid" in run.error("linux1", "education")
    checked = run.ok("linux1", "inventory")
    assert {one["productId"] for one in checked["inventory"]} == {wanted[0], partner_products.RESERVATION}
    assert [one["isRestricted"] for one in checked["inventory"] if one["productId"] != wanted[0]] == [True]
    assert checked["not_found"] == wanted[2:]
    assert run.ok("linux1", "again")["inventory"] == checked["inventory"]
    assert not run.ok("linux1", "free")["inventory"][0]["isRestricted"]
    assert "id of an availability" in run.error("linux1", "too long")
    # The names of the body were refused in the one form, and taken in the other; equal checks were made once.
    assert paths(run).count("/extensions/product/checkInventory") == 4
    lab.emulator.fault(path_regex="checkInventory", action="partner_behavior", value="no_array")
    again = lab.run([either("inventory", "no array", items=wanted)])
    assert "not a list" in again.error("linux1", "no array")
