# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What DISM prints is read as the reference facts describe it, and never guessed."""

from __future__ import annotations

import pytest

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import ServicingError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism_codes import error_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._hosts.dism_output import (
    parse_app_list,
    parse_error_code,
)

HEADER = (
    "\r\nDeployment Image Servicing and Management tool\r\nVersion: 10.0.22621.1\r\n\r\n"
    "Image Version: 10.0.22621.2861\r\n\r\n"
)
CLOSING = "The operation completed successfully.\r\n"
BUNDLE = (
    "DisplayName : Contoso.Paint\r\nVersion : 2026.310.1200.0\r\nArchitecture : neutral\r\nResourceId : ~\r\n"
    "PackageName : Contoso.Paint_2026.310.1200.0_neutral_~_8wekyb3d8bbwe\r\nRegions : all\r\n\r\n"
)
CODEC = (
    "displayname : Contoso.Codec\r\nVERSION : 1.0.7.0\r\nArchitecture : x64\r\nResourceId : \r\n"
    "InstallLocation : C:\\x : y\r\n"
    "PackageName : Contoso.Codec_1.0.7.0_x64__8wekyb3d8bbwe\r\n\r\n"
)


@pytest.mark.parametrize("preamble", ["", "Getting provisioned app packages...\r\n\r\n", "\r[==   5.0%  ] \r\r\n"])
def test_list(preamble: str) -> None:
    listed = parse_app_list(HEADER + preamble + BUNDLE + CODEC + BUNDLE.replace(": all", ": None") + CLOSING)
    assert (listed.dism_version, listed.image_version) == ("10.0.22621.1", "10.0.22621.2861")
    assert [(one.family_name, str(one.version), one.regions) for one in listed.apps] == [
        ("Contoso.Paint_8wekyb3d8bbwe", "2026.310.1200.0", "all"),
        ("Contoso.Codec_8wekyb3d8bbwe", "1.0.7.0", None),
        ("Contoso.Paint_8wekyb3d8bbwe", "2026.310.1200.0", ""),
    ]
    assert listed.apps[1].package_name == "Contoso.Codec_1.0.7.0_x64__8wekyb3d8bbwe"
    assert parse_app_list(HEADER + CLOSING).apps == ()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "cut off, empty or not in English"),
        (HEADER + BUNDLE + CODEC[:40], "cut off"),
        (
            HEADER.replace("Image Version", "Abbildversion") + "Der Vorgang wurde erfolgreich beendet.\r\n",
            "not in English",
        ),
        (HEADER + BUNDLE.replace("PackageName", "Other") + CLOSING, "'Contoso.Paint' in it has no PackageName"),
        (HEADER + BUNDLE.replace("_neutral_~_", "_") + CLOSING, "form Name_Version"),
    ],
)
def test_answers_that_are_no_list(text: str, cause: str) -> None:
    with pytest.raises(ServicingError, match=r".") as caught:
        parse_app_list(text)
    assert cause in str(caught.value)


@pytest.mark.parametrize(
    ("status", "text", "shown"),
    [
        (15610, "\r\nError: 15610\r\n", "15610"),
        # The status as it is, as HRESULT, with a sign, and only one of the two known.
        (0x80073CFA, "\r\nError: 0x80073cfa\r\n", "15610"),
        (3243704600, "\r\nError: 0xc1570118\r\n", "0xC1570118"),
        (-1051262696, "", "0xC1570118"),
        (1, "\r\nError: 740\r\n", "740"),
        (0, "\r\nError: 5\r\n", "5"),
        (0xC1570106, "\r\nError: 4711\r\n", "0xC1570106"),
        (4711, "", "4711"),
    ],
)
def test_codes(status: int, text: str, shown: str) -> None:
    """The code is read from the status and from the text, and the one that is known is taken."""
    error = error_of(status, parse_error_code(text))
    assert error.shown == shown
    assert error.meaning
    assert error.remedy
