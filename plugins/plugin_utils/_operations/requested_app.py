# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""One app of a task on a Windows host, from the request to the result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import PackageError, ProvisioningError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.app_request import AppRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.checks import missing_dependencies
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import Moniker
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism import AddOptions
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows_host import HostFile
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows_packages import PackageFacts


@dataclass
class App:
    """One app of a task, and what became of it."""

    request: AppRequest
    package: HostFile | None = None
    facts: PackageFacts | None = None
    dependencies: list[HostFile] = field(default_factory=list)
    brought: list[Moniker] = field(default_factory=list)
    license_path: str = ""
    license: LicenseDocument | None = None
    options: AddOptions | None = None
    missing: list[str] = field(default_factory=list)
    """Dependencies that nobody brings. They may be provisioned already."""
    state: str = ""
    problem: ProvisioningError | None = None
    previous_version: str | None = None
    package_name: str | None = None
    regions: str | None = None
    rc: int | None = None
    removals: tuple[str, ...] = ()
    """Full names of what is to be removed, as listed."""

    @property
    def family_name(self) -> str:
        """The package family name, empty when it is not known."""
        return self.facts.moniker.family_name if self.facts is not None else self.request.package_family_name

    def fail(self, problem: ProvisioningError) -> None:
        """Let the app fail. The first problem stays."""
        self.state = "failed"
        self.problem = self.problem or problem


def fail_for_missing(app: App, provisioned: Iterable[Moniker] = ()) -> None:
    """Let an app fail whose dependencies neither come along nor are provisioned."""
    if app.problem is not None or not app.missing or app.facts is None:
        return
    missing = app.missing
    if app.facts.dependencies is not None:
        missing = [
            text
            for text in missing
            if text in missing_dependencies(app.facts.dependencies, provisioned, app.facts.dependencies_of)
        ]
    if missing:
        app.fail(
            PackageError(
                f"Could not provision {app.package.path if app.package else app.request.label}",
                f"it needs {', '.join(missing)}, which nobody brings. DISM would report success, and the app would not"
                " start",
                "Name the packages by dependencies (for an x64 image those for x64 and for x86), or set"
                " verify_dependencies to false",
            )
        )
