# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Compares what a task asks for with what is provisioned. Changes nothing."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import PackageError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.document import same_id
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.family_name import same_family
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism_output import ProvisionedApp
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.requested_app import App

CHANGES = ("added", "updated", "readded", "removed")
Records = Mapping[str, Mapping[str, t.Any]]


@dataclass(frozen=True)
class Rules:
    """What the options of a task say on all of its apps."""

    present: bool
    force: bool = False
    exact: bool = False


def current(listed: Iterable[ProvisionedApp], family_name: str) -> ProvisionedApp | None:
    """Return what is provisioned of a family; the highest version when it is listed twice."""
    found = [one for one in listed if same_family(one.family_name, family_name)]
    return max(found, key=lambda one: one.version, default=None)


def decide(apps: Sequence[App], listed: Sequence[ProvisionedApp], records: Records, rules: Rules) -> list[str]:
    """Set the state of each app that has not failed: one of CHANGES, `unchanged` or `absent`. Returns warnings."""
    families = [one.family_name.lower() for one in listed]
    twice = sorted({family for family in families if families.count(family) > 1})
    for app in apps:
        if app.problem is not None:
            continue
        if rules.present:
            _decide_present(app, listed, records, rules)
        else:
            _decide_absent(app, listed)
    return [f"{family} is provisioned in several versions; the highest one counts." for family in twice]


def _decide_absent(app: App, listed: Sequence[ProvisionedApp]) -> None:
    full_name = app.request.package_name
    if full_name:
        found = [one for one in listed if one.package_name.lower() == full_name.lower()]
    else:
        found = [one for one in listed if same_family(one.family_name, app.family_name)]
    if not full_name and not app.family_name:
        app.fail(
            PackageError(
                f"Could not remove {app.request.label}",
                "neither its manifest nor its file name tells which app it is",
                "Name it by package_family_name",
            )
        )
        return
    app.removals = tuple(one.package_name for one in found)
    app.state = "removed" if found else "absent"
    if found:
        app.previous_version = str(max(one.version for one in found))
        app.package_name = found[0].package_name


def _decide_present(app: App, listed: Sequence[ProvisionedApp], records: Records, rules: Rules) -> None:
    there = current(listed, app.family_name) if app.family_name else None
    if there is None:
        app.state = "added"
        return
    app.previous_version = str(there.version)
    app.package_name, app.regions = there.package_name, there.regions
    if app.facts is None:
        app.state = "readded" if rules.force else "unchanged"
        return
    mine = app.facts.moniker
    # The version of a bundle and that of a package in it are not comparable.
    comparable = mine.is_bundle == there.moniker.is_bundle
    if not comparable or there.version < mine.version:
        app.state = "updated"
    elif there.version > mine.version:
        app.state = "unchanged"
        if rules.exact:
            app.fail(
                PackageError(
                    f"Could not provision {mine}",
                    f"the newer version {there.version} is there, which DISM does not replace by an older one",
                    "Remove it first, with state absent, or set exact to false",
                )
            )
    else:
        record = records.get(there.family_name.lower(), {})
        if record.get("version") != str(there.version):
            record = {}
        differs = rules.force or _other_regions(app, there, record) or _other_license(app, record)
        differs = differs or bool(record and app.request.stub and record.get("stub") != app.request.stub)
        app.state = "readded" if differs else "unchanged"


def _other_regions(app: App, there: ProvisionedApp, record: Mapping[str, t.Any]) -> bool:
    wanted = app.request.region_text
    if not wanted or there.regions is None:
        return False
    mine, its = _codes(wanted), _codes(there.regions)
    if mine == its:
        return False
    # A list of codes may be shown in their other form, of two or three letters.
    in_words = {"all"} & (mine | its) or not its
    return bool(in_words) or _codes(str(record.get("regions", ""))) != mine


def _codes(text: str) -> set[str]:
    return {code.strip().lower() for code in text.split(";") if code.strip()}


def _other_license(app: App, record: Mapping[str, t.Any]) -> bool:
    if app.license is None or not record:
        return False
    return not (
        same_id(app.license.content_id, str(record.get("license_content_id") or ""))
        and same_id(app.license.license_instance_id, str(record.get("license_instance_id") or ""))
    )
