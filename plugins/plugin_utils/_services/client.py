# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""A service's session: signed-in calls below its root URL."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from urllib.parse import quote

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._cache.protocol import Cache
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.request import Request
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.response import Response
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.session import (
    HttpSession,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.total_timeout import Deadline
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._services.fault import (
    Fault,
    fault_of,
)
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.openid_configuration import secrets_of
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.token_source import TokenSource


class ServiceSession:
    """Makes calls with a bearer token, and asks once more with a fresh token when one is refused.

    May be used by several threads at once.
    """

    def __init__(self, settings: Settings, cache: Cache, connections: int = 1) -> None:
        """Take the settings, where tokens are kept, and how many calls may be under way at once."""
        self.settings = settings
        self._http = HttpSession(settings, connections)
        self._tokens = TokenSource(settings, cache)

    def __enter__(self) -> ServiceSession:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def sign_in(self) -> None:
        """Make sure that there is a token. Raises as TokenSource.token does."""
        self._tokens.token()

    def call(
        self,
        method: str,
        path: tuple[str, ...],
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: t.Any = None,
        max_bytes: int = 32 * 1024 * 1024,
    ) -> Response:
        """Send a request to the path below the service's root URL; each segment is percent-encoded here.

        Returns the answer whatever its status (401 only after a second try with a fresh token). Raises as
        HttpSession.send and TokenSource.token do.
        """
        if any(segment in ("", ".", "..") for segment in path):
            # Encoded or not, these would name another path.
            raise OptionError(
                "Could not make a request", "an id in it is empty or a path", "Check the ids that are asked for"
            )
        try:
            "".join((*path, *(params or {}).values())).encode("utf-8")
        except UnicodeEncodeError:
            raise OptionError(
                "Could not make a request", "an id in it is not text", "Check the ids that are asked for"
            ) from None
        url = "/".join((self.settings.base_url, *(quote(segment, safe="") for segment in path)))
        token = self._tokens.token()
        deadline = Deadline(self.settings.deadline)

        def send(bearer: str) -> Response:
            request = Request(method, url, headers or {}, params or {}, data, bearer, max_bytes)
            return self._http.send(request, deadline)

        answer = send(token)
        if answer.status == 401:
            fresh = self._tokens.token_instead_of(token)
            if fresh:
                answer = send(fresh)
                if answer.status == 401:
                    self._tokens.give_up()
        return answer

    def fault(self, answer: Response) -> Fault:
        """Read an error answer; a token or a secret that it repeats is taken out."""
        settings = self.settings
        secrets = (answer.bearer, *secrets_of(settings))
        return fault_of(answer, secrets)
