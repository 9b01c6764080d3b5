# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What DISM does not check: it reports success with a missing dependency or a foreign license, and the app does not
start. Both halves of ms_provisioned_app check it before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import LicenseDocumentError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import LicenseDocument
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.family_name import (
    publisher_id,
    same_family,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.manifest_xml import Dependency
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import Moniker
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable

# What Windows of an architecture runs, best first.
_RUNS = {
    "x64": ("x64", "neutral", "x86"),
    "x86": ("x86", "neutral"),
    "arm64": ("arm64", "neutral", "x64", "arm", "x86"),
    "arm": ("arm", "neutral"),
}


def fitting_architecture(offered: Iterable[str], image_architecture: str) -> str | None:
    """Return the architecture of the application package that Windows of `image_architecture` takes.

    `offered` are those of a package or bundle. Returns `None` when none fits, and the first when that of the image is
    not known (empty). A neutral package uses dependencies of the image's own architecture, which is returned for it.
    """
    there = list(offered)
    if not image_architecture:
        return there[0] if there else None
    for architecture in _RUNS[image_architecture]:
        if architecture in there:
            return image_architecture if architecture == "neutral" else architecture
    return None


def missing_dependencies(wanted: Sequence[Dependency], brought: Iterable[Moniker], architecture: str) -> list[str]:
    """Return those of the wanted dependencies that no package satisfies, as texts for a message.

    `brought` are the packages that come along or are provisioned already. `architecture` is that of the application
    package; with an empty one or `neutral`, any will do.
    """
    there = list(brought)
    return [
        f"{one.name} (version {one.min_version} or later{f', {architecture}' if architecture else ''})"
        for one in wanted
        if not any(_satisfies(package, one, architecture) for package in there)
    ]


def _satisfies(package: Moniker, wanted: Dependency, architecture: str) -> bool:
    return (
        package.name.lower() == wanted.name.lower()
        and package.version >= wanted.min_version
        and (not wanted.publisher or package.publisher_id.lower() == publisher_id(wanted.publisher))
        and (architecture in ("", "neutral") or package.architecture in (architecture, "neutral"))
    )


def check_license_family(document: LicenseDocument, path: str, family_name: str) -> None:
    """Raise LicenseDocumentError unless the license is one of this package family."""
    if not same_family(document.package_family_name, family_name):
        raise LicenseDocumentError(
            f"Could not use the license {path}",
            f"it is for {printable(document.package_family_name or 'no package family', 100)}, and the package is"
            f" {family_name}. With a foreign license the app does not start",
            "Name the license of this app",
        )


def choose_license(
    found: Sequence[tuple[str, LicenseDocument]], folder: str, family_name: str
) -> tuple[str, LicenseDocument] | None:
    """Return path and license of this package family, of those that lie in a folder; the newest instance of several.

    Returns `None` when there is none. Raises LicenseDocumentError when they are for several content ids.
    """
    fitting = [one for one in found if same_family(one[1].package_family_name, family_name)]
    if len({document.content_id.lower() for _path, document in fitting}) > 1:
        names = ", ".join(sorted(path for path, _document in fitting))
        raise LicenseDocumentError(
            f"Could not choose the license of {family_name} in {folder}",
            f"there are licenses for several content ids: {names}",
            "Name one by the option license",
        )
    return max(fitting, key=lambda one: one[1].issued_date, default=None)
