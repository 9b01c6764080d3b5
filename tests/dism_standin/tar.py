# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program `tar.exe` (bsdtar) of a simulated host: what is needed to look into packages."""

from __future__ import annotations

import fnmatch
import io
import zipfile

from windows_standin.filesystem import WindowsFailure, WindowsFilesystem
from windows_standin.paths import BadWindowsPath


def run(files: WindowsFilesystem, arguments: list[str]) -> tuple[int, bytes, str]:
    """Run `-xOf ARCHIVE ENTRY...` (print entries) or `-xf ARCHIVE -C DIRECTORY ENTRY...` (extract them).

    Entries are patterns, as bsdtar takes them. Exit status is 1 when something is missing.

    :returns: exit status, standard output, standard error.
    """
    flags, archive_name, *rest = arguments if len(arguments) > 1 else ["", ""]
    directory = ""
    if rest[:1] == ["-C"]:
        directory, rest = rest[1], rest[2:]
    if flags not in ("-xOf", "-xf") or not rest or (flags == "-xf") != bool(directory):
        return 1, b"", "tar.exe: Must specify one of -c, -r, -t, -u, -x\r\n"
    try:
        path = files.parse(archive_name)
        with zipfile.ZipFile(io.BytesIO(files.read(path))) as archive:
            return _extract(files, archive, directory, rest)
    except (BadWindowsPath, WindowsFailure) as error:
        return 1, b"", f"tar.exe: Error opening archive: Failed to open '{archive_name}': {error}\r\n"
    except zipfile.BadZipFile:
        return 1, b"", "tar.exe: Error opening archive: Unrecognized archive format\r\n"


def _extract(
    files: WindowsFilesystem, archive: zipfile.ZipFile, directory: str, patterns: list[str]
) -> tuple[int, bytes, str]:
    output, errors = b"", ""
    for pattern in patterns:
        names = [name for name in archive.namelist() if fnmatch.fnmatchcase(name, pattern)]
        if not names:
            errors += f"tar.exe: {pattern}: Not found in archive\r\n"
        for name in names:
            if not directory:
                output += archive.read(name)
                continue
            target = files.parse(directory + "\\" + name.replace("/", "\\"))
            if target.parent is not None:
                files.make_directory(target.parent)
            files.write(target, archive.read(name), force=True)
    if errors:
        errors += "tar.exe: Error exit delayed from previous errors.\r\n"
    return (1 if errors else 0), output, errors
