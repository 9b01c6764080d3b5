# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Environment variables that set options: those of the Azure SDKs first, then those that the automation controller's
built-in Azure credential sets. Source: reference facts on sign-in. No name starts with ANSIBLE_, which automation
controllers reserve."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

ENVIRONMENT = {
    "tenant_id": ("AZURE_TENANT_ID", "AZURE_TENANT"),
    "client_id": ("AZURE_CLIENT_ID",),
    "client_secret": ("AZURE_CLIENT_SECRET", "AZURE_SECRET"),
    "client_certificate_path": ("AZURE_CLIENT_CERTIFICATE_PATH",),
    "client_certificate_password": ("AZURE_CLIENT_CERTIFICATE_PASSWORD",),
    "federated_token_file": ("AZURE_FEDERATED_TOKEN_FILE",),
    "refresh_token": ("MSDEVICES_REFRESH_TOKEN",),
    "refresh_token_file": ("MSDEVICES_REFRESH_TOKEN_FILE",),
    "access_token": ("MSDEVICES_ACCESS_TOKEN",),
    "catalog_access_token": ("MSDEVICES_CATALOG_ACCESS_TOKEN",),
    "authority": ("AZURE_AUTHORITY_HOST",),
}
SECRET_OPTIONS = ("client_secret", "client_certificate_password", "refresh_token", "access_token")
"""Those of the shared options that are secrets. They stand here, with the little that managed hosts get."""


def first_set(*names: str) -> str | None:
    """Return the value of the first variable that is set and not empty, if there is one."""
    found = environ()
    return next((found[name] for name in names if found.get(name)), None)


_of_task: ContextVar[Mapping[str, str] | None] = ContextVar("of_task", default=None)


@contextmanager
def task_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Have these variables of a task win over those of the process, in this thread, until the end of the block."""
    token = _of_task.set(variables)
    try:
        yield
    finally:
        _of_task.reset(token)


def of_task() -> Mapping[str, str]:
    """Return the variables of the task that is under way, where it has some of its own."""
    return _of_task.get() or {}


def environ() -> Mapping[str, str]:
    """Return the environment variables in force: those of the process, and over them those of the task."""
    return {**os.environ, **of_task()}
