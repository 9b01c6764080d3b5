# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Licenses that are asked for by their product: the catalog is asked once, and the manifest remembers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Figure, NewLab, Served
from .harness import MANIFEST, STAGE, Lab, default_name
from .lookups import error, evaluate, licenses, value
from .products import all_of, file_names, info_task, let_catalog_list, outcomes, store_licensing, wanted

HOSTS = ["linux1", "win1"]
ROLE = "msdevices.provisioning.offline_licenses"
pytestmark = store_licensing


def _manifest(lab: Lab, host: str) -> dict[str, Any]:
    path = lab.stage(host) / MANIFEST
    data = path.read_bytes() if host in lab.linux else lab.windows.read(host, rf"{STAGE}\{MANIFEST}")
    return dict(json.loads(data))


@pytest.mark.once
def test_first_and_later_runs(new_lab: NewLab, served: Served, figure: Figure) -> None:
    """Every license of a product arrives; the second run asks nobody; pruning takes them all."""
    lab = new_lab(windows=["win1"])
    one, two, given = (lab.emulator.product(index) for index in (0, 7, 1))
    task = lab.task(licenses=[wanted(one), wanted(two), given.request()])
    first = lab.run([task])
    expected = [one.request(), two.request(0), two.request(1), given.request()]
    for host in HOSTS:
        result = first.ok(host, "stage")
        assert outcomes(result) == [
            *(*all_of(one, 0, "fetched"), *all_of(two, 1, "fetched"), *all_of(given, 2, "fetched"))
        ]
        queries = [f"{product.product_id.lower()}/0015" for product in (one, two)]
        assert [entry["catalog_query"] for entry in result["licenses"]] == [
            queries[0],
            *queries[1:] * 2,
            None,
        ]
        assert lab.files(host) == {default_name(ids): served(ids) for ids in expected}
        assert _manifest(lab, host)["catalog_queries"] == {
            f"{product.product_id.lower()}/0015": list(product.content_ids) for product in (one, two)
        }
    # One token for the catalog, and one for the licensing service.
    assert (first.catalog_requests, first.license_requests, first.token_requests) == (2, 4, 2)
    assert first.modules("linux1") == 2
    assert len(lab.windows.transfers("win1")) == 1

    second = lab.run([task])
    for host in HOSTS:
        result = second.ok(host, "stage")
        assert result["changed"] is False
        assert {entry["state"] for entry in result["licenses"]} == {"unchanged"}
        assert [entry["index"] for entry in result["licenses"]] == [0, 1, 1, 2]
    assert (second.requests, second.connections) == ([], 0)
    assert second.modules("linux1") == 1
    assert lab.windows.transfers() == []
    figure(
        "2 products (3 licenses) and a license on a Linux and a Windows host:"
        f" {first.catalog_requests} catalog and {first.license_requests} license requests;"
        f" second run: {len(second.requests)} requests, {second.modules('linux1')} module execution (Linux)"
    )

    pruned = lab.run([lab.task(licenses=[wanted(one)], prune=True)])
    assert pruned.requests == []
    for host in HOSTS:
        result = pruned.ok(host, "stage")
        assert len(result["pruned"]) == 3
        assert list(lab.files(host)) == file_names(one)
        assert list(_manifest(lab, host)["catalog_queries"]) == [f"{one.product_id.lower()}/0015"]


@pytest.mark.once
def test_fifty_hosts(new_lab: NewLab, figure: Figure) -> None:
    """The catalog is asked once, whether hosts look a product up or stage its licenses."""
    lab = new_lab(linux=50)
    product = lab.emulator.product(7)
    stage = [lab.task(licenses=[wanted(product)])]
    plays = [
        lab.play([info_task(lab, product_id=product.product_id)], module_defaults={}),
        {**lab.play(stage), "hosts": "linux[0:9]"},
    ]
    first = lab.run_plays(plays, "--forks", "10")
    assert first.status == 0, first.output
    assert (first.catalog_requests, first.license_requests, first.token_requests) == (1, 2, 2)
    assert all(sorted(lab.files(host)) == sorted(file_names(product)) for host in lab.linux[:10])
    second = lab.run_plays(plays[1:], "--forks", "10")
    assert (second.requests, second.connections) == ([], 0)
    assert {second.modules(host) for host in lab.linux[:10]} == {1}
    figure(
        f"50 hosts look a product up, 10 of them stage its 2 licenses: {first.catalog_requests} catalog request,"
        f" {first.license_requests} license requests, {first.token_requests} token requests"
    )


@pytest.mark.once
def test_a_product_changes(new_lab: NewLab, served: Served) -> None:
    """Without force what was found stays; with it, a second content id is found, and one that is gone forgotten."""
    lab = new_lab(windows=["win1"])
    product = lab.emulator.product(7)
    one, two = product.content_ids
    names = file_names(product)
    task = lab.task(licenses=[wanted(product)])
    forced = lab.task(licenses=[wanted(product)], force=True)
    let_catalog_list(lab.emulator, product, one)
    run = lab.run([task])
    for host in HOSTS:
        assert outcomes(run.ok(host, "stage")) == [(0, one, "fetched")]

    lab.emulator.clear_faults()
    run = lab.run([task, forced | {"name": "force"}])
    assert (run.catalog_requests, run.license_requests) == (1, 2)
    for host in HOSTS:
        assert outcomes(run.ok(host, "stage")) == [(0, one, "unchanged")]
        result = run.ok(host, "force")
        assert outcomes(result) == [(0, one, "unchanged"), (0, two, "fetched")]
        assert result["changed"] is True
        assert sorted(lab.files(host)) == sorted(names)

    let_catalog_list(lab.emulator, product, two)
    run = lab.run([lab.task(licenses=[wanted(product)], force=True, prune=True)])
    for host in HOSTS:
        result = run.ok(host, "stage")
        assert outcomes(result) == [(0, two, "unchanged")]
        assert [path.endswith(names[0]) for path in result["pruned"]] == [True]
        assert lab.files(host) == {names[1]: served(product.request(1))}
        assert list(_manifest(lab, host)["catalog_queries"].values()) == [[two]]


@pytest.mark.once
def test_partial_failure_is_healed(new_lab: NewLab, served: Served) -> None:
    """What could be had stays; the next run fetches what is missing, without the catalog."""
    lab = new_lab(windows=["win1"])
    product = lab.emulator.product(7)
    names = file_names(product)
    bad = {name: lab.emulator.special(name) for name in ("online_only", "catalog_unknown", "bad_content_id")}
    lab.service.fault("license_behavior", value="not_owned", path_regex=product.content_ids[1])
    run = lab.run([lab.task(licenses=[wanted(product), *(wanted(entry) for entry in bad.values())], prune=True)])
    for host in HOSTS:
        result = run.failed(host, "stage")
        assert outcomes(result) == [
            (0, product.content_ids[0], "fetched"),
            (0, product.content_ids[1], "failed"),
            *((number, None, "failed") for number in (1, 2, 3)),
        ]
        assert result["changed"] is True
        assert lab.files(host) == {names[0]: served(product.request(0))}
        assert "4 of 5 licenses failed; the others are in place" in result["msg"]
        errors = [entry["error"] for entry in result["licenses"][1:]]
        for text, message in zip(
            (
                "HTTP 403",
                "the catalog lists SKU",
                "there is no such product (GET",
                "the catalog lists what cannot be used: content_id is not a GUID",
            ),
            errors,
            strict=True,
        ):
            assert text in message
            assert message in result["msg"]
        assert bad["online_only"].online_content_id in errors[1]
        assert f"{bad['catalog_unknown'].product_id}/0015: Could not look up the product" in result["msg"]
    assert "Traceback" not in run.output

    lab.emulator.clear_faults()
    healed = lab.run([lab.task(licenses=[wanted(product)])])
    assert (healed.catalog_requests, healed.license_requests) == (0, 1)
    for host in HOSTS:
        assert outcomes(healed.ok(host, "stage")) == [
            (0, product.content_ids[0], "unchanged"),
            (0, product.content_ids[1], "fetched"),
        ]
        assert sorted(lab.files(host)) == sorted(names)


@pytest.mark.once
def test_check_mode(new_lab: NewLab, served: Served) -> None:
    """With dest, nothing is asked for and nothing written; without it, licenses are returned in check mode, too."""
    lab = new_lab(windows=["win1"])
    product = lab.emulator.product(17)
    predict = lab.task(licenses=[wanted(product)])
    predicted = lab.run([predict, lab.task("force", licenses=[wanted(product)], force=True)], "--check", "--diff")
    assert (predicted.requests, predicted.connections) == ([], 0)
    run = lab.run([predict, lab.task("return", licenses=[wanted(product)], dest=None)], "--check")
    assert (run.catalog_requests, run.license_requests) == (1, 2)
    for host in HOSTS:
        for name in ("stage", "force"):
            result = predicted.ok(host, name)
            assert outcomes(result) == [(0, None, "fetched")]
            assert result["changed"] is True
            assert result["licenses"][0]["reason"] == "unresolved"
            assert product.product_id in result["diff"][0]["after"]
        assert lab.files(host) == {}
        returned = run.ok(host, "return")
        assert [entry["document"].encode() for entry in returned["licenses"]] == [
            served(product.request(which)) for which in range(2)
        ]
        assert returned["changed"] is False


@pytest.mark.once
def test_filters(lab: Lab) -> None:
    """Each filter chooses among all packages, in an item and at top level; a name stands for a single license."""
    architecture, language, family = (
        lab.emulator.special(f"by_{name}") for name in ("architecture", "language", "family")
    )
    other_family = family.family(family.content_ids[1])
    cases: dict[str, tuple[Any, dict[str, str], list[int]]] = {
        "all": (architecture, {}, [0, 1]),
        "x64": (architecture, {"architecture": "x64"}, [0]),
        "arm64": (architecture, {"architecture": "arm64"}, [1]),
        "German": (language, {"language": "de-DE"}, [0]),
        "Japanese": (language, {"language": "ja"}, [1]),
        "family": (family, {"package_family_name": family.package_family_name.upper()}, [0]),
        "other family": (family, {"package_family_name": other_family}, [1]),
        "both": (language, {"language": "de", "architecture": "x64"}, [0]),
    }
    tasks = [
        lab.task(name, **wanted(product, **filters), dest=None) for name, (product, filters, _expected) in cases.items()
    ]
    # As items of one task, which asks the catalog for all languages that are meant.
    items = [wanted(product, **filters) for product, filters, _found in cases.values()]
    tasks.append(lab.task("items", licenses=items, dest=None))
    tasks += [
        {**task, "ignore_errors": True}
        for task in (
            lab.task("mips", **wanted(architecture, architecture="mips"), dest=None),
            lab.task("one name", licenses=[wanted(architecture, filename="app.xml")]),
            lab.task("same name", licenses=[wanted(architecture, filename="a"), wanted(family, filename="A")]),
            lab.task("blob", licenses=[wanted(architecture, license_blob="QUJD")]),
            lab.task("other service", **wanted(architecture), service="store_for_business", dest=None),
        )
    ]
    run = lab.run(tasks)
    expected = []
    for number, (name, (product, _filters, found)) in enumerate(cases.items()):
        content_ids = [product.content_ids[which] for which in found]
        assert outcomes(run.ok("linux1", name)) == [(0, content_id, "fetched") for content_id in content_ids], name
        expected += [(number, content_id, "fetched") for content_id in content_ids]
    assert outcomes(run.ok("linux1", "items")) == expected
    assert run.license_requests == 6

    message = run.error("linux1", "mips")
    for text in (f"matches {architecture.product_id.lower()}/0015?architecture=mips", *architecture.content_ids):
        assert text in message
    assert "Check sku_id, architecture, language and package_family_name" in message
    message = run.error("linux1", "one name")
    assert "its packages need 2 licenses" in message
    assert "Leave filename out" in message
    assert "have the same file name" in run.error("linux1", "same name")
    assert "it is no well-formed XML" in run.error("linux1", "blob")
    assert "only the service store_licensing finds it by the product" in run.error("linux1", "other service")
    assert lab.files("linux1") == {}


def test_lookup(lab: Lab, served: Served) -> None:
    """A term may leave the content id out where the packages that are meant need one license."""
    single, several = lab.emulator.product(0), lab.emulator.product(7)
    given = several.request(1)
    run = evaluate(
        lab,
        {
            "single": licenses(single.product_id, function="lookup"),
            "with sku": licenses(f"{single.product_id}/0015"),
            "beside others": licenses(single.product_id, "{product_id}/{content_id}".format(**given)),
            "arm64": licenses(several.product_id, architecture="arm64"),
            "several": licenses(several.product_id),
            "unknown": licenses(lab.emulator.special("catalog_unknown").product_id),
            "nothing": licenses(single.product_id, architecture="mips"),
            "nothing after it": licenses(f"{single.product_id}/"),
            "other service": licenses(single.product_id, service="store_for_business"),
        },
    )
    assert value(run, "single") == served(single.request()).decode()
    assert value(run, "with sku") == [served(single.request()).decode()]
    assert value(run, "beside others") == [served(ids).decode() for ids in (single.request(), given)]
    assert value(run, "arm64") == [served(given).decode()]
    message = error(run, "several")
    assert f"Could not choose the license of {several.product_id}/0015: its packages need 2 licenses" in message
    assert all(content_id in message for content_id in several.content_ids)
    assert "architecture, language or package_family_name" in message
    assert "there is no such product" in error(run, "unknown")
    assert single.content_id in error(run, "nothing")
    assert "a part of it is empty" in error(run, "nothing after it")
    assert "or as product_id or product_id/sku_id" in error(run, "nothing after it")
    assert "content_id is missing" in error(run, "other service")
    # Both products, in two views of them, and what is unknown.
    assert run.catalog_requests == 3
    assert run.license_requests == 2


@pytest.mark.once
def test_role(new_lab: NewLab) -> None:
    """The role stages, counts and verifies every license that was found; its second run does nothing."""
    lab = new_lab(windows=["win1"])
    products = [lab.emulator.product(0), lab.emulator.product(7)]
    report = {"name": "report", "ansible.builtin.debug": {"var": "offline_licenses_report"}}
    values = {"dest": "{{ stage }}", "list": [wanted(product) for product in products], "market": "DE", **lab.defaults}
    role = {"role": ROLE, "vars": {f"offline_licenses_{name}": item for name, item in values.items()}}
    play = {**lab.play([report], module_defaults={}), "roles": [role]}
    first = lab.run_plays([play])
    assert first.status == 0, first.output
    assert (first.catalog_requests, first.license_requests) == (2, 3)
    second = lab.run_plays([play])
    assert (second.requests, second.connections) == ([], 0)
    for host in HOSTS:
        assert sorted(lab.files(host)) == sorted(file_names(*products))
        for run, fetched in ((first, 3), (second, 0)):
            facts = run.ok(host, "report")["offline_licenses_report"]
            assert (facts["total"], facts["fetched"], facts["unchanged"]) == (3, fetched, 3 - fetched)
            assert (facts["verified"], facts["unverified"], facts["failed"]) == (True, [], 0)
        assert all("market=DE" in request["query"] for request in first.requests if request["listener"] == "catalog")
