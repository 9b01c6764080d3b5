# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from emulator.client import Emulator
from license_services import LicenseService, both_services

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    NotFoundError,
    ProvisioningError,
    ServiceError,
    SignInError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import RunCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_licenses import (
    Outcome,
    all_or_error,
    fetch_licenses,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

pytestmark = [pytest.mark.usefixtures("quick_retries"), both_services]


def keys(emu: Emulator, count: int, start: int = 0) -> list[LicenseKey]:
    return [LicenseKey(**item) for item in emu.licenses(count, start)]


def special(emu: Emulator, behavior: str) -> LicenseKey:
    return LicenseKey(**emu.special(behavior).request())


def content_ids(outcomes: list[Outcome]) -> list[str]:
    return [outcome.content_id for outcome in outcomes if isinstance(outcome, LicenseDocument)]


@pytest.fixture
def cache(tmp_path: Path) -> RunCache:
    return RunCache(str(tmp_path), 30.0)


class TestOrder:
    def test_is_that_of_the_keys(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings]
    ) -> None:
        wanted = keys(emu, 30)
        for key in wanted[:3]:
            service.fault("latency", ms=200, path_regex=key.content_id)
        outcomes = fetch_licenses(make_settings(), NoCache(), wanted, 8)
        assert content_ids(outcomes) == [key.content_id for key in wanted]
        assert service.count() == 30

    def test_a_license_that_is_asked_for_twice_is_one_request(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        one, two = keys(emu, 2)
        upper = LicenseKey(one.product_id.lower(), one.sku_id, one.content_id.upper())
        outcomes = fetch_licenses(make_settings(), cache, [one, two, one, upper, two], 8)
        expected = [one, two, one, one, two]
        assert content_ids(outcomes) == [key.content_id for key in expected]
        assert service.count() == 2

    def test_of_nothing_is_no_request(self, emu: Emulator, make_settings: Callable[..., Settings]) -> None:
        assert fetch_licenses(make_settings(), NoCache(), [], 8) == []
        assert emu.count("entra") == 0


class TestConcurrency:
    @pytest.mark.parametrize(("limit", "count"), [(1, 4), (5, 25), (50, 12)])
    def test_is_bounded(
        self,
        limit: int,
        count: int,
        emu: Emulator,
        service: LicenseService,
        make_settings: Callable[..., Settings],
        cache: RunCache,
    ) -> None:
        emu.latency(150, service.listener)
        assert len(content_ids(fetch_licenses(make_settings(), cache, keys(emu, count), limit))) == count
        stats = emu.stats()[service.listener]
        # On a busy machine they do not all come at the same moment.
        assert (min(limit, count) + 1) // 2 <= stats["max_in_flight"] <= min(limit, count)
        assert stats["connections"] <= min(limit, count)
        assert emu.token_requests() == 1

    def test_progress_is_told_in_the_thread_of_the_caller(
        self, emu: Emulator, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        told: list[tuple[Any, ...]] = []

        def progress(key: LicenseKey, outcome: Any, done: int, total: int) -> None:
            told.append((key, isinstance(outcome, ProvisioningError), done, total, threading.get_ident()))

        wanted = [*keys(emu, 5), special(emu, "unknown")]
        fetch_licenses(make_settings(), cache, wanted, 3, progress)
        assert {entry[0] for entry in told} == set(wanted)
        assert [entry[0] for entry in told if entry[1]] == wanted[-1:]
        assert [entry[2] for entry in told] == [1, 2, 3, 4, 5, 6]
        assert {entry[3:] for entry in told} == {(6, threading.get_ident())}

    def test_an_interruption_ends_it_soon(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        def progress(*_told: Any) -> None:
            raise KeyboardInterrupt

        emu.latency(50, service.listener)
        with pytest.raises(KeyboardInterrupt):
            fetch_licenses(make_settings(), cache, keys(emu, 100), 2, progress)
        assert service.count() < 10


class TestPartialFailure:
    def test_concerns_the_licenses_that_failed(
        self, emu: Emulator, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        good = keys(emu, 4)
        bad = [special(emu, name) for name in ("not_owned", "unknown", "wrong_license", "empty")]
        outcomes = fetch_licenses(
            make_settings(), cache, [key for pair in zip(good, bad, strict=True) for key in pair], 8
        )
        assert content_ids(outcomes[::2]) == [key.content_id for key in good]
        kinds = [ServiceError, NotFoundError, LicenseDocumentError, ServiceError]
        assert [type(outcome) for outcome in outcomes[1::2]] == kinds
        for key, outcome in zip(bad, outcomes[1::2], strict=True):
            assert str(key) in str(outcome)

    def test_a_good_license_stays_good_beside_one_that_times_out(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        wanted = keys(emu, 6)
        service.fault("stall_body", path_regex=wanted[2].content_id)
        outcomes = fetch_licenses(make_settings(timeout=0.3, max_retries=1), cache, wanted, 3)
        assert [isinstance(outcome, LicenseDocument) for outcome in outcomes] == [True, True, False, True, True, True]
        assert isinstance(outcomes[2], UnavailableError)

    def test_all_or_error(self, emu: Emulator, make_settings: Callable[..., Settings], cache: RunCache) -> None:
        wanted = keys(emu, 2)
        good = fetch_licenses(make_settings(), cache, wanted, 8)
        one, two = (str(key) for key in wanted)
        assert all_or_error([one, two], good) == good
        refused = [special(emu, "not_owned"), special(emu, "unknown")]
        bad = fetch_licenses(make_settings(), cache, refused, 8)
        with pytest.raises(ServiceError) as single:
            all_or_error([one, two, str(refused[0])], [*good, bad[0]])
        assert single.value is bad[0]
        with pytest.raises(ProvisioningError, match="Could not get 2 of 4 offline licenses") as both:
            all_or_error([str(refused[0]), one, two, str(refused[1])], [bad[0], *good, bad[1]])
        assert all(str(key) in str(both.value) for key in refused)


class TestSignIn:
    @pytest.mark.parametrize("caching", [True, False])
    def test_that_is_refused_is_one_request_for_all(
        self,
        caching: bool,
        emu: Emulator,
        service: LicenseService,
        make_settings: Callable[..., Settings],
        cache: RunCache,
    ) -> None:
        with pytest.raises(SignInError, match="AADSTS7000215"):
            fetch_licenses(make_settings(client_secret="wrong"), cache if caching else NoCache(), keys(emu, 50), 8)
        assert emu.token_requests() == 1
        assert service.count() == 0

    def test_that_does_not_answer_is_not_tried_for_each(
        self, emu: Emulator, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        emu.fault(listener="entra", action="reset")
        with pytest.raises(UnavailableError):
            fetch_licenses(make_settings(max_retries=2), cache, keys(emu, 50), 8)
        assert emu.count("entra") == 3

    def test_a_token_that_is_revoked_amid_the_run_is_replaced_once(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        service.fault("revoke_tokens", after=10, times=1)
        assert len(content_ids(fetch_licenses(make_settings(), cache, keys(emu, 40), 8))) == 40
        assert emu.token_requests() == 2
        assert service.count() <= 40 + 8

    def test_a_service_that_takes_no_token_is_not_asked_with_a_new_one_for_each_license(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        service.fault("unauthorized")
        outcomes = fetch_licenses(make_settings(), cache, keys(emu, 50), 1)
        assert all(isinstance(outcome, ProvisioningError) for outcome in outcomes)
        assert emu.token_requests() <= 10

    def test_a_sign_in_that_is_refused_amid_the_run_is_not_tried_for_each_license(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        service.fault("unauthorized")
        emu.fault(listener="entra", action="entra_error", value=7000222, after=1, path_regex="/token")
        outcomes = fetch_licenses(make_settings(), cache, keys(emu, 50), 1)
        assert all(isinstance(outcome, ProvisioningError) for outcome in outcomes)
        assert emu.token_requests() <= 10


class TestServiceThatIsDown:
    @pytest.mark.parametrize("fault", [{"action": "status", "status": 503}, {"action": "reset"}], ids=str)
    def test_is_not_asked_for_all(
        self,
        fault: dict[str, Any],
        emu: Emulator,
        service: LicenseService,
        make_settings: Callable[..., Settings],
        cache: RunCache,
    ) -> None:
        service.fault(**fault)
        outcomes = fetch_licenses(make_settings(max_retries=1), cache, keys(emu, 200), 8)
        assert all(isinstance(outcome, UnavailableError) for outcome in outcomes)
        licenses = {entry["subject"] for entry in service.requests()}
        assert 8 <= len(licenses) <= 8 + 8
        untried = [str(outcome) for outcome in outcomes if str(outcome).startswith("Skipped: ")]
        assert len(untried) == 200 - len(licenses)
        assert all("an earlier request failed for a reason that affects every item" in text for text in untried)

    def test_a_host_that_cannot_be_reached_is_one_round_of_tries_for_the_run(
        self, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        with closing(socket.socket()) as held:
            # Nobody listens there, and nobody else gets the port.
            held.bind(("127.0.0.1", 0))
            settings = make_settings(base_url=f"https://localhost:{held.getsockname()[1]}", max_retries=2)
            texts = {str(one) for one in fetch_licenses(settings, cache, keys(service.emulator, 200), 16)}
            start = time.monotonic()
            for _host in range(20):
                texts |= {str(one) for one in fetch_licenses(settings, cache, keys(service.emulator, 200), 16)}
            assert time.monotonic() - start < 2
        (text,) = texts
        assert text.startswith(
            f"Could not reach {settings.base_url}: the connection failed (Connection refused) (3 tries)"
        )
        assert service.emulator.token_requests() == 1

    def test_is_given_up_after_one_deadline(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        service.fault("stall_headers")
        start = time.monotonic()
        outcomes = fetch_licenses(make_settings(deadline=0.8), cache, keys(emu, 60), 4)
        assert time.monotonic() - start < 3
        assert all(isinstance(outcome, UnavailableError) for outcome in outcomes)
        assert service.count() <= 8

    def test_some_bad_luck_is_not_taken_for_it(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        service.fault("status", status=500, probability=0.3, seed=3, per_path=True)
        outcomes = fetch_licenses(make_settings(max_retries=0), cache, keys(emu, 60), 1)
        asked = {entry["subject"] for entry in service.requests()}
        assert len(asked) == 60
        good = len(content_ids(outcomes))
        assert 30 <= good < 60

    def test_a_refusal_is_an_answer(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        service.fault("license_behavior", value="not_owned")
        outcomes = fetch_licenses(make_settings(), cache, keys(emu, 40), 8)
        assert service.count() == 40
        assert {type(outcome) for outcome in outcomes} == {ServiceError}


class TestCache:
    def test_serves_the_next_host(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        first = fetch_licenses(make_settings(), cache, keys(emu, 10), 4)
        assert fetch_licenses(make_settings(), cache, keys(emu, 10), 4) == first
        assert service.count() == 10
        assert emu.token_requests() == 1

    def test_serves_without_a_token_too(
        self, emu: Emulator, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        emu.settings(token_lifetime=60)
        first = fetch_licenses(make_settings(), cache, keys(emu, 3), 4)
        before = emu.token_requests()
        assert fetch_licenses(make_settings(), cache, keys(emu, 3), 4) == first
        assert emu.token_requests() == before

    def test_does_not_serve_who_has_another_credential(
        self, emu: Emulator, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        fetch_licenses(make_settings(), cache, keys(emu, 3), 4)
        with pytest.raises(SignInError):
            fetch_licenses(make_settings(client_secret="wrong"), cache, keys(emu, 3), 4)

    def test_keeps_that_a_license_is_not_found(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        key = special(emu, "unknown")
        (first,) = fetch_licenses(make_settings(), cache, [key], 4)
        (second,) = fetch_licenses(make_settings(), cache, [key], 4)
        assert isinstance(second, NotFoundError)
        assert (str(second), second.status) == (str(first), 404)
        assert service.count() == 1

    @pytest.mark.parametrize("behavior", ["not_owned", "wrong_license", "empty", "gone"])
    def test_keeps_no_other_error(
        self,
        behavior: str,
        emu: Emulator,
        service: LicenseService,
        make_settings: Callable[..., Settings],
        cache: RunCache,
    ) -> None:
        for _try in range(2):
            (outcome,) = fetch_licenses(make_settings(), cache, [special(emu, behavior)], 4)
            assert isinstance(outcome, ProvisioningError)
        assert service.count() == 2

    def test_keeps_no_bad_luck(
        self, emu: Emulator, service: LicenseService, make_settings: Callable[..., Settings], cache: RunCache
    ) -> None:
        service.fault("status", status=503, times=1)
        (first,) = fetch_licenses(make_settings(max_retries=0), cache, keys(emu, 1), 4)
        (second,) = fetch_licenses(make_settings(max_retries=0), cache, keys(emu, 1), 4)
        assert isinstance(first, UnavailableError)
        assert isinstance(second, LicenseDocument)

    def test_keeps_every_byte(self, emu: Emulator, make_settings: Callable[..., Settings], cache: RunCache) -> None:
        fresh = fetch_licenses(make_settings(), NoCache(), keys(emu, 3), 4)
        for _try in range(2):
            assert fetch_licenses(make_settings(), cache, keys(emu, 3), 4) == fresh
