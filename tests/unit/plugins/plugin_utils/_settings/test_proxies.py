# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest
import requests

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import (
    environ,
    first_set,
    of_task,
    task_environment,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.proxies import (
    proxies_for,
    proxies_of_task,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    settings_from,
)

PROXY = "http://builder:canary@proxy.example:3128"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def made(**options: object) -> Settings:
    return settings_from({"access_token": "canary", **options}, "store_for_business")


class TestEnvironment:
    def test_the_task_wins_for_as_long_as_it_lasts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AZURE_CLIENT_ID", "of the process")
        before = dict(os.environ)
        with task_environment({"AZURE_CLIENT_ID": "of the task"}):
            assert first_set("AZURE_CLIENT_ID") == "of the task"
            assert environ()["PATH"] == os.environ["PATH"]
            assert dict(os.environ) == before
        assert first_set("AZURE_CLIENT_ID") == "of the process"
        assert of_task() == {}

    def test_the_cloud_is_taken_from_it(self) -> None:
        with task_environment({"AZURE_CLOUD_ENVIRONMENT": "AzureUSGovernment"}):
            assert made().authority == "https://login.microsoftonline.us"
        assert made().authority == "https://login.microsoftonline.com"


class TestProxies:
    def test_without_any_requests_finds_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", PROXY)
        assert made().proxies is None
        with task_environment({"PATH": "/bin"}):
            assert made().proxies is None

    def test_those_of_the_task_win_in_any_casing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("https_proxy", "http://other.example:1")
        monkeypatch.setenv("http_proxy", "http://plain.example:2")
        with task_environment({"HTTPS_PROXY": PROXY}):
            assert made().proxies == {"https": PROXY, "http": "http://plain.example:2"}
        with task_environment({"https_proxy": PROXY, "HTTPS_PROXY": "http://loser.example:3"}):
            assert proxies_of_task() == {"https": PROXY, "http": "http://plain.example:2"}

    def test_passwords_do_not_show(self) -> None:
        with task_environment({"HTTPS_PROXY": PROXY}):
            assert "canary" not in repr(made())

    @pytest.mark.parametrize(
        ("no_proxy", "expected"),
        [
            ("", {"https": PROXY}),
            ("other.example", {"https": PROXY}),
            ("service.example", {}),
            (".example", {}),
            ("*", {}),
        ],
    )
    def test_hosts_without_a_proxy(self, monkeypatch: pytest.MonkeyPatch, no_proxy: str, expected: object) -> None:
        monkeypatch.setenv("NO_PROXY", "service.example")
        before = dict(os.environ)
        proxies = {"https": PROXY, "http": "", "no": no_proxy}
        assert proxies_for(requests, "https://service.example/path", proxies) == expected
        assert dict(os.environ) == before

    def test_a_task_can_go_without_the_proxy_of_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", PROXY)
        with task_environment({"HTTPS_PROXY": ""}):
            assert proxies_for(requests, "https://service.example", made().proxies or {}) == {}
        with task_environment({"NO_PROXY": "service.example"}):
            assert proxies_for(requests, "https://service.example", made().proxies or {}) == {}
            assert proxies_for(requests, "https://other.example", made().proxies or {}) == {"https": PROXY}


class TestBundles:
    def test_requests_finds_that_of_the_process(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        bundle = tmp_path / "ca.pem"
        bundle.touch()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        assert made().ca_path == ""
        with task_environment({"HTTPS_PROXY": PROXY}):
            # requests does not look for it, then.
            assert made().ca_path == str(bundle)

    def test_that_of_the_task_and_the_option(self, tmp_path: Path) -> None:
        bundle, option = tmp_path / "ca.pem", tmp_path / "option.pem"
        bundle.touch()
        option.touch()
        with task_environment({"CURL_CA_BUNDLE": str(bundle)}):
            assert made().ca_path == str(bundle)
            assert made(ca_path=str(option)).ca_path == str(option)

    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_one_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
        monkeypatch.setenv(name, str(tmp_path / "gone.pem"))
        with pytest.raises(OptionError, match=f"{name} leads to .*gone.pem, which cannot be.*Set ca_path, or {name},"):
            made()
        assert made(validate_certs=False).ca_path == ""
        (tmp_path / "option.pem").touch()
        assert made(ca_path=str(tmp_path / "option.pem")).ca_path == str(tmp_path / "option.pem")
