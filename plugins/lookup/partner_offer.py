# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: partner_offer
short_description: Look up Partner Center offers by id
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Looks up offers of Microsoft Partner Center by id (I(Get an offer by ID)), for templates and expressions.
  - It runs on the controller, in check mode too, and as often as Ansible evaluates the expression. The run cache makes
    one request for each offer of it, however many hosts and expressions want it.
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
      - The ids of the offers.
    type: list
    elements: str
    required: true
  customer_id:
    description:
      - Look the offers up among those that this customer may buy, by the GUID of the customer's tenant.
    type: str
  on_missing:
    description:
      - What to do when there is no offer with one of the ids.
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
  - Prefer C(query), or C(lookup) with C(wantlist=true), for several terms. A C(lookup) of one term is that offer.
  - Give several terms to one lookup rather than one to each of several. They share a client and are asked for together.
seealso:
  - module: msdevices.provisioning.partner_offer_info
  - ref: ansible_collections.msdevices.provisioning.docsite.guide_lookups
    description: How often Ansible evaluates a lookup, and when a task is the better choice.
"""

EXAMPLES = r"""
- name: Show the name of an offer, signed in by the environment
  ansible.builtin.debug:
    msg: >-
      {{ lookup('msdevices.provisioning.partner_offer', '031C9E47-4802-4248-838E-778FB1D2CC05', country='US').name }}

- name: Show the names of two offers, signed in by options
  ansible.builtin.debug:
    msg: >-
      {{ query('msdevices.provisioning.partner_offer', '031C9E47-4802-4248-838E-778FB1D2CC05', 'MS-AZR-0145P',
               country='US', tenant_id=tenant, client_id=app, client_secret=app_secret)
         | map(attribute='name') | list }}

- name: Say what is gone
  ansible.builtin.debug:
    msg: >-
      {{ ids | zip(query('msdevices.provisioning.partner_offer', *ids, on_missing='ignore'))
         | rejectattr(1) | map('first') | list }}
  vars:
    ids:
      - 031C9E47-4802-4248-838E-778FB1D2CC05
      - 00000000-0000-4000-8000-000000000000
    msdevices_country: US
"""

RETURN = r"""
_raw:
  description:
    - One offer for each term, exactly as the service sent it.
    - V(null) for one that does not exist, unless O(on_missing=error).
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_offer import check_offer_ids
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.lookup import ProvisioningLookup
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import run_cache_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_offers import find_offers


class LookupModule(ProvisioningLookup):
    """Looks up offers by id."""

    TERMS = "A term is the id of an offer, given without a keyword"

    def look_up(self, terms: list[str], options: dict[str, t.Any]) -> list[t.Any]:
        """See ProvisioningLookup."""
        offer_ids = check_offer_ids(terms)
        found = find_offers({**options, "offer_id": offer_ids}, run_cache_of, self._display.warning)
        offers = iter(found["offers"])
        missing = {offer_id.lower() for offer_id in found["not_found"]}
        return [None if offer_id.lower() in missing else next(offers) for offer_id in offer_ids]
