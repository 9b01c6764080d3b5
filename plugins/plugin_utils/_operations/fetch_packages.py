# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Brings the files of apps into the package cache: plans them, downloads what is missing, checks what it got."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_package import PackageRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    PackageError,
    ProvisioningError,
    ServiceError,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.manifest import Package, read_package
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.package_cache import PackageCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.download import Downloader, Wanted
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.choose_packages import Need
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.find_packages import (
    PackageFinder,
    Plan,
    PlannedFile,
    plan_from,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.threads import ThreadPool, result_of

# After so many seconds a plan is made anew even if the delivery service has no newer version: the catalog may name
# another category by then.
_PLAN_SECONDS = 7 * 86400
_PROGRESS_SECONDS = 5.0
_MEGABYTE = 1000 * 1000


class PlanStore:
    """Plans by what was wanted, in a directory beside the package cache: the next run need not ask the catalog, and
    sites without a way to the services can use what was found out elsewhere."""

    def __init__(self, directory: str) -> None:
        self._directory = os.path.join(directory, "plans")

    def find(self, selection: str) -> tuple[Plan, float] | None:
        """Return the plan for a selection, and its age in seconds."""
        try:
            with open(self._path(selection), encoding="utf-8") as stream:
                entry = json.load(stream)
            return plan_from(entry["plan"]), max(0.0, time.time() - float(entry["time"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, plan: Plan) -> None:
        """Keep a plan. A directory that cannot be used costs requests, never a result."""
        with suppress(OSError):
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self._directory)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump({"time": time.time(), "plan": plan.as_dict()}, stream, indent=1)
            os.replace(temporary, self._path(plan.selection))

    def _path(self, selection: str) -> str:
        return os.path.join(self._directory, hashlib.sha256(selection.encode("utf-8")).hexdigest() + ".json")


class PackageFetcher:
    """Fetches for one task. Files that it has handed out stay in the cache until it is closed."""

    def __init__(
        self,
        finder: PackageFinder | None,
        downloader: Downloader,
        pool: ThreadPool,
        packages: PackageCache,
        plans: PlanStore,
        run_cache: Cache,
        say: Callable[[str], None],
    ) -> None:
        """Take what it is made of; without a finder nobody is asked. `say` shows progress."""
        self._finder = finder
        self._downloader = downloader
        self._pool = pool
        self._packages = packages
        self._plans = plans
        self._run_cache = run_cache
        self._say = say
        self._lock = threading.Lock()
        self._paths: dict[str, Future[str]] = {}
        self._held = ExitStack()

    def close(self) -> None:
        """Let the files go; end what is under way."""
        self._downloader.close()
        self._held.close()

    def plan(self, request: PackageRequest) -> Plan:
        """Return what an app consists of today, with as few requests as possible. Raises ProvisioningError."""
        known = self._plans.find(request.selection)
        if self._finder is None:
            if known is None:
                raise ProvisioningError(
                    f"Could not find out what {request.product_id} consists of",
                    "offline is set, and the package cache has no such app for the same architectures, languages,"
                    " version, platform and os_version",
                    "Run the task without offline where the services can be reached, and carry the package cache over",
                )
            return known[0]
        if known is not None and known[1] < _PLAN_SECONDS and self._finder.is_current(known[0]):
            return known[0]
        plan = self._finder.plan(request)
        if plan.complete:
            self._plans.keep(plan)
        return plan

    def complete(self, request: PackageRequest, plan: Plan) -> Plan:
        """Return a plan with dependencies where only manifests could tell them, without a download."""
        if plan.complete or self._finder is None:
            return plan
        return self._finder.with_dependencies(request, plan, [])

    def fetch(self, request: PackageRequest, plan: Plan, there: Collection[str]) -> tuple[Plan, dict[str, str]]:
        """Download the files of an app that are not `there` (SHA-256 of files on the host).

        Returns the plan, which may have more dependencies then, and paths by SHA-256. Raises ProvisioningError.
        """
        main = [file for file in plan.files if file.kind == "main"]
        wanted = [file for file in plan.files if file.sha256 not in there or (not plan.complete and file in main)]
        waiting = [(file, self._start(plan, file)) for file in wanted]
        paths = {file.sha256: result_of(path) for file, path in waiting if file in main}
        packages = [_checked(file, paths[file.sha256]) for file in main if file.sha256 in paths]
        if request.dependencies and self._finder is not None:
            needs = [Need(one.name, one.min_version) for package in packages for one in package.dependencies]
            if needs or not plan.complete:
                more = self._finder.with_dependencies(request, plan, needs)
                added = [file for file in more.files if file not in plan.files and file.sha256 not in there]
                waiting += [(file, self._start(more, file)) for file in added]
                if more is not plan:
                    self._plans.keep(more)
                plan = more
        for file, path in waiting:
            if file.sha256 not in paths:
                paths[file.sha256] = result_of(path)
                _checked(file, paths[file.sha256])
        return plan, paths

    def url_of(self, plan: Plan, file: PlannedFile, anew: bool) -> str:
        """Return the URL of a file for a host that downloads it. Raises ProvisioningError."""
        if self._finder is None:
            raise ProvisioningError(
                f"Could not let the host download {file.filename}",
                "offline is set, so nobody is asked for its URL",
                "Set download_on to controller",
            )
        url = self._finder.url_of(plan, file, anew)
        self._downloader.check_url(url)
        return url

    def _start(self, plan: Plan, file: PlannedFile) -> Future[str]:
        """Have a file downloaded, once for all apps that want it."""
        with self._lock:
            if file.sha256 not in self._paths:
                self._paths[file.sha256] = self._pool.submit(lambda: self._file(plan, file))
            return self._paths[file.sha256]

    def _file(self, plan: Plan, file: PlannedFile) -> str:
        key = f"package {file.sha256}"

        def is_sound() -> bool:
            # A cache that was carried over may be damaged: each file of it is read once in a run.
            found = self._run_cache.get_or_create(
                key, lambda: {"sound": self._packages.is_whole(file.sha256)}, lambda entry: bool(entry["sound"])
            )
            return bool(found["sound"])

        fetch = self._fetching(plan, file) if self._finder is not None else None
        holder = self._packages.file(file.sha256, file.size, fetch, is_sound)
        path = holder.__enter__()
        with self._lock:
            self._held.push(holder)
        return path

    def _fetching(self, plan: Plan, file: PlannedFile) -> Callable[[str], None]:
        finder = self._finder
        if finder is None:
            raise AssertionError("without a finder nothing is fetched")

        def fetch(path: str) -> None:
            progress = _Progress(file, self._say)
            wanted = Wanted(os.path.basename(file.filename), file.size, file.sha256)
            self._downloader.fetch(wanted, path, lambda anew: finder.url_of(plan, file, anew), progress.report)
            progress.end()
            # It was checked on its way: nobody in this run need read it again.
            self._run_cache.get_or_create(f"package {file.sha256}", lambda: {"sound": True})

        return fetch


class _Progress:
    """Shows how far a download is: megabytes and rate, not more often than every few seconds."""

    def __init__(self, file: PlannedFile, say: Callable[[str], None]) -> None:
        self._file = file
        self._say = say
        self._started = self._shown = time.monotonic()
        self._start_bytes = -1

    def report(self, position: int) -> None:
        """Take how many bytes are there."""
        if self._start_bytes < 0:
            self._start_bytes = position
        now = time.monotonic()
        if now - self._shown >= _PROGRESS_SECONDS:
            self._shown = now
            self._say(self._text(position, now))

    def end(self) -> None:
        """Say that the file is there."""
        self._say(self._text(self._file.size, time.monotonic()))

    def _text(self, position: int, now: float) -> str:
        rate = (position - max(0, self._start_bytes)) / max(now - self._started, 0.001)
        return (
            f"{os.path.basename(self._file.filename)}: {position / _MEGABYTE:.1f} of"
            f" {self._file.size / _MEGABYTE:.1f} MB, {rate / _MEGABYTE:.1f} MB/s"
        )


def _checked(file: PlannedFile, path: str) -> Package:
    """Check what is in a package against what the delivery service says of it. Raises ServiceError."""
    attempted = f"Could not use the package {os.path.basename(file.filename)}"
    remedy = "Run again later; the delivery service names another file than it means"
    try:
        package = read_package(path)
    except PackageError as exc:
        raise ServiceError(attempted, f"what was downloaded is no package: {exc.cause}", remedy) from None
    found = package.moniker
    same = (
        found.name.lower() == file.name.lower()
        and str(found.version) == file.version
        and found.publisher_id.lower() == file.publisher_id.lower()
    )
    if not same:
        wanted = f"{file.name} {file.version} of {file.publisher_id}"
        raise ServiceError(attempted, f"its manifest names {found}, and {wanted} was expected", remedy)
    return package


def missing_of(plan: Plan, there: Collection[str]) -> Sequence[PlannedFile]:
    """Return the files of a plan that are not on the host."""
    return [file for file in plan.files if file.sha256 not in there]
