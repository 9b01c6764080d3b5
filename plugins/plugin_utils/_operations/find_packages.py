# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Finds out which files an app consists of: catalog, delivery service, choice."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_package import PackageRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import NotFoundError, ServiceError
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import Version
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.choose_packages import (
    Chosen,
    Need,
    choose_dependencies,
    choose_main,
    fits_language,
    merge_needs,
    needs_of,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.package_services import PackageServices
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_catalog import Package
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_delivery import (
    DeliveryFile,
    Release,
    ReleaseId,
)

_USABLE = ("appx", "appxbundle", "msix", "msixbundle")


@dataclass(frozen=True)
class PlannedFile:
    """A file that belongs to an app."""

    kind: str
    """`main` or `dependency`."""
    filename: str
    """Relative to the folder of the app, with `/` before the name."""
    name: str
    version: str
    architectures: tuple[str, ...]
    size: int
    sha256: str
    publisher_id: str
    release: ReleaseId
    """Whose files it is one of, so that its URL can be found again."""


@dataclass(frozen=True)
class Plan:
    """All that an app consists of."""

    product_id: str
    selection: str
    package_family_name: str
    version: str
    """Of the first main package."""
    content_ids: tuple[str, ...]
    """As the consumer view of the catalog names them."""
    releases: tuple[Release, ...]
    files: tuple[PlannedFile, ...]
    complete: bool = True
    """Whether the dependencies are known; if not, the manifests of the main packages name them."""
    urls: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    """SHA-256 to URL, as far as they were found out just now."""

    def as_dict(self) -> dict[str, t.Any]:
        """Return it as a JSON object, without URLs, which expire."""
        return {name: value for name, value in asdict(self).items() if name != "urls"}


def plan_from(entry: t.Mapping[str, t.Any]) -> Plan:
    """Make the plan of which `as_dict` was called. Raises KeyError, TypeError or ValueError for anything else."""
    releases = [
        Release(ReleaseId(**one["id"]), tuple(ReleaseId(**each) for each in one["prerequisites"]))
        for one in entry["releases"]
    ]
    files = [
        PlannedFile(**{**one, "architectures": tuple(one["architectures"]), "release": ReleaseId(**one["release"])})
        for one in entry["files"]
    ]
    lists = {"releases": tuple(releases), "files": tuple(files), "content_ids": tuple(entry["content_ids"])}
    return Plan(**{**entry, **lists})


class PackageFinder:
    """Makes plans. May be used by several threads at once, none of them of the pool of the services."""

    def __init__(self, services: PackageServices, warn: Callable[[str], None]) -> None:
        self._services = services
        self._warn = warn

    def is_current(self, plan: Plan) -> bool:
        """Return whether the newest versions are still those of the plan, by one request for each category.

        Raises what the delivery service's client raises.
        """
        waiting = [(known, self._services.release(known.id.category)) for known in plan.releases]
        return all(found.result() == known for known, found in waiting)

    def plan(self, request: PackageRequest) -> Plan:
        """Find out what an app consists of. Raises the services' errors, or NoChoiceError."""
        product = self._services.product(request.product_id, request.market).result()
        listed = _usable(request, product.packages)
        categories = dict.fromkeys(package.wu_category_id.lower() for package in listed)
        waiting = [self._services.release(category) for category in categories]
        releases = [self._explained(request, one.result) for one in waiting]
        found = [(release, self._services.files(release.id)) for release in releases]
        # Prerequisites are asked for at the same time: most apps need some.
        needed = [one for release in releases for one in release.prerequisites] if request.dependencies else []
        prerequisites = [(one, self._services.files(one)) for one in dict.fromkeys(needed)]
        origin: dict[str, ReleaseId] = {}
        files: list[DeliveryFile] = []
        for release, answer in found:
            for file in answer.result():
                files.append(file)
                origin[file.sha256] = release.id
        chosen = choose_main(request, files, listed, self._warn)
        needs = needs_of(chosen, listed) if request.dependencies else []
        if needs:
            offered = self._offered(prerequisites, origin)
            chosen += choose_dependencies(request, needs, offered)
        named = [package for package in product.packages if package.content_id]
        main = chosen[0].moniker
        return Plan(
            product_id=request.product_id,
            selection=request.selection,
            package_family_name=main.family_name,
            version=str(main.version),
            content_ids=tuple(dict.fromkeys(package.content_id.lower() for package in named)),
            releases=tuple(releases),
            files=tuple(_planned(one, origin[one.file.sha256]) for one in chosen),
            complete=bool(needs) or not request.dependencies or not prerequisites,
            urls={one.file.sha256: one.file.url for one in chosen},
        )

    def with_dependencies(self, request: PackageRequest, plan: Plan, needs: Sequence[Need]) -> Plan:
        """Add the frameworks that the manifests of the main packages name; if they name none, all there are.

        Raises NoChoiceError for a framework that cannot be had.
        """
        origin: dict[str, ReleaseId] = {}
        ids = dict.fromkeys(one for release in plan.releases for one in release.prerequisites)
        offered = self._offered([(one, self._services.files(one)) for one in ids], origin)
        known = {file.name.lower(): file for file in plan.files if file.kind == "dependency"}
        open_needs = [
            need
            for need in merge_needs(needs)
            if need.name.lower() not in known or not _satisfies(known[need.name.lower()], need)
        ]
        if not open_needs and plan.complete:
            return plan
        chosen = choose_dependencies(request, open_needs if needs else None, offered)
        there = {file.filename.lower() for file in plan.files}
        added = [_planned(one, origin[one.file.sha256]) for one in chosen]
        files = [*plan.files, *(one for one in added if one.filename.lower() not in there)]
        urls = {**plan.urls, **{one.file.sha256: one.file.url for one in chosen}}
        return Plan(**{**vars(plan), "files": tuple(files), "complete": True, "urls": urls})

    def url_of(self, plan: Plan, file: PlannedFile, anew: bool) -> str:
        """Return the URL of a file. Raises what the delivery service's client raises."""
        known = plan.urls.get(file.sha256)
        if known and not anew:
            return known
        for one in self._services.files_now(file.release):
            if one.sha256 == file.sha256 and one.size == file.size:
                plan.urls[file.sha256] = one.url
                return one.url
        raise NotFoundError(
            f"Could not download {file.filename}",
            "the delivery service no longer has this file, since there is a newer one",
            "Run again with state=latest",
        )

    def _offered(
        self, prerequisites: Sequence[tuple[ReleaseId, t.Any]], origin: dict[str, ReleaseId]
    ) -> list[DeliveryFile]:
        offered = []
        for release, answer in prerequisites:
            for file in answer.result():
                offered.append(file)
                origin.setdefault(file.sha256, release)
        return offered

    def _explained(self, request: PackageRequest, get: Callable[[], Release]) -> Release:
        """Let an error of the delivery service name the product."""
        try:
            return get()
        except ServiceError as exc:
            attempted = f"Could not find out the newest version of {request.product_id}"
            raise type(exc)(attempted, exc.cause, exc.remedy, exc.status, exc.code) from None


def _usable(request: PackageRequest, packages: Sequence[Package]) -> list[Package]:
    """Return the packages of the catalog that can be used and are in a wanted language. Raises ServiceError."""
    attempted = f"Could not find the packages of {request.product_id} in the Store's catalog"
    if not packages:
        remedy = (
            "Check product_id and market; the product may have no packages, or be a program or a bundle of products"
        )
        raise ServiceError(attempted, f"the catalog lists none for the market {request.market}", remedy)
    usable = [package for package in packages if package.package_format.lower() in _USABLE]
    if not usable:
        formats = ", ".join(sorted({package.package_format or "an unknown format" for package in packages}))
        raise ServiceError(
            attempted,
            f"it lists {formats} alone; encrypted packages, games and packages of old phones cannot be staged",
            "Choose another product, or ask its publisher for a package",
        )
    delivered = [package for package in usable if package.wu_category_id]
    if not delivered:
        remedy = "Check in the Store that the app can be installed; its publisher may not allow downloads"
        raise ServiceError(attempted, "it names no category of the delivery service for them", remedy)
    wanted = [package for package in delivered if fits_language(request.languages, package.languages)]
    if not wanted:
        there = ", ".join(sorted({language for package in delivered for language in package.languages})[:40])
        raise ServiceError(
            attempted,
            f"none is in {', '.join(request.languages)}; there are {there}",
            "Change languages to what there is",
        )
    return wanted


def _satisfies(file: PlannedFile, need: Need) -> bool:
    version = Version(*(int(part) for part in file.version.split(".")))
    return need.least is None or version >= need.least


def _planned(chosen: Chosen, release: ReleaseId) -> PlannedFile:
    return PlannedFile(
        kind=chosen.kind,
        filename=chosen.filename if chosen.kind == "main" else f"Dependencies/{chosen.filename}",
        name=chosen.moniker.name,
        version=str(chosen.moniker.version),
        architectures=chosen.architectures,
        size=chosen.file.size,
        sha256=chosen.file.sha256,
        publisher_id=chosen.moniker.publisher_id,
        release=release,
    )
