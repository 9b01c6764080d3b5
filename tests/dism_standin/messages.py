# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What DISM prints, and the status that it exits with."""

from __future__ import annotations

_SENTENCES = {
    2: "The system cannot find the file specified.",
    3: "The system cannot find the path specified.",
    5: "Access is denied.",
    11: "An attempt was made to load a program with an incorrect format.",
    32: "The process cannot access the file because it is being used by another process.",
    50: "The request is not supported.",
    87: "The parameter is incorrect.",
    112: "There is not enough space on the disk.",
    740: "Elevated permissions are required to run DISM.",
    0xC1570118: "A higher version of this package is already provisioned.",
    0xC1570106: "Another appx servicing session is in progress.",
    0xC1570108: "The operation is blocked by policy.",
    0xC1570102: "No applicable main package was found.",
    0xC1510114: "The image needs to be remounted before it can be serviced.",
    0xC1420114: "The user attempted to mount to a directory that is not empty.",
    0xC1420113: "The specified mount directory is already in use.",
    0xC1420127: "The specified image in the specified wim is already mounted for read/write access.",
    0xC1420117: "The directory could not be completely unmounted.",
    0xC1420130: "A split image cannot be mounted.",
}
_GERMAN = {
    "DisplayName": "Anzeigename",
    "PackageName": "Paketname",
    "Architecture": "Architektur",
    "Regions": "Regionen",
    "The operation completed successfully.": "Der Vorgang wurde erfolgreich beendet.",
    "Error": "Fehler",
}


def exit_status(code: int) -> int:
    """The status for an HRESULT or a Win32 code: that of Win32 is without its facility."""
    return code & 0xFFFF if code >> 16 == 0x8007 else code


def shown(code: int) -> str:
    """The code in an error text: Win32 in decimal, any other in hexadecimal."""
    status = exit_status(code)
    return str(status) if status < 0x10000 else f"0x{status:08x}"


def sentence(code: int) -> str:
    """What DISM says of a code."""
    return _SENTENCES.get(exit_status(code), "An unspecified error occurred.")


class Printer:
    """Collects lines, in English or as a German system prints them."""

    def __init__(self, english: bool) -> None:
        self._english = english
        self._parts: list[str] = []

    def line(self, text: str = "") -> None:
        """Add a line."""
        if not self._english:
            label, separator, value = text.partition(" : ")
            text = f"{_GERMAN.get(label, label)}{separator}{value}" if separator else _GERMAN.get(text, text)
        self._parts.append(text + "\r\n")

    def header(self, version: str, image_version: str = "") -> None:
        """Add what stands above every answer."""
        self.line()
        self.line("Deployment Image Servicing and Management tool")
        self.line(f"Version: {version}")
        self.line()
        if image_version:
            self.line(f"Image Version: {image_version}")
            self.line()

    def progress(self, what: str) -> None:
        """Add progress bars, which a console draws over each other."""
        self.line(what)
        for percent in (2.0, 50.0, 100.0):
            done = "=" * int(percent // 2)
            self._parts.append(f"\r[{done[:26]:<26}{percent:.1f}%{done[26:]:<24}] ")
        self._parts.append("\r\n")

    def done(self, restart: bool = False) -> None:
        """Add the closing sentence."""
        self.line("The operation completed successfully.")
        if restart:
            self.line("Restart Windows to complete this operation.")

    def error(self, code: int, log: str, text: str = "") -> None:
        """Add an error: to standard output, as everything."""
        self.line()
        self.line(f"{'Error' if self._english else _GERMAN['Error']}: {shown(code)}")
        self.line()
        self.line(text or sentence(code))
        self.line()
        self.line(f"The DISM log file can be found at {log}")

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._parts)
