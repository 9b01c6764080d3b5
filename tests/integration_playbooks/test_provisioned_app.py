# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apps are provisioned on a simulated Windows build host: in the running system, in images, in image files."""

from __future__ import annotations

from pathlib import Path

import pytest
from emulator.packages import package_bytes
from windows_standin.harness import WindowsHosts

from .apps import HOST, INFO, BuildHost, app, family


@pytest.fixture
def build_host(tmp_path: Path) -> BuildHost:
    """A Windows build host on which nothing is provisioned."""
    return BuildHost(tmp_path, WindowsHosts(tmp_path, [HOST]))


def test_staged_folder_online(build_host: BuildHost) -> None:
    """A staged folder is enough; license, both dependencies and all regions reach DISM; the second run is one list."""
    folder = build_host.stage(app())
    predicted = build_host.run("--check", "--diff", package=folder)
    assert (predicted["changed"], predicted["apps"][0]["state"]) == (True, "added"), predicted["msg"]
    assert build_host.provisioned() == {}
    result = build_host.run(package=folder)
    assert "failed" not in result, result
    entry = result["apps"][0]
    assert (entry["state"], entry["package_family_name"], entry["rc"]) == ("added", family(app()), 0)
    (added,) = build_host.provisioned().values()
    assert added["regions"] == "all"
    assert added["passed"]["license"].endswith("_License1.xml")
    assert len(added["passed"]["dependencies"]) == 2
    assert build_host.steps == ["list", "add"]
    again = build_host.run(package=folder)
    assert (again["changed"], again["apps"][0]["state"], build_host.steps) == (False, "unchanged", ["list"])
    assert not any(call["changed"] for call in build_host.windows.calls(HOST) if not call["plugin"].endswith("command"))
    listed = build_host.run(module=INFO)
    assert [one["package_name"] for one in listed["apps"]] == [app().full_name]
    assert package_bytes(app())
