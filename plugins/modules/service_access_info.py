#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_access_info
short_description: Check step by step whether a service can be reached
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Checks step by step whether the controller can reach a service of this collection and sign in to it. Returns the
    status of each step, and what to do about failures. It starts with the versions of the libraries and the options.
    Then come, for the sign-in service and for the service itself, the proxy in use, name resolution, TCP, and TLS;
    discovery, the clock and the token; and one harmless call.
  - The steps of the network (proxy, name resolution, TCP, TLS) need no credential and are checked without one, too.
    The TCP step names each address of the host that does not answer.
  - It does not fail when a step fails; look at RV(passed), or use the playbook C(msdevices.provisioning.check_access).
  - The harmless call lists one entry of the inventory (V(store_for_business)), asks for the license of a content id
    that nothing has (V(store_licensing)), looks a product up (V(store_catalog)), or lists the offer categories
    (V(partner_center)). It changes and issues nothing. For V(store_delivery), which needs no sign-in, the steps go on
    to the CDN of the packages, with the headers of one. The exchange of a refresh token replaces the one in
    O(refresh_token_file), as every sign-in does.
  - Of a token its claims are shown (audience, roles, expiry), never the token.
  - Every step is really made. The run cache is neither read nor written.
extends_documentation_fragment:
  - msdevices.provisioning._auth
  - msdevices.provisioning._service
  - msdevices.provisioning._attributes
  - msdevices.provisioning._attributes.info
  - msdevices.provisioning._attributes.actiongroup_all
attributes:
  platform:
    support: full
    platforms: all
options:
  service:
    description:
      - The service to check. V(store_catalog) is asked for content ids beside V(store_licensing), and by
        M(msdevices.provisioning.ms_store_product_info). Where O(access_token) is not set, its ready token is taken from
        the environment variable E(MSDEVICES_CATALOG_ACCESS_TOKEN) before E(MSDEVICES_ACCESS_TOKEN).
      - V(partner_price_sheets) is the host of M(msdevices.provisioning.partner_price_sheet), which needs a token of its
        own and serves users only.
    type: str
    choices:
      - store_for_business
      - store_licensing
      - store_catalog
      - store_delivery
      - partner_center
      - partner_price_sheets
    required: true
  product_id:
    description:
      - The app whose package is looked up with O(service=store_delivery).
    type: str
    default: 9WZDNCRFJ3PS
  catalog_base_url:
    description:
      - Root URL of the Store's catalog, which is asked before O(service=store_delivery).
    type: str
  download_hosts:
    description:
      - Hosts and domains from which packages may come, for O(service=store_delivery).
    type: list
    elements: str
    default:
      - delivery.mp.microsoft.com
  country:
    description:
      - For which country the harmless call asks with O(service=partner_center).
      - When not set, the environment variable E(MSDEVICES_COUNTRY) is used.
    type: str
    default: US
seealso:
  - module: msdevices.provisioning.ms_offline_license
  - module: msdevices.provisioning.ms_store_product_info
  - module: msdevices.provisioning.partner_offer_info
"""

EXAMPLES = r"""
- name: See whether Partner Center can be reached
  msdevices.provisioning.service_access_info:
    service: partner_center
  register: access

- name: Show the report
  ansible.builtin.debug:
    msg: "{{ access.report }}"

- name: Show what failed, and what to do about it
  ansible.builtin.debug:
    msg: "{{ item.step }} failed: {{ item.detail }}. {{ item.remedy }}."
  loop: "{{ access.steps | selectattr('status', 'equalto', 'fail') }}"
  loop_control:
    label: "{{ item.step }}"
"""

RETURN = r"""
report:
  description: The steps as lines for people, with what to do about each step that failed.
  type: list
  elements: str
  returned: success
  sample:
    - partner_center at https://api.partnercenter.microsoft.com
    - pass    versions           python 3.12.1, ansible-core 2.21.5, requests 2.34.2, msal 1.39.0
    - pass    options            sign-in by client_secret
passed:
  description: Whether no step failed.
  type: bool
  returned: success
  sample: true
service:
  description: The service that was checked.
  type: str
  returned: success
  sample: partner_center
base_url:
  description: The service's root URL. Empty, as are the next two, when the options cannot work.
  type: str
  returned: success
  sample: https://api.partnercenter.microsoft.com
authority:
  description: The sign-in service's root URL.
  type: str
  returned: success
  sample: https://login.microsoftonline.com
auth_method:
  description: How the sign-in is done.
  type: str
  returned: success
  sample: client_secret
steps:
  description: The steps, in their order.
  type: list
  elements: dict
  returned: success
  contains:
    step:
      description: The name of the step, such as V(sign_in_tls), V(token) or V(service_call).
      type: str
      returned: always
      sample: service_tls
    status:
      description: V(pass), V(fail) or V(skipped).
      type: str
      returned: always
      sample: pass
    detail:
      description: What was found, or why it failed or was skipped.
      type: str
      returned: always
      sample: TLSv1.3, certificate of api.partnercenter.microsoft.com issued by Example CA
    remedy:
      description: What to do about a failure, else empty.
      type: str
      returned: always
      sample: ""
    seconds:
      description: How long the step took.
      type: float
      returned: always
      sample: 0.12
versions:
  description: The versions on the controller of Python, ansible-core and libraries. Empty where a library is missing.
  type: dict
  returned: success
  sample:
    python: 3.12.1
    ansible-core: 2.21.5
    requests: 2.34.2
    msal: 1.39.0
    urllib3: 2.8.0
    cryptography: 50.0.2
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import fail_without_action_plugin
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.service_access import access_specification


def main() -> None:
    """Validate the options, and say that the action plugin of the same name does the work."""
    fail_without_action_plugin(AnsibleModule(**access_specification()))


if __name__ == "__main__":
    main()
