# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The errors that the layers below the callers raise.

The callers (module, action plugin, lookup) translate a ProvisioningError into Ansible's failure, once.
"""

from __future__ import annotations

import typing as t


class ProvisioningError(Exception):
    """A failure that a user can meet: what was attempted, why it failed, and what to do about it."""

    def __init__(self, attempted: str, cause: str, remedy: str = "") -> None:
        """Take three sentences (or parts of one) without a final period, in plain English, free of secrets."""
        super().__init__(attempted, cause, remedy)
        self.attempted = attempted
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.attempted}: {self.cause}".rstrip(".") + "."
        if self.remedy:
            text += f" {self.remedy.rstrip('.')}."
        # Options, services and hosts may bring line breaks and worse into it.
        return "".join(char if char.isprintable() else " " if char.isspace() else "?" for char in text)


class OptionError(ProvisioningError):
    """An option has a value that cannot work. Raised before any request is made."""


class MissingLibraryError(ProvisioningError):
    """A Python library that the controller needs is not installed."""


class SignInError(ProvisioningError):
    """No token could be had."""


class UnavailableError(ProvisioningError):
    """A service could not be reached, or did not answer well in time, after all tries."""

    def __init__(self, attempted: str, cause: str, remedy: str = "", deadline_exceeded: bool = False) -> None:
        super().__init__(attempted, cause, remedy)
        self.deadline_exceeded = deadline_exceeded

    def within(self, attempted: str, hint: str = "") -> UnavailableError:
        """Return the same failure as that of a larger attempt, with a hint after the remedy."""
        cause = f"{self.attempted[:1].lower()}{self.attempted[1:]}: {self.cause}"
        remedy = f"{self.remedy}. {hint}" if self.remedy and hint else self.remedy or hint
        return UnavailableError(attempted, cause, remedy, self.deadline_exceeded)


class ServiceError(ProvisioningError):
    """A service answered, and the answer is a refusal or cannot be used."""

    def __init__(self, attempted: str, cause: str, remedy: str = "", status: int = 0, code: str = "") -> None:
        """Take also the HTTP status and the service's own code as text (empty when there was none)."""
        super().__init__(attempted, cause, remedy)
        self.status = status
        self.code = code

    def with_hint(self, hint: str) -> ServiceError:
        """Return the same failure with a hint after the remedy."""
        remedy = f"{self.remedy}. {hint}" if self.remedy else hint
        return type(self)(self.attempted, self.cause, remedy, self.status, self.code)


class NotFoundError(ServiceError):
    """A service says that what was asked for does not exist. The one error that the run cache may keep."""


class LicenseDocumentError(ProvisioningError):
    """Bytes are no license document, or not the license that was asked for."""


class PackageError(ProvisioningError):
    """A file is no package or bundle of an app, or a text is none that such a one has."""


class EncryptedPackageError(PackageError):
    """A package is encrypted, so that only Windows itself can read it."""


class StagingError(ProvisioningError):
    """A license file could not be looked at or written on the managed host."""


def list_failures(failures: t.Iterable[tuple[str, str]]) -> str:
    """Return one text for failures, each a key (C(product/SKU/content id)) and its error as text: every error once,
    behind the keys that met it."""
    by_error: dict[str, list[str]] = {}
    for key, error in failures:
        by_error.setdefault(error, []).append(key)
    return " ".join(f"[{', '.join(keys)}] {error}" for error, keys in by_error.items())


def raise_failures(failures: t.Mapping[str, ProvisioningError], total: int, things: str) -> None:
    """Raise what tells of all failures, by the id of what could not be had; C(things) says what C(total) counts.

    A single error that names its id is raised as it is.
    """
    if len(failures) == 1:
        ((name, error),) = failures.items()
        if name in str(error):
            raise error
    if failures:
        listed = list_failures((name, str(error)) for name, error in failures.items())
        raise ProvisioningError(f"Could not get {len(failures)} of {total} {things}", listed)


def to_entry(error: ProvisioningError) -> dict[str, t.Any]:
    """Return an error as a JSON object, from which error_from makes it again in another process."""
    return {"error": type(error).__name__, "fields": dict(vars(error))}


def error_from(entry: dict[str, t.Any]) -> ProvisioningError:
    """Make the error that to_entry was given."""
    kinds: dict[str, type[ProvisioningError]] = {kind.__name__: kind for kind in _all_kinds(ProvisioningError)}
    return kinds[entry["error"]](**entry["fields"])


def _all_kinds(kind: type[ProvisioningError]) -> list[type[ProvisioningError]]:
    return [kind] + [found for below in kind.__subclasses__() for found in _all_kinds(below)]
