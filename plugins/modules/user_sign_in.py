#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: user_sign_in
short_description: Sign a user in and keep the refresh token
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Signs a user in to Microsoft Entra by a device code. The task shows an address and a code, and waits. The user opens
    the address in any browser, enters the code, and signs in there, with multi-factor authentication if the tenant
    wants it.
  - Keeps the refresh token, by which later runs sign in unattended, with the option C(refresh_token_file) of the other
    modules.
  - Run it by hand. A scheduled job has nobody to enter the code.
options:
  tenant_id:
    description: The directory (tenant) id, a GUID, or a domain of the tenant.
    type: str
    aliases:
      - tenant
  client_id:
    description:
      - The application (client) id.
      - In its registration, under I(Authentication), set I(Allow public client flows) to V(Yes).
    type: str
  service:
    description:
      - The service that the user signs in for. The user or an administrator consents to the application for it.
      - A refresh token for V(store_licensing) serves V(store_catalog), too, if there is consent for both.
    type: str
    choices:
      - store_licensing
      - store_catalog
      - partner_center
    default: store_licensing
  refresh_token_file:
    description:
      - The file on the controller to keep the refresh token in, with mode C(0600). A token in it is replaced.
      - Set this option or O(return_refresh_token).
    type: path
  return_refresh_token:
    description:
      - Whether to return the refresh token, for a credential of an automation controller.
      - Whoever sees the output of a task that prints it can sign in as the user.
    type: bool
    default: false
  wait:
    description: How many seconds to wait for the user. A code is good for some 15 minutes.
    type: int
    default: 900
  cloud:
    description: The cloud of the tenant. Without it, E(AZURE_CLOUD_ENVIRONMENT) decides, else it is V(public).
    type: str
    aliases:
      - cloud_environment
    choices:
      - public
      - usgov
      - china
      - germany
      - AzureCloud
      - AzureUSGovernment
      - AzureChinaCloud
      - AzureGermanCloud
  authority:
    description: The root URL of the sign-in service, when it is not that of the cloud.
    type: str
  audience:
    description: The resource (application ID URI) of the token, when it is not that of the service.
    type: str
  validate_certs:
    description: Whether to verify TLS certificates. Disable for tests only.
    type: bool
    default: true
  ca_path:
    description: A file or directory of CA certificates in PEM form, used instead of the usual ones.
    type: path
  timeout:
    description: How many seconds one request may take.
    type: float
    default: 30.0
  max_retries:
    description: How often a request is tried again.
    type: int
    default: 4
extends_documentation_fragment:
  - msdevices.provisioning._attributes
attributes:
  check_mode:
    support: full
    details:
      - In check mode nobody is asked to sign in.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - Each run signs in anew.
  platform:
    support: full
    platforms: all
notes:
  - The environment variables E(AZURE_TENANT_ID), E(AZURE_CLIENT_ID), E(MSDEVICES_REFRESH_TOKEN_FILE) and
    E(AZURE_AUTHORITY_HOST) set O(tenant_id), O(client_id), O(refresh_token_file) and O(authority).
seealso:
  - module: msdevices.provisioning.service_access_info
"""

EXAMPLES = r"""
- name: Sign in, and keep the refresh token for later runs
  msdevices.provisioning.user_sign_in:
    tenant_id: contoso.onmicrosoft.com
    client_id: 22222222-aaaa-bbbb-cccc-000000000000
    refresh_token_file: /etc/images/refresh-token
"""

RETURN = r"""
user:
  description: The name of the user who signed in, or an empty text when the sign-in service does not say it.
  type: str
  returned: success
  sample: builder@contoso.onmicrosoft.com
refresh_token:
  description: The refresh token.
  type: str
  returned: when O(return_refresh_token=true)
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import fail_without_action_plugin
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.user_sign_in import (
    user_sign_in_specification,
)


def main() -> None:
    """Validate the options, and say that the action plugin of the same name does the work."""
    fail_without_action_plugin(AnsibleModule(**user_sign_in_specification()))


if __name__ == "__main__":
    main()
