# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Checks step by step whether the controller reaches a service and signs in to it, and what to do if not."""

from __future__ import annotations

import functools
import time
import typing as t
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import SECRET_OPTIONS
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import host_of, printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import MemoryCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis.network import (
    StepFailed,
    StepSkipped,
    Target,
    connect,
    resolve,
    resolve_route,
    tls_handshake,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis.packages import find_file, request_head
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis.token_claims import (
    CLOCK_SECONDS,
    find_problem,
    read_claims,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.libraries import (
    MINIMUM_VERSIONS,
    library_problems,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_delivery import DeliveryFile
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.table import SERVICES, open_client
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.credentials import NO_SIGN_IN
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    settings_from,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.openid_configuration import (
    fetch_openid_configuration,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.token_source import TokenSource

PASS, FAIL, SKIPPED = "pass", "fail", "skipped"
_SIGN_IN_STEPS = (
    "sign_in_proxy",
    "sign_in_name",
    "sign_in_tcp",
    "sign_in_tls",
    "sign_in_discovery",
    "sign_in_clock",
)
_SERVICE_STEPS = ("service_proxy", "service_name", "service_tcp", "service_tls", "service_call")
_CDN_STEPS = ("cdn_proxy", "cdn_name", "cdn_tcp", "cdn_tls", "cdn_call")
_EMPTY_RESPONSE = (
    "the response is empty; the service may answer so for an unknown id, and so may another server at a wrong base_url"
)

# What is left out of the options to check the network without a credential.
_CREDENTIAL_OPTIONS = (
    *SECRET_OPTIONS,
    "auth_method",
    "tenant_id",
    "client_id",
    "client_certificate_path",
    "federated_token_file",
    "refresh_token_file",
)
_NO_TOKEN = "none"

Step = dict[str, t.Any]


class AccessCheck:
    """Checks the access to one service with the credentials at hand. Nothing is changed anywhere."""

    def __init__(self, options: Mapping[str, t.Any], service: str, versions: Mapping[str, str]) -> None:
        """Take the shared options, a service's name, and the versions of the libraries, empty for what is missing."""
        self._service = service
        self._versions = versions
        self._options = options
        self._steps: list[Step] = []
        self._cache = MemoryCache()
        self._openid_response: Response | None = None
        self._tenant = ""

    def run(self) -> dict[str, t.Any]:
        """Run all steps; return the service, its address, the steps, and whether none failed."""
        self._run_step("versions", self._compare_versions)
        settings = self._run_step("options", self._validate_options)
        if settings is not None:
            self._check(settings)
        else:
            # Whether the hosts can be reached is worth knowing before there is a credential.
            settings = self._settings_without_credential()
            self._check_network_only(settings)
        return {
            "service": self._service,
            "base_url": settings.base_url if settings else "",
            "authority": settings.authority if settings else "",
            "auth_method": settings.auth_method if settings and settings.access_token != _NO_TOKEN else "",
            "steps": self._steps,
            "passed": not any(step["status"] == FAIL for step in self._steps),
        }

    def _compare_versions(self) -> str:
        problems = library_problems(self._versions)
        if problems:
            needed = " ".join(f"'{name}>={least}'" for name, least in MINIMUM_VERSIONS.items())
            raise StepFailed(
                " and ".join(problems),
                f"Run pip install {needed} with the Python that runs Ansible, or use an execution environment that was"
                " built with this collection",
            )
        return ", ".join(f"{name} {version or 'missing'}" for name, version in self._versions.items())

    def _validate_options(self) -> tuple[str, Settings]:
        settings = settings_from(self._options, self._service)
        SERVICES[self._service].arguments(self._options)
        who = f", application {printable(settings.client_id, 60)}" if settings.client_id else ""
        where = f" in tenant {settings.tenant_id}" if settings.tenant_id else ""
        if settings.auth_method == NO_SIGN_IN:
            return "the service needs no sign-in", settings
        return f"sign-in by {settings.auth_method}{who}{where}, for the audience {settings.audience}", settings

    def _settings_without_credential(self) -> Settings | None:
        """Return settings that serve to reach the hosts, or `None` when addresses or CAs are wrong, too."""
        network = {name: value for name, value in self._options.items() if name not in _CREDENTIAL_OPTIONS}
        try:
            return settings_from({**network, "auth_method": "access_token", "access_token": _NO_TOKEN}, self._service)
        except ProvisioningError:
            return None

    def _check_network_only(self, settings: Settings | None) -> None:
        why = "options failed"
        if settings is None:
            self._skip_all((*_SIGN_IN_STEPS, "token", *_SERVICE_STEPS), why)
            return
        self._reach("sign_in", settings, settings.authority)
        self._skip_all(("sign_in_discovery", "sign_in_clock", "token"), why)
        self._reach("service", settings, settings.base_url, SERVICES[self._service].gone_hint)
        self._skip("service_call", why)

    def _check(self, settings: Settings) -> None:
        signed_in = self._sign_in(settings)
        failed = self._reach("service", settings, settings.base_url, SERVICES[self._service].gone_hint)
        if signed_in and not failed:
            # The client of the service knows what to say of its retirement.
            self._run_step("service_call", lambda: self._call(settings))
        else:
            self._skip("service_call", f"{failed or 'token'} failed")
        if self._service == "store_delivery":
            self._check_cdn(settings, failed)

    def _check_cdn(self, settings: Settings, failed: str) -> None:
        """Walk on to the CDN, whose URLs only the delivery service knows."""

        def find() -> tuple[str, DeliveryFile]:
            file = find_file(self._options)
            return f"the delivery service names a package on {host_of(file.url)}", file

        file: DeliveryFile | None = None if failed else self._run_step("package", find)
        if file is None:
            self._skip_all((*(("package",) if failed else ()), *_CDN_STEPS), f"{failed or 'package'} failed")
            return
        failed = self._reach("cdn", settings, file.url)
        if failed:
            self._skip("cdn_call", f"{failed} failed")
        else:
            self._run_step("cdn_call", lambda: request_head(file, self._options, settings))

    def _sign_in(self, settings: Settings) -> bool:
        """Run the steps to a token; return whether there is one that can be used."""
        if settings.auth_method == NO_SIGN_IN:
            self._skip_all((*_SIGN_IN_STEPS, "token"), "the service needs no sign-in")
            return True
        if settings.auth_method in ("access_token", "managed_identity"):
            self._skip_all(_SIGN_IN_STEPS, f"auth_method {settings.auth_method} does not need it")
        else:
            failed = self._reach("sign_in", settings, settings.authority)
            if not failed and not self._run_step(
                "sign_in_discovery", lambda: self._read_openid_configuration(settings)
            ):
                failed = "sign_in_discovery"
            elif failed:
                self._skip("sign_in_discovery", f"{failed} failed")
            if failed:
                self._skip_all(("sign_in_clock", "token"), f"{failed} failed")
                return False
            # A clock that is wrong does not keep every kind of sign-in from working.
            self._run_step("sign_in_clock", self._compare_clocks)
        return bool(self._run_step("token", lambda: self._get_token(settings)))

    def _reach(self, what: str, settings: Settings, url: str, hint: str = "") -> str:
        """Run the network steps to a host; return the name of the one that failed, or an empty text."""
        names = [f"{what}_{step}" for step in ("proxy", "name", "tcp", "tls")]

        def find_route() -> tuple[str, Target]:
            target = resolve_route(url, settings.proxies_for(url))
            return target.route, target

        target: Target | None = self._run_step(names[0], find_route)
        failed = "" if target else names[0]
        steps: tuple[Callable[[Target], str], ...] = (
            lambda target: resolve(target, settings.timeout),
            lambda target: connect(target, settings.timeout),
            lambda target: self._shake_hands(target, settings, url),
        )
        for name, step in zip(names[1:], steps, strict=True):
            if failed or not target:
                self._skip(name, f"{failed} failed")
            elif not self._run_step(name, functools.partial(step, target), hint):
                failed = name
        return failed

    def _shake_hands(self, target: Target, settings: Settings, url: str) -> str:
        if url.startswith("http:"):
            raise StepSkipped("packages come by plain http; their size and SHA-256 are checked")
        own = url == settings.base_url
        return tls_handshake(target, settings, SERVICES[self._service].extra_ca_file if own else "")

    def _run_step(self, name: str, step: Callable[[], str | tuple[str, t.Any]], hint: str = "") -> t.Any:
        """Run a step, which returns its detail, and perhaps a value; return the value, else True, or `None` when the
        step failed.

        The hint is for a host that may be gone.
        """
        started = time.monotonic()
        status, remedy = PASS, ""
        value: t.Any = None
        try:
            outcome = step()
            detail, value = outcome if isinstance(outcome, tuple) else (outcome, True)
        except StepSkipped as exc:
            status, detail, value = SKIPPED, str(exc), True
        except StepFailed as exc:
            status, detail, remedy = FAIL, str(exc), exc.remedy
            if exc.gone and hint:
                remedy = f"{remedy}. {hint}"
        except ProvisioningError as exc:
            status, detail, remedy = FAIL, f"{exc.attempted}: {exc.cause}", exc.remedy
        except Exception as exc:
            # A report of one odd step is worth more than none; its text may hold secrets.
            status, detail = FAIL, f"this step met an unknown error ({type(exc).__name__})"
            remedy = "Please report it, with the versions above, to the maintainers of the collection"
        self._add(name, status, detail, remedy, time.monotonic() - started)
        return value

    def _skip(self, name: str, why: str) -> None:
        self._add(name, SKIPPED, why, "", 0.0)

    def _skip_all(self, names: tuple[str, ...], why: str) -> None:
        for name in names:
            self._skip(name, why)

    def _add(self, name: str, status: str, detail: str, remedy: str, seconds: float) -> None:
        self._steps.append(
            {"step": name, "status": status, "detail": detail, "remedy": remedy, "seconds": round(seconds, 3)}
        )

    def _read_openid_configuration(self, settings: Settings) -> str:
        document, self._openid_response = fetch_openid_configuration(settings)
        issuer = str(document["issuer"])
        # https://host/<tenant>/v2.0, whether the tenant was given by its id or by a domain.
        parts = issuer.split("/")
        self._tenant = parts[3] if len(parts) > 3 and len(parts[3]) == 36 else ""
        return f"the tenant's issuer is {printable(issuer, 120)}"

    def _compare_clocks(self) -> str:
        try:
            date = parsedate_to_datetime(str(self._openid_response.headers["Date"]) if self._openid_response else "")
            ahead = time.time() - date.timestamp()
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            raise StepSkipped("the sign-in service does not tell the time") from None
        if abs(ahead) > CLOCK_SECONDS:
            raise StepFailed(
                f"the controller's clock is {abs(ahead) / 60:.0f} minutes {'ahead of' if ahead > 0 else 'behind'} that"
                " of the sign-in service",
                "Set the clock of the controller, best by a time service (NTP)",
            )
        return f"the controller's clock is within {CLOCK_SECONDS // 60} minutes of that of the sign-in service"

    def _get_token(self, settings: Settings) -> str:
        token = TokenSource(settings, self._cache).token()
        claims = read_claims(token)
        if claims is None:
            return "there is a token, which is opaque: it cannot be read"
        now = time.time()
        problem = find_problem(claims, settings, self._tenant, now)
        if problem is not None:
            why, remedy = problem
            raise StepFailed(f"{why} ({claims.describe(now)})", remedy)
        shown = claims.describe(now)
        if SERVICES[self._service].needs_user and not claims.of_user:
            shown += "; an application without a user is not known to be accepted"
        return shown

    def _call(self, settings: Settings) -> str:
        """Make one call that changes and issues nothing."""
        with open_client(settings, self._cache, options=self._options) as client:
            found: str = client.probe()
        if not found:
            raise StepSkipped(_EMPTY_RESPONSE)
        return found
