# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures of many licenses as one message."""

from __future__ import annotations

import pytest

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ProvisioningError,
    SignInError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.fetch_licenses import all_or_error


def test_a_failure_of_all_is_told_once_and_names_each() -> None:
    failure = SignInError("Could not sign in", "the secret has expired", "Renew it")
    with pytest.raises(ProvisioningError) as both:
        all_or_error(["first", "second"], [failure, failure])
    assert str(both.value) == (
        "Could not get 2 of 2 offline licenses: [first, second] Could not sign in: the secret has expired. Renew it."
    )
    with pytest.raises(ProvisioningError, match=r"\[first\] Could not sign in: the secret"):
        all_or_error(["first"], [failure])
