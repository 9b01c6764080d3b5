# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What the action plugins share: a module's manners (validated options, masking, invocation) in the controller's
process."""

from __future__ import annotations

import errno
import typing as t
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ansible import constants as C
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import (
    ENVIRONMENT,
    task_environment,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.host_facts import refuse_facts_of_ours
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings import proxies as _task_proxies

_NOT_SHOWN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
# What an operation on files ends with when the place is at fault.
_UNUSABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
# Masking replaces substrings everywhere in a result: shorter values would only garble it.
_SHORTEST_MASKED = 4
# Variables of a task that are for requests, and may hold secrets: hosts make none.
_FOR_REQUESTS = {*(name for names in ENVIRONMENT.values() for name in names), *_task_proxies.VARIABLES}
_FOR_REQUESTS |= {name.upper() for name in _FOR_REQUESTS}


class ProvisioningAction(ActionBase):
    """Base of the action plugins: a subclass names its specification and does the work in perform."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    SPECIFICATION: t.Callable[[], dict[str, t.Any]]
    """Returns the keyword arguments with which the module of the same name makes its AnsibleModule."""

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
            with self._in_environment_of_task():
                params = self._task.args = self.prepared(params)
                params = self._validated(specification)
                result.update(self.perform(params, task_vars or {}))
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
        secrets = {str(params[name]) for name, option in spec.items() if option.get("no_log") and params.get(name)}
        masked: dict[str, t.Any] = remove_values(result, {item for item in secrets if len(item) >= _SHORTEST_MASKED})
        return masked

    @contextmanager
    def _in_environment_of_task(self) -> Iterator[None]:
        """Give requests what the keyword C(environment) says of credentials and proxies, and keep that from hosts, to
        which, and to the log of whose commands, Ansible would hand it."""
        variables: dict[str, t.Any] = {}
        self._compute_environment_string(variables)
        whole = self._task.environment
        self._task.environment = [{name: value for name, value in variables.items() if name not in _FOR_REQUESTS}]
        try:
            with task_environment({str(name): str(value) for name, value in variables.items()}):
                yield
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

    def _validated(self, specification: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the options as a module would see them. Raises OptionError."""
        rules = {name: value for name, value in specification.items() if name != "supports_check_mode"}
        validation = ArgumentSpecValidator(**rules).validate(self._task.args)
        if validation.error_messages:
            texts = [
                f"unsupported {error}" if isinstance(error, UnsupportedError) else str(error)
                for error in validation.errors.errors
            ]
            raise OptionError(
                f"Could not use the options of {self._task.action}",
                "; ".join(text.rstrip(".") for text in texts),
                f"See ansible-doc {self._task.action}",
            )
        return dict(validation.validated_parameters)


def shown_arguments(params: Mapping[str, t.Any], spec: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return options in the form in which they may be shown: without the values of secrets."""
    shown: dict[str, t.Any] = {}
    for name, value in params.items():
        option = spec.get(name, {})
        if value is not None and (option.get("no_log") or name not in spec):
            shown[name] = _NOT_SHOWN
        elif option.get("options") and isinstance(value, list):
            # Lists are long, and every value of a result costs time on its way: of items only what is set is shown.
            shown[name] = [
                shown_arguments({key: one for key, one in item.items() if one is not None}, option["options"])
                if isinstance(item, Mapping)
                else _NOT_SHOWN
                for item in value
            ]
        elif option.get("options") and value is not None:
            # A text that could not be understood may hold secrets.
            shown[name] = _NOT_SHOWN
        else:
            shown[name] = value
    return shown
