# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way to sign in, by options and by environment variables, and what a refused sign-in costs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from emulator.client import Emulator

from .conftest import Figure, NewLab, Served
from .harness import Lab, Run, default_name


def _notes(run: Run) -> list[str]:
    """By what each token was asked for, as the emulator verified it."""
    return [item["note"] for item in run.requests if item["note"] and "discovery" not in item["note"]]


@pytest.mark.once
def test_methods_by_options(lab: Lab, served: Served, figure: Figure) -> None:
    emulator = lab.emulator
    lab.environment = {
        "AZURE_AUTHORITY_HOST": emulator.entra,
        "IDENTITY_ENDPOINT": emulator.identity_endpoint,
        "IDENTITY_HEADER": emulator.identity_header,
    }
    ids = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id}
    secret = {"client_secret": emulator.client_secret}
    password = {"client_certificate_password": emulator.certificate_password}
    methods: dict[str, tuple[dict[str, Any], str | None]] = {
        "client secret": ({**ids, **secret}, "client_credentials/client_secret"),
        "domain as tenant": (
            {**ids, **secret, "tenant_id": emulator.tenant_domain},
            "client_credentials/client_secret",
        ),
        "certificate": (
            {**ids, "client_certificate_path": emulator.certificate_path},
            "client_credentials/certificate",
        ),
        "encrypted certificate": (
            {**ids, "client_certificate_path": emulator.encrypted_certificate_path, **password},
            "client_credentials/certificate",
        ),
        "pfx": ({**ids, "client_certificate_path": emulator.pfx_path, **password}, "client_credentials/certificate"),
        "federated token": (
            {**ids, "federated_token_file": emulator.federated_token_file},
            "client_credentials/federated_token",
        ),
        "refresh token of a public client": (
            {**ids, "client_id": emulator.public_client_id, "refresh_token": emulator.public_refresh_token},
            "refresh_token/none",
        ),
        "refresh token with secret": (
            {**ids, **secret, "refresh_token": emulator.refresh_token},
            "refresh_token/client_secret",
        ),
        "refresh token with certificate": (
            {**ids, "refresh_token": emulator.refresh_token, "client_certificate_path": emulator.certificate_path},
            "refresh_token/certificate",
        ),
        "managed identity": ({"auth_method": "managed_identity"}, "managed_identity"),
        "user-assigned identity": (
            {"auth_method": "managed_identity", "client_id": emulator.managed_identity_client_id},
            "managed_identity",
        ),
        "access token": ({"access_token": emulator.access_tokens["store"]}, None),
        "chosen among several": (
            {**ids, **secret, "access_token": "not.the.one", "auth_method": "client_secret"},
            "client_credentials/client_secret",
        ),
    }
    products = [emulator.product(index).request() for index in range(len(methods))]
    tasks = [
        # The native client and the managed identity are other applications, which the Store knows as well.
        {**lab.task(name, **product, **options), "ignore_errors": True}
        for product, (name, (options, _note)) in zip(products, methods.items(), strict=True)
    ]
    run = lab.run(tasks)
    failures = [run.result("linux1", name)["msg"] for name in methods if run.result("linux1", name).get("failed")]
    assert not failures, "\n".join(failures)
    assert lab.files("linux1") == {default_name(product): served(product) for product in products}
    assert sorted(_notes(run)) == sorted(note for _options, note in methods.values() if note)
    assert run.license_requests == len(methods)
    figure(f"{len(methods)} tasks that sign in differently: {run.token_requests} token requests")


def _by_environment(emulator: Emulator) -> dict[str, tuple[Mapping[str, str], str | None]]:
    new = {"AZURE_TENANT_ID": emulator.tenant_id, "AZURE_CLIENT_ID": emulator.client_id}
    old = {"AZURE_TENANT": emulator.tenant_id, "AZURE_CLIENT_ID": emulator.client_id}
    return {
        "AZURE_CLIENT_SECRET": (
            {**new, "AZURE_CLIENT_SECRET": emulator.client_secret},
            "client_credentials/client_secret",
        ),
        "AZURE_SECRET": ({**old, "AZURE_SECRET": emulator.client_secret}, "client_credentials/client_secret"),
        "empty ones": (
            {**old, "AZURE_TENANT_ID": "", "AZURE_CLIENT_SECRET": "", "AZURE_SECRET": emulator.client_secret},
            "client_credentials/client_secret",
        ),
        "certificate": (
            {
                **new,
                "AZURE_CLIENT_CERTIFICATE_PATH": emulator.pfx_path,
                "AZURE_CLIENT_CERTIFICATE_PASSWORD": emulator.certificate_password,
            },
            "client_credentials/certificate",
        ),
        "federated token": (
            {**new, "AZURE_FEDERATED_TOKEN_FILE": emulator.federated_token_file},
            "client_credentials/federated_token",
        ),
        "refresh token": (
            {**new, "AZURE_CLIENT_ID": emulator.public_client_id}
            | {"MSDEVICES_REFRESH_TOKEN": emulator.public_refresh_token},
            "refresh_token/none",
        ),
        "access token": ({"MSDEVICES_ACCESS_TOKEN": emulator.access_tokens["store"]}, None),
    }


@pytest.mark.once
@pytest.mark.parametrize(
    "name",
    [
        *("AZURE_CLIENT_SECRET", "AZURE_SECRET", "empty ones", "certificate", "federated token"),
        *("refresh token", "access token"),
    ],
)
def test_methods_by_environment(lab: Lab, name: str) -> None:
    variables, note = _by_environment(lab.emulator)[name]
    authority = lab.emulator.entra
    # The Azure SDKs take the host without a scheme, too.
    lab.environment = {"AZURE_AUTHORITY_HOST": authority if name != "AZURE_SECRET" else authority.partition("//")[2]}
    run = lab.run([lab.task(**lab.emulator.product(0).request())], environment=variables)
    assert run.ok("linux1", "stage")["changed"] is True
    assert _notes(run) == ([note] if note else [])
    assert run.license_requests == 1


@pytest.mark.once
@pytest.mark.parametrize("by", ["option", "environment"])
def test_refresh_token_file(new_lab: NewLab, figure: Figure, by: str) -> None:
    """Refresh tokens that serve once: hosts share one exchange, and the file has the token for the next run."""
    lab = new_lab(linux=6)
    emulator = lab.emulator
    emulator.settings(refresh_token_uses=1)
    kept = lab.directory / "refresh-token"
    options = {"tenant_id": emulator.tenant_id, "client_id": emulator.public_client_id}
    variables = {"MSDEVICES_REFRESH_TOKEN": emulator.public_refresh_token}
    if by == "option":
        options |= {"refresh_token_file": str(kept)}
    else:
        variables |= {"MSDEVICES_REFRESH_TOKEN_FILE": str(kept)}
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra, **variables}
    tokens = [emulator.public_refresh_token]
    for number in range(3):
        run = lab.run([lab.task(**emulator.product(number).request(), **options)], "--forks", "6")
        assert run.status == 0, run.output
        assert (run.token_requests, run.license_requests) == (1, 1)
        assert kept.stat().st_mode & 0o077 == 0
        tokens.append(kept.read_text(encoding="utf-8").strip())
        assert not [token for token in tokens if token in run.output + lab.log]
        # From now on the file alone will do.
        lab.environment.pop("MSDEVICES_REFRESH_TOKEN", None)
    assert len(set(tokens)) == 4
    figure(f"refresh token that serves once, 6 hosts, 3 runs ({by}): 1 token request in each")


@pytest.mark.once
def test_options_win_over_the_environment(lab: Lab) -> None:
    wrong = {"AZURE_CLIENT_SECRET": "wrong~secret-of-the-environment", "AZURE_TENANT_ID": "wrong.example"}
    options = {"client_secret": lab.emulator.client_secret, "tenant_id": lab.emulator.tenant_id}
    task = lab.task(**lab.emulator.product(0).request(), **options)
    assert lab.run([task], environment=wrong).ok("linux1", "stage")["changed"] is True


@pytest.mark.once
def test_wrong_secret_at_twenty_hosts(new_lab: NewLab, figure: Figure) -> None:
    """One clear failure on each host; fewer sign-ins than hosts, since those who wait for one share its outcome."""
    lab = new_lab(linux=20)
    secret = "wrong~secret-that-nobody-may-see"
    lab.emulator.latency(100, "entra")
    run = lab.run(
        [lab.task(licenses=lab.emulator.licenses(5))], "--forks", "10", environment={"AZURE_CLIENT_SECRET": secret}
    )
    for host in lab.linux:
        result = run.failed(host, "stage")
        for text in ("AADSTS7000215", "sign in by client_secret", "Check client_secret", "correlation id"):
            assert text in result["msg"]
        assert {entry["state"] for entry in result["licenses"]} == {"failed"}
        assert result["changed"] is False
    assert run.license_requests == 0
    assert 1 <= run.token_requests <= len(lab.linux)
    assert secret not in run.output + lab.log
    figure(f"wrong secret, 20 hosts x 5 licenses at 10 forks: {run.token_requests} token requests, 0 license requests")


@pytest.mark.once
def test_refused_sign_ins(lab: Lab) -> None:
    """What Entra refuses is said with its code and a remedy, once for all licenses, with one token request."""
    emulator = lab.emulator
    ids = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id}
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra}
    cases: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "expired secret": (
            {**ids, "client_secret": emulator.expired_client_secret},
            ("AADSTS7000222", "create a new one"),
        ),
        "unknown application": (
            {**ids, "client_id": "11111111-2222-3333-4444-555555555555", "client_secret": emulator.client_secret},
            ("AADSTS700016", "Check client_id and tenant_id"),
        ),
        "other tenant": (
            {**ids, "tenant_id": emulator.other_tenant_id, "client_secret": emulator.client_secret},
            ("AADSTS700016", "Check client_id and tenant_id"),
        ),
        "no tenant": (
            {**ids, "tenant_id": "nowhere.example", "client_secret": emulator.client_secret},
            ("AADSTS90002", "Check tenant_id"),
        ),
        "unregistered certificate": (
            {**ids, "client_certificate_path": emulator.unregistered_certificate_path},
            ("AADSTS700027", "not registered"),
        ),
        "expired federated token": (
            {**ids, "federated_token_file": emulator.expired_federated_token_file},
            ("AADSTS700024", "clock"),
        ),
        "other federated token": (
            {**ids, "federated_token_file": emulator.other_federated_token_file},
            ("AADSTS70021", "federated credential"),
        ),
        "expired refresh token": (
            {**ids, "client_secret": emulator.client_secret, "refresh_token": emulator.expired_refresh_token},
            ("AADSTS70", "consent again"),
        ),
        "wrong audience": (
            {**ids, "client_secret": emulator.client_secret, "audience": "https://nothing.example"},
            ("AADSTS500011", "Check audience"),
        ),
        "worthless access token": (
            {"access_token": "worthless.access.token"},
            ("HTTP 401", "Activate the application"),
        ),
    }
    wanted = lab.emulator.licenses(4)
    tasks = [
        {**lab.task(name, licenses=wanted, max_concurrency=1, **options), "ignore_errors": True}
        for name, (options, _texts) in cases.items()
    ]
    run = lab.run(tasks)
    for name, (_options, texts) in cases.items():
        message = run.error("linux1", name)
        assert not [text for text in texts if text not in message], f"{name}: {message}"
    # A tenant that does not exist is found by its discovery document already.
    assert run.token_requests == len(cases) - 2
    # The token that is worthless for one license need not be tried for each.
    assert 1 <= run.license_requests <= len(wanted)
    for secret in (emulator.client_secret, emulator.expired_refresh_token, "worthless.access.token"):
        assert secret not in run.output + lab.log


PLAYBOOK = "msdevices.provisioning.sign_in"


def _device(lab: Lab, **settings: Any) -> dict[str, Any]:
    emulator = lab.emulator
    emulator.settings(device_code_interval=1, **settings)
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra, "REQUESTS_CA_BUNDLE": emulator.ca_path}
    return {"sign_in_tenant_id": emulator.tenant_id, "sign_in_client_id": emulator.public_client_id}


@pytest.mark.once
def test_user_signs_in_by_device_code(lab: Lab, served: Served) -> None:
    """The code is shown, the refresh token is kept for its owner alone, and the next run signs in by it."""
    emulator = lab.emulator
    kept = lab.directory / "refresh-token"
    values = {**_device(lab), "sign_in_refresh_token_file": str(kept)}
    run = lab.run_plays(PLAYBOOK, "-e", json.dumps(values))
    assert run.status == 0, run.output
    assert re.search(rf"open {emulator.entra}/device in a browser and enter the code [A-Z0-9]{{9}}\b", run.stdout)
    token = kept.read_text(encoding="utf-8").strip()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert token not in run.output

    ids = emulator.licenses(1)[0]
    options = {**ids, "tenant_id": emulator.tenant_id, "client_id": emulator.public_client_id}
    later = lab.run([lab.task("later", **options, refresh_token_file=str(kept))])
    assert lab.files("linux1") == {default_name(ids): served(ids)}, later.output
    assert kept.read_text(encoding="utf-8").strip() != token


@pytest.mark.once
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"device_code_polls": None}, "nobody signed in with the code within 2 seconds"),
        ({"device_code_polls": 0, "device_code_declined": True}, "authorization_declined"),
    ],
)
def test_user_does_not_sign_in(lab: Lab, settings: dict[str, Any], text: str) -> None:
    _device(lab, **settings)
    emulator = lab.emulator
    kept = lab.directory / "refresh-token"
    options = {"tenant_id": emulator.tenant_id, "client_id": emulator.public_client_id, "wait": 2}
    task = {"name": "user", "msdevices.provisioning.user_sign_in": {**options, "refresh_token_file": str(kept)}}
    run = lab.run([task])
    message = run.error("linux1", "user")
    assert text in message
    assert "Could not sign" in message
    assert not kept.exists()
