# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What a task wants of an app in an image, checked as far as that is possible without a look at files."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.provisioned_app import apps_of
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError, PackageError
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.manifest import (
    ENCRYPTED_SUFFIXES,
    SUFFIXES,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import parse_full_name
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable

_FAMILY_NAME = re.compile(r"[A-Za-z0-9.-]+_[A-Za-z0-9]{13}")
_REGION = re.compile(r"all|[a-z]{2,3}", re.IGNORECASE)
WHY_LICENSE = (
    "DISM provisions an app from the Store without its license and reports success, and the app then does not start"
    " without the Store"
)


@dataclass(frozen=True)
class AppRequest:
    """One app of a task. Paths are the host's, as the user wrote them; empty texts mean that nothing is given."""

    index: int
    """The position in the option `apps`, from 0."""
    package: str = ""
    """A package file, or the folder of an app as `ms_store_package` makes it."""
    dependencies: tuple[str, ...] | None = None
    """Package files and folders of them. `None`: those of the folder."""
    optional_packages: tuple[str, ...] = ()
    license: str = ""
    skip_license: bool = False
    regions: tuple[str, ...] = ("all",)
    stub: str = ""
    """`full`, `stub`, or empty for what the package prefers."""
    custom_data: str = ""
    package_family_name: str = ""
    package_name: str = ""
    """The full name; for what is to be absent."""

    @property
    def is_folder(self) -> bool:
        """Whether `package` is a folder, by its suffix."""
        return bool(self.package) and not is_package_name(self.package)

    @property
    def label(self) -> str:
        """What names the app in messages."""
        return printable(self.package or self.package_name or self.package_family_name, 200)

    @property
    def region_text(self) -> str:
        """The regions as DISM writes them."""
        return ";".join(self.regions)


def is_package_name(path: str) -> bool:
    """Return whether a path has the suffix of a package or bundle, encrypted or not."""
    return path.lower().endswith((*SUFFIXES, *ENCRYPTED_SUFFIXES))


def app_requests(params: Mapping[str, t.Any]) -> list[AppRequest]:
    """Return the apps of validated options. Raises OptionError, which names each app that is wrong, and why."""
    requests: list[AppRequest] = []
    problems: list[str] = []
    for index, app in enumerate(apps_of(params)):
        request = _request(index, app)
        found = _problems(request, params)
        if found:
            problems.append(f"app {index + 1} ({request.label or 'without a name'}): {'; '.join(found)}")
        requests.append(request)
    if params.get("image_file") and params.get("index") is None and not params.get("image_name"):
        problems.append("image_file takes one of index and image_name, since a file may hold several images")
    if params.get("index") is not None and params["index"] < 1:
        problems.append("index counts from 1")
    if problems:
        raise OptionError("Could not use the options of ms_provisioned_app", ". ".join(problems), "Correct the task")
    return requests


def _request(index: int, app: Mapping[str, t.Any]) -> AppRequest:
    dependencies = app.get("dependencies")
    return AppRequest(
        index=index,
        package=app.get("package") or "",
        dependencies=None if dependencies is None else tuple(dependencies),
        optional_packages=tuple(app.get("optional_packages") or ()),
        license=app.get("license") or "",
        skip_license=bool(app.get("skip_license")),
        regions=_regions(app.get("regions")),
        stub=app.get("stub") or "",
        custom_data=app.get("custom_data") or "",
        package_family_name=(app.get("package_family_name") or "").strip(),
        package_name=(app.get("package_name") or "").strip(),
    )


def _regions(regions: Sequence[str] | None) -> tuple[str, ...]:
    """Return the regions; all of them unless the user says otherwise. An empty list stays, for Windows Server."""
    given = ("all",) if regions is None else tuple(region.strip() for region in regions)
    return tuple("all" if region.lower() == "all" else region for region in given)


def _problems(request: AppRequest, params: Mapping[str, t.Any]) -> list[str]:
    problems = []
    if request.package_family_name and not _FAMILY_NAME.fullmatch(request.package_family_name):
        problems.append("package_family_name is not of the form Name_PublisherId")
    if request.package_name:
        try:
            parse_full_name(request.package_name)
        except PackageError as exc:
            problems.append(f"package_name: {exc.cause}")
    if params["state"] == "absent":
        if not (request.package or request.package_name or request.package_family_name):
            problems.append("one of package, package_name and package_family_name has to name it")
        return problems
    if not request.package:
        problems.append("package is missing")
    if request.license and request.skip_license:
        problems.append("license and skip_license exclude each other")
    if params["require_license"] and not request.is_folder and not request.license and not request.skip_license:
        problems.append(f"neither license nor skip_license is set. {WHY_LICENSE}")
    offline = params.get("image") or params.get("image_file") or params.get("distribution")
    encrypted = [one for one in (request.package, *(request.dependencies or ())) if is_encrypted_name(one)]
    if offline and encrypted:
        problems.append(f"{printable(encrypted[0], 200)} is encrypted, and goes into running systems only")
    wrong = [region for region in request.regions if not _REGION.fullmatch(region)]
    if wrong:
        problems.append(f"the region {printable(wrong[0], 20)!r} is neither all nor a code of two or three letters")
    elif "all" in request.regions and len(request.regions) > 1:
        problems.append("the region all stands alone")
    return problems


def is_encrypted_name(path: str) -> bool:
    """Return whether a path has the suffix of an encrypted package or bundle."""
    return path.lower().endswith(ENCRYPTED_SUFFIXES)


def app_result(request: AppRequest, state: str, **facts: t.Any) -> dict[str, t.Any]:
    """Return the entry of the return value `apps` for a request, with every key.

    `state` is one of added, updated, readded, unchanged, removed, absent, prepared, failed.
    """
    result: dict[str, t.Any] = {
        "index": request.index,
        "package": request.package or None,
        "package_family_name": request.package_family_name or None,
        "package_name": request.package_name or None,
        "version": None,
        "architecture": None,
        "regions": list(request.regions),
        "state": state,
        "changed": state not in ("unchanged", "absent", "failed"),
        "previous_version": None,
        "license_content_id": None,
        "rc": None,
        "error": None,
    }
    result.update(facts)
    return result
