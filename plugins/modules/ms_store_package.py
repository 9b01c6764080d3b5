#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ms_store_package
short_description: Fetch packages of Store apps with their dependencies and stage them on hosts
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Finds the packages of Microsoft Store apps by product id, downloads them with the frameworks that they need, and
    stages them on the managed host, for image builds that provision apps without the Store.
  - Makes no sign-in. The options for signing in are accepted and not used, so that all modules of a group can share
    C(module_defaults). Offline licenses are staged by M(msdevices.provisioning.ms_offline_license).
  - The folder of an app is C(<dest>/<product_id>), with the main packages in it and the frameworks in
    C(Dependencies). Files have the names that C(winget download) gives them.
  - The size and SHA-256 of each file are checked before it gets its name. Both come from the delivery service over
    TLS; the files themselves come by plain http from its CDN, as it hands them out.
  - All requests are made by the controller, once in a run, however many hosts want the same. Downloads lie in a cache
    on the controller, from which later runs take them. A download that was interrupted goes on where it was.
  - What could be had is staged, even when other apps fail. Then the task fails and names each app that failed, why,
    and what to do about it.
  - The services are not documented public APIs, and this collection was never tried against the live services.
extends_documentation_fragment:
  - msdevices.provisioning._auth
  - msdevices.provisioning._service
  - msdevices.provisioning._attributes
  - msdevices.provisioning._attributes.actiongroup_store
attributes:
  check_mode:
    support: full
    details:
      - The services are asked, and nothing is downloaded or written. Where the catalog names no dependencies, all
        that there are count, since only the packages tell which are needed.
      - A O(dest) that does not exist is no failure in check mode, since a task before may be about to create it.
  diff_mode:
    support: full
    details:
      - The difference shows names, versions, sizes and checksums.
  idempotent:
    support: full
    details:
      - With O(state=latest), a second run changes something if the Store has a newer version by then.
  platform:
    support: full
    platforms: posix, windows
options:
  apps:
    description:
      - The apps to stage.
      - Mutually exclusive with O(product_id) and O(version), which are for a single one.
    type: list
    elements: dict
    suboptions:
      product_id:
        description:
          - The Store id of the product, 12 letters and digits. Products whose id begins with C(XP) have no packages.
        type: str
        required: true
      architectures:
        description:
          - The architectures of the devices. The default is O(architectures).
          - Where a bundle has all of them it is taken alone; else one package for each.
        type: list
        elements: str
        choices:
          - x86
          - x64
          - arm
          - arm64
      languages:
        description:
          - Languages such as V(en-US), for products that have a package for each. The default is O(languages).
          - A package fits when it has one of the languages, or one with the same primary language.
        type: list
        elements: str
      version:
        description:
          - The version of the main package, such as V(3.4.5.0). The default is the newest that fits.
        type: str
  product_id:
    description:
      - The Store id of the product, for a single app.
    type: str
  architectures:
    description:
      - The architectures of the devices, of apps that name none. V([x64]) when left out.
    type: list
    elements: str
    choices:
      - x86
      - x64
      - arm
      - arm64
  languages:
    description:
      - Languages of apps that name none. All when left out.
    type: list
    elements: str
  version:
    description:
      - The version of the main package, for a single app.
    type: str
  dest:
    description:
      - The directory on the managed host in which the folders of apps are. It has to exist.
      - A manifest is kept in it.
      - Without this option nothing is downloaded, and what would be is returned, with sizes.
    type: path
  os_version:
    description:
      - The version of Windows in the image, such as V(10.0.26100.0). Packages that need a newer one are left out, also
        among dependencies.
    type: str
  platform:
    description:
      - The platform of the devices. Universal packages fit all of them.
    type: str
    choices:
      - desktop
      - iot
      - holographic
      - team
    default: desktop
  dependencies:
    description:
      - Whether to stage the frameworks, too. A framework that is needed and cannot be had lets the app fail.
    type: bool
    default: true
  dependency_architectures:
    description:
      - Further architectures of frameworks, where there are packages for them. The default is V([x86]) when V(x64) is
        among the architectures, since bundles install some parts of theirs for x86; add V(x86) and V(x64) for arm64
        devices that are to run such parts.
    type: list
    elements: str
    choices:
      - x86
      - x64
      - arm
      - arm64
  market:
    description:
      - The market of the catalog, as a two-letter code of a country.
    type: str
    default: US
  state:
    description:
      - V(present) takes apps as they are when all their files are there, are unchanged, and were staged for the same
        architectures, languages, version, platform and OS version. No request is made for them.
      - V(latest) asks the delivery service for the newest version, by one request for each app, and replaces what is
        older.
    type: str
    choices:
      - present
      - latest
    default: present
  download_on:
    description:
      - Where files are downloaded.
      - V(controller) downloads each file once and sends it to each host.
      - V(host) lets each host download by itself, by M(ansible.builtin.get_url) or
        M(ansible.windows.win_get_url). It is better for large packages on Windows hosts behind WinRM, where transfers
        are slow. The host then needs a way to the CDN by http, and no way to the other services. O(package_cache) is
        not used.
    type: str
    choices:
      - controller
      - host
    default: controller
  package_cache:
    description:
      - The directory on the controller in which downloads are kept, shared by runs and jobs.
      - The default is C(msdevices.provisioning/packages) below Ansible's home directory (C(ANSIBLE_HOME)).
    type: str
  package_cache_size:
    description:
      - How much may lie in O(package_cache). What was used least recently is removed first, and never what is in use.
    type: str
    default: 20G
  offline:
    description:
      - Ask no service, and take everything from O(package_cache), which was filled by the same options elsewhere.
    type: bool
    default: false
  prune:
    description:
      - Remove packages from O(dest) that an earlier run staged for apps that are no longer asked for.
      - Files that were not staged by this module, or were changed since, are never removed. Nothing is removed when an
        app failed. What an app has had in an older version is replaced in any case.
    type: bool
    default: false
  mode:
    description:
      - The permissions of the files, as for M(ansible.builtin.file). Windows hosts do not use it.
    type: raw
    default: "0644"
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
      - How many requests and downloads are under way at the same time.
    type: int
    default: 16
  base_url:
    description:
      - Root URL of the delivery service. Only https is accepted.
      - The root certificate of Microsoft with which this service verifies comes with the collection, and is trusted
        for it beside O(ca_path).
    type: str
  catalog_base_url:
    description:
      - Root URL of the Store's catalog. Only https is accepted.
    type: str
  download_hosts:
    description:
      - Hosts and domains from which packages may come. Add that of a cache in front of the CDN.
    type: list
    elements: str
    default:
      - delivery.mp.microsoft.com
  deadline:
    description:
      - How many seconds all tries of one call may take together, with the waits in between. A download may take
        longer, as long as it goes on.
  plan:
    description:
      - What the action plugin lets the module do on a POSIX host. There is no need to set it.
    type: dict
notes:
  - Packages are signed by their publishers, and Windows checks the signature when it provisions them.
  - Encrypted packages, games, packages of programs and paid apps are refused or not offered by the services.
  - Files are sent to POSIX hosts by way of C(remote_tmp), which needs as much space as the files take.
  - On Windows hosts files are not replaced atomically; a transfer that was interrupted is repaired by the next run.
requirements:
  - requests >= 2.28.0 (on the controller)
  - Python 3.8 or later on POSIX hosts
  - The collection ansible.windows for Windows hosts
seealso:
  - module: msdevices.provisioning.ms_offline_license
  - module: msdevices.provisioning.ms_store_product_info
  - ref: ansible_collections.msdevices.provisioning.docsite.guide_packages
    description: Firewalls, sizes, air-gapped sites, what is refused and why, error codes.
"""

EXAMPLES = r"""
- name: Stage an app with its frameworks
  msdevices.provisioning.ms_store_package:
    product_id: 9WZDNCRFJ3PS
    dest: "{{ apps_dir }}"

- name: Stage apps for an image of a certain Windows, for two architectures
  msdevices.provisioning.ms_store_package:
    apps:
      - product_id: 9WZDNCRFJ3PS
      - product_id: 9NBLGGH4NNS1
        architectures: [x64, arm64]
    os_version: 10.0.26100.0
    state: latest
    prune: true
    dest: "{{ apps_dir }}"
  diff: true

- name: Show what would be downloaded, with sizes
  msdevices.provisioning.ms_store_package:
    product_id: 9WZDNCRFJ3PS
  register: packages

- name: Let the build host download by itself
  msdevices.provisioning.ms_store_package:
    product_id: 9WZDNCRFJ3PS
    dest: "{{ apps_dir }}"
    download_on: host
"""

RETURN = r"""
apps:
  description: One dictionary for each app, in the order of O(apps).
  type: list
  elements: dict
  returned: always, unless the options or O(dest) as a whole cannot be used
  contains:
    product_id:
      description: The product id, in upper case.
      type: str
      returned: always
      sample: 9WZDNCRFJ3PS
    package_family_name:
      description: The family name of the main package.
      type: str
      returned: always, V(null) when the app could not be found
      sample: Contoso.Reader_1a2b3c4d5e6f7
    version:
      description: The version of the main package.
      type: str
      returned: always, V(null) when the app could not be found
      sample: 3.4.5.0
    content_ids:
      description:
        - The content ids that the catalog names without a sign-in. Those of offline licenses may be others; see
          M(msdevices.provisioning.ms_store_product_info).
      type: list
      elements: str
      returned: always
      sample: [2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11]
    files:
      description: The files of the app.
      type: list
      elements: dict
      returned: always
      contains:
        kind:
          description: V(main) or V(dependency).
          type: str
          returned: always
          sample: main
        name:
          description: The name of the package.
          type: str
          returned: always
          sample: Contoso.Reader
        version:
          description: The version of the package.
          type: str
          returned: always
          sample: 3.4.5.0
        architectures:
          description: For which of the architectures it is staged, or V(neutral).
          type: list
          elements: str
          returned: always
          sample: [x64]
        path:
          description: The file on the managed host. V(null) without O(dest).
          type: str
          returned: always
          sample: /srv/image/9WZDNCRFJ3PS/Contoso.Reader_3.4.5.0_Universal.Desktop_X64.msixbundle
        size:
          description: The size in bytes.
          type: int
          returned: always
          sample: 12345678
        sha256:
          description: The SHA-256 checksum.
          type: str
          returned: always
          sample: 5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456
        state:
          description:
            - V(fetched) when it was brought to the host by this task (in check mode, would be), V(unchanged) when it
              was there, V(failed), or V(available) without O(dest).
          type: str
          returned: always
          sample: fetched
    state:
      description:
        - V(fetched) when files were brought to the host by this task (in check mode, would be), V(unchanged) when all
          were there, V(failed), or V(available) without O(dest).
      type: str
      returned: always
      sample: fetched
    error:
      description: What was attempted, why it failed, and what to do about it.
      type: str
      returned: always, V(null) when RV(apps[].state) is not V(failed)
      sample: null
pruned:
  description: The files that were removed (in check mode, would be).
  type: list
  elements: str
  returned: always, unless the options or O(dest) as a whole cannot be used
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import fail_without_action_plugin
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_package import specification
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.attributes import Attributes
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.packages import PackageStaging
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.posix import PosixDirectory


def main() -> None:
    """Be the staging half, on a POSIX host: look at what is there, or place what was sent.

    The action plugin of the same name runs in the controller's process and is the fetching half.
    """
    module = AnsibleModule(**specification())
    plan = module.params["plan"]
    if plan is None or module.params["dest"] is None:
        fail_without_action_plugin(module)
    try:
        directory = PosixDirectory(module.params["dest"], Attributes.of(module.params), "packages")
        staging = PackageStaging(directory, module.check_mode, sources_are_own=True)
        if "look" in plan:
            module.exit_json(changed=False, plan=staging.look(plan["look"]))
        if module.check_mode:
            module.exit_json(changed=False, plan=staging.place(plan["place"], plan["prune"]))
        with directory.lock():
            done = staging.place(plan["place"], plan["prune"])
        module.exit_json(changed=done["changed"], plan=done)
    except ProvisioningError as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
