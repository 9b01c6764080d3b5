# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from emulator.client import Emulator
from emulator.entra_errors import ERRORS

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
    ServiceError,
    SignInError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import RunCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.session import HttpSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in import entra_errors, token_source
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.methods import Certificate
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.msal_http import MsalHttpClient
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.openid_configuration import (
    fetch_openid_configuration,
    token_error,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.token_source import TokenSource

pytestmark = pytest.mark.usefixtures("quick_retries")
CANARY = "canary8Q~secret"

MakeSettings = Callable[..., Settings]


def token_of(settings: Settings) -> str:
    return TokenSource(settings, NoCache()).token()


def accepted(emu: Emulator, token: str) -> bool:
    """Whether the Store takes a token."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = emu.ca_path
        headers = {"Authorization": f"Bearer {token}"}
        return session.post(emu.store + emu.product(0).license_path(), headers=headers).status_code == 200


def notes(emu: Emulator) -> list[str]:
    """What the sign-in service says about each request."""
    return [entry["note"] for entry in emu.requests("entra")]


def refused(settings: Settings, kind: type[ProvisioningError] = SignInError) -> Any:
    """The error of a sign-in; there is no secret in it."""
    with pytest.raises(kind) as caught:
        token_of(settings)
    text = str(caught.value)
    for secret in (settings.client_secret, settings.refresh_token, settings.client_certificate_password):
        assert not secret or secret not in text
    assert "eyJ" not in text
    assert caught.value.remedy
    return caught.value


class TestMethods:
    def test_client_secret(self, emu: Emulator, make_settings: MakeSettings) -> None:
        assert accepted(emu, token_of(make_settings()))
        assert notes(emu) == ["discovery", "client_credentials/client_secret"]

    def test_the_tenant_by_its_domain_name(self, emu: Emulator, make_settings: MakeSettings) -> None:
        assert accepted(emu, token_of(make_settings(tenant_id=emu.tenant_domain)))

    @pytest.mark.parametrize(
        ("path", "password"),
        [
            ("certificate_path", ""),
            ("encrypted_certificate_path", "certificate_password"),
            ("pfx_path", "certificate_password"),
        ],
    )
    def test_certificate(self, path: str, password: str, emu: Emulator, make_settings: MakeSettings) -> None:
        options = {"client_secret": None, "client_certificate_path": getattr(emu, path)}
        options["client_certificate_password"] = getattr(emu, password) if password else None
        assert accepted(emu, token_of(make_settings(**options)))
        assert notes(emu) == ["discovery", "client_credentials/certificate"]

    def test_federated_token(self, emu: Emulator, make_settings: MakeSettings) -> None:
        settings = make_settings(client_secret=None, federated_token_file=emu.federated_token_file)
        assert accepted(emu, token_of(settings))
        assert notes(emu) == ["discovery", "client_credentials/federated_token"]

    def test_a_file_that_holds_no_jwt_is_not_sent(
        self, emu: Emulator, make_settings: MakeSettings, tmp_path: Path
    ) -> None:
        path = tmp_path / "file"
        for content in ("root:x:0:0:root", "-----BEGIN PRIVATE KEY-----", "a.b.c", "eyJ9.e30", "W10.W10.x"):
            path.write_text(content)
            with pytest.raises(OptionError, match="does not hold a token") as caught:
                token_of(make_settings(client_secret=None, federated_token_file=str(path)))
            assert content not in str(caught.value)
        assert emu.requests() == []

    def test_assertions_that_come_back_are_masked(self, emu: Emulator, make_settings: MakeSettings) -> None:
        settings = make_settings(client_secret=None, client_certificate_path=emu.certificate_path)
        http = HttpSession(settings)
        client = MsalHttpClient(http, settings, "Could not try")
        method = Certificate(settings)
        method.validate()
        method.acquire(client)
        http.close()
        (assertion,) = client.sent_secrets
        assert assertion.count(".") == 2
        text = str(token_error(settings, "Could not try", {"error_description": f"No: {assertion}"}, [assertion]))
        assert "No: ********" in text
        token = Path(emu.federated_token_file).read_text().strip()
        emu.fault(listener="entra", action="status", status=400, body={"error": "x", "error_description": token})
        refusal = refused(make_settings(client_secret=None, federated_token_file=emu.federated_token_file))
        assert "********" in str(refusal)
        assert token not in str(refusal)

    def test_the_federated_token_is_read_anew_for_each_sign_in(
        self, emu: Emulator, make_settings: MakeSettings, tmp_path: Path
    ) -> None:
        path = tmp_path / "token"
        path.write_text(Path(emu.expired_federated_token_file).read_text())
        settings = make_settings(client_secret=None, federated_token_file=str(path))
        source = TokenSource(settings, NoCache())
        with pytest.raises(SignInError, match="AADSTS700024"):
            source.token()
        path.write_text(Path(emu.federated_token_file).read_text() + "\n")
        assert accepted(emu, source.token())

    @pytest.mark.parametrize("user_assigned", [False, True])
    def test_managed_identity(
        self, user_assigned: bool, emu: Emulator, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("IDENTITY_ENDPOINT", emu.identity_endpoint)
        monkeypatch.setenv("IDENTITY_HEADER", emu.identity_header)
        # No proxy may see the request.
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        client_id = emu.managed_identity_client_id if user_assigned else None
        settings = make_settings(
            auth_method="managed_identity", tenant_id=None, client_secret=None, client_id=client_id, authority=None
        )
        assert token_of(settings).count(".") == 2
        (request,) = emu.requests("msi")
        assert (request["method"], request["path"]) == ("GET", "/msi/token")
        assert ("client_id=" in request["query"]) == user_assigned
        assert emu.count("entra") == 0

    def test_refresh_token_of_a_public_application(self, emu: Emulator, make_settings: MakeSettings) -> None:
        settings = make_settings(
            client_id=emu.public_client_id, client_secret=None, refresh_token=emu.public_refresh_token
        )
        assert token_of(settings).count(".") == 2
        assert notes(emu) == ["discovery", "refresh_token/none"]

    @pytest.mark.parametrize(
        ("credential", "note"),
        [
            ({}, "refresh_token/client_secret"),
            ({"client_certificate_path": "certificate_path"}, "refresh_token/certificate"),
            ({"federated_token_file": "federated_token_file"}, "refresh_token/federated_token"),
        ],
    )
    def test_refresh_token_of_a_confidential_application(
        self, credential: dict[str, str], note: str, emu: Emulator, make_settings: MakeSettings
    ) -> None:
        options: dict[str, Any] = {name: getattr(emu, value) for name, value in credential.items()}
        if credential:
            options["client_secret"] = None
        assert token_of(make_settings(**options, refresh_token=emu.refresh_token)).count(".") == 2
        assert notes(emu) == ["discovery", note]

    def test_ready_access_token(self, emu: Emulator, make_settings: MakeSettings) -> None:
        source = TokenSource(make_settings(client_secret=None, access_token=CANARY), NoCache())
        assert source.token() == CANARY
        assert source.replace_rejected(CANARY) is None
        assert emu.stats().get("entra", {}).get("requests", 0) == 0

    @pytest.mark.parametrize("cloud", ["usgov", "china", "germany"])
    def test_national_clouds(self, cloud: str, emu: Emulator, make_settings: MakeSettings) -> None:
        there = emu.clouds[cloud]
        settings = make_settings(cloud=cloud, authority=there["authority"], audience=there["audience"])
        assert token_of(settings).count(".") == 2
        assert emu.count(f"entra_{cloud}") == 2
        assert emu.count("entra") == 0

    def test_a_stray_region_does_not_matter(
        self, emu: Emulator, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REGION_NAME", "westeurope")
        assert accepted(emu, token_of(make_settings()))


class TestRefusals:
    @pytest.mark.parametrize("code", sorted(ERRORS))
    def test_every_error_of_the_sign_in_service(self, code: int, emu: Emulator, make_settings: MakeSettings) -> None:
        emu.fault(listener="entra", action="entra_error", value=code)
        error = refused(make_settings())
        assert error.attempted == "Could not sign in by client_secret"
        assert error.cause.startswith("the sign-in service refused: ")
        assert f"AADSTS{code}: " in error.cause
        assert ERRORS[code][1] in error.cause
        assert "(correlation id " in error.cause
        assert "Trace ID" not in error.cause
        assert "\n" not in error.cause
        assert error.remedy == entra_errors.remedy_for(f"AADSTS{code}:")
        assert emu.token_requests() == 1

    @pytest.mark.parametrize(
        ("changes", "code", "remedy"),
        [
            ({"client_secret": CANARY}, 7000215, "it takes the secret's value, not its id"),
            ({"client_secret": "expired_client_secret"}, 7000222, "has expired"),
            ({"client_id": "00000000-0000-0000-0000-000000000000"}, 700016, "Check client_id and tenant_id"),
            ({"tenant_id": "other_tenant_id"}, 700016, "Check client_id and tenant_id"),
            ({"tenant_id": "00000000-0000-0000-0000-000000000000"}, 90002, "Check tenant_id"),
            ({"tenant_id": "plain"}, 900023, "Check tenant_id"),
            ({"audience": "https://unknown.example"}, 500011, "Check audience"),
            ({"client_certificate_path": "unregistered_certificate_path"}, 700027, "upload it in Entra"),
            ({"federated_token_file": "expired_federated_token_file"}, 700024, "what renews federated_token_file"),
            ({"federated_token_file": "other_federated_token_file"}, 700213, "subject"),
            ({"refresh_token": "0.Agarbage"}, 70000, "consent again"),
            ({"refresh_token": "expired_refresh_token"}, 700082, "consent again"),
        ],
        ids=str,
    )
    def test_each_wrong_option(
        self, changes: dict[str, str], code: int, remedy: str, emu: Emulator, make_settings: MakeSettings
    ) -> None:
        options: dict[str, Any] = {name: emu.endpoints.get(value, value) for name, value in changes.items()}
        if "client_certificate_path" in options or "federated_token_file" in options:
            options["client_secret"] = None
        error = refused(make_settings(**options))
        assert f"AADSTS{code}: " in error.cause
        assert "correlation id" in error.cause
        assert remedy in error.remedy

    def test_a_public_application_with_a_secret(self, emu: Emulator, make_settings: MakeSettings) -> None:
        options = {"client_id": emu.public_client_id, "refresh_token": emu.public_refresh_token}
        assert "AADSTS700025" in refused(make_settings(**options)).cause

    def test_a_confidential_application_without_a_secret(self, emu: Emulator, make_settings: MakeSettings) -> None:
        error = refused(make_settings(client_secret=None, refresh_token=emu.refresh_token))
        assert "AADSTS7000218" in error.cause
        assert "set client_secret" in error.remedy

    def test_a_refresh_token_that_may_be_used_once(self, emu: Emulator, make_settings: MakeSettings) -> None:
        emu.settings(refresh_token_uses=1)
        settings = make_settings(refresh_token=emu.refresh_token)
        token_of(settings)
        assert "AADSTS70008" in refused(settings).cause

    def test_a_code_that_only_the_list_holds(self) -> None:
        answer = {"error": "invalid_client", "error_description": "Refused", "error_codes": [7000215]}
        text = entra_errors.describe_token_error(answer)
        assert text == "invalid_client: AADSTS7000215: Refused"
        assert "secret's value" in entra_errors.remedy_for(text)

    def test_a_refusal_without_any_code(self) -> None:
        text = entra_errors.describe_token_error(
            {"error": "invalid_request", "error_description": "Identity not found"}
        )
        assert "AADSTS" not in text + entra_errors.remedy_for(text)

    def test_no_managed_identity(self, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on any machine that is not in Azure."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header")
        options = {"client_id": None, "client_secret": None, "max_retries": 0, "auth_method": "managed_identity"}
        with pytest.raises(UnavailableError, match="Could not sign in by managed_identity") as caught:
            token_of(make_settings(**options))
        assert "a machine in Azure with a managed identity" in caught.value.remedy

    @pytest.mark.parametrize(
        ("changes", "cause"),
        [
            ({"IDENTITY_HEADER": "wrong"}, "401"),
            ({"audience": "https://unknown.example"}, "HTTP 500"),
            ({"client_id": "00000000-0000-0000-0000-000000000000"}, "No managed identity has this client id"),
        ],
    )
    def test_managed_identity(
        self,
        changes: dict[str, str],
        cause: str,
        emu: Emulator,
        make_settings: MakeSettings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("IDENTITY_ENDPOINT", emu.identity_endpoint)
        monkeypatch.setenv("IDENTITY_HEADER", changes.get("IDENTITY_HEADER", emu.identity_header))
        options = {"client_id": None, "client_secret": None, "max_retries": 1, **changes}
        options.pop("IDENTITY_HEADER", None)
        error = refused(make_settings(auth_method="managed_identity", **options))
        assert error.attempted == "Could not sign in by managed_identity"
        assert cause in error.cause
        assert emu.identity_header not in str(error)

    @pytest.mark.parametrize(
        ("content", "cause"),
        [
            (None, "it cannot be read (No such file or directory)"),
            (b"", "it is empty"),
            (b" \n", "it is empty"),
            (b"\xff\xfe\x00", "it cannot be read (it is no text)"),
        ],
    )
    def test_a_federated_token_file_that_is_of_no_use(
        self, content: bytes | None, cause: str, emu: Emulator, make_settings: MakeSettings, tmp_path: Path
    ) -> None:
        path = tmp_path / "token"
        if content is not None:
            path.write_bytes(content)
        error = refused(make_settings(client_secret=None, federated_token_file=str(path)), OptionError)
        assert error.attempted == f"Could not use the federated token file {path}"
        assert error.cause == cause
        assert emu.count("entra") == 0

    def test_a_certificate_that_is_of_no_use_is_found_before_any_request(
        self, emu: Emulator, make_settings: MakeSettings
    ) -> None:
        options = {"client_secret": None, "client_certificate_path": emu.pfx_path}
        refused(make_settings(**options, client_certificate_password="wrong"), OptionError)
        assert emu.count("entra") == 0


class TestSecretsThatAreRepeated:
    """A sign-in service may say in its text what it was sent."""

    @pytest.mark.parametrize("path", ["openid-configuration", "/token"])
    @pytest.mark.parametrize("filler", [0, 250, 260, 270, 280, 290])
    def test_do_not_show(self, path: str, filler: int, emu: Emulator, make_settings: MakeSettings) -> None:
        """Not in part either, where a long text is cut."""
        secret = "canary-" + "s3cret" * 5
        text = f"AADSTS7000215: {'x' * filler} {secret} is no good. Trace ID: 1"
        body = {"error": "invalid_client", "error_description": text}
        emu.fault(listener="entra", action="status", status=400, body=body, path_regex=path)
        error = refused(make_settings(client_secret=secret))
        assert "AADSTS7000215" in error.cause
        assert "canary" not in str(error)

    @pytest.mark.parametrize("name", ["refresh_token", "client_secret"])
    def test_in_another_field(self, name: str, emu: Emulator, make_settings: MakeSettings) -> None:
        for field in ("error", "error_description", "correlation_id"):
            emu.clear_faults()
            body = {"error": "invalid_grant", "error_description": "AADSTS70000: No.", field: f"about {CANARY}"}
            emu.fault(listener="entra", action="status", status=400, body=body, path_regex="/token")
            options = {"refresh_token": emu.refresh_token, name: CANARY}
            assert "canary" not in str(refused(make_settings(**options)))

    def test_a_kept_refresh_token(self, emu: Emulator, make_settings: MakeSettings, tmp_path: Path) -> None:
        path = tmp_path / "refresh-token"
        path.write_text("canary-refresh-token")
        body = {"error": "invalid_grant", "error_description": "AADSTS70000: canary-refresh-token is no good."}
        emu.fault(listener="entra", action="status", status=400, body=body, path_regex="/token")
        error = refused(make_settings(refresh_token_file=str(path)))
        assert "AADSTS70000" in error.cause
        assert "canary" not in str(error)


class TestOtherHosts:
    @pytest.mark.parametrize("target", ["stranger", "stranger_http"])
    def test_a_token_endpoint_elsewhere_gets_no_credential(
        self, target: str, emu: Emulator, make_settings: MakeSettings
    ) -> None:
        emu.fault(listener="entra", action="discovery_token_endpoint", value=target)
        error = refused(make_settings())
        host = getattr(emu, target).partition("//")[2]
        assert f"names another token endpoint, on host '{host}', to which no credential is sent" in error.cause
        assert emu.count(target) == 0
        assert emu.token_requests() == 0

    def test_a_token_endpoint_that_changed_after_it_was_read_gets_none_either(
        self, emu: Emulator, make_settings: MakeSettings
    ) -> None:
        settings = make_settings()
        http = HttpSession(settings)
        client = MsalHttpClient(http, settings, "Could not try")
        with pytest.raises(SignInError, match="names another token endpoint"):
            client.post(f"{emu.stranger}/token", data={"client_secret": settings.client_secret})
        http.close()
        assert emu.count("stranger") == 0

    def test_an_issuer_elsewhere(self, emu: Emulator, make_settings: MakeSettings) -> None:
        emu.fault(listener="entra", action="discovery_issuer")
        error = refused(make_settings())
        assert "names another issuer, on host 'login.stranger.example'" in error.cause
        assert emu.token_requests() == 0

    @pytest.mark.parametrize("name", ["issuer", "token_endpoint"])
    def test_what_is_no_url(self, name: str, emu: Emulator, make_settings: MakeSettings) -> None:
        """The diagnosis reads the document without MSAL."""
        body = {"issuer": emu.entra, "token_endpoint": emu.entra + "/token", name: "https://["}
        emu.fault(listener="entra", action="status", status=200, body=body, path_regex="openid-configuration")
        with pytest.raises(SignInError, match="to which no credential is sent"):
            fetch_openid_configuration(make_settings())

    def test_a_document_that_only_we_could_read(
        self, emu: Emulator, make_settings: MakeSettings, caplog: pytest.LogCaptureFixture
    ) -> None:
        """MSAL logs the body of an answer that it cannot read."""
        body = json.dumps({"access_token": "canary-token", "expires_in": 3600}).encode("utf-16-le").decode("latin-1")
        emu.fault(listener="entra", action="status", status=200, body=body, path_regex="/token", bom=False)
        error = refused(make_settings())
        assert "without a usable body" in error.cause
        assert caplog.text == ""

    @pytest.mark.parametrize("value", [10**400, "1e999", "many", None])
    def test_a_time_that_makes_no_sense(self, value: Any, emu: Emulator, make_settings: MakeSettings) -> None:
        body = {"access_token": "x", "expires_in": value, "token_type": "Bearer"}
        emu.fault(listener="entra", action="status", status=200, body=body, path_regex="/token")
        with contextlib.suppress(SignInError):
            assert TokenSource(make_settings(), NoCache()).token() == "x"

    @pytest.mark.parametrize("value", ["http://localhost/x", "", "https://sts.windows.net.evil.example/x/", "none"])
    def test_an_issuer_that_is_no_good(self, value: str, emu: Emulator, make_settings: MakeSettings) -> None:
        body = {"issuer": value, "token_endpoint": f"{emu.entra}/x/oauth2/v2.0/token", "authorization_endpoint": "x"}
        emu.fault(listener="entra", action="status", status=200, body=body, path_regex="openid-configuration")
        assert "names another issuer" in refused(make_settings()).cause
        assert emu.token_requests() == 0

    @pytest.mark.parametrize("value", ["http://localhost/x", "https://[::1", "https://user@localhost/", 5, None])
    def test_a_token_endpoint_that_is_no_good(self, value: Any, emu: Emulator, make_settings: MakeSettings) -> None:
        body = {"issuer": f"{emu.entra}/{emu.tenant_id}/v2.0", "token_endpoint": value, "authorization_endpoint": "x"}
        emu.fault(listener="entra", action="status", status=200, body=body, path_regex="openid-configuration")
        refused(make_settings())
        assert emu.token_requests() == 0

    @pytest.mark.parametrize("path", ["openid-configuration", "/token"])
    def test_a_redirect_is_not_followed(self, path: str, emu: Emulator, make_settings: MakeSettings) -> None:
        emu.fault(listener="entra", action="redirect", status=307, path_regex=path)
        assert "a redirect to" in refused(make_settings(), ServiceError).cause
        assert emu.count("stranger") == 0

    def test_an_issuer_of_entra_itself_is_fine(self, emu: Emulator, make_settings: MakeSettings) -> None:
        emu.fault(listener="entra", action="discovery_issuer", value=f"https://sts.windows.net/{emu.tenant_id}/")
        assert accepted(emu, token_of(make_settings()))


class TestBadLuck:
    @pytest.mark.parametrize("path", ["openid-configuration", "/token"])
    @pytest.mark.parametrize("fault", [{"action": "status", "status": 503}, {"action": "reset"}], ids=str)
    def test_that_passes(self, path: str, fault: dict[str, Any], emu: Emulator, make_settings: MakeSettings) -> None:
        emu.fault(listener="entra", **fault, path_regex=path, times=2)
        assert accepted(emu, token_of(make_settings()))
        assert emu.count("entra", path) == 3

    @pytest.mark.parametrize("path", ["openid-configuration", "/token"])
    @pytest.mark.parametrize(
        "fault",
        [
            {"action": "status", "status": 500},
            {"action": "status", "status": 503, "body": "<html>busy</html>"},
            {"action": "status", "status": 429, "body": {"error": "throttled"}},
            {"action": "html"},
            {"action": "html", "status": 403},
            {"action": "not_an_object"},
            {"action": "truncate"},
            {"action": "status", "status": 200},
            {"action": "status", "status": 404},
            {"action": "status", "status": 200, "body": {}},
            {"action": "status", "status": 400, "body": {}},
            {"action": "status", "status": 200, "body": {"error": None}},
            {"action": "status", "status": 200, "body": {"access_token": None}},
            {"action": "status", "status": 400, "body": {"error": ["x"], "error_description": {"a": 1}}},
            {"action": "status", "status": 200, "body": {"token_endpoint": 1, "issuer": [], "expires_in": "x"}},
        ],
        ids=str,
    )
    def test_that_stays_is_one_clear_error(
        self, path: str, fault: dict[str, Any], emu: Emulator, make_settings: MakeSettings
    ) -> None:
        emu.fault(listener="entra", **fault, path_regex=path)
        error = refused(make_settings(max_retries=1))
        assert error.attempted == "Could not sign in by client_secret"

    def test_a_host_that_cannot_be_reached(self, make_settings: MakeSettings) -> None:
        error = refused(make_settings(authority="https://localhost:9", max_retries=0), UnavailableError)
        assert "https://localhost:9/" in error.attempted

    def test_a_stall_ends_at_the_deadline(self, emu: Emulator, make_settings: MakeSettings) -> None:
        emu.fault(listener="entra", action="stall_body", path_regex="/token")
        start = time.monotonic()
        assert refused(make_settings(deadline=0.7), UnavailableError).deadline_exceeded
        assert time.monotonic() - start < 3

    def test_an_endless_answer(self, emu: Emulator, make_settings: MakeSettings) -> None:
        emu.fault(listener="entra", action="oversized", size=None, path_regex="/token")
        assert "it is larger than 1024 KiB" in refused(make_settings(), ServiceError).cause

    def test_wait_as_long_as_is_asked(self, emu: Emulator, make_settings: MakeSettings) -> None:
        emu.fault(listener="entra", action="status", status=429, retry_after=1, times=1, path_regex="/token")
        assert accepted(emu, token_of(make_settings()))
        first, second = emu.requests("entra", "/token")
        assert second["time"] - first["finished"] >= 1.0


class TestTrust:
    def test_ca_path_wins_over_the_variables_of_requests(
        self, emu: Emulator, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.setenv(name, emu.other_ca_path)
        assert accepted(emu, token_of(make_settings()))

    def test_another_authority_is_not_trusted(self, emu: Emulator, make_settings: MakeSettings) -> None:
        error = refused(make_settings(ca_path=emu.other_ca_path), UnavailableError)
        assert "certificate does not verify" in error.cause
        assert emu.count("entra") == 0

    def test_a_netrc_file_does_not_matter(
        self, emu: Emulator, make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine localhost login me password canary\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        assert accepted(emu, token_of(make_settings()))
        assert not [entry for entry in emu.requests("entra") if "authorization" in entry["headers"]]


class TestCache:
    @pytest.fixture
    def cache(self, tmp_path: Path) -> RunCache:
        return RunCache(str(tmp_path), 30.0)

    def test_one_sign_in_serves_all(self, emu: Emulator, make_settings: MakeSettings, cache: RunCache) -> None:
        tokens = {TokenSource(make_settings(), cache).token() for _try in range(5)}
        assert len(tokens) == 1
        assert emu.token_requests() == 1

    def test_a_wrong_secret_does_not_find_the_token_of_the_right_one(
        self, make_settings: MakeSettings, cache: RunCache
    ) -> None:
        TokenSource(make_settings(), cache).token()
        with pytest.raises(SignInError, match="AADSTS7000215"):
            TokenSource(make_settings(client_secret=CANARY), cache).token()

    @pytest.mark.parametrize(
        ("lifetime", "age", "count"), [(3600, 3200, 1), (3600, 3350, 2), (200, 178, 1), (200, 181, 2), (0, 0, 2)]
    )
    def test_a_token_near_its_end_is_not_used_again(
        self,
        lifetime: int,
        age: int,
        count: int,
        emu: Emulator,
        make_settings: MakeSettings,
        cache: RunCache,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The last five minutes do not count, nor the last tenth of a life that is shorter than 50 minutes."""
        emu.settings(token_lifetime=lifetime)
        TokenSource(make_settings(), cache).token()
        monkeypatch.setattr(token_source, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + age))
        TokenSource(make_settings(), cache).token()
        assert emu.token_requests() == count

    def test_a_refused_token_is_replaced_once_for_all(
        self, emu: Emulator, make_settings: MakeSettings, cache: RunCache
    ) -> None:
        source = TokenSource(make_settings(), cache)
        refused_token = source.token()
        fresh = {source.replace_rejected(refused_token) for _try in range(5)}
        assert len(fresh) == 1
        assert fresh != {refused_token}
        assert source.token() in fresh
        assert emu.token_requests() == 2

    def test_msal_is_not_imported_when_the_token_is_there(
        self, emu: Emulator, make_settings: MakeSettings, tmp_path: Path
    ) -> None:
        script = """
source = TokenSource(settings, RunCache(sys.argv[2], 30.0))
child = os.fork()
if child == 0:
    source.token()
    os._exit(int("msal" not in sys.modules))
print(os.waitpid(child, 0)[1], source.token().count("."), "msal" in sys.modules)
"""
        assert in_python(script, make_settings(), str(tmp_path)) == "0 2 False\n"
        assert emu.token_requests() == 1


class TestMissingLibraries:
    @pytest.mark.parametrize("library", ["msal", "requests"])
    def test_are_named_with_what_to_do(self, library: str, emu: Emulator, make_settings: MakeSettings) -> None:
        output = in_python(MISSING, make_settings(), library, HIDDEN)
        assert output == (
            f"MissingLibraryError Could not make a request: the Python library {library} is not installed for"
            f" {sys.executable}, which runs Ansible on the controller. Run {sys.executable} -m pip install {library},"
            " or add it to the execution environment.\n"
        )
        assert emu.count("entra") == 0

    def test_cryptography(self, emu: Emulator, make_settings: MakeSettings) -> None:
        settings = make_settings(client_secret=None, client_certificate_path=emu.certificate_path)
        output = in_python(MISSING, settings, "cryptography", HIDDEN)
        assert "the Python library cryptography is not installed" in output


HIDDEN = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[2]:
            raise ImportError(name)

sys.meta_path.insert(0, Hidden())
"""
MISSING = """
try:
    TokenSource(settings, NoCache()).token()
except ProvisioningError as exc:
    print(type(exc).__name__, exc)
"""


def in_python(script: str, settings: Settings, argument: str, before: str = "") -> str:
    """Run a script with settings in a Python process of its own, in which nothing has been imported yet."""
    start = """
import json, os, sys
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader()
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.openid_configuration import (
    fetch_openid_configuration,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.token_source import TokenSource
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import RunCache
settings = Settings(**json.loads(sys.argv[1]))
"""
    values = {name: value for name, value in vars(settings).items() if name not in ("proxies", "fingerprint")}
    return subprocess.run(
        [sys.executable, "-c", before + start + script, json.dumps(values), argument],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
