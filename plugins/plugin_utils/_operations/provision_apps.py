# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Provisions apps on a Windows host, in the running system, in a mounted image or in an image file, by DISM."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.provisioned_app import POSIX_ONLY
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    PackageError,
    ProvisioningError,
    list_failures,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.app_request import (
    app_requests,
    app_result,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.family_name import same_family
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import (
    parse_full_name,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism import Dism
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism_output import AppList, ProvisionedApp
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.image_session import ImageSession
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.provisioning_record import (
    ProvisioningRecord,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows_host import (
    WindowsHost,
    windows_path,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.decide_apps import (
    CHANGES,
    Rules,
    decide,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.perform_apps import Performance
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.prepare_apps import Preparation
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.requested_app import (
    App,
    fail_for_missing,
)


def provision_apps(action: ActionBase, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    """Do what the options of ms_provisioned_app say on the task's Windows host, and return the module's result.

    Raises OptionError, and ServicingError when the host as a whole cannot be used.
    """
    requests = app_requests(params)
    _refuse_options_of_posix(params)
    host = WindowsHost(action, task_vars)
    run = _Run(host, params)
    run.warn(f"{name} is not used on a Windows host." for name in POSIX_ONLY if action._task.args.get(name) is not None)
    run.prepare(Preparation(host, run.record, params, requests))
    result = run.image_file() if params.get("image_file") else run.root()
    if action._task.diff and run.diff:
        result["diff"] = run.diff
    return result


class _AppsFailed(Exception):
    """An app failed: leaves a mounted image, which is discarded then."""


class _Run:
    """One run of the task on one host."""

    def __init__(self, host: WindowsHost, params: Mapping[str, t.Any]) -> None:
        self._host = host
        self._params = params
        self._present = params["state"] == "present"
        self._architecture = params.get("architecture") or ""
        self._dism = Dism(host, params)
        self._rules = Rules(present=self._present, force=params["force"], exact=params["exact"])
        self.record = ProvisioningRecord(host)
        self.diff: list[dict[str, str]] = []
        self._warnings = [self.record.warning] if self.record.warning else []
        self._facts: dict[str, t.Any] = {}
        self._after: list[ProvisionedApp] = []

    def warn(self, warnings: Iterable[str]) -> None:
        """Add warnings to the result."""
        self._warnings += warnings

    def prepare(self, preparation: Preparation) -> None:
        """Find files, packages and licenses, and check them as far as the image need not be known."""
        self._preparation = preparation
        self._apps = preparation.apps
        preparation.look(self._present, self._architecture)
        if self._present:
            unknown = bool(self._params.get("image_file")) and not self._architecture
            preparation.check(self._architecture, any_architecture=unknown)

    def root(self) -> dict[str, t.Any]:
        """Service the running system or the root of an image: what can be done is done, then failures are named."""
        root = windows_path("image", self._params["image"]) if self._params.get("image") else ""
        if all(app.problem is not None for app in self._apps):
            return self._result()
        listed = self._list(root)
        record = ProvisioningRecord(self._host, root) if root else self.record
        for app in self._apps:
            fail_for_missing(app, [one.moniker for one in listed.apps])
        self._warnings += decide(self._apps, listed.apps, record.apps, self._rules)
        problem = self._perform(root, record, listed, stop_at_failure=False)
        self._describe(listed, root or "the running system")
        self._save(self.record, *([record] if root else []))
        return self._result(problem)

    def _perform(
        self, root: str, record: ProvisioningRecord, listed: AppList, stop_at_failure: bool
    ) -> ProvisioningError | None:
        """Change what is to be changed. Returns why the image could not be optimized, if so."""
        if self._host.check_mode:
            return None
        performance = Performance(self._dism, self._preparation.reader, root, record, self._rules)
        performance.perform(self._apps, listed.apps, stop_at_failure)
        self._warnings += performance.warnings
        try:
            if self._params["optimize"] and self._changed() and not (stop_at_failure and self._failed()):
                self._dism.optimize(root)
        except ProvisioningError as exc:
            return exc
        return None

    # Image files

    def image_file(self) -> dict[str, t.Any]:
        """Service an image of a file: all or nothing."""
        session = ImageSession(self._host, self._dism, self._params)
        self._facts["saved"] = False
        problem: ProvisioningError | None = None
        try:
            self._check_before_mounting(session)
            if not self._failed():
                self._service(session)
        except _AppsFailed:
            # Each app has its problem.
            pass
        except ProvisioningError as exc:
            problem = exc
        self._warnings += session.warnings
        self._facts["saved"] = session.saved
        if (problem is not None or self._failed()) and not session.saved:
            self._take_back(session)
        elif not self._host.check_mode:
            self.record.remember("images", session.cache_key, session.find().stamp, self._image_state())
        self._save(self.record)
        return self._result(problem)

    def _check_before_mounting(self, session: ImageSession) -> None:
        for app in self._apps:
            fail_for_missing(app)
        if self._failed():
            return
        session.find()
        architecture = session.look_up()
        if self._present and not self._architecture and architecture:
            self._preparation.check(architecture)
            for app in self._apps:
                fail_for_missing(app)

    def _service(self, session: ImageSession) -> None:
        read_only = self._host.check_mode or self._is_known_unchanged(session)
        self._in_image(session, read_only)
        if read_only and self._changed() and not self._host.check_mode and not self._failed():
            # Somebody changed the image, and kept its size and time.
            self._in_image(session, read_only=False)

    def _in_image(self, session: ImageSession, read_only: bool) -> None:
        """Mount the image, find out what is to be done and do it, unless it is mounted read-only."""
        with session.mounted(read_only) as root:
            record = ProvisioningRecord(self._host, root)
            listed = self._list(root)
            self._warnings += decide(self._apps, listed.apps, record.apps, self._rules)
            if not read_only and self._changed() and not self._failed():
                problem = self._perform(root, record, listed, stop_at_failure=True)
                if problem is not None:
                    raise problem
                if self._changed() and not self._failed():
                    self._save(record)
                    session.commit()
            if self._failed():
                raise _AppsFailed
            self._records = dict(record.apps)
        self._describe(listed, str(self._params["image_file"]))

    def _take_back(self, session: ImageSession) -> None:
        """Say of each app that did not fail that it was not saved either."""
        self.diff = []
        for app in self._apps:
            if app.problem is None:
                app.fail(
                    PackageError(
                        f"Could not provision {app.request.label}",
                        f"nothing was saved to {session.image_file}, since something else failed",
                    )
                )

    def _is_known_unchanged(self, session: ImageSession) -> bool:
        """Return whether nothing is to be done by what is recorded of the image file: read-only will do then."""
        known = self.record.known("images", session.cache_key, session.find().stamp)
        if known is None:
            return False
        try:
            listed = [
                ProvisionedApp(parse_full_name(name), str(name), None if regions is None else str(regions))
                for name, regions in known["apps"]
            ]
            records = {str(family): dict(entry) for family, entry in known["records"].items()}
        except (KeyError, TypeError, ValueError, AttributeError, PackageError):
            return False
        copies = [App(app.request, facts=app.facts, license=app.license) for app in self._apps]
        decide(copies, listed, records, self._rules)
        return not any(app.state in CHANGES for app in copies)

    def _image_state(self) -> dict[str, t.Any]:
        return {"apps": [[one.package_name, one.regions] for one in self._after], "records": self._records}

    # Results

    def _list(self, root: str) -> AppList:
        listed = self._dism.list_apps(root)
        self._facts.update(dism_version=listed.dism_version, image_version=listed.image_version)
        ours, its = _build(listed.dism_version), _build(listed.image_version)
        if ours and its and ours < its:
            self._warnings.append(
                f"DISM {listed.dism_version} is older than the image ({listed.image_version}), which can damage it."
                " Install the Windows ADK on the host, and name its DISM by dism_path."
            )
        return listed

    def _changed(self) -> bool:
        return any(app.state in CHANGES for app in self._apps)

    def _failed(self) -> bool:
        return any(app.problem is not None for app in self._apps)

    def _save(self, *records: ProvisioningRecord) -> None:
        self._warnings += [warning for warning in (record.save() for record in records) if warning]

    def _describe(self, listed: AppList, where: str) -> None:
        """Derive what is provisioned now (in check mode, would be) from the list and the changes."""
        after = list(listed.apps)
        for app in self._apps:
            if app.state not in CHANGES:
                continue
            after = [one for one in after if one.package_name not in app.removals]
            if app.facts is not None and app.state != "removed":
                after = [one for one in after if not same_family(one.family_name, app.family_name)]
                after.append(ProvisionedApp(app.facts.moniker, str(app.facts.moniker), app.request.region_text))
        self._after = after
        before_text, after_text = _lines(listed.apps), _lines(after)
        self.diff = []
        if before_text != after_text or self._changed():
            header = f"apps of {where}"
            self.diff.append(
                {"before_header": header, "after_header": header, "before": before_text, "after": after_text}
            )

    def _result(self, problem: ProvisioningError | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = {
            "changed": self._changed(),
            "apps": [_entry(app) for app in self._apps],
            "reboot_required": self._dism.reboot_required,
            "dism_version": None,
            "image_version": None,
            "log_path": self._dism.log_path,
            **self._facts,
        }
        if self._warnings:
            result["warnings"] = self._warnings
        failures = [app for app in self._apps if app.problem is not None]
        if problem is not None:
            result.update(failed=True, msg=str(problem))
        elif failures:
            listed = list_failures([(app.request.label, str(app.problem)) for app in failures], len(self._apps))
            what = "provision" if self._present else "remove"
            nothing = f"\nNothing was saved to {self._params['image_file']}." if self._params.get("image_file") else ""
            heading = f"Could not {what} {len(failures)} of {len(self._apps)} apps:"
            result.update(failed=True, msg=f"{heading}\n{listed}{nothing}")
        return result


def _entry(app: App) -> dict[str, t.Any]:
    moniker = app.facts.moniker if app.facts is not None else None
    name = app.package_name or (str(moniker) if moniker is not None else app.request.package_name) or None
    if name and moniker is None:
        try:
            moniker = parse_full_name(name)
        except PackageError:
            moniker = None
    shown = parse_full_name(name) if name and app.state in ("unchanged", "removed") else moniker
    return app_result(
        app.request,
        app.state or "unchanged",
        package_family_name=app.family_name or (moniker.family_name if moniker else None) or None,
        package_name=name if app.state in ("unchanged", "removed", "absent") or moniker is None else str(moniker),
        version=str(shown.version) if shown is not None else None,
        architecture=shown.architecture if shown is not None else None,
        regions=list(app.request.regions),
        previous_version=app.previous_version,
        license_content_id=app.license.content_id if app.license is not None else None,
        rc=app.rc,
        error=None if app.problem is None else str(app.problem),
    )


def _lines(apps: Sequence[ProvisionedApp]) -> str:
    return "".join(f"{one.family_name} {one.version} {one.regions or '-'}\n" for one in apps)


def _build(version: str) -> tuple[int, ...]:
    """Return the first three numbers of a version: the build that counts."""
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def _refuse_options_of_posix(params: Mapping[str, t.Any]) -> None:
    """Raise OptionError for what a Windows host cannot do."""
    if params.get("distribution"):
        raise OptionError(
            "Could not use the option distribution",
            "it is for POSIX hosts, which put apps into Setup's folder for the first boot",
            "On Windows hosts name image or image_file, or neither for the running system",
        )
    if params.get("optimize") and not (params.get("image") or params.get("image_file")):
        raise OptionError(
            "Could not use the option optimize", "DISM optimizes images alone, not the running system", "Leave it out"
        )
