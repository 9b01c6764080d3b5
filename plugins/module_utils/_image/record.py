# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The record in the image (manifest.json): which apps were put there, and how their files are known again."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ImageError, PackageError
from ansible_collections.msdevices.provisioning.plugins.module_utils._package.moniker import Moniker, parse_full_name

RECORD_NAME = "manifest.json"
MAX_BYTES = 4 * 1024 * 1024
_VERSION = 1
_SLOT = re.compile(r"[0-9]{3,6}")
_FILE_NAME = re.compile(
    r"main\.(?:appx|msix)(?:bundle)?|(?:dep|opt)[0-9]{2,4}\.(?:appx|msix)(?:bundle)?|license\.xml|custom\.dat"
)
_REGION = re.compile(r"all|[A-Za-z]{2,3}", re.IGNORECASE)
_SHA1 = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class PreparedFile:
    """A file of an app in the image."""

    name: str
    size: int
    sha1: str
    """In lower-case hexadecimal, as WIM files have it of each of their files."""
    sha256: str


@dataclass(frozen=True)
class PreparedApp:
    """An app in the image, which the first boot provisions."""

    slot: str
    """The name of its folder below `apps`, digits."""
    package_name: str
    """The full name of its package."""
    kind: str
    """`app` or `bundle`."""
    regions: tuple[str, ...]
    stub: str
    """`full`, `stub`, or empty for the package's choice."""
    license: Mapping[str, str] | None
    """The ids of its license: `license_id`, `content_id`, `license_instance_id`; `None` when it needs none."""
    frameworks: tuple[str, ...]
    """The full names of the dependencies that lie beside it."""
    files: tuple[PreparedFile, ...]

    @property
    def moniker(self) -> Moniker:
        """Its full name, taken apart."""
        return parse_full_name(self.package_name)

    @property
    def package_family_name(self) -> str:
        """Its package family name."""
        return self.moniker.family_name

    @property
    def main(self) -> str:
        """The name of its package file."""
        return next(file.name for file in self.files if file.name.startswith("main."))

    def names(self, prefix: str) -> list[str]:
        """Return the names of its files that begin so, in order."""
        return sorted(file.name for file in self.files if file.name.startswith(prefix))


@dataclass
class Record:
    """What was put into an image."""

    apps: list[PreparedApp] = field(default_factory=list)
    created_setup_complete: bool = False
    """Whether SetupComplete.cmd was made by us, so that it goes when nothing but our block was in it."""
    created_directory: str = ""
    """The topmost directory that was made for ours, such as `/Windows/Setup`; it goes with the last app."""

    def find(self, family: str) -> PreparedApp | None:
        """Return the app of a package family, in any case."""
        return next((app for app in self.apps if app.package_family_name.lower() == family.lower()), None)

    def free_slot(self) -> str:
        """Return the first number that no app has."""
        used = {int(app.slot) for app in self.apps}
        return f"{next(number for number in range(1, len(used) + 2) if number not in used):03}"


def dump_record(record: Record) -> bytes:
    """Return the record's bytes, the same for the same content."""
    content = {"version": _VERSION, **asdict(record)}
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode("ascii")


def load_record(data: bytes, place: str) -> Record:
    """Read the record's bytes. Raises ImageError, which names `place`, when they are none that was written here.

    Somebody else may have written into the image: what stands in it is checked as strictly as options are, since it
    ends in the script.
    """
    attempted = f"Could not read the record of prepared apps, {place}"
    remedy = "Remove the directory that it lies in from the image, then run again"
    try:
        content = json.loads(data)
        version = content["version"]
        if version != _VERSION:
            raise ImageError(
                attempted,
                f"it has version {str(version)[:20]}, and only version {_VERSION} is known",
                "Use the release of this collection that wrote it, or a newer one",
            )
        apps = [_app(entry) for entry in content["apps"]]
        if len({app.slot for app in apps}) == len({app.package_family_name.lower() for app in apps}) == len(apps):
            return Record(apps, content["created_setup_complete"] is True, str(content["created_directory"]))
        raise ImageError(attempted, "it names a package family or a folder twice", remedy)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, StopIteration, PackageError):
        raise ImageError(attempted, "it is damaged", remedy) from None


def _app(entry: Mapping[str, t.Any]) -> PreparedApp:
    license_ids = entry["license"]
    if license_ids is not None:
        license_ids = {name: str(license_ids[name]) for name in ("license_id", "content_id", "license_instance_id")}
    app = PreparedApp(
        slot=_matching(_SLOT, entry["slot"]),
        package_name=str(parse_full_name(entry["package_name"])),
        kind=_one_of(entry["kind"], ("app", "bundle")),
        regions=tuple(_matching(_REGION, region) for region in entry["regions"]),
        stub=_one_of(entry["stub"], ("", "full", "stub")),
        license=license_ids,
        frameworks=tuple(str(parse_full_name(name)) for name in entry["frameworks"]),
        files=tuple(
            PreparedFile(
                _matching(_FILE_NAME, file["name"]),
                int(file["size"]),
                _matching(_SHA1, file["sha1"]),
                _matching(_SHA256, file["sha256"]),
            )
            for file in entry["files"]
        ),
    )
    if not app.main or ("license.xml" in app.names("license")) != (app.license is not None):
        raise ValueError("files and license do not fit together")
    return app


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


def _one_of(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise ValueError(text)
    return text
