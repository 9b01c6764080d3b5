# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Windows path names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from windows_standin.filesystem import HOME, VARIABLES
from windows_standin.paths import BadWindowsPath, check_name, expand, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"C:\stage\x", r"C:\stage\x"),
        ("c:/stage//x/", r"C:\stage\x"),
        (r"C:\stage\.\a\..\x", r"C:\stage\x"),
        ("C:\\", "C:\\"),
        ("x.xml", rf"{HOME}\x.xml"),
        (r"\stage", r"C:\stage"),
        (r"\\server\share", "\\\\server\\share\\"),
        (r"\\server\share\a\b", r"\\server\share\a\b"),
        (r"\\?\C:\stage", r"C:\stage"),
        (r"\\?\UNC\server\share\a", r"\\server\share\a"),
        (r"C:\a name\.hidden", r"C:\a name\.hidden"),
    ],
)
def test_parse(text: str, expected: str) -> None:
    assert str(parse(text, HOME)) == expected


@pytest.mark.parametrize(
    "name",
    [
        *("a<b", "a>b", "a:b", 'a"b', "a/b", "a\\b", "a|b", "a?b", "a*b", "a\0b", "a\x1fb", "", "a.", "a ", "...", " "),
        *("CON", "con.xml", "Nul", "NUL.tar.gz", "aux", "prn.txt", "COM1", "lpt9.x", "COM\u00b9", "nul .txt", "CONIN$"),
    ],
)
def test_forbidden_names(name: str) -> None:
    with pytest.raises(BadWindowsPath):
        check_name(name)


@pytest.mark.parametrize("name", ["COM10", "CONS", "nulls.xml", "a.con", ".config", "a..b", " a", "\u00e4\u4e2d.xml"])
def test_allowed_names(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("text", ["", " ", r"\\server", r"\\?\Volume{1}\x", r"C:\a\NUL\b", "C:\\" + "a" * 300])
def test_bad_paths(text: str) -> None:
    with pytest.raises(BadWindowsPath):
        parse(text, HOME)


def test_length_limit() -> None:
    longest = "C:\\" + "a" * 256
    assert len(str(parse(longest, HOME))) == 259
    with pytest.raises(BadWindowsPath, match="too long"):
        parse(longest + "a", HOME)
    with pytest.raises(BadWindowsPath, match="too long"):
        parse("C:\\" + "a" * 250, HOME).child("b" * 10)


def test_expand() -> None:
    assert expand(r"%temp%\%none%\50%", VARIABLES) == rf"{VARIABLES['TEMP']}\%none%\50%"


@given(st.lists(st.text("ab.\u00e4 -_", min_size=1, max_size=6), min_size=1, max_size=5))
def test_parsed_paths_parse_to_themselves(names: list[str]) -> None:
    try:
        path = parse("C:\\" + "\\".join(names), HOME)
    except BadWindowsPath:
        return
    assert parse(str(path), HOME) == path
    assert parse(str(path).upper(), HOME).key == path.key
    for name in path.parts:
        check_name(name)
    if path.parent is not None:
        assert path.is_below(path.parent)
        assert not path.parent.is_below(path)
