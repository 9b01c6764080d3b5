# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Store licensing service in real plays: its ways to sign in, its troubles with their remedies, its time-outs."""

from __future__ import annotations

import time
from typing import Any

import pytest
from license_services import LicenseService

from .conftest import Figure, NewLab, Served
from .harness import Lab, default_name
from .lookups import error, evaluate, licenses, value
from .products import outcomes, store_licensing, wanted

ROLE = "Global Administrator, User Administrator or License Administrator"
NO_APPLICATION = "an application without a user is not known to be accepted"
Cases = dict[str, tuple[dict[str, Any], tuple[str, ...]]]
pytestmark = store_licensing


@pytest.mark.once
def test_users(lab: Lab, figure: Figure) -> None:
    """Refresh tokens of applications of every kind, and ready tokens; also when the content id has to be found."""
    emulator = lab.emulator
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra}
    ids = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id}
    refresh = {**ids, "refresh_token": emulator.refresh_token}
    ready = {"access_token": emulator.access_tokens["licensing"]}
    both = {**ready, "catalog_access_token": emulator.access_tokens["catalog"]}
    product = emulator.product(0)
    methods: dict[str, dict[str, Any]] = {
        "public": {**ids, "client_id": emulator.public_client_id, "refresh_token": emulator.public_refresh_token},
        "secret": {**refresh, "client_secret": emulator.client_secret},
        "certificate": {**refresh, "client_certificate_path": emulator.certificate_path},
        "federated": {**refresh, "federated_token_file": emulator.federated_token_file},
        "ready": both,
        "catalog ready": {
            **refresh,
            "client_secret": emulator.client_secret,
            "catalog_access_token": emulator.access_tokens["catalog"],
        },
    }
    tasks = [lab.task(name, **wanted(product), dest=None, **options) for name, options in methods.items()]
    tasks.append(lab.task("content id given", **product.request(), dest=None, **ready))
    tasks.append({**lab.task("one token", **wanted(product), dest=None, **ready), "ignore_errors": True})
    run = lab.run(tasks)
    for name in (*methods, "content id given"):
        assert outcomes(run.ok("linux1", name)) == [(0, product.content_id, "fetched")], name
    message = run.error("linux1", "one token")
    assert "access_token is for the licensing service alone" in message
    assert "MSDEVICES_CATALOG_ACCESS_TOKEN" in message
    # Two audiences for each of four refresh tokens, and one for the last: the catalog was another's.
    notes = [request["note"] for request in run.requests if request["note"].startswith("refresh_token/")]
    assert sorted(notes) == sorted(
        [*["refresh_token/none"] * 2, *["refresh_token/certificate", "refresh_token/federated_token"] * 2]
        + ["refresh_token/client_secret"] * 2
    )
    figure(f"Store licensing, {len(tasks)} tasks that sign in differently: {run.token_requests} token requests")

    by_environment = {
        "MSDEVICES_ACCESS_TOKEN": emulator.access_tokens["licensing"],
        "MSDEVICES_CATALOG_ACCESS_TOKEN": emulator.access_tokens["catalog"],
    }
    run = evaluate(
        lab,
        [
            lab.task("task", **wanted(product), dest=None),
            {"name": "lookup", "ansible.builtin.set_fact": {"value": licenses(product.product_id)}},
        ],
        environment=by_environment,
    )
    assert run.status == 0, run.output
    assert (run.token_requests, run.catalog_requests, run.license_requests) == (0, 1, 1)


@pytest.mark.once
def test_applications(lab: Lab) -> None:
    """They are passed through: refused with a remedy today, and at work the day they are accepted."""
    emulator = lab.emulator
    lab.environment = emulator.environment()
    product = emulator.product(0)
    tasks = [
        {**lab.task("content id given", **product.request()), "ignore_errors": True},
        {**lab.task("content id found", **wanted(product)), "ignore_errors": True},
    ]
    run = lab.run(tasks)
    for name in ("content id given", "content id found"):
        message = run.error("linux1", name)
        for text in ("HTTP 403", product.content_id, "the organization or role may not have this license"):
            assert text in message
        assert ROLE in message
        assert NO_APPLICATION in message
    emulator.settings(licensing_accepts_apps=True)
    run = lab.run(tasks)
    assert run.ok("linux1", "content id given")["changed"] is True
    assert run.ok("linux1", "content id found")["changed"] is False
    assert {request["note"] for request in run.requests if "/token" in request["path"]} == {
        "client_credentials/client_secret"
    }


@pytest.mark.once
def test_a_refresh_token_that_serves_once(new_lab: NewLab) -> None:
    """From its file it serves both services and all hosts, and the next run."""
    lab = new_lab(linux=3)
    emulator = lab.emulator
    emulator.settings(refresh_token_uses=1)
    kept = lab.directory / "refresh-token"
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra, "MSDEVICES_REFRESH_TOKEN": emulator.public_refresh_token}
    options = {
        "tenant_id": emulator.tenant_id,
        "client_id": emulator.public_client_id,
        "refresh_token_file": str(kept),
    }
    for index in range(2):
        run = lab.run([lab.task(licenses=[wanted(emulator.product(index))], **options)], "--forks", "3")
        assert run.status == 0, run.output
        assert (run.token_requests, run.catalog_requests, run.license_requests) == (2, 1, 1)
        lab.environment.pop("MSDEVICES_REFRESH_TOKEN", None)


@pytest.mark.once
def test_refusals_and_troubles(lab: Lab) -> None:
    """Each with its status, what it means, and what to do; a service that does not answer is left in time."""
    emulator = lab.emulator
    products = [emulator.product(index) for index in range(10)]
    given = [product.request() for product in products]
    impatient = {"timeout": 0.5, "deadline": 1.5, "max_retries": 5}

    def fault(index: int, action: str, **values: Any) -> None:
        lab.service.fault(action, path_regex=products[index].content_ids[0], **values)

    fault(1, "status", status=503)
    fault(2, "gateway_throttle", seconds=300)
    fault(3, "unauthorized")
    fault(4, "stall_headers")
    fault(5, "stall_body")
    for index, action in ((6, "stall_headers"), (8, "unauthorized")):
        emulator.fault(listener="catalog", action=action, path_regex=products[index].product_id)
    unknown = {**given[0], "content_id": "00000000-0000-4000-8000-000000000000"}
    cases: Cases = {
        "403": (emulator.special("not_offline").request(), ("HTTP 403", "the publisher does not allow", ROLE)),
        "404": (unknown, ("HTTP 404", "no license for this content id", "ms_store_product_info lists them")),
        "503": ({**given[1], "max_retries": 1}, ("HTTP 503", "1 retries did not help", "Run again later")),
        "429": (given[2], ("HTTP 429", "it asks to wait 300 seconds", "Run again later")),
        "401": (given[3], ("HTTP 401", "does not accept the token", "Check audience", NO_APPLICATION)),
        "no answer": ({**given[4], **impatient}, ("offlineContent", "did not answer in time", "Check that")),
        "half an answer": ({**given[5], **impatient}, ("offlineContent", "did not answer in time")),
        "silent catalog": ({**wanted(products[6]), **impatient}, ("/v7.0/products/", "did not answer in time")),
        "catalog 401": (wanted(products[8]), ("HTTP 401", "the catalog does not accept the token")),
        "no role": (
            {**given[9], "refresh_token": emulator.refresh_token_without_role},
            ("HTTP 403", "the organization or role may not have this license", ROLE),
        ),
        "no consent": (
            {
                **given[9],
                "client_id": emulator.inactive_client_id,
                "client_secret": emulator.inactive_client_secret,
                "refresh_token": emulator.inactive_refresh_token,
            },
            ("AADSTS65001", "An administrator has to consent"),
        ),
        "expired": ({**given[9], "refresh_token": emulator.expired_refresh_token}, ("AADSTS70", "consent again")),
    }
    tasks = [
        {**lab.task(name, **options, dest=None), "ignore_errors": True} for name, (options, _texts) in cases.items()
    ]
    start = time.monotonic()
    run = lab.run([*tasks, lab.task("good", **given[0])])
    # The faults stall for a minute each.
    assert time.monotonic() - start < 50
    missing = []
    for name, (_options, texts) in cases.items():
        message = run.error("linux1", name)
        missing += [f"{name}: {text!r} is not in {message!r}" for text in texts if text not in message]
        assert "document" not in run.result("linux1", name)["licenses"][0]
    assert not missing, "\n".join(missing)
    assert run.ok("linux1", "good")["changed"] is True
    assert "Traceback" not in run.output


@pytest.mark.once
def test_one_word_changes_the_service(new_lab: NewLab, served: Served) -> None:
    """What the one service has staged, the other finds in place; its license is the same one."""
    lab = new_lab(windows=["win1"])
    ids = lab.emulator.licenses(3)
    for name in ("store_for_business", "store_licensing"):
        service = LicenseService(lab.emulator, name)
        lab.environment, lab.defaults = service.environment, service.options
        run = lab.run([lab.task(licenses=ids), lab.task("force", licenses=ids, force=True)])
        for host in ("linux1", "win1"):
            assert run.ok(host, "stage")["changed"] is (not service.delegated)
            assert run.ok(host, "force")["changed"] is False
            assert lab.files(host) == {default_name(entry): served(entry) for entry in ids}
        assert {request["listener"] for request in run.requests} == {"entra", service.listener}
        assert run.license_requests == 3


@pytest.mark.once
def test_lookups_say_the_same(lab: Lab) -> None:
    """Errors of the service reach a template with their remedies."""
    emulator = lab.emulator
    lab.service.fault("stall_headers", path_regex=emulator.product(1).content_id)
    run = evaluate(
        lab,
        {
            "403": licenses("{product_id}/{content_id}".format(**emulator.special("not_owned").request())),
            "silent": licenses(emulator.product(1).product_id, timeout=0.5, deadline=1.0),
            "good": licenses(emulator.product(0).product_id),
        },
    )
    assert ROLE in error(run, "403")
    assert "did not answer in time" in error(run, "silent")
    assert "<License " in value(run, "good")[0]
