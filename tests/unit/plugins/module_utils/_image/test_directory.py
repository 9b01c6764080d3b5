# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apps are put into Setup's distribution folder and into an image that was applied, as plain files."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path

import pytest
from unit import packages
from unit.images import FAMILY, FRAMEWORK, NEEDED, BuildHost, Image

_SCRIPTS = "sources/$OEM$/$$/Setup/Scripts"
_ANSWER_FILE = (
    '<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="windowsPE">'
    '<component name="Microsoft-Windows-Setup"><UseConfigurationSet>%s</UseConfigurationSet></component>'
    "</settings></unattend>"
)


@pytest.fixture
def host(tmp_path: Path) -> BuildHost:
    """A build host with one app."""
    (tmp_path / "host").mkdir()
    return BuildHost(tmp_path / "host")


@pytest.fixture
def distribution(tmp_path: Path) -> Path:
    """What lies on Windows' installation medium."""
    root = tmp_path / "distribution"
    (root / "sources").mkdir(parents=True)
    (root / "autounattend.xml").write_text(_ANSWER_FILE % "true")
    return root


def _snapshot(root: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path.relative_to(root)): (
            path.stat().st_mtime_ns if path.is_file() else 0,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in root.rglob("*")
    }


def test_distribution_folder(distribution: Path, host: BuildHost) -> None:
    before = _snapshot(distribution)
    predicted = host.run(host.app(), distribution=distribution, check_mode=True)
    assert predicted.states == ["prepared"]
    assert _snapshot(distribution) == before
    run = host.run(host.app(), distribution=distribution)
    assert run.warnings == []
    assert 'processorArchitecture="amd64"' in run.result["unattend_fragment"]
    scripts = distribution / _SCRIPTS
    assert (scripts / "SetupComplete.cmd").exists()
    assert (scripts / "msdevices/apps/001/main.msixbundle").read_bytes() == host.package.read_bytes()
    after = _snapshot(distribution)
    assert host.run(host.app(), distribution=distribution).states == ["unchanged"]
    assert _snapshot(distribution) == after
    # A link is never what was put there, and is not followed.
    host.license.with_name("target").write_bytes(b"target")
    license_file = scripts / "msdevices/apps/001/license.xml"
    license_file.unlink()
    license_file.symlink_to(host.license.with_name("target"))
    assert host.run(host.app(), distribution=distribution).states == ["prepared"]
    assert license_file.read_bytes() == host.license.read_bytes()
    assert host.license.with_name("target").read_bytes() == b"target"
    assert host.run(host.app(), distribution=distribution, state="absent").states == ["removed"]
    assert _snapshot(distribution) == before


@pytest.mark.parametrize(
    ("answer_file", "reason"),
    [(None, "has no autounattend.xml"), (_ANSWER_FILE % "false", "does not set UseConfigurationSet"), ("<x", "read")],
)
def test_distribution_folder_that_setup_ignores(
    distribution: Path, host: BuildHost, answer_file: str | None, reason: str
) -> None:
    (distribution / "autounattend.xml").unlink()
    if answer_file is not None:
        (distribution / "AutoUnattend.xml").write_text(answer_file)
    (warning,) = host.run(host.app(), distribution=distribution).warnings
    assert "Windows Setup ignores $OEM$" in warning
    assert reason in warning


def test_facts_of_the_distribution_count(distribution: Path, host: BuildHost, tmp_path: Path) -> None:
    image = Image.make(tmp_path, architecture="arm64")
    image.path.rename(distribution / "sources" / "install.wim")
    app = host.app(package=packages.write(tmp_path / "x86.msix", packages.app_package(architecture="x86")))
    run = host.run(app, distribution=distribution)
    assert 'processorArchitecture="arm64"' in run.result["unattend_fragment"]
    run = host.run({**app, "dependencies": []}, distribution=distribution / "gone")
    assert "it is not a directory" in run.result["msg"]


def test_killed_runs_are_completed(distribution: Path, host: BuildHost) -> None:
    for number in range(6):
        bundle = packages.bundle(payload=os.urandom(4_000_000), dependencies=NEEDED)
        packages.write(host.package, bundle)
        running = host.start(host.app(), distribution=distribution)
        apps = distribution / _SCRIPTS / "msdevices" / "apps" / "001"
        size = _size(apps)
        while running.process.is_alive() and _size(apps) == size:
            running.process.join(0.001)
        running.process.join(0.002 * number)
        if running.process.is_alive() and running.process.pid:
            os.kill(running.process.pid, signal.SIGKILL)
        running.process.join()
    run = host.run(host.app(), distribution=distribution)
    assert not run.failed, run.output
    assert (apps / "main.msixbundle").read_bytes() == bundle
    assert host.run(host.app(), distribution=distribution).states == ["unchanged"]
    assert [path.name for path in distribution.rglob(".msdevices.*")] == []


def _size(directory: Path) -> int:
    try:
        return sum(path.stat().st_size for path in directory.iterdir())
    except FileNotFoundError:
        return 0


def test_image_that_was_applied(host: BuildHost, tmp_path: Path) -> None:
    """Directories are found in any case; frameworks that are staged in it count."""
    root = tmp_path / "applied"
    (root / "WINDOWS" / "setup").mkdir(parents=True)
    (root / "Program Files" / "WindowsApps" / f"{FRAMEWORK}_14.0.33519.0_x64__8wekyb3d8bbwe").mkdir(parents=True)
    before = _snapshot(root)
    run = host.run(host.app(dependencies=None), image=root, architecture="x64")
    assert run.states == ["prepared"], run.output
    assert (root / "WINDOWS/setup/Scripts/SetupComplete.cmd").exists()
    assert host.run({"package_family_name": FAMILY}, image=root, state="absent").states == ["removed"]
    assert _snapshot(root) == before
    (root / "WINDOWS" / "setup" / "Scripts").symlink_to(tmp_path)
    assert "symbolic link, which is not followed" in host.run(host.app(), image=root).result["msg"]
