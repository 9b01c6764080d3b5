# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages of many products, through the run cache, and what ms_store_product_info makes of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from emulator.client import Emulator

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_product import product_specification
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    FailuresError,
    NotFoundError,
    OptionError,
    ProvisioningError,
    ServiceError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import RunCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_products import (
    CatalogView,
    find_products,
    look_up,
    view_from,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_catalog import (
    CatalogProduct,
    Package,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    settings_from,
)

pytestmark = pytest.mark.usefixtures("quick_retries")
VIEW = CatalogView()


@pytest.fixture
def options(emu: Emulator) -> dict[str, Any]:
    """Options that lead to the catalog, signed in by a refresh token."""
    return {
        "tenant_id": emu.tenant_id,
        "client_id": emu.public_client_id,
        "refresh_token": emu.public_refresh_token,
        "authority": emu.entra,
        "base_url": emu.catalog,
        "ca_path": emu.ca_path,
        "timeout": 10.0,
        "deadline": 30.0,
    }


@pytest.fixture
def settings(options: dict[str, Any]) -> Settings:
    return settings_from(options, "store_catalog", {})


@pytest.fixture
def cache(tmp_path: Path) -> RunCache:
    return RunCache(str(tmp_path), 30.0)


def ids(emu: Emulator, *indexes: int) -> list[str]:
    return [emu.product(index).product_id for index in indexes]


def good(outcome: CatalogProduct | ProvisioningError) -> tuple[Package, ...]:
    assert isinstance(outcome, CatalogProduct), outcome
    return outcome.packages


class TestFindPackages:
    def test_come_in_the_order_of_the_products(self, emu: Emulator, settings: Settings, cache: RunCache) -> None:
        wanted = ids(emu, *range(20))
        emu.fault(listener="catalog", action="latency", ms=150, path_regex=wanted[0])
        for product, outcome in zip(range(20), look_up(settings, cache, VIEW, wanted, 8), strict=True):
            content_ids = {package.content_id for package in good(outcome) if package.sku_id == "0015"}
            assert content_ids - {""} == set(emu.product(product).content_ids)
        assert (emu.count("catalog"), emu.token_requests()) == (20, 1)

    def test_a_product_is_asked_for_once(self, emu: Emulator, settings: Settings, cache: RunCache) -> None:
        (one,) = ids(emu, 0)
        first = look_up(settings, cache, VIEW, [one, one.lower(), one], 8)
        assert first[0] == first[1] == first[2]
        assert look_up(settings, cache, VIEW, [one], 8) == first[:1]
        assert emu.count("catalog") == 1

    def test_packages_are_the_same_from_the_cache(self, emu: Emulator, settings: Settings, cache: RunCache) -> None:
        fresh = look_up(settings, NoCache(), VIEW, ids(emu, 1, 3, 7), 8)
        for _try in range(2):
            assert look_up(settings, cache, VIEW, ids(emu, 1, 3, 7), 8) == fresh

    def test_another_view_is_another_question(self, emu: Emulator, settings: Settings, cache: RunCache) -> None:
        product = emu.special("us_only").product_id
        assert good(look_up(settings, cache, VIEW, [product], 8)[0])
        assert isinstance(look_up(settings, cache, CatalogView("DE"), [product], 8)[0], NotFoundError)
        assert good(look_up(settings, cache, CatalogView(languages=("de",)), [product], 8)[0])
        assert emu.count("catalog") == 3

    def test_a_failure_concerns_its_product(self, emu: Emulator, settings: Settings, cache: RunCache) -> None:
        bad = [emu.special(name).product_id for name in ("catalog_unknown", "null_product")]
        one, two = ids(emu, 0, 1)
        outcomes = look_up(settings, cache, VIEW, [one, bad[0], two, bad[1]], 8)
        assert [type(outcome) for outcome in outcomes] == [CatalogProduct, NotFoundError, CatalogProduct, ServiceError]

    def test_that_a_product_is_not_found_is_kept(self, emu: Emulator, settings: Settings, cache: RunCache) -> None:
        wanted = [emu.special("catalog_unknown").product_id, emu.special("null_product").product_id]
        first = [str(outcome) for outcome in look_up(settings, cache, VIEW, wanted, 8)]
        assert [str(outcome) for outcome in look_up(settings, cache, VIEW, wanted, 8)] == first
        assert [emu.count("catalog", product_id) for product_id in wanted] == [1, 2]

    def test_a_sign_in_that_is_refused_is_one_request(self, emu: Emulator, options: dict[str, Any]) -> None:
        settings = settings_from({**options, "refresh_token": "worthless"}, "store_catalog", {})
        with pytest.raises(SignInError):
            look_up(settings, NoCache(), VIEW, ids(emu, *range(20)), 8)
        assert (emu.token_requests(), emu.count("catalog")) == (1, 0)

    def test_a_token_that_is_refused_is_not_tried_for_each(
        self, emu: Emulator, settings: Settings, cache: RunCache
    ) -> None:
        emu.fault(listener="catalog", action="unauthorized")
        outcomes = look_up(settings, cache, VIEW, ids(emu, *range(30)), 1)
        assert all(isinstance(outcome, ProvisioningError) for outcome in outcomes)
        assert emu.count("catalog") == 2

    def test_of_nothing_is_no_request(self, emu: Emulator, settings: Settings) -> None:
        assert look_up(settings, NoCache(), VIEW, [], 8) == []
        assert emu.count("entra") == 0


class TestView:
    def test_good_ones(self) -> None:
        assert view_from({}) == CatalogView("US", ("en-US",))
        assert view_from({"market": "de", "languages": ["de-DE", "zh-Hans-CN"]}) == CatalogView(
            "DE", ("de-DE", "zh-Hans-CN")
        )
        assert view_from({"market": None, "languages": []}) == CatalogView()

    @pytest.mark.parametrize("market", ["USA", "D", "1A", "D&", "ÖE", 5])
    def test_bad_markets(self, market: Any) -> None:
        with pytest.raises(OptionError, match="not a two-letter code"):
            view_from({"market": market})

    @pytest.mark.parametrize("languages", [["de,fr"], ["de&x=y"], [""], ["-"], ["d" * 21], ["dé"], "de"])
    def test_bad_languages(self, languages: Any) -> None:
        with pytest.raises(OptionError, match="languages holds what is no language"):
            view_from({"languages": languages})


class TestProducts:
    """What ms_store_product_info returns."""

    @pytest.fixture(autouse=True)
    def collect_warnings(self) -> None:
        self.warnings: list[str] = []

    def find(self, options: dict[str, Any], *product_ids: str, **others: Any) -> list[dict[str, Any]]:
        spec = product_specification()["argument_spec"]
        defaults = {name: option.get("default") for name, option in spec.items()}
        values = {**defaults, **options, "product_id": list(product_ids), **others}
        found = find_products(values, lambda settings: NoCache(), self.warnings.append)
        self.not_found = found["not_found"]
        return list(found["products"])

    def test_every_package_of_every_product(self, emu: Emulator, options: dict[str, Any]) -> None:
        wanted = ids(emu, 7, 3)
        products = self.find(options, *wanted)
        assert [product["product_id"] for product in products] == wanted
        for index, product in zip((7, 3), products, strict=True):
            assert {package["sku_id"] for package in product["packages"]} >= {"0015", "0010"}
            entry = emu.product(index)
            assert set(product["content_ids"]) == {*entry.content_ids, entry.online_content_id}
            assert len(product["content_ids"]) == len(set(product["content_ids"]))

    def test_filters(self, emu: Emulator, options: dict[str, Any]) -> None:
        by_architecture, by_language = emu.special("by_architecture"), emu.special("by_language")
        by_family = emu.special("by_family")
        cases: list[tuple[Any, dict[str, str], tuple[str, ...]]] = [
            (by_architecture, {}, by_architecture.content_ids),
            (by_architecture, {"architecture": "X64"}, by_architecture.content_ids[:1]),
            (by_architecture, {"architecture": "arm64"}, by_architecture.content_ids[1:]),
            (by_language, {"language": "fr"}, by_language.content_ids[:1]),
            (by_language, {"language": "ja-JP"}, by_language.content_ids[1:]),
            (by_family, {"package_family_name": by_family.package_family_name}, by_family.content_ids[:1]),
            (by_family, {"package_family_name": by_family.family(by_family.content_ids[1])}, by_family.content_ids[1:]),
            (by_family, {"package_family_name": "Nobody.App_8wekyb3d8bbwe"}, ()),
        ]
        for product, filters, expected in cases:
            (found,) = self.find(options, product.product_id, sku_id="0015", **filters)
            assert tuple(found["content_ids"]) == expected, filters

    def test_a_content_id_in_several_casings_is_one(self, emu: Emulator, options: dict[str, Any]) -> None:
        product = emu.special("upper_case_content")
        (found,) = self.find(options, product.product_id, sku_id="0015")
        assert found["content_ids"] == [product.content_id]
        assert len(found["packages"]) == 5

    def test_what_does_not_exist_is_told_as_the_option_says(self, emu: Emulator, options: dict[str, Any]) -> None:
        one, missing = ids(emu, 0)[0], [emu.special("catalog_unknown").product_id, "9NOTTHERE001"]
        with pytest.raises(NotFoundError) as caught:
            self.find(options, missing[0], one, missing[1])
        assert "Could not get 2 products in US" in str(caught.value)
        assert all(product_id in str(caught.value) for product_id in missing)
        for on_missing in ("warn", "ignore"):
            (found,) = self.find(options, missing[0], one, missing[1], on_missing=on_missing)
            assert (found["product_id"], self.not_found) == (one, missing)
            assert len(self.warnings) == 1

    def test_failures_are_told_together(self, emu: Emulator, options: dict[str, Any]) -> None:
        bad = [emu.special(name).product_id for name in ("no_product", "null_skus")]
        with pytest.raises(FailuresError) as caught:
            self.find(options, *ids(emu, 0), *bad, on_missing="ignore")
        assert "Could not get 2 of 3 products" in str(caught.value)
        assert all(product_id in str(caught.value) for product_id in bad)

    def test_the_consumer_view_needs_no_credential(self, emu: Emulator) -> None:
        options = {"base_url": emu.catalog, "ca_path": emu.ca_path, "view": "consumer", "on_missing": "ignore"}
        wanted = [*ids(emu, *range(14)), "9NOTTHERE001"]
        products = self.find(options, *wanted)
        assert [product["product_id"] for product in products] == wanted[:-1]
        assert self.not_found == wanted[-1:]
        assert [product["title"] for product in products] == [emu.product(index).name for index in range(14)]
        package = products[0]["packages"][0]
        assert {package["sku_id"] for package in products[0]["packages"]} <= {"0010", "0011"}
        assert re.fullmatch(r"\d+(\.\d+){3}", package["version"])
        assert package["size"] > 0
        assert all(need["name"] for need in package["dependencies"])
        assert emu.token_requests() == 0
        # Two for up to ten products each, and one for the product that neither brought.
        assert emu.count("catalog") == 3
        assert all("authorization" not in request["headers"] for request in emu.requests("catalog"))

    @pytest.mark.parametrize(
        ("others", "cause"),
        [
            ({"product_id": ["9WZDNCRFJ3PS", "../x"]}, "product_id is not a Store id"),
            ({"product_id": [""]}, "product_id is missing"),
            ({"market": "Germany"}, "market is 'Germany'"),
            ({"languages": ["?"]}, "languages holds"),
            ({"max_concurrency": 0}, "max_concurrency is 0"),
            ({"base_url": "http://localhost"}, "only go over https"),
        ],
        ids=str,
    )
    def test_bad_options_cost_no_request(
        self, others: dict[str, Any], cause: str, emu: Emulator, options: dict[str, Any]
    ) -> None:
        with pytest.raises(OptionError) as caught:
            self.find(options, *ids(emu, 0), **others)
        assert cause in str(caught.value)
        assert emu.requests() == []
