# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A delivery for tests of what stages licenses: into a directory of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import LicenseRequest
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.attributes import Attributes
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.licenses import LicenseStager
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.posix import PosixDirectory
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.report import StagingReport


class Directory:
    """Stages by what runs on POSIX hosts; a warning fails the test."""

    def __init__(self, path: Path, prune: bool = False, check_mode: bool = False) -> None:
        self.path = path
        self.check_mode = check_mode
        self.calls = 0
        self._prune = prune

    def stage(self, requests: Sequence[LicenseRequest]) -> StagingReport:
        self.calls += 1
        directory = PosixDirectory(str(self.path), Attributes())
        report = LicenseStager(directory, "xml", self._prune, self.check_mode).stage(requests)
        assert report.warnings == []
        if report.error is not None:
            raise report.error
        return report

    @property
    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.path.glob("*.xml")}
