# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules of ansible.controller and awx.awx take, as far as this collection's objects use it, or those that
readers of its guide make of them.

Source: the documentation of awx.awx, whose modules ansible.controller shares. Tests compare this with awx.awx where it
is installed; the package ansible brings it up to release 12.
"""

from __future__ import annotations

from typing import Any

_TEXT: dict[str, Any] = {"type": "str"}
_FLAG: dict[str, Any] = {"type": "bool"}
_TEXTS: dict[str, Any] = {"type": "list", "elements": "str"}
_NUMBER: dict[str, Any] = {"type": "int"}
_DICTIONARY: dict[str, Any] = {"type": "dict"}
_NAME: dict[str, Any] = {"type": "str", "required": True}

#: By module: the variable of infra.aap_configuration with such objects, and the options of the module.
MODULES: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    "credential_type": (
        "controller_credential_types",
        {
            "name": _NAME,
            "description": _TEXT,
            "kind": {"type": "str", "choices": ["ssh", "vault", "net", "scm", "cloud", "insights"]},
            "inputs": _DICTIONARY,
            "injectors": _DICTIONARY,
        },
    ),
    "project": (
        "controller_projects",
        {
            "name": _NAME,
            "description": _TEXT,
            "organization": _TEXT,
            "scm_type": {"type": "str", "choices": ["manual", "git", "svn", "insights", "archive"]},
            "scm_url": _TEXT,
            "scm_branch": _TEXT,
            "credential": _TEXT,
            "scm_clean": _FLAG,
            "scm_update_on_launch": _FLAG,
        },
    ),
    "execution_environment": (
        "controller_execution_environments",
        {
            "name": _NAME,
            "description": _TEXT,
            "organization": _TEXT,
            "image": _TEXT,
            "credential": _TEXT,
            "pull": {"type": "str", "choices": ["always", "missing", "never"]},
        },
    ),
    "job_template": (
        "controller_templates",
        {
            "name": _NAME,
            "description": _TEXT,
            "organization": _TEXT,
            "job_type": {"type": "str", "choices": ["run", "check"]},
            "inventory": _TEXT,
            "project": _TEXT,
            "playbook": _TEXT,
            "execution_environment": _TEXT,
            "credentials": _TEXTS,
            "instance_groups": _TEXTS,
            "become_enabled": _FLAG,
            "extra_vars": _DICTIONARY,
            "limit": _TEXT,
            "timeout": _NUMBER,
            "forks": _NUMBER,
            "verbosity": {"type": "int", "choices": [0, 1, 2, 3, 4, 5]},
            "ask_variables_on_launch": _FLAG,
            "ask_limit_on_launch": _FLAG,
            "allow_simultaneous": _FLAG,
            "survey_enabled": _FLAG,
            "survey_spec": _DICTIONARY,
        },
    ),
    "schedule": (
        "controller_schedules",
        {
            "name": _NAME,
            "description": _TEXT,
            "unified_job_template": _TEXT,
            "organization": _TEXT,
            "rrule": _TEXT,
            "extra_data": _DICTIONARY,
            "limit": _TEXT,
            "enabled": _FLAG,
        },
    ),
}

#: By module: the options that name other objects, and the kind of these. A module fails when there is no such object.
REFERENCES: dict[str, dict[str, str]] = {
    "credential_type": {},
    "project": {"organization": "organization", "credential": "credential"},
    "execution_environment": {"organization": "organization", "credential": "credential"},
    "job_template": {
        "organization": "organization",
        "inventory": "inventory",
        "project": "project",
        "execution_environment": "execution_environment",
        "credentials": "credential",
        "instance_groups": "instance_group",
    },
    "schedule": {"organization": "organization", "unified_job_template": "job_template"},
}
