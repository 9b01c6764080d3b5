# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.certificate import load_certificate

PASSWORD = "pass wörd"
WRONG = "something else"
PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
PLAIN = serialization.NoEncryption()
LOCKED = serialization.BestAvailableEncryption(PASSWORD.encode())


@dataclass(frozen=True)
class Pair:
    """A private key and its certificate."""

    key: CertificateIssuerPrivateKeyTypes
    certificate: x509.Certificate

    @classmethod
    def make(cls, key: CertificateIssuerPrivateKeyTypes, name: str) -> Pair:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now)
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        return cls(key, builder.sign(key, hashes.SHA256()))

    def key_pem(self, encryption: serialization.KeySerializationEncryption = PLAIN, form=PKCS8) -> bytes:
        return self.key.private_bytes(PEM, form, encryption)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(PEM)


@pytest.fixture(scope="module")
def app() -> Pair:
    """The application's key and certificate."""
    return Pair.make(rsa.generate_private_key(public_exponent=65537, key_size=2048), "app")


@pytest.fixture(scope="module")
def authority() -> Pair:
    """The certificate authority above it, with a key of another kind."""
    return Pair.make(ec.generate_private_key(ec.SECP256R1()), "authority")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], str]:
    """Write a file and return its path."""

    def write_file(data: bytes) -> str:
        path = tmp_path / "app.certificate"
        path.write_bytes(data)
        return str(path)

    return write_file


def refused(path: str, password: str = "") -> OptionError:
    with pytest.raises(OptionError) as caught:
        load_certificate(path, password)
    error = caught.value
    assert error.attempted == f"Could not use the certificate {path}"
    assert error.remedy
    assert WRONG not in str(error)
    assert PASSWORD not in str(error)
    assert "PRIVATE" not in str(error)
    return error


class TestPem:
    @pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
    @pytest.mark.parametrize("locked", [False, True])
    @pytest.mark.parametrize("key_first", [False, True])
    def test_opens(self, app: Pair, write: Callable[[bytes], str], form, locked: bool, key_first: bool) -> None:
        key = app.key_pem(LOCKED if locked else PLAIN, form)
        path = write(key + app.pem if key_first else app.pem + key)
        loaded_key, certificate = load_certificate(path, PASSWORD if locked else "")
        assert certificate == app.pem.decode()
        assert loaded_key == app.key_pem().decode()

    def test_a_password_that_is_not_needed_does_not_matter(self, app: Pair, write: Callable[[bytes], str]) -> None:
        assert load_certificate(write(app.key_pem() + app.pem), "any")[1] == app.pem.decode()

    def test_text_around_and_windows_line_ends_do_not_matter(self, app: Pair, write: Callable[[bytes], str]) -> None:
        text = b"Bag Attributes\n    friendlyName: app\n" + app.key_pem() + b"subject=CN = app\n" + app.pem
        assert load_certificate(write(text.replace(b"\n", b"\r\n")), "")[1] == app.pem.decode()

    @pytest.mark.parametrize("own_first", [False, True])
    def test_the_chain_may_stand_in_any_order(
        self, app: Pair, authority: Pair, write: Callable[[bytes], str], own_first: bool
    ) -> None:
        chain = app.pem + authority.pem if own_first else authority.pem + app.pem
        for data in (app.key_pem() + chain, chain + app.key_pem()):
            assert load_certificate(write(data), "")[1] == app.pem.decode()

    def test_the_home_directory_is_found(
        self, app: Pair, write: Callable[[bytes], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(app.key_pem() + app.pem)
        monkeypatch.setenv("HOME", str(tmp_path))
        assert load_certificate("~/app.certificate", "")[1] == app.pem.decode()

    @pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
    def test_wrong_password(self, app: Pair, write: Callable[[bytes], str], form) -> None:
        path = write(app.key_pem(LOCKED, form) + app.pem)
        error = refused(path, WRONG)
        assert error.cause == "its private key does not open with the password"
        assert "AZURE_CLIENT_CERTIFICATE_PASSWORD" in error.remedy
        error = refused(path)
        assert error.cause == "its private key is encrypted and no password is set"
        assert error.remedy.startswith("Set client_certificate_password")

    def test_no_key(self, app: Pair, write: Callable[[bytes], str]) -> None:
        assert refused(write(app.pem)).cause == "it holds no private key"

    def test_no_certificate(self, app: Pair, write: Callable[[bytes], str]) -> None:
        assert refused(write(app.key_pem())).cause == "it holds no certificate"

    def test_the_certificate_of_another_key(self, app: Pair, authority: Pair, write: Callable[[bytes], str]) -> None:
        error = refused(write(app.key_pem() + authority.pem))
        assert error.cause == "none of its certificates belongs to its private key"

    def test_no_rsa_key(self, authority: Pair, write: Callable[[bytes], str]) -> None:
        error = refused(write(authority.key_pem() + authority.pem))
        assert error.cause == "its private key is not an RSA key"
        assert error.remedy == "Register a certificate with an RSA key"

    def test_damage(self, app: Pair, write: Callable[[bytes], str]) -> None:
        key = app.key_pem()
        assert "damaged" in refused(write(key[:200] + b"!!" + key[210:] + app.pem)).cause
        assert refused(write(key + app.pem[:-60])).cause == "it holds no certificate"


class TestPfx:
    def data(self, pair: Pair, chain: list[x509.Certificate] | None = None, encryption=LOCKED) -> bytes:
        return pkcs12.serialize_key_and_certificates(b"app", pair.key, pair.certificate, chain, encryption)

    def test_opens(self, app: Pair, authority: Pair, write: Callable[[bytes], str]) -> None:
        for chain in (None, [authority.certificate]):
            key, certificate = load_certificate(write(self.data(app, chain)), PASSWORD)
            assert (key, certificate) == (app.key_pem().decode(), app.pem.decode())

    def test_without_a_password(self, app: Pair, write: Callable[[bytes], str]) -> None:
        path = write(self.data(app, encryption=PLAIN))
        assert load_certificate(path, "")[1] == app.pem.decode()

    @pytest.mark.parametrize("password", ["", WRONG])
    def test_wrong_password(self, app: Pair, write: Callable[[bytes], str], password: str) -> None:
        error = refused(write(self.data(app)), password)
        assert error.cause == "it is neither PEM nor a PFX file that opens with the password"
        assert "AZURE_CLIENT_CERTIFICATE_PASSWORD" in error.remedy

    def test_no_key(self, app: Pair, write: Callable[[bytes], str]) -> None:
        data = pkcs12.serialize_key_and_certificates(b"app", None, app.certificate, None, LOCKED)
        assert refused(write(data), PASSWORD).cause == "it does not hold both a private key and its certificate"

    def test_no_certificate(self, app: Pair, write: Callable[[bytes], str]) -> None:
        data = pkcs12.serialize_key_and_certificates(b"app", app.key, None, None, LOCKED)
        assert refused(write(data), PASSWORD).cause == "it does not hold both a private key and its certificate"

    def test_no_rsa_key(self, authority: Pair, write: Callable[[bytes], str]) -> None:
        assert refused(write(self.data(authority)), PASSWORD).cause == "its private key is not an RSA key"


class TestFile:
    def test_missing(self, tmp_path: Path) -> None:
        error = refused(str(tmp_path / "missing.pem"))
        assert error.cause == "it cannot be read (No such file or directory)"
        assert error.remedy == "Check client_certificate_path"

    def test_a_directory(self, tmp_path: Path) -> None:
        assert refused(str(tmp_path)).cause == "it cannot be read (Is a directory)"

    @pytest.mark.parametrize("data", [b"", b"garbage", b"\x30\x82\xff\xff", b"-----BEGIN CERTIFICATE-----\nx"])
    def test_something_else(self, data: bytes, write: Callable[[bytes], str]) -> None:
        assert refused(write(data)).cause in (
            "it is neither PEM nor a PFX file that opens with the password",
            "it holds no private key",
        )
