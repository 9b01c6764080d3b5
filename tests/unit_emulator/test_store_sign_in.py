# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a refresh token of a user to a license: what Entra gives for the successor's two audiences."""

from __future__ import annotations

from typing import Any

import jwt
import msal
import pytest
import requests
from emulator import catalog
from emulator.client import Emulator, EmulatorError
from emulator.tokens import DIRECTORY_ROLES

NAMES = ["catalog", "licensing"]


def application(emu: Emulator, client_id: str, secret: str | None) -> Any:
    """An MSAL client; one without a secret is public."""
    session = requests.Session()
    session.trust_env = False
    session.verify = emu.ca_path
    options: dict[str, Any] = {
        "authority": f"{emu.entra}/{emu.tenant_id}",
        "instance_discovery": False,
        "http_client": session,
    }
    if secret is None:
        return msal.PublicClientApplication(client_id, **options)
    return msal.ConfidentialClientApplication(client_id, client_credential=secret, **options)


def scope(emu: Emulator, name: str) -> list[str]:
    return [f"{emu.endpoints[name + '_audience']}/.default"]


def status(emu: Emulator, name: str, token: str) -> int:
    """How a service answers to this token."""
    product = emu.product(0)
    headers = {"Authorization": f"Bearer {token}", "From": "emulator-tests"}
    options: dict[str, Any] = {"headers": headers, "verify": emu.ca_path, "timeout": 10}
    if name == "catalog":
        return requests.get(emu.catalog + product.catalog_path(), **options).status_code
    url = emu.licensing + catalog.LICENSING_PATH
    return requests.post(url, json=product.licensing_body(), **options).status_code


def test_audiences(emu: Emulator) -> None:
    assert emu.licensing_audience == "c5e1cb0d-5d24-4b1a-b291-ec684152b2ba"
    assert emu.catalog_audience == "https://bigcatalog.commerce.microsoft.com"


@pytest.mark.parametrize("name", NAMES)
def test_ready_tokens(emu: Emulator, name: str) -> None:
    assert status(emu, name, emu.access_tokens[name]) == 200
    for other in ("store", "partner_public", *NAMES):
        if other != name:
            assert status(emu, name, emu.access_tokens[other]) == 401


@pytest.mark.parametrize("kind", ["confidential", "public"])
def test_one_refresh_token_serves_both_audiences(emu: Emulator, kind: str) -> None:
    if kind == "public":
        client, token = application(emu, emu.public_client_id, None), emu.public_refresh_token
    else:
        client, token = application(emu, emu.client_id, emu.client_secret), emu.refresh_token
    for name in NAMES:
        result = client.acquire_token_by_refresh_token(token, scope(emu, name))
        assert status(emu, name, result["access_token"]) == 200
        claims = jwt.decode(result["access_token"], options={"verify_signature": False})
        assert (claims["aud"], claims["scp"]) == (emu.endpoints[name + "_audience"], "user_impersonation")
        assert DIRECTORY_ROLES["License Administrator"] in claims["wids"]
        # Rotated: the next audience is asked with what this exchange returned.
        assert result["refresh_token"] != token
        token = result["refresh_token"]


def test_user_without_a_role(emu: Emulator) -> None:
    client, token = application(emu, emu.client_id, emu.client_secret), emu.refresh_token_without_role
    answers = []
    for name in (*NAMES, "licensing"):
        result = client.acquire_token_by_refresh_token(token, scope(emu, name))
        answers.append(status(emu, name, result["access_token"]))
        token = result["refresh_token"]
    assert answers == [200, 403, 403]


@pytest.mark.parametrize("role", [*DIRECTORY_ROLES, None])
def test_refresh_tokens_of_any_role(emu: Emulator, role: str | None) -> None:
    client = application(emu, emu.client_id, emu.client_secret)
    result = client.acquire_token_by_refresh_token(emu.new_refresh_token(role=role), scope(emu, "licensing"))
    assert status(emu, "licensing", result["access_token"]) == (403 if role in (None, "Global Reader") else 200)


def test_unknown_role(emu: Emulator) -> None:
    with pytest.raises(EmulatorError, match="no role"):
        emu.new_refresh_token(role="Emperor")
    with pytest.raises(EmulatorError, match="no role"):
        emu.token(user=True, role="Emperor")


@pytest.mark.parametrize("name", NAMES)
def test_consent_is_needed(emu: Emulator, name: str) -> None:
    client = application(emu, emu.inactive_client_id, emu.inactive_client_secret)
    result = client.acquire_token_by_refresh_token(emu.inactive_refresh_token, scope(emu, name))
    assert (result["error"], result["error_codes"]) == ("invalid_grant", [65001])


@pytest.mark.parametrize(("accepted", "expected"), [(False, 403), (True, 200)])
def test_application_sign_in(emu: Emulator, accepted: bool, expected: int) -> None:
    emu.settings(licensing_accepts_apps=accepted)
    client = application(emu, emu.client_id, emu.client_secret)
    tokens = {name: client.acquire_token_for_client(scope(emu, name))["access_token"] for name in NAMES}
    assert status(emu, "licensing", tokens["licensing"]) == expected
    assert status(emu, "catalog", tokens["catalog"]) == 200
    emu.revoke_tokens()
    assert [status(emu, name, tokens[name]) for name in NAMES] == [401, 401]


def test_only_the_public_cloud_has_the_audiences(emu: Emulator) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": emu.client_id,
        "client_secret": emu.client_secret,
        "scope": scope(emu, "licensing")[0],
    }
    url = f"{emu.entra_usgov}/{emu.tenant_id}/oauth2/v2.0/token"
    answer = requests.post(url, data=form, verify=emu.ca_path, timeout=10)
    assert answer.json()["error_codes"] == [500011]
