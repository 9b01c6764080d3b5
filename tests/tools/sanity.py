# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run all sanity tests of ansible-test on a copy of the sources and count them.

Usage: sanity.py [SUITE]     SUITE is the name under which the counts are kept.

ansible-test resolves links, so that it needs a copy at a path ansible_collections/NAMESPACE/NAME. It reads and writes
`~/.ansible/test` and looks for interpreters on PATH: it gets a home directory of its own below `.build`, with the pip
bootstrap script and pip's configuration, and a directory with a link to each interpreter.
"""

from __future__ import annotations

import configparser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import ansible.release
import pip_access
from results import BUILD, ROOT, Counts, Step, junit_counts, run_step, write_counts
from source_tree import copy_sources, source_files

CORE = ".".join(ansible.release.__version__.split(".")[:2])
WORK = BUILD / f"sanity-{CORE}"
# A test that has no file to look at, of the kind that it checks, does not apply. Any other reason is a failure.
NOT_APPLICABLE = "No tests applicable."
# These find nothing to do when their program is missing, too.
SUFFIXES = {"shellcheck": {".sh"}, "pslint": {".ps1", ".psm1", ".psd1"}}
# Without an interpreter the tests of this version cannot run; the machine decides which versions there are.
NO_INTERPRETER = re.compile(r'Skipping sanity test ".*" on Python (\S+) because it could not be found\.')


def link_interpreters(directory: pathlib.Path) -> list[str]:
    """Fill `directory` with a link to each interpreter that may be a target; return their versions."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    listing = subprocess.run(
        ["sh", str(ROOT / "tests/tools/find_python.sh"), "--all", "3.8", "3.14"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    versions = []
    for line in listing.splitlines():
        version, path = line.split(" ", 1)
        (directory / f"python{version}").symlink_to(path)
        versions.append(version)
    return versions


def prepare_home(home: pathlib.Path) -> None:
    """Write what ansible-test and its pip look for in the home directory."""
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    script = (ROOT / "tests/tools/get_pip.py").read_bytes()
    for version in bootstrap_versions():
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_bytes(script)

    configuration = home / ".config" / "pip" / "pip.conf"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    with open(configuration, "w", encoding="utf-8") as file:
        pip_configuration().write(file)


def pip_configuration() -> configparser.RawConfigParser:
    """What holds for pip here, whether it comes from files or from the environment.

    ansible-test removes pip's variables from the environment, and its home directory hides the user's file.
    """
    configuration = pip_access.configuration()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    cache = subprocess.check_output([*pip, "cache", "dir"], text=True).strip()
    configuration.set("global", "cache-dir", cache)
    configuration.set("global", "quiet", "2")
    return configuration


def bootstrap_versions() -> set[str]:
    """The versions of pip whose bootstrap script this ansible-test may ask for."""
    import ansible_test._internal.python_requirements as requirements

    source = pathlib.Path(requirements.__file__).read_text(encoding="utf-8")
    return set(re.findall(r"pip='([0-9.]+)'", source))


def unapplied(reports: list[pathlib.Path]) -> dict[str, str]:
    """Test names with the reason for which they did not run."""
    reasons = {}
    for report in reports:
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            skipped = case.find("skipped")
            if skipped is not None:
                reasons[str(case.get("name"))] = str(skipped.get("message") or skipped.text)
    return reasons


def main() -> int:
    """Run the tests; the exit status is 0 when each test that applies passed."""
    versions = link_interpreters(WORK / "bin")
    prepare_home(WORK / "home")
    # tests/output holds the virtual environment of ansible-test, which is worth keeping.
    content = WORK / "ansible_collections" / "msdevices" / "provisioning"
    output = content / "tests" / "output"
    kept = WORK / "output"
    if output.exists():
        output.rename(kept)
    copy_sources(content, keep=(".git",))
    # ansible-test asks git which files there are: without a repository here it would ask the one around it.
    subprocess.run(["git", "init", "--quiet", str(content)], check=True)
    if kept.exists():
        kept.rename(output)
    shutil.rmtree(output / "junit", ignore_errors=True)

    ignore_files = sorted(content.glob("tests/sanity/ignore*.txt"))
    search = [str(WORK / "bin"), str(pathlib.Path(sys.executable).parent)]
    search += [part for part in os.environ["PATH"].split(os.pathsep) if not part.endswith("/shims")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment.update(HOME=str(WORK / "home"), PATH=os.pathsep.join(search))
    passed = run_step(
        Step(
            name=f"sanity on ansible-core {ansible.release.__version__}",
            command=["ansible-test", "sanity", "--venv", "--color", "no", "--junit", "--allow-disabled"],
            environment=environment,
            directory=content,
        )
    )

    reports = sorted((output / "junit").glob("*.xml"))
    counts = junit_counts(reports)
    not_applicable = []
    present = {path.suffix for path in source_files()}
    missing = set()
    for name, reason in unapplied(reports).items():
        no_interpreter = NO_INTERPRETER.search(reason)
        unlooked = SUFFIXES.get(name.split("-python-")[0], set()) & present
        if reason == NOT_APPLICABLE and not unlooked:
            not_applicable.append(name)
        elif no_interpreter:
            missing.add(no_interpreter.group(1))
        else:
            print(f"not run: {name}: {reason if not unlooked else 'its program is missing'}")
            continue
        counts.skipped -= 1
    if ignore_files:
        print(f"ignore files are not allowed: {', '.join(map(str, ignore_files))}")
        counts.failed += len(ignore_files)
    print(f"Pythons found: {', '.join(versions)}; not on this machine: {', '.join(sorted(missing)) or 'none'}")
    print(f"not applicable, as there is no such file: {', '.join(sorted(not_applicable)) or 'none'}")
    print(f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped")
    write_counts(sys.argv[1] if len(sys.argv) > 1 else "sanity", counts)
    return 0 if passed and counts == Counts(passed=counts.passed) else 1


if __name__ == "__main__":
    sys.exit(main())
