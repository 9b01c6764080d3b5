# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Standard attributes of the modules."""

from __future__ import annotations


class ModuleDocFragment:
    """What every module declares about itself."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  async:
    description: Supports being used with the C(async) keyword.
    support: none
    details:
      - The work is done on the controller, within the time that its options allow.
  diff_mode:
    description: Will return details on what has changed, or would change in C(check_mode), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled/queried by the module has not changed in a relevant way.
  platform:
    description: Target OS/families that can be operated against.
"""

    ACTIONGROUP_ALL = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/msdevices.provisioning.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - msdevices.provisioning.all
"""

    ACTIONGROUP_STORE = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/msdevices.provisioning.all)
        or C(group/msdevices.provisioning.store) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - msdevices.provisioning.all
      - msdevices.provisioning.store
"""

    ACTIONGROUP_PARTNER_CENTER = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/msdevices.provisioning.all)
        or C(group/msdevices.provisioning.partner_center) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - msdevices.provisioning.all
      - msdevices.provisioning.partner_center
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This action does not modify anything.
  diff_mode:
    support: N/A
    details:
      - This action does not modify anything.
  idempotent:
    support: full
    details:
      - This action does not modify anything.
"""
