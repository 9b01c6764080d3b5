# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Walks to a service step by step, and tells of each step whether it passes and what to do if not."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Entry
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis.network import (
    StepFailed,
    StepSkipped,
    Target,
    connect,
    resolve,
    shake_hands,
    target_of,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._diagnosis.token_claims import (
    CLOCK_SECONDS,
    facts_of,
    problem_of,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.libraries import (
    MINIMUM_VERSIONS,
    library_problems,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.table import SERVICES, open_client
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import (
    Settings,
    settings_from,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.openid_configuration import (
    fetch_openid_configuration,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.token_source import TokenSource

PASS, FAIL, SKIPPED = "pass", "fail", "skipped"
_SIGN_IN_STEPS = ("sign_in_proxy", "sign_in_name", "sign_in_tcp", "sign_in_tls", "sign_in_discovery", "sign_in_clock")
_SERVICE_STEPS = ("service_proxy", "service_name", "service_tcp", "service_tls", "service_call")
# Any product will do; this one is in the Store's documentation.
_NO_WORD = (
    "the answer has no word in it: the service may give such ones for what it does not have, but so does anything"
    " else at a wrong base_url"
)

Step = dict[str, t.Any]


class AccessCheck:
    """Checks the access to one service with the credentials at hand. Nothing is changed anywhere."""

    def __init__(self, options: Mapping[str, t.Any], service: str, versions: Mapping[str, str]) -> None:
        """Take the shared options, a service's name, and the versions of what it is reached by, empty for what is
        missing."""
        self._service = service
        self._versions = versions
        self._options = options
        self._steps: list[Step] = []
        self._kept = _Kept()
        self._discovery: Response | None = None
        self._tenant = ""

    def run(self) -> dict[str, t.Any]:
        """Walk; return the service, its address, the steps, and whether none failed."""
        self._take("versions", self._compare_versions)
        settings = self._checked_options()
        if settings is not None:
            self._walk(settings)
        return {
            "service": self._service,
            "base_url": settings.base_url if settings else "",
            "authority": settings.authority if settings else "",
            "auth_method": settings.auth_method if settings else "",
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

    def _checked_options(self) -> Settings | None:
        found: list[Settings] = []

        def check() -> str:
            settings = settings_from(self._options, self._service)
            SERVICES[self._service].arguments(self._options)
            found.append(settings)
            who = f", application {printable(settings.client_id, 60)}" if settings.client_id else ""
            where = f" in tenant {settings.tenant_id}" if settings.tenant_id else ""
            return f"sign-in by {settings.auth_method}{who}{where}, for the audience {settings.audience}"

        if not self._take("options", check):
            self._skip_all((*_SIGN_IN_STEPS, "token", *_SERVICE_STEPS), "options failed")
            return None
        return found[0]

    def _walk(self, settings: Settings) -> None:
        signed_in = self._sign_in(settings)
        hint = SERVICES[self._service].gone_hint
        failed = self._reach("service", settings, settings.base_url, hint)
        if signed_in and not failed:
            # The client of the service knows what to say of its retirement.
            self._take("service_call", lambda: self._call(settings))
        else:
            self._skip("service_call", f"{failed or 'token'} failed")

    def _sign_in(self, settings: Settings) -> bool:
        """Take the steps to a token; return whether there is one that can be used."""
        if settings.auth_method in ("access_token", "managed_identity"):
            self._skip_all(_SIGN_IN_STEPS, f"auth_method {settings.auth_method} does not need it")
        else:
            failed = self._reach("sign_in", settings, settings.authority)
            if not failed and not self._take("sign_in_discovery", lambda: self._discover(settings)):
                failed = "sign_in_discovery"
            elif failed:
                self._skip("sign_in_discovery", f"{failed} failed")
            if failed:
                self._skip_all(("sign_in_clock", "token"), f"{failed} failed")
                return False
            # A clock that is wrong does not keep every kind of sign-in from working.
            self._take("sign_in_clock", self._compare_clocks)
        return self._take("token", lambda: self._get_token(settings))

    def _reach(self, what: str, settings: Settings, url: str, hint: str = "") -> str:
        """Take the network steps to a host; return the name of the one that failed, or an empty text."""
        found: list[Target] = []

        def find_way() -> str:
            found.append(target_of(url, settings.proxies_for(url)))
            return found[0].way

        steps: list[tuple[str, Callable[[], str]]] = [
            ("proxy", find_way),
            ("name", lambda: resolve(found[0])),
            ("tcp", lambda: connect(found[0], settings.timeout)),
            ("tls", lambda: shake_hands(found[0], settings)),
        ]
        failed = ""
        for name, step in steps:
            if failed:
                self._skip(f"{what}_{name}", f"{failed} failed")
            elif not self._take(f"{what}_{name}", step, hint):
                failed = f"{what}_{name}"
        return failed

    def _take(self, name: str, step: Callable[[], str], hint: str = "") -> bool:
        """Take a step; return whether it did not fail. The hint is for a host that may be gone."""
        started = time.monotonic()
        status, remedy = PASS, ""
        try:
            detail = step()
        except StepSkipped as exc:
            status, detail = SKIPPED, str(exc)
        except StepFailed as exc:
            status, detail, remedy = FAIL, str(exc), exc.remedy
            if exc.gone and hint:
                remedy = f"{remedy}. {hint}"
        except ProvisioningError as exc:
            status, detail, remedy = FAIL, f"{exc.attempted}: {exc.cause}", exc.remedy
        except Exception as exc:
            # A report of one odd step is worth more than none; its text may hold secrets.
            status, detail = FAIL, f"this step met an error that it does not know ({type(exc).__name__})"
            remedy = "Please report it, with the versions above, to the maintainers of the collection"
        self._add(name, status, detail, remedy, time.monotonic() - started)
        return status != FAIL

    def _skip(self, name: str, why: str) -> None:
        self._add(name, SKIPPED, why, "", 0.0)

    def _skip_all(self, names: tuple[str, ...], why: str) -> None:
        for name in names:
            self._skip(name, why)

    def _add(self, name: str, status: str, detail: str, remedy: str, seconds: float) -> None:
        self._steps.append(
            {"step": name, "status": status, "detail": detail, "remedy": remedy, "seconds": round(seconds, 3)}
        )

    def _discover(self, settings: Settings) -> str:
        document, self._discovery = fetch_openid_configuration(settings)
        issuer = str(document["issuer"])
        # https://host/<tenant>/v2.0, whether the tenant was given by its id or by a domain.
        parts = issuer.split("/")
        self._tenant = parts[3] if len(parts) > 3 and len(parts[3]) == 36 else ""
        return f"the tenant's issuer is {printable(issuer, 120)}"

    def _compare_clocks(self) -> str:
        try:
            date = parsedate_to_datetime(str(self._discovery.headers["Date"]) if self._discovery else "")
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
        token = TokenSource(settings, self._kept).token()
        facts = facts_of(token)
        if facts is None:
            return "there is a token, which is opaque: it tells nothing of itself"
        now = time.time()
        problem = problem_of(facts, settings, self._tenant, now)
        if problem is not None:
            why, remedy = problem
            raise StepFailed(f"{why} ({facts.shown(now)})", remedy)
        shown = facts.shown(now)
        if SERVICES[self._service].needs_user and not facts.of_user:
            shown += "; an application without a user is not known to be accepted"
        return shown

    def _call(self, settings: Settings) -> str:
        """Make one call that changes and issues nothing."""
        with open_client(settings, self._kept, options=self._options) as client:
            found: str = client.probe()
        if not found:
            raise StepSkipped(_NO_WORD)
        return found


class _Kept:
    """A Cache for one walk: the harmless call uses the token that was looked at."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def find(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def get_or_create(
        self, key: str, create: Callable[[], Entry], usable: Callable[[Entry], bool] | None = None
    ) -> Entry:
        entry = self._entries.get(key)
        if entry is None or (usable is not None and not usable(entry)):
            entry = self._entries[key] = create()
        return entry
