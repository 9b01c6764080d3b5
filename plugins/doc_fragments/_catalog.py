# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the Store's catalog is, beside another service."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of catalog_options in module_utils/_argspec/common.py."""

    DOCUMENTATION = r"""
options:
  catalog_base_url:
    description:
      - Root URL of the Store's catalog, which is asked for content ids that are left out (O(service=store_licensing)).
        Only https is accepted.
    type: str
  catalog_audience:
    description:
      - For which service tokens for the catalog are issued, as the URI of its resource.
    type: str
  catalog_access_token:
    description:
      - A ready access token for the catalog. Needed beside O(access_token), which is for the licensing service alone,
        when content ids are left out. It wins over every other sign-in to the catalog.
      - When not set, the environment variable E(MSDEVICES_CATALOG_ACCESS_TOKEN) is used.
    type: str
  market:
    description:
      - The country for which the catalog is read, as a two-letter code.
    type: str
    default: US
"""

    # Where plugins that run on the controller find the same options besides their arguments.
    # Secrets never come from ansible.cfg: such files are shared and committed.
    PLUGINS = r"""
options:
  catalog_base_url:
    vars:
      - name: msdevices_catalog_base_url
    ini:
      - section: msdevices_provisioning
        key: catalog_base_url
  catalog_audience:
    vars:
      - name: msdevices_catalog_audience
    ini:
      - section: msdevices_provisioning
        key: catalog_audience
  catalog_access_token:
    env:
      - name: MSDEVICES_CATALOG_ACCESS_TOKEN
    vars:
      - name: msdevices_catalog_access_token
  market:
    vars:
      - name: msdevices_market
    ini:
      - section: msdevices_provisioning
        key: market
"""
