# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What the role store_apps has its modules do for a list of products, step by step, and what became of it.

Pure functions. Product ids, folders and licenses to fetch come from the variables of the role alone: results of a host
only decide which of its apps go on to the next step.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_package import ARCHITECTURES
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError, list_failures

STEPS = ("packages", "licenses", "provisioning")
_PACKAGE_OPTIONS = ("architectures", "languages", "version")
_PROVISIONING_OPTIONS = ("custom_data", "optional_packages", "regions", "skip_license", "stub")
_LICENSE_OPTIONS = ("sku_id", "content_ids")
_OPTIONS = ("product_id", *_PACKAGE_OPTIONS, *_LICENSE_OPTIONS, *_PROVISIONING_OPTIONS)
_PRODUCT_ID = re.compile("[0-9A-Z]{12}")
_ATTEMPT = "Could not use store_apps_list"
_TRUE = ("true", "yes", "on", "1")


@dataclass(frozen=True)
class Wishes:
    """The variables of the role that decide on more than one step."""

    dest: str
    windows: bool = False
    steps: tuple[str, ...] = STEPS
    service: str = "store_licensing"
    architectures: tuple[str, ...] = ("x64",)
    languages: tuple[str, ...] = ()
    image_file: str = ""
    check_mode: bool = False


@dataclass
class App:
    """A product of the list, and what became of it so far."""

    product_id: str
    given: Mapping[str, t.Any]
    folder: str
    licenses_wanted: list[dict[str, str]] = field(default_factory=list)
    packages: Mapping[str, t.Any] = field(default_factory=dict)
    """Its result of ms_store_package."""
    license_result: Mapping[str, t.Any] = field(default_factory=dict)
    """The result of ms_offline_license for its folder."""
    provisioned: Mapping[str, t.Any] = field(default_factory=dict)
    """Its result of ms_provisioned_app."""

    @property
    def licenses(self) -> list[Mapping[str, t.Any]]:
        """The results of its licenses, each once: packages of several architectures may share one."""
        found = self.license_result.get("licenses") or ()
        return list({(one.get("content_id"), one.get("path"), one.get("error")): one for one in found}.values())


def read_list(given: t.Any, wishes: Wishes) -> list[App]:
    """Return the apps of `store_apps_list`: a list of dictionaries or product ids, or a text with one id in each line.

    Raises OptionError.
    """
    if isinstance(given, str):
        lines = (line.partition("#")[0].strip() for line in given.splitlines())
        given = [line for line in lines if line]
    if not isinstance(given, Sequence):
        raise OptionError(_ATTEMPT, "it is neither a list nor a text", "List dictionaries with product_id")
    if not given:
        raise OptionError(_ATTEMPT, "it is empty", "List at least one product")
    apps = [_read_app({"product_id": one} if isinstance(one, str) else one, wishes) for one in given]
    ids = [app.product_id for app in apps]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise OptionError(
            _ATTEMPT,
            f"it lists {', '.join(twice)} more than once",
            "List each product once, with all its architectures and languages",
        )
    return apps


def _read_app(entry: t.Any, wishes: Wishes) -> App:
    if not isinstance(entry, Mapping):
        raise OptionError(_ATTEMPT, f"{str(entry)[:60]!r} is no product", "List dictionaries with product_id")
    unknown = sorted(str(name) for name in entry if name not in _OPTIONS)
    if unknown:
        raise OptionError(
            _ATTEMPT, f"{', '.join(unknown)[:120]} is not known", f"A product takes {', '.join(_OPTIONS)}"
        )
    given = {str(name): value for name, value in entry.items() if value is not None and value != ""}
    product_id = str(given.get("product_id", "")).strip().upper()
    if not _PRODUCT_ID.fullmatch(product_id):
        raise OptionError(
            _ATTEMPT,
            f"{product_id[:40]!r} is no product id",
            "A product id has 12 letters and digits, such as 9WZDNCRFJ3PS",
        )
    separator = "\\" if wishes.windows else "/"
    ends = "\\/" if wishes.windows else "/"
    folder = f"{wishes.dest.rstrip(ends)}{separator}{product_id}"
    app = App(product_id, {**given, "product_id": product_id}, folder)
    if "licenses" in wishes.steps and not _is_true(given.get("skip_license")):
        app.licenses_wanted = _licenses_of(app, wishes)
    return app


def _is_true(value: t.Any) -> bool:
    return value is True or str(value).lower() in _TRUE


def _texts(value: t.Any) -> list[str]:
    """Return a list that may be given as a text with commas."""
    parts = value.split(",") if isinstance(value, str) else value or ()
    return [str(part).strip() for part in parts if str(part).strip()]


def _licenses_of(app: App, wishes: Wishes) -> list[dict[str, str]]:
    """Return the licenses to stage, as ms_offline_license takes them.

    The consumer view of the catalog, by which packages are found, does not tell which content ids have an offline
    license. So they come from the user, or ms_offline_license finds them in the organization's view.
    """
    ids = {"product_id": app.product_id}
    if app.given.get("sku_id") is not None:
        ids["sku_id"] = app.given["sku_id"]
    content_ids = _texts(app.given.get("content_ids"))
    if content_ids:
        return [{**ids, "content_id": one} for one in dict.fromkeys(content_ids)]
    if wishes.service != "store_licensing":
        raise OptionError(
            _ATTEMPT,
            f"{app.product_id} has no content_ids, and the service {wishes.service} does not find them",
            "Add content_ids to the product (ms_store_inventory_info lists them), set skip_license, or set"
            " store_apps_service to store_licensing",
        )
    architectures = _texts(app.given.get("architectures")) or list(wishes.architectures)
    unknown = [one for one in architectures if one not in ARCHITECTURES]
    if unknown:
        raise OptionError(_ATTEMPT, f"{', '.join(unknown)[:60]} is no architecture", f"Use {', '.join(ARCHITECTURES)}")
    languages = _texts(app.given.get("languages")) or list(wishes.languages)
    filters = [{"architecture": one} for one in dict.fromkeys(architectures)]
    if languages:
        filters = [{**one, "language": language} for one in filters for language in dict.fromkeys(languages)]
    return [{**ids, **one} for one in filters]


class Work:
    """The apps of a list with the results of the steps that are done."""

    def __init__(
        self,
        given: t.Any,
        wishes: Wishes,
        packages: Mapping[str, t.Any],
        licenses: Mapping[str, t.Any],
        provisioned: Mapping[str, t.Any],
    ) -> None:
        """Take `store_apps_list` and the registered results, each empty as long as its step is not done.

        Raises OptionError.
        """
        self.wishes = wishes
        self.apps = read_list(given, wishes)
        self._packages = packages
        self._licenses = [one for one in licenses.get("results") or () if not one.get("skipped")]
        self._provisioned = provisioned
        by_id = {str(one["product_id"]).upper(): one for one in packages.get("apps") or ()}
        by_loop = {one[one["ansible_loop_var"]]["product_id"]: one for one in self._licenses}
        for app in self.apps:
            app.packages = by_id.get(app.product_id, {})
            app.license_result = by_loop.get(app.product_id, {})
        # The order of the results is that of the apps that were handed over.
        for app, result in zip(self._ready, provisioned.get("apps") or (), strict=False):
            app.provisioned = result

    @property
    def package_apps(self) -> list[dict[str, t.Any]]:
        """The option `apps` of ms_store_package."""
        names = ("product_id", *_PACKAGE_OPTIONS)
        return [{name: app.given[name] for name in names if name in app.given} for app in self.apps]

    @property
    def license_folders(self) -> list[dict[str, t.Any]]:
        """The folders in which licenses are to be staged: `product_id`, `folder`, `licenses`."""
        return [
            {"product_id": app.product_id, "folder": app.folder, "licenses": app.licenses_wanted}
            for app in self.apps
            if app.licenses_wanted and not self._packages_failed(app)
        ]

    @property
    def provisioning_apps(self) -> list[dict[str, t.Any]]:
        """The option `apps` of ms_provisioned_app, empty when nothing is to be provisioned."""
        if self.wishes.image_file and self._held_back:
            return []
        return [self._provisioning(app) for app in self._ready]

    def _provisioning(self, app: App) -> dict[str, t.Any]:
        options = {name: app.given[name] for name in _PROVISIONING_OPTIONS if name in app.given}
        if len(app.licenses) == 1 and app.licenses[0].get("path"):
            # What an earlier list had staged may lie beside it.
            options["license"] = app.licenses[0]["path"]
        return {"package": app.folder, **options}

    # What became of each app

    def _packages_failed(self, app: App) -> bool:
        if "packages" not in self.wishes.steps:
            return False
        return bool(self._packages) and app.packages.get("state", "failed") == "failed"

    def _licenses_failed(self, app: App) -> bool:
        return bool(app.license_result) and bool(
            "licenses" not in app.license_result or any(one["state"] == "failed" for one in app.licenses)
        )

    def _is_failed(self, app: App) -> bool:
        whole = bool(self._provisioned.get("msg")) and "apps" not in self._provisioned
        return self._packages_failed(app) or self._licenses_failed(app) or whole or _state(app.provisioned) == "failed"

    @property
    def _held_back(self) -> list[App]:
        """The apps that are not provisioned, since their packages or licenses are missing."""
        return [app for app in self.apps if self._packages_failed(app) or self._licenses_failed(app)]

    def _is_predicted(self, app: App) -> bool:
        """Return whether what would be provisioned is not there yet, since the run only looks."""
        staged = [_state(app.packages), *(_state(one) for one in app.licenses)]
        return self.wishes.check_mode and any(state in ("fetched", "archived") for state in staged)

    @property
    def _ready(self) -> list[App]:
        held_back = {app.product_id for app in self._held_back}
        return [app for app in self.apps if app.product_id not in held_back and not self._is_predicted(app)]

    # Reports

    @property
    def report(self) -> dict[str, t.Any]:
        """The fact `store_apps_report`."""
        apps = [self._entry(app) for app in self.apps]
        results = [self._packages, *self._licenses, self._provisioned]
        pruned = [path for result in results for path in result.get("pruned") or ()]
        states = [app["state"] for app in apps]
        return {
            "dest": self.wishes.dest,
            "steps": [step for step in STEPS if step in self.wishes.steps],
            "image_file": self.wishes.image_file or None,
            "total": len(apps),
            **{state: states.count(state) for state in ("changed", "unchanged", "failed")},
            "pruned": pruned,
            "reboot_required": bool(self._provisioned.get("reboot_required")),
            "saved": bool(self._provisioned.get("saved")),
            "apps": apps,
            "problems": self.problems,
        }

    def _entry(self, app: App) -> dict[str, t.Any]:
        provisioning = _state(app.provisioned)
        if "provisioning" in self.wishes.steps and provisioning is None and self._is_predicted(app):
            provisioning = "predicted"
        changes = [_state(app.packages) == "fetched", bool(app.provisioned.get("changed")), provisioning == "predicted"]
        changes += [one["state"] in ("fetched", "archived") for one in app.licenses]
        state = "failed" if self._is_failed(app) else "changed" if any(changes) else "unchanged"
        results = (app.packages, app.provisioned)
        return {
            "product_id": app.product_id,
            "package_family_name": _first(results, "package_family_name"),
            "version": _first(results, "version"),
            "folder": app.folder,
            "state": state,
            "packages": _state(app.packages),
            "licenses": [{name: one.get(name) for name in ("content_id", "path", "state")} for one in app.licenses],
            "provisioning": provisioning,
        }

    @property
    def problems(self) -> list[str]:
        """Why apps failed: each reason once, with what to do about it."""
        found = [str(self._packages["msg"])] if self._packages.get("msg") else []
        found += self._license_problems()
        if self._provisioned.get("msg"):
            found.append(str(self._provisioned["msg"]))
        held_back = [app.product_id for app in self._held_back]
        if held_back and "provisioning" in self.wishes.steps:
            names = ", ".join(held_back)
            if self.wishes.image_file:
                found.append(
                    f"Nothing was written to {self.wishes.image_file}, since {names} cannot be provisioned. An image"
                    " file gets all apps or none."
                )
            else:
                found.append(f"Not provisioned, since packages or licenses are missing: {names}.")
        return found

    def _license_problems(self) -> list[str]:
        failures = []
        for app in self.apps:
            result = app.license_result
            failures += [(_key(one), str(one["error"])) for one in app.licenses if one["state"] == "failed"]
            if result.get("msg") and not any(one["state"] == "failed" for one in app.licenses):
                failures.append((app.product_id, str(result["msg"])))
        total = sum(max(1, len(app.licenses)) for app in self.apps if app.license_result)
        if not failures:
            return []
        return [f"Could not stage {len(failures)} of {total} licenses:\n{list_failures(failures, total)}"]


def _state(result: Mapping[str, t.Any]) -> str | None:
    return result.get("state")


def _first(results: Iterable[Mapping[str, t.Any]], name: str) -> t.Any:
    """Return what the first result that has it says."""
    return next((one[name] for one in results if one.get(name)), None)


def _key(result: Mapping[str, t.Any]) -> str:
    return "/".join(str(result[name]) for name in ("product_id", "sku_id", "content_id") if result.get(name))


def summary_of(report: Mapping[str, t.Any], full: bool, check_mode: bool) -> list[str]:
    """Return the lines of the summary: one of counts, and the apps grouped by what became of them.

    What failed is left to the message of the failure. Without a change there is one line, unless it is to be full.
    """
    apps = report["apps"]
    changed = "to change" if check_mode else "changed"
    pruned = f", {len(report['pruned'])} {'to prune' if check_mode else 'pruned'}" if report["pruned"] else ""
    header = f"{report['dest']}: {len(apps)} app{'' if len(apps) == 1 else 's'}, {report['changed']} {changed},"
    lines = [f"{header} {report['unchanged']} unchanged, {report['failed']} failed{pruned}"]
    for state in ("changed", *(("unchanged",) if full else ())):
        lines += _group(changed if state == "changed" else state, [app for app in apps if app["state"] == state])
    lines += [f"{'to prune' if check_mode else 'pruned'}: {path}" for path in report["pruned"]]
    return [*lines, *(["a restart is wanted by DISM"] if report["reboot_required"] else [])]


def _group(heading: str, apps: Iterable[Mapping[str, t.Any]]) -> list[str]:
    lines = []
    for app in apps:
        licenses = [str(one["state"]) for one in app["licenses"]]
        steps = {
            "packages": app["packages"],
            "licenses": ", ".join(f"{licenses.count(one)} {one}" for one in dict.fromkeys(licenses)),
            "provisioning": app["provisioning"],
        }
        told = ", ".join(f"{step} {state}" for step, state in steps.items() if state)
        name = " ".join(str(app[one]) for one in ("product_id", "package_family_name", "version") if app[one])
        lines.append(f"  {name}: {told}")
    return [f"{heading}:", *lines] if lines else []
