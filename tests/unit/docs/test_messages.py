# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What finds the messages misses none, in whatever way sources make them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from tools.messages import messages, messages_of_playbooks

ERRORS = """
class ProvisioningError(Exception): ...
class OptionError(ProvisioningError): ...
class NotFoundError(OptionError): ...
class StepFailed(Exception): ...
"""


def found(directory: Path, source: str) -> set[str]:
    """The messages in a source."""
    (directory / "errors.py").write_text(ERRORS)
    (directory / "source.py").write_text(textwrap.dedent(source))
    return set(messages(directory))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("raise OptionError('a', 'it is plain')", {"it is plain"}),
        ("raise StepFailed('it is plain', 'b')", {"it is plain"}),
        ("raise NotFoundError('a', f'it has {x} parts')", {"it has … parts"}),
        ("raise OptionError('a', 'one cause' if x else 'two causes')", {"one cause", "two causes"}),
        ("raise OptionError('a', x or 'no reason given')", {"no reason given"}),
        ("raise OptionError('could not write', str(exc.strerror))", {"could not write"}),
        ("WHY = 'a constant'\nraise OptionError('a', WHY)", {"a constant"}),
        ("WHY: str = 'a constant'\nraise OptionError('a', WHY)", {"a constant"}),
        ("def f():\n why = 'assigned'\n raise OptionError('a', why)", {"assigned"}),
        ("def f():\n why, what = 'first of two', 'b'\n raise OptionError('a', why)", {"first of two"}),
        ("def f(name):\n raise OptionError('a', f'{name} is wrong')\nf('timeout')", {"timeout is wrong"}),
        ("def f(name):\n raise OptionError('a', f'{name} is wrong')\nf(name='timeout')", {"timeout is wrong"}),
        ("class A:\n def f(self, how):\n  raise OptionError('a', how)\nA().f('by a method')", {"by a method"}),
        ("def g():\n return 'returned'\nraise OptionError('a', g())", {"returned"}),
        ("def g():\n return 'returned', 'b'\ndef f():\n w, r = g()\n raise OptionError('a', w)", {"returned"}),
        ("def g():\n return 'unpacked', 'b'\nraise OptionError('attempted', *g())", {"unpacked"}),
        (
            "T = {1: ('of a table', 'b')}\ndef f():\n w, r = T.get(1, ('not there', 'b'))\n raise OptionError('a', w)",
            {"of a table", "not there"},
        ),
        (
            "def f():\n w = g()\n raise OptionError('a', f'{w} ({x})' if w else x)\ndef g():\n return 'it is denied'",
            {"it is denied (…)"},
        ),
        ("def f():\n p = []\n p.append('item is bad')\n raise OptionError('a', '; '.join(p))", {"item is bad"}),
        ("def f():\n k = NotFoundError if x else OptionError\n return k('a', 'it was chosen')", {"it was chosen"}),
        ("module.warn(f'Ignoring {x}')", {"Ignoring …"}),
        ("module.fail_json(msg='it failed')", {"it failed"}),
        ("staged.warnings.append('Not pruning')", {"Not pruning"}),
        ("class A:\n def f(self):\n  self._warnings = [f'{n} is not used' for n in x]", {"… is not used"}),
        ("result_of(1, 2, 3, 4, 5, f'Could not stage {x}')", {"Could not stage …"}),
        ("result.update(error='Could not stage')", {"Could not stage"}),
        ("def f(x):\n return f(x) + 'endless'\nraise OptionError('attempted', f(1))", {"…endless"}),
        ("raise str(exc)\nmodule.fail_json(msg=str(exc))", set()),
    ],
)
def test_finds(tmp_path: Path, source: str, expected: set[str]) -> None:
    assert found(tmp_path, source) == expected


def test_says_where_nobody_can_tell(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"source\.py:2"):
        found(tmp_path, "\nraise OptionError(x, y)")


def test_of_roles_and_playbooks(tmp_path: Path) -> None:
    role = tmp_path / "roles" / "one"
    for name in ("tasks", "vars"):
        (role / name).mkdir(parents=True)
    (tmp_path / "playbooks").mkdir()
    (role / "vars" / "main.yml").write_text("__problem: 'Could not write: {{ x }}'\n__more: '{{ __problem }}'\n")
    (role / "tasks" / "main.yml").write_text("- block:\n    - assert: {that: x, fail_msg: '{{ __more }}'}\n")
    (tmp_path / "playbooks" / "p.yml").write_text("- tasks:\n    - assert: {fail_msg: 'Set {{ x }}'}\n      name: y\n")
    assert messages_of_playbooks(tmp_path) == {"Could not write: …": {"roles/one/tasks/main.yml"}}
    (tmp_path / "playbooks" / "p.yml").write_text("- tasks:\n    - assert: {fail_msg: 'Set the {{ x }}'}\n")
    assert messages_of_playbooks(tmp_path)["Set the …"] == {"playbooks/p.yml"}
