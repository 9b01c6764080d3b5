# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures of many licenses as one message."""

from __future__ import annotations

import pytest

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ProvisioningError,
    ServiceError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_licenses import all_or_error


def test_one_cause_is_said_once_and_names_whom_it_concerns() -> None:
    failure = SignInError("Could not sign in", "the secret has expired", "Renew it")
    names = [f"item{number}" for number in range(200)]
    with pytest.raises(ProvisioningError) as all_of_them:
        all_or_error(names, [failure] * 200)
    assert str(all_of_them.value) == (
        "Could not get 200 of 200 offline licenses:\n200 of 200: Could not sign in: the secret has expired. Renew it.\n"
        "  item0, item1, item2 and 197 more"
    )
    other = ServiceError("Could not get item1", "not owned", "Buy it")
    with pytest.raises(ProvisioningError) as some:
        all_or_error(names[:4], [failure, other, failure, failure])
    assert str(some.value).splitlines()[1:] == [
        "3 of 4: Could not sign in: the secret has expired. Renew it.",
        "  item0, item2, item3",
        "Could not get item1: not owned. Buy it.",
    ]
    with pytest.raises(ProvisioningError, match=r"^Could not get 1 of 1 offline licenses:\nitem0: Could not sign in"):
        all_or_error(names[:1], [failure])
