# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: target_problem
short_description: Say why files cannot be written into a directory of a host
version_added: 1.0.0
author:
  - The msdevices.provisioning maintainers (@msdevices)
description:
  - Checks a path on a managed host by how it is written, before anything is done there. The roles of this collection
    use it.
  - The path has to be an absolute one for the kind of host, without white space at its ends and without control
    characters.
options:
  _input:
    description:
      - The path.
    type: raw
    required: true
  windows:
    description:
      - Whether the host is a Windows host.
    type: bool
    default: false
  facts:
    description:
      - The host's facts, C(ansible_facts). Those with names of variables of this collection are a problem, too, since
        they would win over the inventory.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Check the directory
  ansible.builtin.assert:
    that: problem == ''
    fail_msg: "Could not use images_dir: {{ problem }}"
  vars:
    images_dir: /srv/images
    problem: "{{ images_dir | msdevices.provisioning.target_problem(facts=ansible_facts) }}"
"""

RETURN = r"""
_value:
  description:
    - Why the path cannot be used, or an empty text.
  type: str
"""

import typing as t
from collections.abc import Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._dest import dest_problem
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.host_facts import refuse_facts_of_ours


def target_problem(dest: t.Any, windows: bool = False, facts: Mapping[str, t.Any] | None = None) -> str:
    """Return why the path cannot be used, or an empty text."""
    try:
        refuse_facts_of_ours({"ansible_facts": facts or {}})
    except OptionError as exc:
        return f"{exc.cause}. {exc.remedy}."
    problem = dest_problem(dest, windows)
    return f"the path {problem}" if problem else ""


class FilterModule:
    """Checks paths on managed hosts."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter."""
        return {"target_problem": target_problem}
