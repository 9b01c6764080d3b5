# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connects Ansible with the Windows hosts that tests simulate on the controller (see ../README.md)."""

from __future__ import annotations

DOCUMENTATION = r"""
name: windows_standin
short_description: Windows hosts simulated on the controller
description:
  - Takes what Ansible sends to a Windows host, the PowerShell modules of C(ansible.windows) among it, and lets a host
    that lives in a directory of the controller answer.
author: The msdevices.provisioning maintainers
version_added: 1.0.0
options:
  remote_addr:
    description: The name of the host; its files are in the directory of this name.
    type: str
    vars:
      - name: inventory_hostname
      - name: ansible_host
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display
from windows_standin.filesystem import WindowsFailure
from windows_standin.host import ConnectionLost, Settings, WindowsHost
from windows_standin.paths import BadWindowsPath
from windows_standin.payload import UnknownRequest

display = Display()


@contextlib.contextmanager
def _ansible_errors() -> Iterator[None]:
    try:
        yield
    except ConnectionLost as error:
        raise AnsibleConnectionFailure(str(error)) from error
    except (BadWindowsPath, UnknownRequest, WindowsFailure) as error:
        raise AnsibleError(f"a Windows host cannot do this: {error}") from error


class Connection(ConnectionBase):
    """Behaves towards Ansible as the connections ``psrp`` and ``winrm`` do."""

    transport = "windows_standin"
    module_implementation_preferences = (".ps1", ".exe", "")
    allow_executable = False
    has_pipelining = True
    allow_extras = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.always_pipeline_modules = True
        self.has_native_async = True
        self._shell_type = "powershell"
        self._host: WindowsHost | None = None
        super().__init__(*args, **kwargs)

    def _connect(self) -> Connection:
        self._connected_host()
        return self

    def _connected_host(self) -> WindowsHost:
        if self._host is None:
            name = self.get_option("remote_addr")
            display.vvv("ESTABLISH CONNECTION TO A SIMULATED WINDOWS HOST", host=name)
            host = WindowsHost(name, Settings.from_environment())
            with _ansible_errors():
                host.connect()
            self._host = host
            self._connected = True
        return self._host

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Do what Ansible asks the host for: see :meth:`WindowsHost.execute`."""
        with _ansible_errors():
            return self._connected_host().execute(cmd, in_data)

    def put_file(self, in_path: str, out_path: str) -> None:
        """Send a file to the host."""
        with _ansible_errors():
            self._connected_host().put_file(Path(in_path), out_path.strip("'\""))

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Get a file from the host."""
        host = self._connected_host()
        with _ansible_errors():
            Path(out_path).write_bytes(host.files.read(host.files.parse(in_path.strip("'\""))))

    def close(self) -> None:
        """Forget the host; the next request connects anew."""
        self._connected = False
        self._host = None
