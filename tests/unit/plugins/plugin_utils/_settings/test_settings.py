# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import shared_options
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import (
    ENVIRONMENT,
    SECRET_OPTIONS,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings import settings as _settings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.clouds import (
    CLOUDS,
    cloud_name,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    settings_from,
)

TENANT = "6f1d1f0e-0d9f-4a1c-8f6f-111111111111"
APP = {"tenant_id": TENANT, "client_id": "0a7d3f52-3f39-4d1a-9a3f-222222222222"}
SECRET = {**APP, "client_secret": "s3cret~value.of-it"}


def made(options: dict[str, Any] | None = None, environ: dict[str, str] | None = None, **changes: Any) -> Settings:
    """Settings for Store for Business, by client secret unless told otherwise."""
    return settings_from({**(SECRET if options is None else options), **changes}, "store_for_business", environ or {})


def refused(
    options: dict[str, Any] | None = None, environ: dict[str, str] | None = None, **changes: Any
) -> OptionError:
    """The error that options cause. None holds a secret, and each says what to do."""
    with pytest.raises(OptionError) as caught:
        made(options, environ, **changes)
    assert caught.value.remedy
    assert "s3cret" not in str(caught.value)
    assert str(caught.value).endswith(".")
    return caught.value


class TestDefaults:
    def test_of_the_public_cloud(self) -> None:
        settings = made()
        assert settings.authority == "https://login.microsoftonline.com"
        assert settings.audience == "https://onestore.microsoft.com"
        assert settings.base_url == "https://bspmts.mp.microsoft.com"
        assert (settings.timeout, settings.deadline, settings.max_retries) == (30.0, 120.0, 4)
        assert settings.validate_certs is True
        assert settings.run_cache is True
        assert settings.ca_path == ""

    def test_empty_options_count_as_not_set(self) -> None:
        empty = dict.fromkeys(("cloud", "authority", "audience", "base_url", "ca_path", "access_token"), "")
        assert made({**SECRET, **empty}) == made({**SECRET, **dict.fromkeys(empty)}) == made()

    def test_slashes_at_the_end_do_not_matter(self) -> None:
        urls = {
            "authority": "https://login.example",
            "base_url": "https://store.example/root",
            "audience": "https://onestore.example",
        }
        assert made(**{name: url + "/" for name, url in urls.items()}) == made(**urls)

    def test_the_authority_may_be_a_bare_host(self) -> None:
        """As the Azure SDKs take AZURE_AUTHORITY_HOST."""
        settings = made(authority="login.microsoftonline.us")
        assert settings.authority == "https://login.microsoftonline.us"
        assert "login.microsoftonline.us" in settings.sign_in_hosts
        assert "login.microsoftonline.com" not in settings.sign_in_hosts


class TestCloud:
    @pytest.mark.parametrize(
        ("name", "authority"),
        [
            ("public", "https://login.microsoftonline.com"),
            ("usgov", "https://login.microsoftonline.us"),
            ("china", "https://login.partner.microsoftonline.cn"),
            ("germany", "https://login.microsoftonline.de"),
        ],
    )
    def test_decides_on_the_authority(self, name: str, authority: str) -> None:
        settings = made(cloud=name)
        assert settings.authority == authority
        assert settings.sign_in_hosts[0] == authority.removeprefix("https://")

    @pytest.mark.parametrize(
        ("value", "name"),
        [
            ("", "public"),
            ("AzureCloud", "public"),
            ("AzurePublicCloud", "public"),
            ("AzureUSGovernment", "usgov"),
            ("AzureChinaCloud", "china"),
            ("AzureGermanCloud", "germany"),
            ("AZURECHINACLOUD", "china"),
        ],
    )
    def test_comes_from_the_environment(self, value: str, name: str) -> None:
        assert made(environ={"AZURE_CLOUD_ENVIRONMENT": value}).authority == CLOUDS[name].authority
        assert cloud_name("germany", value) == "germany"

    def test_without_option_and_variable_is_public(self) -> None:
        assert cloud_name(None, None) == "public"

    def test_unknown(self) -> None:
        error = refused(cloud="moon")
        assert error.cause == "'moon' is no known cloud"
        assert error.remedy == "Set cloud to one of public, usgov, china, germany"
        error = refused(environ={"AZURE_CLOUD_ENVIRONMENT": "AzureMoonCloud"})
        assert "AZURE_CLOUD_ENVIRONMENT is 'AzureMoonCloud'" in error.cause
        assert "AzureUSGovernment" in error.remedy

    def test_every_cloud_has_every_service(self) -> None:
        services = {name: set(cloud.services) for name, cloud in CLOUDS.items()}
        assert services["public"] >= {"store_for_business", "store_catalog", "store_licensing", "partner_center"}
        # The host of price sheets is known for two clouds.
        assert services["usgov"] == services["public"]
        assert services["china"] == services["germany"] == services["public"] - {"partner_price_sheets"}

    def test_service_that_a_cloud_does_not_have(self) -> None:
        with pytest.raises(OptionError, match="no host of this service is known for the cloud"):
            settings_from({**SECRET, "cloud": "china"}, "partner_price_sheets", {})


class TestUrls:
    @pytest.mark.parametrize("name", ["authority", "base_url"])
    def test_plain_http(self, name: str) -> None:
        error = refused(**{name: "http://host.example"})
        assert error.cause == f"{name} is a http URL; tokens and licenses only go over https"
        assert error.remedy == f"Set {name} to an https URL"

    @pytest.mark.parametrize("name", ["authority", "base_url"])
    @pytest.mark.parametrize(
        "value",
        [
            "https://",
            "https:///path",
            "https://host.example?query=1",
            "https://host.example#fragment",
            "https://host .example",
            "https://host.example\\@evil.example",
            "https://host.example:port",
            "https://host.example:0",
            "https://host.example:99999",
            "https://[::1",
            "https://host\n.example",
            "https://host\t.example",
        ],
    )
    def test_no_urls(self, name: str, value: str) -> None:
        assert refused(**{name: value}).cause == f"{name} is not a URL"

    @pytest.mark.parametrize("value", ["host.example", "bspmts", "host.example/V1"])
    def test_a_base_url_needs_its_scheme(self, value: str) -> None:
        assert refused(base_url=value).cause == "base_url is not a URL"

    @pytest.mark.parametrize("scheme", ["ftp", "file", "HTTP", ""])
    def test_other_schemes(self, scheme: str) -> None:
        assert (
            "tokens and licenses only go over https" in refused(base_url=f"{scheme}://host.example/x".lstrip(":")).cause
        )

    @pytest.mark.parametrize("user", ["user", "user:s3cret", ":s3cret"])
    def test_a_url_with_a_user(self, user: str) -> None:
        error = refused(base_url=f"https://{user}@host.example")
        assert error.cause == "base_url holds a user name or password"

    def test_an_authority_with_a_tenant(self) -> None:
        error = refused(authority=f"https://login.microsoftonline.com/{TENANT}")
        assert error.cause == "authority has a path"
        assert "tenant_id" in error.remedy

    @pytest.mark.parametrize("version", ["V1", "v1", "v1.0", "v2/"])
    def test_a_base_url_with_a_version(self, version: str) -> None:
        error = refused(base_url=f"https://host.example/{version}")
        assert error.cause == "base_url ends with a version"
        assert "without the version path" in error.remedy

    @pytest.mark.parametrize("path", ["/v1x", "/vault", "/v1/below", ""])
    def test_a_base_url_with_another_path(self, path: str) -> None:
        assert made(base_url="https://host.example" + path).base_url == "https://host.example" + path

    @given(st.text(max_size=30), st.sampled_from(["", "https://", "https://host", "http://", "//"]))
    def test_whatever_it_is_only_https_gets_through(self, text: str, start: str) -> None:
        for name in ("authority", "base_url"):
            try:
                value = getattr(made(**{name: start + text}), name)
            except OptionError:
                continue
            assert value.lower().startswith("https://")
            assert value.isprintable() or not any(ord(char) < 33 for char in value)


class TestAuthMethod:
    @pytest.mark.parametrize(
        ("credentials", "method"),
        [
            ({"client_secret": "x"}, "client_secret"),
            ({"client_certificate_path": "/x"}, "certificate"),
            ({"client_certificate_path": "/x", "client_certificate_password": "y"}, "certificate"),
            ({"federated_token_file": "/x"}, "federated_token"),
            ({"access_token": "x"}, "access_token"),
            ({"refresh_token": "x"}, "refresh_token"),
            ({"refresh_token": "x", "client_secret": "y"}, "refresh_token"),
            ({"refresh_token": "x", "client_certificate_path": "/y"}, "refresh_token"),
            ({"refresh_token": "x", "federated_token_file": "/y"}, "refresh_token"),
            ({"client_secret": "x", "federated_token_file": "", "access_token": None}, "client_secret"),
        ],
    )
    def test_auto_decides_by_what_is_set(self, credentials: dict[str, Any], method: str) -> None:
        assert made({**APP, **credentials}).auth_method == method
        assert made({**APP, **credentials, "auth_method": "auto"}).auth_method == method

    def test_auto_never_means_a_managed_identity(self) -> None:
        environ = {
            "IDENTITY_ENDPOINT": "http://localhost:9",
            "IDENTITY_HEADER": "x",
            "MSI_ENDPOINT": "http://localhost",
        }
        assert refused(APP, environ).cause == "no credential is set"
        assert made({}, environ, auth_method="managed_identity").auth_method == "managed_identity"

    def test_no_credential(self) -> None:
        error = refused(APP)
        assert error.cause == "no credential is set"
        for name, variables in ENVIRONMENT.items():
            if name not in ("authority", "client_certificate_password", "catalog_access_token", "country", "locale"):
                assert name in error.remedy
                assert variables[0] in error.remedy
        assert "managed_identity" in error.remedy

    @pytest.mark.parametrize(
        "names",
        [
            ("client_secret", "client_certificate_path"),
            ("client_secret", "federated_token_file"),
            ("access_token", "client_secret"),
            ("access_token", "refresh_token"),
            ("refresh_token", "client_secret", "client_certificate_path"),
        ],
    )
    def test_several_credentials(self, names: tuple[str, ...]) -> None:
        error = refused({**APP, **dict.fromkeys(names, "s3cret")})
        found = sorted(error.cause.removeprefix("several credentials are set (").removesuffix(")").split(", "))
        assert found == sorted(names)
        assert "auth_method" in error.remedy

    def test_where_several_credentials_come_from(self) -> None:
        """Somebody who sets one has to find the other, which the environment has brought in."""
        values = {**APP, "client_secret": "of-the-controller", "access_token": "t0ken"}
        error = refused(values, {"AZURE_CLIENT_SECRET": "", "AZURE_SECRET": "of-the-controller"})
        assert "(access_token, client_secret from the environment variable AZURE_SECRET)" in error.cause

    def test_an_explicit_method_chooses_among_several(self) -> None:
        options = {**SECRET, "client_certificate_path": "/x", "access_token": "y"}
        for method in ("client_secret", "certificate", "access_token"):
            assert made(options, auth_method=method).auth_method == method

    def test_unknown(self) -> None:
        error = refused(auth_method="telepathy")
        assert error.cause == "auth_method 'telepathy' is unknown"
        assert "client_secret" in error.remedy

    @pytest.mark.parametrize(
        ("method", "needed"),
        [
            ("client_secret", ("tenant_id", "client_id", "client_secret")),
            ("certificate", ("tenant_id", "client_id", "client_certificate_path")),
            ("federated_token", ("tenant_id", "client_id", "federated_token_file")),
            ("refresh_token", ("tenant_id", "client_id", "refresh_token")),
            ("access_token", ("access_token",)),
        ],
    )
    def test_what_a_method_needs_is_named(self, method: str, needed: tuple[str, ...]) -> None:
        everything = {**SECRET, "client_certificate_path": "/x", "federated_token_file": "/x"}
        everything.update(refresh_token="x", access_token="y", auth_method=method)
        assert made(everything).auth_method == method
        error = refused({"auth_method": method})
        assert error.attempted == f"Could not prepare the sign-in by {method}"
        for name in needed:
            error = refused({**everything, name: ""})
            assert error.cause == f"{name} is not set"
            assert error.remedy == f"Set {name} (environment {' or '.join(ENVIRONMENT[name])})"

    def test_a_ready_token_needs_nothing_else(self) -> None:
        assert made({"access_token": "x"}).auth_method == "access_token"


class TestValues:
    @pytest.mark.parametrize("tenant", [TENANT, TENANT.upper(), "contoso.onmicrosoft.com", "common", "a"])
    def test_good_tenants(self, tenant: str) -> None:
        assert made(tenant_id=tenant).tenant_id == tenant

    @pytest.mark.parametrize("tenant", ["a/b", "..", "a b", TENANT + "\n", "{" + TENANT + "}", "-a", "a" * 300, "é"])
    def test_bad_tenants(self, tenant: str) -> None:
        assert refused(tenant_id=tenant).cause == "tenant_id is neither a GUID nor a domain name"

    @pytest.mark.parametrize("name", ["client_id", "client_secret", "refresh_token", "access_token", "audience"])
    @pytest.mark.parametrize("value", ["s3cret\n", " s3cret", "s3c\0ret", "s3cret\r\nX-Header: 1", "s3c\x7fret"])
    def test_values_from_files_with_their_line_break(self, name: str, value: str) -> None:
        error = refused({**SECRET, name: value}, auth_method="client_secret")
        assert error.cause == f"{name} starts or ends with white space or holds control characters"
        assert "a value that was read from a file often ends with a line break" in error.remedy

    @pytest.mark.parametrize("name", ["ca_path", "client_certificate_path", "federated_token_file", "client_id"])
    def test_what_is_not_text_in_utf_8(self, name: str) -> None:
        """As the environment gives it."""
        error = refused({**SECRET, name: os.fsdecode(b"caf\xe9")}, auth_method="client_secret")
        assert error.cause == f"{name} holds a null character or is not text in UTF-8"
        assert name in error.remedy

    def test_a_path_with_a_null_character(self) -> None:
        error = refused({**SECRET, "ca_path": "a\0b"})
        assert error.cause == "ca_path holds a null character or is not text in UTF-8"

    def test_a_certificate_password_may_be_anything(self) -> None:
        assert made(client_certificate_password=" \n").client_certificate_password == " \n"

    @pytest.mark.parametrize("name", ["timeout", "deadline"])
    @pytest.mark.parametrize("value", [0, -1, 86401, float("nan"), float("inf")])
    def test_bad_times(self, name: str, value: float) -> None:
        assert refused(**{name: value}).cause == f"{name} is {value}"

    def test_good_times(self) -> None:
        assert made(timeout=0.5).timeout == 0.5
        assert made(deadline=86400).deadline == 86400.0

    @pytest.mark.parametrize("value", [-1, 1001])
    def test_bad_retries(self, value: int) -> None:
        assert refused(max_retries=value).remedy == "Set max_retries to a number from 0 to 1000"
        assert made(max_retries=0).max_retries == 0

    def test_max_concurrency(self) -> None:
        assert _settings.check_max_concurrency(1) == 1
        for value in (0, -3, 1001):
            with pytest.raises(OptionError, match=f"max_concurrency is {value}"):
                _settings.check_max_concurrency(value)

    def test_ca_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        error = refused(ca_path=str(tmp_path / "missing.pem"))
        assert error.cause == f"ca_path {tmp_path / 'missing.pem'} cannot be read on the controller"
        (tmp_path / "ca.pem").touch()
        monkeypatch.setenv("HOME", str(tmp_path))
        assert made(ca_path="~/ca.pem").ca_path == str(tmp_path / "ca.pem")
        assert made(ca_path=str(tmp_path)).ca_path == str(tmp_path)


class TestSecrets:
    def test_are_not_in_the_representation(self) -> None:
        values = {name: f"canary-{name}" for name in SECRET_OPTIONS}
        settings = made({**APP, **values, "auth_method": "client_secret"})
        assert all(getattr(settings, name) == value for name, value in values.items())
        assert "canary" not in repr(settings)
        assert "canary" not in str(settings)
        assert "canary" not in settings.fingerprint


BASE = {**SECRET, "auth_method": "client_secret"}
# These decide for how long and how often is asked, not what is answered.
PATIENCE = ("timeout", "deadline", "max_retries", "run_cache")


class TestFingerprint:
    def test_is_the_same_for_the_same_settings(self) -> None:
        assert made(BASE).fingerprint == made(BASE).fingerprint
        patient = made(BASE, timeout=1.0, deadline=2.0, max_retries=0, run_cache=False)
        assert patient.fingerprint == made(BASE).fingerprint

    @pytest.mark.parametrize("name", [name for name in shared_options() if name not in PATIENCE])
    def test_changes_with_every_option_that_decides_an_answer(self, name: str, tmp_path: Path) -> None:
        """Also with one that somebody adds: then it has to be in the settings, or in the list of the others."""
        values = {
            "auth_method": "refresh_token",
            "authority": "https://login.example",
            "base_url": "https://other.example",
            "ca_path": str(tmp_path),
            "cloud": "usgov",
            "validate_certs": False,
        }
        base = {**BASE, "refresh_token": "x"}
        changed = made(base, **{name: values.get(name, f"{base.get(name, '')}x")})
        assert changed.fingerprint != made(base).fingerprint

    def test_values_do_not_run_into_each_other(self) -> None:
        one = made(BASE, refresh_token="ab", access_token="c")
        two = made(BASE, refresh_token="a", access_token="bc")
        assert one.fingerprint != two.fingerprint

    def test_changes_with_the_certificate_in_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "app.pem"
        found = set()
        for content in ("", "one", "two"):
            if content:
                path.write_text(content)
            found.add(made({**APP, "client_certificate_path": str(path)}).fingerprint)
        assert len(found) == 3

    def test_changes_with_the_service(self) -> None:
        assert settings_from(SECRET, "partner_center", {}).fingerprint != made().fingerprint
