# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of Partner Center share: options for the emulator, calls, and checks that hold for every error."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from emulator.client import Emulator

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.market import Market
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import (
    Cache,
    Entry,
    NoCache,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_offers import (
    find_categories,
    find_offers,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.offers import (
    PartnerOffers,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import settings_from

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UNKNOWN = "00000000-0000-4000-8000-000000000000"
"""A well-formed id that no offer has; the emulator answers 404 with code 1000."""
UNKNOWN_EMPTY = "80000000-0000-4000-8000-000000000000"
"""Another one: 404 with an empty body."""
UNKNOWN_400 = "C0000000-0000-4000-8000-000000000000"
"""Another one: 400 with code 800004."""


class MemoryCache:
    """A run cache for one process."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._lock = threading.RLock()

    def find(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def get_or_create(
        self, key: str, create: Callable[[], Entry], usable: Callable[[Entry], bool] | None = None
    ) -> Entry:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or not (usable is None or usable(entry)):
                entry = self._entries[key] = create()
            return entry


@dataclass
class Partner:
    """Asks Partner Center of one of the emulator's clouds, with a ready token unless told otherwise."""

    emu: Emulator
    cloud: str = "public"
    cache: Cache = field(default_factory=NoCache)
    warnings: list[str] = field(default_factory=list)

    @property
    def listener(self) -> str:
        return f"partner_{self.cloud}"

    @property
    def base_url(self) -> str:
        return str(self.emu.clouds[self.cloud]["base_url"])

    def options(self, **changes: Any) -> dict[str, Any]:
        """Options with which a request succeeds; changes of C(None) take one out."""
        values = {
            "access_token": self.emu.clouds[self.cloud]["access_token"],
            "base_url": self.base_url,
            "cloud": self.cloud,
            "ca_path": self.emu.ca_path,
            "country": "US",
            "timeout": 10.0,
            "deadline": 30.0,
            **changes,
        }
        return {name: value for name, value in values.items() if value is not None}

    def signed_in(self, **changes: Any) -> dict[str, Any]:
        """Options that sign in with the client secret, or as the changes say."""
        emu = self.emu
        ids = {"tenant_id": emu.tenant_id, "client_id": emu.client_id, "client_secret": emu.client_secret}
        authority = emu.clouds[self.cloud]["authority"]
        return self.options(**{"access_token": None, **ids, "authority": authority, **changes})

    @contextmanager
    def client(self, country: str = "US", locale: str = "en-US", **changes: Any) -> Iterator[PartnerOffers]:
        """A client of the service."""
        settings = settings_from(self.options(**changes), "partner_center", {})
        client = PartnerOffers(settings, self.cache, market=Market(country, locale))
        try:
            yield client
        finally:
            client.close()

    def find(self, *offer_ids: str, **options: Any) -> SimpleNamespace:
        """What partner_offer_info would find for these ids (none: the whole market)."""
        if offer_ids:
            options["offer_id"] = list(offer_ids)
        given = options if "tenant_id" in options else self.options(**options)
        return SimpleNamespace(**find_offers(given, lambda settings: self.cache, self.warnings.append))

    def categories(self, **options: Any) -> list[dict[str, Any]]:
        """What partner_offer_category_info would find."""
        return find_categories(self.options(**options), lambda settings: self.cache)

    def fault(self, action: str, **values: Any) -> int:
        """Add a fault rule to the service."""
        return self.emu.fault(listener=self.listener, action=action, **values)

    def behave(self, behavior: str, **values: Any) -> None:
        """Let the service answer like this."""
        self.fault("partner_behavior", value=behavior, **values)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests that reached the service."""
        return self.emu.requests(self.listener)

    @property
    def paths(self) -> list[str]:
        return [request["path"] for request in self.requests]

    def error(self, kind: type[ProvisioningError], call: Callable[[], Any]) -> Any:
        """The error of a call: of exactly this kind, without a token in it, and with what to do about it."""
        with pytest.raises(ProvisioningError) as caught:
            call()
        text = str(caught.value)
        assert caught.value.__class__ is kind, text
        assert "eyJ" not in text
        assert self.emu.client_secret not in text
        assert caught.value.remedy, text
        return caught.value

    def refused(self, *names: str, **options: Any) -> str:
        """The message of options that are refused before any request, in which these names are."""
        text = str(self.error(OptionError, functools.partial(self.find, **options)))
        assert not [name for name in names if name not in text], text
        assert not self.emu.requests()
        return text


def ids_of(offers: list[dict[str, Any]]) -> list[str]:
    """The ids of offers."""
    return [offer["id"] for offer in offers]
