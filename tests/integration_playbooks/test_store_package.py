# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages of apps: from a product id to files on hosts."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.msdevices.provisioning.plugins.modules import ms_store_package

from .conftest import NewLab
from .guides import blocks
from .harness import STAGE, Lab
from .packages import MANIFEST, check_files, counts, downloads, package_task, prepared, staged


@pytest.fixture
def packages(lab: Lab) -> Lab:
    """A lab with one Linux host."""
    return prepared(lab)


def test_app_with_dependencies(packages: Lab) -> None:
    """The first run stages the app with the frameworks that it needs; the next ones request nothing, or one select."""
    product = packages.emulator.product(0)
    run = packages.run([package_task(product_id=product.product_id.lower())])
    result = run.ok("linux1", "packages")
    (app,) = result["apps"]
    assert (result["changed"], app["state"], app["error"]) == (True, "fetched", None)
    assert app["package_family_name"] == product.package_family_name
    check_files(app)
    name = product.package_family_name.rpartition("_")[0]
    assert set(staged(packages)) == {
        f"{product.product_id}/{name}_1.0.0.0_Universal.Desktop_X64.msixbundle",
        *(
            f"{product.product_id}/Dependencies/{framework}_Universal_{machine}.appx"
            for framework in ("Microsoft.VCLibs.140.00_14.0.33519.0", "Microsoft.UI.Xaml.2.8_8.2310.30001.0")
            for machine in ("X86", "X64")
        ),
    }
    assert counts(run) == {"catalog": 1, "delivery": 1 + 1 + 4, "cdn": 5}
    assert all("authorization" not in request["headers"] for request in run.requests)
    again = packages.run([package_task(product_id=product.product_id)])
    assert again.ok("linux1", "packages")["apps"] == [
        {**app, "state": "unchanged", "files": [{**file, "state": "unchanged"} for file in app["files"]]}
    ]
    assert (again.ok("linux1", "packages")["changed"], again.requests) == (False, [])
    latest = packages.run([package_task(product_id=product.product_id, state="latest")])
    assert latest.ok("linux1", "packages")["changed"] is False
    assert counts(latest) == {"delivery": 1}
    assert not downloads(latest)


def test_both_kinds_of_hosts(new_lab: NewLab) -> None:
    """Linux and Windows hosts get the same files, each downloaded once; the shared frameworks too. Then nothing."""
    lab = prepared(new_lab(linux=2, windows=["win1"]))
    products = [lab.emulator.product(0), lab.emulator.product(3)]
    apps = [{"product_id": product.product_id} for product in products]
    check = lab.run([package_task(apps=apps, prune=True)], "--check", "--diff")
    assert not downloads(check)
    tasks = [package_task(apps=apps, prune=True), package_task("again", apps=apps, prune=True)]
    run = lab.run(tasks, "--diff")
    files = {host: staged(lab, host) for host in ("linux1", "linux2")}
    files["win1"] = {
        name[len(STAGE) + 1 :].replace("\\", "/"): data
        for name, data in lab.windows.tree("win1", STAGE).items()
        if MANIFEST not in name
    }
    assert files["linux1"] == files["linux2"] == files["win1"]
    assert len(files["linux1"]) == 5 + 5
    assert set(downloads(run).values()) == {1}
    assert len(downloads(run)) == 2 + 4
    for host in (*lab.linux, "win1"):
        predicted, result, again = (
            one.ok(host, name) for one, name in ((check, "packages"), (run, "packages"), (run, "again"))
        )
        assert (predicted["changed"], result["changed"], again["changed"]) == (True, True, False)
        assert predicted["apps"] == result["apps"]
        assert predicted["diff"] == result["diff"]
        assert len(result["diff"]) == 10
        assert f"size: {len(next(iter(files['win1'].values())))} bytes" in str(result["diff"])
        assert {app["state"] for app in again["apps"]} == {"unchanged"}
    # A third app only takes what it does not share, and prune removes the first two.
    other = lab.emulator.product(6)
    run = lab.run([package_task(product_id=other.product_id, prune=True)])
    for host in (*lab.linux, "win1"):
        assert len(run.ok(host, "packages")["pruned"]) == 10
    assert {name.partition("/")[0] for name in staged(lab)} == {other.product_id}
    assert downloads(run) == {lab.emulator.release(6).packages[0].full_name: 1}


def test_download_on_hosts(new_lab: NewLab) -> None:
    """Hosts download by themselves from the CDN alone, and get a new URL when one has expired."""
    lab = prepared(new_lab(linux=1, windows=["win1"]))
    emulator = lab.emulator
    options = {"product_id": emulator.product(0).product_id, "download_on": "host"}
    emulator.fault(listener="cdn", action="status", status=403, times=1)
    tasks = [package_task(**options), package_task("again", **options)]
    run = lab.run(tasks)
    for host in ("linux1", "win1"):
        result = run.ok(host, "packages")
        assert {file["state"] for file in result["apps"][0]["files"]} == {"fetched"}
        assert run.ok(host, "again")["changed"] is False
    check_files(run.ok("linux1", "packages")["apps"][0])
    assert len(staged(lab)) == 5
    assert len([name for name in lab.windows.tree("win1", STAGE) if MANIFEST not in name]) == 5
    agents = {item["headers"]["user-agent"].split("/")[0] for item in run.requests if item["listener"] == "cdn"}
    assert "ansible-msdevices.provisioning" not in agents
    assert not (lab.directory / "cache").exists() or not list((lab.directory / "cache").glob("*.part"))
    emulator.fault(listener="cdn", action="wrong_bytes")
    bad = {**options, "product_id": emulator.product(1).product_id}
    run = lab.run([{**package_task(**bad), "ignore_errors": True}])
    for host in ("linux1", "win1"):
        message = run.error(host, "packages")
        assert "Could not let the host download" in message
        assert "P4=" not in message
    assert len(staged(lab)) == 5


def test_without_dest(packages: Lab) -> None:
    """What would be fetched is returned, with sizes; nothing is downloaded, and no module runs on the host."""
    product = packages.emulator.product(0)
    run = packages.run([package_task(dest=None, product_id=product.product_id, architectures=["arm64"])])
    (app,) = run.ok("linux1", "packages")["apps"]
    assert {file["state"] for file in app["files"]} == {app["state"]} == {"available"}
    assert all(file["size"] > 0 and file["path"] is None for file in app["files"])
    assert not downloads(run)
    assert run.modules("linux1") == 0


def test_progress_and_bad_apps(packages: Lab) -> None:
    """Progress shows at -v; one app fails, the other is in place; a directory that is missing fails at once."""
    emulator = packages.emulator
    apps = [{"product_id": "XP99J3KP4XZ4VV"[:12]}, {"product_id": emulator.product(0).product_id}]
    tasks = [
        {**package_task(apps=apps), "ignore_errors": True},
        {**package_task("missing", apps=apps[1:], dest="{{ stage }}/none"), "ignore_errors": True},
        {**package_task("option", apps=apps[1:], os_version="ten"), "ignore_errors": True},
        {**package_task("twice", apps=apps[1:] * 2), "ignore_errors": True},
    ]
    run = packages.run(tasks, "-v")
    message = run.error("linux1", "packages")
    assert message.startswith("1 of 2 apps failed; the others are in place.")
    assert "unpackaged program" in message
    assert len(staged(packages)) == 5
    assert " MB/s" in run.output
    assert "dest does not exist" in run.error("linux1", "missing")
    assert "os_version is 'ten'" in run.error("linux1", "option")
    assert "more than once" in run.error("linux1", "twice")


@pytest.mark.once
def test_examples(packages: Lab) -> None:
    """The examples of the guide and of the module run as they are written, but for ids."""
    emulator = packages.emulator
    product_id = emulator.product(0).product_id
    # Not all modules of the group have it; the default lies in the home of the lab.
    del packages.defaults["package_cache"]
    texts = [block.text for block in blocks("guide_packages")]
    assert len(texts) == 5
    variables = {"apps_dir": "{{ stage }}", "cache_dir": str(packages.directory / "carried")}
    for text in (*texts, ms_store_package.EXAMPLES):
        text = text.replace("9WZDNCRFJ3PS", product_id)
        text = text.replace("9NBLGGH4NNS1", emulator.product(3).product_id)
        run = packages.run(yaml.safe_load(text), vars=variables)
        assert run.status == 0, run.output
        if "offline: true" in text:
            assert run.requests == []
        if "service: store_delivery" in text:
            assert run.ok("linux1", "See whether packages can be downloaded")["passed"]
    assert len({name.partition("/")[0] for name in staged(packages)}) == 2
