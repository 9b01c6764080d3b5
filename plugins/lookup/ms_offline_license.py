# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ms_offline_license
short_description: Get offline licenses of Store apps for templates
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Gets offline licenses of Microsoft Store apps (I(Get offline license)), for templates and expressions.
  - It runs on the controller, in check mode too, and as often as Ansible evaluates the expression. The run cache makes
    one request for each license of it, however many hosts and expressions want it.
  - To stage licenses as files, use M(msdevices.provisioning.ms_offline_license) instead, which makes no request for
    what is staged already.
extends_documentation_fragment:
  - msdevices.provisioning._auth
  - msdevices.provisioning._auth.plugins
  - msdevices.provisioning._service
  - msdevices.provisioning._package_filter
  - msdevices.provisioning._service.plugins
  - msdevices.provisioning._catalog
  - msdevices.provisioning._catalog.plugins
options:
  _terms:
    description:
      - The licenses, each as C(product_id/sku_id/content_id), or as C(product_id/content_id) for the SKU of offline
        licenses, V(0015).
      - With O(service=store_licensing) also as C(product_id) or C(product_id/sku_id), when the packages that are
        meant need a single license.
    type: list
    elements: str
    required: true
  format:
    description:
      - What the values are.
      - V(xml) is the license document, V(base64) its base64 text.
    type: str
    choices:
      - xml
      - base64
    default: xml
  archive:
    description:
      - A directory on the controller with licenses. They are taken from there before any service is asked, and every
        license that is fetched is kept there.
    type: path
    vars:
      - name: msdevices_archive
  service:
    description:
      - The service that issues the licenses.
      - V(store_for_business) is documented, signs in as an application, and is retired by Microsoft.
      - V(store_licensing) is its living successor. It is not a documented public API, takes the sign-in of a user, and
        this collection was never tried against the live service.
    type: str
    choices:
      - store_for_business
      - store_licensing
    default: store_for_business
    vars:
      - name: msdevices_service
    ini:
      - section: msdevices_provisioning
        key: service
  max_concurrency:
    description:
      - How many licenses are requested at the same time.
    type: int
    default: 16
notes:
  - Licenses show in the output of a task that prints them. Set C(no_log) there, and C(diff=false) for templates.
  - Prefer C(query), or C(lookup) with C(wantlist=true), for several terms.
  - Give several terms to one lookup rather than one to each of several. They share a client and are asked for together.
seealso:
  - module: msdevices.provisioning.ms_offline_license
  - ref: ansible_collections.msdevices.provisioning.docsite.guide_lookups
    description: How often Ansible evaluates a lookup, and when a task is the better choice.
"""

EXAMPLES = r"""
- name: Write the command by which device management installs a license, signed in by the environment
  ansible.builtin.copy:
    content: >-
      <License Content="{{ lookup('msdevices.provisioning.ms_offline_license',
                                  '9WZDNCRFJ3PS/2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11', format='base64') }}"/>
    dest: "{{ stage_dir }}/add_license.xml"
    mode: "0600"
  no_log: true

- name: Keep two licenses for later tasks, signed in by options
  ansible.builtin.set_fact:
    offline_licenses: >-
      {{ query('msdevices.provisioning.ms_offline_license', *wanted,
               tenant_id=tenant, client_id=app, client_secret=app_secret) }}
  vars:
    wanted:
      - 9WZDNCRFJ3PS/0015/2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11
      - 9WZDNCRFHVFW/0015/0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77
  no_log: true
"""

RETURN = r"""
_raw:
  description:
    - One license for each term, as text in the form of O(format).
  type: list
  elements: str
"""

import typing as t

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.services import CONTENT_ID_OPTIONAL
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import (
    LicenseKey,
    PackageFilter,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    LicenseRequest,
    requests_from_terms,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.lookup import ProvisioningLookup
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.run_cache import run_cache_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_licenses import all_or_error
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.license_source import LicenseSource


class LookupModule(ProvisioningLookup):
    """Gets offline licenses."""

    TERMS = "A term is product_id/content_id or product_id/sku_id/content_id, given without a keyword"

    def look_up(self, terms: list[str], options: dict[str, t.Any]) -> list[t.Any]:
        """See ProvisioningLookup."""
        packages = PackageFilter.of(options)
        requests = requests_from_terms(terms, options["service"] in CONTENT_ID_OPTIONAL, packages)
        source = LicenseSource(options, run_cache_of)
        keys = all_or_error([str(request.key) for request in requests], _keys(requests, source))
        documents = all_or_error([str(key) for key in keys], source.fetch(keys))
        for warning in source.warnings:
            self._display.warning(warning)
        return [document.blob if options["format"] == "base64" else document.text for document in documents]


def _keys(requests: list[LicenseRequest], source: LicenseSource) -> list[LicenseKey | ProvisioningError]:
    """Return one key per request, or why a content id cannot be found, or which of several could be meant."""
    to_find = [request for request in requests if request.unresolved]
    found = dict(zip((request.index for request in to_find), source.resolve(to_find), strict=True))
    return [_one_key(request, found.get(request.index, [request])) for request in requests]


def _one_key(
    request: LicenseRequest, resolved: list[LicenseRequest] | ProvisioningError
) -> LicenseKey | ProvisioningError:
    if isinstance(resolved, ProvisioningError):
        return resolved
    if len(resolved) > 1:
        return OptionError(
            f"Could not choose the license of {request.key}",
            f"its packages need {len(resolved)} licenses",
            f"Write the term with one of {', '.join(one.key.content_id for one in resolved)}, or say which package"
            " is meant by architecture, language or package_family_name",
        )
    return resolved[0].key
