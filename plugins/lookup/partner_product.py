# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: partner_product
short_description: Look up products, SKUs and availabilities of Partner Center by id
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Looks up the catalog of new commerce in Microsoft Partner Center by id, for templates and expressions.
  - It runs on the controller, in check mode too, and as often as Ansible evaluates the expression. The run cache makes
    one request of it for each part of the catalog, however many hosts and expressions need it.
extends_documentation_fragment:
  - msdevices.provisioning._auth
  - msdevices.provisioning._auth.plugins
  - msdevices.provisioning._service
  - msdevices.provisioning._service.plugins
  - msdevices.provisioning._market
  - msdevices.provisioning._market.plugins
options:
  _terms:
    description:
      - The ids, as C(product), C(product:sku) or C(product:sku:availability). A C(/) can replace the C(:).
    type: list
    elements: str
    required: true
  want:
    description:
      - What to return for each id.
      - V(item) is the product, SKU or availability with the id. V(availabilities) is the list of the availabilities of
        a SKU. V(catalog_item_id) is the id that an order takes; it fails when several availabilities can be bought.
    type: str
    choices:
      - item
      - availabilities
      - catalog_item_id
    default: item
  customer_id:
    description:
      - Look up what this customer can buy, by the GUID of the customer's tenant.
    type: str
  segment:
    description:
      - The segments in which to list availabilities, such as V(commercial), V(education), V(government) and
        V(nonprofit). When not set, the service lists all segments but V(nonprofit).
    type: list
    elements: str
  on_missing:
    description:
      - What to do when something with one of the ids does not exist.
      - V(error) fails and names all of them. V(warn) warns, and V(ignore) does not; the value of the term is then
        V(null).
      - It decides about nothing else. Every other failure is an error.
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
  - Prefer C(query), or C(lookup) with C(wantlist=true), for several terms. A C(lookup) of one term is its value.
  - Give several terms to one lookup rather than one to each of several. They share a client and are requested together.
seealso:
  - module: msdevices.provisioning.partner_product_info
  - ref: ansible_collections.msdevices.provisioning.docsite.guide_lookups
    description: How often Ansible evaluates a lookup, and when a task is the better choice.
"""

EXAMPLES = r"""
- name: Show the title of a SKU, signed in by the environment
  ansible.builtin.debug:
    msg: "{{ lookup('msdevices.provisioning.partner_product', 'CFQ7TTC0LH18:0001', country='US').title }}"

- name: Show the id that an order takes
  ansible.builtin.debug:
    msg: >-
      {{ lookup('msdevices.provisioning.partner_product', 'CFQ7TTC0LH18:0001', country='US', segment=['commercial'],
                want='catalog_item_id') }}
"""

RETURN = r"""
_list:
  description:
    - One value for each term. Products, SKUs and availabilities are exactly as the service sent them.
    - V(null) for what does not exist, unless O(on_missing=error).
  type: list
  elements: raw
"""

import typing as t

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.lookup import ProvisioningLookup
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import run_cache_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.look_up_products import (
    look_up_products,
)


class LookupModule(ProvisioningLookup):
    """Looks up parts of the catalog by id."""

    def look_up(self, terms: list[str], options: dict[str, t.Any]) -> list[t.Any]:
        """See ProvisioningLookup."""
        return look_up_products(terms, options, run_cache_of, self._display.warning)
