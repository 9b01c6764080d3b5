# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostile values in requests and in answers. The real clients ask a server that keeps what came over the wire."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import strategies as st
from unit.support import License

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import Market
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import same_id
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import (
    LicenseKey,
    PackageFilter,
    key_problem,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    LicenseRequest,
    catalog_query,
    filename_problem,
    requests_from,
    requests_from_terms,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import RunCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_offers import OfferFinder
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_products import describe
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_list import license_items
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_source import LicenseSource
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.offers import (
    PartnerOffers,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_catalog import (
    StoreCatalog,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.table import open_client
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    settings_from,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.entra_errors import (
    describe_token_error,
    remedy_for,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.openid_configuration import (
    fetch_openid_configuration,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.token_source import TokenSource

from . import hostile
from .hostile import Explorer, documents, near, texts, values
from .record import Record
from .recorder import Recorder, answer
from .table import row
from .table.values import ANYWHERE

pytestmark = pytest.mark.quick

_BASE = "/a/root"
_LICENSE = License()
_KEY = LicenseKey(_LICENSE.product_id, _LICENSE.sku_id, _LICENSE.content_id)
_SECRET = "canary~of-a-client-secret"
_TENANT = "11111111-2222-4333-8444-555555555555"
_MARKET = Market("US", "en-US")
#: Every header that a request of ours may have.
_HEADERS = {
    *("host", "user-agent", "accept", "accept-encoding", "connection", "authorization", "content-length"),
    *("content-type", "from", "x-locale", "ms-requestid", "ms-correlationid", "ms-contract-version"),
    *("ms-partnercenter-application",),
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no bundle of the user's."""
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.upper() in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Recorder]:
    """The server that is asked."""
    recorder = Recorder(tmp_path)
    yield recorder
    recorder.close()


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Recorder]:
    """One that nobody may ask."""
    directory = tmp_path / "stranger"
    directory.mkdir()
    recorder = Recorder(directory)
    yield recorder
    recorder.close()
    assert recorder.heads == []


@pytest.fixture
def explorer(request: pytest.FixtureRequest, record: Record) -> Explorer:
    """Runs properties; the test is a row of the table, or some of one."""
    return Explorer(request, record, _SECRET)


def tried(record: Record, name: str) -> None:
    """Note that a row was tried: what does not hold fails the test before."""
    for caller in row(name).callers:
        record.tried(row(name), caller, ANYWHERE, [])


def _settings(server: Recorder, service: str, **options: Any) -> Settings:
    base = {
        "access_token": "a-token",
        "base_url": server.url + _BASE,
        "ca_path": server.ca_path,
        "timeout": 5.0,
        "deadline": 5.0,
        "max_retries": 0,
    }
    return settings_from({**base, **options}, service, {})


def _check_requests(server: Recorder, shape: str) -> None:
    """Each request has exactly this path below the base, for a server that decodes it, too, and nothing was smuggled
    into its headers."""
    for target, head in zip(server.targets, server.heads, strict=True):
        path, _question, query = target.partition("?")
        assert re.fullmatch(re.escape(_BASE) + shape, path), path
        assert all(unquote(segment) not in ("", ".", "..") for segment in path.split("/")[1:]), path
        assert not re.search(r"[^!-~]|#", path + query), target
        names = [line.partition(b":")[0].decode().lower() for line in head.split(b"\r\n")[1:]]
        assert set(names) <= _HEADERS
        assert len(names) == len(set(names))
    server.forget()


def test_license_ids(server: Recorder, explorer: Explorer, record: Record) -> None:
    """Whatever stands for an id reaches the client: what options refuse is tried here all the same."""
    server.answer = answer({"code": "ProductNotFound"}, 404)
    store = open_client(_settings(server, "store_for_business"), NoCache(), 1)
    licensing = open_client(_settings(server, "store_licensing"), NoCache(), 1)

    def ids(product: str, sku: str, content: str) -> None:
        try:
            store.get_offline_license(LicenseKey(product, sku, content))
        finally:
            _check_requests(server, "/V1/Products/[^/]+/[^/]+/OfflineLicense/[^/]+")

    def content_id(content: str) -> None:
        try:
            licensing.get_offline_license(LicenseKey("9WZDNCRFJ3PS", "0015", content))
        finally:
            _check_requests(server, "/v9.0/licenses/offlineContent")

    def product(product: str, market: str, language: str) -> None:
        catalog = StoreCatalog(_settings(server, "store_catalog"), NoCache(), market=market)
        try:
            catalog.get_product(product, [language])
        finally:
            catalog.close()
            _check_requests(server, "/v7.0/products/[^/]+")

    explorer.run(1300, ids, product=texts, sku=st.just("0015") | texts, content=texts)
    explorer.run(300, content_id, content=texts)
    explorer.run(300, product, product=texts, market=st.just("US") | texts, language=texts)
    store.close()
    licensing.close()
    tried(record, "values-license-ids")


def test_offer_ids(server: Recorder, explorer: Explorer, record: Record) -> None:
    server.answer = answer({"items": []})
    client = PartnerOffers(_settings(server, "partner_center"), NoCache(), market=_MARKET)

    def offer(offer_id: str) -> None:
        try:
            client.get_offer(offer_id)
        finally:
            _check_requests(server, "/v1/offers/[^/]+")

    def lists(which: str, value: str) -> None:
        try:
            getattr(client, which)(value)
        finally:
            _check_requests(server, "/v1/(offers(/[^/]+/addons)?|customers/[^/]+/offers)")

    def locale(country: str, locale: str) -> None:
        other = PartnerOffers(_settings(server, "partner_center"), NoCache(), market=Market(country, locale))
        try:
            other.list_categories()
        finally:
            other.close()
            _check_requests(server, "/v1/offercategories")

    explorer.run(800, offer, offer_id=texts)
    explorer.run(600, lists, which=st.sampled_from(["list_addons", "list_offers", "list_customer_offers"]), value=texts)
    explorer.run(200, locale, country=texts, locale=texts)
    client.close()
    tried(record, "values-offer-ids")


def test_links(server: Recorder, stranger: Recorder, explorer: Explorer, record: Record) -> None:
    """A link to the next page leads nowhere but below the service's root, and takes no token to a stranger."""
    client = PartnerOffers(_settings(server, "partner_center"), NoCache(), market=_MARKET)
    starts = ["", "/", "/v1/", "offers?", server.url, server.url + _BASE + "/v1/", stranger.url, "//" + stranger.host]
    starts += [f"{server.url}@{stranger.host}/", f"https:{stranger.host}", f"/\\{stranger.host}", _BASE + "/.."]

    def link(start: str, rest: str, extra: Any) -> None:
        page = {"items": [{"id": "a"}], "links": {"next": {"uri": start + rest, "headers": extra}}}
        server.answer = answer(page)
        try:
            client.list_offers()
        finally:
            _check_requests(server, "/v1/.+")

    explorer.run(700, link, start=st.sampled_from(starts), rest=texts, extra=values)
    client.close()
    tried(record, "values-links")


def test_options(server: Recorder, explorer: Explorer, record: Record) -> None:
    """What the options accept makes requests below the base URL that was given, and nowhere else."""
    server.answer = answer({"code": "ProductNotFound"}, 404)
    names = ("tenant_id", "client_id", "client_secret", "access_token", "refresh_token", "audience", "cloud")
    names += ("authority", "base_url", "auth_method", "ca_path", "client_certificate_path", "federated_token_file")

    def accepted(options: dict[str, str], service: str) -> None:
        settings = settings_from(options, service, {})
        assert len(settings.fingerprint) == 64
        for url in (settings.base_url, settings.authority):
            assert re.match(r"https://[^/@\\\s]+", url)

    def token(token: str) -> None:
        client = open_client(_settings(server, "store_for_business", access_token=token), NoCache(), 1)
        try:
            client.get_offline_license(_KEY)
        finally:
            client.close()
            _check_requests(server, "/V1/Products/[^/]+/[^/]+/OfflineLicense/[^/]+")

    def base_url(rest: str) -> None:
        settings = _settings(server, "store_for_business", base_url=server.url + rest)
        client = open_client(settings, NoCache(), 1)
        try:
            client.get_offline_license(_KEY)
        finally:
            client.close()
            assert all(
                target.endswith("/V1/Products/" + str(_KEY).replace("/0015/", "/0015/OfflineLicense/"))
                for target in server.targets
            )
            server.forget()

    explorer.run(
        700,
        accepted,
        options=st.dictionaries(st.sampled_from(names), texts, max_size=5).map(
            lambda drawn: {"tenant_id": _TENANT, "client_id": _TENANT, "client_secret": "x", **drawn}
        ),
        service=st.sampled_from(["store_for_business", "store_licensing", "store_catalog", "partner_center"]),
    )
    explorer.run(300, token, token=texts)
    explorer.run(200, base_url, rest=texts)
    tried(record, "values-options")


def test_terms(explorer: Explorer, record: Record) -> None:
    """Lists of licenses as people type them, and terms of the lookup."""
    pieces = ["/", "\n", "- ", "9WZDNCRFJ3PS", "0015", _LICENSE.content_id, "{", "[", "&a ", "*a"]
    parts = st.lists(st.one_of(texts, st.sampled_from(pieces)), max_size=8).map("".join)
    deep = st.sampled_from(["[" * 600, "- " * 600, "{a: " * 600])

    def text(text: str) -> None:
        found = license_items(text)
        items = [item for item in found if isinstance(item, Mapping)]
        for request in requests_from(items, "xml", True, "US"):
            assert not key_problem(request.key, True)
            assert not request.filename or not filename_problem(request.filename)

    def term(term: str, by_product: bool) -> None:
        for request in requests_from_terms([term], by_product, PackageFilter()):
            assert not key_problem(request.key, by_product)

    explorer.run(900, text, text=st.one_of(parts, parts, parts, deep))
    explorer.run(500, term, term=parts, by_product=st.booleans())
    tried(record, "values-terms")


def test_license_answers(server: Recorder, explorer: Explorer, record: Record) -> None:
    """A license that is returned is the one that was asked for, whatever else the answer says."""
    other = License(product_id="9WZDNCRFHVFW", content_id="0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77")
    store = open_client(_settings(server, "store_for_business"), NoCache(), 1)
    licensing = open_client(_settings(server, "store_licensing"), NoCache(), 1)
    shape = {
        "productKey": {"productId": _LICENSE.product_id, "skuId": "0015"},
        "licenseBlob": _LICENSE.blob,
        "licenseInstanceId": _LICENSE.instance_id,
        "requestorId": "x",
        "contentId": _LICENSE.content_id,
    }
    shape_of_successor = {"license": {"keys": [{"value": _LICENSE.blob}, {"value": other.blob}]}}

    def taken(client: Any, body: bytes) -> None:
        server.answer = answer(body)
        document = client.get_offline_license(_KEY)
        assert same_id(document.product_id, _KEY.product_id)
        assert same_id(document.content_id, _KEY.content_id)
        assert document.data == _LICENSE.xml

    def of_store(body: Any) -> None:
        taken(store, body if isinstance(body, bytes) else hostile.json_bytes(body))

    def of_licensing(body: Any) -> None:
        taken(licensing, body if isinstance(body, bytes) else hostile.json_bytes(body))

    replaced = near(shape).map(lambda body: {**body, "licenseBlob": other.blob})
    explorer.run(800, of_store, body=st.one_of(near(shape), near(shape), replaced, documents))
    explorer.run(800, of_licensing, body=st.one_of(near(shape_of_successor), near(shape_of_successor), documents))
    store.close()
    licensing.close()
    tried(record, "values-license-answers")


def test_catalog_answers(server: Recorder, explorer: Explorer, record: Record) -> None:
    """What the catalog lists becomes ids and file names only when they are such."""
    package = {
        "PackageId": "p",
        "ContentId": _LICENSE.content_id,
        "PackageFormat": "Appx",
        "PackageFamilyName": "contoso.app_8wekyb3d8bbwe",
        "Architectures": ["x64"],
        "Languages": ["en-us"],
        "FulfillmentData": '{"wuCategoryId": "w"}',
        "PackageFullName": "contoso.app_1.0_x64__8wekyb3d8bbwe",
    }
    sku = {"Sku": {"SkuId": "0015", "Properties": {"Packages": [package]}}}
    shape = {"Product": {"ProductId": _LICENSE.product_id, "DisplaySkuAvailabilities": [sku]}}
    options = {
        "service": "store_licensing",
        "access_token": "a-token",
        "catalog_access_token": "a-token",
        "catalog_base_url": server.url + _BASE,
        "ca_path": server.ca_path,
        "timeout": 5.0,
        "deadline": 5.0,
        "max_retries": 0,
        "max_concurrency": 2,
        "format": "xml",
        "market": "US",
    }
    source = LicenseSource(options, lambda settings: NoCache())
    key = LicenseKey(_KEY.product_id, _KEY.sku_id, "")
    catalog = StoreCatalog(_settings(server, "store_catalog"), NoCache())

    def packages(body: Any) -> None:
        server.answer = answer(body if isinstance(body, bytes) else hostile.json_bytes(body))
        shown = describe(catalog.get_product(key.product_id).packages)
        assert shown.isprintable()
        assert len(shown) < 4000

    def resolved(body: Any, filters: tuple[str, str, str], filename: str) -> None:
        server.answer = answer(hostile.json_bytes(body))
        meant = PackageFilter(*filters)
        request = LicenseRequest(key, "", packages=meant, catalog_query=catalog_query(key, meant))
        (found,) = source.resolve([request])
        if isinstance(found, ProvisioningError):
            raise found
        for one in found:
            assert not key_problem(one.key)
            assert not filename_problem(one.filename)

    explorer.run(600, packages, body=st.one_of(near(shape), near(shape), documents))
    explorer.run(400, resolved, body=near(shape), filters=st.tuples(*[st.just("") | texts] * 3), filename=texts)
    catalog.close()
    tried(record, "values-catalog-answers")


def test_partner_answers(server: Recorder, tmp_path: Path, explorer: Explorer, record: Record) -> None:
    """Offers are passed on as they come, through the run cache too; what is none is refused."""
    (tmp_path / "cache").mkdir()
    settings = _settings(server, "partner_center")
    offer = {"id": "offer", "name": "an offer", "hasAddOns": True, "country": "US", "links": {"self": {"uri": "/x"}}}
    page = {"totalCount": 1, "items": [offer], "links": {"next": {"uri": ""}}, "attributes": {"objectType": "x"}}
    runs = 0

    def finder() -> OfferFinder:
        nonlocal runs
        runs += 1
        directory = tmp_path / "cache" / str(runs)
        directory.mkdir()
        return OfferFinder(settings, lambda settings: RunCache(str(directory), 1.0), _MARKET, 1)

    def one(body: Any) -> None:
        server.answer = answer(body if isinstance(body, bytes) else hostile.json_bytes(body))
        found = finder().get_offers(["offer"], {})
        assert [str(item["id"]).lower() for item in found] in ([], ["offer"])

    def several(body: Any, addons: Any) -> None:
        server.answer = answer(body if isinstance(body, bytes) else hostile.json_bytes(body))
        server.answers = {"/addons": answer(hostile.json_bytes(addons))}
        try:
            using = finder()
            using.get_addons(using.list_offers("offers", lambda client: client.list_offers()))
        finally:
            server.answers = {}
            _check_requests(server, "/v1/.+")

    explorer.run(500, one, body=st.one_of(near(offer), near(offer), documents))
    explorer.run(400, several, body=st.one_of(near(page), near(page), documents), addons=near(page))
    tried(record, "values-partner-answers")


def test_headers(server: Recorder, explorer: Explorer, record: Record) -> None:
    """Answers of any status, with any header, whose body is what it is."""
    store = open_client(_settings(server, "store_for_business"), NoCache(), 1)
    partner = PartnerOffers(_settings(server, "partner_center"), NoCache(), market=_MARKET)
    names = ["Retry-After", "Location", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding"]
    names += ["MS-RequestId", "MS-CorrelationId", "WWW-Authenticate", "Set-Cookie", "Connection", "Date"]
    known = [b"0", b"-1", b"9" * 400, b"9" * 5000, b"\xb2", b"nan", b"Fri, 31 Dec 9999 23:59:59 GMT", b"gzip", b"br"]
    known += [
        b"chunked",
        b"deflate",
        b"zstd",
        b"//h",
        b"https://[",
        b"http://h:99999/",
        b"Thu, 01 Jan 0 00:00 -9999",
    ]
    single = st.one_of(st.sampled_from(known), texts.map(lambda text: text.encode("utf-8", "replace")))
    clean = single.map(lambda value: re.sub(rb"[\r\n\0]", b"", value))
    # What is reckoned with is tried on its own, too.
    single_header = st.tuples(st.sampled_from(names[:6]), st.sampled_from(known)).map(lambda drawn: dict([drawn]))
    fault = {"code": 800002, "description": "d", "data": ["x"], "source": "s", "error": {"code": "c", "message": "m"}}

    def ask(status: int, headers: dict[str, bytes], body: Any, of_partner: bool) -> None:
        server.answer = answer(body if isinstance(body, bytes) else hostile.json_bytes(body), status, headers)
        if of_partner:
            partner.get_offer("offer")
        else:
            store.get_offline_license(_KEY)

    server.close_after = True
    explorer.run(
        1000,
        ask,
        status=st.sampled_from([200, 200, 201, 204, 301, 308, 400, 401, 403, 404, 408, 409, 410, 429, 500, 503, 599]),
        headers=st.one_of(st.dictionaries(st.sampled_from(names), clean, max_size=3), single_header),
        body=st.one_of(near(fault), documents),
        of_partner=st.booleans(),
    )
    store.close()
    partner.close()
    tried(record, "values-headers")


def test_sign_in(server: Recorder, stranger: Recorder, explorer: Explorer, record: Record) -> None:
    """Tokens, refusals and discovery documents of any kind; no credential goes to another host."""
    options = {"access_token": None, "tenant_id": _TENANT, "client_id": _TENANT, "client_secret": _SECRET}
    settings = _settings(server, "store_for_business", authority=server.url, **options)
    token_path = f"{server.url}/{_TENANT}/oauth2/v2.0/token"
    discovery = {
        "issuer": f"{server.url}/{_TENANT}/v2.0",
        "token_endpoint": token_path,
        "authorization_endpoint": f"{server.url}/{_TENANT}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": token_path,
        "tenant_region_scope": "EU",
    }
    tokens = {
        "token_type": "Bearer",
        "access_token": "issued-token",
        "expires_in": 3600,
        "ext_expires_in": 3600,
        "refresh_token": "r",
        "id_token": "x.y.z",
        "scope": "s",
    }
    refusal = {
        "error": "invalid_client",
        "error_description": f"AADSTS7000215: Invalid client secret {_SECRET}.\r\nTrace ID: x",
        "error_codes": [7000215],
        "correlation_id": "c",
        "claims": "{}",
    }
    hosts = [stranger.url, f"https://{stranger.host}@{server.host}", f"{server.url}@{stranger.host}", "https://["]
    near_urls = texts.map(lambda text: server.url + text)
    urls = st.one_of(st.sampled_from([token_path, server.url + "/token", *hosts]), near_urls)

    def token(status: int, body: Any) -> None:
        server.answers = {
            "openid-configuration": answer(discovery),
            "/token": answer(body if isinstance(body, bytes) else hostile.json_bytes(body), status),
        }
        assert isinstance(TokenSource(settings, NoCache()).token(), str)

    def document(body: Any, endpoint: str, issuer: str, status: int) -> None:
        if isinstance(body, dict):
            body = {**body, **({"token_endpoint": endpoint} if endpoint else {})}
            body = {**body, **({"issuer": issuer} if issuer else {})}
        data = body if isinstance(body, bytes) else hostile.json_bytes(body)
        server.answers = {"openid-configuration": answer(data, status), "/token": answer(tokens)}
        for attempt in (lambda: fetch_openid_configuration(settings), lambda: TokenSource(settings, NoCache()).token()):
            try:
                attempt()
            except ProvisioningError as exc:
                hostile.check_message(exc, _SECRET)

    def said(body: dict[str, Any]) -> None:
        text = describe_token_error(body, (_SECRET,))
        assert _SECRET not in text
        assert text.isprintable()
        assert remedy_for(text)

    explorer.run(
        250,
        token,
        status=st.sampled_from([200, 200, 200, 400, 401, 404, 500]),
        body=st.one_of(near(tokens), near(tokens), near(refusal), documents),
    )
    explorer.run(
        120,
        document,
        body=st.one_of(near(discovery), near(discovery), documents),
        endpoint=st.just("") | urls,
        issuer=st.just("") | urls,
        status=st.sampled_from([200, 200, 404]),
    )
    explorer.run(600, said, body=near(refusal))
    tried(record, "values-sign-in")
