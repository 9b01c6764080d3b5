# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookups show no secret, and a run that has ended leaves no token and no license, however it ended."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from emulator.client import Emulator

from .conftest import Figure, NewLab, Served
from .harness import ROOT, Lab
from .lookups import licenses, offers, store, task, term

_JWT = re.compile(rb"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
_SECONDS = 60


def _marks(document: bytes) -> dict[str, bytes]:
    """What tells a license, as text or in base64, wherever it is."""
    start = document.index(b"<SPLicenseBlock>") + 16
    marks = {"license": document[start : start + 64]}
    for offset in range(3):
        marks[f"license blob {offset}"] = base64.b64encode(document[300 + offset : 360 + offset])[4:-4]
    return marks


def _secrets(emulator: Emulator) -> dict[str, bytes]:
    return {
        "client secret": emulator.client_secret.encode(),
        "certificate password": emulator.certificate_password.encode(),
        "refresh token": emulator.public_refresh_token.encode(),
        "access token": emulator.access_tokens["store"].encode(),
    }


def _findings(marks: dict[str, bytes], where: str, data: bytes) -> list[str]:
    found = [f"{name} in {where}" for name, mark in marks.items() if mark in data]
    return found + [f"a token in {where}: {match[:20]!r}..." for match in _JWT.findall(data)[:1]]


def _files(*places: Path) -> list[Path]:
    return [path for place in places for path in place.rglob("*") if path.is_file()]


def test_nothing_shows(lab: Lab, served: Served) -> None:
    """At -vvvvvv, in results that no_log covers, in failures of every kind, and in the log."""
    emulator = lab.emulator
    ids = emulator.licenses(3)
    marks = {**_secrets(emulator), **_marks(served(ids[0]))}
    identity = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id}
    values = {
        "app_secret": emulator.client_secret,
        "certificate_password": emulator.certificate_password,
        "refreshing": emulator.public_refresh_token,
        "ready_token": emulator.access_tokens["store"],
        "wrong_secret": "wrong~secret-that-nobody-may-see",
    }
    marks["wrong secret"] = values["wrong_secret"].encode()
    vault = lab.directory / "values.yml"
    vault.write_text(yaml.dump({**values, "license_blob": base64.b64encode(served(ids[0])).decode()}), encoding="utf-8")
    lab.environment = {"AZURE_AUTHORITY_HOST": emulator.entra}
    emulator.fault(
        listener="store",
        action="status",
        status=400,
        body={"code": "BadRequest", "message": f"Bearer {values['ready_token']}"},
        path_regex=ids[1]["product_id"],
    )
    emulator.fault(
        listener="store",
        action="status",
        status=409,
        body={"code": "Refused", "message": f"{emulator.client_secret} is not known"},
        path_regex=ids[2]["product_id"],
    )

    def by(template: str, **variables: str) -> str:
        """Add options that are variables."""
        options = "".join(f", {name}={variable}" for name, variable in variables.items())
        return template.replace(") }}", f"{options}) }}}}")

    secret = {"client_secret": "app_secret"}
    hidden = {
        "secret": by(licenses(term(ids[0]), **identity), **secret),
        "base64": by(licenses(term(ids[0]), format="base64", **identity), **secret),
        "certificate": by(
            licenses(term(ids[0]), client_certificate_path=emulator.pfx_path, **identity),
            client_certificate_password="certificate_password",
        ),
        "refresh token": by(
            licenses(term(ids[0]), **{**identity, "client_id": emulator.public_client_id}), refresh_token="refreshing"
        ),
        "access token": by(licenses(term(ids[0])), access_token="ready_token"),
        "offer": by(offers(emulator.offer_ids(1)[0], base_url=emulator.partner_public, **identity), **secret),
    }
    failing = {
        "wrong secret": by(licenses(term(ids[1]), **identity), client_secret="wrong_secret"),
        "several": by(licenses(term(ids[1]), **identity), access_token="ready_token", **secret),
        "worthless": by(licenses(term(ids[1])), access_token="wrong_secret"),
        "repeated token": by(licenses(term(ids[1])), access_token="ready_token"),
        "repeated secret": by(licenses(term(ids[2]), **identity), **secret),
        "wrong license": by(licenses(term(emulator.special("wrong_license").request()), **identity), **secret),
        "no license": by(licenses(term(emulator.special("not_xml").request()), **identity), **secret),
        "wrong term": by(licenses("9WZDNCRFJ3PS", **identity), **secret),
        "offer": by(offers("gone", base_url=emulator.partner_public, **identity), **secret),
        "line break": by(licenses(term(ids[1]), **identity), client_secret="(app_secret ~ '\n')"),
    }
    tasks = [task(f"hidden {name}", template, no_log=True) for name, template in hidden.items()]
    tasks += [task(f"failing {name}", template) for name, template in failing.items()]
    tasks.append(
        {
            "name": "template",
            "ansible.builtin.copy": {"content": hidden["secret"], "dest": "{{ stage }}/license", "mode": "0600"},
            "diff": False,
            "no_log": True,
        }
    )
    run = lab.run(tasks, "-vvvvvv", "--diff", "-e", f"@{vault}", vars=store(emulator))
    assert run.status == 0, run.output
    for name in hidden:
        hidden_result = run.ok("linux1", f"hidden {name}")
        assert "censored" in hidden_result
        assert "ansible_facts" not in hidden_result
    for name in failing:
        assert run.error("linux1", f"failing {name}")
    found = _findings(marks, "output", run.output.encode()) + _findings(marks, "the log", lab.log.encode())
    found += _findings(marks, "results", json.dumps(list(run.results.values())).encode())
    assert found == []
    assert len(run.output) > 10_000
    assert _files(lab.home / ".ansible" / "tmp", lab.temporary) == []


def _wait_for_requests(lab: Lab, process: subprocess.Popen[str], count: int) -> None:
    end = time.monotonic() + _SECONDS
    while lab.emulator.count("store", "OfflineLicense") < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def _end(lab: Lab, process: subprocess.Popen[str]) -> None:
    """Wait until the last process of a run has ended."""
    process.communicate(timeout=_SECONDS)
    mark = f"MSDEVICES_TEST_JOURNAL={lab.directory}".encode()
    end = time.monotonic() + _SECONDS
    while any(mark in _environment(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        assert time.monotonic() < end, "a process of the run does not end"
        time.sleep(0.05)


def _environment(entry: Path) -> bytes:
    try:
        return (entry / "environ").read_bytes()
    except OSError:
        return b""


def _readable(paths: list[Path], hash_seed: str | None) -> list[str]:
    """Which files of the run cache another process can read, which may even have the same seed for Python's hashes."""
    program = (
        "import sys\n"
        "from ansible.plugins.loader import init_plugin_loader\n"
        "init_plugin_loader()\n"
        "from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache import run_cache as _run_cache\n"
        "print(*(path for path in sys.argv[1:] if _run_cache._read(path) is not None), sep='\\n')\n"
    )
    environment = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"), "PATH": os.environ["PATH"]}
    if hash_seed is not None:
        environment["PYTHONHASHSEED"] = hash_seed
    command = [sys.executable, "-c", program, *(str(path) for path in paths)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.split()


@pytest.mark.parametrize(
    ("ending", "hash_seed"),
    [
        ("failed", None),
        pytest.param("SIGTERM", None, marks=pytest.mark.once),
        pytest.param("normal", None, marks=pytest.mark.once),
        pytest.param("SIGINT", None, marks=pytest.mark.once),
        pytest.param("SIGINT to the group", None, marks=pytest.mark.once),
        pytest.param("SIGTERM to the group", None, marks=pytest.mark.once),
        pytest.param("SIGTERM", "0", marks=pytest.mark.once),
    ],
)
def test_nothing_is_left(new_lab: NewLab, served: Served, figure: Figure, ending: str, hash_seed: str | None) -> None:
    """Files of the run cache are for the user alone, and afterwards they are gone, or nobody can read them."""
    lab = new_lab(linux=4)
    emulator = lab.emulator
    wanted = emulator.licenses(6)
    marks = {**_secrets(emulator), **{name: mark for ids in wanted for name, mark in _marks(served(ids)).items()}}
    before = emulator.count("store", "OfflineLicense")
    temporary = lab.directory / "local"
    tasks = [
        task("licenses", licenses(*(term(ids) for ids in wanted[:3]))),
        task("offers", offers(*emulator.offer_ids(2), base_url=emulator.partner_public)),
        {
            "name": "template",
            "ansible.builtin.copy": {
                "content": licenses(term(wanted[0])),
                "dest": "{{ stage }}/license",
                "mode": "0600",
            },
        },
    ]
    if ending == "failed":
        tasks.append(
            {
                "name": "fail",
                "ansible.builtin.fail": {"msg": licenses(term(wanted[3]), function="lookup")},
                "no_log": True,
            }
        )
    elif ending != "normal":
        # Somewhere in there it is interrupted: a slow license, while others are in the cache.
        emulator.fault(listener="store", action="latency", ms=8_000, path_regex=wanted[5]["product_id"])
        tasks.append(task("slow", licenses(*(term(ids) for ids in wanted[3:]))))
    environment = {"ANSIBLE_LOCAL_TEMP": str(temporary), "PYTHONHASHSEED": hash_seed}
    lab.forget()
    process = lab.start([lab.play(tasks, vars=store(emulator))], environment=environment)
    if ending not in ("normal", "failed"):
        _wait_for_requests(lab, process, before + len(wanted))
        # All but the slow one are there.
        time.sleep(0.5)
        cached = [path for path in _files(temporary) if "msdevices" in str(path.relative_to(temporary))]
        assert cached
        assert not [path for path in cached if path.stat().st_mode & 0o077]
        number = signal.SIGINT if "SIGINT" in ending else signal.SIGTERM
        if "group" in ending:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    _end(lab, process)
    assert process.returncode == {"normal": 0, "failed": 2}.get(ending, process.returncode)
    if ending not in ("normal", "failed"):
        assert process.returncode != 0

    left = _files(temporary, lab.temporary, lab.home)
    found = [line for path in left for line in _findings(marks, path.name, path.read_bytes())]
    assert found == []
    assert _readable(left, hash_seed) == []
    figure(f"after a run that ended by {ending}: no token and no license in {len(left)} files of temporary directories")


def test_fork_that_dies(lab: Lab, served: Served) -> None:
    """The end of the run clears up after a worker that was killed, too."""
    ids = lab.emulator.licenses(2)
    lab.environment["ANSIBLE_LOCAL_TEMP"] = str(lab.directory / "local")
    die = "{{ lookup('ansible.builtin.pipe', 'kill -9 $PPID') }}"
    run = lab.run(
        [
            task("first", licenses(term(ids[0]))),
            task("dies", licenses(term(ids[1])).replace("query(", die[3:-3] + " ~ query(")),
        ],
        vars=store(lab.emulator),
    )
    assert run.status != 0
    assert _files(lab.directory / "local") == []
