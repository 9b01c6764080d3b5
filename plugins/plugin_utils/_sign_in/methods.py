# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""A class per sign-in method: what it checks before any request, and how it gets a token from MSAL.

Source: reference facts on sign-in and MSAL. To add a method, add its class here, and its options to the settings.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

try:
    import msal
    from msal.exceptions import MsalServiceError
except ImportError:
    msal = None

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.libraries import (
    MINIMUM_VERSIONS,
    missing_library,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.session import HttpSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.certificate import load_certificate
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.federated_token import (
    read_federated_token,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.msal_http import MsalHttpClient
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.openid_configuration import token_error
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.refresh_token_file import RefreshTokenFile


class SignInMethod:
    """A method with its settings."""

    ENTRA: t.ClassVar[bool] = True
    """Whether Entra itself is asked, over https; else an endpoint of this machine."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def validate(self) -> None:
        """Check what needs no network. Raises OptionError or MissingLibraryError."""

    def acquire(self, client: MsalHttpClient) -> t.Any:
        """Return MSAL's result: with `access_token` and `expires_in`, or with `error`."""
        raise NotImplementedError


class ApplicationMethod(SignInMethod):
    """Base of those by which an application signs in by itself, with a credential of its own."""

    _credential: t.Any = None

    def credential(self) -> t.Any:
        """Return the credential in the form that MSAL takes. Raises OptionError or MissingLibraryError."""
        raise NotImplementedError

    def validate(self) -> None:
        """See SignInMethod."""
        self._credential = self.credential()

    def acquire(self, client: MsalHttpClient) -> t.Any:
        """See SignInMethod."""
        return self.application(client).acquire_token_for_client(scopes=[f"{self.settings.audience}/.default"])

    def application(self, client: MsalHttpClient) -> t.Any:
        """Return MSAL's application, which reads the OpenID configuration."""
        # azure_region=False: a stray REGION_NAME variable must not send the sign-in to a regional host.
        return msal.ConfidentialClientApplication(
            self.settings.client_id,
            client_credential=self._credential,
            azure_region=False,
            **_application_options(self.settings, client),
        )


class ClientSecret(ApplicationMethod):
    """By a secret that the application shares with Entra."""

    def credential(self) -> t.Any:
        """See ApplicationMethod."""
        return self.settings.client_secret


class Certificate(ApplicationMethod):
    """By an assertion that the application's private key signs."""

    def credential(self) -> t.Any:
        """See ApplicationMethod."""
        settings = self.settings
        key, certificate = load_certificate(settings.client_certificate_path, settings.client_certificate_password)
        return {"private_key": key, "public_certificate": certificate}


class FederatedToken(ApplicationMethod):
    """By a token of another issuer, in a file that somebody else renews."""

    def credential(self) -> t.Any:
        """See ApplicationMethod."""
        path = self.settings.federated_token_file
        read_federated_token(path)
        return {"client_assertion": lambda: read_federated_token(path)}


class PublicUserMethod(SignInMethod):
    """Base of those by which a user signs in through a public application, which has no credential of its own."""

    def public_application(self, client: MsalHttpClient) -> t.Any:
        """Return MSAL's application, which reads the OpenID configuration."""
        return msal.PublicClientApplication(self.settings.client_id, **_application_options(self.settings, client))


class RefreshToken(PublicUserMethod):
    """By the refresh token of a user, for a public application or with the application's own credential."""

    _application: ApplicationMethod | None = None

    def validate(self) -> None:
        """See SignInMethod."""
        settings = self.settings
        if settings.client_certificate_path:
            self._application = Certificate(settings)
        elif settings.client_secret:
            self._application = ClientSecret(settings)
        elif settings.federated_token_file:
            self._application = FederatedToken(settings)
        if self._application is not None:
            self._application.validate()

    def acquire(self, client: MsalHttpClient) -> t.Any:
        """See SignInMethod. A refresh token that is replaced on the way is kept where the user wants it."""
        settings = self.settings
        if not settings.refresh_token_file:
            return self._exchange(client, settings.refresh_token)
        keeper = RefreshTokenFile(settings.refresh_token_file)
        if not settings.refresh_token and not keeper.read():
            raise OptionError(
                "Could not sign in by refresh_token",
                f"{settings.refresh_token_file} does not exist or is empty, and refresh_token is not set",
                "Set refresh_token (environment MSDEVICES_REFRESH_TOKEN) for the first sign-in",
            )
        with keeper.locked(settings.deadline):
            candidates = [token for token in dict.fromkeys((keeper.read(), settings.refresh_token)) if token]
            result: t.Any = None
            for token in candidates:
                result = self._exchange(client, token)
                if isinstance(result, Mapping) and result.get("access_token"):
                    keeper.replace(str(result.get("refresh_token") or token))
                    break
            return result

    def _exchange(self, client: MsalHttpClient, token: str) -> t.Any:
        settings = self.settings
        if self._application is not None:
            app = self._application.application(client)
        else:
            app = self.public_application(client)
        return app.acquire_token_by_refresh_token(token, scopes=[f"{settings.audience}/.default"])


class ManagedIdentity(SignInMethod):
    """By the identity of the machine in Azure."""

    ENTRA = False

    def acquire(self, client: MsalHttpClient) -> t.Any:
        """See SignInMethod."""
        client_id = self.settings.client_id
        identity = (
            msal.UserAssignedManagedIdentity(client_id=client_id) if client_id else msal.SystemAssignedManagedIdentity()
        )
        manager = msal.ManagedIdentityClient(identity, http_client=client)
        return manager.acquire_token_for_client(resource=self.settings.audience)


METHODS: dict[str, type[SignInMethod]] = {
    "client_secret": ClientSecret,
    "certificate": Certificate,
    "federated_token": FederatedToken,
    "refresh_token": RefreshToken,
    "managed_identity": ManagedIdentity,
}
"""By the values of `auth_method`; access_token, which gets no token, is not among them."""


def sign_in(settings: Settings) -> dict[str, t.Any]:
    """Sign in by the method of the settings; return MSAL's result, with `access_token`. Raises as `sign_in_by` does."""
    return sign_in_by(METHODS[settings.auth_method](settings))


def sign_in_by(method: SignInMethod) -> dict[str, t.Any]:
    """Sign in; return MSAL's result, with `access_token`.

    Raises SignInError, UnavailableError, OptionError or MissingLibraryError.
    """
    settings = method.settings
    attempted = f"Could not sign in by {settings.auth_method}"
    # What needs no network comes first, so that a wrong option is found before any request.
    method.validate()
    http = HttpSession(settings, plain_http=not method.ENTRA)
    if msal is None:
        raise missing_library("msal")
    client = MsalHttpClient(http, settings, attempted, entra=method.ENTRA)
    try:
        result = method.acquire(client)
    except (ValueError, KeyError, AttributeError, TypeError, RuntimeError, OverflowError, MsalServiceError) as exc:
        # MSAL raises these for documents that are not what it expects.
        raise SignInError(
            attempted,
            f"the sign-in service's response could not be used ({type(exc).__name__}; msal {msal.__version__})",
            "Check authority and tenant_id, whether a proxy answers in the service's place, and that msal is"
            f" {MINIMUM_VERSIONS['msal']} or later",
        ) from None
    finally:
        http.close()
    if not isinstance(result, Mapping) or not result.get("access_token"):
        raise token_error(settings, attempted, result if isinstance(result, Mapping) else {}, client.sent_secrets)
    return dict(result)


def _application_options(settings: Settings, client: MsalHttpClient) -> dict[str, t.Any]:
    # Instance discovery would ask the public cloud about the authority that the user named.
    return {
        "authority": f"{settings.authority}/{settings.tenant_id}",
        "http_client": client,
        "instance_discovery": False,
    }
