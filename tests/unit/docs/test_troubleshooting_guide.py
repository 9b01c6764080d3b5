# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide on troubleshooting has an entry for every message, and no entry for a message that is gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from emulator.entra_errors import ERRORS
from tools.messages import messages, messages_of_playbooks
from tools.wordings import VARIES, letters

from ansible_collections.msdevices.provisioning.plugins.module_utils import _sign_in_errors

ROOT = Path(__file__).resolve().parents[3]
GUIDE = ROOT / "docs" / "docsite" / "rst" / "guide_troubleshooting.rst"
# An entry that is more general than this about a message is none about it.
_LEAST_SHARE = 0.4


def entries() -> dict[str, str]:
    """The messages that the guide has an entry for, each with the text of its entry."""
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    found: dict[str, str] = {}
    for number, line in enumerate(lines[:-1]):
        if line.startswith("``") and lines[number + 1].startswith("  "):
            text = []
            for following in lines[number + 1 :]:
                if not following.startswith("  "):
                    break
                text.append(following.strip())
            for message in re.findall(r"``(.+?)``", line):
                assert message not in found, f"two entries for {message}"
                found[message] = " ".join(text)
    return found


def covers(entry: str, message: str) -> bool:
    """Tell whether an entry is about a message. What comes before its last colon, and ends in parentheses, may lack."""
    pattern = ".*".join(re.escape(part) for part in entry.split(VARIES))
    if not re.fullmatch(rf"(?:.*: )?{pattern}\.?(?: \(.*\))?", message, re.DOTALL):
        return False
    return letters(entry) >= _LEAST_SHARE * letters(re.sub(r" \(.*\)$", "", message))


@pytest.fixture(scope="module")
def told() -> dict[str, set[str]]:
    """All messages, with where they come from."""
    return {**messages(), **messages_of_playbooks()}


def test_the_sources_are_understood(told: dict[str, set[str]]) -> None:
    # One of each way in which a message is made: a plain text, one in parts, a parameter, a table, a returned text, an
    # item of a tuple, a kind of error that is chosen, a warning, a result, a role.
    for text in (
        "no credential is set",
        f"the catalog lists what cannot be used: {VARIES}",
        "timeout is …",
        "the offer is not sold in that country (…)",
        "the host name does not resolve",
        "not owned (…)",
        "there is no license for this content id (…)",
        "Not pruning …: it is not what was staged. It is no longer in the manifest.",
        "Could not stage …: … is ….",
        "Could not write …: there is no attribute LicenseID in …",
    ):
        assert text in told
    assert len(told) > 200


def test_every_message_has_an_entry(told: dict[str, set[str]]) -> None:
    known = [entry for entry in entries() if not entry.startswith("AADSTS")]
    missing = {
        message: sorted(places) for message, places in told.items() if not any(covers(one, message) for one in known)
    }
    assert not missing, "\n".join(f"{message}    {places}" for message, places in sorted(missing.items()))


def test_every_entry_has_a_message(told: dict[str, set[str]]) -> None:
    known = [entry for entry in entries() if not entry.startswith("AADSTS")]
    gone = [entry for entry in known if not any(covers(entry, message) for message in told)]
    assert not gone, "\n".join(gone)


def test_every_code_of_entra_has_an_entry() -> None:
    in_guide = {entry for entry in entries() if entry.startswith("AADSTS")}
    assert in_guide == set(_sign_in_errors._REMEDIES)
    assert {f"AADSTS{code}" for code in ERRORS} <= in_guide


def test_entries_say_something() -> None:
    found = entries()
    assert len(found) > 200
    for message, text in found.items():
        assert letters(message) >= 6, message
        assert len(text) >= 25, message
        assert text.endswith((".", "_.")), message


@pytest.mark.parametrize(
    ("entry", "message", "expected"),
    [
        ("no credential is set", "no credential is set", True),
        ("no credential is set", "item 1 (…): no credential is set", True),
        ("not owned", "not owned (…)", True),
        ("not owned", "not owned, or not offline (…)", False),
        ("… is not a URL", "base_url is not a URL", True),
        ("timeout is …", "timeout is …", True),
        ("… answered …", "… answered …", True),
        ("… answered …", "… answered HTTP … without a licenseBlob", False),
        ("the service is gone", "the service is not at this address", False),
    ],
)
def test_covers(entry: str, message: str, expected: bool) -> None:
    assert covers(entry, message) is expected
