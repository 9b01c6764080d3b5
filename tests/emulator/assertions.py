# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client assertions, really verified: signed with a registered certificate or by a trusted workload issuer."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from .entra_errors import EntraError
from .identity import FEDERATION_AUDIENCE, FEDERATION_ISSUER, FEDERATION_SUBJECT, Application, Identity
from .tokens import LEEWAY, SIGNATURE_ONLY

ALGORITHMS = ["RS256", "PS256"]


def verify_assertion(
    assertion: str, application: Application, identity: Identity, audiences: tuple[str, ...], now: float
) -> str:
    """Check a client assertion; returns ``certificate`` or ``federated_token``, what it was made with.

    ``audiences`` are the ``aud`` values that mean this authority. Raises EntraError.
    """
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={**SIGNATURE_ONLY, "verify_signature": False})
    except jwt.PyJWTError:
        raise EntraError(50027, reason="it is no JSON web token") from None
    if header.get("alg") not in ALGORITHMS:
        raise EntraError(700027, reason=f"algorithm {header.get('alg')} is not accepted")
    if claims.get("iss") == application.client_id or claims.get("aud") in audiences:
        _verify_certificate(assertion, header, claims, application, audiences)
        kind = "certificate"
    else:
        _verify_federated(assertion, claims, application, identity)
        kind = "federated_token"
    _verify_times(claims, now)
    return kind


def _verify_certificate(
    assertion: str, header: dict[str, Any], claims: dict[str, Any], application: Application, audiences: tuple[str, ...]
) -> None:
    key = _registered(header, application).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise EntraError(700027, reason="the registered key is no RSA key")
    try:
        jwt.decode(assertion, key, algorithms=ALGORITHMS, options=SIGNATURE_ONLY)
    except jwt.PyJWTError:
        raise EntraError(700027, reason="the signature is not of the registered key") from None
    if claims.get("aud") not in audiences:
        raise EntraError(700023)
    if claims.get("iss") != application.client_id or claims.get("sub") != application.client_id:
        raise EntraError(700021)
    if not claims.get("jti"):
        raise EntraError(50027, reason="it has no jti")


def _registered(header: dict[str, Any], application: Application) -> x509.Certificate:
    """The registered certificate that the header names by thumbprint or carries."""
    named = {name: _thumbprint(header.get(name)) for name in ("x5t", "x5t#S256")}
    if not any(named.values()) and not header.get("x5c"):
        raise EntraError(700027, reason="the header names no certificate (x5t, x5t#S256 or x5c)")
    for certificate in application.certificates:
        own = {"x5t": certificate.fingerprint(hashes.SHA1()), "x5t#S256": certificate.fingerprint(hashes.SHA256())}
        if any(named.values()):
            if all(value is None or value == own[name] for name, value in named.items()):
                return certificate
        elif _carried(header["x5c"]) == own["x5t#S256"]:
            return certificate
    raise EntraError(700027, reason="the certificate it names is not registered on the application")


def _thumbprint(value: Any) -> bytes | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return b""


def _carried(x5c: Any) -> bytes | None:
    """The SHA-256 thumbprint of the certificate that an x5c header carries."""
    try:
        first = x5c if isinstance(x5c, str) else x5c[0]
        return x509.load_der_x509_certificate(base64.b64decode(first)).fingerprint(hashes.SHA256())
    except (ValueError, TypeError, IndexError, KeyError):
        return None


def _verify_federated(assertion: str, claims: dict[str, Any], application: Application, identity: Identity) -> None:
    if not application.federated or claims.get("iss") != FEDERATION_ISSUER:
        raise EntraError(700211, value=claims.get("iss"))
    try:
        jwt.decode(assertion, identity.federation_key.public_key(), algorithms=["RS256"], options=SIGNATURE_ONLY)
    except jwt.PyJWTError:
        raise EntraError(700027, reason="the signature is not of the trusted issuer") from None
    if claims.get("sub") != FEDERATION_SUBJECT:
        raise EntraError(700213, value=claims.get("sub"))
    audience = claims.get("aud")
    if audience != FEDERATION_AUDIENCE and audience != [FEDERATION_AUDIENCE]:
        raise EntraError(700212, value=audience)


def _verify_times(claims: dict[str, Any], now: float) -> None:
    try:
        expires = float(claims["exp"])
        earliest = max(float(claims.get(name, now)) for name in ("nbf", "iat"))
    except (KeyError, TypeError, ValueError):
        raise EntraError(50027, reason="its times are missing or no numbers") from None
    if now > expires + LEEWAY or now + LEEWAY < earliest:
        raise EntraError(700024)
