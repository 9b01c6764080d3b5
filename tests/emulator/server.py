# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process: all services, their listeners, and what they share."""

from __future__ import annotations

import argparse
import json
import os
import signal
import ssl
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from .cdn import Cdn
from .clouds import CATALOG_AUDIENCE, CLOUDS, LICENSING_AUDIENCE, PARTNER_AUDIENCE, PRICES_AUDIENCE, STORE_AUDIENCE
from .control import Control
from .entra import Entra
from .faults import Faults
from .identity import CERTIFICATE_PASSWORD, Identity
from .license_xml import LicenseWriter, signing_key
from .licenses import Licenses
from .listeners import Listener
from .log import RequestLog
from .messages import Request, Response
from .msi import ManagedIdentity
from .offers import COUNTRIES
from .partner import PartnerCenter, customer_id
from .partner_prices import PriceSheets
from .settings import Settings
from .store import Store
from .store_catalog import StoreCatalog
from .store_delivery import StoreDelivery
from .store_licensing import StoreLicensing
from .tls import write_authority
from .tokens import DEFAULT_ROLE, RefreshTokens, TokenIssuer

#: Lifetime in seconds of the ready access tokens in endpoints.json.
READY_TOKEN_LIFETIME = 7 * 86400


class Emulator:
    """All services in one process. ``start`` serves; the state lies in ``state_dir``."""

    def __init__(self, state_dir: Path, latency_ms: float = 0.0) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self.state_dir = state_dir
        self._default_latency = latency_ms / 1000
        self._latency: dict[str, float] = {}
        self._released = threading.Event()
        self.settings = Settings()
        self.log = RequestLog()
        self.faults = Faults(self)
        self.identity = Identity()
        self.issuers = {name: TokenIssuer(name) for name in CLOUDS}
        self.refresh_tokens = RefreshTokens()
        self.licenses = Licenses(LicenseWriter(signing_key(state_dir / "license-signing-key.pem")))
        public = (self.identity, self.issuers["public"], self.settings)
        self.store = Store(*public, self.licenses)
        self.catalog = StoreCatalog(*public)
        self.licensing = StoreLicensing(*public, self.licenses)
        self.cdn = Cdn(state_dir / "packages", self.settings)
        self.entra = {
            name: Entra(cloud, self.identity, self.issuers[name], self.refresh_tokens, self.settings)
            for name, cloud in CLOUDS.items()
        }
        self.partner = {
            name: PartnerCenter(cloud, self.identity, self.issuers[name], self.settings)
            for name, cloud in CLOUDS.items()
        }
        self._context, self._ca_path, self._other_ca_path = write_authority(state_dir)
        # The delivery service has a root of its own, which no usual bundle has.
        self._delivery_context, self._delivery_ca_path, _unused = write_authority(state_dir, "delivery-ca.pem")
        self._both_ca_path = state_dir / "both-ca.pem"
        self._both_ca_path.write_bytes(self._ca_path.read_bytes() + self._delivery_ca_path.read_bytes())
        self._applications: dict[str, Callable[[Request], Response]] = {}
        self.listeners: list[Listener] = []
        self.urls: dict[str, str] = {}
        self._listen()
        self.endpoints = self._describe()

    def _listen(self) -> None:
        for name, cloud in CLOUDS.items():
            self._add(cloud.entra, self.entra[name])
        self._add("store", self.store)
        self._add("catalog", self.catalog)
        self._add("licensing", self.licensing)
        self._add("delivery", StoreDelivery(self.cdn), context=self._delivery_context)
        self._add("cdn", self.cdn, tls=False)
        self.cdn.url = self.urls["cdn"]
        for name, cloud in CLOUDS.items():
            self._add(cloud.partner, self.partner[name])
            if cloud.prices:
                self._add(cloud.prices, PriceSheets(self.identity, self.issuers[name], self.settings))
        managed = ManagedIdentity(self.identity, self.issuers["public"], self.settings)
        self._add("msi", managed, tls=False)
        # Hosts that no request should ever reach: another name, and one without TLS.
        self._add("stranger", _stranger, address="127.0.0.1")
        self._add("stranger_http", _stranger, tls=False)
        self._add("control", Control(self))
        for name, cloud in CLOUDS.items():
            self.entra[name].url = self.urls[cloud.entra]
            self.entra[name].listeners = self.urls
            self.partner[name].listeners.update(self.urls)

    def _add(
        self,
        name: str,
        application: Callable[[Request], Response],
        tls: bool = True,
        address: str = "localhost",
        context: ssl.SSLContext | None = None,
    ) -> None:
        listener = Listener(name, self, (context or self._context) if tls else None, address)
        self._applications[name] = application
        self.listeners.append(listener)
        self.urls[name] = listener.url

    def start(self) -> None:
        """Serve on all listeners and, last, write endpoints.json."""
        for listener in self.listeners:
            threading.Thread(target=listener.serve_forever, args=(3600.0,), name=listener.name, daemon=True).start()
        path = self.state_dir / "endpoints.json"
        temporary = path.with_suffix(".tmp")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(self.endpoints, indent=1), encoding="utf-8")
        os.replace(temporary, path)

    def exchange(self, request: Request) -> Response:
        """Answer a request that reached a listener: latency, fault rules, application."""
        application = partial(_guarded, self._applications[request.listener])
        if request.listener == "control":
            return application(request)
        delay = self._latency.get(request.listener, self._default_latency)
        if delay > 0:
            time.sleep(delay)
        return self.faults.answer(request, application)

    def wait(self, seconds: float) -> None:
        """Pause a handler; a reset ends the pause early."""
        self._released.wait(seconds)

    def set_latency(self, ms: float, listener: str | None = None) -> None:
        """Delay every answer by ``ms`` milliseconds, of all listeners or of one. A reset keeps it."""
        if listener is None:
            self._default_latency = ms / 1000
            self._latency.clear()
        elif listener in self._applications:
            self._latency[listener] = ms / 1000
        else:
            raise ValueError(f"there is no listener {listener!r}")

    def revoke_tokens(self) -> None:
        """Refuse every access token issued so far, in every cloud."""
        for issuer in self.issuers.values():
            issuer.revoke_issued()

    def reset(self) -> None:
        """Forget requests, faults, revocations, re-issues, settings and refresh tokens; end pauses. Latency stays."""
        self.faults.remove()
        self._released.set()
        self._released = threading.Event()
        self.log.reset()
        for issuer in self.issuers.values():
            issuer.reset()
        self.licenses.reset()
        self.refresh_tokens.reset()
        self.settings.update(Settings().as_dict())

    def make_token(
        self,
        audience: str = STORE_AUDIENCE,
        lifetime: int = 3599,
        cloud: str = "public",
        client_id: str | None = None,
        tenant_id: str | None = None,
        user: bool = False,
        mfa: bool = True,
        role: str | None = DEFAULT_ROLE,
        claims: dict[str, Any] | None = None,
    ) -> str:
        """An access token of any kind; a negative ``lifetime`` makes one that has expired."""
        return self.issuers[cloud].issue(
            audience,
            client_id or self.identity.main.client_id,
            tenant_id or self.identity.tenant_id,
            lifetime,
            time.time(),
            user=user,
            mfa=mfa,
            role=role,
            **(claims or {}),
        )

    def make_refresh_token(
        self,
        cloud: str = "public",
        client_id: str | None = None,
        lifetime: float = 90 * 86400,
        mfa: bool = True,
        role: str | None = DEFAULT_ROLE,
    ) -> str:
        """A refresh token; a negative ``lifetime`` makes one that has expired."""
        if cloud not in CLOUDS:
            raise ValueError(f"there is no cloud {cloud!r}")
        return self.refresh_tokens.create(cloud, client_id or self.identity.main.client_id, lifetime, mfa, role)

    def _initial_refresh_token(self, cloud: str = "public", **values: Any) -> str:
        values = {"client_id": self.identity.main.client_id, "lifetime": self.settings.refresh_token_lifetime, **values}
        return self.refresh_tokens.create(cloud, initial=True, **values)

    def _describe(self) -> dict[str, Any]:
        """What endpoints.json says."""
        identity = self.identity
        ready = {
            "store": self.make_token(STORE_AUDIENCE, READY_TOKEN_LIFETIME),
            "catalog": self.make_token(CATALOG_AUDIENCE, READY_TOKEN_LIFETIME, user=True),
            "licensing": self.make_token(LICENSING_AUDIENCE, READY_TOKEN_LIFETIME, user=True),
            "prices": self.make_token(PRICES_AUDIENCE, READY_TOKEN_LIFETIME, user=True),
        }
        clouds = {}
        for name, cloud in CLOUDS.items():
            token = self.make_token(cloud.partner_audience, READY_TOKEN_LIFETIME, name)
            ready[cloud.partner] = token
            clouds[name] = {
                "authority": self.urls[cloud.entra],
                "base_url": self.urls[cloud.partner],
                "audience": cloud.partner_audience,
                "access_token": token,
                "refresh_token": self._initial_refresh_token(name),
            }
        return {
            **self.urls,
            "pid": os.getpid(),
            "state_dir": str(self.state_dir),
            "ca_path": str(self._ca_path),
            "other_ca_path": str(self._other_ca_path),
            "delivery_ca_path": str(self._delivery_ca_path),
            "both_ca_path": str(self._both_ca_path),
            "tenant_id": identity.tenant_id,
            "tenant_domain": identity.tenant_domain,
            "other_tenant_id": identity.other_tenant_id,
            "client_id": identity.main.client_id,
            "client_secret": identity.main.client_secret,
            "expired_client_secret": identity.main.expired_secret,
            "inactive_client_id": identity.inactive.client_id,
            "inactive_client_secret": identity.inactive.client_secret,
            "public_client_id": identity.native.client_id,
            "managed_identity_client_id": identity.managed.client_id,
            "identity_endpoint": self.urls["msi"] + "/msi/token",
            "identity_header": identity.identity_header,
            "certificate_password": CERTIFICATE_PASSWORD,
            **identity.write_material(self.state_dir),
            "store_audience": STORE_AUDIENCE,
            "catalog_audience": CATALOG_AUDIENCE,
            "licensing_audience": LICENSING_AUDIENCE,
            "partner_audience": PARTNER_AUDIENCE,
            "prices_audience": PRICES_AUDIENCE,
            "access_tokens": ready,
            "refresh_token": clouds["public"]["refresh_token"],
            "public_refresh_token": self._initial_refresh_token(client_id=identity.native.client_id),
            "expired_refresh_token": self._initial_refresh_token(lifetime=-3600.0),
            "refresh_token_without_mfa": self._initial_refresh_token(mfa=False),
            "refresh_token_without_role": self._initial_refresh_token(role=None),
            "inactive_refresh_token": self._initial_refresh_token(client_id=identity.inactive.client_id),
            "customer_ids": {country: customer_id(country) for country in COUNTRIES},
            "clouds": clouds,
        }


def _guarded(application: Callable[[Request], Response], request: Request) -> Response:
    """Answer by an application; a mistake in the emulator itself is printed and shows as status 500."""
    try:
        return application(request)
    except Exception:  # whatever it is, the test that meets it must not hang
        traceback.print_exc()
        return Response.text("the emulator has a bug, see emulator.log", 500, "text/plain")


def _stranger(request: Request) -> Response:
    """A host that none of the services names: it knows no path."""
    return Response.text("<html><body>Nobody should have come here.</body></html>", 404)


def _gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state == "Z"


def main(arguments: list[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT, or until the parent process has gone."""
    parser = argparse.ArgumentParser(
        prog="emulator", description="Entra, the Store's license services and Partner Center, locally."
    )
    parser.add_argument("--state-dir", type=Path, required=True, help="where endpoints.json and the key material go")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="delay every answer by so many milliseconds")
    parser.add_argument("--parent-pid", type=int, default=None, help="end when this process has ended")
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    Emulator(options.state_dir.resolve(), options.latency_ms).start()
    while options.parent_pid is None or not _gone(options.parent_pid):
        time.sleep(1.0)
    os._exit(0)
