# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What the action plugins share: a module's manners (validated options, masking, invocation) in the controller's
process."""

from __future__ import annotations

import errno
import re
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager

from ansible import constants as C
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import fill_unset
from ansible_collections.msdevices.provisioning.plugins.module_utils._dest import check_dest
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base import environment
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.host_facts import refuse_facts_of_ours
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.masking import (
    masked,
    secrets_in,
    shown_arguments,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.options import (
    NOT_VERIFIED,
    describe_unsupported,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import ENVIRON

# errno values that mean that a directory cannot be used.
_UNUSABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG)


class ProvisioningAction(ActionBase):
    """Base of the action plugins: a subclass names its specification and does the work in perform."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    SPECIFICATION: t.Callable[[], dict[str, t.Any]]
    """Returns the keyword arguments with which the module of the same name makes its AnsibleModule."""

    DIRECTORY_OPTIONS: tuple[str, ...] = ("dest",)
    """Options that are a directory on the managed host; see check_dest."""

    def perform(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Do the work with validated options, and return the result. A ProvisioningError becomes a failure."""
        raise NotImplementedError

    def prepared(self, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the task's arguments in the form that the specification expects. Raises OptionError."""
        return arguments

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the action, as Ansible calls it."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        del tmp
        specification = type(self).SPECIFICATION()
        spec = specification["argument_spec"]
        params: dict[str, t.Any] = dict(self._task.args)
        try:
            refuse_facts_of_ours(task_vars or {})
            with self._environment_of_task() as environ:
                params = self._task.args = fill_unset(self.prepared(params), spec, environ)
                self._check_directories()
                params = self._validated(specification, result)
                warnings = result.get("warnings", [])
                result.update(self.perform({**params, ENVIRON: environ}, task_vars or {}))
                if warnings:
                    result["warnings"] = [*warnings, *(one for one in result["warnings"] if one not in warnings)]
        except ProvisioningError as exc:
            result.update(failed=True, changed=result.get("changed", False), msg=str(exc))
        except OSError as exc:
            if exc.errno not in _UNUSABLE:
                raise
            # Ansible keeps there what is on its way to hosts.
            problem = ProvisioningError(
                f"Could not run {self._task.action}",
                f"the controller cannot write to its temporary directory {C.DEFAULT_LOCAL_TMP} ({exc.strerror})",
                "Check its space and permissions, or set local_tmp in ansible.cfg (environment ANSIBLE_LOCAL_TEMP) to"
                " another one",
            )
            result.update(failed=True, changed=False, msg=str(problem))
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        result["invocation"] = {"module_args": shown_arguments(params, spec)}
        return masked(result, secrets_in(params, spec))

    @contextmanager
    def _environment_of_task(self) -> Iterator[dict[str, str]]:
        """Give the environment for requests, and keep credentials and proxies in that of the task from the host."""
        variables: dict[str, t.Any] = {}
        self._compute_environment_string(variables)
        whole = self._task.environment
        self._task.environment = [environment.for_host(variables)]
        try:
            yield environment.merged(variables)
        finally:
            self._task.environment = whole

    def progress(self, what: str) -> t.Callable[[t.Any, t.Any, int, int], None]:
        """Return a function that tells how far a bulk operation is: each item at -vv, every tenth part at -v."""
        host = self._play_context.remote_addr

        def report(key: t.Any, outcome: t.Any, done: int, total: int) -> None:
            failed = isinstance(outcome, ProvisioningError)
            self._display.vv(f"<{host}> {key}: {'failed' if failed else 'here'}")
            if done == total or done % max(1, total // 10) == 0:
                self._display.v(f"<{host}> {done} of {total} {what} fetched or failed")

        return report

    def _validated(self, specification: dict[str, t.Any], result: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the options as a module would see them; add warnings to the result. Raises OptionError."""
        rules = {name: value for name, value in specification.items() if name != "supports_check_mode"}
        # What the environment has is in the arguments already, and may be that of the task.
        rules["argument_spec"] = {
            name: {key: value for key, value in option.items() if key != "fallback"}
            for name, option in rules["argument_spec"].items()
        }
        validation = ArgumentSpecValidator(**rules).validate(self._task.args)
        if validation.error_messages:
            raise OptionError(
                f"Could not use the options of {self._task.action}",
                "; ".join(_describe(validation, rules["argument_spec"])).rstrip("."),
                f"See ansible-doc {self._task.action}",
            )
        options = dict(validation.validated_parameters)
        warnings = [
            f"Both option {one['option']} and its alias {one['alias']} are set." for one in validation._warnings
        ]
        if options.get("validate_certs") is False:
            warnings.append(NOT_VERIFIED)
        if warnings:
            result["warnings"] = warnings
        for one in validation._deprecations:
            self._display.deprecated(**{"collection_name": "msdevices.provisioning", **one})
        return options

    def _check_directories(self) -> None:
        """Check the directories on the managed host as they were written: the validation would expand them here."""
        windows = bool(getattr(self._connection._shell, "_IS_WINDOWS", False))
        for name in self.DIRECTORY_OPTIONS:
            if self._task.args.get(name) is not None:
                check_dest(name, self._task.args[name], windows)


def _describe(validation: ValidationResult, spec: dict[str, t.Any]) -> t.Iterator[str]:
    """Yield what is wrong with the options, as clauses."""
    for error in validation.errors.errors:
        if not isinstance(error, UnsupportedError):
            # Core names types of its own, such as _AnsibleTaggedList.
            yield re.sub(r"_AnsibleTagged(\w+)", lambda match: match[1].lower(), str(error)).rstrip(".")
    by_spec: dict[tuple[str, ...], list[str]] = {}
    for name in validation.unsupported_parameters:
        *path, last = name if isinstance(name, tuple) else name.split(".")
        by_spec.setdefault(tuple(path), []).append(last)
    for inside, names in by_spec.items():
        known = spec
        for part in inside:
            known = known[part].get("options") or {}
        known_names = [one for name, option in known.items() for one in (name, *option.get("aliases", ()))]
        prefix = "".join(f"{part}." for part in inside)
        yield describe_unsupported((f"{prefix}{name}" for name in names), (f"{prefix}{name}" for name in known_names))
