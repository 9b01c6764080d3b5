#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: partner_offer_info
short_description: Look up Partner Center offers
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Looks up offers of Microsoft Partner Center by id (I(Get an offer by ID)), of a market, of a category, or of a
    customer.
  - All requests are made by the controller. Each offer is asked for once in a run, however many hosts and tasks want
    it.
  - Offers are those of the legacy catalog. Many can no longer be bought anew, yet existing subscriptions renew.
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
  offer_id:
    description:
      - The ids of the offers. Most are GUIDs, but not all, such as V(MS-AZR-0145P).
      - When not set, all offers of the market are looked up. An empty list looks up none.
      - Mutually exclusive with O(category_id).
    type: list
    elements: str
    aliases:
      - offer_ids
  category_id:
    description:
      - Look up the offers of this category only. M(msdevices.provisioning.partner_offer_category_info) lists them.
    type: str
  include_addons:
    description:
      - Look up the add-ons of each offer, too. This takes a request for each offer that does not say it has none.
    type: bool
    default: false
  include_successors:
    description:
      - Look up what replaces each offer in the catalog of new commerce; RV(successors) has the candidates.
      - This takes a request for each product of the license-based services in the market, some 240, once in a run for
        each segment (commercial, nonprofit and so on) of the offers.
    type: bool
    default: false
  customer_id:
    description:
      - Look up offers that this customer may buy, by the GUID of the customer's tenant. With O(offer_id), those of
        them.
      - Mutually exclusive with O(category_id).
    type: str
  on_missing:
    description:
      - What to do when there is no offer with one of the ids in O(offer_id).
      - V(error) fails and names all of them, V(warn) warns, and V(ignore) does neither; RV(not_found) has them.
      - It decides about nothing else. Every other failure fails the task.
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
notes:
  - Responses are kept for the run (see O(run_cache)), so that offers that change within it are seen by the next run.
seealso:
  - plugin: msdevices.provisioning.partner_offer
    plugin_type: lookup
  - module: msdevices.provisioning.partner_offer_category_info
  - name: Get an offer by ID
    description: The documentation of the operation.
    link: https://learn.microsoft.com/partner-center/developer/get-an-offer-by-id
"""

EXAMPLES = r"""
- name: Look up two offers
  msdevices.provisioning.partner_offer_info:
    tenant_id: "{{ tenant }}"
    client_id: "{{ app }}"
    client_secret: "{{ app_secret }}"
    country: US
    offer_id:
      - 031C9E47-4802-4248-838E-778FB1D2CC05
      - MS-AZR-0145P
  register: found

- name: Show their names
  ansible.builtin.debug:
    msg: "{{ found.offers | map(attribute='name') | list }}"

- name: Look up what can be bought in Germany, with descriptions in German, signed in by the environment
  msdevices.provisioning.partner_offer_info:
    country: DE
    locale: de-DE
  register: market

- name: Look up an offer with its add-ons, which may be gone
  msdevices.provisioning.partner_offer_info:
    country: US
    offer_id: 031C9E47-4802-4248-838E-778FB1D2CC05
    include_addons: true
    on_missing: warn
"""

RETURN = r"""
offers:
  description:
    - The offers exactly as the service sent them, in the order in which they were asked for. Those that were not found
      are left out.
    - Fields come and go from offer to offer; only C(id) is always there.
  type: list
  elements: dict
  returned: success
  sample:
    - id: 031C9E47-4802-4248-838E-778FB1D2CC05
      name: Office 365 Business Premium
      country: US
      locale: en-us
      isAddOn: false
      isAvailableForPurchase: true
      billing: license
addons:
  description: The add-ons of each offer, as lists of offers, by the id of the offer.
  type: dict
  returned: when O(include_addons=true)
  sample:
    031C9E47-4802-4248-838E-778FB1D2CC05: []
successors:
  description:
    - The candidates to replace each offer, by the id of the offer. These are SKUs for the same license in the segment
      of the offer; trials for trials, and add-ons for add-ons.
    - Several SKUs can fit one offer, and the list can be empty. Decide by the titles.
  type: dict
  returned: when O(include_successors=true)
  sample:
    BD938F12-058F-4927-BBA3-AE36B1D2501C:
      - catalog_id: CFQ7TTC0LH18:0001
        product_id: CFQ7TTC0LH18
        sku_id: "0001"
        title: Microsoft 365 Business Basic
        product_title: Microsoft 365 Business Basic
legacy_catalog_ids:
  description:
    - The id by which the same offer has its place in the catalog of new commerce, by the id of the offer. The module
      M(msdevices.provisioning.partner_product_info) looks it up, if the service still has it.
  type: dict
  returned: when O(include_successors=true)
  sample:
    BD938F12-058F-4927-BBA3-AE36B1D2501C: 3B555118-DA6A-4418-894F-7DF1E2096870:BD938F12-058F-4927-BBA3-AE36B1D2501C
not_found:
  description: The ids of O(offer_id) that do not exist.
  type: list
  elements: str
  returned: success
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import fail_without_action_plugin
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_offer import offer_specification


def main() -> None:
    """Validate the options, and say that the action plugin of the same name does the work."""
    fail_without_action_plugin(AnsibleModule(**offer_specification()))


if __name__ == "__main__":
    main()
