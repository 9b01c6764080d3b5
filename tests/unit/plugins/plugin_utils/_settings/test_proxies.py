# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base import environment
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.proxies import proxies_from
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    settings_from,
)

PROXY = "http://builder:canary@proxy.example:3128"
SERVICE = "https://service.example/path"


def made(environ: dict[str, str], **options: object) -> Settings:
    return settings_from({"access_token": "canary", **options}, "store_for_business", environ)


class TestEnvironmentOfATask:
    def test_wins_over_that_of_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A proxy in any casing: the process's form in lower case would win otherwise."""
        monkeypatch.setenv("https_proxy", "http://other.example:1")
        monkeypatch.setenv("AZURE_CLIENT_ID", "of the process")
        before = dict(os.environ)
        found = environment.merged({"HTTPS_PROXY": PROXY, "AZURE_CLIENT_ID": "of the task"})
        assert (found["HTTPS_PROXY"], found["AZURE_CLIENT_ID"]) == (PROXY, "of the task")
        assert "https_proxy" not in found
        assert found["PATH"] == os.environ["PATH"]
        assert dict(os.environ) == before

    def test_hosts_get_neither_credentials_nor_proxies(self) -> None:
        mine = {"AZURE_CLIENT_SECRET": "x", "https_proxy": PROXY, "NO_PROXY": "x", "LC_ALL": "C"}
        assert environment.for_host(mine) == {"LC_ALL": "C"}

    def test_decides_on_the_cloud(self) -> None:
        assert made({"AZURE_CLOUD_ENVIRONMENT": "AzureUSGovernment"}).authority == "https://login.microsoftonline.us"
        assert made({}).authority == "https://login.microsoftonline.com"
        assert made({}, cloud="AzureChinaCloud").authority == "https://login.partner.microsoftonline.cn"


class TestProxies:
    @pytest.mark.parametrize(
        ("environ", "expected"),
        [
            ({}, {}),
            ({"HTTPS_PROXY": PROXY}, {"https": PROXY}),
            ({"https_proxy": PROXY, "HTTPS_PROXY": "http://loser.example:3"}, {"https": PROXY}),
            ({"https_proxy": "", "HTTPS_PROXY": "http://loser.example:3"}, {}),
            ({"http_proxy": PROXY}, {}),
            ({"ALL_PROXY": "socks5h://proxy.example"}, {"https": "socks5h://proxy.example"}),
            ({"HTTPS_PROXY": "proxy.example:3128"}, {"https": "http://proxy.example:3128"}),
        ],
    )
    def test_which_one(self, environ: dict[str, str], expected: dict[str, str]) -> None:
        settings = made(environ)
        assert settings.proxies_for(SERVICE) == expected
        assert "canary" not in repr(settings)

    @pytest.mark.parametrize("exempt", ["service.example", ".example", "*.example", "x, SERVICE.example:443", "*"])
    def test_hosts_without_one(self, exempt: str) -> None:
        assert made({"HTTPS_PROXY": PROXY, "NO_PROXY": exempt}).proxies_for(SERVICE) == {}

    @pytest.mark.parametrize("exempt", ["", "other.example", "ice.example", "service.example:8443", "10.0.0.0/8"])
    def test_hosts_with_one(self, exempt: str) -> None:
        assert made({"HTTPS_PROXY": PROXY, "NO_PROXY": exempt}).proxies_for(SERVICE) == {"https": PROXY}

    def test_networks_without_one(self) -> None:
        settings = made({"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8,fd00::/8,192.0.2.7"})
        for host in ("10.1.2.3", "[fd00::1]", "192.0.2.7"):
            assert settings.proxies_for(f"https://{host}/x") == {}
        assert settings.proxies_for("https://192.0.2.8/x") == {"https": PROXY}

    @pytest.mark.parametrize(
        "value",
        [
            "http://user:pa[canary]x@127.0.0.1:9",
            "http://user:x[canary@127.0.0.1:9",
            "http://user:canary@",
            "http://user:canary/x@proxy.example:9",
            "http://user:12/canary@proxy.example:9",
            "http://user:canary#x@proxy.example",
            "http://user:can@ary@proxy.example",
            "http://user:canary@proxy.example:port",
            "ftp://user:canary@proxy.example",
            "http://user:canary@proxy example",
        ],
    )
    def test_bad_ones_are_named_and_not_shown(self, value: str) -> None:
        with pytest.raises(OptionError) as caught:
            proxies_from({"HTTPS_PROXY": value})
        assert "the environment variable HTTPS_PROXY is not the URL of a proxy" in str(caught.value)
        assert "canary" not in str(caught.value)
        assert "127.0.0.1" not in str(caught.value)


class TestBundles:
    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_of_the_environment_and_of_the_option(self, tmp_path: Path, name: str) -> None:
        bundle, option, gone = tmp_path / "ca.pem", tmp_path / "option.pem", tmp_path / "gone.pem"
        bundle.touch()
        option.touch()
        assert made({}).ca_path == ""
        assert made({name: str(bundle)}).ca_path == str(bundle)
        for path in (bundle, gone):
            assert made({name: str(path)}, ca_path=str(option)).ca_path == str(option)
        with pytest.raises(OptionError, match=f"{name} leads to .*gone.pem, which cannot be.*Set ca_path, or {name},"):
            made({name: str(gone)})
        assert made({name: str(gone)}, validate_certs=False).ca_path == ""
