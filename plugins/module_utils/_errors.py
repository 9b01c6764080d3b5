# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The errors that the layers below the callers raise.

The callers (module, action plugin, lookup) translate a ProvisioningError into Ansible's failure, once.
"""

from __future__ import annotations

import typing as t

# So many keys stand for all in a message.
_MAX_SHOWN = 3
# So many are named even where all failed for one reason.
_FEW = 10


class ProvisioningError(Exception):
    """A failure that a user can meet: what was attempted, why it failed, and what to do about it."""

    FIELDS: t.ClassVar[tuple[str, ...]] = ("attempted", "cause", "remedy")
    """The parameters, which are attributes, too; all are plain values of JSON."""

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


def _joined(remedy: str, hint: str) -> str:
    return f"{remedy}. {hint}" if remedy and hint else remedy or hint


class OptionError(ProvisioningError):
    """An option has a value that cannot work. Raised before any request is made."""


class MissingLibraryError(ProvisioningError):
    """A Python library that the controller needs is not installed."""


class SignInError(ProvisioningError):
    """No token could be had."""


class UnavailableError(ProvisioningError):
    """A service could not be reached, or did not respond well in time, after all tries."""

    FIELDS: t.ClassVar[tuple[str, ...]] = (*ProvisioningError.FIELDS, "deadline_exceeded", "unreachable")

    def __init__(
        self, attempted: str, cause: str, remedy: str = "", deadline_exceeded: bool = False, unreachable: bool = False
    ) -> None:
        """Take also whether the time was used up, and whether there was no connection, which other requests to the
        same host would not get either."""
        super().__init__(attempted, cause, remedy)
        self.deadline_exceeded = deadline_exceeded
        self.unreachable = unreachable

    def within(self, attempted: str, hint: str = "") -> UnavailableError:
        """Return the same failure as that of a larger attempt, with a hint after the remedy."""
        cause = f"{self.attempted[:1].lower()}{self.attempted[1:]}: {self.cause}"
        return UnavailableError(attempted, cause, _joined(self.remedy, hint), self.deadline_exceeded, self.unreachable)

    def at_host(self, url: str, hint: str = "") -> UnavailableError:
        """Return the same failure as that of a host, whatever the request was, with a hint after the remedy."""
        remedy = _joined(self.remedy, hint)
        return UnavailableError(f"Could not reach {url}", self.cause, remedy, self.deadline_exceeded, self.unreachable)


class ServiceError(ProvisioningError):
    """A service answered, and the answer is a refusal or cannot be used."""

    FIELDS: t.ClassVar[tuple[str, ...]] = (*ProvisioningError.FIELDS, "status", "code")

    def __init__(self, attempted: str, cause: str, remedy: str = "", status: int = 0, code: str = "") -> None:
        """Take also the HTTP status and the service's own code as text (empty when there was none)."""
        super().__init__(attempted, cause, remedy)
        self.status = status
        self.code = code

    def with_hint(self, hint: str) -> ServiceError:
        """Return the same failure with a hint after the remedy."""
        return type(self)(self.attempted, self.cause, _joined(self.remedy, hint), self.status, self.code)


class NotFoundError(ServiceError):
    """A service says that what was asked for does not exist. The one error that the run cache may keep."""


class LicenseDocumentError(ProvisioningError):
    """Bytes are no license document, or not the license that was asked for."""


class PackageError(ProvisioningError):
    """A file is no package or bundle of an app, or a text is none that such a one has."""


class EncryptedPackageError(PackageError):
    """A package is encrypted, so that only Windows itself can read it."""


class ServicingError(ProvisioningError):
    """A managed host, or DISM on it, could not do what provisioning an app needs."""


class ImageError(ProvisioningError):
    """An image could not be read, or what is to be provisioned could not be put into it."""


class StagingError(ProvisioningError):
    """A license file could not be looked at or written on the managed host."""


class FailuresError(ProvisioningError):
    """Several things could not be had. The cause has a line for each reason."""

    def __str__(self) -> str:
        return f"{self.attempted}:\n{self.cause}"


def list_failures(failures: t.Iterable[tuple[str, str]], total: int) -> str:
    """Return lines for failures, each a key (such as `product/SKU/content id`) and its error as text.

    Every error comes once, with how many of `total` met it, and which. Where all did, the first few stand for them.
    """
    by_error: dict[str, list[str]] = {}
    for key, error in failures:
        by_error.setdefault(error, []).append(key)
    return "\n".join(_failure_line(error, keys, total) for error, keys in by_error.items())


def _failure_line(error: str, keys: list[str], total: int) -> str:
    if len(keys) == 1:
        return error if keys[0] in error else f"{keys[0]}: {error}"
    shown = keys if len(keys) < total or len(keys) <= _FEW else keys[:_MAX_SHOWN]
    more = f" and {len(keys) - len(shown)} more" if len(keys) > len(shown) else ""
    return f"{len(keys)} of {total}: {error}\n  {', '.join(shown)}{more}"


def raise_failures(failures: t.Mapping[str, ProvisioningError], total: int, things: str) -> None:
    """Raise what tells of all failures, by the id of what could not be had; `things` says what `total` counts.

    A single error that names its id is raised as it is.
    """
    if len(failures) == 1:
        ((name, error),) = failures.items()
        if name in str(error):
            raise error
    if failures:
        listed = list_failures(((name, str(error)) for name, error in failures.items()), total)
        raise FailuresError(f"Could not get {len(failures)} of {total} {things}", listed)


_KINDS: dict[str, type[ProvisioningError]] = {
    kind.__name__: kind
    for kind in (
        ProvisioningError,
        OptionError,
        MissingLibraryError,
        SignInError,
        UnavailableError,
        ServiceError,
        NotFoundError,
        LicenseDocumentError,
        PackageError,
        EncryptedPackageError,
        ServicingError,
        ImageError,
        StagingError,
        FailuresError,
    )
}


def to_entry(error: ProvisioningError) -> dict[str, t.Any]:
    """Return an error as a JSON object, from which `error_from` makes it again in another process."""
    return {"error": type(error).__name__, "fields": {name: getattr(error, name) for name in error.FIELDS}}


def error_from(entry: dict[str, t.Any]) -> ProvisioningError:
    """Make the error that `to_entry` was given."""
    return _KINDS[entry["error"]](**entry["fields"])
