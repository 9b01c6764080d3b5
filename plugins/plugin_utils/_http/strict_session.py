# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""A session of requests without the conveniences that could send a token or a request elsewhere."""

from __future__ import annotations

import typing as t
from http.cookiejar import DefaultCookiePolicy

try:
    import requests

    _Session = requests.Session
except ImportError:
    # HttpSession says so.
    _Session = object  # type: ignore[assignment,misc]

from ansible_collections.msdevices.provisioning.plugins.plugin_utils._http.body import ACCEPT_ENCODING

USER_AGENT = "ansible-msdevices.provisioning"


class StrictSession(_Session):
    """Off are, each because of what it would do here:

    * redirects: the token is for the configured host alone, and requests would read the whole body of each;
    * the environment (`trust_env`): the settings hold proxies and CAs, also those that a task names. A .netrc file
      would replace the token;
    * cookies: nothing of one call may decide on another one;
    * content codings but gzip: the others cannot be unpacked within bounds by every supported urllib3.
    """

    def __init__(self, adapter: t.Any) -> None:
        """Take the adapter that sends all requests."""
        super().__init__()
        self.trust_env = False
        self.headers["User-Agent"] = USER_AGENT
        self.headers["Accept-Encoding"] = ACCEPT_ENCODING
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return that there is none."""
        return None


class Bearer:
    """Sets the Authorization header of a request; no other authentication can take its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request
