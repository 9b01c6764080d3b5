# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Walks to a service step by step, and tells of each step whether it passes and what to do if not."""

from __future__ import annotations

import base64
import json
import time
import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._access_network import (
    NetworkProblem,
    Target,
    connect,
    resolve,
    shake_hands,
    target_of,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._answers import json_object
from ansible_collections.msdevices.provisioning.plugins.module_utils._cache import NoCache
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._partner_center import Market, PartnerCenter
from ansible_collections.msdevices.provisioning.plugins.module_utils._service_session import ServiceSession
from ansible_collections.msdevices.provisioning.plugins.module_utils._settings import settings_from
from ansible_collections.msdevices.provisioning.plugins.module_utils._sign_in import TokenSource
from ansible_collections.msdevices.provisioning.plugins.module_utils._transport import HttpSession, printable

SERVICES = ("store_for_business", "store_licensing", "partner_center")
PASS, FAIL, SKIPPED = "pass", "fail", "skipped"
RETIRED = (
    "Microsoft has retired Store for Business; its host may be gone for good. Use service=store_licensing instead,"
    " which signs in as a user"
)

Step = t.Dict[str, t.Any]


class AccessCheck:
    """Checks the access to one service with the credentials at hand. Nothing is changed anywhere."""

    def __init__(self, options: Mapping[str, t.Any], service: str) -> None:
        """Take the shared options and a service's name. Raises OptionError."""
        self._service = service
        self._options = options
        self._settings = settings_from(options, service)
        self._steps: list[Step] = []
        self._token = ""

    def run(self) -> dict[str, t.Any]:
        """Walk; return the service, its address, the steps, and whether all that were taken passed."""
        settings = self._settings
        if settings.auth_method in ("access_token", "managed_identity"):
            for name in ("sign_in_proxy", "sign_in_name", "sign_in_tcp", "sign_in_tls", "sign_in_discovery"):
                self._skip(name, f"auth_method {settings.auth_method} does not need it")
        elif self._reach("sign_in", settings.authority):
            self._take("sign_in_discovery", self._discover)
        if self._failed("sign_in"):
            self._skip("token", "the sign-in service cannot be reached")
        else:
            self._take("token", self._sign_in)
        reached = self._reach("service", settings.base_url, RETIRED if self._service == "store_for_business" else "")
        if reached and self._token:
            self._take("service_call", self._call)
        else:
            self._skip("service_call", "there is no token" if reached else "the service cannot be reached")
        return {
            "service": self._service,
            "base_url": settings.base_url,
            "authority": settings.authority,
            "auth_method": settings.auth_method,
            "steps": self._steps,
            "passed": not any(step["status"] == FAIL for step in self._steps),
        }

    def _reach(self, what: str, url: str, hint: str = "") -> bool:
        """Take the network steps to a host; a step after one that failed is skipped."""
        found: list[Target] = []

        def find_way() -> str:
            found.append(target_of(url))
            return f"by the proxy {found[0].proxy_shown}" if found[0].proxy_host else "directly, without a proxy"

        steps: list[tuple[str, Callable[[], str]]] = [
            ("proxy", find_way),
            ("name", lambda: resolve(found[0])),
            ("tcp", lambda: connect(found[0], self._settings.timeout)),
            ("tls", lambda: shake_hands(found[0], self._settings)),
        ]
        good = True
        for name, step in steps:
            if good:
                good = self._take(f"{what}_{name}", step, hint)
            else:
                self._skip(f"{what}_{name}", "a step before failed")
        return good

    def _take(self, name: str, step: Callable[[], str], hint: str = "") -> bool:
        started = time.monotonic()
        status, remedy = PASS, ""
        try:
            detail = step()
        except NetworkProblem as exc:
            status, detail, remedy = FAIL, str(exc), exc.remedy
        except ProvisioningError as exc:
            status, detail, remedy = FAIL, f"{exc.attempted}: {exc.cause}", exc.remedy
        if status == FAIL and hint:
            remedy = f"{remedy}. {hint}" if remedy else hint
        self._add(name, status, detail, remedy, time.monotonic() - started)
        return status == PASS

    def _skip(self, name: str, why: str) -> None:
        self._add(name, SKIPPED, why, "", 0.0)

    def _add(self, name: str, status: str, detail: str, remedy: str, seconds: float) -> None:
        self._steps.append(
            {"step": name, "status": status, "detail": detail, "remedy": remedy, "seconds": round(seconds, 3)}
        )

    def _failed(self, what: str) -> bool:
        return any(step["status"] == FAIL for step in self._steps if step["step"].startswith(what))

    def _discover(self) -> str:
        settings = self._settings
        attempted = "Could not read the discovery document"
        http = HttpSession(settings)
        try:
            url = f"{settings.authority}/{settings.tenant_id}/v2.0/.well-known/openid-configuration"
            answer = http.send("GET", url, max_bytes=1024 * 1024)
        finally:
            http.close()
        document = json_object(answer, attempted)
        if answer.status != 200:
            said = printable(str(document.get("error_description") or document.get("error") or ""))
            raise NetworkProblem(
                f"{answer.request} answered HTTP {answer.status}, saying: {said}",
                "Check tenant_id, cloud and authority",
            )
        return f"the tenant's issuer is {printable(str(document.get('issuer')), 120)}"

    def _sign_in(self) -> str:
        self._token = TokenSource(self._settings, NoCache()).token()
        return describe_token(self._token)

    def _call(self) -> str:
        if self._service == "partner_center":
            client = PartnerCenter(
                self._settings, NoCache(), Market(str(self._options.get("country") or "US"), "en-US")
            )
            try:
                return f"{len(client.offer_categories())} offer categories could be listed"
            finally:
                client.close()
        if self._service == "store_licensing":
            # Its one operation issues licenses.
            return "the service has no harmless call; the token above is what it is asked with"
        with ServiceSession(self._settings, NoCache()) as session:
            answer = session.call("GET", ("V1", "Inventory"), {"maxResults": "1"}, {"Accept": "application/json"})
            if answer.status == 200:
                return "the inventory could be listed"
            fault = session.fault(answer).text(answer.request)
        remedy = RETIRED
        if answer.status in (401, 403):
            remedy = (
                "Activate the application as a management tool in the Store (Settings, Distribute, Management tools)."
                f" {RETIRED}"
            )
        raise NetworkProblem(fault, remedy)


def describe_token(token: str) -> str:
    """Tell what a token's claims say of it (audience, roles, expiry), never the token. It is not verified here."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        left = float(claims["exp"]) - time.time()
    except (IndexError, KeyError, TypeError, ValueError):
        return "there is a token, which is opaque: it tells nothing of itself"

    def shown(*names: str) -> str:
        values = [claims.get(name) for name in names]
        text = next((value for value in values if value), "none")
        return printable(" ".join(map(str, text)) if isinstance(text, list) else str(text), 120)

    kind = "a user" if claims.get("upn") or claims.get("scp") else "an application"
    return (
        f"token of {kind} for audience {shown('aud')}, roles {shown('roles', 'scp', 'wids')}, application"
        f" {shown('appid', 'azp')}, tenant {shown('tid')}, valid for {left / 60:.0f} more minutes"
    )


def versions(core: str) -> dict[str, str]:
    """Return the versions that matter, by name; an empty text where a library is missing."""
    import platform
    from importlib import metadata

    found = {"python": platform.python_version(), "ansible-core": core}
    for name in ("requests", "msal", "urllib3", "cryptography"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    return found
