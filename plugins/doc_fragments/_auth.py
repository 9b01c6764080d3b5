# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to sign in."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of auth_options in module_utils/_argspec/common.py."""

    DOCUMENTATION = r"""
options:
  tenant_id:
    description:
      - The directory (tenant) in which to sign in, as its GUID or one of its domain names.
      - Needed for every way to sign in but O(auth_method=access_token) and O(auth_method=managed_identity).
      - When not set, the environment variable E(AZURE_TENANT_ID) or E(AZURE_TENANT) is used.
    type: str
    aliases:
      - tenant
  client_id:
    description:
      - The application (client) id as which to sign in.
      - With O(auth_method=managed_identity) it selects a user-assigned identity; leave it out for the system-assigned
        one.
      - When not set, the environment variable E(AZURE_CLIENT_ID) is used.
    type: str
  client_secret:
    description:
      - The value of the application's client secret.
      - When not set, the environment variable E(AZURE_CLIENT_SECRET) or E(AZURE_SECRET) is used.
    type: str
    aliases:
      - secret
  client_certificate_path:
    description:
      - A file on the controller with the application's certificate and its private RSA key, as PEM (plain or
        encrypted) or PFX.
      - When not set, the environment variable E(AZURE_CLIENT_CERTIFICATE_PATH) or E(AZURE_X509_CERTIFICATE_PATH) is
        used.
    type: path
    aliases:
      - x509_certificate_path
  client_certificate_password:
    description:
      - The password of O(client_certificate_path), if it has one.
      - When not set, the environment variable E(AZURE_CLIENT_CERTIFICATE_PASSWORD) is used.
    type: str
  federated_token_file:
    description:
      - A file on the controller with a token of a workload identity federation. It is read anew for each sign-in.
      - When not set, the environment variable E(AZURE_FEDERATED_TOKEN_FILE) is used.
    type: path
    aliases:
      - oidc_token_file_path
  refresh_token:
    description:
      - A refresh token that a user consented to (application and user sign-in).
      - Set O(client_secret), O(client_certificate_path) or O(federated_token_file) too when the application is a
        confidential one.
      - When not set, the environment variable E(MSDEVICES_REFRESH_TOKEN) is used.
    type: str
  refresh_token_file:
    description:
      - A file on the controller in which the newest refresh token is kept, readable by its owner alone. Each sign-in
        replaces the token with the new one that it returns, and the next run reads it from there.
      - As long as there is no such file, and when its token is refused, O(refresh_token) is used. A file beside it,
        with the suffix C(.lock), keeps parallel runs apart.
      - The file is only created in a directory of the user who runs Ansible with mode 0700. Elsewhere, create it
        first, empty; a file that holds something else than a token is never replaced.
      - When not set, the environment variable E(MSDEVICES_REFRESH_TOKEN_FILE) is used.
    type: path
  access_token:
    description:
      - A ready access token for the service. It is used as it is, and cannot be renewed.
      - When not set, the environment variable E(MSDEVICES_ACCESS_TOKEN) is used.
    type: str
  auth_method:
    description:
      - How to sign in.
      - V(auto) decides by which credential is set, and refuses to choose between several. It never asks a metadata
        service, so a managed identity is only used with V(managed_identity).
    type: str
    default: auto
    choices:
      - auto
      - client_secret
      - certificate
      - federated_token
      - managed_identity
      - refresh_token
      - access_token
  cloud:
    description:
      - The national cloud of the tenant. It decides on the defaults of O(authority), O(audience) and O(base_url).
      - The names that begin with C(Azure) mean the same clouds, as other collections name them.
      - When not set, the environment variable E(AZURE_CLOUD_ENVIRONMENT) decides, else it is V(public).
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
    description:
      - Root URL of the sign-in service, without the tenant, such as V(https://login.microsoftonline.com).
      - The default depends on O(cloud).
      - When not set, the environment variable E(AZURE_AUTHORITY_HOST) is used.
    type: str
  audience:
    description:
      - For which service tokens are issued, as the URI of its resource.
      - The default depends on the service and on O(cloud).
    type: str
notes:
  - Tokens and credentials stay on the controller. They are sent to the sign-in service and to the service alone.
requirements:
  - requests >= 2.28.0 (on the controller)
  - msal >= 1.35.0 (on the controller)
seealso:
  - ref: ansible_collections.msdevices.provisioning.docsite.guide_sign_in
    description: Each method, with the set-up that it needs; clouds; environment variables.
"""

    # Where plugins that run on the controller find the same options besides their arguments.
    # Secrets never come from ansible.cfg: such files are shared and committed.
    PLUGINS = r"""
options:
  tenant_id:
    env:
      - name: AZURE_TENANT_ID
      - name: AZURE_TENANT
    vars:
      - name: msdevices_tenant_id
    ini:
      - section: msdevices_provisioning
        key: tenant_id
  client_id:
    env:
      - name: AZURE_CLIENT_ID
    vars:
      - name: msdevices_client_id
    ini:
      - section: msdevices_provisioning
        key: client_id
  client_secret:
    env:
      - name: AZURE_CLIENT_SECRET
      - name: AZURE_SECRET
    vars:
      - name: msdevices_client_secret
  client_certificate_path:
    env:
      - name: AZURE_CLIENT_CERTIFICATE_PATH
      - name: AZURE_X509_CERTIFICATE_PATH
    vars:
      - name: msdevices_client_certificate_path
    ini:
      - section: msdevices_provisioning
        key: client_certificate_path
  client_certificate_password:
    env:
      - name: AZURE_CLIENT_CERTIFICATE_PASSWORD
    vars:
      - name: msdevices_client_certificate_password
  federated_token_file:
    env:
      - name: AZURE_FEDERATED_TOKEN_FILE
    vars:
      - name: msdevices_federated_token_file
    ini:
      - section: msdevices_provisioning
        key: federated_token_file
  refresh_token:
    env:
      - name: MSDEVICES_REFRESH_TOKEN
    vars:
      - name: msdevices_refresh_token
  refresh_token_file:
    env:
      - name: MSDEVICES_REFRESH_TOKEN_FILE
    vars:
      - name: msdevices_refresh_token_file
    ini:
      - section: msdevices_provisioning
        key: refresh_token_file
  access_token:
    env:
      - name: MSDEVICES_ACCESS_TOKEN
    vars:
      - name: msdevices_access_token
  auth_method:
    vars:
      - name: msdevices_auth_method
    ini:
      - section: msdevices_provisioning
        key: auth_method
  cloud:
    vars:
      - name: msdevices_cloud
    ini:
      - section: msdevices_provisioning
        key: cloud
  authority:
    env:
      - name: AZURE_AUTHORITY_HOST
    vars:
      - name: msdevices_authority
    ini:
      - section: msdevices_provisioning
        key: authority
  audience:
    vars:
      - name: msdevices_audience
    ini:
      - section: msdevices_provisioning
        key: audience
"""
