# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from emulator.catalog import CATALOG_BEHAVIORS
from emulator.client import Emulator
from license_services import LicenseService, both_services

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    OptionError,
    ProvisioningError,
    ServiceError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import LicenseKey
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import requests_from
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_source import LicenseSource

pytestmark = pytest.mark.usefixtures("quick_retries")
licensing = pytest.mark.parametrize("service", ["store_licensing"], indirect=True)
FOUND = [name for name, text in CATALOG_BEHAVIORS.items() if "must be accepted" in text]
NOTHING = ["online_only", "no_packages", "null_packages", "no_properties", "no_skus"]
NO_CONTENT_ID = ["no_content_id", "empty_content_ids"]


class Sources:
    """Makes sources of one service, and asks them."""

    def __init__(self, service: LicenseService, options: dict[str, Any]) -> None:
        self.emu = service.emulator
        self.service = service
        self._options = {
            **options,
            "service": service.name,
            "catalog_base_url": self.emu.catalog,
            "format": "xml",
            "max_concurrency": 8,
        }

    def make(self, **changes: Any) -> LicenseSource:
        return LicenseSource({**self._options, **changes}, lambda settings: NoCache())

    def resolve(self, *items: dict[str, Any], **changes: Any) -> list[Any]:
        requests = requests_from(items, content_id_optional=True)
        return list(self.make(**changes).resolve(requests))

    def content_ids(self, product_id: str, **filters: str) -> list[str]:
        """The content ids that are found for a product."""
        (found,) = self.resolve({"product_id": product_id, **filters})
        assert not isinstance(found, ProvisioningError), found
        return [request.key.content_id for request in found]

    def refused(self, item: dict[str, Any], kind: type[ProvisioningError] = ServiceError, **changes: Any) -> Any:
        (found,) = self.resolve(item, **changes)
        assert found.__class__ is kind, found
        assert found.remedy
        return found


@pytest.fixture
def sources(service: LicenseService, options: dict[str, Any]) -> Sources:
    return Sources(service, options)


@both_services
class TestFetch:
    def keys(self, emu: Emulator, count: int) -> list[LicenseKey]:
        return [LicenseKey(**item) for item in emu.licenses(count)]

    def test_licenses_and_failures_in_their_order(self, sources: Sources) -> None:
        one, two = self.keys(sources.emu, 2)
        bad = LicenseKey(**sources.emu.special("not_owned").request())
        outcomes = sources.make().fetch([one, bad, two])
        assert [type(outcome) for outcome in outcomes] == [LicenseDocument, ServiceError, LicenseDocument]

    def test_nothing_needs_no_credential(self, sources: Sources) -> None:
        source = sources.make(**dict.fromkeys(sources.service.sign_in))
        assert source.fetch([]) == []
        assert source.resolve([]) == []

    def test_without_a_credential_all_fail_alike(self, sources: Sources) -> None:
        outcomes = sources.make(**dict.fromkeys(sources.service.sign_in)).fetch(self.keys(sources.emu, 3))
        assert [type(outcome) for outcome in outcomes] == [OptionError] * 3
        assert sources.emu.requests() == []

    def test_a_refused_sign_in_is_the_failure_of_all(self, sources: Sources) -> None:
        outcomes = sources.make(client_secret="wrong").fetch(self.keys(sources.emu, 20))
        assert len(outcomes) == 20
        assert len(set(map(id, outcomes))) == 1
        assert isinstance(outcomes[0], SignInError)
        assert (sources.emu.token_requests(), sources.service.count()) == (1, 0)

    def test_a_bad_concurrency_is_found_at_once(self, sources: Sources) -> None:
        with pytest.raises(OptionError, match="max_concurrency is 0"):
            sources.make(max_concurrency=0)


@licensing
class TestResolve:
    @pytest.mark.parametrize("index", [0, 1, 2, 3, 4, 5])
    def test_packages_that_share_a_content_id_need_one_license(self, index: int, sources: Sources) -> None:
        product = sources.emu.product(index)
        assert sources.content_ids(product.product_id) == [product.content_id]

    @pytest.mark.parametrize("index", [7, 17, 27])
    def test_packages_of_several_content_ids_need_several(self, index: int, sources: Sources) -> None:
        product = sources.emu.product(index)
        assert sources.content_ids(product.product_id) == list(product.content_ids)

    @pytest.mark.parametrize("behavior", FOUND)
    def test_awkward_catalogs(self, behavior: str, sources: Sources) -> None:
        product = sources.emu.special(behavior)
        assert sources.content_ids(product.product_id) == list(product.content_ids)

    def test_filters_choose_among_all(self, sources: Sources) -> None:
        architecture = sources.emu.special("by_architecture")
        language, family = sources.emu.special("by_language"), sources.emu.special("by_family")
        other = family.family(family.content_ids[1])
        for product, filters, expected in (
            (architecture, {"architecture": "x64"}, 0),
            (architecture, {"architecture": "ARM64"}, 1),
            (language, {"language": "de"}, 0),
            (language, {"language": "zh-Hans"}, 1),
            (family, {"package_family_name": family.package_family_name}, 0),
            (family, {"package_family_name": other.upper()}, 1),
        ):
            assert sources.content_ids(product.product_id, **filters) == [product.content_ids[expected]], filters

    def test_the_languages_that_are_meant_are_asked_for(self, sources: Sources) -> None:
        one, two = sources.emu.product(0).product_id, sources.emu.product(1).product_id
        items = [{"product_id": one, "language": "de-DE"}, {"product_id": two, "language": "fr-FR"}]
        sources.resolve(*items, market="DE")
        for request in sources.emu.requests("catalog"):
            assert "market=DE" in request["query"]
            assert "languages=de-DE%2Cfr-FR%2Cneutral" in request["query"]

    def test_other_skus_do_not_count(self, sources: Sources) -> None:
        product = sources.emu.product(1)
        assert product.online_content_id not in sources.content_ids(product.product_id)
        assert sources.content_ids(product.product_id, sku_id="0010") == [product.online_content_id]

    def test_requests_say_where_they_come_from(self, sources: Sources) -> None:
        product = sources.emu.special("by_architecture")
        plain = sources.emu.product(0)
        found = sources.resolve({"product_id": plain.product_id}, {"product_id": product.product_id})
        assert [[request.index for request in requests] for requests in found] == [[0], [1, 1]]
        assert {request.catalog_query for request in found[1]} == {f"{product.product_id.lower()}/0015"}
        names = [f"{product.product_id}_0015_{content_id}_License1.xml" for content_id in product.content_ids]
        assert [request.filename for request in found[1]] == names
        (base64,) = sources.resolve({"product_id": plain.product_id}, format="base64")
        assert base64[0].filename.endswith(".bin")

    def test_a_name_for_a_single_license_is_kept(self, sources: Sources) -> None:
        (found,) = sources.resolve({"product_id": sources.emu.product(0).product_id, "filename": "app.xml"})
        assert [request.filename for request in found] == ["app.xml"]

    def test_a_name_for_several_licenses_is_refused(self, sources: Sources) -> None:
        product = sources.emu.special("by_architecture")
        item = {"product_id": product.product_id, "filename": "app.xml"}
        error = sources.refused(item, OptionError)
        assert "its packages need 2 licenses" in error.cause
        assert all(content_id in error.cause for content_id in product.content_ids)
        assert "Leave filename out" in error.remedy
        (found,) = sources.resolve({**item, "architecture": "arm64"})
        assert [request.filename for request in found] == ["app.xml"]


@licensing
class TestNothingFound:
    @pytest.mark.parametrize("behavior", NOTHING)
    def test_no_package(self, behavior: str, sources: Sources) -> None:
        product = sources.emu.special(behavior)
        error = sources.refused({"product_id": product.product_id})
        assert error.attempted == f"Could not find the content id of {product.product_id}/0015"
        assert "no package of it matches" in error.cause
        assert ("the catalog lists no package" in error.cause) is (behavior == "no_skus")

    @pytest.mark.parametrize("behavior", NO_CONTENT_ID)
    def test_no_content_id(self, behavior: str, sources: Sources) -> None:
        error = sources.refused({"product_id": sources.emu.special(behavior).product_id})
        assert "content id none" in error.cause

    @pytest.mark.parametrize(
        "filters", [{"architecture": "mips"}, {"language": "tlh"}, {"package_family_name": "A_b"}, {"sku_id": "0042"}]
    )
    def test_what_the_catalog_holds_is_told(self, filters: dict[str, str], sources: Sources) -> None:
        product = sources.emu.special("by_architecture")
        error = sources.refused({"product_id": product.product_id, **filters})
        for content_id in (*product.content_ids, product.online_content_id):
            assert content_id in error.cause
        for text in ("SKU 0015 Msix (x86; en-us, de-de, fr-fr;", "arm64", product.package_family_name):
            assert text in error.cause
        (name, value) = next(iter(filters.items()))
        assert (value.lower() if name == "sku_id" else f"{name}={value.lower()}") in error.cause
        assert error.remedy == "Check sku_id, architecture, language and package_family_name, or set content_id"

    @pytest.mark.parametrize("content_id", ["../x", "x", "2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11/../../x", "..", "a\nb"])
    def test_a_content_id_that_leads_elsewhere(self, content_id: str, sources: Sources) -> None:
        package = {"ContentId": content_id, "PackageFormat": "Msix"}
        sku = {"SkuId": "0015", "Properties": {"Packages": [package]}}
        body = {"Product": {"DisplaySkuAvailabilities": [{"Sku": sku}]}}
        sources.emu.fault(listener="catalog", action="status", status=200, body=body)
        error = sources.refused({"product_id": sources.emu.product(0).product_id})
        assert "the catalog lists what cannot be used: content_id is not a GUID" in error.cause
        assert str(error).isprintable()

    def test_bad_content_ids(self, sources: Sources) -> None:
        error = sources.refused({"product_id": sources.emu.special("bad_content_id").product_id})
        assert "content_id is not a GUID" in error.cause

    def test_an_unknown_product_fails_alone(self, sources: Sources) -> None:
        good, bad = sources.emu.product(0), sources.emu.special("catalog_unknown")
        found = sources.resolve({"product_id": bad.product_id}, {"product_id": good.product_id})
        assert isinstance(found[0], NotFoundError)
        assert [request.key.content_id for request in found[1]] == [good.content_id]


@licensing
class TestSignIn:
    @property
    def ready(self) -> dict[str, None]:
        """Options without the usual credential."""
        return dict.fromkeys(("client_secret", "refresh_token"))

    def test_a_ready_token_needs_one_for_the_catalog(self, sources: Sources) -> None:
        emu = sources.emu
        item = {"product_id": emu.product(0).product_id}
        error = sources.refused(item, OptionError, **self.ready, access_token=emu.access_tokens["licensing"])
        assert "access_token is for the licensing service alone" in error.cause
        assert "Set catalog_access_token (environment MSDEVICES_CATALOG_ACCESS_TOKEN)" in error.remedy
        assert emu.requests() == []
        tokens = {"access_token": emu.access_tokens["licensing"], "catalog_access_token": emu.access_tokens["catalog"]}
        (found,) = sources.resolve(item, **self.ready, **tokens)
        assert found[0].key.content_id == emu.product(0).content_id
        assert emu.token_requests() == 0

    def test_the_two_tokens_go_to_their_services(self, sources: Sources) -> None:
        emu = sources.emu
        item = {"product_id": emu.product(0).product_id}
        swapped = {"catalog_access_token": emu.access_tokens["licensing"], "access_token": emu.access_tokens["catalog"]}
        assert sources.refused(item, **self.ready, **swapped).status == 401
        assert emu.count("licensing") == 0

    def test_a_token_for_the_catalog_goes_with_every_sign_in(self, sources: Sources) -> None:
        """Of the two, the catalog's is the one that is meant for it."""
        emu = sources.emu
        item = {"product_id": emu.product(0).product_id}
        for others in ({}, {"refresh_token": None}, {"auth_method": "refresh_token"}):
            (found,) = sources.resolve(item, catalog_access_token=emu.access_tokens["catalog"], **others)
            assert not isinstance(found, ProvisioningError), found
        assert emu.token_requests() == 0

    def test_one_refresh_token_serves_both_services(self, sources: Sources) -> None:
        (found,) = sources.resolve({"product_id": sources.emu.product(0).product_id})
        assert isinstance(sources.make().fetch([found[0].key])[0], LicenseDocument)
        notes = [request["note"] for request in sources.emu.requests("entra", "/token", "POST")]
        assert set(notes) == {"refresh_token/client_secret"}

    def test_one_that_serves_once_does_so_from_its_file(self, sources: Sources, tmp_path: Any) -> None:
        sources.emu.settings(refresh_token_uses=1)
        kept = {"refresh_token_file": str(tmp_path / "token")}
        (found,) = sources.resolve({"product_id": sources.emu.product(0).product_id}, **kept)
        assert isinstance(sources.make(**kept).fetch([found[0].key])[0], LicenseDocument)

    def test_an_application_may_read_the_catalog(self, sources: Sources) -> None:
        (found,) = sources.resolve({"product_id": sources.emu.product(0).product_id}, refresh_token=None)
        assert found[0].key.content_id == sources.emu.product(0).content_id

    def test_that_is_refused_is_the_failure_of_all(self, sources: Sources) -> None:
        items = [{"product_id": sources.emu.product(index).product_id} for index in range(5)]
        outcomes = sources.resolve(*items, client_secret="wrong")
        assert [type(outcome) for outcome in outcomes] == [SignInError] * 5
        assert (sources.emu.token_requests(), sources.emu.count("catalog")) == (1, 0)

    @pytest.mark.parametrize(
        ("changes", "cause"),
        [
            ({"market": "Germany"}, "market is 'Germany'"),
            ({"catalog_base_url": "http://localhost"}, "only go over https"),
            ({"catalog_audience": " x"}, "white space"),
        ],
        ids=str,
    )
    def test_bad_options_cost_no_request(self, changes: dict[str, Any], cause: str, sources: Sources) -> None:
        error = sources.refused({"product_id": sources.emu.product(0).product_id}, OptionError, **changes)
        assert cause in error.cause
        assert sources.emu.requests() == []

    def test_another_audience_for_the_catalog(self, sources: Sources) -> None:
        item = {"product_id": sources.emu.product(0).product_id}
        assert sources.refused(item, catalog_audience=sources.emu.licensing_audience).status == 401
        assert sources.refused(item, SignInError, catalog_audience="https://nothing.example")
