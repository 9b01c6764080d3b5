# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from unit.support import PRODUCT_ID

from ansible_collections.msdevices.provisioning.plugins.doc_fragments import _auth as auth
from ansible_collections.msdevices.provisioning.plugins.doc_fragments import _catalog as catalog
from ansible_collections.msdevices.provisioning.plugins.doc_fragments import _market as market
from ansible_collections.msdevices.provisioning.plugins.doc_fragments import _service as service
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec import common as _argspec
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import (
    ENVIRONMENT,
    SECRET_OPTIONS,
    fill_unset,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.offline_license import (
    items_of,
    requests_of,
    specification,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError

SPEC = {**_argspec.shared_options(), **_argspec.catalog_options(), **_argspec.market_options()}
SECRETS = {*SECRET_OPTIONS, "catalog_access_token"}
FRAGMENTS = [fragment.ModuleDocFragment for fragment in (auth, service, catalog, market)]
DOCUMENTED: dict[str, Any] = {
    name: option for fragment in FRAGMENTS for name, option in yaml.safe_load(fragment.DOCUMENTATION)["options"].items()
}
PLUGINS: dict[str, Any] = {
    name: option for fragment in FRAGMENTS for name, option in yaml.safe_load(fragment.PLUGINS)["options"].items()
}


def validated(**options: Any) -> dict[str, Any]:
    """The shared options and those of the catalog, as a module sees them."""
    # Without what is required: nothing here is about it.
    spec = {name: {**option, "required": False} for name, option in SPEC.items()}
    for option in spec.values():
        if "default" in option:
            del option["required"]
    result = ArgumentSpecValidator(spec).validate(options)
    assert result.error_messages == []
    return dict(result.validated_parameters)


class TestEnvironment:
    @pytest.mark.parametrize(("name", "variable"), [(n, v) for n, variables in ENVIRONMENT.items() for v in variables])
    def test_each_variable_sets_its_option(self, name: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """In a module that Ansible runs itself, and in an action plugin, whose environment is data."""
        monkeypatch.setenv(variable, "/from/environment")
        assert validated()[name] == "/from/environment"
        assert validated(**{name: "/option"})[name] == "/option"
        environ = {variable: "/from/task"}
        assert fill_unset({}, SPEC, environ) == {name: "/from/task"}
        for given in (name, *SPEC[name].get("aliases", ())):
            assert fill_unset({given: "/option"}, SPEC, environ) == {given: "/option"}

    @pytest.mark.parametrize(
        ("name", "first", "second"),
        [
            ("tenant_id", "AZURE_TENANT_ID", "AZURE_TENANT"),
            ("client_secret", "AZURE_CLIENT_SECRET", "AZURE_SECRET"),
        ],
    )
    def test_the_spelling_of_the_azure_sdks_comes_first(
        self, name: str, first: str, second: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(second, "of the automation controller")
        monkeypatch.setenv(first, "of the SDK")
        assert validated()[name] == "of the SDK"
        monkeypatch.setenv(first, "")
        assert validated()[name] == "of the automation controller"
        monkeypatch.setenv(second, "")
        assert validated()[name] is None

    def test_no_variable_is_one_that_automation_controllers_reserve(self) -> None:
        variables = [variable for variables in ENVIRONMENT.values() for variable in variables]
        assert variables
        assert not [variable for variable in variables if variable.startswith("ANSIBLE_")]


class TestDocumentation:
    def test_every_option_is_documented_as_it_is(self) -> None:
        assert set(DOCUMENTED) == set(SPEC)
        for name, spec in SPEC.items():
            documented = DOCUMENTED[name]
            assert documented["type"] == spec["type"], name
            assert documented.get("default") == spec.get("default"), name
            assert documented.get("choices") == spec.get("choices"), name
            assert documented.get("aliases") == spec.get("aliases"), name

    def test_every_variable_is_documented(self) -> None:
        for name, variables in ENVIRONMENT.items():
            text = " ".join(DOCUMENTED[name]["description"])
            assert all(f"E({variable})" in text for variable in variables), name
            assert [entry["name"] for entry in PLUGINS[name]["env"]] == list(variables)

    def test_plugins_find_every_option_but_no_secret_in_files_that_are_shared(self) -> None:
        assert set(PLUGINS) == set(SPEC)
        for name, sources in PLUGINS.items():
            assert sources["vars"] == [{"name": f"msdevices_{name}"}]
            # Ansible takes what is no truth value in such a file for a false one.
            assert ("ini" in sources) == (name not in SECRETS | {"validate_certs"}), name

    def test_secrets_and_only_secrets_are_masked(self) -> None:
        assert {name for name, spec in SPEC.items() if spec.get("no_log")} == SECRETS


class TestOfflineLicenseOptions:
    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({}, "one of the following is required: licenses, product_id"),
            ({"content_id": "x"}, "one of the following is required: licenses, product_id"),
            ({"licenses": [], "product_id": "x", "content_id": "y"}, "mutually exclusive: licenses|product_id"),
            ({"licenses": [], "sku_id": "0015"}, "mutually exclusive: licenses|sku_id"),
            ({"architecture": "x64"}, "one of the following is required: licenses, product_id"),
            ({"licenses": [], "architecture": "x64"}, "mutually exclusive: licenses|architecture"),
            ({"licenses": [], "language": "de"}, "mutually exclusive: licenses|language"),
            ({"licenses": [], "package_family_name": "x"}, "mutually exclusive: licenses|package_family_name"),
            ({"licenses": ["9WZDNCRFJ3PS"]}, "licenses"),
            ({"licenses": [{"product_id": "x", "content_id": "y", "url": "z"}]}, "licenses.url"),
            ({"licenses": [], "service": "other"}, "value of service must be one of: store_for_business"),
            ({"licenses": [], "format": "pdf"}, "value of format must be one of: xml, base64"),
            ({"licenses": [], "max_concurrency": "many"}, "max_concurrency"),
        ],
    )
    def test_bad_ones(self, options: dict[str, Any], problem: str) -> None:
        rules = {name: value for name, value in specification().items() if name != "supports_check_mode"}
        assert problem in "; ".join(ArgumentSpecValidator(**rules).validate(options).error_messages)

    def test_a_single_license_at_top_level_is_a_list_of_one(self) -> None:
        rules = {name: value for name, value in specification().items() if name != "supports_check_mode"}
        result = ArgumentSpecValidator(**rules).validate({"product_id": "9WZDNCRFJ3PS", "content_id": "x"})
        assert result.error_messages == []
        expected = dict.fromkeys(("sku_id", "architecture", "language", "package_family_name"))
        assert items_of(result.validated_parameters) == [
            {**expected, "product_id": "9WZDNCRFJ3PS", "content_id": "x"},
        ]
        assert items_of({"licenses": []}) == []

    @pytest.mark.parametrize("options", [{"product_id": PRODUCT_ID}, {"licenses": [{"product_id": PRODUCT_ID}]}])
    def test_a_content_id_may_be_left_out_where_the_service_finds_it(self, options: dict[str, Any]) -> None:
        rules = {name: value for name, value in specification().items() if name != "supports_check_mode"}
        result = ArgumentSpecValidator(**rules).validate({**options, "service": "store_licensing"})
        assert result.error_messages == []
        (request,) = requests_of(result.validated_parameters)
        assert request.unresolved
        with pytest.raises(OptionError, match="content_id is missing"):
            requests_of({**result.validated_parameters, "service": "store_for_business"})
