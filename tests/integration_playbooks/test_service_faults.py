# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the service does wrong fails that license alone; the message says what was tried, what came, and what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from emulator import catalog
from license_services import both_services

from .conftest import Figure, NewLab, Served
from .harness import MANIFEST, Lab, default_name

# By behavior of the emulator: the HTTP status, and what the message says besides (cause, remedy).
_REFUSALS = {
    "not_owned": (409, "not owned", "Acquire the product"),
    "not_owned_pascal": (409, "not owned", "Acquire the product"),
    "not_owned_nested": (409, "not owned", "Acquire the product"),
    "not_owned_text": (409, "not owned", "Acquire the product"),
    "not_owned_html": (409, "not owned", "Acquire the product"),
    "not_owned_empty": (409, "not owned", "Acquire the product"),
    "not_offline": (409, "not offline", "offline licensing"),
    "not_offline_pascal": (409, "not offline", "offline licensing"),
    "not_offline_text": (409, "not offline", "offline licensing"),
    "unknown": (404, "no such product, SKU or content id", "Check the ids"),
    "gone": (410, "gone", "retired"),
}
_WORTHLESS = {
    "wrong_license": (200, "it is the license of", "Check product_id, sku_id and content_id"),
    "wrong_content": (200, "it is the license of", "Check product_id, sku_id and content_id"),
    "not_base64": (200, "not base64", "nothing was written"),
    "not_xml": (200, "no well-formed XML", "nothing was written"),
    "not_a_license": (200, "root element", "nothing was written"),
    "truncated_xml": (200, "no well-formed XML", "nothing was written"),
    "doctype": (200, "DOCTYPE", "nothing was written"),
    "utf16": (200, "DOCTYPE", "nothing was written"),
    "empty": (200, "empty body", "Check base_url"),
    "empty_object": (200, "without a licenseBlob", "Run again"),
    "empty_blob": (200, "without a licenseBlob", "Run again"),
    "null_blob": (200, "without a licenseBlob", "Run again"),
}
_NOT_ALLOWED = (403, "the organization or role may not have this license", "the organization may use the app offline")
_NO_LICENSE = (200, "no license in it", "Check product_id and content_id")
_FAULTS = {
    "store_for_business": {**_REFUSALS, **_WORTHLESS},
    "store_licensing": {
        **{
            name: _NOT_ALLOWED if status == 409 else (status, cause, "")
            for name, (status, cause, _remedy) in _REFUSALS.items()
        },
        "unknown": (404, "there is no license for this content id", "ms_store_product_info lists them"),
        "gone": (410, "HTTP 410", "not a documented public API"),
        **{name: (status, cause, "nothing was written") for name, (status, cause, _remedy) in _WORTHLESS.items()},
        "empty": (200, "empty body", "Check base_url"),
        **dict.fromkeys(("empty_object", "empty_blob", "null_blob"), _NO_LICENSE),
        **{name: _NO_LICENSE for name, text in catalog.LICENSING_BEHAVIORS.items() if "must be accepted" not in text},
    },
}


def test_every_fault_is_covered() -> None:
    good = {name for name, text in catalog.SPECIALS.items() if "must be accepted" in text}
    assert set(catalog.BEHAVIORS) == good & set(catalog.BEHAVIORS) | set(_FAULTS["store_for_business"])
    odd = {**catalog.BEHAVIORS, **catalog.LICENSING_BEHAVIORS}
    assert set(odd) == good & set(odd) | set(_FAULTS["store_licensing"])


@pytest.mark.once
@both_services
def test_each_fault_fails_its_license_alone(new_lab: NewLab, served: Served, figure: Figure) -> None:
    lab = new_lab(windows=["win1"])
    first, last = lab.emulator.licenses(2)
    expected = dict(_FAULTS[lab.service.name])
    bad = {name: lab.emulator.special(name).request() for name in expected}
    # Its content id has the longer form of some packages, which the services do not know: 400.
    bad["bad request"] = {
        **lab.emulator.product(2).request(),
        "content_id": f"{lab.emulator.product(2).content_id}-Arm",
    }
    online = lab.emulator.product(3)
    if lab.service.delegated:
        bad["online"] = {**online.request(), "content_id": online.online_content_id}
        expected |= {"bad request": (400, "parameter contentId", "Check content_id"), "online": _NOT_ALLOWED}
    else:
        bad["online"] = {**online.request(), "sku_id": "0016"}
        expected["bad request"] = (400, "parameter contentId", "Check product_id, sku_id and content_id of the item")
        expected["online"] = (409, "not offline", "offline SKUs are usually 0015")
    task = lab.task(licenses=[first, *bad.values(), last])
    run = lab.run([task])
    assert run.status == 2
    for host in ("linux1", "win1"):
        result = run.failed(host, "stage")
        assert result["changed"] is True
        assert lab.files(host) == {default_name(entry): served(entry) for entry in (first, last)}
        entries = result["licenses"]
        assert [entry["state"] for entry in entries] == ["fetched", *["failed"] * len(bad), "fetched"]
        assert f"{len(bad)} of {len(entries)} licenses failed" in result["msg"]
        missing = []
        for name, entry in zip(bad, entries[1:-1], strict=True):
            status, cause, remedy = expected[name]
            ids = f"{entry['product_id']}/{entry['sku_id']}/{entry['content_id']}"
            texts = [
                f"Could not get the offline license {ids}",
                f"POST {lab.service.base_url}/v9.0/licenses/offlineContent"
                if lab.service.delegated
                else f"POST {lab.service.base_url}/V1/Products/",
                cause,
                remedy,
            ]
            texts += [f"HTTP {status}"] + (["request id", "correlation id"] if status >= 400 else [])
            missing += [
                f"{name}: {text!r} is not in {entry['error']!r}" for text in texts if text not in entry["error"]
            ]
            assert entry["error"] in result["msg"]
            assert (entry["sha256"], entry["license_id"]) == (None, None)
        assert not missing, "\n".join(missing)
    assert "SPLicenseBlock" not in run.output + lab.log
    assert "Traceback" not in run.output

    # Again: what is staged stays as it is, and changed says so.
    again = lab.run([task])
    for host in ("linux1", "win1"):
        result = again.failed(host, "stage")
        assert result["changed"] is False
        assert [entry["state"] for entry in result["licenses"]] == ["unchanged", *["failed"] * len(bad), "unchanged"]
    assert run.token_requests == again.token_requests == 1
    figure(
        f"{len(bad)} faulty licenses on 2 hosts: {run.license_requests} license requests in the first run,"
        f" {again.license_requests} in the second (errors other than not found are asked again for each host)"
    )


@pytest.mark.once
@both_services
def test_good_files_stay(new_lab: NewLab) -> None:
    """What the service has gone wrong about since does not touch a license that is already there."""
    lab = new_lab(windows=["win1"])
    behaviors = ["wrong_license", "wrong_content", "not_base64", "not_xml", "doctype", "empty", "not_owned", "unknown"]
    wanted = lab.emulator.licenses(len(behaviors))
    assert lab.run([lab.task(licenses=wanted)]).status == 0
    before = {host: lab.files(host) for host in ("linux1", "win1")}
    manifest = (lab.stage("linux1") / MANIFEST).read_bytes()
    for behavior, entry in zip(behaviors, wanted, strict=True):
        lab.service.fault("license_behavior", value=behavior, path_regex=entry["content_id"])
    run = lab.run([lab.task(licenses=wanted, force=True)])
    for host in ("linux1", "win1"):
        result = run.failed(host, "stage")
        assert [entry["state"] for entry in result["licenses"]] == ["failed"] * len(wanted)
        assert result["changed"] is False
        assert lab.files(host) == before[host]
    assert (lab.stage("linux1") / MANIFEST).read_bytes() == manifest
    # A file that is there does what it is for: without force nothing is asked.
    assert lab.run([lab.task(licenses=wanted)]).requests == []


@pytest.mark.once
def test_rescue_and_ignore(lab: Lab) -> None:
    """A failed task can be rescued or ignored, and its result has all licenses."""
    good, bad = lab.emulator.product(0).request(), lab.emulator.special("unknown").request()
    states = "{{ %s.licenses | map(attribute='state') | join(' ') }} {{ %s is changed }}"
    run = lab.run(
        [
            {
                "block": [{**lab.task("one", licenses=[good, bad]), "register": "one"}],
                "rescue": [
                    {"name": "rescued", "ansible.builtin.debug": {"msg": states % (("ansible_failed_result",) * 2)}}
                ],
            },
            {**lab.task("two", licenses=[bad, good]), "register": "two", "ignore_errors": True},
            {"name": "ignored", "ansible.builtin.debug": {"msg": states % ("two", "two")}},
        ]
    )
    assert run.status == 0, run.output
    assert run.ok("linux1", "rescued")["msg"] == "fetched failed True"
    assert run.ok("linux1", "ignored")["msg"] == "failed unchanged False"
    # That it does not exist is remembered for the run.
    assert (run.token_requests, run.license_requests) == (1, 2)


@pytest.mark.once
def test_refused_application(lab: Lab) -> None:
    """401 asks once more with a new token, 403 does not; both name the activation as remedy."""
    wanted = lab.emulator.licenses(3)
    lab.emulator.fault(listener="store", action="unauthorized", path_regex=wanted[1]["product_id"], times=-1)
    run = lab.run([lab.task(licenses=wanted, max_concurrency=1)])
    result = run.failed("linux1", "stage")
    for text in ("HTTP 401", wanted[1]["content_id"], "Activate the application", "Management tools"):
        assert text in result["licenses"][1]["error"]
    assert run.token_requests == 2
    # The service has accepted the token for another license: this one fails, the others are staged.
    assert [entry["state"] for entry in result["licenses"]] == ["fetched", "failed", "fetched"]
    assert run.license_requests == 4

    lab.emulator.clear_faults()
    inactive = {
        "AZURE_CLIENT_ID": lab.emulator.inactive_client_id,
        "AZURE_CLIENT_SECRET": lab.emulator.inactive_client_secret,
    }
    run = lab.run([lab.task(licenses=wanted)], environment=inactive)
    result = run.failed("linux1", "stage")
    assert [entry["state"] for entry in result["licenses"]] == ["unchanged", "failed", "unchanged"]
    for text in ("HTTP 403", wanted[1]["content_id"], "not activated", "Activate the application"):
        assert text in result["licenses"][1]["error"]
    assert (run.token_requests, run.license_requests) == (1, 1)


@pytest.mark.once
@both_services
def test_transient_faults(lab: Lab, figure: Figure) -> None:
    """What passes is retried, a revoked token is replaced once, and everything arrives."""
    wanted = lab.emulator.licenses(5)
    for rule, entry in zip(
        (
            {"action": "status", "status": 503},
            {"action": "status", "status": 429, "retry_after": 1},
            {"action": "reset"},
            {"action": "close_in_body"},
        ),
        wanted,
        strict=False,
    ):
        lab.service.fault(**rule, times=1, path_regex=entry["content_id"])
    run = lab.run([lab.task(licenses=wanted)])
    assert [entry["state"] for entry in run.ok("linux1", "stage")["licenses"]] == ["fetched"] * 5
    assert _asked(run.requests, wanted) == [2, 2, 2, 2, 1]

    lab.emulator.clear_faults()
    for path in lab.stage("linux1").iterdir():
        path.unlink()
    lab.service.fault("revoke_tokens", after=2, times=1)
    run = lab.run([lab.task(licenses=lab.emulator.licenses(20))])
    assert run.ok("linux1", "stage")["changed"] is True
    assert len(lab.files("linux1")) == 20
    assert run.token_requests == 2
    figure(f"token revoked in the midst of 20 licenses: {run.token_requests} token requests, all licenses staged")


def _asked(requests: list[dict[str, object]], wanted: list[dict[str, str]]) -> list[int]:
    return [sum(entry["content_id"] in str(request["subject"]) for request in requests) for entry in wanted]


@both_services
@pytest.mark.parametrize(
    ("rule", "cause"),
    [({"action": "reset"}, "the connection"), ({"action": "status", "status": 503}, "HTTP 503")],
    ids=["reset", "overloaded"],
)
@pytest.mark.once
def test_service_that_is_down(lab: Lab, figure: Figure, rule: dict[str, Any], cause: str) -> None:
    """A service that does not answer is not asked for each of many licenses."""
    lab.service.fault(**rule, times=-1)
    wanted = lab.emulator.licenses(40)
    run = lab.run([lab.task(licenses=wanted, max_retries=1, max_concurrency=8)])
    result = run.failed("linux1", "stage")
    assert {entry["state"] for entry in result["licenses"]} == {"failed"}
    assert cause in result["licenses"][0]["error"]
    assert re.search(r"Check that the controller reaches the host|Run again later", result["licenses"][0]["error"])
    assert re.search(r"Skipped: an earlier request failed|Could not reach", result["licenses"][-1]["error"])
    assert lab.files("linux1") == {}
    assert run.license_requests <= 2 * 16
    figure(f"service down ({cause}), 40 licenses, 1 retry: {run.license_requests} license requests")
