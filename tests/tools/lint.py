# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run everything that checks the sources without running them, and count each check.

Usage: lint.py [--fast]     --fast leaves out the checks of the documentation, the changelog and the built collection.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import shutil
import sys

from results import BUILD, ROOT, Counts, Step, run_step, write_counts
from source_tree import copy_sources, source_files

COLLECTION = "ansible_collections.msdevices.provisioning"
WORK = BUILD / "lint"


def tool(name: str) -> str:
    """The path of a command of this virtual environment."""
    return str(pathlib.Path(sys.executable).parent / name)


def galaxy(*arguments: str) -> list[str]:
    """A command of ansible-galaxy for collections."""
    return [tool("ansible-galaxy"), "collection", *arguments]


def shell_scripts() -> list[str]:
    """The shell scripts among the sources, told by their first line."""
    scripts = []
    for name in source_files():
        with open(ROOT / name, "rb") as file:
            if re.match(rb"#!(/bin/sh|/usr/bin/env bash|/bin/bash)\b", file.readline(80)):
                scripts.append(str(name))
    return scripts


def no_warning(output: str) -> str | None:
    """Find the first warning or error in the output of galaxy-importer."""
    for line in output.splitlines():
        if re.match(r"(WARNING|ERROR|CRITICAL)\b", line):
            return line
    if "Importer processing completed successfully" not in output:
        return "the import did not complete"
    return None


def has_requirements(output: str) -> str | None:
    """See whether ansible-builder found, in the installed collection, each library that the controller needs."""
    declared = re.findall(r"^([A-Za-z0-9-]+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    missing = [name for name in declared if not re.search(rf"\b{re.escape(name)}\b", output)]
    return f"not found: {', '.join(missing)}" if missing or not declared else None


def fast_steps() -> list[Step]:
    """The checks that take seconds."""
    own = [sys.executable]
    return [
        Step("ruff-check", [tool("ruff"), "check", "."]),
        Step("ruff-format", [tool("ruff"), "format", "--check", "."]),
        Step("mypy", [tool("mypy"), "-p", f"{COLLECTION}.plugins"]),
        Step(
            "import-linter",
            [tool("lint-imports"), "--no-cache"],
            {**os.environ, "PYTHONPATH": str(BUILD / "collections")},
        ),
        Step("yamllint", [tool("yamllint"), "--strict", "."]),
        Step("shellcheck", [tool("shellcheck"), *shell_scripts()]),
        Step("reuse", [tool("reuse"), "lint", "--quiet"]),
        Step("action-group", [*own, "tests/tools/check_action_group.py"]),
        Step("code-tables", [*own, "tests/tools/code_tables.py", "--check"]),
        Step("inclusion", [*own, "tests/tools/check_inclusion.py"]),
    ]


def full_steps() -> list[Step]:
    """The checks that build the collection or its documentation."""
    built = copy_sources(WORK / "source")
    artifacts = WORK / "artifacts"
    importer = WORK / "importer"
    installed = WORK / "installed"
    for directory in (artifacts, importer, installed):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    version = re.search(r"^version: *(\S+)", (ROOT / "galaxy.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert version is not None
    artifact = artifacts / f"msdevices-provisioning-{version.group(1)}.tar.gz"

    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join([str(pathlib.Path(sys.executable).parent), environment["PATH"]])
    environment["GALAXY_IMPORTER_CONFIG"] = str(ROOT / "tests/galaxy-importer.cfg")
    return [
        Step("ansible-lint", [tool("ansible-lint"), "--profile", "production", "--strict", "--offline"], environment),
        Step("antsibull-changelog", [tool("antsibull-changelog"), "lint"]),
        Step(
            "antsibull-docs",
            [
                tool("antsibull-docs"),
                "lint-collection-docs",
                "--plugin-docs",
                "--validate-collection-refs",
                "dependent",
                ".",
            ],
            environment,
        ),
        Step("docs", ["sh", "tests/tools/build_docs.sh", str(WORK / "docs")], environment),
        Step("build", galaxy("build", "--output-path", str(artifacts), str(built))),
        Step("install", galaxy("install", "--force", "--no-deps", "-p", str(installed), str(artifact))),
        Step(
            "execution-environment",
            [tool("ansible-builder"), "introspect", str(installed)],
            inspect=has_requirements,
        ),
        Step(
            "galaxy-importer",
            [sys.executable, "-m", "galaxy_importer.main", str(artifact)],
            environment,
            directory=importer,
            inspect=no_warning,
        ),
    ]


def main() -> int:
    """Run the checks; the exit status is 0 when all passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="only the checks that take seconds")
    fast = parser.parse_args().fast

    failed = []
    counts = Counts()
    for step in fast_steps() + ([] if fast else full_steps()):
        if run_step(step):
            counts.passed += 1
        else:
            failed.append(step.name)
    counts.failed = len(failed)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    print(f"\n{counts.passed} passed, {counts.failed} failed")
    write_counts("lint-fast" if fast else "lint", counts)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
