# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants, applications and their credentials, as they would be registered in Entra."""

from __future__ import annotations

import datetime
import secrets
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

FEDERATION_AUDIENCE = "api://AzureADTokenExchange"
FEDERATION_ISSUER = "https://oidc.federation.example"
FEDERATION_SUBJECT = "system:serviceaccount:images:builder"
CERTIFICATE_PASSWORD = "Passw0rd of the certificate"


def new_key() -> rsa.RSAPrivateKey:
    """An RSA key of the size Entra asks for."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def new_secret() -> str:
    """A client secret of the shape Entra makes."""
    return f"{secrets.token_hex(2)}8Q~{secrets.token_urlsafe(25)}"


@dataclass(frozen=True)
class Application:
    """A registered application. ``certificates`` are those whose keys may sign its assertions."""

    client_id: str
    name: str
    client_secret: str | None = None
    expired_secret: str | None = None
    certificates: tuple[x509.Certificate, ...] = ()
    federated: bool = False
    #: Activated as a management tool in the Store, onboarded in Partner Center, consented to for the successor.
    activated: bool = True

    @property
    def public(self) -> bool:
        """Whether the application has no credential at all (a native client)."""
        return self.client_secret is None and not self.certificates and not self.federated


def _self_signed(key: rsa.RSAPrivateKey, name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=90))
        .sign(key, hashes.SHA256())
    )


@dataclass
class Identity:
    """One directory: a tenant, its domain name, its applications, and the material of their credentials."""

    tenant_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    tenant_domain: str = "contoso.onmicrosoft.com"
    #: A tenant that exists but has none of the applications.
    other_tenant_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    identity_header: str = field(default_factory=lambda: secrets.token_hex(16).upper())

    def __post_init__(self) -> None:
        self.certificate_key = new_key()
        self.federation_key = new_key()
        self.certificate = _self_signed(self.certificate_key, "image builder")
        self.main = Application(
            str(uuid.uuid4()),
            "image builder",
            new_secret(),
            new_secret(),
            (self.certificate,),
            federated=True,
        )
        self.inactive = Application(str(uuid.uuid4()), "never activated", new_secret(), activated=False)
        self.native = Application(str(uuid.uuid4()), "native client")
        self.managed = Application(str(uuid.uuid4()), "managed identity", new_secret())
        self._applications = {
            application.client_id: application for application in (self.main, self.inactive, self.native, self.managed)
        }

    def tenant(self, name: str) -> str | None:
        """The id of the tenant that goes by this id or domain name; none if there is none."""
        name = name.lower()
        if name in (self.tenant_id, self.tenant_domain):
            return self.tenant_id
        return self.other_tenant_id if name == self.other_tenant_id else None

    def application(self, client_id: str, tenant_id: str) -> Application | None:
        """The application of this id in this tenant; none if there is none."""
        return self._applications.get(client_id.lower()) if tenant_id == self.tenant_id else None

    def activated(self, client_id: str) -> bool:
        """Whether the services admit this application."""
        application = self._applications.get(client_id)
        return application is not None and application.activated

    def federated_token(self, lifetime: int = 86400, **changes: object) -> str:
        """A workload's token that the main application trusts; ``changes`` replace claims."""
        now = int(datetime.datetime.now(datetime.timezone.utc).timestamp())
        claims = {
            "iss": FEDERATION_ISSUER,
            "sub": FEDERATION_SUBJECT,
            "aud": FEDERATION_AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            **changes,
        }
        return jwt.encode(claims, self.federation_key, algorithm="RS256", headers={"kid": "federation"})

    def write_material(self, state_dir: Path) -> dict[str, str]:
        """Write certificate and token files below ``state_dir``; returns their paths by the names of endpoints.json."""
        plain = serialization.NoEncryption()
        locked = serialization.BestAvailableEncryption(CERTIFICATE_PASSWORD.encode())
        pem = serialization.Encoding.PEM
        pkcs8 = serialization.PrivateFormat.PKCS8
        certificate = self.certificate.public_bytes(pem)
        unknown_key = new_key()
        unknown = _self_signed(unknown_key, "registered nowhere")
        contents = {
            "certificate_path": ("app.pem", self.certificate_key.private_bytes(pem, pkcs8, plain) + certificate),
            "encrypted_certificate_path": (
                "app-encrypted.pem",
                self.certificate_key.private_bytes(pem, pkcs8, locked) + certificate,
            ),
            "pfx_path": (
                "app.pfx",
                pkcs12.serialize_key_and_certificates(
                    b"image builder", self.certificate_key, self.certificate, None, locked
                ),
            ),
            "unregistered_certificate_path": (
                "app-unregistered.pem",
                unknown_key.private_bytes(pem, pkcs8, plain) + unknown.public_bytes(pem),
            ),
            "federated_token_file": ("federated-token.jwt", self.federated_token().encode()),
            "expired_federated_token_file": ("federated-expired.jwt", self.federated_token(lifetime=-3600).encode()),
            "other_federated_token_file": ("federated-other.jwt", self.federated_token(sub="somebody else").encode()),
        }
        paths = {}
        for name, (file_name, content) in contents.items():
            path = state_dir / file_name
            path.touch(mode=0o600)
            path.write_bytes(content)
            paths[name] = str(path)
        return paths
