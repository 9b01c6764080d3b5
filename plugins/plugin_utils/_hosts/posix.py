# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Delivery to POSIX hosts: the module ms_offline_license, which is the staging half, in one execution per call.

What a host returns is data: it is checked, and decides neither on a request nor on a file of the controller.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from ansible.plugins.action import ActionBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import StagingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.key import key_problem
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import MAX_CONTENT_IDS
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.report import (
    FACTS,
    IDS,
    REASONS,
    STATES,
    StagingReport,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._text import printable

MODULE = "msdevices.provisioning.ms_offline_license"
# What the host needs to know; sign-in and service stay on the controller.
_OPTIONS = ("service", "format", "mode", "owner", "group", "prune")
_MAX_TEXT = 4096
_INTERPRETER = "Check the Python of the host (ansible_python_interpreter, 3.8 or later); -vvv shows more"


class PosixDelivery:
    """See Delivery."""

    def __init__(self, action: ActionBase, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> None:
        self._action = action
        self._task_vars = task_vars
        self._arguments = {name: params[name] for name in _OPTIONS if params.get(name) is not None}
        # As the user wrote it: the host expands ~ and variables.
        self._arguments["dest"] = action._task.args["dest"]
        self._attempted = f"Could not stage licenses in {self._arguments['dest']}"

    def stage(self, requests: Sequence[LicenseRequest]) -> StagingReport:
        """See Delivery."""
        result: dict[str, t.Any] = self._action._execute_module(
            module_name=MODULE,
            module_args={**self._arguments, "licenses": [_item(request) for request in requests]},
            task_vars=self._task_vars,
        )
        if "licenses" not in result:
            raise module_failure(result, self._attempted)
        try:
            report = _report(result, requests)
        except (ValueError, TypeError, AttributeError, KeyError, LookupError) as exc:
            cause = f"the host returned what the module never does ({printable(str(exc), 200)})"
            raise StagingError(self._attempted, cause, "Find out what runs on the host in place of Python") from None
        if result.get("failed") and not report.failures:
            report.error = module_failure(result, self._attempted)
        return report


def module_failure(result: Mapping[str, t.Any], attempted: str) -> StagingError:
    """Return what a module said, or what it ended with when it did not get as far as a message of its own."""
    message = str(result.get("msg") or "").strip()
    if "module_stderr" in result or not message:
        # Up to ansible-core 2.18 the message only leads to these.
        lines = str(result.get("module_stderr") or result.get("module_stdout") or message or "nothing").splitlines()
        last = next((line for line in reversed(lines) if line.strip()), "")
        cause = f"the module did not report, and its last line was: {printable(last)}"
        return StagingError(attempted, cause, _INTERPRETER)
    own, separator, cause = message.partition(": ")
    if message.startswith("Could not ") and separator:
        return StagingError(own, cause)
    return StagingError(attempted, message)


def _report(result: Mapping[str, t.Any], requests: Sequence[LicenseRequest]) -> StagingReport:
    """Check a module's result. Raises ValueError, TypeError, AttributeError or LookupError for what cannot be one."""
    counts = [0] * len(requests)
    licenses = []
    for item in _list(result["licenses"]):
        index = item["index"]
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(requests):
            raise ValueError("a license was not requested")
        counts[index] += 1
        licenses.append(_checked(item, requests[index]))
    for request, count in zip(requests, counts, strict=True):
        if not 1 <= count <= (MAX_CONTENT_IDS if request.unresolved else 1):
            raise ValueError(f"{count} results for the license {request.key}")
    if [item["index"] for item in licenses] != sorted(item["index"] for item in licenses):
        raise ValueError("the licenses are in another order")
    diff = [{str(name): _text(value) or "" for name, value in one.items()} for one in _list(result.get("diff") or [])]
    warnings = [printable(str(one), 1000) for one in _list(result.get("warnings") or [])]
    pruned = [str(_text(one)) for one in _list(result.get("pruned") or [])]
    return StagingReport(licenses, result.get("changed") is True, pruned, diff, warnings)


def _checked(item: Mapping[str, t.Any], request: LicenseRequest) -> dict[str, t.Any]:
    """Return the result of one request, with the ids that were requested."""
    key = request.key
    content_id = _text(item["content_id"]) or ""
    if request.unresolved and content_id:
        problem = key_problem(type(key)(key.product_id, key.sku_id, content_id))
        if problem:
            raise ValueError(problem)
    elif content_id.lower() != key.content_id.lower():
        raise ValueError(f"another content id for {key}")
    state, reason, size = item["state"], item["reason"], item["size"]
    if state not in STATES or reason not in (None, *REASONS) or not isinstance(size, (int, type(None))):
        raise ValueError(f"an unknown state of {key}")
    texts = {name: _text(item[name]) for name in (*FACTS, "path", "sha256", "error")}
    ids = {**{name: getattr(key, name) or None for name in IDS}, "content_id": content_id or None}
    query = request.catalog_query or None
    return {
        "index": item["index"],
        **ids,
        "catalog_query": query,
        **texts,
        "size": size,
        "state": state,
        "reason": reason,
    }


def _list(value: t.Any) -> list[t.Any]:
    if not isinstance(value, list):
        raise TypeError("a list is missing")
    return value


def _text(value: t.Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise TypeError("a text is missing or too long")
    return str(value)


def _item(request: LicenseRequest) -> dict[str, str]:
    item = {
        "product_id": request.key.product_id,
        "sku_id": request.key.sku_id,
        "content_id": request.key.content_id,
        "filename": request.filename,
        "catalog_query": request.catalog_query,
        **asdict(request.packages),
    }
    item = {name: value for name, value in item.items() if value}
    if request.document is not None:
        item["license_blob"] = request.document.blob
    return item
