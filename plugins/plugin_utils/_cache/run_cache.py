# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The run cache: answers and tokens shared by all forks of one run of Ansible, and gone with it.

It lives in DEFAULT_LOCAL_TMP, one 0700 directory per run that Ansible deletes at its end, in encrypted files.
"""

from __future__ import annotations

import functools
import hashlib
import json
import multiprocessing
import os
import tempfile
import time
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ansible import constants as C
from ansible.utils.display import Display

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import (
    ProvisioningError,
    error_from,
    to_entry,
)
from ansible_collections.msdevices.provisioning.plugins.module_utils._file_lock import lock_file
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import (
    Entry,
    NoCache,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings

_display = Display()
_NONCE_BYTES = 12
# Whoever holds a lock makes a bounded call; somebody who waits longer than any such call asks by himself.
_PATIENCE_FACTOR = 4


class RunCache:
    """A Cache in files. Reading needs no lock; the lock of a key is held while its entry is created, so that many
    forks that want the same make one request."""

    def __init__(self, directory: str, patience: float) -> None:
        """Take an existing private directory, and for how many seconds to wait for somebody else's request."""
        self._directory = directory
        self._patience = patience

    def find(self, key: str) -> Entry | None:
        """See Cache."""
        return _read(self._path(key))

    def get_or_create(
        self, key: str, create: Callable[[], Entry], usable: Callable[[Entry], bool] | None = None
    ) -> Entry:
        """See Cache. A directory that cannot be used costs requests, never a result."""
        path = self._path(key)
        entry = _read(path)
        if entry is not None and (usable is None or usable(entry)):
            return entry
        asked = time.monotonic()
        with self._locked(path + ".lock"):
            entry = _read(path)
            if entry is not None and (usable is None or usable(entry)):
                return entry
            failure = _read(path + ".failed")
            if failure is not None and failure.get("time", 0) > asked:
                # The request that this one waited for has failed just now. Errors are not kept beyond that. All forks
                # have the same monotonic clock.
                raise error_from(failure)
            try:
                entry = create()
            except ProvisioningError as exc:
                _write(path + ".failed", {"time": time.monotonic(), **to_entry(exc)})
                raise
            _write(path, entry)
            return entry

    def _path(self, key: str) -> str:
        # A keyed sum, since the key holds sums over secrets.
        return os.path.join(self._directory, _sum(key))

    @contextmanager
    def _locked(self, path: str) -> Iterator[None]:
        """Hold an exclusive lock across processes and threads. It ends with its holder, however that ends."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            _display.vv(f"The run cache cannot be used, requests are made without it: {exc.strerror}")
            yield
            return
        try:
            try:
                lock_file(descriptor, self._patience)
            except OSError as exc:
                _display.vv(f"The run cache cannot lock its files: {exc.strerror}")
            yield
        finally:
            os.close(descriptor)


def run_cache_of(settings: Settings) -> RunCache | NoCache:
    """Return the cache of this run of Ansible, or one that remembers nothing when the settings say so."""
    return open_run_cache(settings.deadline) if settings.run_cache else NoCache()


def open_run_cache(deadline: float) -> RunCache | NoCache:
    """Return the cache of this run of Ansible, whose entries take at most `deadline` seconds to make."""
    directory = os.path.join(C.DEFAULT_LOCAL_TMP, "msdevices.provisioning")
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
    except OSError as exc:
        _display.vv(f"The run cache cannot be used, requests are made without it: {exc.strerror}")
        return NoCache()
    return RunCache(directory, deadline * _PATIENCE_FACTOR)


def _key() -> bytes:
    """Return the key of this run: 32 random bytes of its main process, which all its forks inherit and nobody else has.

    The files are worth nothing once the run's processes have ended, even by SIGKILL.
    """
    return hashlib.sha256(bytes(multiprocessing.current_process().authkey)).digest()


def _sum(key: str) -> str:
    return hashlib.blake2b(key.encode("utf-8"), key=_key(), digest_size=32).hexdigest()


@functools.lru_cache(maxsize=1)
def _cipher() -> t.Any:
    """Return the cipher with this run's key. Late, since ansible-core brings the library, and checks of it do not."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(_key())


def _read(path: str) -> Entry | None:
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError:
        return None
    from cryptography.exceptions import InvalidTag

    try:
        entry: t.Any = json.loads(_cipher().decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], path.encode("utf-8")))
    except (ValueError, InvalidTag):
        return None
    return entry if isinstance(entry, dict) else None


def _write(path: str, entry: Entry) -> None:
    """Replace the file at once, so that readers see the old entry or the new one."""
    nonce = os.urandom(_NONCE_BYTES)
    data = nonce + _cipher().encrypt(nonce, json.dumps(entry).encode("utf-8"), path.encode("utf-8"))
    temporary = ""
    try:
        # mkstemp makes it readable by its owner alone.
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        os.replace(temporary, path)
    except OSError as exc:
        _display.vv(f"The run cache cannot be written, requests are made without it: {exc.strerror}")
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)
