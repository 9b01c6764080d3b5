#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: partner_product_info
short_description: Look up products, SKUs and availabilities of Partner Center
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Looks up the catalog of new commerce in Microsoft Partner Center. A product is a group of SKUs. A SKU is a form in
    which a product is sold. An availability says how a SKU is sold in a country to a segment.
  - All requests are made by the controller. Each part of the catalog is requested once in a run, however many hosts
    and tasks need it.
  - Prices are not part of this catalog. The module M(msdevices.provisioning.partner_price_sheet) downloads them.
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
  catalog_id:
    description:
      - The ids to look up, as C(product), C(product:sku) or C(product:sku:availability). A C(/) can replace the C(:).
      - Ids of availabilities are reissued regularly. Keep C(product:sku), and look up its availabilities.
      - A SKU id of less than four digits gets leading zeros, which spreadsheets remove.
      - Either this option or O(target_view) is required.
    type: list
    elements: str
    aliases: [catalog_ids]
  target_view:
    description:
      - Look up the products of this view, such as V(OnlineServices) (license-based services), V(Azure),
        V(MicrosoftAzure), V(AzureReservations), V(Software) or V(SpecializedOffers).
      - Microsoft adds views, so every value is sent as it is.
    type: str
  segment:
    description:
      - The segments in which to list products, SKUs and availabilities, such as V(commercial), V(education),
        V(government) and V(nonprofit). Each takes a request of its own for every list.
      - When not set, the service lists all segments but V(nonprofit).
      - It does not concern products, SKUs and availabilities that are looked up by id.
    type: list
    elements: str
  reservation_scope:
    description:
      - Set it to V(AzurePlan) to see the reservations for an Azure plan. When not set, the service shows those for the
        legacy Azure subscription.
    type: str
  customer_id:
    description:
      - Look up what this customer can buy, by the GUID of the customer's tenant. The customer's country then decides
        instead of O(country).
    type: str
  include_skus:
    description:
      - Look up the SKUs of each product that is found. This takes a request for each product.
    type: bool
    default: false
  include_availabilities:
    description:
      - Look up the availabilities of each SKU that is found. This takes a request for each SKU.
      - It includes O(include_skus).
    type: bool
    default: false
  include_lifecycle_state:
    description:
      - Have the service add the state of the life cycle to availabilities of license-based services.
    type: bool
    default: false
  on_missing:
    description:
      - What to do when something with one of the ids in O(catalog_id) does not exist.
      - V(error) fails and names all of them, V(warn) warns, and V(ignore) does neither; RV(not_found) has them.
      - It decides about nothing else. Every other failure fails the task.
    type: str
    choices:
      - error
      - warn
      - ignore
    default: error
  max_requests:
    description:
      - How many parts of the catalog the task may look up. When O(include_skus) or O(include_availabilities) would need
        more, the task fails before it requests them.
      - The license-based services of one market have about 235 products with 1,400 SKUs.
    type: int
    default: 2000
  max_concurrency:
    description:
      - How many requests are made at the same time.
    type: int
    default: 16
notes:
  - Responses are kept for the run (see O(run_cache)), so that changes within it are seen by the next run.
  - A product whose sale has ended is no longer found, yet its subscriptions renew.
seealso:
  - plugin: msdevices.provisioning.partner_product
    plugin_type: lookup
  - module: msdevices.provisioning.partner_offer_info
  - ref: ansible_collections.msdevices.provisioning.docsite.guide_partner_center
    description: Offers, products, SKUs and availabilities, and which id to keep.
"""

EXAMPLES = r"""
- name: Look up a SKU, and how it is sold to nonprofit organizations
  msdevices.provisioning.partner_product_info:
    tenant_id: "{{ tenant }}"
    client_id: "{{ app }}"
    client_secret: "{{ app_secret }}"
    country: US
    catalog_id: CFQ7TTC0LH18:0001
    segment: nonprofit
    include_availabilities: true
  register: found

- name: Show the ids that an order takes
  ansible.builtin.debug:
    msg: "{{ found.availabilities['CFQ7TTC0LH18:0001'] | map(attribute='catalogItemId') | list }}"

- name: List the license-based services of a market, signed in by the environment
  msdevices.provisioning.partner_product_info:
    country: DE
    locale: de-DE
    target_view: OnlineServices
  register: services
"""

RETURN = r"""
products:
  description:
    - The products exactly as the service sent them.
    - Fields come and go from product to product; only C(id) is always there.
  type: list
  elements: dict
  returned: success
  sample:
    - id: CFQ7TTC0LH18
      title: Microsoft 365 Business Basic
      productType:
        id: OnlineServicesNCE
        displayName: OnlineServicesNCE
skus:
  description:
    - The SKUs exactly as the service sent them, as lists by the id of the product.
    - These are SKUs that were looked up by id, and with O(include_skus=true) all of the products found.
  type: dict
  returned: success
  sample:
    CFQ7TTC0LH18:
      - id: "0001"
        productId: CFQ7TTC0LH18
        title: Microsoft 365 Business Basic
        isTrial: false
availabilities:
  description:
    - The availabilities exactly as the service sent them, as lists by C(product:sku).
    - These are availabilities that were looked up by id, and with O(include_availabilities=true) all of the SKUs found.
  type: dict
  returned: success
  sample:
    CFQ7TTC0LH18:0001:
      - id: CFQ7TTC0KKCM
        catalogItemId: CFQ7TTC0LH18:0001:CFQ7TTC0KKCM
        segment: commercial
        isPurchasable: true
not_found:
  description: The ids of O(catalog_id) that do not exist, written with C(:).
  type: list
  elements: str
  returned: success
  sample: []
missing:
  description:
    - Each id of RV(not_found), with the id of what there is not. That is the id of the product when there is no such
      product, of the SKU when the product has no such SKU, and of the availability otherwise.
  type: dict
  returned: success
  sample:
    CFQ7TTC0ZZZZ:0001: CFQ7TTC0ZZZZ
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import fail_without_action_plugin
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_product import (
    product_specification,
)


def main() -> None:
    """Validate the options, and say that the action plugin of the same name does the work."""
    fail_without_action_plugin(AnsibleModule(**product_specification()))


if __name__ == "__main__":
    main()
