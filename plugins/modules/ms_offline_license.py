#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ms_offline_license
short_description: Fetch offline licenses of Store apps and stage them on hosts
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Fetches offline licenses of Microsoft Store apps (I(Get offline license)) and stages them as files on the managed
    host, for image builds whose apps have to start without the Store.
  - All requests are made by the controller, so that managed hosts, Windows and POSIX alike, need neither credentials
    nor Python libraries nor a way to the internet. Use neither C(delegate_to) nor C(run_once).
  - A license is asked for once in a run, however many hosts want it, and not at all when every host has it. A file
    counts as staged when it is a license, its content id and product id are those asked for, and it is what was staged.
  - What could be fetched is staged, even when other licenses fail. Then the task fails and names each license that
    failed, why, and what to do about it.
extends_documentation_fragment:
  - msdevices.provisioning._auth
  - msdevices.provisioning._service
  - msdevices.provisioning._package_filter
  - msdevices.provisioning._catalog
  - msdevices.provisioning._attributes
  - msdevices.provisioning._attributes.actiongroup_store
attributes:
  check_mode:
    support: full
    details:
      - Without O(dest) nothing is written, and licenses are fetched in check mode too.
      - With O(dest) no request is made in check mode. It is predicted that each missing license can be fetched, and
        with O(force=true) that the service has a newer one.
      - A O(dest) that does not exist is no failure in check mode, since a task before may be about to create it.
  diff_mode:
    support: full
    details:
      - The difference shows ids, dates and checksums, never a license.
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix, windows
options:
  licenses:
    description:
      - The licenses to fetch and stage.
      - Mutually exclusive with the options for a single license, which are O(product_id), O(sku_id), O(content_id),
        O(architecture), O(language) and O(package_family_name).
      - A text is taken too, such as the answer to a survey of an automation controller. It has a license in each line,
        as C(product_id/sku_id/content_id) or C(product_id/content_id), or it is a list in YAML or JSON, in which
        V(0015) needs no quotes. The items of the list may be texts of the same form.
    type: list
    elements: dict
    suboptions:
      product_id:
        description:
          - The Store id of the product, 12 letters and digits. It may be left out beside O(licenses[].license_blob).
        type: str
      sku_id:
        description:
          - The id of the product's SKU. Write it in quotes, since YAML reads V(0015) as a number.
          - The default is the SKU of offline licenses.
        type: str
        default: "0015"
      content_id:
        description:
          - The content id, a GUID that says which license the app needs. Braces around it are removed.
          - It may be left out beside O(licenses[].license_blob).
          - With O(service=store_licensing) it may be left out. The Store's catalog is then asked which content ids the
            product's packages need, and the license of each of them is staged. The manifest remembers them, so that a
            later run makes no request.
        type: str
      filename:
        description:
          - The name of the license file in O(dest), a plain name without a directory.
          - The default is C(<product_id>_<sku_id>_<content_id>_License1.xml), and for O(format=base64)
            C(<product_id>_<sku_id>_<content_id>.bin).
        type: str
      license_blob:
        description:
          - The license itself, as its XML or as that in base64, from a vault, a lookup, or an archive. It is checked
            and staged, and no service is needed for it. The ids may be left out, since they are in it.
        type: str
      architecture:
        description:
          - Which packages are meant, where O(licenses[].content_id) is left out, by their architecture, such as
            V(x64). Packages that are neutral fit every architecture.
        type: str
      language:
        description:
          - Which packages are meant, by their language, such as V(de-DE) or V(de).
        type: str
      package_family_name:
        description:
          - Which packages are meant, by their family name.
        type: str
      catalog_query:
        description:
          - Internal. How the action plugin found the content id in the catalog, for the manifest of the host.
        type: str
  product_id:
    description:
      - The Store id of the product, when a single license is asked for.
    type: str
  sku_id:
    description:
      - The id of the product's SKU, when a single license is asked for. V(0015) when left out.
    type: str
  content_id:
    description:
      - The content id, when a single license is asked for. With O(service=store_licensing) it may be left out.
    type: str
  service:
    description:
      - The service that issues the licenses.
      - V(store_for_business) is documented, signs in as an application, and is retired by Microsoft, without a public
        date for the end of its host.
      - V(store_licensing) is its living successor, which the Windows package manager asks. It is not a documented
        public API, and this collection was never tried against the live service. It takes the sign-in of a user with
        the role Global Administrator, User Administrator or License Administrator, by O(refresh_token) or
        O(access_token); that of an application is passed through, and not known to be accepted.
    type: str
    choices:
      - store_for_business
      - store_licensing
    default: store_for_business
  archive:
    description:
      - A directory on the controller with licenses. They are taken from there before any service is asked, so that new
        hosts are staged without a credential, and when the service is gone.
      - Every license that is fetched is kept there, in a file that its owner alone may read.
      - Files are found by the license in them (XML or base64), not by their names, also in directories below.
      - With O(force=true) nothing is taken from there. What is fetched replaces the license of the same ids.
    type: path
  dest:
    description:
      - The directory on the managed host in which the license files are staged, as an absolute path. It has to exist.
      - A manifest, C(.ms_offline_license.json), is kept beside the licenses.
      - On POSIX hosts, files and the manifest count only when they belong to root, to the user who stages, or to
        O(owner). A symbolic link on the way to the directory has to belong to one of them. A directory that other
        users can write to is named in a warning.
      - Without this option the licenses are returned and nothing is written.
    type: path
  format:
    description:
      - What a license file holds.
      - V(xml) is the license document, to the byte, as DISM and Windows Configuration Designer want it.
      - V(base64) is its base64 text, as Configuration Manager wants it.
    type: str
    choices:
      - xml
      - base64
    default: xml
  force:
    description:
      - Fetch licenses that are staged already, too, and compare them. The same instance of a license is no change.
      - Content ids that were found in the catalog are looked up anew.
    type: bool
    default: false
  prune:
    description:
      - Remove license files from O(dest) that an earlier run staged and that are no longer asked for.
      - Files that were not staged by this module, or were changed since, are never removed. Nothing is removed when a
        license failed.
    type: bool
    default: false
  mode:
    description:
      - The permissions of the license files and of the manifest, as for M(ansible.builtin.file).
      - Windows hosts do not use it.
    type: raw
    default: "0600"
  owner:
    description:
      - The user who owns the files. Windows hosts do not use it.
    type: str
  group:
    description:
      - The group that owns the files. Windows hosts do not use it.
    type: str
  max_concurrency:
    description:
      - How many licenses are requested at the same time.
    type: int
    default: 16
notes:
  - Without O(dest) the result holds licenses. Verbose output leaves them out, yet set C(no_log) where results are kept.
  - On Windows hosts, pruning takes one module execution for each file that is removed; everything else takes a constant
    number. There, files are not replaced atomically; a transfer that was interrupted is repaired by the next run.
requirements:
  - Python 3.8 or later on POSIX hosts
  - The collection ansible.windows for Windows hosts
seealso:
  - ref: msdevices.provisioning.offline_licenses role <ansible_collections.msdevices.provisioning.offline_licenses_role>
    description: Creates the directory, stages, verifies and reports.
  - ref: ansible_collections.msdevices.provisioning.docsite.guide_build_hosts
    description: Where files go, and how image tools take them.
  - name: Get offline license
    description: The documentation of the operation.
    link: https://learn.microsoft.com/windows/client-management/get-offline-license
"""

EXAMPLES = r"""
- name: Stage two offline licenses on every image-build host
  msdevices.provisioning.ms_offline_license:
    tenant_id: "{{ tenant }}"
    client_id: "{{ app }}"
    client_secret: "{{ app_secret }}"
    licenses:
      - product_id: 9WZDNCRFJ3PS
        content_id: 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11
      - product_id: 9WZDNCRFHVFW
        sku_id: "0015"
        content_id: 0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77
        filename: news_License1.xml
    dest: "{{ stage_dir }}"
    prune: true

- name: Stage one license for Configuration Manager, signed in by the environment
  msdevices.provisioning.ms_offline_license:
    product_id: 9WZDNCRFJ3PS
    content_id: 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11
    dest: "{{ stage_dir }}"
    format: base64

- name: Stage one license, and keep it on the controller for the day when the service is gone
  msdevices.provisioning.ms_offline_license:
    product_id: 9WZDNCRFJ3PS
    content_id: 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11
    archive: "{{ archive_dir }}"
    dest: "{{ stage_dir }}"

- name: Stage a license from the vault, without any request
  msdevices.provisioning.ms_offline_license:
    licenses:
      - product_id: 9WZDNCRFJ3PS
        content_id: 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11
        license_blob: "{{ vaulted_license }}"
    dest: "{{ stage_dir }}"

- name: Stage all licenses that the 64-bit packages of an app need, from the living successor
  msdevices.provisioning.ms_offline_license:
    service: store_licensing
    tenant_id: "{{ tenant }}"
    client_id: "{{ app }}"
    refresh_token_file: "{{ token_file }}"
    product_id: 9WZDNCRFJ3PS
    architecture: x64
    dest: "{{ stage_dir }}"

- name: Get a license for a template
  msdevices.provisioning.ms_offline_license:
    product_id: 9WZDNCRFJ3PS
    content_id: 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11
  register: offline_license
  no_log: true
"""

RETURN = r"""
licenses:
  description:
    - One dictionary for each license that was asked for, in the same order.
    - Where a content id was left out, one for each content id that was found.
  type: list
  elements: dict
  returned: always, unless the options or O(dest) as a whole cannot be used
  contains:
    index:
      description: The position of the item in O(licenses), from 0.
      type: int
      returned: always
      sample: 0
    catalog_query:
      description: The catalog query that yielded the content id.
      type: str
      returned: always, V(null) when it was given
      sample: 9wzdncrfj3ps/0015?architecture=x64
    product_id:
      description: The product id that was asked for.
      type: str
      returned: always
      sample: 9WZDNCRFJ3PS
    sku_id:
      description: The SKU id that was asked for.
      type: str
      returned: always
      sample: "0015"
    content_id:
      description: The content id that was asked for, or found.
      type: str
      returned: always, V(null) when it could not be found
      sample: 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11
    license_id:
      description: The attribute C(LicenseID) of the license document. Windows Configuration Designer calls it
        LicenseProductId.
      type: str
      returned: always, V(null) when there is no license
      sample: 5d8f1c1e-63a9-4b43-a0d3-0b8f2f2f7c11
    license_instance_id:
      description: The instance (version) of the license.
      type: str
      returned: always, V(null) when there is no license
      sample: 8b0f5a5a-1c68-4dd1-93a4-0a1c6f6c3f02
    requestor_id:
      description: The organization for which the license was issued.
      type: str
      returned: always, V(null) when there is no license
      sample: f2b9c0de-2f87-49ee-8d7b-5f4c1a3e9d20
    package_family_name:
      description: The package family name of the app, in lower case as the license has it.
      type: str
      returned: always, V(null) when there is no license
      sample: contoso.app_8wekyb3d8bbwe
    issued_date:
      description: When the license was issued.
      type: str
      returned: always, V(null) when there is no license
      sample: "2026-03-04T05:06:07.0000000Z"
    path:
      description: The license file on the managed host. V(null) without O(dest).
      type: str
      returned: always
      sample: /srv/image/9WZDNCRFJ3PS_0015_2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11_License1.xml
    sha256:
      description: The SHA-256 checksum of the file. Without O(dest), of the license document.
      type: str
      returned: always, V(null) when there is no license
      sample: 5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456
    size:
      description: The size of the file in bytes. Without O(dest), of the license document.
      type: int
      returned: always, V(null) when there is no license
      sample: 2631
    state:
      description:
        - V(fetched) when the license was brought to the host by this task (in check mode, would be).
        - V(archived) when it was brought to the host by this task, and taken from O(archive).
        - V(unchanged) when it was there already; without O(dest), when O(licenses[].license_blob) brought it.
        - V(failed) when it could not be had, and RV(licenses[].error) says why.
      type: str
      returned: always
      sample: fetched
    reason:
      description:
        - Why the license did not count as staged. V(unresolved) (its content id is not known), V(absent), V(altered)
          (not what was staged, a link, or a file of another user), V(invalid) (no license), V(other_license), V(unread)
          (on Windows hosts, one of more than ten files that the manifest does not know), V(blocked) (what lies there
          can be neither read nor replaced), V(replaced) (by another instance) or V(forced).
      type: str
      returned: always, V(null) when it was staged already
      sample: absent
    error:
      description: What was attempted, why it failed, and what to do about it.
      type: str
      returned: always, V(null) when RV(licenses[].state) is not V(failed)
      sample: null
    document:
      description: The license document, XML text.
      type: str
      returned: without O(dest), when no license failed
      sample: <License xmlns="urn:schemas-microsoft-com:windows:store:licensing:ls">...</License>
    license_blob:
      description: The license document in base64.
      type: str
      returned: without O(dest), when no license failed
      sample: PExpY2Vuc2U+Li4uPC9MaWNlbnNlPg==
pruned:
  description: The files that were removed (in check mode, would be).
  type: list
  elements: str
  returned: always, unless the options or O(dest) as a whole cannot be used
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.offline_license import (
    requests_of,
    specification,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.attributes import Attributes
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.licenses import LicenseStager
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.posix import PosixDirectory


def main() -> None:
    """Be the staging half, on a POSIX host: stage the licenses whose license_blob is given, report on the others.

    The action plugin of the same name runs in the controller's process and is the fetching half.
    """
    module = AnsibleModule(**specification())
    params = module.params
    if params["dest"] is None:
        module.fail_json(
            msg="Could not return licenses: dest is not set, and without it only the action plugin of the same name can"
            " fetch them. Run the module by a task, not by itself."
        )
    try:
        directory = PosixDirectory(params["dest"], Attributes.of(params))
        report = LicenseStager(directory, params["format"], params["prune"], module.check_mode).stage(
            requests_of(params)
        )
    except ProvisioningError as exc:
        module.fail_json(msg=str(exc), changed=False)
    for warning in report.warnings:
        module.warn(warning)
    result = report.as_result(module._diff)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
