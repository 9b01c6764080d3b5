# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs batch files: variables, labels, calls, conditions, redirections, and the programs that a test provides."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from windows_standin.filesystem import VARIABLES, WindowsFilesystem
from windows_standin.paths import WindowsPath

MAX_LINE = 8191
_SPECIAL = set("&|<>^()!")
_VARIABLE = re.compile(r"%(?:(%)|~([a-z]*)([0-9])|([0-9])|([A-Za-z_][A-Za-z0-9_]*)%)")
_REDIRECTION = re.compile(r'(2>&1|>>|>)\s*("[^"]*"|[^\s"&|<>]+)?')
_LABEL = re.compile(r":([A-Za-z_][A-Za-z0-9_]*)")
_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "EQU": lambda one, other: one == other,
    "NEQ": lambda one, other: one != other,
    "GEQ": lambda one, other: one >= other,
}

Program = Callable[[list[str]], "tuple[int, str]"]


class UnknownStatement(Exception):
    """A statement that the interpreter does not know, or that does not mean what it seems to."""


@dataclass
class _Frame:
    """A batch file, or a subroutine in one, that runs."""

    path: WindowsPath
    lines: list[str]
    arguments: list[str]
    next_line: int = 0
    saved: list[dict[str, str]] = field(default_factory=list)
    is_subroutine: bool = False


class Cmd:
    """Runs batch files on the files of a host.

    `programs` are by name in lower case without suffix; each takes its arguments and returns an exit status, unsigned
    as Windows keeps it, and its output. What is printed and not redirected stands in `output`.
    """

    def __init__(self, files: WindowsFilesystem, programs: Mapping[str, Program]) -> None:
        self._files = files
        self._programs = programs
        self._variables = {name.upper(): value for name, value in VARIABLES.items()}
        self._variables.update(DATE="Sat 11/21/2026", TIME="12:00:00.00", ERRORLEVEL="0")
        self._frames: list[_Frame] = []
        self.output = ""

    def run(self, path: str, *arguments: str) -> int:
        """Run a batch file to its end; return its exit status."""
        self._enter(path, list(arguments))
        return self._loop(0)

    def _loop(self, depth: int) -> int:
        while len(self._frames) > depth:
            frame = self._frames[-1]
            if frame.next_line >= len(frame.lines):
                self._leave(None)
                continue
            line = frame.lines[frame.next_line]
            frame.next_line += 1
            try:
                self._line(line)
            except UnknownStatement as error:
                raise UnknownStatement(f"{frame.path}, line {frame.next_line}: {error}: {line!r}") from None
        return int(self._variables["ERRORLEVEL"])

    def _enter(self, path: str, arguments: list[str]) -> None:
        parsed = self._files.parse(path)
        data = self._files.read(parsed)
        if not data.isascii():
            raise UnknownStatement(f"{path} has bytes that depend on the code page, or a byte-order mark")
        if data.replace(b"\r\n", b"").count(b"\n") or not data.endswith(b"\r\n"):
            raise UnknownStatement(f"{path} has lines that do not end with CRLF")
        lines = data.decode("ascii").split("\r\n")[:-1]
        self._frames.append(_Frame(parsed, lines, [path, *arguments]))

    def _leave(self, status: int | None) -> None:
        frame = self._frames.pop()
        if frame.saved and not frame.is_subroutine:
            level = self._variables["ERRORLEVEL"]
            self._variables = frame.saved[0]
            self._variables["ERRORLEVEL"] = level
        if status is not None:
            self._variables["ERRORLEVEL"] = str(status)

    # Lines

    def _expanded(self, line: str) -> str:
        def value(match: re.Match[str]) -> str:
            percent, modifiers, modified, number, name = match.groups()
            if percent:
                return "%"
            if name is not None:
                return self._variables.get(name.upper(), "")
            arguments = self._frames[-1].arguments
            index = int(number if number is not None else modified)
            argument = arguments[index] if index < len(arguments) else ""
            if number is not None:
                return argument
            if modifiers == "dp" and index == 0:
                return f"{self._frames[-1].path.parent}".rstrip("\\") + "\\"
            if modifiers == "":
                return argument.strip('"')
            raise UnknownStatement(f"the modifiers {modifiers}")

        text = _VARIABLE.sub(value, line)
        if "%" in _VARIABLE.sub("", line):
            raise UnknownStatement("a percent sign that stands alone")
        if len(text) > MAX_LINE:
            raise UnknownStatement(f"a line of {len(text)} characters")
        return text

    def _line(self, line: str) -> None:
        stripped = line.strip().removeprefix("@")
        if not stripped or stripped.startswith(":") or stripped.lower().split()[0] == "rem":
            return
        self._statement(self._expanded(stripped))

    def _statement(self, text: str) -> None:
        text = text.strip().removeprefix("@")
        word = re.split(r"[\s(]", text, maxsplit=1)[0].lower()
        if word == "if":
            self._if(text[2:].strip())
            return
        statement, outputs = self._redirected(text)
        word = statement.split()[0].lower() if statement.strip() else ""
        rest = statement[len(word) :].strip()
        handlers: Mapping[str, Callable[[str], str]] = {
            "echo": self._echo,
            "setlocal": self._setlocal,
            "set": self._set,
            "goto": self._goto,
            "call": self._call,
            "exit": self._exit,
            "mkdir": self._mkdir,
            "del": self._del,
            "rd": self._rd,
        }
        self._print(handlers[word](rest) if word in handlers else self._program(statement), outputs)

    def _redirected(self, text: str) -> tuple[str, list[tuple[str, str]]]:
        """Return a statement without its redirections, and these."""
        outputs: list[tuple[str, str]] = []
        kept = ""
        position = 0
        quoted = False
        while position < len(text):
            character = text[position]
            match = None if quoted else _REDIRECTION.match(text, position)
            if match is not None:
                if kept and kept[-1].isdigit() and match.group(1) != "2>&1":
                    raise UnknownStatement("a digit before a redirection is a handle")
                if match.group(1) != "2>&1":
                    if match.group(2) is None:
                        raise UnknownStatement("a redirection to nothing")
                    outputs.append((match.group(1), match.group(2).strip('"')))
                    position = match.end()
                else:
                    position += len("2>&1")
                continue
            quoted ^= character == '"'
            if character in _SPECIAL and not quoted:
                raise UnknownStatement(f"the character {character} outside quotes")
            kept += character
            position += 1
        if quoted:
            raise UnknownStatement("a quote that is not closed")
        if len(outputs) > 1:
            raise UnknownStatement("two redirections")
        return kept.strip(), outputs

    def _print(self, text: str, outputs: list[tuple[str, str]]) -> None:
        if not outputs:
            self.output += text
            return
        ((kind, target),) = outputs
        if target.lower() == "nul":
            return
        path = self._files.parse(target)
        before = self._files.read(path) if kind == ">>" and self._files.is_file(path) else b""
        self._files.write(path, before + text.encode("ascii"), force=True)

    # Statements

    def _echo(self, rest: str) -> str:
        return "" if rest.lower() == "off" else f"{rest}\r\n"

    def _setlocal(self, rest: str) -> str:
        if rest.lower().split() != ["enableextensions", "disabledelayedexpansion"]:
            raise UnknownStatement("these options of setlocal")
        self._frames[-1].saved.append(dict(self._variables))
        return ""

    def _set(self, rest: str) -> str:
        if rest.startswith("/a "):
            match = re.fullmatch(r"([a-z_]+)(\+?)=(\d+)", rest[3:].strip())
            if match is None:
                raise UnknownStatement("this arithmetic")
            name, adds, number = match.groups()
            before = int(self._variables.get(name.upper(), "0")) if adds else 0
            self._variables[name.upper()] = str(before + int(number))
            return ""
        # Without quotes, a space at the end would belong to the value.
        match = re.fullmatch(r'"([A-Za-z_]+)=(.*)"', rest)
        if match is None:
            raise UnknownStatement("set without quotes")
        self._variables[match.group(1).upper()] = match.group(2)
        if not match.group(2):
            del self._variables[match.group(1).upper()]
        return ""

    def _goto(self, rest: str) -> str:
        frame = self._frames[-1]
        frame.next_line = self._label(frame, rest)
        return ""

    def _label(self, frame: _Frame, target: str) -> int:
        match = _LABEL.fullmatch(target)
        found = [
            number
            for number, line in enumerate(frame.lines)
            if match is not None and line.strip().lower() == f":{match.group(1).lower()}"
        ]
        if len(found) != 1:
            raise UnknownStatement(f"{len(found)} labels {target}")
        return found[0] + 1

    def _call(self, rest: str) -> str:
        words = _words(rest)
        if words[0].startswith(":"):
            frame = self._frames[-1]
            line = self._label(frame, words[0])
            self._frames.append(
                _Frame(frame.path, frame.lines, [words[0], *words[1:]], next_line=line, is_subroutine=True)
            )
        else:
            self._enter(words[0].strip('"'), words[1:])
        return ""

    def _exit(self, rest: str) -> str:
        match = re.fullmatch(r"/b (-?\d+)", rest)
        if match is None:
            raise UnknownStatement("exit without /b and a status ends the whole of cmd.exe")
        self._leave(int(match.group(1)))
        return ""

    def _mkdir(self, rest: str) -> str:
        path = self._files.parse(_one_quoted(rest))
        if self._files.exists(path):
            self._variables["ERRORLEVEL"] = "1"
            return ""
        self._files.make_directory(path)
        return ""

    def _del(self, rest: str) -> str:
        if not rest.startswith("/q "):
            raise UnknownStatement("del without /q may wait for an answer")
        pattern = _one_quoted(rest[3:])
        directory, _separator, name = pattern.rpartition("\\")
        matcher = re.compile(re.escape(name).replace(r"\*", ".*"), re.IGNORECASE)
        for child in list(self._files.children(self._files.parse(directory))):
            if self._files.is_file(child) and matcher.fullmatch(child.name):
                self._files.remove(child)
        return ""

    def _rd(self, rest: str) -> str:
        if not rest.startswith("/s /q "):
            raise UnknownStatement("rd without /s /q may wait for an answer")
        self._files.remove(self._files.parse(_one_quoted(rest[6:])))
        return ""

    def _if(self, rest: str) -> None:
        ignore_case = rest.lower().startswith("/i ")
        rest = rest[3:].strip() if ignore_case else rest
        negated = rest.lower().startswith("not ")
        rest = rest[4:].strip() if negated else rest
        match = re.match(r'exist "([^"]*)" +|defined ([a-z_]+) +|("[^"]*")==("[^"]*") +', rest, re.IGNORECASE)
        comparison = re.match(r"(-?\d+) ([A-Z]{3}) (-?\d+) +", rest)
        if match is not None and match.group(1) is not None:
            truth = self._exists(match.group(1))
        elif match is not None and match.group(2) is not None:
            truth = bool(self._variables.get(match.group(2).upper()))
        elif match is not None:
            one, other = match.group(3), match.group(4)
            truth = one.lower() == other.lower() if ignore_case else one == other
        elif comparison is not None and comparison.group(2) in _COMPARISONS:
            numbers = [int(comparison.group(1)), int(comparison.group(3))]
            if not all(-(2**31) <= number < 2**31 for number in numbers):
                raise UnknownStatement("numbers beyond 32 bits are compared as texts")
            truth = _COMPARISONS[comparison.group(2)](numbers[0], numbers[1])
            match = comparison
        else:
            raise UnknownStatement("this condition")
        if truth != negated:
            self._statement(rest[match.end() :])

    def _exists(self, text: str) -> bool:
        if "*" in text:
            directory, _separator, name = text.rpartition("\\")
            matcher = re.compile(re.escape(name).replace(r"\*", ".*"), re.IGNORECASE)
            path = self._files.parse(directory)
            return self._files.is_dir(path) and any(matcher.fullmatch(one.name) for one in self._files.children(path))
        path = self._files.parse(text.rstrip("\\"))
        return self._files.is_dir(path) if text.endswith("\\") else self._files.exists(path)

    def _program(self, statement: str) -> str:
        words = _words(statement)
        name = words[0].strip('"')
        key = name.rpartition("\\")[2].lower().removesuffix(".exe")
        if key not in self._programs:
            raise UnknownStatement(f"the program {name}")
        status, output = self._programs[key]([word.replace('"', "") for word in words[1:]])
        self._variables["ERRORLEVEL"] = str(status - 2**32 if status >= 2**31 else status)
        return output


def _words(text: str) -> list[str]:
    """Split at spaces outside quotes; quotes stay."""
    words = re.findall(r'(?:"[^"]*"|[^\s"])+', text)
    if not words:
        raise UnknownStatement("an empty statement")
    return words


def _one_quoted(text: str) -> str:
    match = re.fullmatch(r'"([^"]*)"', text.strip())
    if match is None:
        raise UnknownStatement("a path without quotes")
    return match.group(1).rstrip("\\")
