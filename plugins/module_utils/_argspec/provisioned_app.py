# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The options of ms_provisioned_app and ms_provisioned_app_info, on Windows and POSIX hosts."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

LOG_LEVELS = ("errors", "warnings", "info", "debug")
"""As DISM counts them, from 1."""
ARCHITECTURES = ("x64", "x86", "arm64", "arm")
_APP: dict[str, dict[str, t.Any]] = {
    "package": {"type": "path"},
    "dependencies": {"type": "list", "elements": "path"},
    "optional_packages": {"type": "list", "elements": "path"},
    "license": {"type": "path"},
    "skip_license": {"type": "bool"},
    "regions": {"type": "list", "elements": "str"},
    "stub": {"type": "str", "choices": ["full", "stub"]},
    "custom_data": {"type": "path"},
    "package_family_name": {"type": "str"},
    "package_name": {"type": "str"},
}
_IMAGE: dict[str, dict[str, t.Any]] = {
    "image": {"type": "path"},
    "image_file": {"type": "path"},
    "index": {"type": "int"},
    "image_name": {"type": "str"},
    "mount_dir": {"type": "path"},
}
_DISM: dict[str, dict[str, t.Any]] = {
    "dism_path": {"type": "path"},
    "scratch_dir": {"type": "path"},
    "log_path": {"type": "path"},
    "log_level": {"type": "str", "choices": list(LOG_LEVELS)},
    "busy_retries": {"type": "int", "default": 5},
    "busy_delay": {"type": "int", "default": 10},
}
# What Windows hosts do not use.
POSIX_ONLY = ("distribution", "hook", "cleanup", "on_error", "backup", "allow_solid")


def specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule."""
    return {
        "argument_spec": {
            "apps": {"type": "list", "elements": "dict", "options": {name: dict(one) for name, one in _APP.items()}},
            **{name: dict(one) for name, one in _APP.items()},
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
            **{name: dict(one) for name, one in _IMAGE.items()},
            "architecture": {"type": "str", "choices": list(ARCHITECTURES)},
            "force": {"type": "bool", "default": False},
            "exact": {"type": "bool", "default": False},
            "require_license": {"type": "bool", "default": True},
            "verify_dependencies": {"type": "bool", "default": True},
            "optimize": {"type": "bool", "default": False},
            "check_integrity": {"type": "bool", "default": False},
            **{name: dict(one) for name, one in _DISM.items()},
            "distribution": {"type": "path"},
            "hook": {"type": "str", "default": "setup_complete", "choices": ["setup_complete", "none"]},
            "on_error": {"type": "str", "default": "continue", "choices": ["continue", "stop"]},
            "cleanup": {"type": "bool", "default": False},
            "backup": {"type": "bool", "default": False},
            "allow_solid": {"type": "bool", "default": False},
        },
        "mutually_exclusive": [
            ["image", "image_file", "distribution"],
            ["index", "image_name"],
            *(["apps", name] for name in _APP),
        ],
        "required_one_of": [["apps", "package", "package_family_name", "package_name"]],
        "required_by": {"index": ["image_file"], "image_name": ["image_file"]},
        "supports_check_mode": True,
    }


def info_specification() -> dict[str, t.Any]:
    """Return the keyword arguments of AnsibleModule for ms_provisioned_app_info."""
    return {
        "argument_spec": {
            **{name: dict(one) for name, one in _IMAGE.items()},
            **{name: dict(one) for name, one in _DISM.items()},
        },
        "mutually_exclusive": [["image", "image_file"], ["index", "image_name"]],
        "required_by": {"index": ["image_file"], "image_name": ["image_file"]},
        "supports_check_mode": True,
    }


def apps_of(params: Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the apps that are asked for, whether as a list or as one at top level."""
    if params.get("apps") is not None:
        return [dict(app) for app in params["apps"]]
    return [{name: params.get(name) for name in _APP}]
