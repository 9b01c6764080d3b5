# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Lists the provisioned apps of a Windows host, or of an image on it."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism import Dism
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism_output import AppList, ProvisionedApp
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.image_session import ImageSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows_host import (
    WindowsHost,
    windows_path,
)


def list_apps(action: ActionBase, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the result of ms_provisioned_app_info. Raises OptionError and ServicingError."""
    host = WindowsHost(action, task_vars)
    dism = Dism(host, params)
    warnings: list[str] = []
    if params.get("image_file"):
        if params.get("index") is None and not params.get("image_name"):
            raise OptionError(
                "Could not use the option image_file",
                "neither index nor image_name is set",
                "Name one image of the file",
            )
        session = ImageSession(host, dism, params)
        session.find()
        session.look_up()
        with session.mounted(read_only=True) as root:
            listed = dism.list_apps(root)
        warnings = session.warnings
    else:
        listed = dism.list_apps(windows_path("image", params["image"]) if params.get("image") else "")
    return {**_result(listed), **({"warnings": warnings} if warnings else {})}


def _result(listed: AppList) -> dict[str, t.Any]:
    return {
        "changed": False,
        "apps": [_entry(app) for app in listed.apps],
        "dism_version": listed.dism_version,
        "image_version": listed.image_version,
    }


def _entry(app: ProvisionedApp) -> dict[str, t.Any]:
    regions = app.regions
    return {
        "name": app.moniker.name,
        "package_family_name": app.family_name,
        "package_name": app.package_name,
        "version": str(app.version),
        "architecture": app.moniker.architecture,
        "bundle": app.moniker.is_bundle,
        "regions": None if regions is None else [one.strip() for one in regions.split(";") if one.strip()],
    }
