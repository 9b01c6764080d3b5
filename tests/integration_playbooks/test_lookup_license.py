# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup ms_offline_license in real plays: its values, to the byte, and what it refuses."""

from __future__ import annotations

import base64
import re

import pytest
from license_services import both_services

from .conftest import Figure, Served
from .harness import Lab
from .lookups import LICENSE, call, error, evaluate, licenses, store, task, term, value


@pytest.mark.smoke
@both_services
def test_values(lab: Lab, served: Served, figure: Figure) -> None:
    """Both functions, one term and several, both forms of terms and values, in the order of the terms."""
    wanted = lab.emulator.licenses(4)
    terms = [term(ids) for ids in wanted]
    documents = [served(ids) for ids in wanted]
    blobs = [base64.b64encode(document).decode() for document in documents]
    short = "{product_id}/{content_id}".format(**wanted[1])
    run = evaluate(
        lab,
        {
            "query of one": licenses(terms[0]),
            "query of several": licenses(*reversed(terms)),
            "lookup of one": licenses(terms[0], function="lookup"),
            "lookup of several": licenses(terms[0], terms[1], function="lookup", format="base64"),
            "lookup as list": licenses(*terms, function="lookup", wantlist=True),
            "lookup of one as list": licenses(terms[3], function="lookup", wantlist=True),
            "base64": licenses(*terms, format="base64"),
            "xml": licenses(*terms, format="xml"),
            "short form": licenses(short, terms[1]),
            "repeated": licenses(terms[2], terms[0], terms[2], format="base64"),
            "other casing": licenses(terms[0].upper(), terms[0].lower()),
            "white space": licenses(terms[0].replace("/", " / ")),
            "none": licenses(),
        },
    )
    texts = [document.decode() for document in documents]
    assert value(run, "query of one") == texts[:1]
    assert value(run, "query of several") == texts[::-1]
    assert value(run, "lookup of one") == texts[0]
    assert value(run, "lookup of several") == f"{blobs[0]},{blobs[1]}"
    assert value(run, "lookup as list") == texts
    assert value(run, "lookup of one as list") == texts[3:]
    assert value(run, "base64") == blobs
    assert value(run, "xml") == texts
    assert value(run, "short form") == [texts[1], texts[1]]
    assert value(run, "repeated") == [blobs[2], blobs[0], blobs[2]]
    assert value(run, "other casing") == [texts[0], texts[0]]
    assert value(run, "white space") == [texts[0]]
    assert value(run, "none") == []
    assert (run.token_requests, run.license_requests) == (1, len(wanted))
    figure(
        f"12 lookups of 4 licenses in one play: {run.token_requests} token request,"
        f" {run.license_requests} license requests"
    )


@pytest.mark.once
def test_files_to_the_byte(lab: Lab, served: Served) -> None:
    """What copy and template write on a host is the license, without a byte more or less, also in a loop."""
    wanted = lab.emulator.licenses(3)
    documents = [served(ids) for ids in wanted]
    terms = [term(ids) for ids in wanted]
    source = lab.directory / "license.j2"
    parts = [call(LICENSE, terms[0], function="lookup"), call(LICENSE, terms[1], function="lookup", format="base64")]
    source.write_text("\n".join(f"{{{{ {part} }}}}" for part in parts), encoding="utf-8")
    run = evaluate(
        lab,
        [
            {
                "name": "copy",
                "ansible.builtin.copy": {
                    "content": licenses(terms[0], function="lookup"),
                    "dest": "{{ stage }}/copied.xml",
                    "mode": "0600",
                },
            },
            {
                "name": "template",
                "ansible.builtin.template": {"src": str(source), "dest": "{{ stage }}/template", "mode": "0600"},
            },
            {
                "name": "loop",
                "ansible.builtin.copy": {
                    "content": "{{ item }}",
                    "dest": "{{ stage }}/{{ number }}.bin",
                    "mode": "0600",
                },
                "loop": licenses(*terms, format="base64"),
                "loop_control": {"index_var": "number", "label": "{{ number }}"},
            },
            {
                "name": "old loop",
                "ansible.builtin.copy": {
                    "content": "{{ item }}",
                    "dest": "{{ stage }}/{{ number }}.xml",
                    "mode": "0600",
                },
                f"with_{LICENSE}": terms,
                "loop_control": {"index_var": "number", "label": "{{ number }}"},
            },
        ],
    )
    assert run.status == 0, run.output
    blobs = [base64.b64encode(document) for document in documents]
    assert lab.files("linux1") == {
        "copied.xml": documents[0],
        "template": documents[0] + b"\n" + blobs[1],
        **{f"{number}.bin": blob for number, blob in enumerate(blobs)},
        **{f"{number}.xml": document for number, document in enumerate(documents)},
    }


@pytest.mark.once
@both_services
def test_services_answers_of_every_kind(lab: Lab, served: Served) -> None:
    """Awkward answers are accepted, to the byte, and what is no license of the term is not."""
    good = [lab.emulator.special(name).request() for name in ("upper_case_ids", "wrapped_blob")]
    bad = {
        name: lab.emulator.special(name).request() for name in ("wrong_license", "doctype", "not_base64", "not_owned")
    }
    run = evaluate(
        lab,
        {
            "good": licenses(*(term(ids) for ids in good)),
            **{name: licenses(term(ids)) for name, ids in bad.items()},
            "several": licenses(term(good[0]), *(term(ids) for ids in bad.values())),
        },
    )
    assert value(run, "good") == [served(ids).decode() for ids in good]
    for name, ids in bad.items():
        assert term(ids) in error(run, name)
    message = error(run, "several")
    assert "Could not get 4 of 5 offline licenses" in message
    assert all(term(ids) in message for ids in bad.values())
    assert term(good[0]) not in message
    for ids in bad.values():
        # No document, and no part of one, is in a message.
        assert "<" not in message
        assert ids["product_id"] in message


@pytest.mark.once
def test_wrong_terms(lab: Lab) -> None:
    """Each is refused before any request, shown, and told what the right form is."""
    good = lab.emulator.product(0).request()
    right = "Write each term as product_id/sku_id/content_id or product_id/content_id, such as"
    product, content = good["product_id"], good["content_id"]
    wrong = {
        "empty": ("", "a part of it is empty"),
        "product alone": (product, "content_id is missing"),
        "four parts": (f"{term(good)}/more", "it has 4 parts"),
        "no product": (f"/0015/{content}", "a part of it is empty"),
        "no content": (f"{product}/0015/", "a part of it is empty"),
        "product id": (f"{product[:5]}/0015/{content}", "not a Store id, which has 12 letters and digits"),
        "sku as number": (f"{product}/13/{content}", 'sku_id: "0015"'),
        "sku": (f"{product}/offline/{content}", "not a SKU id, which has 4 letters and digits"),
        "content id": (f"{product}/0015/{content[:-1]}", "content_id is not a GUID"),
        "path": (f"../../{content}", "not a Store id"),
        "URL": ("https://store.example/9WZDNCRFJ3PS", "a part of it is empty"),
        "family name": ("Contoso.App_8wekyb3d8bbwe", "product_id is not a Store id"),
    }
    tasks = [task(name, licenses(text)) for name, (text, _why) in wrong.items()]
    tasks += [
        task("second", licenses(term(good), "wrong")),
        task("list", licenses([term(good)])),
        task("number", licenses(13)),
        task("dictionary", licenses(dict(good))),
        task("by name", licenses(_terms=[term(good)])),
        # What the module takes, and a word that is nearly right.
        task("of the module", licenses(product_id=good["product_id"], content_id=good["content_id"])),
        task("misspelt", licenses(term(good), clientid="x")),
        task("format", licenses(term(good), format="json")),
        task("service", licenses(term(good), service="store")),
        task("concurrency", licenses(term(good), max_concurrency=0)),
    ]
    run = evaluate(lab, tasks)
    for name, (text, why) in wrong.items():
        message = error(run, name)
        assert repr(text) in message.replace("\\\\", "\\"), message
        assert why in message
        assert right in message
    assert "'wrong' is not a license" in error(run, "second")
    assert right in error(run, "second")
    assert "a list of terms takes a * before it" in error(run, "list")
    assert "not a string" in error(run, "number")
    assert "not a string" in error(run, "dictionary")
    for name, text in (
        ("by name", "unsupported option _terms"),
        ("of the module", "unsupported options content_id, product_id. A term is product_id/content_id"),
        ("misspelt", "unsupported option clientid (did you mean client_id?)"),
    ):
        assert text in error(run, name)
        assert "given without a keyword; see ansible-doc -t lookup msdevices.provisioning." in error(run, name)
    for name, given in (("format", "json"), ("service", "store")):
        # Ansible's own words.
        assert re.search(rf"Invalid value .*\b{given}\b.* for config.*\b{name}\b", error(run, name))
    assert "max_concurrency is 0" in error(run, "concurrency")
    assert "Traceback" not in run.output
    assert (run.requests, run.connections) == ([], 0)


def test_check_mode_and_conditions(lab: Lab, served: Served) -> None:
    """It works in check mode, in conditions and in variables of a play, and is not evaluated where nothing wants it."""
    ids = lab.emulator.product(0).request()
    variables = {
        **store(lab.emulator),
        "document": licenses(term(ids), function="lookup"),
        "unused": licenses(term(lab.emulator.product(1).request())),
    }
    run = evaluate(
        lab,
        [
            task("used", "{{ document }}", when="document is search('<License ')"),
            task("skipped", "{{ unused }}", when=False),
        ],
        "--check",
        variables=variables,
    )
    assert value(run, "used") == served(ids).decode()
    assert run.license_requests == 1
