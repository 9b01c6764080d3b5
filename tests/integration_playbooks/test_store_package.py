# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages of apps: from a product id to files on hosts."""

from __future__ import annotations

import pytest

from .harness import Lab
from .packages import check_files, counts, downloads, package_task, prepared, staged


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
