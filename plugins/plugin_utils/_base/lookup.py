# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What the lookups share: their options, wherever they come from, and errors as Ansible wants them."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Sequence

from ansible import constants as C
from ansible.errors import AnsibleError, AnsibleLookupError, AnsibleOptionsError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.lookup import LookupBase

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.environment import (
    ENVIRONMENT,
    SECRET_OPTIONS,
    first_set,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    OptionError,
    ProvisioningError,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.host_facts import refuse_facts_of_ours
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.masking import secrets_in
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._base.options import (
    NOT_VERIFIED,
    describe_unsupported,
)


class ProvisioningLookup(LookupBase):
    """Base of the lookups: a subclass turns terms and options into values in look_up."""

    TERMS = "Give the terms without a keyword"
    """How a term is written, as a sentence without a final period."""

    def look_up(self, terms: list[str], options: dict[str, t.Any]) -> list[t.Any]:
        """Return one value per term. A ProvisioningError becomes Ansible's failure."""
        raise NotImplementedError

    def run(self, terms: Sequence[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Run the lookup, as Ansible calls it."""
        try:
            refuse_facts_of_ours(variables or {})
            self._definitions = C.config.get_configuration_definitions("lookup", self._load_name)
            self._refuse_unknown(kwargs)
            return self.look_up(self._strings(terms), self._effective_options(variables or {}, kwargs))
        except OptionError as exc:
            raise AnsibleOptionsError(str(exc)) from exc
        except ProvisioningError as exc:
            raise AnsibleLookupError(str(exc)) from exc

    def _refuse_unknown(self, kwargs: dict[str, t.Any]) -> None:
        """Refuse keywords that are no options: Ansible would drop them, and the lookup return something else."""
        known = {one for name, option in self._definitions.items() for one in (name, *option.get("aliases", ()))}
        unknown = kwargs.keys() - (known - {"_terms"})
        if unknown:
            raise OptionError(
                f"Could not use the options of the lookup {self.ansible_name}",
                describe_unsupported(unknown, known - {"_terms"}),
                f"{self.TERMS}; see ansible-doc -t lookup {self.ansible_name}",
            )

    def _strings(self, terms: t.Any) -> list[str]:
        for term in terms:
            if not isinstance(term, str):
                raise OptionError(
                    "Could not use the terms",
                    f"{repr(term)[:80]} is {'a list' if isinstance(term, list) else 'not a string'}",
                    "Give each term as a string; a list of terms takes a * before it or the keyword loop",
                )
        return [str(term) for term in terms]

    def _effective_options(self, variables: dict[str, t.Any], kwargs: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return all options: from arguments, variables, the environment and ansible.cfg, in this order."""
        definitions = self._definitions
        rendered = {}
        given = {name for name, option in definitions.items() if {name, *option.get("aliases", ())} & kwargs.keys()}
        for option, definition in definitions.items():
            for entry in definition.get("vars") or ():
                name = entry["name"]
                if name in variables:
                    # Ansible hands over the values of variables as the templates that they are written as.
                    rendered[name] = self._templar.template(variables[name])
                    given.add(option)
        self._check_booleans(definitions, rendered, kwargs)
        try:
            self.set_options(var_options=rendered, direct=kwargs)
        except AnsibleError:  # AnsibleOptionsError from ansible-core 2.17 on
            self._name_missing(given)
            raise
        options = {name: self.get_option(name) for name in definitions}
        for name in ENVIRONMENT.keys() & options.keys() - given:
            # Ansible takes the last variable that is there; here it is the first that is set and not empty.
            options[name] = first_set(ENVIRONMENT[name], os.environ) or options[name]
        secrets_in(options, {name: {"no_log": name in {*SECRET_OPTIONS, "catalog_access_token"}} for name in options})
        if options.get("validate_certs") is False:
            self._display.warning(NOT_VERIFIED)
        return options

    def _name_missing(self, given: set[str]) -> None:
        """Raise OptionError for a required option that nothing sets: core calls it a configuration."""
        for name, definition in self._definitions.items():
            names = ENVIRONMENT.get(name, ())
            if definition.get("required") and name not in {*given, "_terms"} and not first_set(names, os.environ):
                raise OptionError(
                    "Could not use the options",
                    f"{name} is not set",
                    f"Set {name}, the variable msdevices_{name}, or the environment variable {' or '.join(names)}",
                )

    @staticmethod
    def _check_booleans(definitions: dict[str, t.Any], rendered: dict[str, t.Any], kwargs: dict[str, t.Any]) -> None:
        """Refuse what is no truth value: Ansible would take it for a false one, and so skip verifying certificates."""
        for option, definition in definitions.items():
            if definition.get("type") != "bool":
                continue
            names = [entry["name"] for entry in definition.get("vars") or ()]
            for value in [kwargs.get(option), *(rendered.get(name) for name in names)]:
                try:
                    boolean(value, strict=value is not None)
                except TypeError:
                    raise OptionError(
                        "Could not use the options",
                        f"{option} is {str(value)[:40]!r}, which is neither true nor false",
                        f"Set {option} to true or false",
                    ) from None
