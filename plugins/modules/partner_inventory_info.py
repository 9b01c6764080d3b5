#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: partner_inventory_info
short_description: Check what Partner Center can deliver
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Checks for products and SKUs of the catalog of new commerce in Microsoft Partner Center whether they can be had at
    present. It changes and reserves nothing.
  - A SKU needs this check before a purchase if its C(purchasePrerequisites) holds C(InventoryCheck).
  - All requests are made by the controller, once in a run, however many hosts and tasks need the response.
extends_documentation_fragment:
  - msdevices.provisioning._auth
  - msdevices.provisioning._service
  - msdevices.provisioning._market
  - msdevices.provisioning._attributes
  - msdevices.provisioning._attributes.info
  - msdevices.provisioning._attributes.actiongroup_partner_center
attributes:
  platform:
    support: full
    platforms: all
options:
  items:
    description:
      - What to check, as C(product) (all its SKUs) or C(product:sku). A C(/) can replace the C(:).
    type: list
    elements: str
    required: true
  context:
    description:
      - The values that the field C(inventoryVariables) of the SKU names, such as C(customerId),
        C(azureSubscriptionId) and C(armRegionName).
    type: dict
    default: {}
seealso:
  - module: msdevices.provisioning.partner_product_info
"""

EXAMPLES = r"""
- name: Check a reservation for a subscription, signed in by the environment
  msdevices.provisioning.partner_inventory_info:
    country: US
    items:
      - DZH318Z0BQ36:0001
    context:
      customerId: "{{ customer }}"
      azureSubscriptionId: "{{ subscription }}"
  register: checked

- name: Show what cannot be had
  ansible.builtin.debug:
    msg: "{{ checked.inventory | selectattr('isRestricted') | list }}"
"""

RETURN = r"""
inventory:
  description: What the service sent, one dictionary for each SKU.
  type: list
  elements: dict
  returned: success
  sample:
    - productId: DZH318Z0BQ36
      skuId: "0001"
      isRestricted: false
      restrictions: []
not_found:
  description: The values of O(items) about which the service said nothing. Its catalog does not know them.
  type: list
  elements: str
  returned: success
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import fail_without_action_plugin
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_product import (
    inventory_specification,
)


def main() -> None:
    """Validate the options, and say that the action plugin of the same name does the work."""
    fail_without_action_plugin(AnsibleModule(**inventory_specification()))


if __name__ == "__main__":
    main()
