# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from emulator.client import Emulator

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec import services as names
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import RunCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.client import ServiceClient
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_catalog import ConsumerCatalog
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_for_business import (
    StoreForBusiness,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.table import SERVICES
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.clouds import CLOUDS
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings, settings_from
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in import token_source

pytestmark = pytest.mark.usefixtures("quick_retries")


@pytest.fixture(params=["run cache", "no cache"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> RunCache | NoCache:
    return RunCache(str(tmp_path), 30.0) if request.param == "run cache" else NoCache()


@pytest.fixture
def open_session(
    make_settings: Callable[..., Settings], cache: RunCache | NoCache
) -> Iterator[Callable[..., ServiceClient]]:
    sessions = []

    def open_one(**options: Any) -> ServiceClient:
        sessions.append(StoreForBusiness(make_settings(**options), cache))
        return sessions[-1]

    yield open_one
    for session in sessions:
        session.close()


def path_of(emu: Emulator) -> tuple[str, ...]:
    return tuple(emu.product(0).license_path().strip("/").split("/"))


class TestToken:
    def test_one_for_all_calls_of_a_session(self, emu: Emulator, open_session) -> None:
        session = open_session()
        assert [session.call("Could not try", "POST", path_of(emu)).status for _try in range(3)] == [200] * 3
        assert emu.token_requests() == 1

    def test_one_for_all_sessions_of_a_run(self, emu: Emulator, open_session, cache) -> None:
        for _try in range(3):
            open_session().call("Could not try", "POST", path_of(emu))
        assert emu.token_requests() == (1 if isinstance(cache, RunCache) else 3)

    def test_one_for_calls_at_once(self, emu: Emulator, open_session) -> None:
        emu.latency(30, "entra")
        session = open_session()
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda number: session.call("Could not try", "POST", path_of(emu)), range(8)))
        assert [answer.status for answer in answers] == [200] * 8
        assert emu.token_requests() == 1

    def test_that_runs_out_is_replaced(self, emu: Emulator, open_session, monkeypatch: pytest.MonkeyPatch) -> None:
        emu.settings(token_lifetime=200)
        session = open_session()
        session.call("Could not try", "POST", path_of(emu))
        later = SimpleNamespace(monotonic=lambda: time.monotonic() + 181)
        monkeypatch.setattr(token_source, "time", later)
        assert session.call("Could not try", "POST", path_of(emu)).status == 200
        assert emu.token_requests() == 2

    def test_that_is_refused_though_new_says_nothing_of_later_ones(self, emu: Emulator, open_session) -> None:
        """A service that ends tokens after a moment refuses some that are new to the caller."""
        session = open_session()
        emu.fault(listener="store", action="unauthorized", times=2)
        assert session.call("Could not try", "POST", path_of(emu)).status == 401
        assert session.call("Could not try", "POST", path_of(emu)).status == 200
        emu.revoke_tokens()
        assert session.call("Could not try", "POST", path_of(emu)).status == 200

    def test_that_is_refused_once_is_replaced_once(self, emu: Emulator, open_session) -> None:
        emu.fault(listener="store", action="unauthorized", times=1)
        assert open_session().call("Could not try", "POST", path_of(emu)).status == 200
        assert emu.count("store") == 2
        assert emu.token_requests() == 2
        first, second = emu.requests("store")
        assert first["headers"]["authorization"] != second["headers"]["authorization"]

    def test_that_was_revoked_is_replaced(self, emu: Emulator, open_session) -> None:
        session = open_session()
        session.call("Could not try", "POST", path_of(emu))
        emu.revoke_tokens()
        assert session.call("Could not try", "POST", path_of(emu)).status == 200

    def test_that_is_refused_for_good_is_two_requests(self, emu: Emulator, open_session) -> None:
        emu.fault(listener="store", action="unauthorized")
        assert open_session().call("Could not try", "POST", path_of(emu)).status == 401
        assert emu.count("store") == 2
        assert emu.token_requests() == 2

    def test_of_another_tenant_is_two_requests(self, emu: Emulator, open_session) -> None:
        emu.fault(listener="entra", action="wrong_tenant_token")
        assert open_session().call("Could not try", "POST", path_of(emu)).status == 401
        assert emu.count("store") == 2

    def test_that_was_given_ready_is_one_request(self, emu: Emulator, open_session) -> None:
        session = open_session(client_secret=None, access_token=emu.token(lifetime=-60))
        assert session.call("Could not try", "POST", path_of(emu)).status == 401
        assert emu.count("store") == 1
        assert emu.token_requests() == 0

    def test_that_cannot_be_replaced(self, emu: Emulator, open_session) -> None:
        emu.fault(listener="store", action="unauthorized")
        emu.fault(listener="entra", action="entra_error", value=7000222, after=1, path_regex="/token")
        with pytest.raises(SignInError, match="AADSTS7000222"):
            open_session().call("Could not try", "POST", path_of(emu))
        assert emu.count("store") == 1

    @pytest.mark.parametrize("status", [403, 404, 409, 500])
    def test_is_only_replaced_for_status_401(self, status: int, emu: Emulator, open_session) -> None:
        emu.fault(listener="store", action="status", status=status)
        assert open_session(max_retries=0).call("Could not try", "POST", path_of(emu)).status == status
        assert emu.count("store") == 1
        assert emu.token_requests() == 1


class TestCalls:
    def test_each_segment_is_encoded(self, emu: Emulator, open_session) -> None:
        open_session().call("Could not try", "GET", ("V1", "a/b", "ü ?#%", "c+d"))
        assert emu.requests("store")[0]["path"] == "/V1/a%2Fb/%C3%BC%20%3F%23%25/c%2Bd"

    @pytest.mark.parametrize("segment", [".", "..", "%2e%2e"])
    def test_no_segment_leads_out_of_the_path(self, segment: str, emu: Emulator, open_session) -> None:
        with contextlib.suppress(ProvisioningError):
            open_session().call("Could not try", "GET", ("V1", "Products", segment, "x"))
        paths = [entry["path"] for entry in emu.requests("store")]
        assert all(path.startswith("/V1/Products/") and path.count("/") == 4 for path in paths)

    def test_what_is_no_text_makes_no_request(self, emu: Emulator, open_session) -> None:
        session = open_session()
        with pytest.raises(OptionError, match="not text"):
            session.call("Could not try", "GET", ("V1", "\ud800"))
        with pytest.raises(OptionError, match="not text"):
            session.call("Could not try", "GET", ("V1", "x"), {"country": "\ud800"})
        assert emu.requests("store") == []

    def test_a_token_that_no_header_can_hold(self, emu: Emulator, open_session) -> None:
        session = open_session(auth_method="access_token", access_token="canary-ŧoken")
        with pytest.raises(OptionError, match="characters that HTTP does not take") as caught:
            session.call("Could not try", "GET", ("V1", "x"))
        assert "canary" not in str(caught.value)
        assert emu.requests("store") == []

    def test_the_path_of_the_root_url_stays(self, emu: Emulator, open_session) -> None:
        open_session(base_url=emu.store + "/gateway/store/").call("Could not try", "GET", ("V1", "x"))
        assert emu.requests("store")[0]["path"] == "/gateway/store/V1/x"

    def test_the_deadline_is_for_both_tries_together(self, emu: Emulator, open_session) -> None:
        emu.fault(listener="store", action="unauthorized", times=1)
        emu.fault(listener="store", action="status", status=429, retry_after=5)
        answer = open_session(deadline=3.0).call("Could not try", "POST", path_of(emu))
        assert answer.deadline_exceeded
        assert emu.count("store") == 2


class TestFault:
    def test_a_repeated_token_or_secret_does_not_show(self, emu: Emulator, open_session) -> None:
        token = emu.token()
        body = {"code": emu.client_secret, "message": f"Bearer {token} by {emu.client_secret}", "data": [token]}
        emu.fault(listener="store", action="status", status=400, body=body, headers={"MS-RequestId": token})
        session = open_session(access_token=token, auth_method="access_token")
        text = str(session.refused("Could not try", session.call("Could not try", "POST", path_of(emu))))
        assert token not in text
        assert "eyJ" not in text
        assert emu.client_secret not in text
        assert "Bearer ********" in text

    def test_nor_does_a_refresh_token(self, emu: Emulator, open_session) -> None:
        emu.fault(listener="store", action="status", status=400, body={"message": f"It is {emu.refresh_token}."})
        session = open_session(refresh_token=emu.refresh_token)
        text = str(session.refused("Could not try", session.call("Could not try", "POST", path_of(emu))))
        assert "saying: It is" in text
        assert emu.refresh_token not in text


class TestTable:
    def test_agrees_with_the_names_in_options_and_clouds(self) -> None:
        assert {*names.ACCESS_SERVICES, *names.LICENSE_SERVICES, *names.CONTENT_ID_OPTIONAL} <= SERVICES.keys()
        assert CLOUDS["public"].services.keys() == SERVICES.keys()
        assert all(cloud.services.keys() <= SERVICES.keys() for cloud in CLOUDS.values())
        assert [name for name in SERVICES if hasattr(SERVICES[name].client, "get_offline_license")] == list(
            names.LICENSE_SERVICES
        )
        for name, endpoint in CLOUDS["public"].services.items():
            assert bool(endpoint.audience) == SERVICES[name].client.SIGN_IN

    def test_a_service_without_sign_in_gets_no_token_and_needs_no_credential(self, emu: Emulator) -> None:
        options = {"base_url": emu.catalog, "ca_path": emu.ca_path, "access_token": "canary", "auth_method": "auto"}
        with ConsumerCatalog(settings_from(options, "store_consumer_catalog", {}), NoCache()) as client:
            client.sign_in()
            client.call("Could not try", "GET", ("v7.0", "products", "9WZDNCRFJ3PS"))
        assert "authorization" not in emu.requests("catalog")[0]["headers"]
        assert emu.token_requests() == 0
