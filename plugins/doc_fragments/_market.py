# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where offers are sold."""

from __future__ import annotations


class ModuleDocFragment:
    """The options country and locale in market_options in module_utils/_argspec/common.py."""

    DOCUMENTATION = r"""
options:
  country:
    description:
      - The country in which the offers are sold, as a two-letter code of ISO 3166-1 such as V(US). Write V("NO") in
        quotes.
      - When not set, the environment variable E(MSDEVICES_COUNTRY) is used.
    type: str
    required: true
  locale:
    description:
      - The language of names and descriptions, with a country, such as V(de-DE). Not every locale is supported.
      - When not set, the environment variable E(MSDEVICES_LOCALE) is used.
    type: str
    default: en-US
"""

    # Where plugins that run on the controller find the same options besides their arguments.
    PLUGINS = r"""
options:
  country:
    env:
      - name: MSDEVICES_COUNTRY
    vars:
      - name: msdevices_country
    ini:
      - section: msdevices_provisioning
        key: country
  locale:
    env:
      - name: MSDEVICES_LOCALE
    vars:
      - name: msdevices_locale
    ini:
      - section: msdevices_provisioning
        key: locale
"""
