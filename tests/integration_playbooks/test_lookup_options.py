# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where options of the lookups come from, and in which order: arguments, variables, the environment, ansible.cfg."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import NewLab, Served
from .harness import Lab
from .lookups import OFFER, call, error, evaluate, licenses, offers, partner, store, task, term, value

VAULT_PASSWORD = "correct horse battery staple"


def _identity(lab: Lab) -> dict[str, str]:
    return {
        "tenant_id": lab.emulator.tenant_id,
        "client_id": lab.emulator.client_id,
        "client_secret": lab.emulator.client_secret,
        "authority": lab.emulator.entra,
    }


def _vaulted(lab: Lab, text: str) -> tuple[str, str]:
    """A text as a vaulted value of YAML, and the argument by which ansible-playbook can read it."""
    password = lab.directory / "vault-password"
    password.write_text(VAULT_PASSWORD + "\n", encoding="utf-8")
    password.chmod(0o600)
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-vault"), "encrypt_string", "--vault-password-file", password, text],
        check=True,
        capture_output=True,
        text=True,
        env={"HOME": str(lab.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    return done.stdout, f"--vault-password-file={password}"


def test_arguments(lab: Lab, served: Served) -> None:
    """Everything by argument; arguments win over variables and over the environment, and may be templates' values."""
    emulator, ids = lab.emulator, lab.emulator.product(0).request()
    lab.environment = {"AZURE_TENANT_ID": "wrong.example", "AZURE_CLIENT_SECRET": "wrong", "AZURE_CLIENT_ID": "wrong"}
    wrong = {f"msdevices_{name}": "wrong" for name in (*_identity(lab), "base_url", "ca_path")}
    place = {"base_url": emulator.store, "ca_path": emulator.ca_path}
    rendered = call("msdevices.provisioning.ms_offline_license", term(ids), **{**_identity(lab), **place})
    rendered = rendered.replace(f'"{emulator.client_secret}"', "app_secret").replace(
        f'"{emulator.store}"', "'https://' ~ root"
    )
    offer = emulator.offer_ids(1)[0]
    run = evaluate(
        lab,
        {
            "arguments": licenses(term(ids), **_identity(lab), **place),
            "rendered": f"{{{{ {rendered} }}}}",
            "strings": licenses(
                term(ids),
                **_identity(lab),
                **place,
                run_cache="no",
                max_retries="0",
                timeout="5.5",
                max_concurrency="2",
            ),
            "offer": offers(
                offer, country="us", **_identity(lab), base_url=emulator.partner_public, ca_path=emulator.ca_path
            ),
        },
        variables={**wrong, "app_secret": "{{ hidden }}", "hidden": emulator.client_secret, "root": emulator.store[8:]},
    )
    document = served(ids).decode()
    for name in ("arguments", "rendered", "strings"):
        assert value(run, name) == [document]
    assert value(run, "offer")[0]["id"] == offer
    # One for each service, and one without the run cache.
    assert run.token_requests == 3


@pytest.mark.once
@pytest.mark.parametrize(
    ("tenant", "secret"),
    [
        ({"AZURE_TENANT_ID": 1}, {"AZURE_CLIENT_SECRET": 1}),
        ({"AZURE_TENANT": 1}, {"AZURE_SECRET": 1}),
        ({"AZURE_TENANT_ID": "", "AZURE_TENANT": 1}, {"AZURE_CLIENT_SECRET": "", "AZURE_SECRET": 1}),
        ({"AZURE_TENANT_ID": 1, "AZURE_TENANT": ""}, {"AZURE_CLIENT_SECRET": 1, "AZURE_SECRET": ""}),
        ({"AZURE_TENANT_ID": 1, "AZURE_TENANT": "wrong.example"}, {"AZURE_CLIENT_SECRET": 1, "AZURE_SECRET": "wrong"}),
    ],
    ids=["of the SDKs", "of automation controllers", "first ones empty", "second ones empty", "first ones win"],
)
def test_environment(lab: Lab, served: Served, tenant: dict[str, Any], secret: dict[str, Any]) -> None:
    """Both spellings, of which the first that is set and not empty counts, for both lookups."""
    emulator, ids = lab.emulator, lab.emulator.product(0).request()
    real = {**dict.fromkeys(tenant, emulator.tenant_id), **dict.fromkeys(secret, emulator.client_secret)}
    given = {name: real[name] if text == 1 else text for name, text in {**tenant, **secret}.items()}
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra, "AZURE_CLIENT_ID": emulator.client_id, **given}
    offer = emulator.offer_ids(1)[0]
    run = evaluate(
        lab,
        {"license": licenses(term(ids)), "offer": offers(offer, base_url=emulator.partner_public, country="US")},
        environment={"MSDEVICES_LOCALE": "ja-JP"},
    )
    assert value(run, "license") == [served(ids).decode()]
    assert value(run, "offer") == [entry for entry in emulator.offers("US", "ja-JP") if entry["id"] == offer]


@pytest.mark.once
def test_environment_by_other_methods(lab: Lab, served: Served) -> None:
    """Each variable that is documented is read."""
    emulator = lab.emulator
    ids = emulator.licenses(5)
    common = {"AZURE_AUTHORITY_HOST": emulator.entra.partition("//")[2], "AZURE_TENANT": emulator.tenant_id}
    mine = {**common, "AZURE_CLIENT_ID": emulator.client_id}
    kept = lab.directory / "refresh-token"
    ways = [
        {"MSDEVICES_ACCESS_TOKEN": emulator.access_tokens["store"]},
        {
            **mine,
            "AZURE_CLIENT_CERTIFICATE_PATH": emulator.pfx_path,
            "AZURE_CLIENT_CERTIFICATE_PASSWORD": emulator.certificate_password,
        },
        {**mine, "AZURE_FEDERATED_TOKEN_FILE": emulator.federated_token_file},
        {
            **common,
            "AZURE_CLIENT_ID": emulator.public_client_id,
            "MSDEVICES_REFRESH_TOKEN": emulator.public_refresh_token,
            "MSDEVICES_REFRESH_TOKEN_FILE": str(kept),
        },
        {**common, "AZURE_CLIENT_ID": emulator.public_client_id, "MSDEVICES_REFRESH_TOKEN_FILE": str(kept)},
    ]
    for wanted, environment in zip(ids, ways, strict=True):
        lab.environment = environment
        run = evaluate(lab, {"license": licenses(term(wanted))})
        assert value(run, "license") == [served(wanted).decode()]
    assert kept.stat().st_mode & 0o777 == 0o600


def _configuration(lab: Lab, **values: Any) -> dict[str, str]:
    path = lab.directory / "ansible.cfg"
    lines = [f"{name} = {text}" for name, text in values.items()]
    path.write_text("\n".join(["[defaults]", "[msdevices_provisioning]", *lines]) + "\n", encoding="utf-8")
    return {"ANSIBLE_CONFIG": str(path)}


def test_configuration(lab: Lab, served: Served) -> None:
    """Everything but secrets comes from ansible.cfg, if nothing that is closer to the task says otherwise."""
    emulator, ids = lab.emulator, lab.emulator.product(0).request()
    secret = {"AZURE_CLIENT_SECRET": emulator.client_secret}
    identity = _identity(lab)
    secretless = {name: text for name, text in identity.items() if name != "client_secret"}
    place = {"base_url": emulator.store, "ca_path": emulator.ca_path, "country": "US", "locale": "ja-JP"}
    offer = emulator.offer_ids(1)[0]
    lab.environment = {}
    run = evaluate(
        lab,
        {
            "license": licenses(term(ids)),
            "offer": f"{{{{ {call(OFFER, offer, base_url=emulator.partner_public)} }}}}",
            "variable wins": licenses(term(ids), run_cache=False),
        },
        variables={"msdevices_deadline": 50},
        environment={**_configuration(lab, **secretless, **place, deadline=-1), **secret},
    )
    for name in ("license", "variable wins"):
        assert value(run, name) == [served(ids).decode()]
    assert value(run, "offer") == [entry for entry in emulator.offers("US", "ja-JP") if entry["id"] == offer]
    run = evaluate(
        lab,
        {"license": licenses(term(ids))},
        variables={},
        environment={**_configuration(lab, **{**secretless, "tenant_id": "wrong.example"}, **place), **secret}
        | {"AZURE_TENANT": emulator.tenant_id},
    )
    assert value(run, "license") == [served(ids).decode()]
    run = evaluate(
        lab,
        {"license": licenses(term(ids))},
        variables={},
        environment={**_configuration(lab, **secretless, **place, timeout="soon"), **secret},
    )
    assert "timeout" in error(run, "license")


def test_no_secret_comes_from_the_configuration(lab: Lab) -> None:
    """ansible.cfg is shared and committed: a secret in it is as if it were not there."""
    emulator, ids = lab.emulator, lab.emulator.product(0).request()
    identity = {**_identity(lab), "base_url": emulator.store, "ca_path": emulator.ca_path}
    del identity["client_secret"]
    secrets = {
        "client_secret": emulator.client_secret,
        "access_token": emulator.access_tokens["store"],
        "refresh_token": emulator.public_refresh_token,
    }
    lab.environment = {}
    run = evaluate(
        lab, {"license": licenses(term(ids))}, variables={}, environment=_configuration(lab, **identity, **secrets)
    )
    assert "no credential is set" in error(run, "license")
    run = evaluate(
        lab,
        {"license": licenses(term(ids))},
        variables={},
        environment={
            **_configuration(
                lab,
                **identity,
                client_certificate_path=emulator.pfx_path,
                client_certificate_password=emulator.certificate_password,
            ),
        },
    )
    assert "client_certificate_password" in error(run, "license")
    assert run.requests == []


def test_variables(new_lab: NewLab, served: Served) -> None:
    """Every option but terms has a variable; values are rendered, however deep they are, and differ by host."""
    lab = new_lab(linux=2)
    emulator, ids = lab.emulator, lab.emulator.product(0).request()
    offer = emulator.offer_ids(1)[0]
    lab.environment = {"AZURE_TENANT_ID": "wrong.example", "AZURE_CLIENT_SECRET": "wrong"}
    nested = {
        "msdevices_tenant_id": "{{ tenant }}",
        "tenant": "{{ company.tenants[0] }}",
        "company": {"tenants": [f"{{{{ ['', '{emulator.tenant_id}'] | max }}}}"]},
        "msdevices_client_id": "{{ apps[inventory_hostname] | default(apps.linux1) }}",
        "apps": {"linux1": f"{{{{ '{emulator.client_id}' }}}}"},
        "msdevices_client_secret": "{{ lookup('ansible.builtin.env', 'OTHER_SECRET') }}",
        "msdevices_authority": "https://{{ authority_host }}",
        "authority_host": emulator.entra[8:],
        "msdevices_base_url": "{{ service_root if inventory_hostname == 'linux1' else 'https://' ~ nowhere }}",
        "nowhere": "stranger.invalid",
        "service_root": emulator.store,
        "msdevices_ca_path": "{{ directory }}/{{ file }}",
        "directory": str(Path(emulator.ca_path).parent),
        "file": Path(emulator.ca_path).name,
        "msdevices_timeout": "{{ 2 * 5 }}",
        "msdevices_max_retries": "{{ retries }}",
        "retries": "0",
        "msdevices_run_cache": "{{ 'yes' | bool }}",
        "msdevices_country": "{{ market.country }}",
        "msdevices_locale": "{{ market.locale }}",
        "market": {"country": "US", "locale": "{{ 'ja' }}-JP"},
    }
    run = evaluate(
        lab,
        {
            "license": licenses(term(ids)),
            "offer": f"{{{{ query('msdevices.provisioning.partner_offer', '{offer}', base_url=other_root) }}}}",
        },
        variables={**nested, "other_root": emulator.partner_public},
        environment={"OTHER_SECRET": emulator.client_secret},
    )
    assert value(run, "license") == [served(ids).decode()]
    for host in lab.linux:
        assert value(run, "offer", host) == [entry for entry in emulator.offers("US", "ja-JP") if entry["id"] == offer]
    assert "stranger.invalid" in error(run, "license", "linux2")


def test_vaulted_variable(lab: Lab, served: Served) -> None:
    """A vaulted variable signs in, by itself, within a template, as an argument, and from a vaulted file."""
    emulator, ids = lab.emulator, lab.emulator.product(0).request()
    vaulted, argument = _vaulted(lab, emulator.client_secret)
    path = lab.directory / "vaulted.yml"
    identity = {f"msdevices_{name}": text for name, text in _identity(lab).items() if name != "client_secret"}
    lab.environment = {}
    templates = {"license": licenses(term(ids)), "fresh": licenses(term(ids), run_cache=False)}
    for name, more in (
        ("msdevices_client_secret", {}),
        ("vault_secret", {"msdevices_client_secret": "{{ vault_secret }}"}),
        ("vault_secret", {"msdevices_client_secret": "{{ between }}", "between": "{{ vault_secret | trim }}"}),
    ):
        path.write_text(f"{name}: {vaulted}\n" + yaml.dump({**store(emulator), **identity, **more}), encoding="utf-8")
        run = evaluate(lab, templates, f"-e@{path}", argument, variables={})
        for task_name in templates:
            assert value(run, task_name) == [served(ids).decode()]
        assert emulator.client_secret not in run.output
    path.write_text(f"vault_secret: {vaulted}\n" + yaml.dump({**store(emulator), **identity}), encoding="utf-8")
    by_argument = licenses(term(ids)).replace(") }}", ", client_secret=vault_secret) }}")
    run = evaluate(lab, {"argument": by_argument}, f"-e@{path}", argument, variables={})
    assert value(run, "argument") == [served(ids).decode()]

    whole = lab.directory / "whole.yml"
    secret = {"msdevices_client_secret": emulator.client_secret}
    whole.write_text(yaml.dump({**store(emulator), **identity, **secret}), encoding="utf-8")
    subprocess.run(
        [Path(sys.executable).with_name("ansible-vault"), "encrypt", argument, str(whole)],
        check=True,
        capture_output=True,
        env={"HOME": str(lab.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    assert whole.read_bytes().startswith(b"$ANSIBLE_VAULT")
    run = evaluate(lab, {"file": licenses(term(ids))}, f"-e@{whole}", argument, variables={})
    assert value(run, "file") == [served(ids).decode()]


def test_untrusted_values_are_no_templates(lab: Lab) -> None:
    """What a host reports is data: as the value of an option it is not rendered."""
    marker = lab.directory / "marker"
    attack = f"{{{{ lookup('ansible.builtin.pipe', 'touch {marker}') }}}}"
    reported = {"ansible.builtin.command": {"argv": ["echo", attack]}, "name": "report", "register": "report"}
    ids = lab.emulator.product(0).request()
    raw = "{% raw %}" + attack + "{% endraw %}"
    reported["ansible.builtin.command"]["argv"][1] = raw
    run = evaluate(
        lab,
        [
            reported,
            task("as argument", licenses(term(ids)).replace(") }}", ", tenant_id=report.stdout) }}")),
            task("as variable", licenses(term(ids)), vars={"msdevices_tenant_id": "{{ report.stdout }}"}),
        ],
    )
    for name in ("as argument", "as variable"):
        assert "tenant_id is neither a GUID nor a domain name" in error(run, name)
    assert not marker.exists()


def test_unknown_market_of_a_variable(lab: Lab) -> None:
    """An option that is wrong is named, wherever it came from."""
    offer = lab.emulator.offer_ids(1)[0]
    template = f"{{{{ query('msdevices.provisioning.partner_offer', '{offer}') }}}}"
    run = evaluate(
        lab,
        [
            task("none", template),
            task("wrong", template, vars={"msdevices_country": "{{ 'United' }} States"}),
            task("right", template, vars={"msdevices_country": "us"}),
        ],
        variables=partner(lab.emulator),
    )
    assert "country" in error(run, "none")
    assert "country is 'United States'" in error(run, "wrong")
    assert value(run, "right")[0]["id"] == offer
