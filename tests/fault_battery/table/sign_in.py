# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Entra refuses or does wrong."""

from __future__ import annotations

from typing import Any

from ..faults import CATALOG, FAILS, LICENSING, PARTNER, SIGN_IN, STORE, SURVIVES, Fault, Rule
from .rules import always, once

_ENTRA = {"listener": "entra"}


def _refused(name: str, title: str, code: int, remedy: str, **values: Any) -> Fault:
    """A sign-in that the token endpoint refuses for good: it is asked once by each caller."""
    return Fault(
        name,
        SIGN_IN,
        title,
        FAILS,
        cause=rf"AADSTS{code}\b.*correlation id",
        remedy=remedy,
        tries=0,
        token_tries=1,
        **values,
    )


def _token_endpoint(action: str, **values: Any) -> tuple[Rule, ...]:
    return ({"action": action, "path_regex": "oauth2/v2.0/token", **_ENTRA, **values},)


def _discovery(action: str, **values: Any) -> tuple[Rule, ...]:
    return ({"action": action, "path_regex": "openid-configuration", **_ENTRA, **values},)


SIGN_IN_FAULTS = (
    _refused(
        "wrong-secret",
        "a wrong client secret",
        7000215,
        "secret's value, not its id",
        environment={"AZURE_CLIENT_SECRET": "wrong~canary-of-a-secret"},
        quick=True,
    ),
    _refused(
        "expired-secret",
        "an expired client secret (AADSTS7000222)",
        7000222,
        "create a new one",
        environment={"AZURE_CLIENT_SECRET": "{expired_client_secret}"},
    ),
    _refused(
        "unknown-tenant",
        "a tenant that does not exist",
        90002,
        "Check tenant_id",
        environment={"AZURE_TENANT_ID": "11111111-2222-4333-8444-555555555555"},
    ),
    _refused(
        "unknown-application",
        "an application that the tenant does not have",
        700016,
        "Check client_id and tenant_id",
        environment={"AZURE_CLIENT_ID": "11111111-2222-4333-8444-555555555555"},
    ),
    _refused(
        "unregistered-certificate",
        "a certificate that is not registered",
        700027,
        "upload it in Entra",
        options={"client_certificate_path": "{unregistered_certificate_path}"},
        environment={"AZURE_CLIENT_SECRET": ""},
    ),
    Fault(
        "inactive-application",
        SIGN_IN,
        "an application that is not activated for the service",
        FAILS,
        cause={STORE: "HTTP 40[13]", LICENSING: "AADSTS65001", CATALOG: "AADSTS65001", PARTNER: "HTTP 40[13]"},
        remedy=r"management tool|activat|consent|Partner Center",
        environment={
            "AZURE_CLIENT_ID": "{inactive_client_id}",
            "AZURE_CLIENT_SECRET": "{inactive_client_secret}",
            "MSDEVICES_REFRESH_TOKEN": "{inactive_refresh_token}",
        },
        tries=(0, 2),
        token_tries=(1, 2),
    ),
    Fault(
        "token-overload-once",
        SIGN_IN,
        "503 from the token endpoint, once",
        SURVIVES,
        rules=_token_endpoint("status", status=503, times=1),
        token_tries=2,
        apart=True,
    ),
    Fault(
        "token-throttled",
        SIGN_IN,
        "429 with Retry-After from the token endpoint, once",
        SURVIVES,
        rules=_token_endpoint("status", status=429, retry_after=1, times=1),
        token_tries=2,
        apart=True,
    ),
    Fault(
        "token-overload",
        SIGN_IN,
        "503 from the token endpoint, for good, when signing in with a certificate",
        FAILS,
        cause=r"HTTP 503",
        remedy=r"again|later",
        rules=_token_endpoint("status", status=503),
        options={"client_certificate_path": "{certificate_path}"},
        environment={"AZURE_CLIENT_SECRET": ""},
        tries=0,
        token_tries=3,
    ),
    Fault(
        "token-page",
        SIGN_IN,
        "the HTML page of a proxy, with 200, from the token endpoint",
        FAILS,
        cause=r"without a usable body",
        remedy=r"proxy",
        rules=_token_endpoint("html"),
        tries=0,
    ),
    Fault(
        "token-stall",
        SIGN_IN,
        "no answer from the token endpoint within the time-out",
        FAILS,
        cause=r"did not answer in time",
        remedy=r"Check that the controller reaches the host",
        rules=_token_endpoint("stall_headers"),
        tries=0,
        token_tries=(2, 3),
    ),
    Fault(
        "token-oversized",
        SIGN_IN,
        "a body of 3 GiB from the token endpoint",
        FAILS,
        cause=r"larger than",
        remedy=r"proxy",
        rules=_token_endpoint("oversized"),
        tries=0,
    ),
    Fault(
        "token-redirect",
        SIGN_IN,
        "a redirect of the token request to another host",
        FAILS,
        cause=r"redirect to .*not followed",
        remedy=r"proxy",
        rules=_token_endpoint("redirect", to="stranger", status=307),
        tries=0,
    ),
    Fault(
        "token-revoked-once",
        SIGN_IN,
        "a token that is revoked between two calls: 401 once",
        SURVIVES,
        rules=once("unauthorized"),
        tries=2,
        token_tries=(2, 7),
        quick=True,
    ),
    Fault(
        "token-refused",
        SIGN_IN,
        "every token is answered with 401",
        FAILS,
        cause=r"HTTP 401",
        remedy=r"audience|tenant|clock|activat|management tool|access_token|sign",
        rules=always("unauthorized"),
        tries=(1, 2),
        token_tries=(1, 4),
    ),
    Fault(
        "token-expired",
        SIGN_IN,
        "tokens that have expired when they arrive",
        FAILS,
        cause=r"HTTP 401|expired",
        remedy=r"clock|sign|token|activate",
        rules=_token_endpoint("expired_token"),
        tries=(0, 2),
        token_tries=(1, 4),
    ),
    Fault(
        "wrong-audience",
        SIGN_IN,
        "tokens for another audience",
        FAILS,
        cause=r"HTTP 401",
        remedy=r"audience|tenant|cloud",
        rules=_token_endpoint("wrong_audience_token"),
        tries=(1, 2),
        token_tries=(1, 4),
    ),
    Fault(
        "clock-off",
        SIGN_IN,
        "a clock that is ten minutes off, when signing in with a certificate",
        FAILS,
        cause=r"AADSTS700024",
        remedy=r"clock of the controller",
        rules=({"action": "clock_skew", "value": 1200, **_ENTRA},),
        options={"client_certificate_path": "{certificate_path}"},
        environment={"AZURE_CLIENT_SECRET": ""},
        tries=0,
        servers=(STORE, PARTNER),
    ),
    Fault(
        "other-issuer",
        SIGN_IN,
        "a discovery document of another issuer",
        FAILS,
        cause=r"issuer",
        remedy=r"authority",
        rules=_discovery("discovery_issuer"),
        tries=0,
        token_tries=0,
    ),
    Fault(
        "other-token-endpoint",
        SIGN_IN,
        "a discovery document whose token endpoint is on another host",
        FAILS,
        cause=r"another host|token endpoint",
        remedy=r"authority",
        rules=_discovery("discovery_token_endpoint"),
        tries=0,
        token_tries=0,
    ),
    Fault(
        "refresh-token-expired",
        SIGN_IN,
        "a refresh token that is not valid",
        FAILS,
        cause=r"AADSTS70000\b",
        remedy=r"refresh token",
        environment={"MSDEVICES_REFRESH_TOKEN": "0.canary-of-a-refresh-token"},
        tries=0,
    ),
)
