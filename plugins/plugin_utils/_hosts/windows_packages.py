# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What packages on a Windows host are, read from their manifests by the host's own tar.exe.

bsdtar is a part of Windows 10 1803, Server 2019 and later, and reads ZIP files. Where it is missing, and for
encrypted packages, the file name has to do.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace
from urllib.parse import quote

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import PackageError, ServicingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.app_request import is_encrypted_name
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.checks import fitting_architecture
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.family_name import publisher_id
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.manifest import (
    APP_MANIFEST,
    BUNDLE_MANIFEST,
    MAX_MANIFEST,
    BundleManifest,
    Dependency,
    parse_app_manifest,
    parse_bundle_manifest,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import (
    Moniker,
    parse_full_name,
    parse_version,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.provisioning_record import (
    ProvisioningRecord,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows_host import (
    HostFile,
    ProgramMissingError,
    WindowsHost,
    join_path,
    split_path,
)

_TAR = "tar.exe"
# What a ZIP entry is named in URLs; in a pattern of tar brackets would be special.
_SAFE = "/!$&'()+,;=@~"


@dataclass(frozen=True)
class PackageFacts:
    """What is known of a package file."""

    moniker: Moniker
    architectures: tuple[str, ...]
    """Of a bundle those of the application packages in it. Empty when only the file name is known."""
    dependencies: tuple[Dependency, ...] | None = None
    """What it needs; `None` when that was not read."""
    dependencies_of: str = ""
    """The architecture of the application package whose dependencies these are."""

    def as_entry(self) -> dict[str, t.Any]:
        """Return it as a JSON object."""
        dependencies = self.dependencies
        return {
            "full_name": str(self.moniker),
            "architectures": list(self.architectures),
            "dependencies": None
            if dependencies is None
            else [[one.name, str(one.min_version), one.publisher] for one in dependencies],
            "dependencies_of": self.dependencies_of,
        }

    @classmethod
    def from_entry(cls, entry: t.Mapping[str, t.Any]) -> PackageFacts | None:
        """Make it of the JSON object again; `None` when that is damaged."""
        try:
            dependencies = entry["dependencies"]
            return cls(
                parse_full_name(entry["full_name"]),
                tuple(str(one) for one in entry["architectures"]),
                None
                if dependencies is None
                else tuple(Dependency(str(name), parse_version(least), str(who)) for name, least, who in dependencies),
                str(entry["dependencies_of"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, PackageError):
            return None


class PackageReader:
    """Reads packages on a host, and remembers what it read. Methods raise PackageError and ServicingError."""

    def __init__(self, host: WindowsHost, record: ProvisioningRecord, scratch_dir: str) -> None:
        self._host = host
        self._record = record
        self._scratch_dir = scratch_dir
        self._has_tar = True

    def read(self, file: HostFile, architecture: str | None = None) -> PackageFacts | None:
        """Return what is known of a package; `None` when its manifest cannot be read and its name is no full name.

        With an `architecture` (that of the image, or empty for an unknown one) its dependencies are read, too.
        """
        entry = self._record.known("packages", file.path, file.stamp)
        facts = PackageFacts.from_entry(entry) if entry is not None else None
        if facts is None:
            facts = self._read_identity(file)
        if facts is None:
            return _from_name(file.path)
        if architecture is not None and facts.architectures:
            facts = self._with_dependencies(file, facts, architecture)
        self.remember(file, facts)
        return facts

    def remember(self, file: HostFile, facts: PackageFacts) -> None:
        """Keep what is known of a package."""
        self._record.remember("packages", file.path, file.stamp, facts.as_entry())

    def _read_identity(self, file: HostFile) -> PackageFacts | None:
        if is_encrypted_name(file.path) or not self._has_tar:
            return None
        try:
            return self._read_manifest(file)
        except ProgramMissingError:
            self._has_tar = False
            return None

    def _read_manifest(self, file: HostFile) -> PackageFacts:
        if file.path.lower().endswith("bundle"):
            bundle = parse_bundle_manifest(self._print(file.path, BUNDLE_MANIFEST))
            moniker = Moniker(bundle.name, bundle.version, "neutral", "~", publisher_id(bundle.publisher))
            return PackageFacts(moniker, tuple(sorted({one.architecture for one in bundle.applications})))
        app = parse_app_manifest(self._print(file.path, APP_MANIFEST))
        moniker = Moniker(app.name, app.version, app.architecture, app.resource_id, publisher_id(app.publisher))
        return PackageFacts(moniker, (app.architecture,), app.dependencies, app.architecture)

    def _with_dependencies(self, file: HostFile, facts: PackageFacts, architecture: str) -> PackageFacts:
        # Unless the image's is known, most images are x64.
        wanted = fitting_architecture(facts.architectures, architecture or "x64")
        chosen = wanted or facts.architectures[0]
        if not facts.moniker.is_bundle:
            return replace(facts, dependencies_of=chosen)
        if facts.dependencies is not None and facts.dependencies_of == chosen:
            return facts
        bundle = parse_bundle_manifest(self._print(file.path, BUNDLE_MANIFEST))
        return replace(facts, dependencies=self._inner_dependencies(file, bundle, chosen), dependencies_of=chosen)

    def _inner_dependencies(self, file: HostFile, bundle: BundleManifest, chosen: str) -> tuple[Dependency, ...]:
        inner = next(
            (
                one
                for architecture in (chosen, "neutral")
                for one in bundle.applications
                if one.architecture == architecture
            ),
            bundle.applications[0],
        )
        name = quote(inner.file_name.replace("\\", "/"), safe=_SAFE)
        if ".." in name.split("/"):
            raise PackageError(f"Could not read the package {file.path}", "it names a package outside itself")
        attempted = f"Could not extract {name} from {file.path}"
        directory = self._host.make_temporary_directory(self._scratch_dir)
        try:
            result = self._host.run_program(attempted, [_TAR, "-xf", file.path, "-C", directory, name])
            if result.status:
                raise PackageError(
                    attempted, "tar.exe could not extract it", "Check space on the disk, or fetch the bundle again"
                )
            path = join_path(directory, *name.split("/"))
            return parse_app_manifest(self._print(path, APP_MANIFEST)).dependencies
        finally:
            self._host.remove(directory)

    def _print(self, path: str, entry: str) -> bytes:
        attempted = f"Could not read the package {path}"
        result = self._host.run_program(attempted, [_TAR, "-xOf", path, entry], "utf-8")
        if result.status or not result.stdout:
            raise PackageError(
                attempted,
                f"tar.exe finds no {entry} in it: it is no package, it is cut off, or its suffix is wrong",
                "Fetch it again, and compare its SHA-256",
            )
        if len(result.stdout) > MAX_MANIFEST:
            raise ServicingError(attempted, "its manifest is larger than that of any package")
        return result.stdout.lstrip("\ufeff").encode("utf-8")


def _from_name(path: str) -> PackageFacts | None:
    """Return what the file name tells, when it is the full name of a package."""
    try:
        return PackageFacts(parse_full_name(split_path(path)[1].rpartition(".")[0]), ())
    except PackageError:
        return None
