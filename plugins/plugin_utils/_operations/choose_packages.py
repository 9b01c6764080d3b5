# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Which of the files of the delivery service are wanted: pure functions, without a request.

Source: reference facts on packages, section 3 (how the Windows package manager picks, and where to do better).
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_package import PackageRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import PackageError
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import (
    Moniker,
    Version,
    parse_version,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_catalog import (
    Package as CatalogPackage,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.store_delivery import DeliveryFile

_PLATFORM_NAMES = {
    "universal": "Universal",
    "desktop": "Desktop",
    "iot": "IoT",
    "holographic": "Holographic",
    "team": "Team",
}
_ARCHITECTURE_NAMES = {"x86": "X86", "x64": "X64", "arm": "Arm", "arm64": "Arm64", "neutral": "Neutral"}
_LONGEST_NAME = 255
_MOST_SHOWN = 12


@dataclass(frozen=True)
class Chosen:
    """A file that is wanted."""

    file: DeliveryFile
    moniker: Moniker
    kind: str
    """`main` or `dependency`."""
    architectures: tuple[str, ...]
    """For which architectures it is wanted, or `neutral`."""
    filename: str
    """As the Windows package manager names it; dependencies lie in the directory Dependencies."""


@dataclass(frozen=True)
class Need:
    """A framework that a package needs."""

    name: str
    least: Version | None = None


class NoChoiceError(PackageError):
    """Nothing that is on offer satisfies the request."""


def fits_language(wanted: Sequence[str], offered: Sequence[str]) -> bool:
    """Return whether one of the offered languages is wanted: the same one, or the same primary language."""
    named = {language.lower() for language in offered}
    if not wanted or not named or "neutral" in named:
        return True
    primary = {language.partition("-")[0] for language in named}
    return any(one.lower() in named or one.lower().partition("-")[0] in primary for one in wanted)


def choose_main(
    request: PackageRequest,
    files: Iterable[DeliveryFile],
    listed: Sequence[CatalogPackage],
    warn: t.Callable[[str], None],
) -> list[Chosen]:
    """Return the packages of the product: of each package name one that covers all wanted architectures, or one each.

    `listed` is what the catalog knows of the product. `warn` is told when versions could only be guessed. Raises
    NoChoiceError, which names every candidate and why it was dropped.
    """
    attempted = f"Could not choose the packages of {request.product_id}"
    dropped: list[tuple[DeliveryFile, str]] = []
    names: dict[str, list[DeliveryFile]] = {}
    for file in files:
        reason = _unfit(file, request, listed)
        if reason or file.moniker is None:
            dropped.append((file, reason))
        else:
            names.setdefault(file.moniker.name.lower(), []).append(file)
    chosen: list[Chosen] = []
    covered: set[str] = set()
    for candidates in names.values():
        order = _Order(candidates, listed)
        for file, machines in _cover(order, request.architectures):
            covered.update(one for one in request.architectures if _covers(file, one))
            chosen.append(_chosen(file, "main", machines, request))
        text = order.doubt(chosen)
        if text and not request.version:
            warn(f"{request.product_id}: {text}")
    missing = [one for one in request.architectures if one not in covered]
    if missing or not chosen:
        kept = [(file, f"not for {', '.join(missing)}") for one in names.values() for file in one]
        raise NoChoiceError(
            attempted,
            f"no package fits {_wish(request, missing)}. {_candidates([*dropped, *kept])}",
            "Change architectures, languages, version, platform or os_version to what there is",
        )
    return _merged(chosen)


def needs_of(chosen: Sequence[Chosen], listed: Sequence[CatalogPackage]) -> list[Need]:
    """Return the frameworks that the catalog names for the chosen packages, or none when it names none.

    The catalog can be a build behind: where it does not list a chosen package, all that it lists count.
    """
    names = {str(one.moniker).lower() for one in chosen}
    exact = [package for package in listed if package.package_full_name.lower() in names]
    return merge_needs(
        Need(one.name, _version(one.min_version)) for package in exact or listed for one in package.dependencies
    )


def merge_needs(needs: Iterable[Need]) -> list[Need]:
    """Return one need for each name, with the largest of the least versions."""
    merged: dict[str, Need] = {}
    for need in needs:
        known = merged.get(need.name.lower())
        if known is None or (need.least or Version(0, 0, 0, 0)) > (known.least or Version(0, 0, 0, 0)):
            merged[need.name.lower()] = need
    return list(merged.values())


def choose_dependencies(
    request: PackageRequest, needs: Sequence[Need] | None, files: Sequence[DeliveryFile]
) -> list[Chosen]:
    """Return the newest file for each framework and wanted architecture.

    `needs` is `None` where neither catalog nor manifest names any; every prerequisite counts then, without a least
    version. Raises NoChoiceError, which names every framework that cannot be had and each candidate for it.
    """
    if needs is None:
        needs = merge_needs(Need(file.moniker.name) for file in files if file.moniker is not None)
    anyway = replace(request, version="", languages=())
    extra = request.dependency_architectures
    chosen, missing = [], []
    for need in needs:
        named = [one for one in files if one.moniker is not None and one.moniker.name.lower() == need.name.lower()]
        fit = [one for one in named if not _unfit(one, anyway, (), machines=False) and _new_enough(one, need)]
        for machine in dict.fromkeys((*request.architectures, *extra)):
            matching = [one for one in fit if _covers(one, machine)]
            if matching:
                best = max(matching, key=lambda one: (_of(one), machine in one.architectures))
                own = machine if machine in best.architectures else "neutral"
                chosen.append(_chosen(best, "dependency", (own,), request))
            elif machine in request.architectures:
                reasons = [
                    (one, _unfit(one, anyway, ()) or _too_old(one, need) or f"not for {machine}") for one in named
                ]
                least = f" {need.least} or later" if need.least else ""
                missing.append(f"{need.name}{least} for {machine} is needed. {_candidates(reasons)}")
    if missing:
        raise NoChoiceError(
            f"Could not choose the dependencies of {request.product_id}",
            " ".join(missing).rstrip("."),
            "Change architectures, platform or os_version; or set dependencies to false and provide the frameworks"
            " yourself",
        )
    return _merged(chosen)


def _merged(chosen: Sequence[Chosen]) -> list[Chosen]:
    """Put what is chosen for several architectures together, and keep equal file names apart."""
    by_content: dict[tuple[str, str], Chosen] = {}
    for one in chosen:
        key = (one.kind, one.file.sha256)
        known = by_content.get(key)
        machines = tuple(dict.fromkeys((*(known.architectures if known else ()), *one.architectures)))
        by_content[key] = _named(replace(one, architectures=machines))
    names: set[str] = set()
    result = []
    for one in by_content.values():
        if one.filename.lower() in names:
            one = replace(one, filename=f"{one.moniker}_{one.file.sha256[:8]}{one.file.extension}")
        names.add(one.filename.lower())
        result.append(one)
    return result


def _chosen(file: DeliveryFile, kind: str, machines: Sequence[str], request: PackageRequest) -> Chosen:
    if file.moniker is None:
        raise AssertionError("files without a usable name are dropped before")
    passed = tuple(one for one in file.platforms if _platform_fits(one, request))
    return Chosen(replace(file, platforms=passed), file.moniker, kind, tuple(machines), "")


def _named(chosen: Chosen) -> Chosen:
    """Return it with the name that the Windows package manager gives the file."""
    found = {platform for platform, _least in chosen.file.platforms}
    platforms = ".".join(name for platform, name in _PLATFORM_NAMES.items() if platform in found)
    machines = ".".join(name for one, name in _ARCHITECTURE_NAMES.items() if one in chosen.architectures)
    name = f"{chosen.moniker.name}_{chosen.moniker.version}_{platforms}_{machines}{chosen.file.extension}"
    if len(name) > _LONGEST_NAME:
        name = f"{chosen.moniker}{chosen.file.extension}"
    return replace(chosen, filename=name)


def _of(file: DeliveryFile) -> Version:
    return file.moniker.version if file.moniker is not None else Version(0, 0, 0, 0)


def _new_enough(file: DeliveryFile, need: Need) -> bool:
    return need.least is None or _of(file) >= need.least


def _too_old(file: DeliveryFile, need: Need) -> str:
    return "" if _new_enough(file, need) else f"older than {need.least}"


def _version(text: str) -> Version | None:
    try:
        return parse_version(text) if text else None
    except PackageError:
        return None


def _platform_fits(entry: tuple[str, Version], request: PackageRequest) -> bool:
    platform, least = entry
    os_version = _version(request.os_version)
    return platform in ("universal", request.platform) and (os_version is None or least <= os_version)


def _unfit(file: DeliveryFile, request: PackageRequest, listed: Sequence[CatalogPackage], machines: bool = True) -> str:
    """Return why a file is not wanted, as a clause, or an empty text."""
    if file.problem:
        return file.problem
    platforms = [least for platform, least in file.platforms if platform in ("universal", request.platform)]
    if not platforms:
        return f"not for the platform {request.platform}"
    if not any(_platform_fits(entry, request) for entry in file.platforms):
        return f"needs Windows {min(platforms)}"
    if machines and not {*request.architectures, "neutral"} & {*file.architectures}:
        return f"not for {', '.join(request.architectures)}"
    if request.version and _of(file) != _version(request.version):
        return f"not version {request.version}"
    full_name = str(file.moniker).lower()
    of_file = [package for package in listed if package.package_full_name.lower() == full_name]
    if of_file and not any(fits_language(request.languages, package.languages) for package in of_file):
        return f"not in {', '.join(request.languages)}"
    return ""


class _Order:
    """The order of preference among files of one package name that all fit: the version trap.

    Publishers changed from numbers like a date to small ones, so that the highest is not always the newest.
    """

    def __init__(self, files: Sequence[DeliveryFile], listed: Sequence[CatalogPackage]) -> None:
        self._ranks: dict[str, int] = {}
        self._known: list[tuple[int, Version]] = []
        for package in listed:
            name = package.package_full_name.lower()
            self._ranks[name] = max(package.rank, self._ranks.get(name, 0))
            version = _version(package.version) or _version_of_name(name)
            if version is not None:
                self._known.append((package.rank, version))
        self.files = sorted(files, key=self._key, reverse=True)

    def _key(self, file: DeliveryFile) -> tuple[int, int, int, Version]:
        version = _of(file)
        rank = self._ranks.get(str(file.moniker).lower())
        if rank is not None:
            return (2, rank, 0, version)
        near = [
            (rank, -abs(_number(version) - _number(one))) for rank, one in self._known if one.major == version.major
        ]
        return (1, *max(near), version) if near else (0, 0, 0, version)

    def doubt(self, chosen: Sequence[Chosen]) -> str:
        """Return a sentence when the catalog does not list what was chosen, and other candidates have another major
        version."""
        best = next((one for one in chosen if one.file.sha256 in {file.sha256 for file in self.files}), None)
        majors = {_of(file).major for file in self.files}
        if best is None or len(majors) == 1 or self._key(best.file)[0] == 2:
            return ""
        versions = ", ".join(str(one) for one in sorted({_of(file) for file in self.files}, reverse=True)[:_MOST_SHOWN])
        return (
            f"the catalog does not say which version of {best.moniker.name} is the newest of {versions};"
            f" {best.moniker.version} is taken. Set version to choose another one."
        )


def _cover(order: _Order, wanted: Sequence[str]) -> list[tuple[DeliveryFile, tuple[str, ...]]]:
    """Return files that cover the wanted architectures, as far as they can be, and which of them each is for."""

    best = order.files[0]
    for file in order.files:
        if _of(file) == _of(best) and all(_covers(file, machine) for machine in wanted):
            return [(file, tuple(one for one in wanted if one in file.architectures) or ("neutral",))]
    found: list[tuple[DeliveryFile, tuple[str, ...]]] = []
    for machine in wanted:
        fitting = [file for file in order.files if _covers(file, machine)]
        if fitting:
            newest = [file for file in fitting if _of(file) == _of(fitting[0])]
            # A bundle first: it is the one that its publisher put together.
            file = next((one for one in newest if one.moniker is not None and one.moniker.is_bundle), newest[0])
            found.append((file, (machine if machine in file.architectures else "neutral",)))
    return found


def _covers(file: DeliveryFile, machine: str) -> bool:
    return machine in file.architectures or "neutral" in file.architectures


def _number(version: Version) -> int:
    return version.major << 48 | version.minor << 32 | version.build << 16 | version.revision


def _version_of_name(full_name: str) -> Version | None:
    parts = full_name.split("_")
    return _version(parts[1]) if len(parts) == 5 else None


def _wish(request: PackageRequest, missing: Sequence[str]) -> str:
    wish = [", ".join(missing or request.architectures), f"platform {request.platform}"]
    if request.os_version:
        wish.append(f"Windows {request.os_version}")
    if request.version:
        wish.append(f"version {request.version}")
    if request.languages:
        wish.append(f"language {', '.join(request.languages)}")
    return "; ".join(wish)


def _candidates(reasons: Sequence[tuple[DeliveryFile, str]]) -> str:
    """Name the candidates and why each was dropped, fit for a message."""
    if not reasons:
        return "The delivery service lists no candidate."
    shown = [f"{file.shown}: {reason}" for file, reason in reasons[:_MOST_SHOWN]]
    more = f"; and {len(reasons) - _MOST_SHOWN} more" if len(reasons) > _MOST_SHOWN else ""
    return f"Candidates: {'; '.join(shown)}{more}."
