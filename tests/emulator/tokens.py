# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access and refresh tokens: issued by the Entra of a cloud, checked by the services of that cloud alone."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization

from .identity import new_key

if TYPE_CHECKING:
    from jwt.types import Options

#: Clocks may differ by this many seconds before a token or assertion is refused.
LEEWAY = 300
#: Times and audience are checked here, with other words and another clock than the library's.
SIGNATURE_ONLY: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
ROLES = ["Store.Inventory.Read", "Store.License.Get"]
#: Directory roles by name: the template ids that the claim ``wids`` of a user's token holds.
DIRECTORY_ROLES = {
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "License Administrator": "4d6ac14f-3453-41d0-bef9-a3e0c569773a",
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
}
DEFAULT_ROLE = "License Administrator"
#: Those whose users the licensing service serves.
LICENSING_ROLES = frozenset(template for name, template in DIRECTORY_ROLES.items() if name != "Global Reader")
#: What ``wids`` holds for every user.
_MEMBER = "b79fbf4d-3ef9-4689-8143-76b194e85509"


class TokenRefused(Exception):
    """A service does not take a token. ``reason`` is a word, ``detail`` a sentence without the token."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def check_role(role: str | None) -> None:
    """Raises ValueError for a directory role that is not known here."""
    if role is not None and role not in DIRECTORY_ROLES:
        raise ValueError(f"there is no role {role!r}; there are {', '.join(DIRECTORY_ROLES)}")


class TokenIssuer:
    """Signs and checks the access tokens of one cloud. The key is the cloud's own, as is the issuer."""

    _sequence = itertools.count(1)

    def __init__(self, cloud: str) -> None:
        self.cloud = cloud
        self._key = new_key()
        self._public = self._key.public_key()
        der = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        digest = hashes.Hash(hashes.SHA256())
        digest.update(der)
        self.kid = digest.finalize().hex()[:20]
        self._verified: dict[str, dict[str, Any]] = {}
        self._issued = 0
        self._revoked = 0

    def issuer(self, tenant_id: str) -> str:
        """The ``iss`` claim of this cloud's tokens."""
        return f"https://sts.{self.cloud}.emulator.example/{tenant_id}/"

    def issue(
        self,
        audience: str,
        client_id: str,
        tenant_id: str,
        lifetime: int,
        now: float,
        user: bool = False,
        mfa: bool = True,
        role: str | None = DEFAULT_ROLE,
        **changes: Any,
    ) -> str:
        """A signed access token valid for ``lifetime`` seconds (negative: already expired) from ``now``.

        ``user`` makes it app+user, with the authentication methods of someone who did (``mfa``) or did not use a
        second factor and with a directory role of DIRECTORY_ROLES (none: a mere member). ``changes`` replace claims.
        Raises ValueError for an unknown role.
        """
        check_role(role)
        sequence = next(self._sequence)
        start = int(now) if lifetime >= 0 else int(now) + lifetime - 3600
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": self.issuer(tenant_id),
            "iat": start,
            "nbf": start,
            "exp": int(now) + lifetime,
            "appid": client_id,
            "appidacr": "1",
            "oid": str(uuid.uuid5(uuid.NAMESPACE_URL, client_id)),
            "tid": tenant_id,
            "uti": f"{sequence}-{secrets.token_urlsafe(12)}",
            "ver": "1.0",
            "cloud": self.cloud,
        }
        if user:
            claims.update(
                scp="user_impersonation",
                upn="builder@contoso.onmicrosoft.com",
                amr=["pwd", "mfa"] if mfa else ["pwd"],
                wids=[DIRECTORY_ROLES[role], _MEMBER] if role else [_MEMBER],
            )
        else:
            claims.update(idtyp="app", roles=ROLES)
        claims.update(changes)
        self._issued = sequence
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.kid})

    def id_token(self, claims: dict[str, Any]) -> str:
        """A signed id token with these claims."""
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.kid})

    def jwks(self) -> dict[str, Any]:
        """The public half as a JSON web key set."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._public, as_dict=True)
        return {"keys": [{**key, "use": "sig", "kid": self.kid, "x5t": self.kid}]}

    def revoke_issued(self) -> None:
        """Refuse every token issued until now."""
        self._revoked = self._issued

    def reset(self) -> None:
        """Take revoked tokens again."""
        self._revoked = 0

    def check(
        self, authorization: str | None, audiences: tuple[str, ...], tenant_id: str, now: float
    ) -> dict[str, Any]:
        """The claims of the bearer token in an Authorization header.

        Raises TokenRefused with reason missing, malformed, signature, issuer, audience, tenant, expired, not_yet or
        revoked.
        """
        scheme, _unused, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenRefused("missing", "There is no bearer token.")
        claims = self._decode(token.strip())
        if claims.get("iss") != self.issuer(str(claims.get("tid"))):
            raise TokenRefused("issuer", "Another authority issued the token.")
        if str(claims.get("aud")).rstrip("/") not in audiences:
            raise TokenRefused("audience", "The token is for another audience.")
        if claims.get("tid") != tenant_id:
            raise TokenRefused("tenant", "The token is of another tenant.")
        if now >= float(claims["exp"]):
            raise TokenRefused("expired", "The token has expired.")
        if now + LEEWAY < float(claims["nbf"]):
            raise TokenRefused("not_yet", "The token is not valid yet.")
        if int(str(claims["uti"]).partition("-")[0]) <= self._revoked:
            raise TokenRefused("revoked", "The token was revoked.")
        return claims

    def _decode(self, token: str) -> dict[str, Any]:
        claims = self._verified.get(token)
        if claims is not None:
            return claims
        try:
            claims = jwt.decode(token, self._public, algorithms=["RS256"], options=SIGNATURE_ONLY)
        except jwt.InvalidSignatureError:
            raise TokenRefused("signature", "The signature of the token is not of an authority known here.") from None
        except (jwt.PyJWTError, ValueError):
            raise TokenRefused("malformed", "The token is no JSON web token.") from None
        if len(self._verified) > 1000:
            self._verified.clear()
        self._verified[token] = claims
        return claims


@dataclass
class RefreshGrant:
    """What a refresh token stands for. ``used`` counts its exchanges; ``expires`` is in epoch seconds."""

    cloud: str
    client_id: str
    mfa: bool
    role: str | None
    expires: float
    initial: bool = False
    used: int = 0


class RefreshTokens:
    """The refresh tokens that are out. Each exchange makes a new one; the old one may stay valid."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._grants: dict[str, RefreshGrant] = {}

    def create(
        self,
        cloud: str,
        client_id: str,
        lifetime: float,
        mfa: bool = True,
        role: str | None = DEFAULT_ROLE,
        initial: bool = False,
    ) -> str:
        """A new refresh token, valid for ``lifetime`` seconds. An initial one survives a reset.

        ``mfa`` and ``role`` are of its user, as in TokenIssuer.issue. Raises ValueError for an unknown role.
        """
        check_role(role)
        token = f"0.A{secrets.token_urlsafe(96)}"
        with self._lock:
            self._grants[token] = RefreshGrant(cloud, client_id, mfa, role, time.time() + lifetime, initial)
        return token

    def redeem(self, token: str, cloud: str, client_id: str, uses: int | None, now: float) -> RefreshGrant:
        """The grant of a refresh token, one use older. ``uses`` is how often one may be used (none: any number).

        Raises TokenRefused with reason unknown, client, expired or used.
        """
        with self._lock:
            grant = self._grants.get(token)
            if grant is None or grant.cloud != cloud:
                raise TokenRefused("unknown", "The refresh token is malformed or was not issued here.")
            if grant.client_id != client_id:
                raise TokenRefused("client", "The refresh token was issued to another application.")
            if now >= grant.expires:
                raise TokenRefused("expired", "The refresh token has expired.")
            if uses is not None and grant.used >= uses:
                raise TokenRefused("used", "The refresh token has been used already.")
            grant.used += 1
            return grant

    def reset(self) -> None:
        """Only the initial refresh tokens are left, unused."""
        with self._lock:
            self._grants = {token: grant for token, grant in self._grants.items() if grant.initial}
            for grant in self._grants.values():
                grant.used = 0
