# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from license_services import LicenseService, both_services
from unit.directory import Directory
from unit.support import License, licenses

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ProvisioningError,
    ServiceError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import parse
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import requests_from
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.report import StagingReport
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_licenses import Outcome
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_source import LicenseSource
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.return_licenses import return_licenses
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.stage_licenses import stage_licenses


class Service(LicenseSource):
    """A source that hands out licenses, and remembers what it was asked for. Without a sign-in there is an error."""

    def __init__(self, *known: License, error: ProvisioningError | None = None) -> None:
        self._known = {(item.product_id, item.content_id): item for item in known}
        self._error = error
        self.asked: list[list[str]] = []
        self.taken = set()
        self._archive = None

    def fetch(self, keys: Sequence[LicenseKey]) -> list[Outcome]:
        if keys:
            self.asked.append([key.product_id for key in keys])
        return [self._error or self._outcome(key) for key in keys]

    def _outcome(self, key: LicenseKey) -> Outcome:
        item = self._known.get((key.product_id, key.content_id))
        if item is None:
            return ServiceError(f"Could not get the offline license {key}", "not owned", "Acquire it", status=409)
        return parse(item.xml)


def states(staged: StagingReport) -> list[str]:
    return [item["state"] for item in staged.licenses]


MANY = licenses(6)
REQUESTS = requests_from([item.item() for item in MANY])


class TestStage:
    def test_the_first_time_everything_is_fetched(self, tmp_path: Path) -> None:
        delivery, service = Directory(tmp_path), Service(*MANY)
        staged = stage_licenses(REQUESTS, delivery, service, force=False, check_mode=False)
        assert states(staged) == ["fetched"] * 6
        assert staged.changed
        assert delivery.files == {item.name: item.xml for item in MANY}
        assert delivery.calls == 2
        assert len(service.asked) == 1

    def test_the_second_time_nothing_is_fetched_and_one_look_is_enough(self, tmp_path: Path) -> None:
        stage_licenses(REQUESTS, Directory(tmp_path), Service(*MANY), force=False, check_mode=False)
        delivery, service = Directory(tmp_path), Service()
        staged = stage_licenses(REQUESTS, delivery, service, force=False, check_mode=False)
        assert (states(staged), staged.changed) == (["unchanged"] * 6, False)
        assert delivery.calls == 1
        assert service.asked == []

    def test_only_what_is_missing_or_wrong_is_fetched(self, tmp_path: Path) -> None:
        stage_licenses(REQUESTS, Directory(tmp_path), Service(*MANY), force=False, check_mode=False)
        (tmp_path / MANY[1].name).unlink()
        (tmp_path / MANY[4].name).write_bytes(MANY[4].xml[:-1])
        service = Service(*MANY)
        staged = stage_licenses(REQUESTS, Directory(tmp_path), service, force=False, check_mode=False)
        assert service.asked == [[MANY[1].product_id, MANY[4].product_id]]
        assert [item["reason"] for item in staged.licenses] == [None, "absent", None, None, "altered", None]

    def test_what_the_user_brings_is_not_fetched(self, tmp_path: Path) -> None:
        requests = requests_from([MANY[0].brought(), MANY[1].item()])
        service = Service(MANY[1])
        staged = stage_licenses(requests, Directory(tmp_path), service, force=True, check_mode=False)
        assert states(staged) == ["fetched", "fetched"]
        assert service.asked == [[MANY[1].product_id]]

    def test_force_fetches_and_compares(self, tmp_path: Path) -> None:
        stage_licenses(REQUESTS, Directory(tmp_path), Service(*MANY), force=False, check_mode=False)
        newer = License(MANY[2].product_id, MANY[2].content_id, "11111111-1c68-4dd1-93a4-0a1c6f6c3f02")
        service = Service(*MANY[:2], newer, *MANY[3:])
        staged = stage_licenses(REQUESTS, Directory(tmp_path), service, force=True, check_mode=False)
        assert states(staged) == ["unchanged", "unchanged", "fetched", "unchanged", "unchanged", "unchanged"]
        assert staged.licenses[2]["reason"] == "replaced"
        again = stage_licenses(REQUESTS, Directory(tmp_path), service, force=True, check_mode=False)
        assert (states(again), again.changed) == (["unchanged"] * 6, False)

    def test_what_cannot_be_had_fails_and_the_others_are_staged(self, tmp_path: Path) -> None:
        delivery = Directory(tmp_path)
        staged = stage_licenses(REQUESTS, delivery, Service(*MANY[::2]), force=False, check_mode=False)
        assert states(staged) == ["fetched", "failed"] * 3
        assert staged.licenses[1]["error"].endswith("not owned. Acquire it.")
        assert set(delivery.files) == {item.name for item in MANY[::2]}

    def test_a_good_file_stays_when_it_cannot_be_fetched_anew(self, tmp_path: Path) -> None:
        stage_licenses(REQUESTS, Directory(tmp_path), Service(*MANY), force=False, check_mode=False)
        delivery = Directory(tmp_path)
        staged = stage_licenses(REQUESTS, delivery, Service(), force=True, check_mode=False)
        assert states(staged) == ["failed"] * 6
        assert delivery.files == {item.name: item.xml for item in MANY}

    def test_without_a_sign_in_what_the_user_brings_is_staged_all_the_same(self, tmp_path: Path) -> None:
        requests = requests_from([MANY[0].item(), MANY[1].brought(), MANY[2].item()])
        service = Service(error=SignInError("Could not sign in", "refused", "Check client_secret"))
        delivery = Directory(tmp_path)
        staged = stage_licenses(requests, delivery, service, force=False, check_mode=False)
        assert states(staged) == ["failed", "fetched", "failed"]
        error = "Could not sign in: refused. Check client_secret."
        assert [item["error"] for item in staged.licenses] == [error, None, error]
        assert set(delivery.files) == {MANY[1].name}

    def test_what_blocks_a_place_is_not_fetched(self, tmp_path: Path) -> None:
        (tmp_path / MANY[0].name).mkdir()
        service = Service(*MANY)
        staged = stage_licenses(REQUESTS, Directory(tmp_path), service, force=True, check_mode=False)
        assert states(staged) == ["failed"] + ["fetched"] * 5
        assert MANY[0].product_id not in service.asked[0]
        assert "is not a file that can be read" in staged.licenses[0]["error"]

    def test_a_bad_license_of_the_user_is_not_fetched_instead(self, tmp_path: Path) -> None:
        requests = requests_from([MANY[0].item(license_blob=MANY[1].blob), MANY[2].item()])
        service = Service(*MANY)
        staged = stage_licenses(requests, Directory(tmp_path), service, force=False, check_mode=False)
        assert states(staged) == ["failed", "fetched"]
        assert "license_blob" in staged.licenses[0]["error"]
        assert service.asked == [[MANY[2].product_id]]

    def test_prune_waits_until_all_is_there(self, tmp_path: Path) -> None:
        stage_licenses(REQUESTS[:4], Directory(tmp_path), Service(*MANY), force=False, check_mode=False)
        requests = requests_from([item.item() for item in MANY[2:]])
        failed = stage_licenses(
            requests, Directory(tmp_path, prune=True), Service(MANY[4]), force=False, check_mode=False
        )
        assert failed.pruned == []
        done = stage_licenses(
            requests, Directory(tmp_path, prune=True), Service(MANY[5]), force=False, check_mode=False
        )
        assert done.pruned == sorted(str(tmp_path / item.name) for item in MANY[:2])
        assert set(Directory(tmp_path).files) == {item.name for item in MANY[2:]}

    def test_each_change_shows_once(self, tmp_path: Path) -> None:
        requests = requests_from([MANY[0].brought(), MANY[1].item()])
        staged = stage_licenses(requests, Directory(tmp_path), Service(MANY[1]), force=False, check_mode=False)
        assert [diff["after_header"] for diff in staged.diff] == [str(tmp_path / item.name) for item in MANY[:2]]


class TestCheckMode:
    def test_nothing_is_fetched_and_all_is_predicted(self, tmp_path: Path) -> None:
        stage_licenses(REQUESTS[:3], Directory(tmp_path), Service(*MANY), force=False, check_mode=False)
        delivery, service = Directory(tmp_path, check_mode=True), Service(*MANY)
        staged = stage_licenses(REQUESTS, delivery, service, force=False, check_mode=True)
        assert states(staged) == ["unchanged"] * 3 + ["fetched"] * 3
        assert (staged.changed, len(staged.diff), service.asked, delivery.calls) == (True, 3, [], 1)
        assert all(item["error"] is None for item in staged.licenses)
        assert set(delivery.files) == {item.name for item in MANY[:3]}

    def test_of_what_is_there_predicts_no_change(self, tmp_path: Path) -> None:
        stage_licenses(REQUESTS, Directory(tmp_path), Service(*MANY), force=False, check_mode=False)
        staged = stage_licenses(REQUESTS, Directory(tmp_path, check_mode=True), Service(), force=False, check_mode=True)
        assert (states(staged), staged.changed, staged.diff) == (["unchanged"] * 6, False, [])

    def test_with_force_predicts_that_there_is_a_newer_one(self, tmp_path: Path) -> None:
        stage_licenses(REQUESTS, Directory(tmp_path), Service(*MANY), force=False, check_mode=False)
        staged = stage_licenses(REQUESTS, Directory(tmp_path, check_mode=True), Service(), force=True, check_mode=True)
        assert states(staged) == ["fetched"] * 6
        assert [item["reason"] for item in staged.licenses] == ["forced"] * 6

    def test_tells_what_fails_in_any_case(self, tmp_path: Path) -> None:
        (tmp_path / MANY[0].name).mkdir()
        requests = requests_from([MANY[0].item(), MANY[1].item(license_blob="%%%")])
        staged = stage_licenses(requests, Directory(tmp_path, check_mode=True), Service(), force=True, check_mode=True)
        assert states(staged) == ["failed", "failed"]
        assert not staged.changed


class TestReturn:
    def test_licenses_of_the_service_and_of_the_user(self) -> None:
        service = Service(*MANY)
        staged = return_licenses(requests_from([MANY[0].item(), MANY[1].brought()]), service)
        assert states(staged) == ["fetched", "unchanged"]
        assert service.asked == [[MANY[0].product_id]]
        assert not staged.changed
        for item, result in zip(MANY, staged.licenses, strict=False):
            assert result["document"].encode() == item.xml
            assert result["license_blob"] == item.blob
            assert result["license_instance_id"] == item.instance_id
            assert result["path"] is None

    def test_what_the_user_brings_needs_no_service(self) -> None:
        service = Service(error=SignInError("a", "b"))
        assert states(return_licenses(requests_from([MANY[0].brought()]), service)) == ["unchanged"]
        assert service.asked == []

    def test_failures(self) -> None:
        requests = requests_from([MANY[0].item(), MANY[1].item(), MANY[2].item(license_blob="%%%")])
        staged = return_licenses(requests, Service(MANY[0]))
        assert states(staged) == ["fetched", "failed", "failed"]
        assert "not owned" in staged.licenses[1]["error"]
        assert staged.licenses[2]["error"].count("the license blob is not base64 text. Give the license as its XML")
        assert "document" not in staged.licenses[1]

    def test_without_a_sign_in(self) -> None:
        service = Service(error=SignInError("Could not sign in", "refused"))
        staged = return_licenses(requests_from([MANY[0].item(), MANY[1].brought()]), service)
        assert states(staged) == ["failed", "unchanged"]

    def test_a_document_in_another_encoding_can_be_had_from_its_blob(self) -> None:
        data = ('<?xml version="1.0" encoding="utf-16"?>' + MANY[0].xml.decode()).encode("utf-16")
        blob = parse(data).blob
        staged = return_licenses(requests_from([MANY[0].item(license_blob=blob)]), Service())
        assert staged.licenses[0]["license_blob"] == blob
        assert staged.licenses[0]["size"] == len(data)


@both_services
@pytest.mark.parametrize("count", [1, 40])
def test_the_whole_way_from_the_service_to_the_directory(
    count: int, service: LicenseService, options: dict[str, Any], tmp_path: Path
) -> None:
    requests = requests_from(service.emulator.licenses(count))
    ready = {"client_secret": None, "refresh_token": None, "access_token": service.access_token}
    source = LicenseSource(
        {**options, **ready, "service": service.name, "format": "xml", "max_concurrency": 8},
        lambda settings: NoCache(),
    )
    first = stage_licenses(requests, Directory(tmp_path), source, force=False, check_mode=False)
    assert states(first) == ["fetched"] * count
    assert service.count() == count
    second = stage_licenses(requests, Directory(tmp_path), source, force=False, check_mode=False)
    assert states(second) == ["unchanged"] * count
    assert service.count() == count
