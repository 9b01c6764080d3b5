#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ms_provisioned_app_info
short_description: List the apps that are provisioned in Windows or in a Windows image
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Lists the apps that are provisioned in the running system of a Windows host, in a mounted or applied image, or in
    an image file, by DISM.
  - DISM wants an administrator.
extends_documentation_fragment:
  - msdevices.provisioning._attributes
  - msdevices.provisioning._attributes.info
attributes:
  async:
    support: none
    details:
      - One command of DISM runs after another.
  platform:
    support: full
    platforms: windows
options:
  image:
    description:
      - The root of an image that is mounted or applied already. Nothing is mounted, saved or unmounted. Windows hosts
        only.
      - Without O(image) and O(image_file), the running system of a Windows host is looked at.
    type: path
  image_file:
    description:
      - The image file (WIM). It is mounted read-only, and never written.
    type: path
  index:
    description:
      - The index of the image in O(image_file), from 1. One of O(index) and O(image_name) is needed.
    type: int
  image_name:
    description:
      - The name of the image in O(image_file).
    type: str
  mount_dir:
    description:
      - The directory in which O(image_file) is mounted. It is created when it is missing, and has to be empty.
      - Windows hosts need it for O(image_file); on NTFS, with room for what changes.
      - A file of its name with C(.msdevices) at the end marks a mount of this module. What an interrupted run left
        mounted there is discarded by the next one.
    type: path
  dism_path:
    description:
      - The path of C(dism.exe) on a Windows host, such as that of the Windows ADK for images that are newer than the
        host.
      - The default is that of the host's Windows.
    type: path
  scratch_dir:
    description:
      - A directory on a Windows host for temporary files.
    type: path
  log_path:
    description:
      - The log of DISM on a Windows host. The default is C(%WINDIR%\Logs\DISM\dism.log).
    type: path
  log_level:
    description:
      - What DISM logs. Without this option it decides itself.
    type: str
    choices:
      - errors
      - warnings
      - info
      - debug
  busy_retries:
    description:
      - How often a command of DISM is run again when another session, or a file that is open, keeps it from its work.
    type: int
    default: 5
  busy_delay:
    description:
      - The pause before such a retry, in seconds.
    type: int
    default: 10
requirements:
  - The collection ansible.windows
seealso:
  - module: msdevices.provisioning.ms_provisioned_app
  - ref: ansible_collections.msdevices.provisioning.docsite.guide_provisioning
    description: What is listed, and what DISM does not tell.
"""

EXAMPLES = r"""
- name: List what is provisioned in the running system
  msdevices.provisioning.ms_provisioned_app_info:
  register: provisioned

- name: List what is provisioned in an image file
  msdevices.provisioning.ms_provisioned_app_info:
    image_file: C:\images\install.wim
    index: 3
    mount_dir: C:\mount
  register: provisioned_in_image
"""

RETURN = r"""
apps:
  description: The apps, in the order of the list.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The name of the package's identity, which DISM calls DisplayName.
      type: str
      returned: always
      sample: Contoso.App
    package_family_name:
      description: The package family name.
      type: str
      returned: always
      sample: Contoso.App_8wekyb3d8bbwe
    package_name:
      description: The package full name.
      type: str
      returned: always
      sample: Contoso.App_2026.310.1200.0_neutral_~_8wekyb3d8bbwe
    version:
      description: The version. That of a bundle is the bundle's own.
      type: str
      returned: always
      sample: 2026.310.1200.0
    architecture:
      description: The architecture, V(neutral) for a bundle.
      type: str
      returned: always
      sample: neutral
    bundle:
      description: Whether it is a bundle.
      type: bool
      returned: always
      sample: true
    regions:
      description: The regions for which it is provisioned.
      type: list
      elements: str
      returned: always, V(null) where Windows does not tell
      sample:
        - all
dism_version:
  description: The version of DISM.
  type: str
  returned: success
  sample: 10.0.26100.1
image_version:
  description: The version of Windows in the image.
  type: str
  returned: success
  sample: 10.0.26100.1742
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import fail_without_action_plugin
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.provisioned_app import info_specification


def main() -> None:
    """Validate the options, and say that the action plugin of the same name does the work."""
    fail_without_action_plugin(AnsibleModule(**info_specification()))


if __name__ == "__main__":
    main()
