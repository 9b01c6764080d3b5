#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ms_store_product_info
short_description: Look up packages and content ids of Store apps
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Looks up products in the catalog of the Microsoft Store, with their titles, packages, versions, sizes, dependencies
    and content ids. The content id says which offline license an app needs.
  - All requests are made by the controller, one for each product in a run, however many hosts and tasks need it. With
    O(view=consumer), one request serves up to ten products.
  - The catalog is not a documented public API. What is known of it comes from the public source of the Windows package
    manager; it was never tried against the live service.
  - The organization's view (the default) has the SKU of offline licenses, V("0015"). It needs the sign-in of a user, by
    a refresh token or a ready access token for the catalog. Whether an application without a user is accepted is not
    known; it is passed through.
  - The consumers' view needs no credential, and gets none. It has the SKUs V("0010") and V("0011") (trial), whose
    content ids may be others than that of the offline license.
  - A ready token in O(access_token) is one for the catalog. Where the option is not set, the environment variable
    E(MSDEVICES_CATALOG_ACCESS_TOKEN) is read before E(MSDEVICES_ACCESS_TOKEN).
extends_documentation_fragment:
  - msdevices.provisioning._auth
  - msdevices.provisioning._service
  - msdevices.provisioning._package_filter
  - msdevices.provisioning._attributes
  - msdevices.provisioning._attributes.info
  - msdevices.provisioning._attributes.actiongroup_store
attributes:
  platform:
    support: full
    platforms: all
options:
  product_id:
    description:
      - The Store ids of the products, 12 letters and digits each.
    type: list
    elements: str
    aliases:
      - product_ids
    required: true
  view:
    description:
      - Which view of the catalog is read. V(consumer) needs no sign-in.
    type: str
    choices:
      - organization
      - consumer
    default: organization
  on_missing:
    description:
      - What to do about products that the catalog does not have in this market. V(error) fails and names all of them,
        V(warn) warns. RV(not_found) has them in any case.
    type: str
    choices:
      - error
      - warn
      - ignore
    default: error
  market:
    description:
      - The country for which the catalog is read, as a two-letter code.
    type: str
    default: US
  languages:
    description:
      - The languages for which the catalog is read.
    type: list
    elements: str
    default:
      - en-US
  sku_id:
    description:
      - Return packages of this SKU only. That of offline licenses is V("0015").
    type: str
  max_concurrency:
    description:
      - How many requests are made at the same time.
    type: int
    default: 16
seealso:
  - module: msdevices.provisioning.ms_offline_license
"""

EXAMPLES = r"""
- name: Look up which content ids the packages of an app need
  msdevices.provisioning.ms_store_product_info:
    product_id: 9WZDNCRFJ3PS
    sku_id: "0015"
    architecture: x64
  register: found

- name: Show them
  ansible.builtin.debug:
    msg: "{{ found.products[0].content_ids }}"

- name: Look up titles and versions without a sign-in
  msdevices.provisioning.ms_store_product_info:
    product_ids:
      - 9WZDNCRFJ3PS
      - 9NBLGGH4NNS1
    view: consumer
    on_missing: ignore
  register: apps
"""

RETURN = r"""
products:
  description: One dictionary for each product that the catalog has, in the order of O(product_id).
  type: list
  elements: dict
  returned: success
  contains:
    product_id:
      description: The product id as it was given.
      type: str
      returned: always
      sample: 9WZDNCRFJ3PS
    title:
      description: The title of the app, in the first of O(languages) that the catalog has.
      type: str
      returned: always, V(null) where the catalog says nothing
      sample: Contoso App
    publisher:
      description: The name of the publisher.
      type: str
      returned: always, V(null) where the catalog says nothing
      sample: Contoso
    content_ids:
      description: The distinct content ids of the packages, in lower case.
      type: list
      elements: str
      returned: always
      sample:
        - 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11
    packages:
      description: The packages that match the filters. Texts are empty where the catalog says nothing.
      type: list
      elements: dict
      returned: always
      contains:
        sku_id:
          description: The SKU that the package belongs to.
          type: str
          returned: always
          sample: "0015"
        package_id:
          description: The id of the package.
          type: str
          returned: always
          sample: 8f1f8e4c-2a86-4a4e-9f9e-0a3f2b7c6d55-X64
        content_id:
          description: The content id.
          type: str
          returned: always
          sample: 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11
        package_format:
          description: The format, such as V(MsixBundle), in the catalog's spelling.
          type: str
          returned: always
          sample: MsixBundle
        package_family_name:
          description: The package family name.
          type: str
          returned: always
          sample: Contoso.App_8wekyb3d8bbwe
        package_full_name:
          description: The full name of the package.
          type: str
          returned: always
          sample: Contoso.App_1.2.3.0_neutral_~_8wekyb3d8bbwe
        version:
          description: The version, as four numbers. The delivery service may have a later build.
          type: str
          returned: always
          sample: 1.2.3.0
        architectures:
          description: The architectures.
          type: list
          elements: str
          returned: always
          sample:
            - x64
        languages:
          description: The languages.
          type: list
          elements: str
          returned: always
          sample:
            - en-us
        size:
          description: The bytes of the download at most, V(0) where the catalog says nothing.
          type: int
          returned: always
          sample: 12345678
        rank:
          description: The Store's order of preference among the packages, larger first.
          type: int
          returned: always
          sample: 30001
        wu_category_id:
          description: The category by which Windows Update delivers the package.
          type: str
          returned: always
          sample: 3d2a1b0c-9e8f-4a7b-8c6d-5e4f3a2b1c0d
        dependencies:
          description: The framework packages that the package needs.
          type: list
          elements: dict
          returned: always
          contains:
            name:
              description: The name of the framework package.
              type: str
              returned: always
              sample: Microsoft.VCLibs.140.00
            min_version:
              description: The least version.
              type: str
              returned: always
              sample: 14.0.30704.0
        platforms:
          description: The platforms that the package is for.
          type: list
          elements: dict
          returned: always
          contains:
            name:
              description: The platform.
              type: str
              returned: always
              sample: Windows.Desktop
            min_version:
              description: The least version.
              type: str
              returned: always
              sample: 10.0.17763.0
not_found:
  description: The ids of the products that the catalog does not have in this market.
  type: list
  elements: str
  returned: success
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import fail_without_action_plugin
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_product import product_specification


def main() -> None:
    """Validate the options, and say that the action plugin of the same name does the work."""
    fail_without_action_plugin(AnsibleModule(**product_specification()))


if __name__ == "__main__":
    main()
