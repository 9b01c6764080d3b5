# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.

from __future__ import annotations


class ModuleDocFragment:
    """The options that choose among the packages of a product."""

    DOCUMENTATION = r"""
options:
  architecture:
    description:
      - Only packages for this architecture, such as V(x64). Packages that are neutral fit every architecture.
      - For licenses it counts where the content id is left out.
    type: str
  language:
    description:
      - Only packages for this language, such as V(de-DE) or V(de). Packages that name no language fit every language.
      - For licenses it counts where the content id is left out.
    type: str
  package_family_name:
    description:
      - Only packages of this family, such as V(Contoso.App_8wekyb3d8bbwe).
      - For licenses it counts where the content id is left out.
    type: str
"""
