#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: partner_price_sheet
short_description: Keep a price sheet of Partner Center as a CSV file
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Downloads a price sheet of Microsoft Partner Center on the controller, unpacks it, and copies it to the managed host
    when the file there has other content.
  - Each sheet is downloaded once in a run, however many hosts need it.
  - Prices are for users. Sign in with O(refresh_token), O(refresh_token_file) or an O(access_token) of a user who is
    Admin agent or Sales agent. An application alone is refused.
  - The price sheets have a host of their own, C(api.partner.microsoft.com), and need a token for it. The application
    needs a delegated permission of I(Microsoft Partner), to which the user has to consent.
extends_documentation_fragment:
  - msdevices.provisioning._auth
  - msdevices.provisioning._service
  - msdevices.provisioning._attributes
  - msdevices.provisioning._attributes.actiongroup_partner_center
attributes:
  check_mode:
    support: full
    details:
      - In check mode the sheet is downloaded on the controller, and nothing is written on the host.
  diff_mode:
    support: none
    details:
      - A sheet is too long to show.
  idempotent:
    support: full
    details:
      - The file is written when its content differs.
  platform:
    support: full
    platforms: posix, windows
options:
  market:
    description:
      - The country, as a two-letter code of ISO 3166-1 such as V(US). Write V("NO") in quotes.
    type: str
    required: true
  view:
    description:
      - Which sheet. V(updatedlicensebased) has the license-based services, V(azure_consumption) the meters of Azure in
        USD; there are V(azure_reservations), V(marketplace) and V(software), too.
      - Microsoft adds views, so every name is sent as it is.
    type: str
    default: updatedlicensebased
  timeline:
    description:
      - V(current) is the sheet of this month. V(future) has changes to come; there is no such sheet when nothing
        changes. V(history) is the sheet of O(month).
    type: str
    choices:
      - current
      - future
      - history
    default: current
  month:
    description:
      - The year and the month with O(timeline=history), such as V("202601").
    type: str
  dest:
    description:
      - The file to write on the managed host. Its directory has to exist.
      - In an existing directory, the file is named after view, market and time, such as
        C(updatedlicensebased_US_current.csv).
    type: path
    required: true
  mode:
    description:
      - The permissions of the file, as M(ansible.builtin.copy) takes them. Not for Windows hosts.
    type: raw
  owner:
    description:
      - The user who owns the file. Not for Windows hosts.
    type: str
  group:
    description:
      - The group that owns the file. Not for Windows hosts.
    type: str
notes:
  - Prices are for the whole term, also where they are billed by month. Read them as text, not as binary fractions.
  - Columns come and go. Read them by their names in the first line.
  - No host of price sheets is named for the clouds V(china) and V(germany). Set O(base_url) and O(audience) there.
seealso:
  - module: msdevices.provisioning.partner_product_info
  - ref: ansible_collections.msdevices.provisioning.docsite.guide_partner_center
    description: From a product to its price.
"""

EXAMPLES = r"""
- name: Keep the prices of license-based services in Germany
  msdevices.provisioning.partner_price_sheet:
    tenant_id: "{{ tenant }}"
    client_id: "{{ app }}"
    client_secret: "{{ app_secret }}"
    refresh_token: "{{ token_of_user }}"
    market: DE
    dest: "{{ price_dir }}/licenses.csv"

- name: Keep the prices of January
  msdevices.provisioning.partner_price_sheet:
    market: US
    timeline: history
    month: "202601"
    dest: "{{ price_dir }}"
"""

RETURN = r"""
dest:
  description: The file on the managed host.
  type: str
  returned: success
  sample: /srv/prices/licenses.csv
size:
  description: The size of the sheet in bytes.
  type: int
  returned: success
  sample: 2097152
sha256:
  description: The SHA-256 of the sheet.
  type: str
  returned: success
  sample: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import fail_without_action_plugin
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_price_sheet import (
    price_sheet_specification,
)


def main() -> None:
    """Validate the options, and say that the action plugin of the same name does the work."""
    fail_without_action_plugin(AnsibleModule(**price_sheet_specification()))


if __name__ == "__main__":
    main()
