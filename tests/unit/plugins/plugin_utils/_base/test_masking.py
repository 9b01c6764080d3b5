# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.common import shared_options
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base import masking
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.host_facts import (
    names_of_ours,
    refuse_facts_of_ours,
)

GIVEN = {"client_id": "an id", "client_secret": "canary-one", "secret": "canary-two", "access_token": "abc"}


def test_secrets_are_masked_also_by_their_aliases() -> None:
    secrets = masking.secrets_in(GIVEN, shared_options())
    assert secrets == {"canary-one", "canary-two"}
    shown = masking.masked({"msg": "it holds canary-one and canary-two", "id": "an id"}, secrets)
    assert "canary" not in str(shown)
    assert shown["id"] == "an id"
    assert "canary" not in str(masking.shown_arguments(GIVEN, shared_options()))


def test_secrets_are_registered_where_core_keeps_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ansible-core 2.22 does; earlier ones have no such function."""
    registered: list[str] = []
    monkeypatch.setattr(masking, "register_secrets", registered.extend)
    masking.secrets_in(GIVEN, shared_options())
    assert registered == ["canary-one", "canary-two"]


def test_names_of_facts() -> None:
    facts = ["os_family", "distribution", "msdevices", "__offline_licenses_staged", "store_apps_list", "sign_in_x", 7]
    assert names_of_ours(facts) == ["__offline_licenses_staged", "sign_in_x", "store_apps_list"]
    refuse_facts_of_ours({"ansible_facts": {"os_family": "Debian"}, "msdevices_country": "US"})
    refuse_facts_of_ours({})
