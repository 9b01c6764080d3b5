# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Has DISM do what was decided, app by app, and records it."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import PackageError, ServicingError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism import AddOptions, Dism, DismError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism_codes import SAME_OR_NEWER
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism_output import ProvisionedApp
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.provisioning_record import (
    ProvisioningRecord,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows_packages import (
    PackageFacts,
    PackageReader,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.decide_apps import (
    CHANGES,
    Rules,
    current,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.requested_app import App


class Performance:
    """Services one Windows root. An app that DISM refuses fails by itself."""

    def __init__(self, dism: Dism, reader: PackageReader, root: str, record: ProvisioningRecord, rules: Rules) -> None:
        self._dism = dism
        self._reader = reader
        self._root = root
        self._record = record
        self._rules = rules
        self._listed: list[ProvisionedApp] = []
        self.warnings: list[str] = []

    def perform(self, apps: Sequence[App], listed: Sequence[ProvisionedApp], stop_at_failure: bool) -> None:
        """Add and remove, one app at a time, as the states of the apps say. Corrects states that DISM corrects."""
        self._listed = list(listed)
        for app in apps:
            if app.state not in CHANGES:
                continue
            try:
                if app.state == "removed":
                    self._remove(app)
                elif app.options is not None:
                    self._add(app, app.options)
            except ServicingError as exc:
                app.rc = exc.code if isinstance(exc, DismError) else None
                app.fail(exc)
                if stop_at_failure:
                    return

    def _remove(self, app: App) -> None:
        for name in app.removals:
            self._dism.remove(self._root, name)
        for family in {one.family_name.lower() for one in self._listed if one.package_name in app.removals}:
            self._record.apps.pop(family, None)
        app.rc = 0

    def _add(self, app: App, options: AddOptions) -> None:
        try:
            self._dism.add(self._root, options)
        except DismError as exc:
            if exc.code not in SAME_OR_NEWER:
                raise
            app.rc = exc.code
            if app.state == "readded":
                self._replace(app, options)
            else:
                self._accept(app, exc)
                return
        app.rc = 0
        if app.facts is None:
            self._identify(app)
        self._keep(app)

    def _replace(self, app: App, options: AddOptions) -> None:
        """Remove what is there, and add it again: this Windows refuses to provision the version that is there."""
        self._dism.remove(self._root, str(app.package_name))
        try:
            self._dism.add(self._root, options)
        except DismError as exc:
            self.warnings.append(f"{app.package_name} was removed to provision it again, which failed.")
            raise ServicingError(
                exc.attempted, f"{exc.cause}. The app was removed before, and is not provisioned now", exc.remedy
            ) from exc

    def _accept(self, app: App, refusal: DismError) -> None:
        """Take the app as unchanged when what is there now is at least what is wanted. Raises the refusal else."""
        self._listed = list(self._dism.list_apps(self._root).apps)
        there = current(self._listed, app.family_name) if app.family_name else None
        if app.family_name and there is None:
            raise refusal
        if there is None or app.facts is None:
            app.state = "unchanged"
            return
        comparable = there.moniker.is_bundle == app.facts.moniker.is_bundle
        if comparable and there.version < app.facts.moniker.version:
            raise refusal
        if self._rules.exact and there.version != app.facts.moniker.version:
            raise PackageError(
                f"Could not provision {app.facts.moniker}",
                f"the version {there.version} is there, which DISM does not replace",
                "Remove it first, with state absent, or set exact to false",
            ) from refusal
        if not comparable:
            self.warnings.append(
                f"{there.package_name} stays in place: DISM does not replace it by {app.facts.moniker}. Remove it first"
                " to change from a package to a bundle or back."
            )
        app.state = "unchanged"
        app.package_name, app.regions = there.package_name, there.regions

    def _identify(self, app: App) -> None:
        """Find out what was added, by what the list has more than before."""
        before = {one.package_name for one in self._listed}
        self._listed = list(self._dism.list_apps(self._root).apps)
        new = [one for one in self._listed if one.package_name not in before]
        if len(new) == 1 and app.package is not None:
            app.facts = PackageFacts(new[0].moniker, ())
            self._reader.remember(app.package, app.facts)

    def _keep(self, app: App) -> None:
        if app.facts is None:
            return
        app.package_name = str(app.facts.moniker)
        app.regions = app.request.region_text
        entry: dict[str, t.Any] = {
            "version": str(app.facts.moniker.version),
            "full_name": str(app.facts.moniker),
            "regions": app.request.region_text,
            "license_content_id": app.license.content_id if app.license is not None else None,
            "license_instance_id": app.license.license_instance_id if app.license is not None else None,
            "stub": app.request.stub,
        }
        self._record.apps[app.family_name.lower()] = entry
