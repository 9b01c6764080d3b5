# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Sign-in: settings to a bearer token, by MSAL. Source: reference facts on sign-in and MSAL."""

from __future__ import annotations

import os
import threading
import time
import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    SignInError,
    UnavailableError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import (
    Cache,
    Entry,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.libraries import (
    MINIMUM_VERSIONS,
    missing_library,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.session import (
    HttpSession,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import Deadline
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.certificate import load_certificate
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.openid_configuration import (
    ask,
    check_discovery,
    check_host,
    refused,
    text_of,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.refresh_token_file import RefreshTokenFile

# A token with less time left is not used, as MSAL has it.
_LEAST_SECONDS_LEFT = 300
_NO_IDENTITY = (
    "Check that the controller is a machine in Azure with a managed identity; elsewhere choose another auth_method"
)


class TokenSource:
    """Gives the bearer token for a service: from the run cache, else from a sign-in."""

    def __init__(self, settings: Settings, cache: Cache) -> None:
        self._settings = settings
        self._cache = cache
        self._key = f"token {settings.fingerprint}"
        self._given_up = False
        self._lock = threading.Lock()
        # Kept here too, so that without a run cache one sign-in serves all calls of a task.
        self._kept: Entry = {}

    def token(self) -> str:
        """Return a token with at least five minutes left, or one that was just issued.

        Raises SignInError, UnavailableError, OptionError or MissingLibraryError.
        """
        if self._settings.auth_method == "access_token":
            return self._settings.access_token
        with self._lock:
            if not _fresh(self._kept):
                self._kept = self._cache.get_or_create(self._key, self._create, _fresh)
            return str(self._kept["access_token"])

    def token_instead_of(self, refused: str) -> str | None:
        """Return another token than one that a service refused, or C(None) when there can be no other.

        Among several askers that were refused the same token, one signs in again.
        """
        if self._settings.auth_method == "access_token" or self._given_up:
            return None

        def other(entry: Entry) -> bool:
            return _fresh(entry) and entry["access_token"] != refused

        with self._lock:
            if not other(self._kept):
                self._kept = self._cache.get_or_create(self._key, self._create, other)
            token = str(self._kept["access_token"])
        return token if token != refused else None

    def give_up(self) -> None:
        """Remember that a fresh token was refused, too: signing in again would not help."""
        self._given_up = True

    def _create(self) -> Entry:
        result = _sign_in(self._settings)
        return {"access_token": result["access_token"], "expires_at": time.time() + _seconds(result.get("expires_in"))}


def _fresh(entry: Entry) -> bool:
    return bool(entry.get("access_token")) and entry.get("expires_at", 0) - time.time() >= _LEAST_SECONDS_LEFT


def _seconds(value: t.Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _sign_in(settings: Settings) -> dict[str, t.Any]:
    attempted = f"Could not sign in by {settings.auth_method}"
    # What needs no network comes first, so that a wrong option is found before any request.
    credential = _client_credential(settings)
    plain_http = settings.auth_method == "managed_identity"
    http = HttpSession(settings, plain_http=plain_http)
    try:
        import msal
        from msal.exceptions import MsalServiceError
    except ImportError as exc:
        raise missing_library("msal") from exc
    client = _MsalHttpClient(http, settings, attempted)
    try:
        result = _exchange(msal, settings, credential, client)
    except (ValueError, KeyError, AttributeError, TypeError, RuntimeError, OverflowError, MsalServiceError) as exc:
        # MSAL raises these for documents that are not what it expects.
        raise SignInError(
            attempted,
            f"the sign-in service's answer could not be used ({type(exc).__name__}; msal {msal.__version__})",
            "Check authority and tenant_id, whether a proxy answers in the service's place, and that msal is"
            f" {MINIMUM_VERSIONS['msal']} or later",
        ) from None
    finally:
        http.close()
    if not isinstance(result, Mapping) or not result.get("access_token"):
        raise refused(settings, attempted, result if isinstance(result, Mapping) else {})
    return dict(result)


def _client_credential(settings: Settings) -> t.Any:
    """The application's own credential in the form that MSAL takes, or C(None) for one that has none."""
    if settings.auth_method in ("certificate", "refresh_token") and settings.client_certificate_path:
        key, certificate = load_certificate(settings.client_certificate_path, settings.client_certificate_password)
        return {"private_key": key, "public_certificate": certificate}
    if settings.auth_method == "federated_token" or (
        settings.auth_method == "refresh_token" and settings.federated_token_file and not settings.client_secret
    ):
        _read_assertion(settings.federated_token_file)
        return {"client_assertion": lambda: _read_assertion(settings.federated_token_file)}
    return settings.client_secret or None


def _read_assertion(path: str) -> str:
    """Read the file anew each time: who issues the token replaces it there."""
    attempted = f"Could not use the federated token file {path}"
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as stream:
            assertion = stream.read().strip()
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "it is no text"
        raise OptionError(attempted, f"it cannot be read ({reason})", "Check federated_token_file") from None
    if not assertion:
        raise OptionError(attempted, "it is empty", "Check what writes the file")
    return assertion


def _exchange(msal: t.Any, settings: Settings, credential: t.Any, client: _MsalHttpClient) -> t.Any:
    """Acquire a token; a refresh token that is replaced on the way is kept where the user wants it."""
    if settings.auth_method != "refresh_token" or not settings.refresh_token_file:
        return _acquire(msal, settings, credential, client, settings.refresh_token)
    keeper = RefreshTokenFile(settings.refresh_token_file)
    with keeper.locked(settings.deadline):
        candidates = [token for token in dict.fromkeys((keeper.read(), settings.refresh_token)) if token]
        if not candidates:
            raise OptionError(
                "Could not sign in by refresh_token",
                f"{settings.refresh_token_file} does not exist or is empty, and refresh_token is not set",
                "Set refresh_token (environment MSDEVICES_REFRESH_TOKEN) for the first sign-in",
            )
        result: t.Any = None
        for token in candidates:
            result = _acquire(msal, settings, credential, client, token)
            if isinstance(result, Mapping) and result.get("access_token"):
                keeper.replace(str(result.get("refresh_token") or token))
                break
        return result


def _acquire(msal: t.Any, settings: Settings, credential: t.Any, client: _MsalHttpClient, refresh_token: str) -> t.Any:
    if settings.auth_method == "managed_identity":
        identity = (
            msal.UserAssignedManagedIdentity(client_id=settings.client_id)
            if settings.client_id
            else msal.SystemAssignedManagedIdentity()
        )
        manager = msal.ManagedIdentityClient(identity, http_client=client)
        return manager.acquire_token_for_client(resource=settings.audience)
    # Instance discovery would ask the public cloud about the authority that the user named.
    common = {
        "authority": f"{settings.authority}/{settings.tenant_id}",
        "http_client": client,
        "instance_discovery": False,
    }
    scopes = [f"{settings.audience}/.default"]
    if settings.auth_method == "refresh_token":
        if credential is None:
            app = msal.PublicClientApplication(settings.client_id, **common)
        else:
            app = msal.ConfidentialClientApplication(settings.client_id, client_credential=credential, **common)
        return app.acquire_token_by_refresh_token(refresh_token, scopes=scopes)
    # azure_region=False: a stray REGION_NAME variable must not send the sign-in to a regional host.
    app = msal.ConfidentialClientApplication(
        settings.client_id, client_credential=credential, azure_region=False, **common
    )
    return app.acquire_token_for_client(scopes=scopes)


class _MsalResponse:
    """The part of a response that MSAL reads."""

    def __init__(self, answer: Response) -> None:
        self.status_code = answer.status
        self.headers = answer.headers
        self.text = text_of(answer)

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise RuntimeError(f"HTTP {self.status_code}")


class _MsalHttpClient:
    """Lets MSAL send by our transport, which brings time-outs, retries and TLS settings, and keeps credentials from
    going to a host that only a discovery document names."""

    def __init__(self, http: HttpSession, settings: Settings, attempted: str) -> None:
        self._http = http
        self._settings = settings
        self._attempted = attempted
        self._deadline = Deadline(settings.deadline)
        # Managed identities talk to a local endpoint with answers of its own.
        self._entra = settings.auth_method != "managed_identity"

    def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **others: t.Any,
    ) -> _MsalResponse:
        """Send a GET: the discovery document, or a managed identity's token."""
        answer = self._send("GET", url, headers=headers or {}, params=params or {})
        if self._entra:
            check_discovery(self._settings, self._attempted, answer)
        return _MsalResponse(answer)

    def post(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: t.Any = None,
        **others: t.Any,
    ) -> _MsalResponse:
        """Send a POST: the token request."""
        if self._entra:
            check_host(self._settings, self._attempted, "token endpoint", url)
        return _MsalResponse(self._send("POST", url, headers=headers or {}, params=params or {}, data=data))

    def close(self) -> None:
        """MSAL closes what it is given; the session belongs to who made it."""

    def _send(self, method: str, url: str, **request: t.Any) -> Response:
        try:
            return ask(self._http, self._attempted, method, url, self._deadline, **request)
        except UnavailableError as exc:
            if self._entra:
                raise
            raise exc.within(self._attempted, _NO_IDENTITY) from None
