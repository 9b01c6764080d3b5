# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check what a program can check of two lists: what collections have to be like to be part of the package `ansible`,
and what certified content is like (order of the README, full links).

Other checks cover the rest: `ansible-test sanity`, `ansible-lint`, galaxy-importer, and check_action_group.py.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from results import ROOT
from source_tree import source_files

SECTIONS = [
    "Description",
    "Requirements",
    "Installation",
    "Use Cases",
    "Testing",
    "Contributing",
    "Support",
    "Release Notes and Roadmap",
    "Related Information",
    "License Information",
]
FILES = [
    *("README.md", "LICENSE", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "MAINTAINERS.md", ".gitignore"),
    *("galaxy.yml", "meta/runtime.yml", "meta/execution-environment.yml", "requirements.txt"),
    *("changelogs/config.yaml", "changelogs/changelog.yaml", "docs/docsite/extra-docs.yml", "docs/docsite/links.yml"),
]
# Of these, a collection needs at least one.
TAGS = {
    *("application", "cloud", "database", "infrastructure", "linux", "monitoring", "networking", "security"),
    *("storage", "tools", "windows"),
}
MOST_TAGS = 20
PLUGIN_DIRECTORIES = {"action", "doc_fragments", "filter", "lookup", "module_utils", "modules", "plugin_utils"}
BUILTIN_FRAGMENT = re.compile(r"(ansible\.builtin|msdevices\.provisioning)\.")
MOST_BYTES = 1024 * 1024
GUIDES = ROOT / "docs" / "docsite" / "rst"

Faults = Iterator[str]


def text(name: str) -> str:
    """The text of a file."""
    return (ROOT / name).read_text(encoding="utf-8")


def load(name: str) -> Any:
    """What a YAML file holds."""
    return yaml.safe_load(text(name))


def names_in(directory: str, suffix: str) -> list[str]:
    """The stems of the files in a directory, sorted, without private ones."""
    return sorted(path.stem for path in (ROOT / directory).glob(f"*{suffix}") if not path.stem.startswith("_"))


def files() -> Faults:
    """Files that have to be there, none that is large, and no ignore file for sanity tests."""
    yield from (f"{name} is missing" for name in FILES if not (ROOT / name).is_file())
    for path in source_files():
        if (ROOT / path).stat().st_size > MOST_BYTES:
            yield f"{path} is larger than {MOST_BYTES} bytes"
        if path.match("tests/sanity/ignore-*.txt"):
            yield f"{path}: the sanity tests have to pass without it"


def galaxy() -> Faults:
    """The metadata of the collection."""
    metadata = load("galaxy.yml")
    for name in ("repository", "documentation", "homepage", "issues"):
        if not str(metadata.get(name, "")).startswith("https://"):
            yield f"galaxy.yml: {name} is not a link"
    if not (metadata.get("license") or metadata.get("license_file")):
        yield "galaxy.yml: there is no license"
    if int(str(metadata["version"]).partition(".")[0]) < 1:
        yield "galaxy.yml: the version is less than 1.0.0"
    tags = metadata["tags"]
    if (
        not TAGS & set(tags)
        or len(tags) > MOST_TAGS
        or not all(re.fullmatch(r"[a-z][a-z0-9_]{0,63}", tag) for tag in tags)
    ):
        yield f"galaxy.yml: tags have to be 1 to {MOST_TAGS}, in lower case, with one of {', '.join(sorted(TAGS))}"
    for name, bounds in metadata["dependencies"].items():
        if not re.match(r">=[1-9]\d*\.\d+\.\d+(,|$)", bounds):
            yield f"galaxy.yml: the dependency {name} has no lower bound of 1.0.0 or more"
    if not re.fullmatch(r">=\d+\.\d+\.\d+", load("meta/runtime.yml")["requires_ansible"]):
        yield "meta/runtime.yml: requires_ansible is not a full version"
    for line in text("requirements.txt").splitlines():
        if re.match(r"ansible\b|ansible-core\b", line) or re.search(r"==|<|~=", line.partition("#")[0]):
            yield f"requirements.txt: '{line}' is more than a lower bound of a library"


def readme() -> Faults:
    """Sections in their order, what the README has to name, and links that work outside the repository, too."""
    document = text("README.md")
    # What looks like a heading in an example is none.
    headings = re.findall(
        r"^## (.+)$", re.sub(r"^```.*?^```$", "", document, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    if headings != SECTIONS:
        yield f"README.md: the sections are not {', '.join(SECTIONS)}"
    for what, pattern in {
        "the code of conduct": r"\(https://docs\.ansible\.com/ansible/\w+/community/code_of_conduct\.html\)",
        "a category of the forum": r"\(https://forum\.ansible\.com/c/",
        "a tag of the forum": r"\(https://forum\.ansible\.com/tag/",
        "a heading for communication": r"^### Communication$",
        "the changelog": r"\]\(https://[^)]+changelogs?\b",
        "semantic versioning": r"\(https://semver\.org/\)",
        "the issue tracker": r"\(https://[^)]+/issues\)",
        "the license": r"\(https://[^)]+/LICENSE\)",
        "CONTRIBUTING.md": r"\(https://[^)]+/CONTRIBUTING\.md\)",
        "MAINTAINERS.md": r"\(https://[^)]+/MAINTAINERS\.md\)",
        "how to install it": r"^ansible-galaxy collection install msdevices\.provisioning$",
    }.items():
        if not re.search(pattern, document, re.MULTILINE):
            yield f"README.md: {what} is missing"
    for link in re.findall(r"\]\(([^)]+)\)", document):
        if not link.startswith("https://"):
            yield f"README.md: {link} is not a full link"
        found = re.match(r"https://github\.com/msdevices/msdevices\.provisioning/(?:blob|tree)/main/(.+)", link)
        if found and not (ROOT / found[1]).exists():
            yield f"README.md: {link} leads nowhere"
    if re.search(r"pip3? install (\S+ )*ansible(-core)?\b", document):
        yield "README.md: Ansible itself is not for pip, but for an execution environment"
    cores = re.findall(r"^BOUNDS_(\S+) :=", text("Makefile"), re.MULTILINE)
    tested = f"Tested with ansible-core {', '.join(cores[:-1])} and {cores[-1]}"
    if tested not in " ".join(document.split()):
        yield f"README.md: it does not say {tested!r}, as the Makefile has it"


def content() -> Faults:
    """Whatever users can call is in the README's table, and nothing else."""
    listed = re.findall(r"^\| (module|lookup|role|playbook) `(\w+)` \|", text("README.md"), re.MULTILINE)
    there = [("module", name) for name in names_in("plugins/modules", ".py")]
    there += [("lookup", name) for name in names_in("plugins/lookup", ".py")]
    there += [("role", path.name) for path in (ROOT / "roles").iterdir() if path.is_dir()]
    there += [("playbook", name) for name in names_in("playbooks", ".yml")]
    yield from (
        f"README.md: the {kind} {name} is not in the table" for kind, name in there if (kind, name) not in listed
    )
    yield from (f"README.md: there is no {kind} {name}" for kind, name in listed if (kind, name) not in there)
    if len(set(listed)) != len(listed):
        yield "README.md: the table names something twice"


def guides() -> Faults:
    """Each guide is in the table of contents and in the README, and has the label by which others refer to it."""
    listed = [name for section in load("docs/docsite/extra-docs.yml")["sections"] for name in section["toctree"]]
    there = names_in("docs/docsite/rst", ".rst")
    document = text("README.md")
    for name in there:
        if listed.count(name) != 1:
            yield f"docs/docsite/extra-docs.yml: {name} is listed {listed.count(name)} times"
        if f"/docs/docsite/rst/{name}.rst)" not in document:
            yield f"README.md: there is no link to the guide {name}"
        if f".. _ansible_collections.msdevices.provisioning.docsite.{name}:" not in text(
            f"docs/docsite/rst/{name}.rst"
        ):
            yield f"docs/docsite/rst/{name}.rst: its label is missing"
    yield from (f"docs/docsite/extra-docs.yml: there is no guide {name}" for name in listed if name not in there)


def documentation_of(path: Path) -> dict[str, Any]:
    """The documentation of a plugin."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION":
            assert isinstance(node.value, ast.Constant)
            return dict(yaml.safe_load(str(node.value.value)))
    return {}


def added(what: str, version: Any) -> Faults:
    """That something says since which version of the collection it is there, and that this is no future one."""

    def numbers(value: Any) -> list[int]:
        return [int(part) for part in str(value).split(".")]

    if not re.fullmatch(r"\d+\.\d+\.\d+", str(version or "")):
        yield f"{what}: version_added is missing, or no version of the collection"
    elif numbers(version) > numbers(load("galaxy.yml")["version"]):
        yield f"{what}: version_added is a version to come"


def plugins() -> Faults:
    """Directories, names and documentation of the plugins."""
    for path in (ROOT / "plugins").iterdir():
        if path.is_dir() and path.name not in PLUGIN_DIRECTORIES | {"__pycache__"}:
            yield f"plugins/{path.name}: no directory for plugins"
    for name in names_in("plugins/modules", ".py") + names_in("plugins/lookup", ".py"):
        for path in (ROOT / "plugins/modules" / f"{name}.py", ROOT / "plugins/lookup" / f"{name}.py"):
            if not path.is_file():
                continue
            where = str(path.relative_to(ROOT))
            document = documentation_of(path)
            yield from added(where, document.get("version_added"))
            fragments = document.get("extends_documentation_fragment", [])
            yield from (f"{where}: {one} is no full name" for one in fragments if not BUILTIN_FRAGMENT.match(one))
            info = name.endswith("_info") and path.parent.name == "modules"
            if info and "msdevices.provisioning._attributes.info" not in fragments:
                yield f"{where}: a module that gathers information supports check mode, by attributes.info"


def roles() -> Faults:
    """Each role says what it is, which options it takes, and since when it is there."""
    for directory in sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir()):
        where = f"roles/{directory.name}"
        missing = [
            name
            for name in ("README.md", "meta/main.yml", "meta/argument_specs.yml")
            if not (directory / name).is_file()
        ]
        yield from (f"{where}/{name} is missing" for name in missing)
        if not missing:
            yield from added(
                where, load(f"{where}/meta/argument_specs.yml")["argument_specs"]["main"].get("version_added")
            )


CHECKS: list[Callable[[], Faults]] = [files, galaxy, readme, content, guides, plugins, roles]


def main() -> int:
    """Print each fault; the exit status is 0 when there is none."""
    faults = list(dict.fromkeys(fault for check in CHECKS for fault in check()))
    for fault in faults:
        print(fault)
    print(f"{len(CHECKS)} lists checked, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
