# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python interface for tests: start an emulator, tell it what to do, ask it what happened.

Needs the standard library only. What the emulator itself needs (trustme, cryptography, PyJWT) must be there for the
interpreter that runs it.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from . import catalog, catalog_packages, offers, partner_products, releases

START_SECONDS = 30.0
_Answer = TypeVar("_Answer")


class EmulatorError(Exception):
    """The emulator did not start, or did not understand what it was told."""


class Emulator:
    """A running emulator. Everything in its endpoints.json is an attribute: ``emu.store``, ``emu.client_id``, …"""

    endpoints: dict[str, Any]

    def __init__(self, endpoints: dict[str, Any], process: subprocess.Popen[bytes] | None = None) -> None:
        """Use ``start`` or ``attach``."""
        self.endpoints = endpoints
        self._process = process
        self._remove: Path | None = None
        address = urlsplit(endpoints["control"])
        self._address = (address.hostname or "localhost", address.port or 443)
        self._context = ssl.create_default_context(cafile=endpoints["ca_path"])

    @classmethod
    def start(
        cls, latency_ms: float = 0, state_dir: str | os.PathLike[str] | None = None, python: str = sys.executable
    ) -> Emulator:
        """Start an emulator in a process of its own, which ends with this one.

        Without ``state_dir`` its files lie in a temporary directory that ``stop`` removes. Raises EmulatorError.
        """
        directory = Path(state_dir) if state_dir else Path(tempfile.mkdtemp(prefix="msdevices-emulator-"))
        directory.mkdir(parents=True, exist_ok=True)
        ready = directory / "endpoints.json"
        ready.unlink(missing_ok=True)
        command = [python, str(Path(__file__).resolve().parent), "--state-dir", str(directory)]
        command += ["--latency-ms", str(latency_ms), "--parent-pid", str(os.getpid())]
        with open(directory / "emulator.log", "wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        end = time.monotonic() + START_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                process.wait()
                text = (directory / "emulator.log").read_text(encoding="utf-8", errors="replace")
                raise EmulatorError(f"the emulator did not start:\n{text}")
            time.sleep(0.02)
        emulator = cls(json.loads(ready.read_text(encoding="utf-8")), process)
        emulator._remove = None if state_dir else directory
        return emulator

    @classmethod
    def attach(cls, state_dir: str | os.PathLike[str]) -> Emulator:
        """Use an emulator that somebody else started with this state directory."""
        return cls(json.loads((Path(state_dir) / "endpoints.json").read_text(encoding="utf-8")))

    def stop(self) -> None:
        """End the process and remove its temporary directory. An attached emulator is left alone."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._remove is not None:
            shutil.rmtree(self._remove, ignore_errors=True)
            self._remove = None

    def __enter__(self) -> Emulator:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["endpoints"][name]
        except KeyError:
            raise AttributeError(name) from None

    # What happened

    def requests(
        self,
        listener: str | None = None,
        path_contains: str | None = None,
        method: str | None = None,
        after: int = 0,
    ) -> list[dict[str, Any]]:
        """The logged requests, oldest first.

        Keys: id, time, finished (epoch seconds), listener, connection, method, path, query, headers (lower-case names,
        credentials hashed), body_length, subject (path, for the licensing service with the content id behind it),
        status (none: reset), note (such as the grant), faults (ids of rules).
        ``path_contains`` is searched in the subject.
        """
        return self._ask(list, "GET", "/requests", self._filter(listener, path_contains, method, after))

    def count(self, listener: str | None = None, path_contains: str | None = None, method: str | None = None) -> int:
        """How many requests were logged."""
        query = {**self._filter(listener, path_contains, method, 0), "count": 1}
        return int(self._ask(dict, "GET", "/requests", query)["count"])

    @staticmethod
    def _filter(listener: str | None, path_contains: str | None, method: str | None, after: int) -> dict[str, Any]:
        values = {"listener": listener, "path_contains": path_contains, "method": method, "after": after or None}
        return {name: value for name, value in values.items() if value is not None}

    def token_requests(self) -> int:
        """How many tokens were asked for, of Entra in any cloud and of the managed identity."""
        return self.count(path_contains="/oauth2/v2.0/token", method="POST") + self.count("msi", "/msi/token")

    def stats(self) -> dict[str, dict[str, int]]:
        """By listener: requests, connections, failed_handshakes, in_flight, max_in_flight."""
        return self._ask(dict, "GET", "/stats")

    # What should happen

    def reset(self) -> None:
        """Forget requests, faults, revocations, re-issues, settings, refresh tokens. Latency stays."""
        self._call("POST", "/reset")

    def fault(self, rule: dict[str, Any] | None = None, **values: Any) -> int:
        """Add a fault rule, given as a dict, as keywords or both; returns its id. README.md lists actions and keys."""
        return int(self._ask(dict, "POST", "/faults", body={**(rule or {}), **values})["id"])

    def faults(self) -> list[dict[str, Any]]:
        """The rules in force, each with how often it ``matched`` and ``applied``."""
        return self._ask(list, "GET", "/faults")

    def clear_faults(self, rule_id: int | None = None) -> None:
        """Remove one fault rule, or all."""
        self._call("DELETE", "/faults" if rule_id is None else f"/faults/{rule_id}")

    def latency(self, ms: float, listener: str | None = None) -> None:
        """Delay the answers of all listeners, or of one, by milliseconds."""
        self._call("POST", "/latency", body={"ms": ms, "listener": listener})

    def settings(self, **values: Any) -> dict[str, Any]:
        """Change settings by name; returns all of them."""
        if values:
            self._call("POST", "/settings", body=values)
        return self._ask(dict, "GET", "/settings")

    def reissue(self, product_id: str | None = None, content_id: str | None = None) -> None:
        """Let the license services hand out a new instance of one license, or of all."""
        self._call("POST", "/reissue", body={"product_id": product_id, "content_id": content_id})

    def revoke_tokens(self) -> None:
        """Let the services refuse every access token issued so far."""
        self._call("POST", "/revoke")

    def token(self, **values: Any) -> str:
        """A token: audience, lifetime (negative: expired), cloud, client_id, tenant_id, user, mfa, role, claims.

        ``user`` makes it delegated, by a License Administrator unless ``role`` says otherwise (none: no role).
        """
        return str(self._ask(dict, "POST", "/tokens", body=values)["token"])

    def new_refresh_token(self, **values: Any) -> str:
        """A refresh token: cloud, client_id, lifetime (negative: expired), mfa, role."""
        return str(self._ask(dict, "POST", "/refresh-tokens", body=values)["token"])

    # What there is

    def product(self, index: int) -> catalog.Product:
        """The owned product number ``index``, 0 to catalog.OWNED - 1."""
        return catalog.product(index)

    def special(self, behavior: str) -> catalog.Product:
        """The product that misbehaves as named in catalog.SPECIALS."""
        return catalog.special(behavior)

    def licenses(self, count: int, start: int = 0) -> list[dict[str, str]]:
        """The ids of ``count`` owned licenses (one for each product), ready for a ``licenses`` option."""
        return [catalog.product(index).request() for index in range(start, start + count)]

    def product_packages(
        self, product: int | catalog.Product, sku_id: str = catalog.OFFLINE_SKU
    ) -> list[dict[str, Any]]:
        """The packages of a product (or of the owned one of this number), as the catalog of the successor sends them.

        ``sku_id`` other than 0015: those of the online SKUs.
        """
        entry = product if isinstance(product, catalog.Product) else catalog.product(product)
        offline = sku_id == catalog.OFFLINE_SKU
        return catalog_packages.packages(entry) if offline else catalog_packages.online_packages(entry)

    def release(self, product: int | catalog.Product) -> releases.Release:
        """What the delivery service has of a product (or of the owned one of this number)."""
        return releases.release(product if isinstance(product, catalog.Product) else catalog.product(product))

    def offer_ids(self, count: int, country: str = "US", start: int = 0) -> list[str]:
        """The ids of ``count`` offers that are sold in a country."""
        sold = [offers.ids()[index] for index in range(offers.COUNT) if offers.sold(index, country)]
        return sold[start : start + count]

    def offers(self, country: str = "US", locale: str = "en-US") -> list[dict[str, Any]]:
        """All offers of a market, as Partner Center sends them."""
        return offers.offers(country, locale)

    def catalog_ids(self, count: int, country: str = "US") -> list[str]:
        """``count`` ids ``product:sku`` of license-based services, sold in a country to the commercial segment."""
        found = partner_products.in_view("OnlineServices", country, "commercial", "")
        skus = [sku for product in found if product.kind == "OnlineServicesNCE" for sku in product.skus]
        listed = [sku for sku in skus if sku.license is not None and "commercial" in sku.segments]
        return [f"{sku.product_id}:{sku.id}" for sku in listed[:count]]

    def environment(self) -> dict[str, str]:
        """The variables that make Azure-minded clients sign in here with the client secret."""
        return {
            "AZURE_AUTHORITY_HOST": self.entra,
            "AZURE_TENANT_ID": self.tenant_id,
            "AZURE_CLIENT_ID": self.client_id,
            "AZURE_CLIENT_SECRET": self.client_secret,
        }

    def _ask(
        self, kind: type[_Answer], method: str, path: str, query: dict[str, Any] | None = None, body: Any = None
    ) -> _Answer:
        """Call the control interface for an answer of this type."""
        answer = self._call(method, path, query, body)
        if not isinstance(answer, kind):
            raise EmulatorError(f"{method} {path} answered with a {type(answer).__name__}")
        return answer

    def _call(self, method: str, path: str, query: dict[str, Any] | None = None, body: Any = None) -> Any:
        # A connection for each call: tests fork and thread, and a shared one would not survive that.
        connection = http.client.HTTPSConnection(*self._address, timeout=60, context=self._context)
        try:
            payload = json.dumps(body).encode() if body is not None else None
            connection.request(method, path + ("?" + urlencode(query) if query else ""), payload)
            response = connection.getresponse()
            value = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise EmulatorError(value.get("error", value))
        return value
