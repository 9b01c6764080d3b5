# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work out what expressions in Python sources can say, without running them.

Names are followed to what is assigned to them, parameters to the calls that pass them, and calls to what they return.
What varies from case to case, such as an id, is shown as one character.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

VARIES = "…"
# Beyond that, what is put into a sentence is data, not wording.
_MOST_WORDINGS = 12
_DEEPEST = 48
LEAST_LETTERS = 5
"""With fewer letters of ours, a text is data and not a message."""
# Fields whose texts end up in messages.
_FIELDS = {"gave_up"}
# What only shapes a text.
_SHAPING = {"str", "printable", "strip", "rstrip", "lstrip", "lower"}


@dataclass
class Function:
    """A function or method of the sources, and the file that it is in."""

    node: ast.FunctionDef
    path: Path


Scope = Function | Path
Kinds = dict[str, int]


@dataclass
class Sources:
    """The parsed plugins, with an index of what a message can depend on."""

    functions: dict[str, list[Function]] = field(default_factory=dict)
    constants: dict[tuple[Path, str], ast.expr] = field(default_factory=dict)
    calls: dict[str, list[tuple[ast.Call, Scope]]] = field(default_factory=dict)
    warnings: list[tuple[ast.expr, Scope]] = field(default_factory=list)
    """Lists of warnings that are made at once."""
    fields: dict[str, list[tuple[ast.expr, Scope]]] = field(default_factory=dict)
    """What is passed by name anywhere."""
    kinds: Kinds = field(default_factory=dict)
    """Errors by name, with the position of the cause among their arguments."""

    @classmethod
    def of(cls, directory: Path) -> Sources:
        """Read all Python files below a directory."""
        found = cls()
        for path in sorted(directory.rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found._index(tree, path, path)
        return found

    def named(self, name: str, scope: Scope) -> list[Function]:
        """The functions of this name: those of the same file, else all."""
        found = self.functions.get(name, [])
        return [function for function in found if function.path == path_of(scope)] or found

    def _index(self, node: ast.AST, scope: Scope, path: Path) -> None:
        for child in ast.iter_child_nodes(node):
            inner = scope
            if isinstance(child, ast.FunctionDef):
                inner = Function(child, path)
                self.functions.setdefault(child.name, []).append(inner)
            elif isinstance(child, ast.ClassDef):
                self._index_class(child)
            elif isinstance(child, ast.Assign) and isinstance(scope, Path):
                for target in child.targets:
                    if isinstance(target, ast.Name):
                        self.constants[path, target.id] = child.value
            elif isinstance(child, ast.AnnAssign) and isinstance(scope, Path) and child.value is not None:
                self.constants[path, ast.unparse(child.target)] = child.value
            if isinstance(child, ast.Assign) and ast.unparse(child.targets[0]).endswith("._warnings"):
                self.warnings.append((child.value, scope))
            if isinstance(child, ast.Call):
                self.calls.setdefault(called(child), []).append((child, scope))
                for keyword in child.keywords:
                    if keyword.arg:
                        self.fields.setdefault(keyword.arg, []).append((keyword.value, scope))
            self._index(child, inner, path)

    def _index_class(self, node: ast.ClassDef) -> None:
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
        if node.name == "ProvisioningError" or bases & self.kinds.keys():
            self.kinds[node.name] = 1
        elif node.name == "StepFailed":
            self.kinds[node.name] = 0


def path_of(scope: Scope) -> Path:
    """The file of a scope."""
    return scope.path if isinstance(scope, Function) else scope


def called(call: ast.Call) -> str:
    """The bare name of what is called."""
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions within it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)


def letters(text: str) -> int:
    """How many letters of a text are ours."""
    return sum(char.isalpha() for char in text)


class Wordings:
    """Works out what expressions can say."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._under_way: set[tuple[int, int | None]] = set()
        self._found: dict[tuple[int, int | None], set[str]] = {}

    def of(self, node: ast.expr | None, scope: Scope, item: int | None = None) -> set[str]:
        """The wordings of an expression, or of one item of a tuple that it is; what varies is VARIES."""
        key = (id(node), item)
        if key in self._found:
            return self._found[key]
        if node is None or key in self._under_way or len(self._under_way) > _DEEPEST:
            return {VARIES}
        self._under_way.add(key)
        try:
            self._found[key] = {
                re.sub(f"{VARIES}(?: ?{VARIES})+", VARIES, text) for text in self._of(node, scope, item)
            }
            return self._found[key]
        finally:
            self._under_way.discard(key)

    def _of(self, node: ast.expr, scope: Scope, item: int | None) -> set[str]:
        if item is not None:
            return self._item_of(node, scope, item)
        if isinstance(node, ast.Constant):
            return {node.value} if isinstance(node.value, str) else {VARIES}
        if isinstance(node, ast.JoinedStr):
            return self._of_formatted(node, scope)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return {one + two for one in self.of(node.left, scope) for two in self.of(node.right, scope)}
        if isinstance(node, ast.IfExp):
            return self.of(node.body, scope) | self.of(node.orelse, scope)
        if isinstance(node, ast.BoolOp):
            return set().union(*(self.of(value, scope) for value in node.values))
        if isinstance(node, ast.Subscript):
            return self.of(node.value, scope)
        if isinstance(node, ast.Name):
            return self._of_name(node.id, scope, None)
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            return self.of(node.elt, scope)
        if isinstance(node, ast.Dict):
            return set().union(*(self.of(value, scope) for value in node.values))
        if isinstance(node, (ast.List, ast.Tuple)):
            return set().union(*(self.of(element, scope) for element in node.elts)) or {""}
        if isinstance(node, ast.Call):
            return self._of_call(node, scope, None)
        if isinstance(node, ast.Attribute) and node.attr in _FIELDS:
            # What an object was made with.
            return set().union(
                *(self.of(value, where) for value, where in self._sources.fields.get(node.attr, []))
            ) or {VARIES}
        return {VARIES}

    def _of_formatted(self, node: ast.JoinedStr, scope: Scope) -> set[str]:
        parts = []
        for value in node.values:
            if not isinstance(value, ast.FormattedValue):
                parts.append(self.of(value, scope))
                continue
            found = self.of(value.value, scope)
            wording = all(VARIES not in text or letters(text) >= LEAST_LETTERS for text in found)
            parts.append(found if wording and len(found) <= _MOST_WORDINGS else {VARIES})
        if math.prod(len(found) for found in parts) > _MOST_WORDINGS**2:
            parts = [found if len(found) == 1 else {VARIES} for found in parts]
        texts = {"".join(choice) for choice in itertools.product(*parts)}
        return texts if any(letters(text) >= LEAST_LETTERS for text in texts) else self._of_glue(node, scope)

    def _of_glue(self, node: ast.JoinedStr, scope: Scope) -> set[str]:
        """The wordings of a text that only puts others together: those of each part. What is in parentheses is data."""
        found: set[str] = set()
        for position, value in enumerate(node.values):
            before = node.values[position - 1] if position else None
            aside = isinstance(before, ast.Constant) and str(before.value).endswith("(")
            if isinstance(value, ast.FormattedValue) and not aside:
                for text in self.of(value.value, scope):
                    rest = [str(one.value) if isinstance(one, ast.Constant) else VARIES for one in node.values]
                    found.add("".join((*rest[:position], text, *rest[position + 1 :])))
        return found

    def _item_of(self, node: ast.expr, scope: Scope, item: int) -> set[str]:
        if isinstance(node, ast.Tuple):
            return self.of(node.elts[item], scope) if item < len(node.elts) else {VARIES}
        if isinstance(node, ast.IfExp):
            return self.of(node.body, scope, item) | self.of(node.orelse, scope, item)
        if isinstance(node, ast.BoolOp):
            return set().union(*(self.of(value, scope, item) for value in node.values))
        if isinstance(node, ast.Name):
            return self._of_name(node.id, scope, item)
        if isinstance(node, ast.Dict):
            return set().union(*(self.of(value, scope, item) for value in node.values))
        if isinstance(node, ast.Call):
            return self._of_call(node, scope, item)
        return {VARIES}

    def _of_name(self, name: str, scope: Scope, item: int | None) -> set[str]:
        if isinstance(scope, Function):
            found = self._assigned(name, scope, item)
            arguments = scope.node.args
            names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
            if name in names:
                found |= self._passed(scope, name, names.index(name), item)
            if found:
                return found
        path = path_of(scope)
        constant = self._sources.constants.get((path, name))
        return self.of(constant, path, item) if constant is not None else {VARIES}

    def _assigned(self, name: str, scope: Function, item: int | None) -> set[str]:
        found: set[str] = set()
        for node in own_nodes(scope.node):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            value = getattr(node, "value", None)
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and value is not None:
                for target in targets:
                    if isinstance(target, ast.Name) and target.id == name:
                        found |= self.of(value, scope, item)
                    elif isinstance(target, ast.Tuple):
                        for position, element in enumerate(target.elts):
                            if isinstance(element, ast.Name) and element.id == name:
                                found |= self.of(value, scope, position)
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                # More of a list; of a text, something that is hung on.
                found |= self.of(node.value, scope) if isinstance(node.value, (ast.Call, ast.List)) else set()
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == f"{name}.append":
                found |= self.of(node.args[0], scope)
        return found

    def _passed(self, function: Function, name: str, position: int, item: int | None) -> set[str]:
        """What callers pass for a parameter. Of methods, the first parameter is not among the arguments."""
        own = function.node.name
        callers = self._sources.calls.get(own, []) if own != "__init__" else []
        if own.startswith("_"):
            callers = [(call, scope) for call, scope in callers if path_of(scope) == function.path]
        method = function.node.args.args[:1] and function.node.args.args[0].arg in ("self", "cls")
        found: set[str] = set()
        for call, scope in callers:
            named = [keyword.value for keyword in call.keywords if keyword.arg == name]
            place = position - (1 if method else 0)
            if named:
                found |= self.of(named[0], scope, item)
            elif 0 <= place < len(call.args) and not any(
                isinstance(one, ast.Starred) for one in call.args[: place + 1]
            ):
                found |= self.of(call.args[place], scope, item)
        return found

    def _of_call(self, node: ast.Call, scope: Scope, item: int | None) -> set[str]:
        name = called(node)
        if isinstance(node.func, ast.Attribute) and name == "join" and node.args:
            return self.of(node.args[0], scope)
        if name == "get" and isinstance(node.func, ast.Attribute):
            table = self.of(node.func.value, scope, item) if item is not None else {VARIES}
            return table.union(*(self.of(default, scope, item) for default in node.args[1:]))
        if name in _SHAPING:
            inner = node.args[0] if node.args and isinstance(node.func, ast.Name) else None
            if inner is None and isinstance(node.func, ast.Attribute):
                inner = node.func.value
            return self.of(inner, scope, item)
        found: set[str] = set()
        for function in self._sources.named(name, scope):
            returned = [one.value for one in own_nodes(function.node) if isinstance(one, ast.Return)]
            for value in returned:
                if value is not None and ast.unparse(value) != "None":
                    found |= self.of(value, function, item)
        return found or {VARIES}
