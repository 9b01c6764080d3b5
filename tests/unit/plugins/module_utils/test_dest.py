# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.msdevices.provisioning.plugins.module_utils._dest import check_dest, dest_problem
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError

# Each path, and on which kinds of hosts it is an absolute one.
PATHS = [
    ("/srv/image/licenses", "posix"),
    ("/", "posix"),
    ("/with blanks/inside", "posix"),
    (r"C:\Images\licenses", "windows"),
    ("C:/Images", "windows"),
    (r"\\server\share\images", "windows"),
    ("C:", ""),
    (r"C:stage", ""),
    (r"\stage", ""),
    (r"~\stage", ""),
    (r"\\.\C:\stage", ""),
    (r"\\?\C:\stage", ""),
    ("licenses", ""),
    ("~/licenses", ""),
    ("$HOME/licenses", ""),
    ("./licenses", ""),
    ("", ""),
    (" /srv", ""),
    ("/srv\n", ""),
    ("C:\temp\new", ""),
    ("/srv/\x7f", ""),
    (None, ""),
]


@pytest.mark.parametrize(("dest", "kind"), PATHS)
def test_by_kind_of_host(dest: object, kind: str) -> None:
    assert (dest_problem(dest, windows=False) == "") == (kind == "posix")
    assert (dest_problem(dest, windows=True) == "") == (kind == "windows")


def test_messages() -> None:
    with pytest.raises(OptionError, match=r"dest C:\\x is a path of Windows, and the host is none; one on this host"):
        check_dest("dest", r"C:\x", windows=False)
    with pytest.raises(OptionError, match=r"dest is empty. Set dest to an absolute path on the managed host"):
        check_dest("dest", "", windows=True)
