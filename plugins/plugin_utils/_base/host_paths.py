# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Options of the managed host, in an action plugin on the controller."""

from __future__ import annotations

import typing as t


def with_host_paths(specification: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a specification in which paths are texts, so that the controller does not expand those of a host.

    Takes the keyword arguments of AnsibleModule.
    """
    return {**specification, "argument_spec": _texts(specification["argument_spec"])}


def _texts(spec: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        name: {
            key: "str"
            if key in ("type", "elements") and value == "path"
            else _texts(value)
            if key == "options"
            else value
            for key, value in option.items()
        }
        for name, option in spec.items()
    }
