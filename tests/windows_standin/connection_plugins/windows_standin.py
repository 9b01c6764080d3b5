# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connects Ansible with the Windows hosts that tests play on the controller (see ../README.md)."""

from __future__ import annotations

DOCUMENTATION = r"""
name: windows_standin
short_description: Windows hosts played on the controller
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

from pathlib import Path

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display
from windows_standin.filesystem import WindowsFailure
from windows_standin.host import ConnectionLost, Settings, WindowsHost
from windows_standin.paths import BadWindowsPath
from windows_standin.payload import UnknownRequest

display = Display()


class Connection(ConnectionBase):
    """Behaves towards Ansible as the connections ``psrp`` and ``winrm`` do."""

    transport = "windows_standin"
    module_implementation_preferences = (".ps1", ".exe", "")
    allow_executable = False
    has_pipelining = True
    allow_extras = True

    def __init__(self, *args, **kwargs):
        self.always_pipeline_modules = True
        self.has_native_async = True
        self._shell_type = "powershell"
        self._host = None
        super().__init__(*args, **kwargs)

    def _connect(self):
        super()._connect()
        if not self._connected:
            name = self.get_option("remote_addr")
            display.vvv("ESTABLISH CONNECTION TO A PLAYED WINDOWS HOST", host=name)
            self._host = WindowsHost(name, Settings.from_environment())
            self._call(self._host.connect)
            self._connected = True
        return self

    @staticmethod
    def _call(function, *args):
        try:
            return function(*args)
        except ConnectionLost as error:
            raise AnsibleConnectionFailure(str(error)) from error
        except (BadWindowsPath, UnknownRequest, WindowsFailure) as error:
            raise AnsibleError(f"a Windows host cannot do this: {error}") from error

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._call(self._host.execute, cmd, in_data)

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        self._call(self._host.put_file, Path(in_path), out_path.strip("'\""))

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        path = self._host.files.parse(in_path.strip("'\""))
        Path(out_path).write_bytes(self._call(self._host.files.read, path))

    def close(self):
        self._connected = False
        self._host = None
