# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""How packages get onto a host: look, then place, each in a number of module executions that does not depend on the
number of files; what differs are transfers."""

from __future__ import annotations

import ntpath
import os
import re
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError, StagingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.packages import PackageStaging
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.nested_action import is_windows, run_nested
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.posix import module_failure
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.windows import WindowsDirectory

GetUrl = t.Callable[[str, bool], str]
"""Returns the URL of the file with a SHA-256, a new one when called with true. Raises ProvisioningError."""
MODULE = "msdevices.provisioning.ms_store_package"
_OPTIONS = ("mode", "owner", "group")
_DOWNLOADS = ".ms_store_package.download"
# Above that, WinRM takes minutes.
_LARGE_BYTES = 100 * 1000 * 1000


class PackageHost(t.Protocol):
    """A host, as far as packages are concerned. What it returns is shown, and decides on no request."""

    def look(self, selections: Mapping[str, str]) -> dict[str, t.Any]:
        """See PackageStaging.look. Raises StagingError."""

    def place(
        self, apps: Sequence[dict[str, t.Any]], paths: Mapping[str, str], get_url: GetUrl | None, prune: bool
    ) -> dict[str, t.Any]:
        """See PackageStaging.place. `paths` has files on the controller by SHA-256; with `get_url` the host downloads
        files by itself. Raises StagingError."""


def package_host_for(
    action: ActionBase, params: Mapping[str, t.Any], task_vars: dict[str, t.Any], say: Callable[[str], None]
) -> PackageHost:
    """Return the host that the task's connection leads to. Raises StagingError."""
    kind = WindowsPackageHost if is_windows(action) else PosixPackageHost
    return kind(action, params, task_vars, say)


class _Host:
    """What both kinds of hosts share: the task, and files that the host downloads by itself."""

    def __init__(
        self, action: ActionBase, params: Mapping[str, t.Any], task_vars: dict[str, t.Any], say: Callable[[str], None]
    ) -> None:
        self._action = action
        self._task_vars = task_vars
        self._say = say
        self._params = params
        self._check_mode = bool(action._task.check_mode)
        # As the user wrote it: the host expands ~ and variables.
        self._dest = str(action._task.args["dest"])

    def _nested(self, name: str, **arguments: t.Any) -> dict[str, t.Any]:
        return run_nested(self._action, name, arguments, self._task_vars)

    def _make_folder(self, name: str, **arguments: t.Any) -> None:
        """Have a module create a folder. Raises StagingError."""
        result = self._nested(name, state="directory", **arguments)
        if result.get("failed"):
            cause = f"{name} failed: {printable(str(result.get('msg')), 300)}"
            raise StagingError(f"Could not create {arguments['path']}", cause, "Check the permissions of dest")

    def _download(
        self,
        apps: Sequence[dict[str, t.Any]],
        get_url: GetUrl,
        fetch: Callable[[dict[str, t.Any], str], dict[str, t.Any]],
    ) -> None:
        """Let the host download what is not there; an app fails whose file cannot be had.

        `fetch` runs the module for a file and a URL, and returns its result.
        """
        for app in apps:
            for file in [] if app["error"] else app["files"]:
                if file["there"]:
                    continue
                try:
                    self._download_one(file, get_url, fetch)
                except ProvisioningError as exc:
                    app["error"] = str(exc)
                    break

    def _download_one(
        self, file: dict[str, t.Any], get_url: GetUrl, fetch: Callable[[dict[str, t.Any], str], dict[str, t.Any]]
    ) -> None:
        size = f"{file['size'] / 1000000:.1f} MB"
        result: dict[str, t.Any] = {}
        for anew in (False, True):
            self._say(f"the host downloads {file['filename']}, {size}")
            result = fetch(file, get_url(file["sha256"], anew))
            if not result.get("failed"):
                file["fetched"] = True
                return
            if result.get("status_code") != 403:
                break
        # The URL in the message of the module would show the signature of the CDN.
        message = re.sub(r"\?\S*", "", printable(str(result.get("msg") or "no reason given"), 400))
        raise StagingError(
            f"Could not let the host download {file['filename']}",
            f"its module for downloads failed: {message}",
            "Check that the host reaches the CDN by http (firewall, proxy), or set download_on to controller",
        )


class PosixPackageHost(_Host):
    """A POSIX host, on which the module does the work."""

    def look(self, selections: Mapping[str, str]) -> dict[str, t.Any]:
        """See PackageHost."""
        return self._module({"look": dict(selections)})

    def place(
        self, apps: Sequence[dict[str, t.Any]], paths: Mapping[str, str], get_url: GetUrl | None, prune: bool
    ) -> dict[str, t.Any]:
        """See PackageHost."""
        folder = f"{self._dest.rstrip('/')}/{_DOWNLOADS}"
        if get_url is not None and not self._check_mode:
            self._make_folder("ansible.builtin.file", path=folder, mode="0700")
            self._download(apps, get_url, lambda file, url: self._get_url(file, url, folder))
        sources = {} if self._check_mode or get_url is not None else self._transfer(paths)
        for app in apps:
            for file in app["files"]:
                file["source"] = f"{folder}/{file['sha256']}" if file.get("fetched") else sources.get(file["sha256"])
        result = self._module({"place": list(apps), "prune": prune})
        if get_url is not None and not self._check_mode:
            self._nested("ansible.builtin.file", path=folder, state="absent")
        return result

    def _get_url(self, file: Mapping[str, t.Any], url: str, folder: str) -> dict[str, t.Any]:
        return self._nested(
            "ansible.builtin.get_url",
            url=url,
            dest=f"{folder}/{file['sha256']}",
            checksum=f"sha256:{file['sha256']}",
            mode="0600",
            timeout=int(max(1, self._params["timeout"])),
        )

    def _transfer(self, paths: Mapping[str, str]) -> dict[str, str]:
        """Send files; return their paths on the host. Each goes once, whichever apps have it."""
        shell = self._action._connection._shell
        if not paths:
            return {}
        if not shell.tmpdir:
            self._action._make_tmp_path()
        remote = {sha256: shell.join_path(shell.tmpdir, sha256) for sha256 in paths}
        for number, (sha256, path) in enumerate(paths.items(), 1):
            self._say(f"sending file {number} of {len(paths)}, {os.path.getsize(path) / 1000000:.1f} MB")
            self._action._transfer_file(path, remote[sha256])
        self._action._fixup_perms2([shell.tmpdir, *remote.values()])
        return remote

    def _module(self, plan: dict[str, t.Any]) -> dict[str, t.Any]:
        arguments = {name: self._params[name] for name in _OPTIONS if self._params.get(name) is not None}
        result: dict[str, t.Any] = self._action._execute_module(
            module_name=MODULE,
            module_args={**arguments, "dest": self._dest, "apps": [], "plan": plan},
            task_vars=self._task_vars,
        )
        attempted = f"Could not stage packages in {self._dest}"
        if not isinstance(result.get("plan"), dict):
            raise module_failure(result, attempted)
        try:
            return _checked(result["plan"], "look" in plan)
        except (ValueError, TypeError, AttributeError, KeyError) as exc:
            cause = f"the host returned what the module never does ({printable(str(exc), 200)})"
            raise StagingError(attempted, cause, "Find out what runs on the host in place of Python") from None


class WindowsPackageHost(_Host):
    """A Windows host, by stock modules of ansible.windows."""

    _looked = False

    def look(self, selections: Mapping[str, str]) -> dict[str, t.Any]:
        """See PackageHost."""
        return self._staging().look(selections)

    def place(
        self, apps: Sequence[dict[str, t.Any]], paths: Mapping[str, str], get_url: GetUrl | None, prune: bool
    ) -> dict[str, t.Any]:
        """See PackageHost."""
        if get_url is not None and not self._check_mode:
            self._download(apps, get_url, self._get_url)
        for app in apps:
            for file in app["files"]:
                file["source"] = paths.get(file["sha256"])
        result = self._staging().place(apps, prune)
        size = sum(os.path.getsize(path) for path in paths.values())
        if size > _LARGE_BYTES and self._action._connection.transport in ("winrm", "psrp"):
            result["warnings"].append(
                f"{size / 1000000:.0f} MB went to the host by {self._action._connection.transport}, which is slow."
                " Where the host reaches the CDN by http, set download_on to host."
            )
        return result

    def _get_url(self, file: Mapping[str, t.Any], url: str) -> dict[str, t.Any]:
        path = ntpath.join(self._dest, file["product_id"], *file["filename"].split("/"))
        self._make_folder("ansible.windows.win_file", path=ntpath.dirname(path))
        return self._nested(
            "ansible.windows.win_get_url",
            url=url,
            dest=path,
            checksum=file["sha256"],
            checksum_algorithm="sha256",
            force=False,
            follow_redirects="none",
        )

    def _staging(self) -> PackageStaging:
        unused = [name for name in _OPTIONS if self._action._task.args.get(name) is not None and not self._looked]
        warnings = [
            f"{name} is not used on a Windows host, where files inherit the permissions of dest." for name in unused
        ]
        self._looked = True
        directory = WindowsDirectory(self._action, self._dest, self._task_vars, warnings, "packages")
        return PackageStaging(directory, self._check_mode, sources_are_own=False)


def _checked(plan: Mapping[str, t.Any], look: bool) -> dict[str, t.Any]:
    """Check the shape of what the module returned. Raises ValueError, TypeError, AttributeError or KeyError."""
    keys = {"apps": dict, "files": dict, "warnings": list, "others": bool}
    if not look:
        keys = {"files": dict, "pruned": list, "diff": list, "warnings": list, "changed": bool, "error": str}
    for name, kind in keys.items():
        if not isinstance(plan[name], kind):
            raise TypeError(f"{name} is no {kind.__name__}")
    checked = {name: plan[name] for name in keys}
    checked["warnings"] = [printable(str(one), 1000) for one in plan["warnings"]]
    for app in plan["apps"].values() if look else ():
        if app["whole"] and not (isinstance(app["record"], dict) and isinstance(app["files"], list)):
            raise TypeError("an app that is whole has no files")
    return checked
