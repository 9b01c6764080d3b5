# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Calls of the catalog and of the delivery service: so many at once, each once in a run, and none of a service that is
down."""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import asdict, replace

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    NotFoundError,
    ProvisioningError,
    error_from,
    to_entry,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import Version, parse_full_name
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache, Entry
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.circuit_breaker import CircuitBreaker
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_products import product_from
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.threads import ThreadPool
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_catalog import (
    CatalogProduct,
    ConsumerCatalog,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_delivery import (
    DeliveryFile,
    Release,
    ReleaseId,
    StoreDelivery,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    check_max_concurrency,
    settings_from,
)

_Result = t.TypeVar("_Result")


class PackageServices:
    """Both services for one task. What many apps want is asked for once; forks share it by the run cache."""

    def __init__(self, options: Mapping[str, t.Any], open_cache: Callable[[Settings], Cache]) -> None:
        """Take the options of the task. Raises OptionError."""
        catalog_options = {**options, "base_url": options.get("catalog_base_url")}
        self.settings = settings_from(options, "store_delivery")
        self._catalog_settings = settings_from(catalog_options, "store_consumer_catalog")
        self._cache = open_cache(self.settings)
        self._concurrency = check_max_concurrency(options["max_concurrency"])
        self.pool = ThreadPool(self._concurrency)
        self._lock = threading.Lock()
        self._asked: dict[str, Future[t.Any]] = {}
        self._breakers = {"catalog": CircuitBreaker(), "delivery service": CircuitBreaker()}
        self._catalogs: dict[str, ConsumerCatalog] = {}
        self._delivery: StoreDelivery | None = None

    def close(self) -> None:
        """Close the connections; what has not begun is not begun any more."""
        self.pool.close()
        for catalog in self._catalogs.values():
            catalog.close()
        if self._delivery is not None:
            self._delivery.close()

    def product(self, product_id: str, market: str) -> Future[CatalogProduct]:
        """Ask the catalog for a product, of which NotFoundError says that there is none."""

        def create() -> Entry:
            return {"item": asdict(self._catalog(market).get_product(product_id))}

        return self._ask("catalog", f"{market} {product_id}", create, lambda entry: product_from(entry["item"]))

    def release(self, category: str) -> Future[Release]:
        """Ask for the newest version of a category."""

        def create() -> Entry:
            return asdict(self._open_delivery().select(category))

        def parse(entry: Entry) -> Release:
            return Release(ReleaseId(**entry["id"]), tuple(ReleaseId(**one) for one in entry["prerequisites"]))

        return self._ask("delivery service", f"select {category}", create, parse)

    def files(self, release: ReleaseId, anew: bool = False) -> Future[list[DeliveryFile]]:
        """Ask for the files of a version; `anew` for URLs that are not known yet."""

        def create() -> Entry:
            return {"files": [_packed(one) for one in self._open_delivery().get_files(release)]}

        def parse(entry: Entry) -> list[DeliveryFile]:
            return [_unpacked(one) for one in entry["files"]]

        return self._ask("delivery service", f"files {release.category} {release.version}", create, parse, anew)

    def files_now(self, release: ReleaseId) -> list[DeliveryFile]:
        """Ask for new URLs, in the caller's thread. Raises what StoreDelivery.get_files raises."""
        return self._open_delivery().get_files(release)

    def _catalog(self, market: str) -> ConsumerCatalog:
        with self._lock:
            if market not in self._catalogs:
                catalog = ConsumerCatalog(self._catalog_settings, self._cache, self._concurrency, market)
                self._catalogs[market] = catalog
            return self._catalogs[market]

    def _open_delivery(self) -> StoreDelivery:
        with self._lock:
            if self._delivery is None:
                self._delivery = StoreDelivery(self.settings, self._cache, self._concurrency)
            return self._delivery

    def _ask(
        self,
        service: str,
        key: str,
        create: Callable[[], Entry],
        parse: Callable[[Entry], _Result],
        anew: bool = False,
    ) -> Future[_Result]:
        settings = self._catalog_settings if service == "catalog" else self.settings
        cache_key = f"{service} {settings.fingerprint} {key}"
        with self._lock:
            if anew or cache_key not in self._asked:
                self._asked[cache_key] = self.pool.submit(lambda: self._call(service, cache_key, create, parse))
            return self._asked[cache_key]

    def _call(
        self, service: str, cache_key: str, create: Callable[[], Entry], parse: Callable[[Entry], _Result]
    ) -> _Result:
        breaker = self._breakers[service]
        refusal = breaker.refusal()
        if refusal is not None:
            raise refusal
        before = breaker.responses
        try:
            entry = self._cache.get_or_create(cache_key, lambda: _kept(create))
            result = error_from(entry) if "error" in entry else parse(entry)
        except ProvisioningError as exc:
            result = exc
        breaker.record(result, before)
        if isinstance(result, ProvisioningError):
            raise result
        return result


def _kept(create: Callable[[], Entry]) -> Entry:
    try:
        return create()
    except NotFoundError as exc:
        # The one error that does not change within a run.
        return to_entry(exc)


def _packed(file: DeliveryFile) -> Entry:
    return asdict(replace(file, moniker=None)) | {"moniker": str(file.moniker) if file.moniker else ""}


def _unpacked(entry: Entry) -> DeliveryFile:
    return DeliveryFile(
        **{
            **entry,
            "moniker": parse_full_name(entry["moniker"]) if entry["moniker"] else None,
            "architectures": tuple(entry["architectures"]),
            "platforms": tuple((name, Version(*least)) for name, least in entry["platforms"]),
        }
    )
