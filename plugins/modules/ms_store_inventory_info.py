#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ms_store_inventory_info
short_description: List the apps that an organization owns in Store for Business
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Lists the inventory of an organization in Microsoft Store for Business, with titles, seats and content ids.
  - RV(licenses) can be handed to M(msdevices.provisioning.ms_offline_license) as it is.
  - All requests are made by the controller, once in a run, two for each product and one for each 100 products.
  - Store for Business is retired by Microsoft, without a public date for the end of its host. This module was never
    tried against the live service.
extends_documentation_fragment:
  - msdevices.provisioning._auth
  - msdevices.provisioning._service
  - msdevices.provisioning._attributes
  - msdevices.provisioning._attributes.info
  - msdevices.provisioning._attributes.actiongroup_store
attributes:
  platform:
    support: full
    platforms: all
options:
  license_type:
    description:
      - Which entries of the inventory are listed.
    type: str
    choices:
      - offline
      - online
      - all
    default: offline
  include_titles:
    description:
      - Whether to request the title of each product.
    type: bool
    default: true
  language:
    description:
      - The language of the titles.
    type: str
    default: en-us
  max_concurrency:
    description:
      - How many requests are made at the same time.
    type: int
    default: 16
seealso:
  - module: msdevices.provisioning.ms_offline_license
  - module: msdevices.provisioning.ms_store_product_info
"""

EXAMPLES = r"""
- name: List what the organization owns offline
  msdevices.provisioning.ms_store_inventory_info:
  register: owned

- name: Show the titles
  ansible.builtin.debug:
    msg: "{{ owned.inventory | map(attribute='title') | list }}"

- name: Stage all licenses that the organization owns
  msdevices.provisioning.ms_offline_license:
    licenses: "{{ owned.licenses }}"
    dest: /srv/image/licenses
"""

RETURN = r"""
inventory:
  description: One dictionary for each entry of the inventory.
  type: list
  elements: dict
  returned: success
  contains:
    product_id:
      description: The Store id of the product.
      type: str
      returned: always
      sample: 9WZDNCRFJ3PS
    sku_id:
      description: The id of the SKU.
      type: str
      returned: always
      sample: "0015"
    license_type:
      description: V(offline) or V(online).
      type: str
      returned: always
      sample: offline
    title:
      description: The name of the app.
      type: str
      returned: always, V(null) without O(include_titles) or where there is none in O(language)
      sample: Contoso App
    seats:
      description: How many seats the organization owns.
      type: int
      returned: always, V(null) where the service does not say
      sample: 25
    available_seats:
      description: How many of them are not assigned.
      type: int
      returned: always, V(null) where the service does not say
      sample: 20
    last_modified:
      description: When the entry changed, as the service writes it.
      type: str
      returned: always
      sample: "2021-03-01T00:00:00.0000000Z"
    status:
      description: The status of the entry, such as V(active).
      type: str
      returned: always
      sample: active
    content_ids:
      description: The distinct content ids of the packages, in lower case.
      type: list
      elements: str
      returned: always
      sample:
        - 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11
    error:
      description: Why the packages could not be listed.
      type: str
      returned: always, V(null) when they could
      sample: null
licenses:
  description: The licenses of all offline entries, as
    O(msdevices.provisioning.ms_offline_license#module:licenses) takes them.
  type: list
  elements: dict
  returned: success
  contains:
    product_id:
      description: The Store id of the product.
      type: str
      returned: always
      sample: 9WZDNCRFJ3PS
    sku_id:
      description: The id of the SKU.
      type: str
      returned: always
      sample: "0015"
    content_id:
      description: The content id.
      type: str
      returned: always
      sample: 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import fail_without_action_plugin
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_inventory import (
    inventory_specification,
)


def main() -> None:
    """Validate the options, and say that the action plugin of the same name does the work."""
    fail_without_action_plugin(AnsibleModule(**inventory_specification()))


if __name__ == "__main__":
    main()
