# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Downloads and unpacks price sheets on the controller, once in a run."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import typing as t
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from ansible_collections.msdevices.provisioning.plugins.module_utils._argspec.partner_price_sheet import sheet_options
from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ProvisioningError, ServiceError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache, Entry
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import MEBIBYTE
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings, settings_from

# A documented sheet has 42 MB.
_MAX_UNPACKED = 1024 * MEBIBYTE
_CHUNK = 256 * 1024
# A ZIP file within gzip data, as a proxy may make it.
_MAX_LAYERS = 2
_PROXY = "Check base_url, and whether a proxy responds in the service's place"


@contextmanager
def price_sheet(
    options: Mapping[str, t.Any], open_cache: Callable[[Settings], Cache], directory: str
) -> Iterator[Entry]:
    """Give `path`, `size` (bytes) and `sha256` of a sheet as a CSV file on the controller.

    It is downloaded once in a run, into the private `directory` that ends with the run; without the run cache, the file
    is gone after the block. Raises ProvisioningError.
    """
    from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.partner_center.price_sheets import (
        PriceSheets,
        Sheet,
    )

    sheet = Sheet(*sheet_options(options))
    settings = settings_from(options, "partner_price_sheets")
    cache = open_cache(settings)

    def create() -> Entry:
        folder = tempfile.mkdtemp(prefix="price_sheet_", dir=directory)
        try:
            with PriceSheets(settings, cache) as client:
                client.sign_in()
                client.download(sheet, os.path.join(folder, "download"))
            return _unpacked(folder, sheet.name, f"Could not use the price sheet {sheet}")
        except BaseException:
            _remove(folder)
            raise

    key = f"price sheet {settings.fingerprint} {sheet}"
    entry = cache.get_or_create(key, create, lambda entry: os.path.isfile(str(entry.get("path"))))
    try:
        yield entry
    finally:
        if not settings.run_cache:
            _remove(os.path.dirname(str(entry["path"])))


def _remove(folder: str) -> None:
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)


def _unpacked(folder: str, name: str, attempted: str) -> Entry:
    """Unpack the download in a folder, told by its first bytes, into the file of this name."""
    source, target = os.path.join(folder, "download"), os.path.join(folder, name)
    for layer in range(_MAX_LAYERS + 1):
        start = _first_bytes(source)
        packed = start.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b"))
        if not packed:
            break
        if layer == _MAX_LAYERS:
            raise ServiceError(attempted, "what came is packed more than twice", _PROXY)
        unpacked = os.path.join(folder, f"layer{layer}")
        _unpack(source, unpacked, start.startswith(b"PK"), attempted)
        os.unlink(source)
        source = unpacked
    _check_text(_first_bytes(source), attempted)
    os.replace(source, target)
    digest = hashlib.sha256()
    with open(target, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return {"path": target, "size": os.path.getsize(target), "sha256": digest.hexdigest()}


def _first_bytes(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read(4096)


def _unpack(source: str, target: str, is_zip: bool, attempted: str) -> None:
    try:
        if not is_zip:
            with gzip.open(source, "rb") as stream:
                _copy(stream, target, attempted)
            return
        with zipfile.ZipFile(source) as archive:
            files = [one for one in archive.infolist() if not one.is_dir()]
            if len(files) != 1:
                raise ServiceError(
                    attempted, f"the ZIP file that came holds {len(files)} files instead of one sheet", _PROXY
                )
            # The name is not used: it could lead elsewhere.
            with archive.open(files[0]) as stream:
                _copy(stream, target, attempted)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, gzip.BadGzipFile) as exc:
        kind = "ZIP file" if is_zip else "gzip data"
        raise ServiceError(
            attempted, f"the {kind} that came cannot be unpacked ({type(exc).__name__})", "Run again"
        ) from None


def _copy(stream: t.Any, target: str, attempted: str) -> None:
    size = 0
    with open(target, "wb") as output:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > _MAX_UNPACKED:
                raise ServiceError(
                    attempted, f"it unpacks to more than {_MAX_UNPACKED // MEBIBYTE} MiB, which no sheet does", _PROXY
                )
            output.write(chunk)


def _check_text(start: bytes, attempted: str) -> None:
    """Refuse what is no sheet. Columns come and go, so only the form of the first line is looked at."""
    line = start.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0]
    why = ""
    if not line:
        why = "what came is empty"
    elif line[:1] in (b"<", b"{", b"[") or b"\0" in line:
        why = "what came is no price sheet"
    elif b"," not in line:
        why = "what came has no columns"
    if why:
        raise ServiceError(attempted, why, _PROXY)


def place(
    run: Callable[[str, dict[str, t.Any]], dict[str, t.Any]], windows: bool, entry: Entry, options: Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """Copy the sheet to `dest` of the host when the content there differs; return what the module returns.

    `run` runs another module on the host. Raises ProvisioningError.
    """
    arguments: dict[str, t.Any] = {"src": entry["path"], "dest": options["dest"]}
    names = () if windows else ("mode", "owner", "group")
    arguments.update({name: options[name] for name in names if options.get(name) is not None})
    result = run("ansible.windows.win_copy" if windows else "ansible.builtin.copy", arguments)
    if result.get("failed"):
        raise ProvisioningError(
            f"Could not place the price sheet at {options['dest']}",
            str(result.get("msg") or "the host did not say why"),
            "Check that the directory exists and can be written to",
        )
    return {
        "changed": bool(result.get("changed")),
        "dest": str(result.get("dest") or options["dest"]),
        "size": entry["size"],
        "sha256": entry["sha256"],
    }
