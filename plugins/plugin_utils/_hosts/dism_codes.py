# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""What the codes of DISM mean for apps and images, and what helps.

The names of 15600 to 15700 are those of winerror.h, where DISM prints 0x80073Cxx in decimal, without its facility.
Source: reference facts on DISM.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

REBOOT_REQUIRED = 3010
SAME_OR_NEWER = (0xC1570118, 15622)
"""An equal or a higher version is provisioned."""
NOT_UNMOUNTED = 0xC1420117
NEEDS_REMOUNT = 0xC1510114
_WIN32 = 0x8007


@dataclass(frozen=True)
class ErrorCode:
    """One code: what it means, what helps, and how often the command is run again."""

    code: int
    """As DISM exits with it: a code of Win32 without its facility."""
    meaning: str
    remedy: str
    retry: str = ""
    """`busy`: again, as often as the options say; `once`: once again."""

    @property
    def shown(self) -> str:
        """The code as DISM prints it."""
        return shown_code(self.code)


def normalize_code(code: int) -> int:
    """Return an exit status or a printed code in the form of the table: unsigned, Win32 without its facility."""
    code &= 0xFFFFFFFF
    return code & 0xFFFF if code >> 16 == _WIN32 else code


def shown_code(code: int) -> str:
    """Return a code as DISM prints it: decimal when it is one of Win32, else hexadecimal."""
    return str(code) if code < 0x10000 else f"0x{code:08X}"


_ELEVATE = "Run as an administrator, and with the DISM of the host's own architecture; on trouble, become SYSTEM"
_DISCARD = (
    "If no other run works on it, discard it: dism /Unmount-Image /MountDir:… /Discard, then dism /Cleanup-Mountpoints"
)
TABLE: tuple[ErrorCode, ...] = (
    ErrorCode(2, "a file is missing", "Check the paths of the package and of what it needs"),
    ErrorCode(3, "a path is missing", "Check the paths of the package and of what it needs, and scratch_dir"),
    ErrorCode(5, "access is denied", _ELEVATE),
    ErrorCode(
        11,
        "the file is no image that can be mounted",
        "Export an ESD to a WIM first (dism /Export-Image), or name a WIM",
    ),
    ErrorCode(32, "a file is in use", "Close what uses it, and exclude the folder from the antivirus scan"),
    ErrorCode(
        50,
        "Windows does not support this here: Server Core, Windows PE, an old image or a running system",
        "Use a host with Desktop Experience, and for an image one that is no older than the image",
    ),
    ErrorCode(
        87,
        "DISM does not know an option, or does not take its value",
        "Compare the versions of DISM and of the image: regions take Windows 10 1803, stub Windows 10 2004. On servers"
        " leave regions empty. For index, see dism /Get-ImageInfo. Or name a newer DISM by dism_path",
    ),
    ErrorCode(112, "the disk is full", "Make room on the disks of the image, of mount_dir and of scratch_dir"),
    ErrorCode(740, "DISM is not run as an administrator", _ELEVATE),
    ErrorCode(
        1726,
        "the servicing process ended by itself (0x800706BE)",
        "Run again; if it stays, look into the log for the package at fault",
        "once",
    ),
    ErrorCode(
        1781,
        "the DISM of the host is older than the image (0x800706F5)",
        "Install the Windows ADK, and name its DISM by dism_path",
    ),
    ErrorCode(
        15600, "the package, or its signature, cannot be opened (ERROR_INSTALL_OPEN_PACKAGE_FAILED)", "Fetch it again"
    ),
    ErrorCode(
        15603,
        "a dependency is missing, or there is a conflict (ERROR_INSTALL_RESOLVE_DEPENDENCY_FAILED)",
        "Bring the dependencies that the manifest names, in the architectures of the image",
    ),
    ErrorCode(15606, "registering failed (ERROR_INSTALL_REGISTRATION_FAILURE)", "Look into the log of DISM"),
    ErrorCode(15609, "installing failed (ERROR_INSTALL_FAILED)", "Look into the log of DISM"),
    ErrorCode(
        15610,
        "removing failed (ERROR_REMOVE_FAILED): Windows protects this app, it is a part of Windows or in use by policy",
        "Leave it in place",
    ),
    ErrorCode(
        15611,
        "a package of the same identity with other content is there (ERROR_PACKAGE_ALREADY_EXISTS)",
        "Remove the app first, with state absent",
    ),
    ErrorCode(
        15615,
        "Windows does not trust the origin of the package (ERROR_INSTALL_POLICY_FAILURE)",
        "Allow trusted apps (AllowAllTrustedApps=1 in HKLM\\Software\\Policies\\Microsoft\\Windows\\Appx), and install"
        " the certificate of the publisher",
    ),
    ErrorCode(15622, "a higher version is installed", "Remove the newer version first, with state absent"),
    ErrorCode(
        15641, "a user has to be logged on, which is so for per-user installs alone", "Look into the log of DISM"
    ),
    ErrorCode(0x800F0902, "servicing is busy", "Wait until Windows has finished its updates", "busy"),
    ErrorCode(
        0xC1570102,
        "no main package fits the image",
        "Bring the package for the architecture of the image, whole and not split",
    ),
    ErrorCode(0xC1570106, "another session of DISM services apps", "Run one at a time", "busy"),
    ErrorCode(0xC1570108, "a policy, such as application control, forbids it", "Change the policy on the host"),
    ErrorCode(
        0xC1570118,
        "an equal or a higher version is there, which DISM does not replace",
        "Remove it first, with state absent, to provision an older version",
    ),
    ErrorCode(0xC1510111, "the image file is read-only", "Clear its read-only attribute, and check permissions"),
    ErrorCode(NEEDS_REMOUNT, "the image has to be remounted", "Run dism /Remount-Image /MountDir:…", "remount"),
    ErrorCode(0xC1420113, "mount_dir is in use already", _DISCARD),
    ErrorCode(0xC1420114, "mount_dir is not empty", "Name an empty directory, or discard what is mounted there"),
    ErrorCode(
        NOT_UNMOUNTED,
        "the image could not be unmounted wholly, since a file in mount_dir is open; what was to be saved may have been"
        " saved",
        f"Close Explorer, editors and antivirus there. {_DISCARD}",
        "busy",
    ),
    ErrorCode(0xC1420127, "this image is mounted for writing already, by another run or left over", _DISCARD),
    ErrorCode(
        0xC1420130, "a split image (SWM) cannot be mounted", "Join it to one WIM first: dism /Export-Image /SWMFile:…"
    ),
)
_BY_CODE: t.Final = {entry.code: entry for entry in TABLE}
_UNKNOWN = ("DISM gives no more than that", "Look into the log of DISM on the host")


def error_of(status: int, printed: int | None) -> ErrorCode:
    """Return the entry of the table for the exit status and the printed code; either may be the one that is known."""
    codes = [normalize_code(code) for code in (printed, status) if code is not None and normalize_code(code) != 0]
    for code in codes:
        if code in _BY_CODE:
            return _BY_CODE[code]
    return ErrorCode(codes[0], *_UNKNOWN)
