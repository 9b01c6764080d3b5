# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability is promised to other users.
"""The script that Windows runs at its first boot: it provisions by DISM what was put into the image.

Pure ASCII with CRLF and without byte-order mark. Nothing that a user or a package named stands in it unchecked.
"""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from ansible_collections.msdevices.provisioning.plugins.module_utils._image.record import PreparedApp

SCRIPT_NAME = "provision.cmd"
LOG_PATH = r"%SystemRoot%\Logs\msdevices-provisioning.log"
DISM_LOG_PATH = r"%SystemRoot%\Logs\msdevices-provisioning-dism.log"
STOP_STATUS = 101
"""What the script ends with in the specialize pass when an app failed and setup is to stop: 1 and 2 mean a restart."""

# Exit statuses as cmd has them, signed: restart wanted; an equal or higher version is there (0xC1570118).
_SUCCESS = (0, 3010, -1051262696)
# Another session has the lock (0xC1570106), the servicing process died, servicing is busy (0x800F0902).
_RETRIED = (-1051262714, 1726, -2146498302)
_TRIES = 5
# cmd takes lines of 8,191 characters, after expansion.
_MAX_ARGUMENTS = 6000

_START = r"""@echo off
rem Provisions Store apps with their offline licenses. Made by the Ansible collection msdevices.provisioning, which
rem makes it anew when the apps of the image change. It may run several times: what is done is not done again.
rem Usage: provision.cmd [setup_complete or specialize]
setlocal EnableExtensions DisableDelayedExpansion
set "here=%~dp0"
set "hook=%~1"
if not defined hook set "hook=manual"
set "log={log}"
set "dism=%SystemRoot%\System32\Dism.exe"
if exist "%SystemRoot%\Sysnative\Dism.exe" set "dism=%SystemRoot%\Sysnative\Dism.exe"
if not exist "%SystemRoot%\Logs\" mkdir "%SystemRoot%\Logs"
set /a provisioned=0
set /a skipped=0
set /a failed=0
>>"%log%" echo [%DATE% %TIME%] start: hook %hook%, {count} apps
"""
_APP = r"""
set "main={main}"
set "arguments={arguments}"
call :provision {slot} {family}
"""
_END = r"""
>>"%log%" echo [%DATE% %TIME%] provisioned on this system:
>>"%log%" 2>&1 "%dism%" /English /Online /Get-ProvisionedAppxPackages
>>"%log%" echo [%DATE% %TIME%] end: %provisioned% provisioned, %skipped% done before, %failed% failed
{end}
rem Arguments: the folder of the app, its package family name.
:provision
set "folder=%here%apps\%1"
if exist "%folder%\done" goto :skip
{missing}set /a tries=0
:try
set /a tries+=1
>>"%log%" 2>&1 "%dism%" /English /Online /NoRestart /LogPath:"{dism_log}" /Add-ProvisionedAppxPackage %arguments%
set "status=%ERRORLEVEL%"
{success}
if %tries% GEQ {tries} goto :failed
{retried}
:failed
set /a failed+=1
>>"%log%" echo [%DATE% %TIME%] %2: failed, status %status%, tries %tries%
exit /b 0
:wait
ping -n 11 127.0.0.1 >nul
goto :try
:provisioned
set /a provisioned+=1
>>"%log%" echo [%DATE% %TIME%] %2: provisioned, status %status%, tries %tries%
>"%folder%\done" echo %status% %2
{cleanup}exit /b 0
:skip
set /a skipped+=1
>>"%log%" echo [%DATE% %TIME%] %2: done before
{cleanup}exit /b 0
"""
_CONTINUE = "exit /b 0\n"
_STOP = """if /i not "%hook%"=="specialize" exit /b 0
if %failed% EQU 0 exit /b 0
exit /b {status}
"""
# The marker goes last, so that a restart in between is no failure.
_CLEANUP = r"""if exist "%folder%\main.*" del /q "%folder%\main.*"
if exist "%folder%\*.xml" del /q "%folder%\*.xml"
if exist "%folder%\" rd /s /q "%folder%"
"""
_GONE = r"""if not exist "%folder%\%main%" goto :skip
"""


def script_for(apps: Sequence[PreparedApp], on_error: str, cleanup: bool) -> bytes:
    r"""Return the bytes of the script that provisions apps, in their order.

    `on_error` is `continue` (always end with status 0) or `stop` (in the specialize pass, end with STOP_STATUS when an
    app failed). `cleanup` removes an app's folder when it is provisioned.
    """
    text = _START.format(log=LOG_PATH, count=len(apps))
    for app in apps:
        text += _APP.format(
            main=app.main, arguments=_arguments_of(app), slot=app.slot, family=_data(app.package_family_name)
        )
    text += _END.format(
        end=_STOP.format(status=STOP_STATUS) if on_error == "stop" else _CONTINUE,
        missing=_GONE if cleanup else "",
        dism_log=DISM_LOG_PATH,
        success="\n".join(f"if %status% EQU {status} goto :provisioned" for status in _SUCCESS),
        tries=_TRIES,
        retried="\n".join(f"if %status% EQU {status} goto :wait" for status in _RETRIED),
        cleanup=_CLEANUP if cleanup else "",
    )
    return text.replace("\n", "\r\n").encode("ascii")


def fits(app: PreparedApp) -> bool:
    """Tell whether the command for an app is short enough for cmd."""
    return len(_arguments_of(app)) <= _MAX_ARGUMENTS


def _arguments_of(app: PreparedApp) -> str:
    folder = f"%here%apps\\{app.slot}\\"
    arguments = [f'/PackagePath:"{folder}{app.main}"']
    arguments += [f'/DependencyPackagePath:"{folder}{_data(name)}"' for name in app.names("dep")]
    arguments += [f'/OptionalPackagePath:"{folder}{_data(name)}"' for name in app.names("opt")]
    arguments += [f'/LicensePath:"{folder}license.xml"' if app.license is not None else "/SkipLicense"]
    arguments += [f'/CustomDataPath:"{folder}{_data(name)}"' for name in app.names("custom")]
    if app.regions:
        arguments.append(f"/Region:{_data(';'.join(app.regions))}")
    if app.stub:
        arguments.append("/StubPackageOption:" + {"full": "InstallFull", "stub": "InstallStub"}[app.stub])
    return " ".join(arguments)


def _data(text: str) -> str:
    """Return a value as it may stand in a script."""
    return text.replace("%", "%%")


_FRAGMENT = """<settings pass="specialize">
  <component name="Microsoft-Windows-Deployment" processorArchitecture="{architecture}"\
 publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS"\
 xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">
    <RunSynchronous>
      <RunSynchronousCommand wcm:action="add">
        <Order>1</Order>
        <Description>Provision Store apps with their offline licenses</Description>
        <Path>cmd.exe /c ""%WINDIR%\\Setup\\Scripts\\msdevices\\provision.cmd" specialize"</Path>
        <WillReboot>{will_reboot}</WillReboot>
      </RunSynchronousCommand>
    </RunSynchronous>
  </component>
</settings>
"""
_ANSWER_FILE_NAMES: t.Mapping[str, str] = {"x64": "amd64", "x86": "x86", "arm64": "arm64", "arm": "arm"}


def unattend_fragment(architecture: str, on_error: str) -> str:
    """Return the element of an answer file that runs the script in the specialize pass, also with OEM keys.

    `architecture` is the image's (`x64`, `x86`, `arm64`, `arm`). Setup looks at the script's status only where
    a restart is allowed (OnRequest), and stops when it is neither 0, 1 nor 2.
    """
    return _FRAGMENT.format(
        architecture=_ANSWER_FILE_NAMES[architecture], will_reboot="OnRequest" if on_error == "stop" else "Never"
    )
