# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specifications taken from the documentation of the installed ``ansible.windows`` collection."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

_KEPT = ("aliases", "choices", "default", "elements", "required", "type")
_TYPES = frozenset(("bool", "bytes", "dict", "float", "int", "json", "list", "path", "raw", "str"))


class BadArguments(ValueError):
    """Arguments that the documentation of the module does not allow; the text says which."""


def installed_collection() -> Path:
    """The directory of the real ``ansible.windows``, found where Ansible looks for collections.

    :raises FileNotFoundError: when it is not installed.
    """
    configured = os.environ.get("ANSIBLE_COLLECTIONS_PATH", "~/.ansible/collections:/usr/share/ansible/collections")
    for place in [*configured.split(os.pathsep), *sys.path]:
        directory = Path(place or ".").expanduser() / "ansible_collections" / "ansible" / "windows"
        if (directory / "plugins" / "modules" / "win_find.ps1").is_file():
            return directory
    raise FileNotFoundError("the collection ansible.windows is not installed: its documentation is needed")


def installed_version() -> str:
    """The version of the real ``ansible.windows``."""
    manifest = json.loads((installed_collection() / "MANIFEST.json").read_text("utf-8"))
    return str(manifest["collection_info"]["version"])


def _fingerprint(collection: Path) -> str:
    """Changes with the place of the collection, with each file of it that holds documentation, and with this module."""
    digest = hashlib.sha256(str(collection).encode() + Path(__file__).read_bytes())
    for file in sorted((collection / "plugins" / "modules").iterdir()):
        if file.suffix in (".py", ".yml"):
            status = file.stat()
            digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _facts_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options without their prose."""
    facts: dict[str, Any] = {}
    for name, option in options.items():
        facts[name] = {key: option[key] for key in _KEPT if key in option}
        if option.get("suboptions"):
            facts[name]["suboptions"] = _facts_of(option["suboptions"])
    return facts


def _document(collection: Path) -> dict[str, Any]:
    """The documentation of every module of the collection, as ``ansible-doc --json`` gives it."""
    beside = Path(sys.executable).with_name("ansible-doc")
    program = str(beside) if beside.is_file() else shutil.which("ansible-doc")
    if program is None:
        raise FileNotFoundError("ansible-doc is not installed")
    names = sorted({f"ansible.windows.{file.stem}" for file in (collection / "plugins" / "modules").glob("*.ps1")})
    root = str(collection.parents[2])
    run = subprocess.run(
        [program, "--json", "-t", "module", *names],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": root, "ANSIBLE_LOCALHOST_WARNING": "False"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    pages = json.loads(run.stdout)
    return {name: _facts_of(pages[name]["doc"].get("options", {})) for name in names if "doc" in pages.get(name, {})}


def build(cache: Path) -> Path:
    """Write the documented options of all modules to a file in ``cache``, unless that is there already.

    :returns: the file. Its name changes with the collection, so it cannot be out of date.
    """
    collection = installed_collection()
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / f"options-{_fingerprint(collection)}.json"
    with open(cache / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            new = target.with_suffix(".new")
            new.write_text(json.dumps(_document(collection), indent=1, sort_keys=True), "utf-8")
            new.replace(target)
    return target


@functools.lru_cache(maxsize=4)
def load(file: Path) -> dict[str, Any]:
    """Read what :func:`build` wrote: documented options by full module name."""
    documented: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return documented


def _argument_spec(options: Mapping[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    for name, option in options.items():
        kind = option.get("type", "str")
        entry: dict[str, Any] = {"type": kind if kind in _TYPES else "raw"}
        if kind == "path":
            # Ansible's own check would expand the path as a POSIX path.
            entry["type"] = "str"
        for key in ("aliases", "choices", "default", "required"):
            if key in option:
                entry[key] = option[key]
        if kind == "list":
            elements = option.get("elements", "raw")
            entry["elements"] = "str" if elements == "path" else elements if elements in _TYPES else "raw"
        if "suboptions" in option:
            entry["options"] = _argument_spec(option["suboptions"])
        spec[name] = entry
    return spec


def _refuse_loose_text(options: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Refuse containers and nulls where text belongs: Ansible would turn them into their printed form."""
    for name, option in options.items():
        for key in (name, *option.get("aliases", ())):
            value = arguments.get(key)
            kind = option.get("type", "str")
            if kind in ("str", "path") and isinstance(value, (dict, list)):
                raise BadArguments(f"argument '{key}' is of type {type(value).__name__}, the documentation says {kind}")
            if kind == "list" and option.get("elements") in ("str", "path") and isinstance(value, list):
                wrong = [type(element).__name__ for element in value if not isinstance(element, (str, int, float))]
                if wrong:
                    raise BadArguments(f"Elements of '{key}' are of type {wrong[0]}, the documentation says str")


def check(module: str, options: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Check arguments against documented options.

    :param module: the short name, for the message.
    :returns: the arguments with defaults filled in, converted to their documented types, by their main names.
    :raises BadArguments: when one is unknown, missing, of the wrong type or not among the choices.
    """
    _refuse_loose_text(options, arguments)
    result = ArgumentSpecValidator(_argument_spec(options)).validate(dict(arguments))
    if result.unsupported_parameters:
        unknown = ", ".join(
            sorted(".".join(name) if isinstance(name, tuple) else name for name in result.unsupported_parameters)
        )
        known = ", ".join(sorted(options))
        raise BadArguments(
            f"Unsupported parameters for ({module}) module: {unknown}. Supported parameters include: {known}"
        )
    if result.error_messages:
        raise BadArguments("; ".join(result.error_messages))
    aliases = {alias for option in options.values() for alias in option.get("aliases", ())}
    return {name: value for name, value in result.validated_parameters.items() if name not in aliases}
