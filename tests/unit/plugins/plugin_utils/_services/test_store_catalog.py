# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
from emulator.catalog import CATALOG_BEHAVIORS, OFFLINE_SKU, Product
from emulator.catalog_packages import packages as offline_packages
from emulator.client import Emulator

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ProvisioningError,
    ServiceError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import PackageFilter
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_products import (
    describe,
    matches,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_catalog import (
    Package,
    StoreCatalog,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import settings_from

pytestmark = pytest.mark.usefixtures("quick_retries")
ACCEPTED = [name for name, text in CATALOG_BEHAVIORS.items() if "must be accepted" in text]
EMPTY = ["no_skus", "online_only", "no_packages", "null_packages", "no_properties"]
REFUSED = ["no_product", "null_product", "other_product", "null_skus"]
NO_CONTENT_ID = ["no_content_id", "empty_content_ids"]


class Catalog:
    """Asks the emulator's catalog with a ready token."""

    def __init__(self, emu: Emulator) -> None:
        self.emu = emu

    def get(
        self, product: Product, market: str = "US", languages: tuple[str, ...] = (), **options: Any
    ) -> list[Package]:
        values = {
            "access_token": self.emu.access_tokens["catalog"],
            "base_url": self.emu.catalog,
            "ca_path": self.emu.ca_path,
            "timeout": 10.0,
            "deadline": 30.0,
            **options,
        }
        client = StoreCatalog(settings_from(values, "store_catalog", {}), NoCache(), market=market)
        try:
            return list(client.get_product(product.product_id, languages).packages)
        finally:
            client.close()

    def offline(self, product: Product) -> list[Package]:
        """The packages of the SKU of offline licenses."""
        return [package for package in self.get(product) if package.sku_id == OFFLINE_SKU]

    def refused(self, product: Product, kind: type[ProvisioningError] = ServiceError, **options: Any) -> Any:
        with pytest.raises(kind) as caught:
            self.get(product, **options)
        assert caught.value.__class__ is kind
        assert caught.value.attempted == f"Could not look up the product {product.product_id} in the Store's catalog"
        assert caught.value.remedy
        assert "eyJ" not in str(caught.value)
        return caught.value

    def fault(self, action: str, **values: Any) -> None:
        self.emu.fault(listener="catalog", action=action, **values)


@pytest.fixture
def catalog(emu: Emulator) -> Catalog:
    return Catalog(emu)


class TestRequest:
    def test_is_the_one_that_the_package_manager_makes(self, catalog: Catalog) -> None:
        product = catalog.emu.product(0)
        catalog.get(product, "DE", ("de-DE", "en-US", "de-DE"))
        (request,) = catalog.emu.requests("catalog")
        assert (request["method"], request["path"]) == ("GET", f"/v7.0/products/{product.product_id}")
        assert parse_qs(request["query"]) == {
            "fieldsTemplate": ["Details"],
            "market": ["DE"],
            "languages": ["de-DE,en-US,neutral"],
            "catalogIds": ["4"],
        }
        assert request["headers"]["accept"] == "application/json"

    def test_without_languages_asks_for_english(self, catalog: Catalog) -> None:
        catalog.get(catalog.emu.product(0))
        assert parse_qs(catalog.emu.requests("catalog")[0]["query"])["languages"] == ["en-US,neutral"]

    def test_goes_to_the_public_host_unless_told_otherwise(self) -> None:
        settings = settings_from({"access_token": "x"}, "store_catalog", {})
        assert settings.base_url == "https://displaycatalog.mp.microsoft.com"
        assert settings.audience == "https://bigcatalog.commerce.microsoft.com"


class TestPackages:
    @pytest.mark.parametrize("index", [0, 1, 2, 3, 4, 5, 7, 17, 27])
    def test_all_are_there_and_never_just_the_first(self, index: int, catalog: Catalog) -> None:
        product = catalog.emu.product(index)
        found = catalog.offline(product)
        sent = catalog.emu.product_packages(index)
        assert [package.package_id for package in found] == [package["PackageId"] for package in sent]
        assert [package.content_id for package in found] == [package["ContentId"] for package in sent]
        assert [list(package.architectures) for package in found] == [package["Architectures"] for package in sent]
        assert [list(package.languages) for package in found] == [package["Languages"] for package in sent]
        assert [package.package_format for package in found] == [package["PackageFormat"] for package in sent]
        assert {package.content_id for package in found if package.content_id} == set(product.content_ids)

    @pytest.mark.parametrize("index", range(6))
    def test_their_family_is_found_wherever_it_stands(self, index: int, catalog: Catalog) -> None:
        """On the package, in what fulfillment needs (an object, or JSON in a text), or in the full name."""
        product = catalog.emu.product(index)
        assert {package.package_family_name for package in catalog.get(product)} == {product.package_family_name}

    def test_of_other_skus_are_told_apart(self, catalog: Catalog) -> None:
        product = catalog.emu.product(1)
        others = [package for package in catalog.get(product) if package.sku_id != OFFLINE_SKU]
        assert {package.sku_id for package in others} == {"0010", "0011"}
        assert {package.content_id for package in others} == {product.online_content_id}

    @pytest.mark.parametrize("behavior", ACCEPTED)
    def test_of_awkward_shapes_are_read(self, behavior: str, catalog: Catalog) -> None:
        product = catalog.emu.special(behavior)
        found = catalog.offline(product)
        assert len(found) == len(offline_packages(product))
        assert {package.content_id.lower() for package in found if package.content_id} == set(product.content_ids)

    def test_with_null_in_place_of_everything_that_is_not_needed(self, catalog: Catalog) -> None:
        (package, *_others) = catalog.offline(catalog.emu.special("null_fields"))
        expected = Package(OFFLINE_SKU, package.package_id, package.content_id, "", "")
        assert package == expected

    @pytest.mark.parametrize("behavior", EMPTY)
    def test_there_may_be_none(self, behavior: str, catalog: Catalog) -> None:
        assert catalog.offline(catalog.emu.special(behavior)) == []

    @pytest.mark.parametrize("behavior", NO_CONTENT_ID)
    def test_may_have_no_content_id(self, behavior: str, catalog: Catalog) -> None:
        found = catalog.offline(catalog.emu.special(behavior))
        assert found
        assert {package.content_id for package in found} == {""}

    def test_every_behavior_of_the_catalog_is_covered(self) -> None:
        covered = {*ACCEPTED, *EMPTY, *REFUSED, *NO_CONTENT_ID, "catalog_unknown", "us_only", "bad_content_id"}
        assert covered == set(CATALOG_BEHAVIORS)

    def test_with_a_byte_order_mark_before_them(self, catalog: Catalog) -> None:
        catalog.emu.settings(catalog_bom=True)
        assert catalog.offline(catalog.emu.product(0))

    @pytest.mark.parametrize(
        "body",
        [
            {"Product": {"DisplaySkuAvailabilities": [None, 5, "x", [], {"Sku": None}, {"Sku": []}]}},
            {"Product": {"DisplaySkuAvailabilities": [{"Sku": {"SkuId": 15, "Properties": {"Packages": {}}}}]}},
            {"product": {"displayskuavailabilities": [{"sku": {"properties": []}}]}},
        ],
        ids=["no SKU", "no list", "lower case"],
    )
    def test_odd_bodies_have_none(self, body: dict[str, Any], catalog: Catalog) -> None:
        catalog.fault("status", status=200, body=body)
        assert catalog.get(catalog.emu.product(0)) == []

    def test_of_odd_values_are_read_as_far_as_possible(self, catalog: Catalog) -> None:
        package = {
            "contentId": "x",
            "packageId": 5,
            "architectures": "x64",
            "languages": ["de-de", None, 7],
            "fulfillmentData": "[" * 100_000,
            "packageFullName": "a_b",
        }
        sku = {"skuId": "0015", "properties": {"packages": [package, None, "text"]}}
        catalog.fault("status", status=200, body={"Product": {"DisplaySkuAvailabilities": [{"Sku": sku}]}})
        first, *others = catalog.get(catalog.emu.product(0))
        assert first == Package("0015", "", "x", "", "", "a_b", languages=("de-de",))
        assert {package.content_id for package in others} == {""}


class TestRefusals:
    @pytest.mark.parametrize("behavior", ["unknown", "catalog_unknown"])
    def test_of_an_unknown_product(self, behavior: str, catalog: Catalog) -> None:
        error = catalog.refused(catalog.emu.special(behavior), NotFoundError)
        assert "there is no such product" in error.cause
        assert "HTTP 404" in error.cause
        assert "Check product_id and market" in error.remedy

    def test_of_a_market(self, catalog: Catalog) -> None:
        product = catalog.emu.special("us_only")
        assert catalog.get(product)
        assert catalog.refused(product, NotFoundError, market="DE").status == 404

    @pytest.mark.parametrize("behavior", REFUSED)
    def test_of_answers_without_the_product(self, behavior: str, catalog: Catalog) -> None:
        error = catalog.refused(catalog.emu.special(behavior))
        assert ("another product" if behavior == "other_product" else "without SKUs in it") in error.cause

    @pytest.mark.parametrize(
        ("fault", "cause"),
        [
            ({"action": "html"}, "with a page instead of JSON"),
            ({"action": "not_an_object"}, "with JSON that is not an object"),
            ({"action": "truncate"}, "with broken JSON"),
            ({"action": "status", "status": 200, "body": None}, "with an empty body"),
            ({"action": "status", "status": 204}, "HTTP 204"),
            ({"action": "status", "status": 400, "body": {"code": "BadRequest"}}, "code BadRequest"),
            ({"action": "status", "status": 418}, "HTTP 418"),
        ],
        ids=str,
    )
    def test_of_answers_that_are_no_use(self, fault: dict[str, Any], cause: str, catalog: Catalog) -> None:
        catalog.fault(**fault)
        assert cause in catalog.refused(catalog.emu.product(0)).cause
        assert catalog.emu.count("catalog") == 1

    @pytest.mark.parametrize("status", [401, 403])
    def test_of_a_token(self, status: int, catalog: Catalog) -> None:
        catalog.fault("status", status=status)
        error = catalog.refused(catalog.emu.product(0))
        assert error.status == status
        assert "the catalog does not accept the token" in error.cause
        assert "Check catalog_audience" in error.remedy

    def test_of_a_token_for_the_licensing_service(self, catalog: Catalog) -> None:
        token = catalog.emu.access_tokens["licensing"]
        assert catalog.refused(catalog.emu.product(0), access_token=token).status == 401

    def test_a_repeated_token_does_not_show(self, catalog: Catalog) -> None:
        token = catalog.emu.access_tokens["catalog"]
        catalog.fault("status", status=400, body={"message": f"Bearer {token}"})
        assert token not in str(catalog.refused(catalog.emu.product(0)))

    def test_a_redirect_is_not_followed(self, catalog: Catalog) -> None:
        catalog.fault("redirect")
        with pytest.raises(ServiceError, match="a redirect to 127"):
            catalog.get(catalog.emu.product(0))
        assert catalog.emu.count("stranger") == 0

    def test_a_product_id_does_not_lead_elsewhere(self, catalog: Catalog) -> None:
        catalog.refused(replace(catalog.emu.product(0), product_id="a/../b?c#d"))
        assert catalog.emu.requests("catalog")[0]["path"] == "/v7.0/products/a%2F..%2Fb%3Fc%23d"


class TestTrouble:
    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_that_stays(self, status: int, catalog: Catalog) -> None:
        catalog.fault("status", status=status)
        error = catalog.refused(catalog.emu.product(0), UnavailableError, max_retries=1)
        assert f"answered HTTP {status}" in error.cause
        assert catalog.emu.count("catalog") == 2

    @pytest.mark.parametrize("fault", [{"action": "reset"}, {"action": "status", "status": 503, "retry_after": 1}])
    def test_that_passes(self, fault: dict[str, Any], catalog: Catalog) -> None:
        catalog.fault(**fault, times=1)
        assert catalog.get(catalog.emu.product(0))

    @pytest.mark.parametrize("fault", ["stall_headers", "stall_body"])
    def test_that_does_not_come_to_an_end(self, fault: str, catalog: Catalog) -> None:
        catalog.fault(fault)
        start = time.monotonic()
        catalog.refused(catalog.emu.product(0), UnavailableError, timeout=0.3, deadline=0.7)
        assert time.monotonic() - start < 3


def package(*architectures: str, languages: tuple[str, ...] = (), family: str = "") -> Package:
    return Package("0015", "", "x", "Msix", family, architectures=architectures, languages=languages)


class TestMatches:
    @pytest.mark.parametrize(
        ("wanted", "architectures", "expected"),
        [
            ("", ("x64",), True),
            ("", (), True),
            ("x64", ("x64",), True),
            ("X64", ("x64",), True),
            ("x64", ("X86", "X64", "arm64"), True),
            ("x64", ("neutral",), True),
            ("x64", ("Neutral", "arm64"), True),
            ("x64", (), True),
            ("x64", ("x86",), False),
            ("x64", ("x86", "arm64"), False),
            ("arm", ("arm64",), False),
            ("x6", ("x64",), False),
        ],
    )
    def test_architecture(self, wanted: str, architectures: tuple[str, ...], expected: bool) -> None:
        assert matches(PackageFilter(architecture=wanted), package(*architectures)) is expected

    @pytest.mark.parametrize(
        ("wanted", "languages", "expected"),
        [
            ("", ("de-de",), True),
            ("de-DE", ("de-de",), True),
            ("de", ("de-de",), True),
            ("de-DE", ("de",), True),
            ("de-DE", ("de-at",), False),
            ("de-DE", (), True),
            ("de-DE", ("Neutral",), True),
            ("de-DE", ("en-us", "fr-fr", "de-DE"), True),
            ("zh-Hans", ("zh-hans-cn",), True),
            ("zh-Hant", ("zh-hans-cn",), False),
            ("d", ("de-de",), False),
            ("de", ("den-ca",), False),
            ("en", ("de-de", "ja-jp"), False),
        ],
    )
    def test_language(self, wanted: str, languages: tuple[str, ...], expected: bool) -> None:
        assert matches(PackageFilter(language=wanted), package("x64", languages=languages)) is expected

    @pytest.mark.parametrize(
        ("wanted", "family", "expected"),
        [
            ("", "Contoso.App_8wekyb3d8bbwe", True),
            ("contoso.app_8WEKYB3D8BBWE", "Contoso.App_8wekyb3d8bbwe", True),
            ("Contoso.App", "Contoso.App_8wekyb3d8bbwe", False),
            ("Contoso.App_8wekyb3d8bbwe", "", False),
        ],
    )
    def test_package_family_name(self, wanted: str, family: str, expected: bool) -> None:
        assert matches(PackageFilter(package_family_name=wanted), package(family=family)) is expected

    def test_all_have_to_fit(self) -> None:
        meant = PackageFilter("x64", "de", "a_b")
        assert matches(meant, package("x64", languages=("de-de",), family="A_b"))
        assert not matches(meant, package("x86", languages=("de-de",), family="a_b"))
        assert not matches(meant, package("x64", languages=("fr-fr",), family="a_b"))
        assert not matches(meant, package("x64", languages=("de-de",), family="b_b"))


class TestDescribe:
    def test_nothing(self) -> None:
        assert describe([]) == "the catalog lists no package"

    def test_says_what_there_is(self) -> None:
        text = describe([package("x86", "x64", languages=("de-de",), family="A_b"), Package(*[""] * 5, (), (), "")])
        assert text == (
            "the catalog lists SKU 0015 Msix (x86, x64; de-de; A_b; content id x); SKU ? package (any architecture; any"
            " language; no family name; content id none)"
        )

    def test_ends(self) -> None:
        many = [package("x64", languages=tuple(f"l{number}" for number in range(100))) for _each in range(100)]
        text = describe(many)
        assert text.endswith(" and 92 more")
        assert len(text) < 1000
