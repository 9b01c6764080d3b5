# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of DISM: options, their values, and which of them stand together."""

from __future__ import annotations

import re
from dataclasses import dataclass

_GLOBAL = {
    "english": False,
    "online": False,
    "image": True,
    "logpath": True,
    "loglevel": True,
    "scratchdir": True,
    "norestart": False,
    "quiet": False,
    "windir": True,
    "sysdrivedir": True,
}
_PACKAGE = {
    "packagepath": True,
    "dependencypackagepath": True,
    "optionalpackagepath": True,
    "licensepath": True,
    "skiplicense": False,
    "customdatapath": True,
    "region": True,
    "stubpackageoption": True,
    "folderpath": True,
}
#: Options of each command, and whether they take a value.
COMMANDS: dict[str, dict[str, bool]] = {
    "get-provisionedappxpackages": {"format": True},
    "add-provisionedappxpackage": _PACKAGE,
    "remove-provisionedappxpackage": {"packagename": True},
    "set-provisionedappxdatafile": {"packagename": True, "customdatapath": True},
    "optimize-provisionedappxpackages": {},
    "mount-image": {
        "imagefile": True,
        "index": True,
        "name": True,
        "mountdir": True,
        "readonly": False,
        "optimize": False,
        "checkintegrity": False,
    },
    "commit-image": {"mountdir": True, "checkintegrity": False, "append": False},
    "unmount-image": {"mountdir": True, "commit": False, "discard": False, "checkintegrity": False, "append": False},
    "get-mountedimageinfo": {},
    "remount-image": {"mountdir": True},
    "cleanup-mountpoints": {},
    "get-imageinfo": {"imagefile": True, "index": True},
}
#: Those that work on a running system or on the root of an image.
SERVICING = frozenset(name for name in COMMANDS if "provisioned" in name)
_REPEATABLE = {"dependencypackagepath", "optionalpackagepath"}
_OPTION = re.compile(r"/([A-Za-z-]+)(?:[:=](.*))?", re.DOTALL)


class BadCommandLine(Exception):
    """DISM refuses the command line with error 87; the text is the sentence."""


@dataclass(frozen=True)
class CommandLine:
    """A command in lower case, and its options in lower case with their values, in the order given."""

    command: str
    options: dict[str, list[str]]

    def has(self, name: str) -> bool:
        """Whether an option is given."""
        return name in self.options

    def value(self, name: str) -> str:
        """The value of an option, empty when it is not given."""
        return self.options.get(name, [""])[0]


def parse(arguments: list[str]) -> CommandLine:
    """Read the arguments after the program's name.

    :raises BadCommandLine: for anything that the documentation does not allow.
    """
    command = ""
    options: dict[str, list[str]] = {}
    for argument in arguments:
        match = _OPTION.fullmatch(argument)
        if match is None:
            raise BadCommandLine(f"The {argument} option is unknown.")
        name, value = match.group(1).lower(), match.group(2)
        if name in COMMANDS and value is None:
            if command:
                raise BadCommandLine("Only one servicing command can be specified on the command line.")
            command = name
            continue
        if name in options and name not in _REPEATABLE:
            raise BadCommandLine(f"The {name} option is specified more than once.")
        options.setdefault(name, []).append("" if value is None else value)
        if value == "":
            raise BadCommandLine(f"A required value is missing for the {name} option.")
    if not command:
        raise BadCommandLine("A command is missing.")
    known = {**_GLOBAL, **COMMANDS[command]}
    for name, values in options.items():
        if name not in known:
            raise BadCommandLine(f"The {name} option is unknown.")
        if known[name] != bool(values[0]):
            raise BadCommandLine(f"The {name} option is not recognized in this context.")
    parsed = CommandLine(command, options)
    _check(parsed)
    return parsed


def _exactly_one(parsed: CommandLine, *names: str) -> None:
    if sum(parsed.has(name) for name in names) != 1:
        raise BadCommandLine(f"Exactly one of the options {', '.join(names)} has to be specified.")


def _check(parsed: CommandLine) -> None:
    if parsed.command in SERVICING:
        _exactly_one(parsed, "online", "image")
    elif parsed.has("online") or parsed.has("image"):
        raise BadCommandLine("The command does not take /Online or /Image.")
    if parsed.has("loglevel") and parsed.value("loglevel") not in ("1", "2", "3", "4"):
        raise BadCommandLine("The loglevel option takes 1 to 4.")
    if parsed.command == "add-provisionedappxpackage":
        _exactly_one(parsed, "packagepath", "folderpath")
        if parsed.has("packagepath"):
            _exactly_one(parsed, "licensepath", "skiplicense")
        if parsed.has("stubpackageoption") and parsed.value("stubpackageoption").lower() not in (
            "installfull",
            "installstub",
        ):
            raise BadCommandLine("The stubpackageoption option takes InstallFull or InstallStub.")
        if parsed.has("region") and not re.fullmatch(r"(?i)all|[a-z]{2,3}(;[a-z]{2,3})*", parsed.value("region")):
            raise BadCommandLine("The region option takes all or codes of countries.")
    for name in ("packagename", "mountdir", "imagefile"):
        if COMMANDS[parsed.command].get(name) and not parsed.has(name):
            raise BadCommandLine(f"The {name} option is missing.")
    if parsed.command == "mount-image":
        _exactly_one(parsed, "index", "name")
    if parsed.command == "unmount-image":
        _exactly_one(parsed, "commit", "discard")
    if parsed.has("index") and not parsed.value("index").isdigit():
        raise BadCommandLine("The index option takes a number.")
