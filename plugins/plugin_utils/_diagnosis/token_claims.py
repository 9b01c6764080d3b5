# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Reads the claims of an access token. They are shown and judged, never the token itself; it is not verified.

Source: reference facts on the Store licensing service (roles), and Microsoft's list of built-in roles of Entra.
"""

from __future__ import annotations

import base64
import json
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_licensing import ROLES
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.clouds import CLOUDS
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

CLOCK_SECONDS = 300
"""By how much clocks may differ: more, and assertions and tokens are refused."""
_LICENSING_ROLES = {
    "62e90394-69f5-4237-9190-012177145e10": "Global Administrator",
    "fe930be7-5e62-47db-91af-98c3a49a38b1": "User Administrator",
    "4d6ac14f-3453-41d0-bef9-a3e0c569773a": "License Administrator",
}
# Services that many tokens are for, and never those of this collection.
_OTHER_SERVICES = (
    "00000003-0000-0000-c000-000000000000",
    "https://graph.microsoft.com",
    "https://graph.windows.net",
    "https://management.azure.com",
    "https://management.core.windows.net",
)
_CLOCK_REMEDY = "Set the clock of the controller, best by a time service (NTP)"


@dataclass(frozen=True)
class TokenClaims:
    """The claims that matter. Texts are empty, and times are 0, where the token has no such claim."""

    audience: str
    tenant: str
    application: str
    roles: tuple[str, ...]
    """Roles of an application, or scopes of a user."""
    directory_roles: tuple[str, ...]
    """Template ids of a user's roles in the directory."""
    of_user: bool
    expires: float
    """Seconds since the epoch, as is the next."""
    not_before: float

    def describe(self, now: float) -> str:
        """Return in one line what the token is for."""
        named = [_LICENSING_ROLES[role] for role in self.directory_roles if role in _LICENSING_ROLES]
        facts = [
            f"audience {self.audience or 'none'}",
            f"{'delegated permissions' if self.of_user else 'roles'} {' '.join(self.roles) or 'none'}",
            f"directory roles {', '.join(named)}" if named else "",
            f"application {self.application or 'not named'}",
            f"tenant {self.tenant or 'not named'}",
            _minutes(self.expires - now) if self.expires else "without an end",
        ]
        kind = "a user" if self.of_user else "an application"
        return f"token of {kind}: " + ", ".join(printable(fact, 160) for fact in facts if fact)


def read_claims(token: str) -> TokenClaims | None:
    """Read a token's claims, or return `None` for one that is opaque."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return None
    if not isinstance(claims, Mapping):
        return None
    return TokenClaims(
        audience=_texts(claims, "aud")[0].rstrip("/"),
        tenant=_texts(claims, "tid")[0],
        application=_texts(claims, "appid", "azp")[0],
        roles=tuple(role for role in _texts(claims, "roles", "scp") if role),
        directory_roles=tuple(role.lower() for role in _texts(claims, "wids") if role),
        of_user=bool(claims.get("scp") or claims.get("upn")),
        expires=_seconds(claims.get("exp")),
        not_before=_seconds(claims.get("nbf")),
    )


def find_problem(claims: TokenClaims, settings: Settings, tenant: str, now: float) -> tuple[str, str] | None:
    """Return why a service will not take a token, and what to do about it; or `None`.

    `tenant` is the tenant's GUID where it is known, or empty. What is uncertain is no problem.
    """
    ready = settings.auth_method == "access_token"
    if claims.expires and claims.expires <= now:
        if ready:
            return (
                f"the token expired {(now - claims.expires) / 60:.0f} minutes ago",
                "Set access_token to a new token, or sign in by another method, which gets one for each run",
            )
        return "the token that was just issued has expired already", _CLOCK_REMEDY
    if claims.not_before > now + CLOCK_SECONDS:
        return f"the token is not valid before {(claims.not_before - now) / 60:.0f} minutes from now", _CLOCK_REMEDY
    if _is_other_audience(claims.audience, settings):
        return (
            f"the token is for the audience {printable(claims.audience, 120)}, not for {settings.audience}",
            f"Get a token for {settings.audience}" if ready else "Check audience; its default is the service's own",
        )
    if tenant and claims.tenant and claims.tenant.lower() != tenant.lower():
        return (
            f"the token is of the tenant {printable(claims.tenant, 60)}, not of {tenant}",
            "Check tenant_id, and in which tenant the application or the user signs in",
        )
    told = settings.service == "store_licensing" and claims.of_user and claims.directory_roles
    if told and not set(claims.directory_roles) & set(_LICENSING_ROLES):
        return (
            "the user of the token has none of the roles that the service asks for",
            f"Sign in as a user with the role {ROLES}",
        )
    return None


def _is_other_audience(audience: str, settings: Settings) -> bool:
    """Return whether an audience is certainly another service's. The same service may have a URL and a GUID."""
    found, wanted = audience.lower(), settings.audience.lower()
    if not found or found == wanted:
        return False
    others = {endpoint.audience.lower() for cloud in CLOUDS.values() for endpoint in cloud.services.values()}
    same_kind = ("://" in found) == ("://" in wanted)
    return same_kind or found in others or found in _OTHER_SERVICES


def _minutes(seconds: float) -> str:
    return f"valid for {seconds / 60:.0f} more minutes" if seconds > 0 else f"expired {-seconds / 60:.0f} minutes ago"


def _texts(claims: Mapping[str, t.Any], *names: str) -> tuple[str, ...]:
    """The first claim of these that is there, as texts; at least one, empty if need be."""
    value = next((claims[name] for name in names if claims.get(name)), "")
    texts = tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)
    return texts or ("",)


def _seconds(value: t.Any) -> float:
    return float(value) if isinstance(value, (int, float)) and 0 < value < 1e12 else 0.0
