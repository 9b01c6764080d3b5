# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostile values on hosts: file names, license documents and manifests, staged by the real code in a real directory."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import strategies as st
from unit.support import License
from windows_standin.filesystem import WindowsFailure, WindowsFilesystem
from windows_standin.modules import IMPLEMENTED, Context
from windows_standin.paths import BadWindowsPath

from ansible_collections.msdevices.provisioning.plugins.module_utils._license import document as license_document
from ansible_collections.msdevices.provisioning.plugins.module_utils._license.request import (
    MANIFEST_NAME,
    LicenseRequest,
    requests_from,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.attributes import Attributes
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.licenses import (
    LicenseStager,
    is_license_entry,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.manifest import (
    LICENSE,
    dump_manifest,
    load_manifest,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._staging.posix import PosixDirectory
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts import windows as _windows

from .hostile import Explorer, documents, json_bytes, near, texts, values
from .record import Record
from .test_values import explorer, tried

pytestmark = pytest.mark.quick
__all__ = ["explorer"]

_ONE = License()
_TWO = License(product_id="9WZDNCRFHVFW", content_id="0c2fd5a3-6b1c-4a0b-8a43-4c5d9f1e2b77")
_FOREIGN = b"somebody else's"
_STAGE = "C:\\stage"
_CHECKS = {LICENSE: is_license_entry}


class Directory:
    """A directory for licenses with files of others in it and around it."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self.path = top / "outer" / "dest"
        self.path.mkdir(parents=True)
        self._others = [top / "foreign.xml", top / "outer" / "foreign.xml", self.path / "foreign.xml"]
        for other in self._others:
            other.write_bytes(_FOREIGN)

    def stage(self, requests: list[LicenseRequest], license_format: str = "xml") -> list[dict[str, Any]]:
        """Stage, pruning what the manifest says was staged earlier."""
        directory = PosixDirectory(str(self.path), Attributes(mode=0o600))
        return LicenseStager(directory, license_format, prune=True, check_mode=False).stage(requests).licenses

    @property
    def names(self) -> set[str]:
        """What lies in it that was not there from the beginning."""
        return set(os.listdir(self.path)) - {"foreign.xml"}

    def check(self) -> None:
        """Nothing of others was touched, and nothing is left outside."""
        assert [other.read_bytes() for other in self._others] == [_FOREIGN] * 3
        assert sorted(os.listdir(self._top)) == ["foreign.xml", "outer"]
        assert sorted(os.listdir(self._top / "outer")) == ["dest", "foreign.xml"]

    def clear(self) -> None:
        """Remove what was staged."""
        for name in self.names:
            path = self.path / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    """A directory for licenses."""
    return Directory(tmp_path / "top")


def _changed(document: bytes) -> st.SearchStrategy[bytes]:
    """Documents from which a part was taken, or in which another part stands."""
    pieces = st.one_of(
        st.binary(max_size=8),
        st.sampled_from(
            [b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"<ProductID>", b"</License>", b"<?x?>", b"\xff\xfe"]
        ),
        st.sampled_from([_TWO.content_id.encode(), b"<Binding>", b"x:", b" xmlns:x='y'", b"<![CDATA[", b"\x00", b"{"]),
        texts.map(lambda text: text.encode("utf-8", "surrogatepass")),
    )
    spliced = st.tuples(st.integers(0, len(document)), st.integers(0, 60), pieces).map(
        lambda drawn: document[: drawn[0]] + drawn[2] + document[drawn[0] + drawn[1] :]
    )
    encodings = st.sampled_from(
        ["utf-8", "utf-16", "utf-7", "unicode_escape", "hex", "rot13", "idna", "undefined", "cp037", "big5", "x" * 99]
    ) | texts.filter(lambda text: text.isascii())
    declared = encodings.map(lambda name: f'<?xml version="1.0" encoding="{name}"?>'.encode() + document)
    recoded = st.sampled_from(["utf-16", "utf-16-be", "utf-32", "cp037"]).map(
        lambda name: document.decode().encode(name)
    )
    return st.one_of(spliced, spliced, declared, recoded, documents, st.just(document))


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")
def test_documents(explorer: Explorer, record: Record) -> None:
    """A document that is taken has the ids that were asked for, and comes back from a file to the byte."""

    def parsed(data: bytes, license_format: str) -> None:
        document = license_document.parse(data)
        assert document.data == data
        license_document.check(document, _ONE.product_id, _ONE.content_id)
        again = license_document.from_file_bytes(document.file_bytes(license_format), license_format)
        assert again == document == license_document.LicenseDocument.from_entry(document.as_entry())
        assert isinstance(document.text, str)

    def blob(text: str) -> None:
        license_document.check(license_document.from_blob(text), _ONE.product_id, _ONE.content_id)

    explorer.run(1500, parsed, data=_changed(_ONE.xml), license_format=st.sampled_from(["xml", "base64"]))
    blobs = st.one_of(_changed(_ONE.blob.encode()).map(lambda data: data.decode("latin-1")), texts)
    explorer.run(500, blob, text=blobs)
    tried(record, "values-documents")


def test_files(directory: Directory, explorer: Explorer, record: Record) -> None:
    """Names and licenses that the user brings: what is staged lies in dest, under the name that was asked for."""
    ids = st.one_of(st.just(_ONE.item()), st.fixed_dictionaries({**dict.fromkeys(_ONE.item(), texts)}))
    names = st.none() | texts | texts.map(lambda text: text + ".xml")
    blobs = st.one_of(st.just(_ONE.blob), st.just(_ONE.blob), st.just(_TWO.blob), texts)

    def staged(first: dict[str, Any], filename: str | None, blob: str, other: str | None, license_format: str) -> None:
        item = {**first, "license_blob": blob, "filename": filename}
        try:
            requests = requests_from([item, _TWO.brought(filename=other)], license_format)
            results = directory.stage(requests, license_format)
            good = [result for result in results if result["state"] == "fetched"]
            assert {Path(result["path"]).parent for result in results} == {directory.path}
            assert directory.names - {MANIFEST_NAME} == {os.path.basename(result["path"]) for result in good}
            for result in good:
                data = Path(result["path"]).read_bytes()
                assert hashlib.sha256(data).hexdigest() == result["sha256"]
                document = license_document.from_file_bytes(data, license_format)
                license_document.check(document, result["product_id"], result["content_id"])
        finally:
            directory.check()
            directory.clear()

    explorer.run(
        900,
        staged,
        first=ids,
        filename=names,
        blob=blobs,
        other=names,
        license_format=st.sampled_from(["xml", "base64"]),
    )
    tried(record, "values-files")


_FACTS = {
    **_ONE.item(),
    "license_id": "l",
    "license_instance_id": "i",
    "requestor_id": "r",
    "package_family_name": "p",
    "issued_date": "d",
    "sha256": hashlib.sha256(_FOREIGN).hexdigest(),
    "size": len(_FOREIGN),
}
_NAMES = ["../foreign.xml", "../../foreign.xml", "a/../../foreign.xml", "..", ".", "/etc/passwd", "~/x", MANIFEST_NAME]
_NAMES += ["..\\foreign.xml", "C:\\foreign.xml", "\\\\server\\share\\x", "Foreign.XML ", "foreign.xml::$DATA"]


def _manifests() -> st.SearchStrategy[bytes]:
    """Manifests that want to have files removed that they do not own."""
    names = st.one_of(st.sampled_from(_NAMES), texts)
    files = st.dictionaries(names, st.one_of(near(_FACTS), st.just(_FACTS), st.just(_FACTS)), max_size=3)
    own = st.just({_ONE.name: {**_FACTS, "sha256": hashlib.sha256(_ONE.xml).hexdigest(), "size": len(_ONE.xml)}})
    selections = st.dictionaries(
        st.just("9wzdncrfj3ps/0015") | texts, st.lists(texts | st.just(_ONE.content_id), max_size=2)
    )
    whole = st.fixed_dictionaries(
        {"version": st.sampled_from([1, 1, 1, True, 2, "1"]), "files": st.one_of(files, own, values)},
        optional={"selections": st.one_of(selections, values), "more": values},
    ).map(json_bytes)
    return st.one_of(whole, whole, whole, documents)


def test_manifests(directory: Directory, explorer: Explorer, record: Record) -> None:
    """Whatever the manifest says: what is missing is staged, nothing of others is removed; then there is no change."""
    requests = requests_from([_ONE.brought(), _TWO.item()])

    def staged(manifest: bytes, there: bool) -> None:
        (directory.path / MANIFEST_NAME).write_bytes(manifest)
        if there:
            (directory.path / _ONE.name).write_bytes(_ONE.xml)
        try:
            states = [result["state"] for result in directory.stage(requests)]
            assert states in (["fetched", "failed"], ["unchanged", "failed"])
            assert directory.names == {_ONE.name, MANIFEST_NAME}
            assert (directory.path / _ONE.name).read_bytes() == _ONE.xml
            complete = directory.stage(requests[:1])
            assert [result["state"] for result in complete] == ["unchanged"]
            assert directory.names == {_ONE.name, MANIFEST_NAME}
            found, problem = load_manifest((directory.path / MANIFEST_NAME).read_bytes(), _CHECKS)
            assert not problem
            assert set(found.files) == {_ONE.name}
            by_product = requests_from([{"product_id": _ONE.product_id}], content_id_optional=True)
            for result in directory.stage(by_product):
                assert result["path"] is None or Path(result["path"]).parent == directory.path
        finally:
            directory.check()
            directory.clear()

    def loaded(manifest: bytes) -> None:
        found, _problem = load_manifest(manifest, _CHECKS)
        assert load_manifest(dump_manifest(found), _CHECKS) == (found, "")

    explorer.run(900, staged, manifest=_manifests(), there=st.booleans())
    explorer.run(900, loaded, manifest=_manifests())
    tried(record, "values-manifests")


class WindowsModules:
    """The modules of a simulated Windows host, called without a connection; win_copy takes a directory as it comes."""

    def __init__(self, top: Path) -> None:
        self.files = WindowsFilesystem(top)
        self.files.make_directory(self.files.parse(_STAGE))

    def run(self, _action: Any, name: str, arguments: dict[str, Any], _vars: Any, check_mode: Any = None) -> Any:
        """Be run_nested."""
        try:
            if name.endswith("win_copy"):
                for entry in os.scandir(arguments["src"]):
                    assert entry.is_file(follow_symlinks=False)
                    path = self.files.parse(f"{arguments['dest']}\\{entry.name}")
                    self.files.write(path, Path(entry.path).read_bytes(), force=True)
                return {"changed": True}
            defaults = {"file_type": "file", "recurse": False, "get_checksum": True, "follow": False, "hidden": False}
            context = Context(
                {**defaults, "state": None, **arguments}, self.files, check_mode=bool(check_mode), diff=False
            )
            return IMPLEMENTED[name].run(context)
        except (BadWindowsPath, WindowsFailure) as exc:
            return {"failed": True, "msg": str(exc)}


def test_windows_manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, explorer: Explorer, record: Record) -> None:
    host = WindowsModules(tmp_path / "host")
    monkeypatch.setattr(_windows, "run_nested", host.run)
    monkeypatch.setattr(_windows.C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    others = [host.files.parse(path) for path in ("C:\\foreign.xml", f"{_STAGE}\\foreign.xml")]
    for other in others:
        host.files.write(other, _FOREIGN)
    manifest_path, own = (host.files.parse(f"{_STAGE}\\{name}") for name in (MANIFEST_NAME, _ONE.name))
    task = SimpleNamespace(args={"dest": _STAGE}, check_mode=False)
    requests = requests_from([_ONE.brought()])

    def staged(manifest: bytes, there: bool) -> None:
        host.files.write(manifest_path, manifest, force=True)
        if there:
            host.files.write(own, _ONE.xml, force=True)
        elif host.files.exists(own):
            host.files.remove(own)
        directory = _windows.WindowsDirectory(SimpleNamespace(_task=task), _STAGE, {})
        (result,) = LicenseStager(directory, "xml", True, False, 10).stage(requests).licenses
        assert result["state"] in ("fetched", "unchanged")
        assert host.files.read(own) == _ONE.xml
        assert [host.files.read(other) for other in others] == [_FOREIGN, _FOREIGN]
        names = {path.name for path in host.files.children(host.files.parse(_STAGE))}
        assert names == {"foreign.xml", MANIFEST_NAME, _ONE.name}
        assert set(load_manifest(host.files.read(manifest_path), _CHECKS)[0].files) == {_ONE.name}

    explorer.run(600, staged, manifest=_manifests(), there=st.booleans())
    assert os.listdir(tmp_path) == ["host"]
    tried(record, "values-windows-manifests")
