# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Stages the packages of apps on a host: look, fetch what is missing, place all in one go, report."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_package import (
    PackageRequest,
    requests_of,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
    list_failures,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.package_cache import PackageCache, bytes_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.package_host import PackageHost
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.download import Downloader
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_packages import (
    PackageFetcher,
    PlanStore,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_packages import (
    PackageFinder,
    Plan,
    PlannedFile,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.package_services import PackageServices
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.threads import call_in_threads
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

FETCHED = "fetched"
UNCHANGED = "unchanged"
FAILED = "failed"
AVAILABLE = "available"
# Each only waits for calls, of which max_concurrency are under way at once.
_MOST_APPS_AT_ONCE = 64


@dataclass
class _App:
    """What becomes of one request."""

    request: PackageRequest
    plan: Plan | None = None
    paths: dict[str, str] = field(default_factory=dict)
    """SHA-256 to path on the controller, of files that have to go to the host."""
    error: str = ""
    staged: dict[str, t.Any] | None = None
    """What the host says of it when it is whole."""


class PackageTask:
    """One execution of the module. `host` is none when nothing is to be staged."""

    def __init__(
        self,
        params: Mapping[str, t.Any],
        host: PackageHost | None,
        open_cache: Callable[[Settings], Cache],
        default_cache: str,
        check_mode: bool,
        say: Callable[[str], None],
    ) -> None:
        """Take the options, the host, the run cache, where packages are kept by default, and how to show progress."""
        self._params = params
        self._host = host
        self._open_cache = open_cache
        self._cache_directory = os.path.expanduser(params.get("package_cache") or default_cache)
        self._check_mode = check_mode
        self._say = say
        self._warnings: list[str] = []
        self._there: dict[str, str] = {}

    def run(self) -> dict[str, t.Any]:
        """Return the result of the task. Raises ProvisioningError when nothing could be attempted."""
        apps = [_App(request, error=request.problem) for request in requests_of(self._params)]
        package_cache = PackageCache(self._cache_directory, self._cache_size())
        repair = self._look(apps)
        todo = [app for app in apps if app.staged is None and not app.error]
        if not todo and not repair:
            return self._result(apps, {})
        with self._open_fetcher(package_cache, todo) as fetcher:
            if todo:
                self._fetch(fetcher, todo)
            placed = self._place(fetcher, apps)
        return self._result(apps, placed)

    def _cache_size(self) -> int:
        try:
            return bytes_of(self._params["package_cache_size"])
        except ValueError:
            raise OptionError(
                "Could not use the options",
                f"package_cache_size is {str(self._params['package_cache_size'])[:40]!r}, which is no size",
                "Set it to a size such as 20G",
            ) from None

    def _look(self, apps: Sequence[_App]) -> bool:
        """Find out what is on the host; return whether something has to be done there in any case."""
        if self._host is None:
            return False
        looked = self._host.look({app.request.product_id: app.request.selection for app in apps if not app.error})
        self._warnings += looked["warnings"]
        self._there = looked["files"]
        repair = bool(looked["others"]) and self._params["prune"]
        for app in apps:
            found = looked["apps"].get(app.request.product_id)
            if found and found["whole"] and self._params["state"] == "present":
                app.staged = found
                repair = repair or found["repair"]
        return repair

    @contextmanager
    def _open_fetcher(self, packages: PackageCache, todo: Sequence[_App]) -> Iterator[PackageFetcher]:
        services = PackageServices(self._params, self._open_cache)
        finder = None if self._params["offline"] else PackageFinder(services, self._warnings.append)
        downloader = Downloader(services.settings, self._params["download_hosts"])
        run_cache = self._open_cache(services.settings)
        fetcher = PackageFetcher(
            finder, downloader, services.pool, packages, PlanStore(self._cache_directory), run_cache, self._say
        )
        with closing(services), closing(fetcher):
            yield fetcher

    def _fetch(self, fetcher: PackageFetcher, todo: Sequence[_App]) -> None:
        calls = call_in_threads(lambda app: self._fetch_one(fetcher, app), list(todo), _MOST_APPS_AT_ONCE)
        with closing(calls):
            for done, (app, _none) in enumerate(calls, 1):
                self._say(f"{app.request.product_id}: {app.error or 'found'} ({done} of {len(todo)} apps)")

    def _fetch_one(self, fetcher: PackageFetcher, app: _App) -> None:
        try:
            app.plan = fetcher.plan(app.request)
            if self._host is None or self._check_mode or self._params["download_on"] == "host":
                app.plan = fetcher.complete(app.request, app.plan)
            else:
                app.plan, app.paths = fetcher.fetch(app.request, app.plan, self._on_host(app.request.product_id))
        except ProvisioningError as exc:
            app.error = str(exc)

    def _on_host(self, product_id: str) -> set[str]:
        return {sha256 for name, sha256 in self._there.items() if name.startswith(f"{product_id}/")}

    def _place(self, fetcher: PackageFetcher, apps: Sequence[_App]) -> dict[str, t.Any]:
        if self._host is None:
            return {}
        plans = {file.sha256: (app.plan, file) for app in apps if app.plan for file in app.plan.files}

        def url_of(sha256: str, anew: bool) -> str:
            return fetcher.url_of(*plans[sha256], anew)

        urls = url_of if self._params["download_on"] == "host" else None
        paths = {sha256: path for app in apps for sha256, path in app.paths.items()}
        placements = [self._placement(app) for app in apps]
        placed = self._host.place(placements, paths, urls, self._params["prune"])
        for app, placement in zip(apps, placements, strict=True):
            # A download on the host may have failed.
            app.error = app.error or placement["error"]
        self._warnings += placed["warnings"]
        return placed

    def _placement(self, app: _App) -> dict[str, t.Any]:
        """Return what the host is to know of an app."""
        product_id = app.request.product_id
        if app.staged is not None:
            record = app.staged["record"]
            files = [{**file, "there": True} for file in app.staged["files"]]
        elif app.plan is not None and not app.error:
            plan = app.plan
            record = {
                "selection": plan.selection,
                "package_family_name": plan.package_family_name,
                "version": plan.version,
                "content_ids": list(plan.content_ids),
            }
            files = [_fact_of(product_id, file) for file in plan.files]
            for file in files:
                file["there"] = self._there.get(f"{product_id}/{file['filename']}") == file["sha256"]
        else:
            record, files = {}, []
        return {"product_id": product_id, "record": record, "files": files, "error": app.error}

    def _result(self, apps: Sequence[_App], placed: Mapping[str, t.Any]) -> dict[str, t.Any]:
        results = [self._app_result(app, placed.get("files", {})) for app in apps]
        result: dict[str, t.Any] = {
            "changed": bool(placed.get("changed")),
            "apps": results,
            "pruned": placed.get("pruned", []),
        }
        if placed.get("diff"):
            result["diff"] = placed["diff"]
        if self._warnings:
            result["warnings"] = list(dict.fromkeys(self._warnings))
        failures = [app for app in results if app["state"] == FAILED]
        if failures:
            listed = list_failures(((app["product_id"], app["error"]) for app in failures), len(results))
            if self._host is None:
                rest = "the others could be found" if len(failures) < len(results) else "none could be found"
            else:
                rest = "the others are in place" if len(failures) < len(results) else "nothing was changed for them"
            result.update(failed=True, msg=f"{len(failures)} of {len(results)} apps failed; {rest}.\n{listed}")
        elif placed.get("error"):
            result.update(failed=True, msg=placed["error"])
        return result

    def _app_result(self, app: _App, placed: Mapping[str, t.Any]) -> dict[str, t.Any]:
        files = []
        source = self._placement(app)
        for file in source["files"]:
            outcome = placed.get(f"{app.request.product_id}/{file['filename']}", {})
            default = UNCHANGED if app.staged is not None else AVAILABLE
            files.append(
                {
                    "kind": file["role"],
                    **{name: file[name] for name in ("name", "version", "architectures", "size", "sha256")},
                    "path": outcome.get("path") or file.get("path"),
                    "state": outcome.get("state") or default,
                }
            )
        errors = [one["error"] for name, one in placed.items() if _is_of(name, app) and one.get("error")]
        error = app.error or " ".join(dict.fromkeys(errors))
        states = {file["state"] for file in files}
        state = FAILED if error else next((one for one in (FETCHED, AVAILABLE) if one in states), UNCHANGED)
        record = source["record"]
        return {
            "product_id": app.request.product_id,
            "package_family_name": record.get("package_family_name"),
            "version": record.get("version"),
            "content_ids": record.get("content_ids") or [],
            "files": files,
            "state": state,
            "error": error or None,
        }


def _is_of(name: str, app: _App) -> bool:
    return name.startswith(f"{app.request.product_id}/")


def _fact_of(product_id: str, file: PlannedFile) -> dict[str, t.Any]:
    return {
        "filename": file.filename,
        "product_id": product_id,
        "role": file.kind,
        "name": file.name,
        "version": file.version,
        "architectures": list(file.architectures),
        "size": file.size,
        "sha256": file.sha256,
    }
