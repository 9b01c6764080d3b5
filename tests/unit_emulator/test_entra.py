# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign-in: every way that MSAL has, and every refusal that Entra knows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
import msal
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from emulator.client import Emulator
from emulator.clouds import CLOUDS, PARTNER_AUDIENCE, STORE_AUDIENCE

SCOPE = [f"{STORE_AUDIENCE}/.default"]


def application(emu: Emulator, credential: Any, client_id: str | None = None, **options: Any) -> Any:
    """An MSAL client of the emulator."""
    session = requests.Session()
    session.trust_env = False
    session.verify = emu.ca_path
    kind = msal.ConfidentialClientApplication if credential is not None else msal.PublicClientApplication
    values = {"client_credential": credential} if credential is not None else {}
    return kind(
        client_id or emu.client_id,
        authority=options.pop("authority", f"{emu.entra}/{emu.tenant_id}"),
        instance_discovery=False,
        http_client=session,
        **values,
        **options,
    )


def post(emu: Emulator, tenant: str | None = None, listener: str = "entra", auth: Any = None, **form: Any) -> Any:
    """A token request made by hand, with the good client secret unless the form says otherwise."""
    values = {
        "grant_type": "client_credentials",
        "client_id": emu.client_id,
        "client_secret": emu.client_secret,
        "scope": SCOPE[0],
        **form,
    }
    return requests.post(
        f"{emu.endpoints[listener]}/{tenant or emu.tenant_id}/oauth2/v2.0/token",
        data={name: value for name, value in values.items() if value is not None},
        verify=emu.ca_path,
        auth=auth,
        timeout=10,
    )


def admitted(emu: Emulator, token: str) -> bool:
    """Whether the Store takes a token."""
    answer = requests.post(
        emu.store + emu.product(0).license_path(),
        headers={"Authorization": f"Bearer {token}"},
        verify=emu.ca_path,
        timeout=10,
    )
    return answer.status_code == 200


def test_client_secret(emu: Emulator) -> None:
    result = application(emu, emu.client_secret).acquire_token_for_client(SCOPE)
    assert 3500 < result["expires_in"] <= 3599
    assert admitted(emu, result["access_token"])
    claims = jwt.decode(result["access_token"], options={"verify_signature": False})
    assert (claims["aud"], claims["tid"], claims["appid"]) == (STORE_AUDIENCE, emu.tenant_id, emu.client_id)
    assert claims["roles"]
    assert [entry["note"] for entry in emu.requests("entra")] == ["discovery", "client_credentials/client_secret"]
    assert emu.token_requests() == 1


def test_basic_authorization(emu: Emulator) -> None:
    answer = post(emu, client_id=None, client_secret=None, auth=(emu.client_id, emu.client_secret))
    assert answer.status_code == 200
    assert admitted(emu, answer.json()["access_token"])
    assert "Basic sha256:" in emu.requests("entra")[0]["headers"]["authorization"]


def test_signature_verifies_with_published_keys(emu: Emulator) -> None:
    token = post(emu).json()["access_token"]
    url = requests.get(
        f"{emu.entra}/{emu.tenant_domain}/v2.0/.well-known/openid-configuration", verify=emu.ca_path, timeout=10
    ).json()["jwks_uri"]
    keys = jwt.PyJWKSet.from_dict(requests.get(url, verify=emu.ca_path, timeout=10).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key.key, algorithms=["RS256"], audience=STORE_AUDIENCE)["tid"] == emu.tenant_id


def pem_parts(path: str) -> tuple[str, str]:
    text = Path(path).read_text(encoding="ascii")
    start = text.index("-----BEGIN CERTIFICATE")
    return text[:start], text[start:]


def test_certificate_with_sha256_thumbprint(emu: Emulator) -> None:
    key, certificate = pem_parts(emu.certificate_path)
    credential = {"private_key": key, "public_certificate": certificate}
    result = application(emu, credential).acquire_token_for_client(SCOPE)
    assert admitted(emu, result["access_token"])
    assert emu.requests("entra")[-1]["note"] == "client_credentials/certificate"


def test_certificate_with_sha1_thumbprint(emu: Emulator) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    key, certificate = pem_parts(emu.certificate_path)
    thumbprint = x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA1()).hex()
    result = application(emu, {"private_key": key, "thumbprint": thumbprint}).acquire_token_for_client(SCOPE)
    assert admitted(emu, result["access_token"])


def test_encrypted_certificate(emu: Emulator) -> None:
    key, certificate = pem_parts(emu.encrypted_certificate_path)
    assert "ENCRYPTED" in key
    credential = {"private_key": key, "public_certificate": certificate, "passphrase": emu.certificate_password}
    assert admitted(emu, application(emu, credential).acquire_token_for_client(SCOPE)["access_token"])


def test_pfx(emu: Emulator) -> None:
    credential = {
        "private_key_pfx_path": emu.pfx_path,
        "passphrase": emu.certificate_password,
        "public_certificate": True,
    }
    assert admitted(emu, application(emu, credential).acquire_token_for_client(SCOPE)["access_token"])


def test_unregistered_certificate(emu: Emulator) -> None:
    key, certificate = pem_parts(emu.unregistered_certificate_path)
    result = application(emu, {"private_key": key, "public_certificate": certificate}).acquire_token_for_client(SCOPE)
    assert result["error_codes"] == [700027]


def assertion(emu: Emulator, key_path: str | None = None, **changes: Any) -> str:
    """A client assertion made by hand; ``changes`` replace claims."""
    text = pem_parts(key_path or emu.certificate_path)[0]
    key = serialization.load_pem_private_key(text.encode(), None)
    now = int(time.time())
    claims = {
        "aud": f"{emu.entra}/{emu.tenant_id}/oauth2/v2.0/token",
        "iss": emu.client_id,
        "sub": emu.client_id,
        "iat": now,
        "exp": now + 600,
        "jti": "1",
        **changes,
    }
    headers = {"x5t#S256": thumbprint(emu)}
    return jwt.encode(claims, key, algorithm="PS256", headers=headers)


def thumbprint(emu: Emulator) -> str:
    import base64

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_pem_x509_certificate(pem_parts(emu.certificate_path)[1].encode())
    return base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode()


def with_assertion(emu: Emulator, value: str) -> Any:
    return post(
        emu,
        client_secret=None,
        client_assertion=value,
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    )


def test_assertion_may_be_used_again(emu: Emulator) -> None:
    value = assertion(emu)
    assert [with_assertion(emu, value).status_code for _unused in range(2)] == [200, 200]


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (700023, {"aud": "https://login.microsoftonline.com/other/oauth2/v2.0/token"}),
        (700021, {"sub": "somebody else"}),
        (700024, {"exp": 1000}),
        (700024, {"nbf": 4_000_000_000}),
        (50027, {"exp": "soon"}),
        (50027, {"jti": ""}),
    ],
)
def test_assertion_claims(emu: Emulator, code: int, changes: dict[str, Any]) -> None:
    answer = with_assertion(emu, assertion(emu, **changes))
    assert answer.json()["error_codes"] == [code]
    assert answer.status_code in (400, 401)


def test_assertion_signed_by_another_key(emu: Emulator) -> None:
    answer = with_assertion(emu, assertion(emu, emu.unregistered_certificate_path))
    assert (answer.status_code, answer.json()["error_codes"]) == (401, [700027])


@pytest.mark.parametrize("value", ["nonsense", "a.b.c"])
def test_assertion_that_is_no_token(emu: Emulator, value: str) -> None:
    assert with_assertion(emu, value).json()["error_codes"] == [50027]


def test_unsigned_assertion(emu: Emulator) -> None:
    claims = {"aud": f"{emu.entra}/{emu.tenant_id}/oauth2/v2.0/token", "iss": emu.client_id, "sub": emu.client_id}
    value = jwt.encode({**claims, "exp": time.time() + 60, "jti": "1"}, None, algorithm="none")
    assert with_assertion(emu, value).json()["error_codes"] == [700027]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("federated_token_file", None),
        ("expired_federated_token_file", 700024),
        ("other_federated_token_file", 700213),
    ],
)
def test_federated_token(emu: Emulator, file: str, code: int | None) -> None:
    path = Path(emu.endpoints[file])
    result = application(emu, {"client_assertion": lambda: path.read_text(encoding="ascii")}).acquire_token_for_client(
        SCOPE
    )
    if code is None:
        assert admitted(emu, result["access_token"])
        assert emu.requests("entra", "token")[0]["note"] == "client_credentials/federated_token"
    else:
        assert result["error_codes"] == [code]


def test_refresh_token_rotates(emu: Emulator) -> None:
    client = application(emu, emu.client_secret)
    first = client.acquire_token_by_refresh_token(emu.refresh_token, SCOPE)
    assert admitted(emu, first["access_token"])
    assert first["refresh_token"] != emu.refresh_token
    second = client.acquire_token_by_refresh_token(first["refresh_token"], SCOPE)
    assert second["refresh_token"] not in (first["refresh_token"], emu.refresh_token)
    assert "access_token" in client.acquire_token_by_refresh_token(emu.refresh_token, SCOPE)


@pytest.mark.parametrize("how", ["setting", "fault"])
def test_single_use_refresh_token(emu: Emulator, how: str) -> None:
    if how == "setting":
        emu.settings(refresh_token_uses=1)
    else:
        emu.fault(action="refresh_single_use", listener="entra")
    first = post(emu, grant_type="refresh_token", refresh_token=emu.refresh_token)
    again = post(emu, grant_type="refresh_token", refresh_token=emu.refresh_token)
    renewed = post(emu, grant_type="refresh_token", refresh_token=first.json()["refresh_token"])
    assert [answer.status_code for answer in (first, again, renewed)] == [200, 400, 200]
    assert (again.json()["error"], again.json()["error_codes"]) == ("invalid_grant", [70008])


def test_refresh_token_of_public_client(emu: Emulator) -> None:
    client = application(emu, None, emu.public_client_id)
    result = client.acquire_token_by_refresh_token(emu.public_refresh_token, SCOPE)
    assert result["refresh_token"] != emu.public_refresh_token
    assert client.get_accounts()
    with_secret = post(
        emu, grant_type="refresh_token", client_id=emu.public_client_id, refresh_token=emu.public_refresh_token
    )
    assert with_secret.json()["error_codes"] == [700025]


@pytest.mark.parametrize(
    ("code", "status", "error", "form"),
    [
        (7000215, 401, "invalid_client", {"client_secret": "wrong"}),
        (7000222, 401, "invalid_client", {"client_secret": "<expired>"}),
        (7000218, 401, "invalid_client", {"client_secret": None}),
        (700016, 400, "unauthorized_client", {"client_id": "00000000-0000-0000-0000-000000000001"}),
        (500011, 400, "invalid_resource", {"scope": "https://nothing.example/.default"}),
        (1002012, 400, "invalid_scope", {"scope": f"{STORE_AUDIENCE}/user_impersonation"}),
        (70011, 400, "invalid_scope", {"scope": f"{STORE_AUDIENCE}/.default {PARTNER_AUDIENCE}/.default"}),
        (90014, 400, "invalid_request", {"scope": None}),
        (900144, 400, "invalid_request", {"grant_type": None}),
        (900144, 400, "invalid_request", {"client_id": None}),
        (70003, 400, "unsupported_grant_type", {"grant_type": "password"}),
        (700082, 400, "invalid_grant", {"grant_type": "refresh_token", "refresh_token": "<expired>"}),
        (70000, 400, "invalid_grant", {"grant_type": "refresh_token", "refresh_token": "0.Anonsense"}),
    ],
)
def test_refusals(emu: Emulator, code: int, status: int, error: str, form: dict[str, Any]) -> None:
    if form.get("client_secret") == "<expired>":
        form = {"client_secret": emu.expired_client_secret}
    if form.get("refresh_token") == "<expired>":
        form = {**form, "refresh_token": emu.expired_refresh_token}
    answer = post(emu, **form)
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert (
        f"\r\nTrace ID: {body['trace_id']}\r\nCorrelation ID: {body['correlation_id']}\r\n" in body["error_description"]
    )
    assert body["timestamp"].endswith("Z")


@pytest.mark.parametrize(("tenant", "code"), [("11111111-1111-1111-1111-111111111111", 90002), ("no tenant", 900023)])
def test_unknown_tenant(emu: Emulator, tenant: str, code: int) -> None:
    answer = requests.get(f"{emu.entra}/{tenant}/v2.0/.well-known/openid-configuration", verify=emu.ca_path, timeout=10)
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [code])
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        application(emu, emu.client_secret, authority=f"{emu.entra}/{tenant.replace(' ', '-')}")


def test_application_of_another_tenant(emu: Emulator) -> None:
    assert post(emu, tenant=emu.other_tenant_id).json()["error_codes"] == [700016]


def test_only_post(emu: Emulator) -> None:
    answer = requests.get(f"{emu.entra}/{emu.tenant_id}/oauth2/v2.0/token", verify=emu.ca_path, timeout=10)
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [900561])


def test_clouds_have_their_own_audiences_and_keys(emu: Emulator) -> None:
    kids = set()
    for cloud in CLOUDS.values():
        answer = post(emu, listener=cloud.entra, scope=f"{cloud.partner_audience}/.default")
        token = answer.json()["access_token"]
        kids.add(jwt.get_unverified_header(token)["kid"])
        assert not admitted(emu, token)
    assert len(kids) == len(CLOUDS)
    assert post(emu, listener="entra_usgov").json()["error_codes"] == [500011]
    # A refresh token is of one cloud as well.
    answer = post(
        emu,
        listener="entra_usgov",
        grant_type="refresh_token",
        refresh_token=emu.refresh_token,
        scope=f"{PARTNER_AUDIENCE}/.default",
    )
    assert answer.json()["error_codes"] == [70000]


def test_managed_identity(emu: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", emu.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", emu.identity_header)
    with requests.Session() as session:
        session.trust_env = False
        client = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=session)
        result = client.acquire_token_for_client(resource=STORE_AUDIENCE)
    assert admitted(emu, result["access_token"])
    assert emu.token_requests() == 1
    assert emu.identity_header not in str(emu.requests("msi"))


@pytest.mark.parametrize(
    ("changes", "header", "status"),
    [
        ({}, "wrong", 401),
        ({"resource": "https://nothing.example"}, None, 500),
        ({"api-version": "2017-09-01"}, None, 400),
        ({"client_id": "somebody"}, None, 400),
    ],
)
def test_managed_identity_refusals(emu: Emulator, changes: dict[str, str], header: str | None, status: int) -> None:
    answer = requests.get(
        emu.identity_endpoint,
        params={"resource": STORE_AUDIENCE, "api-version": "2019-08-01", **changes},
        headers={"X-IDENTITY-HEADER": header or emu.identity_header},
        timeout=10,
    )
    assert (answer.status_code, answer.json()["statusCode"]) == (status, status)


def test_correlation_id_comes_back(emu: Emulator) -> None:
    wanted = "7d7a2b1e-0000-4000-8000-000000000001"
    answer = requests.post(
        f"{emu.entra}/{emu.tenant_id}/oauth2/v2.0/token",
        data={"grant_type": "client_credentials"},
        headers={"client-request-id": wanted},
        verify=emu.ca_path,
        timeout=10,
    )
    assert answer.json()["correlation_id"] == wanted


class TestDeviceCode:
    """Somebody signs in with a code elsewhere."""

    def sign_in(self, emu: Emulator, **settings: Any) -> dict[str, Any]:
        """The answer to MSAL, at an emulator with these settings."""
        emu.settings(**settings)
        app = application(emu, None, emu.public_client_id)
        flow = app.initiate_device_flow(scopes=SCOPE)
        assert flow["user_code"] in flow["message"]
        # MSAL's own way to poll once.
        result: dict[str, Any] = app.acquire_token_by_device_flow({**flow, "interval": 1}, exit_condition=_once_more)
        return result

    def test_user_signs_in(self, emu: Emulator) -> None:
        """A refresh token comes along, and can be exchanged."""
        result = self.sign_in(emu, device_code_polls=0)
        assert admitted(emu, result["access_token"])
        app = application(emu, None, emu.public_client_id)
        assert "access_token" in app.acquire_token_by_refresh_token(result["refresh_token"], SCOPE)

    @pytest.mark.parametrize(
        ("settings", "error"),
        [
            ({"device_code_polls": None}, "authorization_pending"),
            ({"device_code_polls": 0, "device_code_declined": True}, "authorization_declined"),
            ({"device_code_lifetime": 0}, "expired_token"),
        ],
    )
    def test_no_token(self, emu: Emulator, settings: dict[str, Any], error: str) -> None:
        """The user has not signed in, says no, or is late."""
        assert self.sign_in(emu, **settings)["error"] == error


def _once_more(flow: dict[str, Any]) -> bool:
    return True
