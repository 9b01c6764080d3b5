# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the messages of failures and warnings in the sources of the collection.

Usage: PYTHONPATH=tests python -m tools.messages

lists every message, with what varies shown as one character, and where it comes from. Each place that makes an error of
the collection is found by reading the sources. Where a cause has no words of its own, such as one of the operating
system, what was attempted counts as the message.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from .wordings import LEAST_LETTERS, VARIES, Function, Scope, Sources, Wordings, letters, own_nodes, path_of

ROOT = Path(__file__).resolve().parents[2]
Words = tuple[ast.expr, int | None]
"""An expression, and which item of it when it is a tuple."""
# How a long list of mistakes ends.
_AND_MORE = f"; and {VARIES} more"


def messages(directory: Path = ROOT / "plugins") -> dict[str, set[str]]:
    """The messages of failures and warnings, each with the places (file and line) that it comes from.

    Raises LookupError for a place whose message cannot be told.
    """
    sources = Sources.of(directory)
    wordings = Wordings(sources)
    found: dict[str, set[str]] = {}
    for call, scope, arguments in _places(sources):
        place = f"{path_of(scope).relative_to(directory)}:{call.lineno}"
        told: set[str] = set()
        for argument, item in arguments:
            told = {text for text in wordings.of(argument, scope, item) if letters(text) >= LEAST_LETTERS}
            if told:
                break
        if not told:
            raise LookupError(f"{place}: nobody can tell what this says")
        for text in told:
            text = text.removesuffix(_AND_MORE).strip()
            if letters(text) >= LEAST_LETTERS:
                found.setdefault(text, set()).add(place)
    for argument, scope in _more_places(sources):
        for text in wordings.of(argument, scope):
            if letters(text) >= LEAST_LETTERS:
                found.setdefault(text.strip(), set()).add(f"{path_of(scope).relative_to(directory)}:{argument.lineno}")
    return found


def _places(sources: Sources) -> Iterable[tuple[ast.Call, Scope, list[Words]]]:
    """Each call that makes an error or a warning, with the expressions that have its words, the best one first."""
    for name, calls in sources.calls.items():
        for call, scope in calls:
            if _passes_on(call, scope):
                continue
            if name in sources.kinds:
                yield call, scope, _arguments(call, sources.kinds[name])
            elif _chosen(name, scope, sources.kinds):
                yield call, scope, _arguments(call, 1)
            elif name in ("warn", "warning") or (name == "append" and "warnings.append" in ast.unparse(call.func)):
                yield call, scope, _arguments(call, 0)
            elif name == "fail_json":
                yield call, scope, [(keyword.value, None) for keyword in call.keywords if keyword.arg == "msg"]


def _arguments(call: ast.Call, position: int) -> list[Words]:
    """The argument at a position and then the one before it, also where they are items of one that is unpacked."""
    found: list[Words] = []
    for wanted in dict.fromkeys((position, 0)):
        for place, argument in enumerate(call.args[: wanted + 1]):
            if isinstance(argument, ast.Starred):
                found.append((argument.value, wanted - place))
            elif place == wanted:
                found.append((argument, None))
    return found


def _more_places(sources: Sources) -> Iterable[tuple[ast.expr, Scope]]:
    """Texts that become what a result says of one license, or warnings. Some of them were said by another error."""
    for call, scope in sources.calls.get("LicenseRequest", []):
        yield from ((one, scope) for one in call.args[3:4])
    for name in ("result_of", "update"):
        for call, scope in sources.calls.get(name, []):
            yield from ((one, scope) for one in (call.args[5:6] if name == "result_of" else ()))
            yield from ((keyword.value, scope) for keyword in call.keywords if keyword.arg == "error")
    yield from sources.warnings


def _chosen(name: str, scope: Scope, kinds: dict[str, int]) -> bool:
    """Tell whether a name is one of several kinds of errors, such as C(kind = One if … else Two)."""
    assigned = [
        node.value
        for node in (own_nodes(scope.node) if isinstance(scope, Function) else ())
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]
    ]
    return any(isinstance(value, ast.IfExp) and ast.unparse(value.body) in kinds for value in assigned)


def _passes_on(call: ast.Call, scope: Scope) -> bool:
    """Tell whether all that a call says was said by another error: str(exc), or exc within a larger attempt."""
    text = ast.unparse(call)
    inside = scope.node.name if isinstance(scope, Function) else ""
    return "str(error)" in text or "str(exc)" in text or inside in ("within", "error_from")


def messages_of_playbooks(root: Path = ROOT) -> dict[str, set[str]]:
    """The messages with which roles and playbooks fail, in the same form. Templates vary, but for texts of roles."""
    found: dict[str, set[str]] = {}
    for path in sorted([*root.glob("roles/*/tasks/*.yml"), *root.glob("playbooks/*.yml")]):
        variables = {}
        for beside in path.parent.parent.glob("vars/*.yml"):
            variables.update(yaml.safe_load(beside.read_text(encoding="utf-8")))
        for template in _values(yaml.safe_load(path.read_text(encoding="utf-8")), "fail_msg"):
            for text in _texts_of(template, variables):
                found.setdefault(text, set()).add(str(path.relative_to(root)))
    return found


def _values(node: object, key: str) -> Iterator[str]:
    """All values of a key, however deep."""
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _values(value, key)
    if isinstance(node, dict) and key in node:
        yield str(node[key])


def _texts_of(template: str, variables: dict[str, object]) -> set[str]:
    """What a template says, else what the variables say that it is made of."""
    text = re.sub(r"\s+", " ", re.sub(r"\{\{.*?\}\}", VARIES, template, flags=re.DOTALL)).strip()
    if letters(text) >= LEAST_LETTERS:
        return {text}
    names = re.findall(r"\b__\w+", template)
    inner = [_texts_of(str(variables[name]), {**variables, name: ""}) for name in names if name in variables]
    return set().union(*inner)


def main() -> int:
    """List the messages."""
    for text, places in sorted({**messages(), **messages_of_playbooks()}.items()):
        print(f"{text}    [{', '.join(sorted(places))}]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
