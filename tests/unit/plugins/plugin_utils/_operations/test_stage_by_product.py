# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staging and returning licenses whose content ids are found in the catalog, with the manifest as the memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from unit.directory import Directory
from unit.support import License, licenses

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ProvisioningError,
    ServiceError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import parse
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    LicenseRequest,
    requests_from,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.report import StagingReport
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_licenses import Outcome
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_source import LicenseSource
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.return_licenses import return_licenses
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.stage_licenses import stage_licenses

PRODUCT_ID = "9WZDNCRFJ3PS"
SELECTION = PRODUCT_ID.lower() + "/0015"
ONE, TWO = (License(PRODUCT_ID, item.content_id, item.instance_id) for item in licenses(2))
OTHER = licenses(3)[2]
NEWER = License(PRODUCT_ID, ONE.content_id, "11111111-1c68-4dd1-93a4-0a1c6f6c3f02")


class Store(LicenseSource):
    """A catalog and a licensing service with these licenses; it counts what it is asked for.

    Products without a license are not in the catalog; ``unavailable`` licenses are in the catalog alone.
    """

    def __init__(self, *known: License, unavailable: Sequence[License] = (), gone: Sequence[License] = ()) -> None:
        self.catalog = [*known, *unavailable]
        self._unavailable = {item.content_id for item in unavailable}
        self._gone = {item.content_id for item in gone}
        self._documents = {item.content_id: item.xml for item in known}
        self.looked_up: list[str] = []
        self.fetched: list[str] = []
        self.taken = set()
        self._archive = None

    def resolve(self, requests: Sequence[LicenseRequest]) -> list[list[LicenseRequest] | ProvisioningError]:
        self.looked_up += [request.key.product_id for request in requests]
        return [self._found(request) for request in requests]

    def _found(self, request: LicenseRequest) -> list[LicenseRequest] | ProvisioningError:
        ids = [item.content_id for item in self.catalog if item.product_id == request.key.product_id]
        if not ids:
            return ServiceError(f"Could not find the content id of {request.key}", "nothing is listed", "Check it")
        return [request.resolved(content_id, "xml") for content_id in ids]

    def fetch(self, keys: Sequence[LicenseKey]) -> list[Outcome]:
        self.fetched += [key.content_id for key in keys]
        return [self._outcome(key) for key in keys]

    def _outcome(self, key: LicenseKey) -> Outcome:
        if key.content_id in self._unavailable:
            return ServiceError(f"Could not get the offline license {key}", "not allowed", "Ask", status=403)
        if key.content_id in self._gone:
            return NotFoundError(f"Could not get the offline license {key}", "there is none", "Check", status=404)
        return parse(self._documents[key.content_id])


def wanted(*items: dict[str, Any], **filters: str) -> list[LicenseRequest]:
    return requests_from(items or [{"product_id": PRODUCT_ID, **filters}], content_id_optional=True)


def stage(
    store: Store,
    directory: Directory,
    requests: list[LicenseRequest] | None = None,
    force: bool = False,
    check_mode: bool = False,
) -> StagingReport:
    return stage_licenses(requests or wanted(), directory, store, force=force, check_mode=check_mode)


def states(staged: StagingReport) -> list[tuple[int, str | None, str]]:
    """Which request, content id, and state each result is of."""
    return [(item["index"], item["content_id"], item["state"]) for item in staged.licenses]


def catalog_queries(directory: Directory) -> dict[str, list[str]]:
    manifest = directory.path / ".ms_offline_license.json"
    return dict(json.loads(manifest.read_bytes()).get("catalog_queries", {})) if manifest.exists() else {}


BOTH = [(0, ONE.content_id, "fetched"), (0, TWO.content_id, "fetched")]


class TestFirstRun:
    def test_stages_the_license_of_every_content_id(self, tmp_path: Path) -> None:
        store, directory = Store(ONE, TWO), Directory(tmp_path)
        staged = stage(store, directory)
        assert states(staged) == BOTH
        assert staged.changed
        assert directory.files == {ONE.name: ONE.xml, TWO.name: TWO.xml}
        assert (store.looked_up, store.fetched) == ([PRODUCT_ID], [ONE.content_id, TWO.content_id])
        assert directory.calls == 2
        assert catalog_queries(directory) == {SELECTION: [ONE.content_id, TWO.content_id]}

    def test_beside_licenses_whose_content_id_is_given(self, tmp_path: Path) -> None:
        """The results come in the order of what was asked for."""
        store, directory = Store(ONE, TWO, OTHER), Directory(tmp_path)
        requests = wanted(OTHER.item(), {"product_id": PRODUCT_ID}, OTHER.item(filename=OTHER.name))
        staged = stage(store, directory, requests)
        assert [item["index"] for item in staged.licenses] == [0, 1, 1, 2]
        assert [item["catalog_query"] for item in staged.licenses] == [None, SELECTION, SELECTION, None]
        assert store.looked_up == [PRODUCT_ID]
        assert len(directory.files) == 3

    def test_what_the_user_brings_is_staged_too(self, tmp_path: Path) -> None:
        store, directory = Store(ONE), Directory(tmp_path)
        staged = stage(store, directory, wanted({"product_id": PRODUCT_ID}, OTHER.brought()))
        assert [item["state"] for item in staged.licenses] == ["fetched", "fetched"]
        assert store.fetched == [ONE.content_id]

    def test_nothing_found_fails_that_alone(self, tmp_path: Path) -> None:
        store, directory = Store(OTHER), Directory(tmp_path)
        staged = stage(store, directory, wanted({"product_id": PRODUCT_ID}, OTHER.item()))
        assert states(staged) == [(0, None, "failed"), (1, OTHER.content_id, "fetched")]
        assert staged.licenses[0]["error"].endswith("nothing is listed. Check it.")
        assert directory.files == {OTHER.name: OTHER.xml}
        assert catalog_queries(directory) == {}

    def test_a_single_one_may_have_a_name(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        requests = wanted({"product_id": PRODUCT_ID, "filename": "app.xml"})
        stage(Store(ONE), directory, requests)
        assert directory.files == {"app.xml": ONE.xml}
        store = Store()
        assert states(stage(store, directory, requests)) == [(0, ONE.content_id, "unchanged")]
        assert (store.looked_up, store.fetched) == ([], [])

    def test_a_license_that_lies_there_already_is_kept(self, tmp_path: Path) -> None:
        """StagingReport by its content id before; now the content id is left out."""
        directory = Directory(tmp_path)
        stage(Store(ONE), directory, wanted(ONE.item()))
        staged = stage(Store(ONE), directory)
        assert states(staged) == [(0, ONE.content_id, "unchanged")]
        assert not staged.changed
        assert catalog_queries(directory) == {SELECTION: [ONE.content_id]}


class TestSecondRun:
    def test_asks_nobody(self, tmp_path: Path) -> None:
        stage(Store(ONE, TWO), Directory(tmp_path))
        store, directory = Store(), Directory(tmp_path)
        staged = stage(store, directory)
        assert states(staged) == [(0, ONE.content_id, "unchanged"), (0, TWO.content_id, "unchanged")]
        assert not staged.changed
        assert (store.looked_up, store.fetched, directory.calls) == ([], [], 1)

    def test_fetches_what_is_missing_without_looking_it_up(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        stage(Store(ONE, TWO), directory)
        (tmp_path / TWO.name).unlink()
        store = Store(ONE, TWO)
        staged = stage(store, directory)
        assert states(staged) == [(0, ONE.content_id, "unchanged"), (0, TWO.content_id, "fetched")]
        assert (store.looked_up, store.fetched) == ([], [TWO.content_id])

    def test_with_another_filter_looks_it_up(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        stage(Store(ONE), directory)
        store = Store(TWO)
        assert states(stage(store, directory, wanted(architecture="arm64"))) == [(0, TWO.content_id, "fetched")]
        assert store.looked_up == [PRODUCT_ID]
        assert catalog_queries(directory) == {
            SELECTION: [ONE.content_id],
            f"{SELECTION}?architecture=arm64": [TWO.content_id],
        }

    def test_a_second_content_id_is_not_noticed_without_force(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        stage(Store(ONE), directory)
        store = Store(ONE, TWO)
        assert states(stage(store, directory)) == [(0, ONE.content_id, "unchanged")]
        assert store.looked_up == []

    def test_a_remembered_content_id_that_is_gone_says_what_to_do(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        stage(Store(ONE, TWO), directory)
        (tmp_path / ONE.name).unlink()
        staged = stage(Store(ONE, TWO, gone=[ONE]), directory)
        assert [item["state"] for item in staged.licenses] == ["failed", "unchanged"]
        assert staged.licenses[0]["error"].endswith("Set force to look it up anew.")
        # One that the user gave, or that was just found, is another matter.
        for requests in (wanted(ONE.item()), wanted(language="de")):
            staged = stage(Store(ONE, gone=[ONE]), Directory(tmp_path), requests)
            assert staged.licenses[0]["error"].endswith("there is none. Check.")

    def test_a_name_for_what_are_several_licenses_by_now_is_refused(self, tmp_path: Path) -> None:
        """They would replace each other in each run."""
        directory = Directory(tmp_path)
        stage(Store(ONE, TWO), directory)
        store = Store(ONE, TWO)
        requests = wanted({"product_id": PRODUCT_ID, "filename": "app.xml"})
        stage_licenses(requests, directory, store, force=False, check_mode=False)
        assert store.looked_up == [PRODUCT_ID]

    def test_without_its_manifest_looks_up_again(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        stage(Store(ONE), directory)
        (tmp_path / ".ms_offline_license.json").unlink()
        store = Store(ONE)
        staged = stage(store, directory)
        assert (states(staged), store.looked_up) == ([(0, ONE.content_id, "unchanged")], [PRODUCT_ID])
        assert catalog_queries(directory) == {SELECTION: [ONE.content_id]}


class TestForce:
    def test_finds_a_second_content_id(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        stage(Store(ONE), directory)
        store = Store(ONE, TWO)
        staged = stage(store, directory, force=True)
        assert states(staged) == [(0, ONE.content_id, "unchanged"), (0, TWO.content_id, "fetched")]
        assert (store.looked_up, store.fetched) == ([PRODUCT_ID], [ONE.content_id, TWO.content_id])
        assert catalog_queries(directory) == {SELECTION: [ONE.content_id, TWO.content_id]}
        assert directory.files == {ONE.name: ONE.xml, TWO.name: TWO.xml}

    def test_finds_that_one_is_gone(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        stage(Store(ONE, TWO), directory)
        assert states(stage(Store(TWO), directory, force=True)) == [(0, TWO.content_id, "unchanged")]
        assert catalog_queries(directory) == {SELECTION: [TWO.content_id]}
        assert set(directory.files) == {ONE.name, TWO.name}
        pruned = stage(Store(), Directory(tmp_path, prune=True))
        assert pruned.pruned == [str(tmp_path / ONE.name)]

    def test_replaces_by_a_newer_instance(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        stage(Store(ONE), directory)
        staged = stage(Store(NEWER), directory, force=True)
        assert [(item["state"], item["reason"]) for item in staged.licenses] == [("fetched", "replaced")]
        assert directory.files == {ONE.name: NEWER.xml}

    def test_with_the_same_is_no_change(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        stage(Store(ONE, TWO), directory)
        staged = stage(Store(ONE, TWO), directory, force=True)
        assert not staged.changed
        assert [item["state"] for item in staged.licenses] == ["unchanged", "unchanged"]

    def test_leaves_what_is_there_when_nothing_is_found(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        stage(Store(ONE, TWO), directory)
        staged = stage(Store(), Directory(tmp_path, prune=True), force=True)
        assert states(staged) == [(0, ONE.content_id, "failed"), (0, TWO.content_id, "failed")]
        assert all("nothing is listed" in item["error"] for item in staged.licenses)
        assert set(directory.files) == {ONE.name, TWO.name}
        assert catalog_queries(directory) == {SELECTION: [ONE.content_id, TWO.content_id]}
        # Without force the licenses do what they are for.
        store = Store()
        assert [item["state"] for item in stage(store, directory).licenses] == ["unchanged", "unchanged"]
        assert store.looked_up == []


class TestPartialFailure:
    def test_is_healed_by_the_next_run_without_the_catalog(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        staged = stage(Store(ONE, unavailable=[TWO]), directory)
        assert states(staged) == [(0, ONE.content_id, "fetched"), (0, TWO.content_id, "failed")]
        assert "not allowed" in staged.licenses[1]["error"]
        assert staged.changed
        assert directory.files == {ONE.name: ONE.xml}
        store = Store(ONE, TWO)
        healed = stage(store, directory)
        assert states(healed) == [(0, ONE.content_id, "unchanged"), (0, TWO.content_id, "fetched")]
        assert (store.looked_up, store.fetched) == ([], [TWO.content_id])

    def test_of_everything_leaves_nothing(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path)
        staged = stage(Store(unavailable=[ONE, TWO]), directory)
        assert states(staged) == [(0, ONE.content_id, "failed"), (0, TWO.content_id, "failed")]
        assert (staged.changed, list(tmp_path.iterdir())) == (False, [])
        store = Store(ONE, TWO)
        assert states(stage(store, directory)) == BOTH
        assert store.looked_up == [PRODUCT_ID]

    def test_keeps_prune_from_removing(self, tmp_path: Path) -> None:
        stage(Store(OTHER), Directory(tmp_path), wanted(OTHER.item()))
        failed = stage(Store(ONE, unavailable=[TWO]), Directory(tmp_path, prune=True))
        assert failed.pruned == []
        healed = stage(Store(ONE, TWO), Directory(tmp_path, prune=True))
        assert healed.pruned == [str(tmp_path / OTHER.name)]


class TestPrune:
    def test_removes_what_is_no_longer_asked_for(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path, prune=True)
        stage(Store(ONE, TWO, OTHER), directory, wanted({"product_id": PRODUCT_ID}, OTHER.item()))
        store = Store()
        staged = stage(store, directory, wanted(OTHER.item()))
        assert staged.pruned == sorted(str(tmp_path / name) for name in (ONE.name, TWO.name))
        assert catalog_queries(directory) == {}
        assert (store.looked_up, store.fetched) == ([], [])

    def test_in_the_first_run_removes_what_was_there_before(self, tmp_path: Path) -> None:
        stage(Store(OTHER), Directory(tmp_path), wanted(OTHER.item()))
        staged = stage(Store(ONE), Directory(tmp_path, prune=True))
        assert staged.pruned == [str(tmp_path / OTHER.name)]
        assert set(Directory(tmp_path).files) == {ONE.name}


class TestCheckMode:
    def test_asks_nobody_and_predicts(self, tmp_path: Path) -> None:
        store, directory = Store(ONE, TWO), Directory(tmp_path, check_mode=True)
        staged = stage(store, directory, check_mode=True)
        assert states(staged) == [(0, None, "fetched")]
        assert (staged.licenses[0]["reason"], staged.licenses[0]["error"]) == ("unresolved", None)
        assert staged.changed
        assert [diff["after"] for diff in staged.diff] == [f"the offline license {PRODUCT_ID}/0015, to be fetched\n"]
        assert (store.looked_up, store.fetched, list(tmp_path.iterdir())) == ([], [], [])

    def test_of_a_directory_that_is_not_there_yet(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path / "none", check_mode=True)
        assert states(stage(Store(), directory, check_mode=True)) == [(0, None, "fetched")]

    @pytest.mark.parametrize("force", [False, True])
    def test_knows_what_is_staged(self, tmp_path: Path, force: bool) -> None:
        stage(Store(ONE, TWO), Directory(tmp_path))
        store = Store()
        staged = stage(store, Directory(tmp_path, check_mode=True), force=force, check_mode=True)
        assert [item["state"] for item in staged.licenses] == [("unchanged", "fetched")[force]] * 2
        assert (staged.changed, store.looked_up) == (force, [])


class TestReturn:
    def test_every_license_of_a_product(self) -> None:
        store = Store(ONE, TWO, OTHER)
        staged = return_licenses(wanted({"product_id": PRODUCT_ID}, OTHER.item()), store)
        assert states(staged) == [*BOTH, (1, OTHER.content_id, "fetched")]
        assert [item["document"].encode() for item in staged.licenses] == [ONE.xml, TWO.xml, OTHER.xml]
        assert store.looked_up == [PRODUCT_ID]

    def test_failures(self) -> None:
        requests = wanted({"product_id": "9WZDNCRFHVFW"}, {"product_id": PRODUCT_ID})
        staged = return_licenses(requests, Store(ONE, unavailable=[TWO]))
        assert states(staged) == [
            (0, None, "failed"),
            (1, ONE.content_id, "fetched"),
            (1, TWO.content_id, "failed"),
        ]
        assert "nothing is listed" in staged.licenses[0]["error"]
        assert "not allowed" in staged.licenses[2]["error"]
