# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Reads an application's certificate with its private key, from PEM (plain or encrypted) or PFX."""

from __future__ import annotations

import os

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import pkcs12

    _MISSING = False
except ImportError:
    _MISSING = True

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.libraries import missing_library

_REMEDY_PEM = "Give one PEM file that holds both, or a PFX file"
_PASSWORD = "client_certificate_password (environment AZURE_CLIENT_CERTIFICATE_PASSWORD)"


def load_certificate(path: str, password: str) -> tuple[str, str]:
    """Return the unencrypted private key and the certificate, each as PEM text (never written anywhere).

    Raises OptionError when the file cannot be read or opened with this password, or holds no RSA key with its
    certificate (Entra's certificate sign-in takes RSA keys), and MissingLibraryError.
    """
    path = os.path.expanduser(path)
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise _unusable(path, f"it cannot be read ({reason})", "Check client_certificate_path") from None
    if _MISSING:
        raise missing_library("cryptography")
    secret = password.encode("utf-8") or None
    key, certificates = _open_pem(path, data, secret) if b"-----BEGIN " in data else _open_pfx(path, data, secret)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _unusable(path, "its private key is not an RSA key", "Register a certificate with an RSA key")
    # A file may hold the chain too, in any order.
    certificate = next((item for item in certificates if item.public_key() == key.public_key()), None)
    if certificate is None:
        raise _unusable(path, "none of its certificates belongs to its private key", _REMEDY_PEM)
    return (
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode("ascii"),
        certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
    )


def _open_pem(path: str, data: bytes, secret: bytes | None) -> tuple[object, list[x509.Certificate]]:
    encrypted = b"ENCRYPTED" in data
    if b"PRIVATE KEY-----" not in data:
        raise _unusable(path, "it holds no private key", _REMEDY_PEM)
    if encrypted and secret is None:
        raise _unusable(path, "its private key is encrypted and no password is set", f"Set {_PASSWORD}")
    try:
        # A password for a key that needs none is no mistake worth stopping for.
        key = serialization.load_pem_private_key(data, secret if encrypted else None)
    except Exception:  # cryptography raises many kinds, some of them from its native part
        if encrypted:
            raise _unusable(path, "its private key does not open with the password", f"Check {_PASSWORD}") from None
        raise _unusable(path, "its private key is damaged or of an unknown kind", _REMEDY_PEM) from None
    try:
        return key, x509.load_pem_x509_certificates(data)
    except ValueError:
        raise _unusable(path, "it holds no certificate", _REMEDY_PEM) from None


def _open_pfx(path: str, data: bytes, secret: bytes | None) -> tuple[object, list[x509.Certificate]]:
    try:
        key, certificate, _chain = pkcs12.load_key_and_certificates(data, secret)
    except Exception:  # cryptography raises many kinds, some of them from its native part
        raise _unusable(
            path, "it is neither PEM nor a PFX file that opens with the password", f"Check the file and {_PASSWORD}"
        ) from None
    if key is None or certificate is None:
        raise _unusable(path, "it does not hold both a private key and its certificate", "Export it with the key")
    return key, [certificate]


def _unusable(path: str, cause: str, remedy: str) -> OptionError:
    return OptionError(f"Could not use the certificate {path}", cause, remedy)
