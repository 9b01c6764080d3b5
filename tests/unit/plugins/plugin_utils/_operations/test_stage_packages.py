# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a product id to files in a directory: every product that the emulator has, and faults of each service."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from emulator.catalog import PACKAGE_BEHAVIORS, Product
from emulator.client import Emulator

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.store_package import specification
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.attributes import Attributes
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.packages import PackageStaging
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.posix import PosixDirectory
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import NoCache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._operations.stage_packages import PackageTask

pytestmark = pytest.mark.usefixtures("quick_retries")
FRAMEWORKS = ["Microsoft.VCLibs.140.00_14.0.33519.0", "Microsoft.UI.Xaml.2.8_8.2310.30001.0"]
ALL_FRAMEWORKS = [
    *FRAMEWORKS,
    "Microsoft.NET.Native.Framework.2.2_2.2.29512.0",
    "Microsoft.NET.Native.Runtime.2.2_2.2.28604.0",
]


class Here:
    """A host that is this machine, without Ansible."""

    def __init__(self, directory: Path, check_mode: bool = False) -> None:
        self.directory = directory / "dest"
        self.directory.mkdir(exist_ok=True)
        self._sources = directory / "sources"
        self._check_mode = check_mode

    def _staging(self) -> PackageStaging:
        posix = PosixDirectory(str(self.directory), Attributes(0o644), "packages")
        return PackageStaging(posix, self._check_mode, sources_are_own=True)

    def look(self, selections: Mapping[str, str]) -> dict[str, Any]:
        return self._staging().look(selections)

    def place(
        self, apps: Sequence[dict[str, Any]], paths: Mapping[str, str], get_url: Any, prune: bool
    ) -> dict[str, Any]:
        self._sources.mkdir(exist_ok=True)
        sources = {sha256: shutil.copy(path, self._sources) for sha256, path in paths.items()}
        for app in apps:
            for file in app["files"]:
                file["source"] = sources.get(file["sha256"])
        return self._staging().place(apps, prune)


@dataclass
class Site:
    """A controller with a package cache, and a host."""

    emulator: Emulator
    directory: Path
    said: list[str] = field(default_factory=list)

    @property
    def host(self) -> Here:
        return Here(self.directory)

    def stage(self, *products: Product, host: Here | None = None, **options: Any) -> dict[str, Any]:
        arguments = {
            "apps": [{"product_id": product.product_id} for product in products],
            "base_url": self.emulator.delivery,
            "catalog_base_url": self.emulator.catalog,
            "ca_path": self.emulator.both_ca_path,
            "download_hosts": ["localhost"],
            "dest": "unused",
            "timeout": 5.0,
            "deadline": 20.0,
            **options,
        }
        rules = {name: value for name, value in specification().items() if name != "supports_check_mode"}
        arguments = {name: value for name, value in arguments.items() if value is not None}
        checked = ArgumentSpecValidator(**rules).validate(arguments)
        assert not checked.error_messages
        params = checked.validated_parameters
        cache = str(self.directory / "cache")
        task = PackageTask(params, host or self.host, lambda settings: NoCache(), cache, False, self.said.append)
        return task.run()

    def found(self, product: Product, **options: Any) -> dict[str, Any]:
        """What would be fetched of an app."""
        rules = {name: value for name, value in specification().items() if name != "supports_check_mode"}
        arguments = {
            "product_id": product.product_id,
            "base_url": self.emulator.delivery,
            "catalog_base_url": self.emulator.catalog,
            "ca_path": self.emulator.both_ca_path,
            "download_hosts": ["localhost"],
            "timeout": 5.0,
            **options,
        }
        params = ArgumentSpecValidator(**rules).validate(arguments).validated_parameters
        task = PackageTask(params, None, lambda settings: NoCache(), str(self.directory / "cache"), False, print)
        return task.run()

    def files(self) -> dict[str, bytes]:
        """All packages on the host."""
        root = self.host.directory
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*x*") if path.is_file()}


@pytest.fixture
def site(emu: Emulator, tmp_path: Path) -> Site:
    """A site of its own for each test."""
    return Site(emu, tmp_path)


def mains(result: dict[str, Any]) -> list[str]:
    """The main packages of the only app: name and version, architectures."""
    (app,) = result["apps"]
    return [f"{file['version']} {'.'.join(file['architectures'])}" for file in app["files"] if file["kind"] == "main"]


def frameworks(result: dict[str, Any]) -> set[str]:
    """The dependencies of the only app."""
    (app,) = result["apps"]
    return {
        f"{file['name']}_{file['version']} {'.'.join(file['architectures'])}"
        for file in app["files"]
        if file["kind"] == "dependency"
    }


X64: dict[str, Any] = {}
BOTH = {"architectures": ["x64", "arm64"]}
#: Behavior, options, main packages; or texts of the error.
CHOICES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("fulfillment_on_sku", X64, ["3.4.5.0 x64"]),
    ("numbers_as_text", X64, ["3.4.5.0 x64"]),
    ("encrypted_twins", X64, ["3.4.5.0 x64"]),
    ("version_trap", X64, ["3.4.5.0 x64"]),
    ("version_trap", {"version": "2021.1207.5.0"}, ["2021.1207.5.0 x64"]),
    ("version_trap_unknown", X64, ["3.4.6.0 x64"]),
    ("stale_catalog", X64, ["3.4.5.0 x64"]),
    ("two_packages", X64, ["3.4.5.0 x64", "3.4.5.0 x64"]),
    ("unknown_architecture", X64, ["3.4.5.0 x64"]),
    ("newer_os", X64, ["4.0.0.0 x64"]),
    ("newer_os", {"os_version": "10.0.19045"}, ["3.4.5.0 x64"]),
    ("newer_os", {"os_version": "10.0.26100.0"}, ["4.0.0.0 x64"]),
    ("by_machine", {"architectures": ["x64", "x86"]}, ["3.4.5.0 x64", "3.4.5.0 x86"]),
    ("bundle_and_single", BOTH, ["3.4.5.0 x64.arm64"]),
    ("intel_only", X64, ["3.4.5.0 x64"]),
    ("holographic", X64, ["3.4.5.0 x64"]),
    ("holographic", {"platform": "holographic"}, ["5.0.0.0 x64"]),
    ("same_file_id", {"architectures": ["x64", "x86"]}, ["3.4.5.0 x64", "3.4.5.0 x86"]),
    ("many_files", X64, ["3.4.5.0 x64"]),
    ("named_by_manifest", X64, ["3.4.5.0 x64"]),
    ("named_by_none", X64, ["3.4.5.0 x64"]),
]
FAILURES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("unknown", X64, ["there is no such product", "market"]),
    ("package_list_empty", X64, ["the catalog lists none for the market US"]),
    ("no_category", X64, ["names no category"]),
    ("game", X64, ["MSIXVC alone", "cannot be staged"]),
    ("encrypted_only", X64, ["EMsixBundle alone", "encrypted"]),
    ("no_sha256", X64, ["no package fits x64", "gives no SHA-256"]),
    ("newer_os", {"os_version": "10.0.10240.0"}, ["needs Windows 10.0.17763.0", "4.0.0.0_neutral"]),
    ("version_trap", {"version": "7.0.0.0"}, ["not version 7.0.0.0", "2021.1207.5.0"]),
    ("intel_only", {"architectures": ["arm64"]}, ["no package fits arm64", "not for arm64"]),
    ("intel_only", BOTH, ["no package fits arm64"]),
    ("xbox_only", X64, ["not for the platform desktop"]),
    ("no_files", X64, ["lists no candidate"]),
    ("moniker_is_a_path", X64, ["the name in it is not made of letters"]),
    ("missing_dependency", X64, ["Microsoft.Missing.Framework 1.0.0.0 or later for x64 is needed"]),
    ("old_dependency", X64, ["VCLibs.140.00 15.0.0.0 or later", "older than 15.0.0.0"]),
    ("unfit_dependency", X64, ["Contoso.Unfit 1.0.0.0 or later for x64 is needed", "not for x64"]),
    ("other_name", X64, ["for another category"]),
    ("no_update_id", X64, ["a kind of content that is no app"]),
    ("not_deliverable", X64, ["there is nothing to download", "publishers"]),
]
STAGING_FAILURES = {
    "wrong_identity": "its manifest names Somebody.Else",
    "not_a_package": "is no package",
    "empty_file": "is no package",
    "stranger_url": "names the host 127.0.0.1, from which packages are not taken",
}


def test_all_behaviors_are_covered() -> None:
    named = {behavior for behavior, *_rest in (*CHOICES, *FAILURES)} | STAGING_FAILURES.keys()
    assert named >= PACKAGE_BEHAVIORS.keys()


@pytest.mark.parametrize(("behavior", "options", "expected"), CHOICES)
def test_choice(site: Site, behavior: str, options: dict[str, Any], expected: list[str]) -> None:
    result = site.found(site.emulator.special(behavior), **options)
    assert mains(result) == expected, result
    trap = behavior.startswith("version_trap_")
    assert ("does not say which version" in " ".join(result.get("warnings", []))) is trap
    assert result["apps"][0]["state"] == "available"
    assert not site.emulator.count("cdn")


@pytest.mark.parametrize(("behavior", "options", "texts"), FAILURES)
def test_what_cannot_be_had(site: Site, behavior: str, options: dict[str, Any], texts: list[str]) -> None:
    result = site.found(site.emulator.special(behavior), **options)
    assert result["failed"], result
    for text in texts:
        assert text in result["msg"]
    assert "Traceback" not in result["msg"]


@pytest.mark.parametrize(
    ("index", "options", "expected"),
    [
        (0, X64, [f"{name} {machine}" for name in FRAMEWORKS for machine in ("x64", "x86")]),
        (0, {"dependency_architectures": []}, [f"{name} x64" for name in FRAMEWORKS]),
        (0, {"architectures": ["arm64"]}, [f"{name} arm64" for name in FRAMEWORKS]),
        (0, {"dependencies": False}, []),
        (2, X64, [f"{name} {machine}" for name in ALL_FRAMEWORKS for machine in ("x64", "x86")]),
    ],
)
def test_dependencies(site: Site, index: int, options: dict[str, Any], expected: list[str]) -> None:
    assert frameworks(site.found(site.emulator.product(index), **options)) == set(expected)


@pytest.mark.parametrize(
    ("behavior", "found", "staged"),
    [("named_by_manifest", ALL_FRAMEWORKS, FRAMEWORKS[:1]), ("named_by_none", ALL_FRAMEWORKS, ALL_FRAMEWORKS)],
)
def test_frameworks_that_only_manifests_name(site: Site, behavior: str, found: list[str], staged: list[str]) -> None:
    """Without a download all prerequisites count; with one, what the manifest names."""
    product = site.emulator.special(behavior)
    options = {"dependency_architectures": []}
    assert frameworks(site.found(product, **options)) == {f"{name} x64" for name in found}
    assert frameworks(site.stage(product, **options)) == {f"{name} x64" for name in staged}
    site.emulator.reset()
    assert frameworks(site.stage(product, state="latest", **options)) == {f"{name} x64" for name in staged}
    assert site.emulator.count() == site.emulator.count("delivery") == 1


def test_failures_leave_the_other_apps(site: Site) -> None:
    """Each of these fails by its content, none gets a file into place, and the good app is staged."""
    bad = [site.emulator.special(behavior) for behavior in STAGING_FAILURES]
    good = site.emulator.product(3)
    result = site.stage(*bad, good)
    assert result["failed"]
    assert [app["state"] for app in result["apps"]] == ["failed"] * len(bad) + ["fetched"]
    for app, text in zip(result["apps"], STAGING_FAILURES.values(), strict=False):
        assert text in app["error"]
    assert {name.partition("/")[0] for name in site.files()} == {good.product_id}
    assert len({app["product_id"] for app in result["apps"]}) == len(bad) + 1
    assert result["msg"].startswith("4 of 5 apps failed; the others are in place.")


FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("429, seconds", {"listener": "delivery", "action": "status", "status": 429, "retry_after": 1, "times": 1}, ""),
    ("429, date", {"listener": "delivery", "action": "status", "status": 429, "retry_after_date": 1, "times": 1}, ""),
    ("429, 0", {"listener": "delivery", "action": "status", "status": 429, "retry_after": 0, "times": 2}, ""),
    ("503", {"listener": "delivery", "action": "status", "status": 503}, "HTTP 503"),
    ("page", {"listener": "delivery", "action": "html"}, "a page instead of JSON"),
    ("redirect", {"listener": "delivery", "action": "redirect"}, "a redirect to 127.0.0.1"),
    ("cut off", {"listener": "delivery", "action": "close_in_body", "times": 1}, ""),
    ("no object", {"listener": "delivery", "action": "not_an_object"}, "JSON that is not an object"),
    ("CDN 429", {"listener": "cdn", "action": "status", "status": 429, "retry_after": 0, "times": 1}, ""),
    ("CDN 503", {"listener": "cdn", "action": "status", "status": 503}, "HTTP 503"),
    ("CDN 404", {"listener": "cdn", "action": "status", "status": 404}, "HTTP 404"),
    ("CDN redirect", {"listener": "cdn", "action": "redirect"}, "a redirect to 127.0.0.1"),
    ("CDN cut off", {"listener": "cdn", "action": "close_in_body", "after_bytes": 3000, "times": 1}, ""),
    ("CDN reset", {"listener": "cdn", "action": "reset", "times": 2}, ""),
    ("CDN zero bytes", {"listener": "cdn", "action": "truncate", "keep": 0}, "0 of"),
    ("CDN too few bytes", {"listener": "cdn", "action": "truncate", "keep": 0.5, "times": 1}, ""),
    ("CDN wrong bytes", {"listener": "cdn", "action": "wrong_bytes"}, "its SHA-256 is"),
    ("CDN wrong bytes once", {"listener": "cdn", "action": "wrong_bytes", "times": 1}, ""),
    ("CDN page", {"listener": "cdn", "action": "html"}, "bytes of it are there"),
    ("URL expired", {"listener": "delivery", "action": "url_lifetime", "times": 1, "path_regex": "files"}, ""),
    ("URLs expire", {"listener": "delivery", "action": "url_lifetime"}, "HTTP 403, also for new URLs"),
]


@pytest.mark.parametrize(("fault", "error"), [pytest.param(*rest, id=name) for name, *rest in FAULTS])
def test_faults(site: Site, fault: dict[str, Any], error: str) -> None:
    """What passes is waited out; what stays is one clear error, and nothing is placed."""
    product = site.emulator.product(0)
    site.emulator.fault(fault)
    result = site.stage(product, max_retries=2)
    if error:
        assert error in result["apps"][0]["error"]
        assert "P4=" not in str(result)
        assert not site.files()
    else:
        assert result["apps"][0]["state"] == "fetched", result
        assert len(site.files()) == 5
    assert not site.emulator.count("stranger")


def test_download_is_resumed(site: Site) -> None:
    """A partial file is hashed and continued; what is damaged, or answered with the whole file, begins anew."""
    product = site.emulator.product(0)
    content = {name: data for name, data in _reference(site, product).items() if "Dependencies" not in name}
    ((_name, whole),) = content.items()
    cache = site.directory / "cache"
    sha256 = hashlib.sha256(whole).hexdigest()

    def again(partial: bytes) -> list[str | None]:
        shutil.rmtree(site.host.directory)
        (cache / sha256).unlink()
        (cache / f"{sha256}.part").write_bytes(partial)
        before = max(item["id"] for item in site.emulator.requests())
        assert site.stage(product)["apps"][0]["state"] == "fetched"
        assert whole in site.files().values()
        requests = site.emulator.requests("cdn", after=before)
        return [item["headers"].get("range") for item in requests]

    assert again(whole[:4000]) == ["bytes=4000-"]
    assert again(whole) == []
    assert again(b"x" * 4000) == ["bytes=4000-", None]
    assert again(whole + b"more") == [None]
    for action in ("ignore_range", "wrong_range"):
        site.emulator.clear_faults()
        site.emulator.fault(listener="cdn", action=action)
        ranges = again(whole[:4000])
        assert ranges[0] == "bytes=4000-"
        assert set(ranges[1:]) <= {None}


def _reference(site: Site, product: Product) -> dict[str, bytes]:
    site.stage(product)
    return site.files()


def test_damaged_cache_and_offline(site: Site) -> None:
    """A damaged file of the cache is fetched anew; offline, what the cache has is enough, and else it fails."""
    product, other = site.emulator.product(0), site.emulator.product(1)
    files = _reference(site, product)
    shutil.rmtree(site.host.directory)
    site.emulator.reset()
    assert site.stage(product, offline=True)["apps"][0]["state"] == "fetched"
    assert site.files() == files
    assert "the package cache has no such app" in site.stage(other, offline=True)["msg"]
    assert site.emulator.count() == 0
    cached = next(path for path in (site.directory / "cache").iterdir() if len(path.name) == 64)
    cached.write_bytes(b"x" * cached.stat().st_size)
    shutil.rmtree(site.host.directory)
    assert "is not there" in site.stage(product, offline=True)["msg"]
    assert site.stage(product)["apps"][0]["state"] == "fetched"
    assert site.files() == files


def test_what_lies_there(site: Site) -> None:
    """Damaged and missing files are replaced, foreign ones left, and files that are right are adopted."""
    product = site.emulator.product(0)
    files = _reference(site, product)
    root = site.host.directory
    names = sorted(files)
    (root / names[0]).write_bytes(b"x" * len(files[names[0]]))
    (root / names[1]).unlink()
    (root / product.product_id / "mine.msix").write_bytes(b"foreign")
    site.emulator.reset()
    result = site.stage(product)
    assert sorted(file["state"] for file in result["apps"][0]["files"]) == ["fetched"] * 2 + ["unchanged"] * 3
    assert {name: data for name, data in site.files().items() if "mine" not in name} == files
    # The cache has them.
    assert site.emulator.count("cdn") == 0
    next(root.glob(".ms_*json")).unlink()
    result = site.stage(product)
    assert {file["state"] for file in result["apps"][0]["files"]} == {"unchanged"}
    assert (root / product.product_id / "mine.msix").read_bytes() == b"foreign"


def test_newer_version_replaces_and_prune(site: Site) -> None:
    """An older state of an app goes; other apps only go with prune, and not when something failed."""
    trap, other = site.emulator.special("version_trap"), site.emulator.product(0)
    site.stage(trap, other)
    before = {name for name in site.files() if name.startswith(trap.product_id)}
    result = site.stage(apps=None, product_id=trap.product_id, version="2021.1207.5.0")
    assert result["apps"][0]["version"] == "2021.1207.5.0"
    assert len(result["pruned"]) == 1
    after = {name for name in site.files() if name.startswith(trap.product_id)}
    assert len(before - after) == len(after - before) == 1
    assert any(name.startswith(other.product_id) for name in site.files())
    site.stage(trap, site.emulator.special("game"), prune=True)
    assert any(name.startswith(other.product_id) for name in site.files())
    result = site.stage(other, prune=True)
    assert {name.partition("/")[0] for name in site.files()} == {other.product_id}
    assert len(result["pruned"]) == len(before)


@pytest.mark.parametrize("trusted", ["ca_path", "delivery_ca_path"])
def test_trust(site: Site, trusted: str) -> None:
    """Neither service is believed under the other one's CA."""
    result = site.found(site.emulator.product(0), ca_path=site.emulator.endpoints[trusted], max_retries=0)
    assert "certificate does not verify" in result["msg"]
    assert "ca_path" in result["msg"]


def test_shipped_root_is_for_the_delivery_service_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The delivery service verifies by the shipped root (here the emulator's) beside ca_path, the catalog does not."""
    from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services import store_delivery

    shipped = Path(store_delivery.ROOT_CERTIFICATE).read_text(encoding="ascii")
    assert "BEGIN CERTIFICATE" in shipped
    monkeypatch.setattr(store_delivery, "ROOT_CERTIFICATE", site.emulator.delivery_ca_path)
    assert "failed" not in site.found(site.emulator.product(0), ca_path=site.emulator.ca_path)
    catalog = {"catalog_base_url": site.emulator.delivery, "max_retries": 0}
    result = site.found(site.emulator.product(1), ca_path=site.emulator.ca_path, **catalog)
    assert "certificate does not verify" in result["msg"]


@pytest.mark.parametrize(
    ("product_id", "text"),
    [
        ("XPDM17HK323C4X", "12 letters and digits"),
        ("XP99J3KP4XZ4", "unpackaged program"),
        ("../9NBLGGH4NN", "12 letters"),
    ],
)
def test_ids_that_are_refused(site: Site, product_id: str, text: str) -> None:
    result = site.stage(apps=[{"product_id": product_id}, {"product_id": site.emulator.product(0).product_id}])
    assert text in result["apps"][0]["error"]
    assert result["apps"][1]["state"] == "fetched"


def test_a_service_that_is_down_is_given_up(site: Site) -> None:
    """Many apps do not wait for a service that never responds, one after the other."""
    site.emulator.fault(listener="catalog", action="status", status=503)
    result = site.stage(*(site.emulator.product(index) for index in range(30)), max_concurrency=2, max_retries=1)
    assert {app["state"] for app in result["apps"]} == {"failed"}
    assert site.emulator.count("catalog") <= 20
    assert "30 of 30 apps failed" in result["msg"]
