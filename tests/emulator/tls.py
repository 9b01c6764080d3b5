# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's own certificate authority and the TLS context its listeners share."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


def write_authority(state_dir: Path, name: str = "ca.pem") -> tuple[ssl.SSLContext, Path, Path]:
    """Make a certificate authority, in a file of this name, and a server certificate for localhost.

    Returns the server context, the path of the authority's certificate and that of an authority that signed nothing
    here (for clients that must refuse the emulator).
    """
    authority = trustme.CA(organization_name="msdevices.provisioning emulator")
    stranger = trustme.CA(organization_name="An authority that signed nothing")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    ca_path, other_path = state_dir / name, state_dir / "other-ca.pem"
    authority.cert_pem.write_to_path(str(ca_path))
    stranger.cert_pem.write_to_path(str(other_path))
    return context, ca_path, other_path
