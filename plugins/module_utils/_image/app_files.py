# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The files of an app on a POSIX host: which ones go into an image, after all that can be checked without Windows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    LicenseDocumentError,
    PackageError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._image.wim_header import ImageFacts
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import (
    MAX_BYTES,
    LicenseDocument,
    parse,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.app_request import (
    WHY_LICENSE,
    AppRequest,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.checks import (
    check_license_family,
    choose_license,
    fitting_architecture,
    missing_dependencies,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.family_name import (
    publisher_id,
    same_family,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.manifest import (
    SUFFIXES,
    Package,
    read_package,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import Moniker, parse_full_name

DEPENDENCIES_FOLDER = "Dependencies"
# Which frameworks Windows of an architecture takes; what it runs by emulation wants those of the app.
_TAKES = {
    "x64": ("x64", "x86", "neutral"),
    "x86": ("x86", "neutral"),
    "arm64": ("arm64", "arm", "neutral"),
    "arm": ("arm", "neutral"),
}


@dataclass(frozen=True)
class AppFiles:
    """An app that may go into an image."""

    package: Package
    dependencies: tuple[Package, ...]
    optional_packages: tuple[Package, ...]
    license_path: str
    """Empty when it is provisioned without a license."""
    license: LicenseDocument | None
    custom_data: str


def find_files(
    request: AppRequest,
    image: ImageFacts,
    require_license: bool,
    verify_dependencies: bool,
    provisioned: Callable[[], Iterable[Moniker]],
) -> AppFiles:
    """Find and check the files of an app. Raises PackageError or LicenseDocumentError.

    `provisioned` returns the packages that the image has already; it is called when a dependency is missing.
    """
    package, folder = _main_package(request, image)
    family = package.family_name
    attempted = f"Could not use the package {package.path}"
    if request.package_family_name and not same_family(request.package_family_name, family):
        raise PackageError(
            attempted, f"its family is {family}, not {request.package_family_name}", "Name the package of this app"
        )
    architecture = fitting_architecture(package.architectures, image.architecture)
    if architecture is None:
        raise PackageError(
            attempted,
            f"it is for {', '.join(package.architectures)}, and the image is {image.architecture}",
            "Name a package for the image's architecture",
        )
    _check_windows(package, image, attempted)
    dependencies = _dependencies(request, package, folder, image)
    if verify_dependencies:
        _check_dependencies(package, dependencies, image, architecture, provisioned)
    license_path, document = _license(request, package, folder, require_license)
    return AppFiles(
        package=package,
        dependencies=tuple(dependencies),
        optional_packages=tuple(read_package(path) for path in request.optional_packages),
        license_path=license_path,
        license=document,
        custom_data=request.custom_data,
    )


def _listed(folder: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as exc:
        raise PackageError(
            f"Could not read the folder {folder}", str(exc.strerror), "Check the path and its permissions"
        ) from None
    return [os.path.join(folder, name) for name in names]


def _packages_in(folder: str) -> list[Package]:
    """Return the packages in a folder; encrypted ones are left out, since no image takes them."""
    return [read_package(path) for path in _listed(folder) if path.lower().endswith(SUFFIXES)]


def _main_package(request: AppRequest, image: ImageFacts) -> tuple[Package, str]:
    """Return the package of the app, and the folder of the app if it is one."""
    if not os.path.isdir(request.package):
        return read_package(request.package), ""
    attempted = f"Could not choose a package in {request.package}"
    found = [package for package in _packages_in(request.package) if not package.is_framework]
    fitting = [one for one in found if fitting_architecture(one.architectures, image.architecture)]
    if not fitting:
        cause = f"none of its {len(found)} packages is for {image.architecture}" if found else "there is no package"
        raise PackageError(attempted, cause, "Name the package file")
    if len({package.family_name.lower() for package in fitting}) > 1:
        names = ", ".join(os.path.basename(package.path) for package in fitting)
        raise PackageError(attempted, f"there are packages of several apps: {names}", "Name one of them")
    # Bundles and packages count their versions each in their own way. Of packages, the image's architecture is best.
    own = [one for one in fitting if image.architecture in one.architectures or "neutral" in one.architectures]
    bundles = [one for one in own or fitting if one.kind == "bundle"]
    return max(bundles or own or fitting, key=lambda one: one.version), request.package


def _check_windows(package: Package, image: ImageFacts, attempted: str) -> None:
    if not any(image.version) or not package.device_families:
        return
    wanted = min(family.min_version for family in package.device_families)
    if wanted[:3] > image.version:
        raise PackageError(
            attempted,
            f"it needs Windows {'.'.join(map(str, wanted[:3]))}, and the image is {'.'.join(map(str, image.version))}",
            "Take an older version of the app, or a newer image",
        )


def _dependencies(request: AppRequest, package: Package, folder: str, image: ImageFacts) -> list[Package]:
    """Return the dependencies that go along: each file that is named, and of folders what applies."""
    named: list[Package] = []
    offered: list[Package] = []
    paths: Sequence[str]
    if request.dependencies is not None:
        paths = request.dependencies
    else:
        # Without a subfolder, a folder of an app has them beside the app.
        inner = os.path.join(folder, DEPENDENCIES_FOLDER)
        paths = [path for path in (inner, folder) if folder and os.path.isdir(path)]
    for path in paths:
        if os.path.isdir(path):
            offered += _packages_in(path)
        else:
            named.append(read_package(path))
    takes = set(_TAKES.get(image.architecture, ("x64", "x86", "arm64", "arm", "neutral")))
    if not takes.intersection(package.architectures):
        takes.update(package.architectures)
    return [*named, *_applying(package, named, offered, takes)]


def _applying(package: Package, named: Sequence[Package], offered: Sequence[Package], takes: set[str]) -> list[Package]:
    """Return of the offered packages the newest of each architecture that the package, or one of them, wants."""
    chosen: dict[tuple[str, str], Package] = {}
    brought = {(one.name.lower(), one.architectures[0]) for one in named}
    queue = [*package.dependencies, *(wanted for one in named for wanted in one.dependencies)]
    asked = set()
    while queue:
        wanted = queue.pop(0)
        if wanted in asked:
            continue
        asked.add(wanted)
        for candidate in offered:
            moniker = candidate.moniker
            key = (candidate.name.lower(), moniker.architecture)
            if (
                key[0] == wanted.name.lower()
                and moniker.version >= wanted.min_version
                and (not wanted.publisher or moniker.publisher_id == publisher_id(wanted.publisher))
                and moniker.architecture in takes
                and key not in brought
                and (key not in chosen or chosen[key].version < candidate.version)
            ):
                chosen[key] = candidate
                queue += candidate.dependencies
    return [chosen[key] for key in sorted(chosen)]


def _check_dependencies(
    package: Package,
    dependencies: Sequence[Package],
    image: ImageFacts,
    architecture: str,
    provisioned: Callable[[], Iterable[Moniker]],
) -> None:
    # With an unknown image, any architecture of a package for several will do.
    several = not image.architecture and len(package.architectures) > 1
    wanted = [*package.dependencies, *(more for one in dependencies for more in one.dependencies)]
    wanted_architecture = "" if several else architecture
    brought = [one.moniker for one in dependencies]
    missing = missing_dependencies(wanted, brought, wanted_architecture)
    if missing:
        missing = missing_dependencies(wanted, [*brought, *provisioned()], wanted_architecture)
    if missing:
        raise PackageError(
            f"Could not use the package {package.path}",
            f"it needs what neither dependencies nor the image bring: {', '.join(sorted(set(missing)))}. DISM reports"
            " success without them, and the app does not start",
            "Add them to dependencies, or set verify_dependencies to false",
        )


def _license(
    request: AppRequest, package: Package, folder: str, require_license: bool
) -> tuple[str, LicenseDocument | None]:
    if request.skip_license:
        return "", None
    if request.license:
        document = _read_license(request.license)
        check_license_family(document, request.license, package.family_name)
        return request.license, document
    found: list[tuple[str, LicenseDocument]] = []
    for path in _listed(folder) if folder else []:
        if path.lower().endswith(".xml"):
            try:
                found.append((path, _read_license(path)))
            except LicenseDocumentError:
                # Other XML files may lie beside it.
                continue
    chosen = choose_license(found, folder, package.family_name)
    if chosen is not None:
        return chosen
    if require_license:
        raise LicenseDocumentError(
            f"Could not use the package {package.path}",
            f"no license is named{f', and none for it lies in {folder}' if folder else ''}. {WHY_LICENSE}",
            "Set license, or skip_license for an app that needs none",
        )
    return "", None


def _read_license(path: str) -> LicenseDocument:
    try:
        with open(path, "rb") as file:
            return parse(file.read(MAX_BYTES + 1))
    except OSError as exc:
        raise LicenseDocumentError(
            f"Could not read the license {path}", str(exc.strerror), "Check the path and its permissions"
        ) from None
    except LicenseDocumentError as exc:
        raise LicenseDocumentError(f"Could not read the license {path}", exc.cause, exc.remedy) from None


def family_of(request: AppRequest) -> tuple[str, str]:
    """Return the family name, and the full name if that is what was given, of an app that is to be absent.

    Raises PackageError when a package is named that can neither be read nor has the full name as its name.
    """
    if request.package_name:
        return _family_of_name(request.package_name), request.package_name
    if request.package_family_name:
        return request.package_family_name, ""
    try:
        found = _packages_in(request.package) if os.path.isdir(request.package) else [read_package(request.package)]
        return next(one.family_name for one in found if not one.is_framework), ""
    except StopIteration:
        raise PackageError(
            f"Could not read the folder {request.package}", "there is no package", "Set package_family_name"
        ) from None
    except PackageError as exc:
        stem = os.path.splitext(os.path.basename(request.package))[0]
        try:
            return _family_of_name(stem), ""
        except PackageError:
            raise PackageError(exc.attempted, exc.cause, "Set package_family_name instead of package") from None


def _family_of_name(name: str) -> str:
    return parse_full_name(name).family_name
