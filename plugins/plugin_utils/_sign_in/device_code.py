# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""Signs a user in by a code that the user types into a browser, on any machine. Source: RFC 8628, MSAL for Python."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.msdevices.provisioning.plugins.module_utils._errors import OptionError
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._settings.settings import Settings
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.methods import PublicUserMethod
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.msal_http import MsalHttpClient
from ansible_collections.msdevices.provisioning.plugins.plugin_utils._sign_in.refresh_token_file import RefreshTokenFile


class DeviceCode(PublicUserMethod):
    """By a device code, for a public application. The refresh token is kept in a file where one is named."""

    def __init__(self, settings: Settings, show: Callable[[Mapping[str, t.Any]], None], wait: float) -> None:
        """Take what shows the code, and for how many seconds to wait for the user.

        `show` gets `message`, `user_code` and `verification_uri`.
        """
        super().__init__(settings)
        self._show = show
        self._wait = wait

    def acquire(self, client: MsalHttpClient) -> t.Any:
        """See SignInMethod."""
        path = self.settings.refresh_token_file
        if not path:
            return self._sign_in(client)
        keeper = RefreshTokenFile(path)
        # A directory that cannot be written is found out before the user signs in.
        with keeper.locked(self.settings.timeout):
            result = self._sign_in(client)
            if isinstance(result, Mapping) and result.get("refresh_token"):
                keeper.replace(str(result["refresh_token"]))
            return result

    def _sign_in(self, client: MsalHttpClient) -> t.Any:
        app = self.public_application(client)
        flow = app.initiate_device_flow(scopes=[f"{self.settings.audience}/.default"])
        if not flow.get("user_code"):
            return flow
        self._show(flow)
        end = min(float(flow.get("expires_at") or 0), time.time() + self._wait)
        result = app.acquire_token_by_device_flow(flow, exit_condition=lambda current: time.time() >= end)
        if isinstance(result, Mapping) and result.get("error") == "authorization_pending":
            raise OptionError(
                "Could not sign the user in",
                f"nobody signed in with the code within {int(self._wait)} seconds",
                "Run again, open the address that is shown, and type the code; or set wait to more seconds",
            )
        return result
