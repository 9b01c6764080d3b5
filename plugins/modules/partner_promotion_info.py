#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: partner_promotion_info
short_description: Look up promotions of Partner Center
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Looks up promotions of the catalog of new commerce in Microsoft Partner Center, by id or those of a market. A
    promotion is a discount on a product and SKU for a term.
  - The application or user needs the role Admin agent.
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
  promotion_id:
    description:
      - The ids of the promotions. A promotion that has ended is found by its id alone.
      - When not set, the promotions of the market are listed.
    type: list
    elements: str
    aliases: [promotion_ids]
  segment:
    description:
      - The segment for which to list promotions. The service has promotions for V(commercial) only, so far.
    type: str
    default: commercial
  on_missing:
    description:
      - What to do when there is no promotion with one of the ids in O(promotion_id).
      - V(error) fails and names all of them, V(warn) warns, and V(ignore) does neither; RV(not_found) has them.
    type: str
    choices:
      - error
      - warn
      - ignore
    default: error
  max_concurrency:
    description:
      - How many requests are made at the same time.
    type: int
    default: 16
seealso:
  - module: msdevices.provisioning.partner_product_info
"""

EXAMPLES = r"""
- name: List the promotions of a market, signed in by the environment
  msdevices.provisioning.partner_promotion_info:
    country: US
  register: found

- name: Show their names
  ansible.builtin.debug:
    msg: "{{ found.promotions | map(attribute='name') | list }}"
"""

RETURN = r"""
promotions:
  description:
    - The promotions exactly as the service sent them.
    - The service adds the field C(promotionConstraints) to promotions that are looked up by id.
  type: list
  elements: dict
  returned: success
  sample:
    - id: 39NFJQT1X27P:0001:39NFJQT1Q5KK
      name: Save 15 percent
      endDate: "2026-12-31T23:59:59.0000000+00:00"
not_found:
  description: The ids of O(promotion_id) that do not exist.
  type: list
  elements: str
  returned: success
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import fail_without_action_plugin
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_product import (
    promotion_specification,
)


def main() -> None:
    """Validate the options, and say that the action plugin of the same name does the work."""
    fail_without_action_plugin(AnsibleModule(**promotion_specification()))


if __name__ == "__main__":
    main()
