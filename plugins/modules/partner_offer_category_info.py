#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: partner_offer_category_info
short_description: List the categories of Partner Center offers
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Lists the categories into which Microsoft Partner Center sorts the offers of a market.
  - The request is made by the controller, once in a run, however many hosts and tasks want it.
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
seealso:
  - module: msdevices.provisioning.partner_offer_info
"""

EXAMPLES = r"""
- name: List the categories
  msdevices.provisioning.partner_offer_category_info:
    country: US
  register: found

- name: Look up the offers of the first category
  msdevices.provisioning.partner_offer_info:
    country: US
    category_id: "{{ found.categories[0].id }}"
"""

RETURN = r"""
categories:
  description: The categories exactly as the service sent them.
  type: list
  elements: dict
  returned: success
  sample:
    - id: SmallBusiness_Key
      name: Small Business
      rank: 30
      locale: en-us
      country: US
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import fail_without_action_plugin
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_offer import (
    category_specification,
)


def main() -> None:
    """Validate the options, and say that the action plugin of the same name does the work."""
    fail_without_action_plugin(AnsibleModule(**category_specification()))


if __name__ == "__main__":
    main()
