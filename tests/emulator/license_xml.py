# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""License documents with the structure of real ones and a real signature. Source: docs of the license document."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .catalog import REQUESTOR_ID, Product
from .identity import new_key

NAMESPACE = "urn:schemas-microsoft-com:windows:store:licensing:ls"
_DSIG = "http://www.w3.org/2000/09/xmldsig#"
_FIRST_ISSUE = 1_614_556_800  # 2021-03-01, so that documents are the same in every run
_BLOCK_BYTES = 306


def signing_key(path: Path) -> rsa.RSAPrivateKey:
    """The key that signs licenses, kept in ``path`` so that the next run signs with the same one."""
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{path} holds no RSA key")
        return key
    key = new_key()
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return key


def instance_id(product: Product, content_id: str, issue: int) -> str:
    """The license instance id of one issue of a license."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"instance {product.product_id} {content_id.lower()} {issue}"))


class LicenseWriter:
    """Writes licenses: one line of UTF-8, no byte-order mark, no declaration, no newline at the end."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        numbers = key.public_key().public_numbers()
        self._modulus = _base64(numbers.n.to_bytes(256, "big"))
        self._exponent = _base64(numbers.e.to_bytes(3, "big"))
        self._written: dict[tuple[str, str, int], bytes] = {}

    def license(self, product: Product, content_id: str, issue: int = 0) -> bytes:
        """The license of one product and content id; ``issue`` counts how often it was issued anew."""
        key = (product.product_id, content_id.lower(), issue)
        document = self._written.get(key)
        if document is None:
            document = self._written[key] = self._sign(*_content(product, content_id.lower(), issue))
        return document

    def _sign(self, head: str, tail: str) -> bytes:
        """Put the enveloped signature between two halves of a document that is in canonical form already."""
        digest = hashlib.sha256((head + tail).encode("utf-8")).digest()
        info = _signed_info(_base64(digest))
        # Canonicalized by itself, SignedInfo carries the namespace that it inherits from Signature.
        canonical = info.replace("<SignedInfo>", f'<SignedInfo xmlns="{_DSIG}">', 1)
        value = self._key.sign(canonical.encode("utf-8"), padding.PKCS1v15(), hashes.SHA256())
        signature = (
            f'<Signature xmlns="{_DSIG}">{info}<SignatureValue>{_base64(value)}</SignatureValue>'
            f"<KeyInfo><KeyValue><RSAKeyValue><Modulus>{self._modulus}</Modulus>"
            f"<Exponent>{self._exponent}</Exponent></RSAKeyValue></KeyValue></KeyInfo></Signature>"
        )
        return (head + signature + tail).encode("utf-8")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _signed_info(digest: str) -> str:
    return (
        '<SignedInfo><CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">'
        "</CanonicalizationMethod>"
        '<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></SignatureMethod>'
        '<Reference URI=""><Transforms><Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature">'
        '</Transform><Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></Transform></Transforms>'
        '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></DigestMethod>'
        f"<DigestValue>{digest}</DigestValue></Reference></SignedInfo>"
    )


def _stamp(seconds: float, fraction: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction:07d}Z"


def _content(product: Product, content_id: str, issue: int) -> tuple[str, str]:
    """The document without its signature, in two halves, attributes in canonical order (namespace, then by name)."""
    seed = f"{product.product_id} {content_id} {issue}".encode()
    number = int.from_bytes(hashlib.sha256(b"dates" + seed).digest()[:8], "big")
    issued = _FIRST_ISSUE + number % 86_400 + 86_400 * issue
    fraction = number % 10_000_000
    block = b"".join(hashlib.sha256(seed + bytes([part])).digest() for part in range(_BLOCK_BYTES // 32 + 1))
    head = (
        f'<License xmlns="{NAMESPACE}" ContentID="{content_id}"'
        f' ID="{uuid.uuid5(uuid.NAMESPACE_OID, "document " + seed.decode())}"'
        f' LicenseID="{uuid.uuid5(uuid.NAMESPACE_OID, "license " + product.product_id + content_id)}" Version="3">'
        f'<Binding Binding_Type="Machine"><ProductID>{product.product_id}</ProductID>'
        f"<PFM>{product.family(content_id).lower()}</PFM>"
        f"<LicenseInstanceID>{instance_id(product, content_id, issue)}</LicenseInstanceID>"
        f"<RequestorID>{REQUESTOR_ID}</RequestorID><LeaseRequired>false</LeaseRequired></Binding>"
        '<LicenseInfo LicenseCategory="Enterprise" LicenseUsage="Offline" Type="Full">'
        f"<IssuedDate>{_stamp(issued, fraction)}</IssuedDate>"
        f"<LastUpdateDate>{_stamp(issued + 1, fraction // 3)}</LastUpdateDate>"
        f"<BeginDate>{_stamp(issued, 0)}</BeginDate></LicenseInfo>"
        f"<SPLicenseBlock>{_base64(block[:_BLOCK_BYTES])}</SPLicenseBlock>"
    )
    return head, "</License>"
