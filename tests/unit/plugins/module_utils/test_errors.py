# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.msdevices.provisioning.plugins.module_utils import _errors as errors

EXAMPLES = [
    errors.ProvisioningError("Could not try", "why", "what to do"),
    errors.OptionError("Could not try", "why"),
    errors.MissingLibraryError("Could not try", "why", "what to do"),
    errors.SignInError("Could not try", "why", "what to do"),
    errors.UnavailableError("Could not try", "why", "what to do", deadline_exceeded=True, unreachable=True),
    errors.ServiceError("Could not try", "why", "what to do", status=409, code="Conflict"),
    errors.NotFoundError("Could not try", "why", "what to do", status=404),
    errors.LicenseDocumentError("Could not try", "why"),
    errors.PackageError("Could not try", "why"),
    errors.EncryptedPackageError("Could not try", "why"),
    errors.ServicingError("Could not try", "why", "what to do"),
    errors.ImageError("Could not try", "why", "what to do"),
    errors.StagingError("Could not try", "why", "what to do"),
    errors.FailuresError("Could not try", "why\nand why"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_comes_back_from_another_process_as_it_was(error: errors.ProvisioningError) -> None:
    entry = json.loads(json.dumps(errors.to_entry(error)))
    back = errors.error_from(entry)
    assert type(back) is type(error)
    assert vars(back) == vars(error)
    assert str(back) == str(error)


def test_every_kind_is_among_the_examples() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert {type(error) for error in EXAMPLES} == kinds


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("Could not try", "why", "Do this"), "Could not try: why. Do this."),
        (("Could not try", "why.", "Do this."), "Could not try: why. Do this."),
        (("Could not try", "why", ""), "Could not try: why."),
        (("Could not\n\ttry", "why\x1b[0m\u202e\0", "Dö 😀"), "Could not  try: why?[0m??. Dö 😀."),
    ],
)
def test_the_text_is_whole_sentences(parts: tuple[str, str, str], text: str) -> None:
    assert str(errors.ProvisioningError(*parts)) == text


def test_a_failure_within_a_larger_attempt() -> None:
    inner = errors.UnavailableError("Could not send POST x", "no answer", "Check the host", deadline_exceeded=True)
    outer = inner.within("Could not get y", "Or ask z")
    assert str(outer) == "Could not get y: could not send POST x: no answer. Check the host. Or ask z."
    assert outer.deadline_exceeded
