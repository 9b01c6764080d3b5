# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong on a host. In place of servers, these rows name kinds of hosts.

The lookup has no rows here: it never touches a host. The role meets the faults that it may report otherwise than the
module, which does the work. What is done to a host stands in the module C(host_faults).
"""

from __future__ import annotations

from ..faults import FAILS, HOST, MODULE, PARTLY, STAGING, SURVIVES, Fault

LINUX = "Linux host"
WINDOWS = "Windows host"
_BOTH = (LINUX, WINDOWS)
_ONCE = "the run puts it right, and the next one finds nothing to do"
_REMAIN = "each license is whole or not there, and what was staged stays"


def _survived(
    name: str, title: str, servers: tuple[str, ...] = _BOTH, quick: bool = False, holds: str = _ONCE
) -> Fault:
    callers = STAGING if quick else (MODULE,)
    return Fault(name, HOST, title, SURVIVES, servers=servers, callers=callers, holds=holds, quick=quick)


def _manifest(name: str, title: str, servers: tuple[str, ...] = _BOTH, quick: bool = False) -> Fault:
    holds = "it is not believed and written anew; good files are adopted, nothing is pruned by it"
    return _survived(f"manifest-{name}", f"a manifest {title}", servers, quick, holds)


def _windows(name: str, title: str, holds: str = _ONCE) -> Fault:
    return Fault(name, HOST, title, SURVIVES, servers=(WINDOWS,), callers=STAGING, holds=holds)


HOST_FAULTS: tuple[Fault, ...] = (
    Fault(
        "disk-full",
        HOST,
        "the disk is full",
        FAILS,
        cause={LINUX: "No space left on device", WINDOWS: "not enough space on the disk"},
        remedy="Check free space",
        servers=_BOTH,
        callers=STAGING,
        holds=_REMAIN,
        quick=True,
    ),
    Fault(
        "disk-full-midway",
        HOST,
        "the disk is full after one license",
        PARTLY,
        cause={LINUX: "No space left on device", WINDOWS: "not enough space on the disk"},
        remedy="Check free space",
        servers=_BOTH,
        callers=(MODULE,),
        holds="one license more is in place; each of the others is named",
    ),
    Fault(
        "disk-full-adopting",
        HOST,
        "the disk is full, and there is no manifest",
        FAILS,
        cause="No space left on device",
        remedy="Check free space",
        servers=(LINUX,),
        callers=(MODULE,),
        holds="what could not be staged is named, not the manifest alone",
    ),
    Fault(
        "read-only",
        HOST,
        "dest is read-only, and a file in it has another mode",
        FAILS,
        cause={LINUX: "Read-only file system", WINDOWS: "Access to the path .* is denied"},
        remedy="permissions",
        servers=_BOTH,
        callers=STAGING,
        holds="nothing changes; each license that is missing is named",
        quick=True,
    ),
    _survived("truncated", "a file that was cut, and one that was emptied", quick=True),
    _survived("swapped", "files that hold another license"),
    _survived(
        "linked",
        "files that are symbolic links, to /etc/passwd and to a file that does not exist",
        (LINUX,),
        quick=True,
        holds="the links are replaced by files; where they lead is neither read nor written",
    ),
    Fault(
        "directory",
        HOST,
        "a directory where a file should be",
        PARTLY,
        cause="is not a file that can be read",
        remedy="Remove it",
        servers=_BOTH,
        callers=STAGING,
        holds="the directory stays as it is; the other licenses are staged",
    ),
    Fault(
        "pipe",
        HOST,
        "a pipe where a file should be",
        PARTLY,
        cause="is not a file that can be read",
        remedy="Remove it",
        servers=(LINUX,),
        callers=(MODULE,),
        holds="nobody waits for it; the other licenses are staged",
    ),
    _manifest("garbage", "of random bytes"),
    _manifest("future", "from a future version"),
    _manifest("outside", "that names files outside of dest, with ../ and with absolute paths", quick=True),
    _manifest("deep", "that is nested 100,000 deep"),
    _manifest("huge", "larger than 16 MiB"),
    _manifest("linked", "that is a symbolic link to /etc/passwd", (LINUX,)),
    Fault(
        "manifest-directory",
        HOST,
        "a manifest that is a directory",
        FAILS,
        cause="manifest .* is not a file that can be read",
        remedy="Remove it",
        servers=_BOTH,
        callers=STAGING,
        every_item=False,
        holds="all licenses are staged; then the run fails",
    ),
    Fault(
        "manifest-a-link",
        HOST,
        "a manifest that is a symbolic link",
        FAILS,
        cause="manifest .* is a link",
        remedy="Remove it",
        servers=(WINDOWS,),
        callers=STAGING,
        every_item=False,
        holds="where it leads is neither read nor written; all licenses are staged; then the run fails",
    ),
    _windows("standard-user", "a user who is no administrator, and a subdirectory"),
    _windows("reparse-point", "a file of others that deduplication turned into a reparse point", "nobody looks at it"),
    _windows("protected", "a spoilt license that is read-only and hidden, and a hidden manifest"),
    Fault(
        "file-a-link",
        HOST,
        "a symbolic link in the place of a license",
        PARTLY,
        cause="is a link, which is not followed",
        remedy="Remove it",
        servers=(WINDOWS,),
        callers=STAGING,
        holds="where it leads is neither read nor written; the other licenses are staged",
    ),
    Fault(
        "locked",
        HOST,
        "a license that another program has open",
        PARTLY,
        cause="cannot be read: another program has it open",
        remedy="Close the program",
        servers=(WINDOWS,),
        callers=STAGING,
        holds="the others are staged, and nothing is forgotten or fetched for it",
    ),
    Fault(
        "concealed",
        HOST,
        "dest may not be seen by the user",
        FAILS,
        cause="dest does not exist, or the user may not see it",
        remedy="check its permissions",
        servers=(WINDOWS,),
        callers=STAGING,
        every_item=False,
        holds="nothing is requested for the host",
    ),
    Fault(
        "unlistable",
        HOST,
        "dest may be entered and written, and not listed",
        FAILS,
        cause="may not list them",
        remedy="permission to list",
        servers=(WINDOWS,),
        callers=STAGING,
        every_item=False,
        holds="nothing is requested for the host, and nothing is forgotten",
    ),
    Fault(
        "vanish-before",
        HOST,
        "the host vanishes before the licenses are sent",
        FAILS,
        cause="does not answer|connection was lost",
        servers=_BOTH,
        callers=STAGING,
        apart=True,
        every_item=False,
        holds="what was staged stays; Ansible reports the host as unreachable",
    ),
    Fault(
        "vanish-within",
        HOST,
        "the host vanishes while files are written",
        FAILS,
        cause="the connection was lost",
        servers=(WINDOWS,),
        callers=STAGING,
        apart=True,
        every_item=False,
        holds="a file that is not whole does not count as staged, and is replaced",
    ),
    Fault(
        "vanish-after",
        HOST,
        "the host vanishes before it can say that the licenses are there",
        FAILS,
        cause="does not answer|connection was lost",
        servers=(LINUX,),
        callers=STAGING,
        apart=True,
        every_item=False,
        holds="the licenses are there; Ansible reports the host as unreachable",
    ),
)
