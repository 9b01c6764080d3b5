# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hostile hosts return: a message, no traceback, and nothing that is taken for granted."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from unit.support import CONTENT_ID, PRODUCT_ID, License

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import StagingError
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import requests_from
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.licenses import LicenseStager
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.report import build_result
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts import windows
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.posix import PosixDelivery

GIVEN = requests_from([License().item()])
OPEN = requests_from([{"product_id": PRODUCT_ID}], content_id_optional=True)
GOOD = build_result(GIVEN[0], "unchanged", "/srv/a.xml", None)


def deliver(result: dict[str, Any], requests: Any = None) -> Any:
    """Let a host return this, for one license unless others are requested."""
    requests = GIVEN if requests is None else requests
    task = SimpleNamespace(args={"dest": "/srv"})
    action = SimpleNamespace(_task=task, _execute_module=lambda **_arguments: result)
    return PosixDelivery(action, {"format": "xml"}, {}).stage(requests)


def named(*content_ids: Any) -> dict[str, Any]:
    return {"licenses": [{**GOOD, "content_id": content_id} for content_id in content_ids]}


@pytest.mark.parametrize(
    "licenses",
    [
        [],
        [GOOD, GOOD],
        "text",
        None,
        {"0": GOOD},
        [None],
        ["text"],
        [[]],
        [{}],
        *([{**GOOD, "index": index}] for index in (-1, 1, "0", None, True, 0.0, [])),
        *([{**GOOD, "state": state}] for state in ("verified", None, [], {})),
        *([{**GOOD, "reason": reason}] for reason in ("because", [], 1)),
        *([{**GOOD, "path": path}] for path in (1, [], "x" * 5000)),
        *([{**GOOD, "size": size}] for size in ("1", [], 1.5)),
        [{**GOOD, "content_id": str(uuid.UUID(int=7))}],
        [{name: value for name, value in GOOD.items() if name != "state"}],
    ],
)
def test_results_that_the_module_never_returns(licenses: Any) -> None:
    with pytest.raises(StagingError, match="the host returned what the module never does"):
        deliver({"changed": False, "licenses": licenses})


@pytest.mark.parametrize(
    "content_ids", [["../../../x"], ["x" * 5000], [5], [str(uuid.UUID(int=number)) for number in range(2000)]]
)
def test_content_ids_that_no_catalog_has(content_ids: list[Any]) -> None:
    with pytest.raises(StagingError, match="the host returned what the module never does") as caught:
        deliver(named(*content_ids), OPEN)
    assert len(str(caught.value)) < 500


def test_what_is_taken_over_is_what_was_requested() -> None:
    """Ids are those of the request, and nothing that a host adds comes along."""
    hostile = {**GOOD, "product_id": "9WZDNCRFHVFW", "catalog_query": "x", "ansible_facts": {"a": 1}, "document": "x"}
    report = deliver({"licenses": [hostile], "changed": "{{ x }}", "warnings": ["a\nb" * 1000], "ansible_facts": {}})
    assert report.licenses == [GOOD]
    assert report.changed is False
    assert len(report.warnings[0]) == 1000
    (found,) = deliver(named(CONTENT_ID), OPEN).licenses
    assert (found["product_id"], found["content_id"]) == (PRODUCT_ID, CONTENT_ID)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"msg": "Could not stage licenses in /srv: x. Do y."}, "Could not stage licenses in /srv: x. Do y."),
        ({"msg": "odd"}, "Could not stage licenses in /srv: odd."),
        ({"module_stderr": "a\nSyntaxError: b\n"}, "the module did not report, and its last line was: SyntaxError: b"),
        ({}, "Check the Python of the host"),
    ],
)
def test_a_failure_is_named_once(result: dict[str, Any], text: str) -> None:
    with pytest.raises(StagingError) as caught:
        deliver({"failed": True, **result})
    assert text in str(caught.value)
    assert str(caught.value).count("Could not stage") == 1


def _found(**changes: Any) -> dict[str, Any]:
    file = {"path": rf"C:\stage\{License().name}", "size": 3, "checksum": "0" * 64, "isdir": False, "islnk": False}
    return {"examined": 1, "files": [{**file, **changes}]}


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ({"win_find": {"examined": 1, "files": ["text"]}}, "returned no list of files"),
        ({"win_find": _found(path=7)}, "returned no list of files"),
        ({"win_find": {"files": "text", "examined": "x"}, "slurp": {}}, None),
        ({"win_find": _found(size="x", checksum=["y"])}, None),
        ({"win_find": _found(), "slurp": {"content": ["x"]}}, "returned no base64 text"),
        ({"win_find": _found(), "slurp": {"content": base64.b64encode(b"x" * 3_000_000).decode()}}, "more than"),
        ({"win_find": {"failed": True, "msg": {"odd": "x" * 9000}}}, "win_find failed"),
    ],
)
def test_windows_modules_that_return_nonsense(
    answers: dict[str, Any], text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_action: Any, name: str, *_others: Any, **_more: Any) -> Any:
        return answers.get(name.rpartition(".")[2], {})

    monkeypatch.setattr(windows, "run_nested", run)
    task = SimpleNamespace(args={"dest": r"C:\stage"}, check_mode=True)
    stage: Callable[[], Any] = lambda: LicenseStager(  # noqa: E731
        windows.WindowsDirectory(SimpleNamespace(_task=task), r"C:\stage", {}), "xml", False, True, 10
    ).stage(GIVEN)
    if text is None:
        assert [result["state"] for result in stage().licenses] == ["failed"]
        return
    with pytest.raises(StagingError, match=text) as caught:
        stage()
    assert len(json.dumps(str(caught.value))) < 2000
