# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Price sheets by real playbooks, on Linux and Windows hosts."""

from __future__ import annotations

from typing import Any

import requests

from .conftest import NewLab
from .harness import STAGE, Lab

SHEET = "msdevices.provisioning.partner_price_sheet"
#: Behavior of the price host, and what the message says.
BAD = {
    "no_access": "Give the user the role Admin agent",
    "bomb": "unpacks to more than 1024 MiB",
    "two_files": "holds 2 files",
    "no_files": "holds 0 files",
    "broken_zip": "cannot be unpacked",
    "damaged_zip": "cannot be unpacked",
    "broken_gzip": "cannot be unpacked",
    "encrypted_zip": "cannot be unpacked",
    "page": "no price sheet",
    "json": "no price sheet",
    "empty": "empty",
    "no_columns": "no columns",
}


def as_user(lab: Lab) -> Lab:
    """Point a lab's tasks at the price host, signed in as a user."""
    lab.defaults = {
        "base_url": lab.emulator.prices,
        "ca_path": lab.emulator.ca_path,
        "access_token": lab.emulator.access_tokens["prices"],
        "auth_method": "access_token",
    }
    return lab


def task(name: str, **options: Any) -> dict[str, Any]:
    """A task that may fail."""
    values = {"market": "us", "dest": "{{ stage }}/prices.csv", **options}
    return {"name": name, SHEET: values, "ignore_errors": True}


def expected(lab: Lab) -> bytes:
    """The sheet of licenses in the United States, as it is without packing."""
    url = f"{lab.emulator.prices}/v1.0/sales/pricesheets(Market='US',PricesheetView='updatedlicensebased')/$value"
    headers = {"Authorization": f"Bearer {lab.emulator.access_tokens['prices']}", "Accept-Encoding": "identity"}
    lab.emulator.settings(price_sheet_form="auto")
    return requests.get(url, headers=headers, verify=lab.emulator.ca_path, timeout=30).content


def test_on_both_kinds_of_hosts(new_lab: NewLab) -> None:
    lab = as_user(new_lab(linux=2, windows=["win1"]))
    tasks = [
        {**task("dry"), "check_mode": True},
        task("first", mode="0640"),
        task("second"),
    ]
    windows = [{**one, SHEET: {**one[SHEET], "dest": STAGE + r"\prices.csv"}} for one in tasks]
    windows[1][SHEET].pop("mode")
    plays = [lab.play(tasks, hosts="linux"), lab.play(windows, hosts="windows")]
    run = lab.run_plays(plays)
    for host in ("linux1", "linux2", "win1"):
        assert [run.ok(host, name)["changed"] for name in ("dry", "first", "second")] == [True, True, False]
        assert lab.files(host) == {"prices.csv": expected(lab)}
    assert run.ok("linux1", "first")["size"] == len(expected(lab))
    assert (lab.stage("linux1") / "prices.csv").stat().st_mode & 0o777 == 0o640
    # Three hosts and three tasks, and one download.
    assert sum(item["listener"] == "prices" for item in run.requests) == 1
    lab.emulator.settings(price_sheet_revision=1, price_sheet_form="gzip")
    again = lab.run_plays([lab.play([task("changed"), task("directory", dest="{{ stage }}")], hosts="linux")])
    assert again.ok("linux1", "changed")["changed"]
    assert sorted(lab.files("linux1")) == ["prices.csv", "updatedlicensebased_US_current.csv"]
    assert set(lab.files("linux1").values()) == {expected(lab)}


def test_failures(lab: Lab) -> None:
    as_user(lab)
    api = {"access_token": lab.emulator.access_tokens["partner_public"]}
    refresh = {"refresh_token": lab.emulator.refresh_token, "auth_method": "auto", "access_token": ""}
    app = {"auth_method": "client_secret", "access_token": ""}
    tasks = [
        task("audience", **api),
        task("application", **app, audience=lab.emulator.prices_audience),
        task("no changes", view="software", timeline="future"),
        task("month", timeline="current", month="202601"),
        task("china", cloud="china", base_url=""),
        task("directory", dest="{{ stage }}/no/such/prices.csv"),
        task("user", **refresh, dest="{{ stage }}/user.csv"),
        task("history", timeline="history", month="202003", dest="{{ stage }}/history.csv", run_cache=False),
    ]
    run = lab.run(tasks, environment=lab.emulator.environment())
    assert "needs one of its own" in run.error("linux1", "audience")
    assert "auth_method=refresh_token" in run.error("linux1", "application")
    assert "only when something changes" in run.error("linux1", "no changes")
    assert "timeline is not history" in run.error("linux1", "month")
    assert "no host of this service is known" in run.error("linux1", "china")
    assert "Check that the directory exists" in run.error("linux1", "directory")
    assert run.ok("linux1", "user")["changed"]
    assert sorted(lab.files("linux1")) == ["history.csv", "user.csv"]


def test_files_that_are_no_sheets(lab: Lab) -> None:
    as_user(lab)
    for number, behavior in enumerate([*BAD, "path_in_zip"]):
        view = f"view{number}"
        lab.emulator.fault(path_regex=view, action="price_behavior", value=behavior)
    tasks = [task(name, view=f"view{number}") for number, name in enumerate([*BAD, "path_in_zip"])]
    run = lab.run(tasks)
    for behavior, text in BAD.items():
        assert text in run.error("linux1", behavior)
    # A name that leads elsewhere is not used.
    assert run.ok("linux1", "path_in_zip")["changed"]
    assert list(lab.files("linux1")) == ["prices.csv"]


def test_access_to_the_price_host_is_checked(lab: Lab) -> None:
    as_user(lab)
    lab.defaults = {**lab.defaults, "authority": lab.emulator.entra, "tenant_id": lab.emulator.tenant_id}
    check = {"msdevices.provisioning.service_access_info": {"service": "partner_price_sheets"}}
    wrong = {"access_token": lab.emulator.access_tokens["partner_public"], "service": "partner_price_sheets"}
    run = lab.run(
        [
            {"name": "user", **check, "ignore_errors": True},
            {"name": "audience", "msdevices.provisioning.service_access_info": wrong, "ignore_errors": True},
        ]
    )
    assert {step["step"]: step["status"] for step in run.ok("linux1", "user")["steps"]}["service_call"] == "pass"
    assert not run.ok("linux1", "audience")["passed"]
