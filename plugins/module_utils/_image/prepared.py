# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What lies in an image, and what a task wants to lie there: app by app, compared by the hashes of files."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ImageError,
    LicenseDocumentError,
    PackageError,
    ProvisioningError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._image import record as image_record
from ansible_collections.msdevices.provisioning.plugins.module_utils._image import setup_complete, setup_script
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.app_files import (
    AppFiles,
    family_of,
    find_files,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.hash_cache import HashCache
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.record import (
    PreparedApp,
    PreparedFile,
    Record,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.scripts_tree import (
    Entry,
    ScriptsTree,
    Source,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.app_request import (
    AppRequest,
    app_result,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.manifest import SUFFIXES, Package
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import Moniker, parse_full_name

FOLDER = "msdevices"
RECORD = f"{FOLDER}/{image_record.RECORD_NAME}"
SETUP_COMPLETE = setup_complete.NAME.lower()
_LICENSE_IDS = ("license_id", "content_id", "license_instance_id")


@dataclass
class ImageState:
    """What lies in the directory of scripts of an image."""

    tree: ScriptsTree
    entries: Mapping[str, Entry] | None
    """`None` when the directory does not exist."""
    record: Record
    setup_complete: bytes | None
    """The bytes of SetupComplete.cmd."""

    @classmethod
    def of(cls, tree: ScriptsTree, warn: Callable[[str], None]) -> ImageState:
        """Look at the image. An app whose files are not what was put there is dropped, with a warning."""
        limits = {RECORD: image_record.MAX_BYTES, SETUP_COMPLETE: setup_complete.MAX_BYTES}
        entries = tree.look(list(limits))
        names = [name for name in limits if name in (entries or {})]
        for name in names:
            entry = (entries or {})[name]
            if entry.is_directory or not 0 <= entry.size <= limits[name]:
                raise ImageError(
                    f"Could not work on {tree.place}", f"{name} in it is no file that can be read", "Remove it there"
                )
        data = tree.read(names) if names else {}
        record = Record()
        if RECORD in data:
            record = image_record.load_record(data[RECORD], f"{RECORD} in {tree.place}")
        state = cls(tree, entries, record, data.get(SETUP_COMPLETE))
        for app in list(record.apps):
            if not state.has_all(app):
                record.apps.remove(app)
                warn(
                    f"{app.package_family_name} in {tree.place} is not what was put there, and counts as not prepared."
                )
        return state

    def has_all(self, app: PreparedApp) -> bool:
        """Tell whether all files of an app lie there, by size and hash."""
        return all(self.has(file_name(app, file), file.size, file.sha1) for file in app.files)

    def has(self, name: str, size: int, sha1: str) -> bool:
        """Tell whether a file of this content lies there."""
        entry = (self.entries or {}).get(name)
        return entry is not None and (entry.size, entry.sha1) == (size, sha1)

    def lines(self) -> str:
        """Return the apps as text for a difference."""
        return _lines(self.record.apps)


def file_name(app: PreparedApp, file: PreparedFile) -> str:
    """Return the name of a file of an app in the directory of scripts."""
    return f"{FOLDER}/apps/{app.slot}/{file.name}"


def _lines(apps: t.Iterable[PreparedApp]) -> str:
    return "".join(
        f"{app.package_family_name} {app.moniker.version} {';'.join(app.regions)}\n"
        for app in sorted(apps, key=lambda app: app.package_family_name.lower())
    )


@dataclass
class _Outcome:
    """What becomes of a request."""

    request: AppRequest
    state: str
    app: PreparedApp | None
    before: PreparedApp | None
    error: str = ""

    def result(self, done: bool) -> dict[str, t.Any]:
        state = self.state
        if not done and state in ("prepared", "removed"):
            # Another app failed, and nothing was changed.
            state = "unchanged" if self.before is not None else "absent"
        app = self.app if done or self.state == "failed" else self.before or self.app
        facts: dict[str, t.Any] = {"error": self.error or None}
        if app is not None:
            facts.update(
                package_family_name=app.package_family_name,
                package_name=app.package_name,
                version=str(app.moniker.version),
                architecture=app.moniker.architecture,
                regions=list(app.regions),
                license_content_id=(app.license or {}).get("content_id"),
            )
        if done and self.before is not None and state in ("prepared", "removed"):
            facts["previous_version"] = str(self.before.moniker.version)
        return app_result(self.request, state, **facts)


@dataclass
class WantedApps:
    """The apps that are to lie in the image after the task, and what becomes of each request."""

    image: ImageState
    params: Mapping[str, t.Any]
    hashes: HashCache
    apps: list[PreparedApp] = field(init=False)
    sources: dict[str, Source] = field(default_factory=dict)
    """The files of apps that are to be put, by their name in the directory of scripts."""
    failures: list[tuple[str, str]] = field(default_factory=list)
    """What names an app that failed, and why."""
    architectures: set[str] = field(default_factory=set)
    """Those of the packages of the task."""
    _outcomes: list[_Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.apps = list(self.image.record.apps)

    def add(self, request: AppRequest) -> None:
        """Take a request into account; what is wrong with it is kept in `failures`."""
        try:
            outcome = self._absent(request) if self.params["state"] == "absent" else self._present(request)
        except (PackageError, LicenseDocumentError, ImageError) as exc:
            outcome = self._failed(request, exc)
        self._outcomes.append(outcome)

    def results(self, done: bool = False) -> list[dict[str, t.Any]]:
        """Return the results of all requests; `done` when the change was made, or is predicted."""
        return [outcome.result(done) for outcome in self._outcomes]

    def lines(self) -> str:
        """Return the apps as text for a difference."""
        return _lines(self.apps)

    def _failed(self, request: AppRequest, error: ProvisioningError) -> _Outcome:
        self.failures.append((request.label, str(error)))
        return _Outcome(request, "failed", None, None, str(error))

    def _find(self, family: str) -> PreparedApp | None:
        return Record(self.apps).find(family)

    def _absent(self, request: AppRequest) -> _Outcome:
        family, full_name = family_of(request)
        app = self._find(family)
        if app is None or (full_name and app.package_name.lower() != full_name.lower()):
            return _Outcome(request, "absent", None, None)
        self.apps.remove(app)
        return _Outcome(request, "removed", app, app)

    def _present(self, request: AppRequest) -> _Outcome:
        files = find_files(
            request,
            self.image.tree.facts,
            self.params["require_license"],
            self.params["verify_dependencies"],
            self._provisioned,
        )
        self.architectures.update(files.package.architectures)
        before = self._find(files.package.family_name)
        if any(outcome.app is before for outcome in self._outcomes if before is not None):
            raise PackageError(
                f"Could not use the package {files.package.path}",
                f"another app of the task is of the same family {files.package.family_name}",
                "Name each app once",
            )
        newer = before is not None and self._is_newer(before, files.package)
        if newer and self.params["exact"]:
            raise PackageError(
                f"Could not use the package {files.package.path}",
                f"the newer version {before.moniker.version if before else ''} is prepared in the image",
                "Remove that first, or set exact to false",
            )
        if newer and not self.params["force"]:
            return _Outcome(request, "unchanged", before, before)
        slot = before.slot if before is not None else Record(self.apps).free_slot()
        app, sources = _prepared(request, files, slot, self.image, self.hashes)
        if not setup_script.fits(app):
            raise PackageError(
                f"Could not use the package {files.package.path}",
                f"with {len(app.files)} files, the command for it is longer than cmd.exe takes",
                "Name fewer dependencies",
            )
        if app == before and not self.params["force"]:
            return _Outcome(request, "unchanged", before, before)
        self.sources.update(sources)
        if before is None:
            self.apps.append(app)
        else:
            self.apps[self.apps.index(before)] = app
        return _Outcome(request, "prepared", app, before)

    def _is_newer(self, before: PreparedApp, package: Package) -> bool:
        """Tell whether a newer version is there. Versions of bundles and of packages cannot be compared."""
        return before.kind == package.kind and before.moniker.version > package.version

    def _provisioned(self) -> list[Moniker]:
        """Return the frameworks that other apps bring, and those in the image."""
        brought = [parse_full_name(name) for app in self.apps for name in app.frameworks]
        return [*brought, *self.image.tree.frameworks()]


def _prepared(
    request: AppRequest, files: AppFiles, slot: str, image: ImageState, hashes: HashCache
) -> tuple[PreparedApp, dict[str, Source]]:
    """Return an app as it is to be in the image, and where its files are."""
    paths = {f"main{_suffix(files.package)}": files.package.path}
    paths.update({f"dep{n:02}{_suffix(one)}": one.path for n, one in enumerate(files.dependencies, 1)})
    paths.update({f"opt{n:02}{_suffix(one)}": one.path for n, one in enumerate(files.optional_packages, 1)})
    if files.license is not None:
        paths["license.xml"] = files.license_path
    if files.custom_data:
        paths["custom.dat"] = files.custom_data
    _check_space(image, [(f"{FOLDER}/apps/{slot}/{name}", path) for name, path in paths.items()])
    prepared = {name: _hashed(name, path, hashes) for name, path in paths.items()}
    app = PreparedApp(
        slot=slot,
        package_name=str(files.package.moniker),
        kind=files.package.kind,
        regions=tuple(request.regions),
        stub=request.stub,
        license=None if files.license is None else {name: getattr(files.license, name) for name in _LICENSE_IDS},
        frameworks=tuple(str(one.moniker) for one in files.dependencies),
        files=tuple(prepared.values()),
    )
    sources = {file_name(app, file): Source(file.size, file.sha1, path=paths[name]) for name, file in prepared.items()}
    return app, sources


def _check_space(image: ImageState, files: Sequence[tuple[str, str]]) -> None:
    """Refuse an app that does not fit, before its files are read: one of another size has to be written."""
    added = 0
    for name, path in files:
        entry = (image.entries or {}).get(name)
        size = _size(path)
        added += size if entry is None or entry.size != size else 0
    check_space(image.tree, added)


def check_space(tree: ScriptsTree, added: int) -> None:
    """Raise ImageError unless so many bytes can be added to an image."""
    needed, free = added + tree.overhead, tree.free_bytes()
    if added and needed > free:
        raise ImageError(
            f"Could not change {tree.place}",
            f"its file system has {free // 1024} KiB free, and {needed // 1024} KiB are needed",
            "Free space there, then run again",
        )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError as exc:
        raise PackageError(f"Could not read {path}", str(exc.strerror), "Check the path and its permissions") from None


def _hashed(name: str, path: str, hashes: HashCache) -> PreparedFile:
    size = _size(path)
    try:
        sha1, sha256 = hashes.hashes(path)
    except OSError as exc:
        raise PackageError(f"Could not read {path}", str(exc.strerror), "Check the path and its permissions") from None
    return PreparedFile(name, size, sha1, sha256)


def _suffix(package: Package) -> str:
    suffix = os.path.splitext(package.path)[1].lower()
    if suffix in SUFFIXES:
        return suffix
    return ".msixbundle" if package.kind == "bundle" else ".msix"
