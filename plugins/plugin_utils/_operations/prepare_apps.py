# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""From what a task asks for to what DISM takes: finds files, packages and licenses of apps on a Windows host.

All that DISM does not check is checked here, before DISM changes anything.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    PackageError,
    ProvisioningError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._license import document as license_document
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.app_request import (
    WHY_LICENSE,
    AppRequest,
    is_package_name,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.checks import (
    check_license_family,
    choose_license,
    fitting_architecture,
    missing_dependencies,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.family_name import same_family
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.manifest import (
    ENCRYPTED_SUFFIXES,
    SUFFIXES,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import Moniker
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism import AddOptions
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.provisioning_record import (
    ProvisioningRecord,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows_host import (
    HostFile,
    WindowsHost,
    join_path,
    split_path,
    windows_path,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows_packages import (
    PackageFacts,
    PackageReader,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.requested_app import App

DEPENDENCIES = "Dependencies"
_MAX_LICENSES = 50
_SUFFIX_PATTERN = r"(?i)\.(?:" + "|".join(one[1:] for one in (*SUFFIXES, *ENCRYPTED_SUFFIXES)) + r"|xml)$"


class Preparation:
    """Prepares the apps of a task. An app that cannot be used fails by itself."""

    def __init__(
        self, host: WindowsHost, record: ProvisioningRecord, params: Mapping[str, t.Any], requests: Sequence[AppRequest]
    ) -> None:
        self._host = host
        self._record = record
        self._require_license = params["require_license"]
        self._verify = params["verify_dependencies"] and params["state"] == "present"
        scratch_dir = windows_path("scratch_dir", params["scratch_dir"]) if params.get("scratch_dir") else ""
        self._reader = PackageReader(host, record, scratch_dir)
        self.apps = [App(_with_absolute_paths(request)) for request in requests]
        self._files: dict[str, HostFile] = {}

    @property
    def reader(self) -> PackageReader:
        """What reads packages, and remembers them."""
        return self._reader

    def look(self, present: bool, architecture: str) -> None:
        """Find the files of all apps at once, and what the packages and licenses in them are."""
        directories, names = _places([app.request for app in self.apps], present)
        if directories:
            self._files = self._host.find(directories, [_SUFFIX_PATTERN, *names])
        for app in self.apps:
            if app.request.package:
                self._each(app, lambda one: self._find_package(one, architecture))
            if present:
                self._each(app, self._find_license)

    def check(self, architecture: str, any_architecture: bool = False) -> None:
        """Check that the packages fit the image and that what they need comes along.

        `architecture` is that of the image; empty when it is not known, and x64 is taken then where it is offered. With
        `any_architecture`, a dependency of another architecture will do, since that of the image is found out later.
        """
        for app in self.apps:
            self._each(app, lambda one: self._check_one(one, architecture, any_architecture))

    def _each(self, app: App, step: t.Callable[[App], None]) -> None:
        if app.problem is None:
            try:
                step(app)
            except ProvisioningError as exc:
                app.fail(exc)

    def _file(self, option: str, path: str) -> HostFile:
        found = self._files.get(path.lower())
        if found is None:
            raise PackageError(
                f"Could not use the {option} {path}",
                "there is no such file on the host, or the user may not see it",
                "Check the path; on a share, how the user signs in to its server (become, CredSSP or delegation)",
            )
        return found

    def _in(self, directory: str, suffixes: tuple[str, ...]) -> list[HostFile]:
        return [
            file
            for path, file in sorted(self._files.items())
            if split_path(path)[0] == directory.lower() and path.endswith(suffixes)
        ]

    # Packages

    def _find_package(self, app: App, architecture: str) -> None:
        request = app.request
        if request.is_folder:
            self._choose_package(app, architecture)
        else:
            app.package = self._file("package", request.package)
            app.facts = self._reader.read(app.package)
        named = request.package_family_name
        if named and app.facts is not None and not same_family(named, app.facts.moniker.family_name):
            raise PackageError(
                f"Could not use the package {app.package.path if app.package else request.package}",
                f"it is of the family {app.facts.moniker.family_name}, not of {named}",
                "Correct package or package_family_name",
            )

    def _choose_package(self, app: App, architecture: str) -> None:
        """Choose the main package of a folder: of one family, the bundle before packages, the newest before others."""
        folder = app.request.package
        attempted = f"Could not choose the main package in {folder}"
        found = self._in(folder, (*SUFFIXES, *ENCRYPTED_SUFFIXES))
        if not found:
            raise PackageError(
                attempted,
                "there is no package in it, or no such folder",
                "Stage the app there first, with ms_store_package",
            )
        if len(found) == 1:
            app.package, app.facts = found[0], self._reader.read(found[0])
            return
        candidates = [(file, facts) for file, facts in ((one, self._reader.read(one)) for one in found) if facts]
        named = app.request.package_family_name
        if named:
            candidates = [one for one in candidates if same_family(one[1].moniker.family_name, named)]
        families = {facts.moniker.family_name.lower() for _file, facts in candidates}
        if len(families) != 1:
            raise PackageError(
                attempted,
                f"there are {len(found)} packages in it, of {len(families)} families",
                "Name one file by the option package, or package_family_name",
            )
        fitting = [one for one in candidates if fitting_architecture(one[1].architectures, architecture or "x64")]
        app.package, app.facts = max(
            fitting or candidates, key=lambda one: (one[1].moniker.is_bundle, one[1].moniker.version)
        )

    def _dependency_files(self, app: App, architecture: str) -> None:
        """Find the packages that come along. Of a folder, what applies to the image is picked."""
        request = app.request
        wanted = request.dependencies
        if wanted is None:
            wanted = (join_path(request.package, DEPENDENCIES),) if request.is_folder else ()
        app.dependencies, app.brought = [], []
        newest: dict[tuple[str, int, str], tuple[Moniker, HostFile]] = {}
        for path in wanted:
            explicit = is_package_name(path)
            for file in [self._file("dependency", path)] if explicit else self._in(path, SUFFIXES):
                facts = self._reader.read(file) if self._verify or not explicit else None
                if facts is None or explicit:
                    app.dependencies.append(file)
                    app.brought += [facts.moniker] if facts is not None else []
                elif fitting_architecture((facts.moniker.architecture,), architecture) is not None:
                    moniker = facts.moniker
                    key = (moniker.name.lower(), moniker.version.major, moniker.architecture)
                    if key not in newest or newest[key][0].version < moniker.version:
                        newest[key] = (moniker, file)
        app.dependencies += [file for _moniker, file in newest.values()]
        app.brought += [moniker for moniker, _file in newest.values()]

    # Licenses

    def _find_license(self, app: App) -> None:
        request = app.request
        if request.skip_license:
            return
        if request.license:
            app.license_path = request.license
            app.license = self._license(self._file("license", request.license))
            if app.family_name:
                check_license_family(app.license, request.license, app.family_name)
            return
        found = self._licenses_in(request.package) if request.is_folder and app.family_name else []
        chosen = choose_license(found, request.package, app.family_name)
        if chosen is not None:
            app.license_path, app.license = chosen
        elif self._require_license:
            families = sorted({document.package_family_name for _path, document in found})
            raise LicenseDocumentError(
                f"Could not find the license of {app.family_name or request.label} in {request.package}",
                f"there is {'one for ' + printable(', '.join(families)) if found else 'none'}. {WHY_LICENSE}",
                "Stage it there with ms_offline_license, name it by license, or set skip_license",
            )

    def _licenses_in(self, folder: str) -> list[tuple[str, LicenseDocument]]:
        found = []
        for file in self._in(folder, (".xml",))[:_MAX_LICENSES]:
            try:
                found.append((file.path, self._license(file)))
            except LicenseDocumentError:
                # Another XML file.
                continue
        return found

    def _license(self, file: HostFile) -> LicenseDocument:
        """Return the license in a file, without its bytes. Raises LicenseDocumentError."""
        known = self._record.known("licenses", file.path, file.stamp)
        if known is not None:
            facts = {name: str(value) for name, value in known.items() if name in _LICENSE_FACTS}
            if facts.keys() == _LICENSE_FACTS:
                return LicenseDocument(data=b"", **facts)
        attempted = f"Could not read the license {file.path}"
        if file.size > license_document.MAX_BYTES:
            raise LicenseDocumentError(attempted, f"it is larger than {license_document.MAX_BYTES} bytes")
        try:
            found = replace(license_document.parse(self._host.read(file.path)), data=b"")
        except LicenseDocumentError as exc:
            remedy = "Name the XML document of the license, not its base64 text"
            raise LicenseDocumentError(attempted, exc.cause, remedy) from None
        entry = {name: getattr(found, name) for name in _LICENSE_FACTS}
        self._record.remember("licenses", file.path, file.stamp, entry)
        return found

    # Checks

    def _check_one(self, app: App, architecture: str, any_architecture: bool) -> None:
        request, package = app.request, app.package
        if package is None:
            return
        self._dependency_files(app, architecture)
        for path in request.optional_packages:
            self._file("optional package", path)
        if request.custom_data:
            self._file("custom data", request.custom_data)
        if self._verify:
            app.facts = self._reader.read(package, architecture) or app.facts
        facts = app.facts
        if facts is not None:
            _check_architecture(package, facts, architecture)
        if self._verify and facts is not None and facts.dependencies is not None:
            others = [one.facts.moniker for one in self.apps if one.facts is not None and one is not app]
            wanted = "" if any_architecture else facts.dependencies_of
            app.missing = missing_dependencies(facts.dependencies, [*app.brought, *others], wanted)
        app.options = AddOptions(
            package=package.path,
            dependencies=tuple(file.path for file in app.dependencies),
            optional_packages=request.optional_packages,
            license=app.license_path,
            regions=request.region_text,
            stub=request.stub,
            custom_data=request.custom_data,
        )


def _check_architecture(package: HostFile, facts: PackageFacts, architecture: str) -> None:
    if facts.architectures and fitting_architecture(facts.architectures, architecture) is None:
        raise PackageError(
            f"Could not use the package {package.path}",
            f"it is for {', '.join(facts.architectures)}, and the image is {architecture}",
            "Bring the package for the architecture of the image",
        )


_LICENSE_FACTS = {
    *("content_id", "product_id", "license_id", "license_instance_id", "package_family_name", "issued_date"),
}


def _with_absolute_paths(request: AppRequest) -> AppRequest:
    """Return the request with paths in their one form. Raises OptionError."""

    def one(option: str, path: str) -> str:
        return windows_path(option, path) if path else ""

    dependencies = request.dependencies
    return replace(
        request,
        package=one("package", request.package),
        dependencies=None if dependencies is None else tuple(one("dependencies", path) for path in dependencies),
        optional_packages=tuple(one("optional_packages", path) for path in request.optional_packages),
        license=one("license", request.license),
        custom_data=one("custom_data", request.custom_data),
    )


def _places(requests: Sequence[AppRequest], present: bool) -> tuple[list[str], list[str]]:
    """Return the directories to look into, and patterns for files whose suffix does not find them."""
    directories: dict[str, str] = {}
    names = []
    for request in requests:
        folders = [request.package] if request.is_folder else []
        files = [request.package] if request.package and not request.is_folder else []
        if present:
            if request.is_folder and request.dependencies is None:
                folders.append(join_path(request.package, DEPENDENCIES))
            for path in request.dependencies or ():
                (files if is_package_name(path) else folders).append(path)
            files += [*request.optional_packages, *(one for one in (request.license, request.custom_data) if one)]
        for path in files:
            directory, name = split_path(path)
            folders.append(directory)
            if not re.search(_SUFFIX_PATTERN, name):
                names.append(f"(?i)^{re.escape(name)}$")
        directories.update((folder.lower(), folder) for folder in folders)
    return list(directories.values()), sorted(set(names))
