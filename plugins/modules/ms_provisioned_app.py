#!/usr/bin/python
# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ms_provisioned_app
short_description: Provision Store apps with their offline licenses in Windows and in Windows images
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Provisions apps, so that Windows registers them for each user at the next logon, or removes them from what is
    provisioned.
  - On Windows hosts DISM does it, in the running system, in a mounted or applied image, or in an image file that is
    mounted for it. On POSIX hosts the module puts packages, licenses and a script into an image, and Windows
    provisions the apps at its first boot.
  - DISM reports success when a license or a dependency is missing, and the app then does not start. This module
    checks both before it changes anything.
  - No PowerShell is run. DISM is called by M(ansible.windows.win_command), and wants an administrator.
extends_documentation_fragment:
  - msdevices.provisioning._attributes
attributes:
  async:
    support: none
    details:
      - One command of DISM runs after another. Mounting an image and saving it takes minutes each.
  check_mode:
    support: full
    details:
      - Image files are mounted read-only for it.
  diff_mode:
    support: full
    details:
      - The lines have package family name, version and regions.
  idempotent:
    support: partial
    details:
      - Not with O(force).
  platform:
    support: full
    platforms: windows, posix
options:
  apps:
    description:
      - The apps.
    type: list
    elements: dict
    suboptions:
      package:
        description:
          - The package or bundle (C(.msix), C(.msixbundle), C(.appx), C(.appxbundle)) on the managed host.
          - Or the folder of an app, as M(msdevices.provisioning.ms_store_package) and
            M(msdevices.provisioning.ms_offline_license) stage it. The main package is the one that lies in it, the
            dependencies are those in its directory C(Dependencies) that apply to the image, and the license is the
            one of the package family.
          - On Windows hosts a full path.
        type: path
      dependencies:
        description:
          - Packages that the app needs, or folders of them. Of a folder, what applies to the image is picked.
          - Images for x64 want dependencies for x64 and for x86.
          - The default is the directory C(Dependencies) when O(apps[].package) is a folder, else none.
        type: list
        elements: path
      optional_packages:
        description:
          - Optional packages of the app.
        type: list
        elements: path
      license:
        description:
          - The file with the offline license, an XML document.
          - Its package family has to be that of the package.
        type: path
      skip_license:
        description:
          - Provision the app without a license. For apps that do not come from the Store, and for frameworks.
          - The default is V(false).
        type: bool
      regions:
        description:
          - Countries in which the app is provisioned, as codes of two or three letters (ISO 3166-1), or V(all).
          - The default is V(all). Without a region, Windows provisions an app only where the start layout pins it,
            and removes it at the first logon elsewhere.
          - An empty list leaves the region out, for Windows Server, which does not take it.
        type: list
        elements: str
      stub:
        description:
          - How a bundle with a stub package is provisioned, in whole (V(full)) or as the stub (V(stub)), which
            Windows completes from the Store.
          - Without this option the package's own preference counts.
        type: str
        choices:
          - full
          - stub
      custom_data:
        description:
          - A file that becomes C(Custom.dat) of the app.
        type: path
      package_family_name:
        description:
          - The package family name. With O(state=absent) the app to remove, else the family that the package has to
            be of.
        type: str
      package_name:
        description:
          - The package full name of what is to be removed, as it is listed. For O(state=absent).
        type: str
  package:
    description:
      - The package or bundle (C(.msix), C(.msixbundle), C(.appx), C(.appxbundle)) on the managed host.
      - Or the folder of an app, as M(msdevices.provisioning.ms_store_package) and
        M(msdevices.provisioning.ms_offline_license) stage it. The main package is the one that lies in it, the
        dependencies are those in its directory C(Dependencies) that apply to the image, and the license is the one of
        the package family.
      - On Windows hosts a full path.
    type: path
  dependencies:
    description:
      - Packages that the app needs, or folders of them. Of a folder, what applies to the image is picked.
      - Images for x64 want dependencies for x64 and for x86.
      - The default is the directory C(Dependencies) when O(package) is a folder, else none.
    type: list
    elements: path
  optional_packages:
    description:
      - Optional packages of the app.
    type: list
    elements: path
  license:
    description:
      - The file with the offline license, an XML document.
      - Its package family has to be that of the package.
    type: path
  skip_license:
    description:
      - Provision the app without a license. For apps that do not come from the Store, and for frameworks.
      - The default is V(false).
    type: bool
  regions:
    description:
      - Countries in which the app is provisioned, as codes of two or three letters (ISO 3166-1), or V(all).
      - The default is V(all). Without a region, Windows provisions an app only where the start layout pins it, and
        removes it at the first logon elsewhere.
      - An empty list leaves the region out, for Windows Server, which does not take it.
    type: list
    elements: str
  stub:
    description:
      - How a bundle with a stub package is provisioned, in whole (V(full)) or as the stub (V(stub)), which Windows
        completes from the Store.
      - Without this option the package's own preference counts.
    type: str
    choices:
      - full
      - stub
  custom_data:
    description:
      - A file that becomes C(Custom.dat) of the app.
    type: path
  package_family_name:
    description:
      - The package family name. With O(state=absent) the app to remove, else the family that the package has to be
        of.
    type: str
  package_name:
    description:
      - The package full name of what is to be removed, as it is listed. For O(state=absent).
    type: str
  state:
    description:
      - V(present) has the package, or a newer version of it, provisioned.
      - V(absent) removes it from what is provisioned. Users who have it keep it.
    type: str
    default: present
    choices:
      - present
      - absent
  image:
    description:
      - The root of an image that is mounted or applied already. Nothing is mounted, saved or unmounted.
      - Without O(image) and O(image_file), the running system of a Windows host is serviced.
    type: path
  image_file:
    description:
      - The image file (WIM). On Windows hosts it is mounted once for all apps, and saved only when all of them worked;
        it is discarded after any failure. On POSIX hosts packages and a script are written into it, all of them or
        none.
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
  architecture:
    description:
      - The architecture of the image.
      - The default is what the image file says. For running systems and O(image) it is V(x64), where the package is
        for it.
    type: str
    choices:
      - x64
      - x86
      - arm64
      - arm
  force:
    description:
      - Provision again what is there in the same version, such as after languages were added, or for users who had
        removed the app.
      - On POSIX hosts the files are written again, and an older version replaces a newer one, since Windows has not
        provisioned it yet.
    type: bool
    default: false
  exact:
    description:
      - Fail when a newer version is there, instead of leaving it. DISM does not provision an older version.
    type: bool
    default: false
  require_license:
    description:
      - Fail for an app for which there is neither a license nor O(skip_license).
    type: bool
    default: true
  verify_dependencies:
    description:
      - Fail for an app that needs a package, by its manifest, which nobody brings and which is not provisioned
        either.
      - For O(image_file) on Windows hosts, what is provisioned does not count, since that is checked before anything
        is mounted. POSIX hosts look at what is staged in the image.
    type: bool
    default: true
  optimize:
    description:
      - Have DISM save space in the image by hard links, once, after apps were changed. Windows hosts only, not for
        the running system.
    type: bool
    default: false
  check_integrity:
    description:
      - Verify the integrity data of O(image_file) when it is mounted, and renew them when it is saved. Windows hosts
        only.
    type: bool
    default: false
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
  distribution:
    description:
      - Setup's folder, with the directory C(sources), into which a POSIX host puts apps and script.
    type: path
  hook:
    description:
      - How Windows comes to run the script that a POSIX host puts into the image.
      - V(setup_complete) has Setup run it, by C(SetupComplete.cmd). With V(none) the user calls it, such as by
        RV(unattend_fragment).
    type: str
    default: setup_complete
    choices:
      - setup_complete
      - none
  on_error:
    description:
      - Whether Setup goes on when an app cannot be provisioned at the first boot. For POSIX hosts, and the answer
        file alone; C(SetupComplete.cmd) always goes on.
    type: str
    default: continue
    choices:
      - continue
      - stop
  cleanup:
    description:
      - Have the script remove the packages from the image when they are provisioned. For POSIX hosts.
    type: bool
    default: false
  backup:
    description:
      - Copy O(image_file) beside it before it is changed. For POSIX hosts.
    type: bool
    default: false
  allow_solid:
    description:
      - Write into solid images (ESD), too, which Setup may not take. For POSIX hosts.
    type: bool
    default: false
notes:
  - A record, C(%WINDIR%\Setup\Scripts\msdevices\.ms_provisioned_app.json) in the system or image, keeps which license
    was provisioned, which Windows does not tell. By it, a changed license is provisioned again. The record of a
    Windows build host also keeps what packages and image files it has read, so that it need not read them again.
  - Windows hosts read manifests by their own C(tar.exe), a part of Windows 10 1803, Windows Server 2019 and later.
    Without it, file names that are full names have to do, and dependencies are not verified.
  - On POSIX hosts the record is C(%WINDIR%\Setup\Scripts\msdevices\manifest.json) in the image. Hashes of packages are
    kept in the user's cache directory, C(msdevices/package-hashes.json), so that they are read once.
  - Nothing restarts a host. See RV(reboot_required).
requirements:
  - The collection ansible.windows for Windows hosts
  - Python 3.8 or later and wimlib (C(wimtools)) on POSIX hosts
seealso:
  - module: msdevices.provisioning.ms_provisioned_app_info
  - module: msdevices.provisioning.ms_offline_license
  - ref: ansible_collections.msdevices.provisioning.docsite.guide_provisioning
    description: Running systems, images and image files; what DISM does not tell; its codes.
  - ref: ansible_collections.msdevices.provisioning.docsite.guide_linux_images
    description: From the installation medium to the first boot, on Linux build hosts.
  - name: DISM App Package Servicing Command-Line Options
    description: The documentation of the commands.
    link: https://learn.microsoft.com/windows-hardware/manufacture/desktop/dism-app-package--appx-or-appxbundle--servicing-command-line-options
"""

EXAMPLES = r"""
- name: Provision a staged app in the running system
  msdevices.provisioning.ms_provisioned_app:
    package: C:\stage\9WZDNCRFJ3PS

- name: Provision two apps in an image file
  msdevices.provisioning.ms_provisioned_app:
    apps:
      - package: C:\stage\9WZDNCRFJ3PS
      - package: C:\packages\Fabrikam.msixbundle
        dependencies:
          - C:\packages\VCLibs.x64.appx
          - C:\packages\VCLibs.x86.appx
        license: C:\licenses\Fabrikam_License1.xml
    image_file: C:\images\install.wim
    index: 3
    mount_dir: C:\mount
    optimize: true

- name: Provision an app of our own, which needs no license, in an image that is mounted already
  msdevices.provisioning.ms_provisioned_app:
    package: C:\packages\Tool.msix
    skip_license: true
    image: D:\mounted

- name: Put two apps into an image file on a Linux build host, to be provisioned at the first boot
  msdevices.provisioning.ms_provisioned_app:
    apps:
      - package: /srv/apps/9WZDNCRFJ3PS
      - package: /srv/apps/9NBLGGH4NNS1
    image_file: /srv/images/install.wim
    image_name: Windows 11 Enterprise
    cleanup: true

- name: Put an app into a distribution folder on a Linux build host, run by the answer file
  msdevices.provisioning.ms_provisioned_app:
    package: /srv/apps/9WZDNCRFJ3PS
    distribution: /srv/images/distribution
    hook: none
    on_error: stop

- name: Provision it again, after languages were added to the system
  msdevices.provisioning.ms_provisioned_app:
    package: C:\stage\9WZDNCRFJ3PS
    force: true

- name: Remove an app from what is provisioned
  msdevices.provisioning.ms_provisioned_app:
    package_family_name: Contoso.App_8wekyb3d8bbwe
    state: absent
"""

RETURN = r"""
apps:
  description: One dictionary for each app that was asked for, in the same order.
  type: list
  elements: dict
  returned: always, unless the options or the host as a whole cannot be used
  contains:
    index:
      description: The position in O(apps), from 0.
      type: int
      returned: always
      sample: 0
    package:
      description: What was given as the package.
      type: str
      returned: always, V(null) when it was not given
      sample: C:\stage\9WZDNCRFJ3PS
    package_family_name:
      description: The package family name.
      type: str
      returned: always, V(null) when it is not known
      sample: Contoso.App_8wekyb3d8bbwe
    package_name:
      description: The package full name of what is provisioned now, or was removed.
      type: str
      returned: always, V(null) when it is not known
      sample: Contoso.App_2026.310.1200.0_neutral_~_8wekyb3d8bbwe
    version:
      description: Its version. That of a bundle is the bundle's own.
      type: str
      returned: always, V(null) when it is not known
      sample: 2026.310.1200.0
    architecture:
      description: Its architecture, V(neutral) for a bundle.
      type: str
      returned: always, V(null) when it is not known
      sample: neutral
    regions:
      description: The regions that were asked for.
      type: list
      elements: str
      returned: always
      sample:
        - all
    state:
      description:
        - V(added), V(updated) (an older version was there), V(readded) (the same version was there, with another
          license or other regions, or O(force) was set), V(unchanged) (this or a newer version is there), V(removed),
          V(absent), V(prepared) (POSIX hosts; done at the first boot) or V(failed). In check mode, what would become
          of it.
      type: str
      returned: always
      sample: added
    changed:
      description: Whether the app was (in check mode, would be) changed.
      type: bool
      returned: always
      sample: true
    previous_version:
      description: The version that was provisioned before.
      type: str
      returned: always, V(null) when there was none
      sample: 2026.100.1.0
    license_content_id:
      description: The content id of the license.
      type: str
      returned: always, V(null) without a license
      sample: 2f9a4b1e-0f0f-4e4c-9d7a-7a1c1f6f0a11
    rc:
      description: The exit status of DISM, without a sign; a code of Win32 without its facility.
      type: int
      returned: always, V(null) when DISM was not called for the app
      sample: 0
    error:
      description: What was attempted, why it failed, and what to do about it.
      type: str
      returned: always, V(null) when RV(apps[].state) is not V(failed)
      sample: null
reboot_required:
  description: Whether DISM wants the system restarted. The module never does that.
  type: bool
  returned: on Windows hosts
  sample: false
saved:
  description: Whether O(image_file) was written.
  type: bool
  returned: with O(image_file)
  sample: true
dism_version:
  description: The version of DISM.
  type: str
  returned: on Windows hosts, V(null) when DISM was not called
  sample: 10.0.26100.1
image_version:
  description: The version of Windows in the image.
  type: str
  returned: on Windows hosts, V(null) when DISM was not called
  sample: 10.0.26100.1742
log_path:
  description: The log of DISM.
  type: str
  returned: on Windows hosts
  sample: '%WINDIR%\Logs\DISM\dism.log'
script:
  description: The path of the script in the image, as Windows has it.
  type: str
  returned: on POSIX hosts
  sample: '%WINDIR%\Setup\Scripts\msdevices\provision.cmd'
unattend_fragment:
  description: The settings of an answer file that run the script in the pass specialize.
  type: str
  returned: on POSIX hosts
  sample: <settings pass="specialize">...</settings>
backup_file:
  description: The copy of O(image_file) as it was before.
  type: str
  returned: on POSIX hosts, with O(backup), when O(image_file) was changed
  sample: /srv/images/install.wim.2361.2026-11-21@12:00:00~
wim_growth:
  description: By how many bytes O(image_file) grew.
  type: int
  returned: on POSIX hosts, with O(image_file)
  sample: 104857600
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.provisioned_app import specification
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.preparation import prepare_image


def main() -> None:
    """Be the half for POSIX hosts: prepare an image for its first boot.

    The action plugin of the same name is the half for Windows hosts, and runs this module on POSIX hosts.
    """
    module = AnsibleModule(**specification())
    try:
        result = prepare_image(module)
    except ProvisioningError as exc:
        module.fail_json(msg=str(exc), changed=False)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
